//! What a registry must do for us.
use thyme_core::{Kind, Result};
use thyme_formats::avro::{AvroDecoder, AvroEncoder, AvroOptions, schema_of};
use thyme_formats::scan::Pushed;
use thyme_kafka::SchemaRegistry;
use thyme_kafka::registry::{Reference, Registry, Strategy, subject};
use thyme_testkit::kafka::RegistryVersion;

const FIRST: &str = r#"{"type":"record","name":"R","namespace":"n","fields":[{"name":"id","type":"long"},{"name":"name","type":["null","string"],"default":null}]}"#;
const SECOND: &str = r#"{"type":"record","name":"R","namespace":"n","fields":[{"name":"id","type":"long"},{"name":"name","type":["null","string"],"default":null},{"name":"x","type":"int","default":3}]}"#;
const OTHER: &str = r#"{"type":"record","name":"R","namespace":"n","fields":[{"name":"id","type":"string"}]}"#;

pub(crate) fn client(url: String) -> Registry {
    Registry::new(&SchemaRegistry { url, username: None, password: None, ca: None }).unwrap()
}

/// A registry that was not asked yet.
async fn registry(version: RegistryVersion) -> Result<Registry> {
    let url = tokio::task::spawn_blocking(move || super::url(version)).await.unwrap()?;
    Ok(client(url))
}

pub(crate) async fn come_and_go(version: RegistryVersion) -> Result<()> {
    let registry = registry(version).await?;
    // A subject is a part of a path, whatever it is called.
    let subject = subject(Strategy::TopicName, "orders of/ünïcode?#%", "n.R", false);
    assert_eq!(registry.latest(&subject).await.unwrap_err().kind(), Kind::NotFound);
    assert!(registry.compatible(&subject, FIRST, &[]).await?.compatible);
    let first = registry.register(&subject, FIRST, &[]).await?;
    assert_eq!(registry.register(&subject, FIRST, &[]).await?, first);
    assert_eq!(self::registry(version).await?.register(&subject, FIRST, &[]).await?, first);
    let second = registry.register(&subject, SECOND, &[]).await?;
    assert_ne!(first, second);
    assert_eq!(registry.versions(&subject).await?, [1, 2]);
    assert!(registry.subjects().await?.contains(&subject));
    let latest = registry.latest(&subject).await?;
    assert_eq!((latest.version, latest.schema.id), (2, second));
    let same = |text: &str| serde_json::from_str::<serde_json::Value>(text).unwrap();
    let fresh = self::registry(version).await?;
    for (id, text) in [(first, FIRST), (second, SECOND)] {
        let found = fresh.schema(id).await?;
        assert_eq!((found.id, same(&found.schema)), (id, same(text)));
        assert!(std::sync::Arc::ptr_eq(&found, &fresh.schema(id).await?), "fetched once");
    }
    let error = registry.schema(999_999).await.unwrap_err();
    assert_eq!(error.kind(), Kind::NotFound);
    assert!(error.to_string().contains("999999"), "{error}");
    Ok(())
}

pub(crate) async fn refused(version: RegistryVersion) -> Result<()> {
    let registry = registry(version).await?;
    let subject = "refused-value";
    registry.register(subject, FIRST, &[]).await?;
    registry.set_compatibility_level(subject, "BACKWARD").await?;
    assert_eq!(registry.compatibility_level(subject).await?, "BACKWARD");
    assert!(!registry.compatibility_level("no-such-subject").await?.is_empty());
    assert!(registry.compatible(subject, SECOND, &[]).await?.compatible);
    assert!(!registry.compatible(subject, OTHER, &[]).await?.compatible);
    let error = registry.register(subject, OTHER, &[]).await.unwrap_err();
    assert_eq!(error.kind(), Kind::Schema, "{error}");
    assert!(error.message().contains("not compatible"), "{error}");
    let error = registry.register("broken-value", r#"{"type":"rec"#, &[]).await.unwrap_err();
    assert_eq!(error.kind(), Kind::Schema, "{error}");
    Ok(())
}

pub(crate) async fn references(version: RegistryVersion) -> Result<()> {
    let registry = registry(version).await?;
    let inner = r#"{"type":"record","name":"Inner","namespace":"n","fields":[{"name":"x","type":"string"}]}"#;
    let middle = r#"{"type":"record","name":"Middle","namespace":"n","fields":[{"name":"inner","type":"n.Inner"}]}"#;
    let outer = r#"{"type":"record","name":"Outer","namespace":"n","fields":[{"name":"m","type":"n.Middle"},{"name":"i","type":"n.Inner"}]}"#;
    let to = |name: &str, subject: &str| Reference { name: name.into(), subject: subject.into(), version: 1 };
    registry.register("inner-ref", inner, &[]).await?;
    registry.register("middle-ref", middle, &[to("n.Inner", "inner-ref")]).await?;
    let id = registry.register("outer-value", outer, &[to("n.Middle", "middle-ref"), to("n.Inner", "inner-ref")]).await?;
    let found = self::registry(version).await?.schema(id).await?;
    let columns = thyme_formats::avro::columns(&found.schema, &found.references)?;
    let words: Vec<_> = columns.fields().iter().map(|field| thyme_core::field_type::name(field)).collect();
    assert_eq!(words, ["struct<inner:struct<x:string>>", "struct<x:string>"]);
    Ok(())
}

pub(crate) async fn messages(version: RegistryVersion) -> Result<()> {
    use thyme_core::arrow::array::{Int64Array, RecordBatch, StringArray};
    use thyme_core::arrow::datatypes::{Field, Schema};
    let registry = registry(version).await?;
    let field = |name: &str, word: &str| thyme_core::field_type::parse(name, word).unwrap();
    let narrow = std::sync::Arc::new(Schema::new(vec![field("id", "int64!")]));
    let wide: std::sync::Arc<Schema> = Schema::new(vec![field("id", "int64!"), field("name", "string")]).into();
    let ids = std::sync::Arc::new(Int64Array::from(vec![1, 2]));
    let names = std::sync::Arc::new(StringArray::from(vec![Some("a"), None]));
    let batches = [
        RecordBatch::try_new(narrow.clone(), vec![ids.clone()]).unwrap(),
        RecordBatch::try_new(wide.clone(), vec![ids, names]).unwrap(),
    ];
    let nullable: Vec<Field> = wide.fields().iter().map(|field| field.as_ref().clone().with_nullable(true)).collect();
    let mut decoder = AvroDecoder::new(&Schema::new(nullable).into(), AvroOptions::default())?;
    for batch in &batches {
        let id = registry.register("messages-value", &schema_of("orders.Value", &batch.schema())?, &[]).await?;
        let (mut out, mut ends, mut start) = (Vec::new(), Vec::new(), 0);
        assert_eq!(AvroEncoder::new(&batch.schema(), Some(id))?.encode(batch, &mut out, &mut ends)?, []);
        for end in ends {
            loop {
                match decoder.push(&out[start..end]) {
                    Pushed::Row => break,
                    Pushed::NeedsSchema(id) => {
                        let schema = registry.schema(id).await?;
                        decoder.add_schema(id, &schema.schema, &schema.references)?;
                    }
                    other => panic!("{other:?}"),
                }
            }
            start = end;
        }
    }
    let rows = decoder.finish()?;
    assert_eq!(rows.column(0).as_ref(), &Int64Array::from(vec![1, 2, 1, 2]));
    assert_eq!(rows.column(1).as_ref(), &StringArray::from(vec![None, None, Some("a"), None]));
    Ok(())
}

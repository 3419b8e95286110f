//! What stands around a broker does what it is there for.
use std::time::Duration;

use rdkafka::ClientConfig;
use rdkafka::client::{ClientContext, OAuthToken};
use rdkafka::consumer::{BaseConsumer, Consumer, ConsumerContext};
use serde_json::{Value, json};
use thyme_core::Result;
use thyme_testkit::kafka::{Connect, Issuer, Kafka, Listener, Record, Registry, RegistryVersion, Settings, Shape, issuer};
use thyme_testkit::postgres::{Server, Settings as Postgres};

/// Hands out one token, whatever it is.
struct Bearer(String);

impl ClientContext for Bearer {
    const ENABLE_REFRESH_OAUTH_TOKEN: bool = true;

    fn generate_oauth_token(&self, _: Option<&str>) -> std::result::Result<OAuthToken, Box<dyn std::error::Error>> {
        let until = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH)? + Duration::from_secs(60);
        let lifetime_ms = i64::try_from(until.as_millis())?;
        Ok(OAuthToken { token: self.0.clone(), principal_name: issuer::CLIENT.to_owned(), lifetime_ms })
    }
}

impl ConsumerContext for Bearer {}

async fn token(issuer: &Issuer, secret: &str) -> (u16, Value) {
    let form = [("grant_type", "client_credentials"), ("client_id", issuer::CLIENT), ("client_secret", secret)];
    let form: Vec<String> =
        form.iter().map(|(name, value)| format!("{name}={}", value.replace(' ', "+").replace('\'', "%27"))).collect();
    let request = reqwest::Client::new().post(issuer.token_url()).body(form.join("&"));
    let answer = request.header("content-type", "application/x-www-form-urlencoded").send().await.unwrap();
    (answer.status().as_u16(), answer.json().await.unwrap())
}

pub(super) async fn tokens() -> Result<()> {
    let issuer = Issuer::start(Duration::from_secs(60))?;
    let other = Issuer::start(Duration::from_secs(60))?;
    let settings = Settings { issuer: Some(issuer.url()), ..Settings::default() }.listener(Listener::Sasl);
    let kafka = Kafka::start(&settings)?;
    assert_eq!(token(&issuer, "wrong").await.0, 401);
    let (status, answer) = token(&issuer, issuer::SECRET).await;
    assert_eq!((status, &answer["expires_in"]), (200, &json!(60)));
    let (_, foreign) = token(&other, issuer::SECRET).await;
    for (answer, right) in [(answer, true), (foreign, false)] {
        let mut config: ClientConfig = kafka.client(Listener::Sasl)?;
        config.set("sasl.mechanism", "OAUTHBEARER");
        let token = answer["access_token"].as_str().unwrap().to_owned();
        let asked = tokio::task::spawn_blocking(move || {
            let consumer: BaseConsumer<Bearer> = config.create_with_context(Bearer(token)).unwrap();
            // The callback runs where the client is polled.
            let _ = consumer.poll(Duration::from_millis(100));
            consumer.fetch_metadata(None, Duration::from_secs(5)).is_ok()
        });
        assert_eq!(asked.await.unwrap(), right);
    }
    Ok(())
}

pub(super) async fn registries() -> Result<()> {
    for version in RegistryVersion::ALL {
        let registry = Registry::start(*version)?;
        let http = reqwest::Client::new();
        let schema = r#"{"type":"record","name":"R","fields":[{"name":"a","type":"long"}]}"#;
        let post = http.post(registry.url() + "/subjects/t-value/versions").json(&json!({ "schema": schema }));
        let id: Value = post.send().await.unwrap().json().await.unwrap();
        let get = http.get(format!("{}/schemas/ids/{}", registry.url(), id["id"]));
        let found: Value = get.send().await.unwrap().json().await.unwrap();
        let found: Value = serde_json::from_str(found["schema"].as_str().expect("no schema by its id")).unwrap();
        assert_eq!(found, serde_json::from_str::<Value>(schema).unwrap(), "{version:?}");
    }
    Ok(())
}

/// Rows of a table become envelopes, in JSON and in Avro.
pub(super) async fn debezium() -> Result<()> {
    let server = Server::start(&Postgres::default())?;
    let database = server.database().await?;
    database.run("create table t (id int primary key, name text); insert into t values (1, 'a'), (2, 'b')").await?;
    let kafka = Kafka::start(&Settings::default())?;
    let registry = Registry::start(RegistryVersion::V2)?;
    let connect = Connect::start(&kafka)?;
    for (prefix, shape) in [("bare", Shape::Bare), ("wrapped", Shape::WithSchema), ("flat", Shape::Flat)] {
        connect.connector(prefix, &Connect::debezium(&database, prefix, "public.t", shape)).await?;
    }
    let avro = Connect::in_avro(Connect::debezium(&database, "avro", "public.t", Shape::Bare), &registry);
    connect.connector("avro", &avro).await?;
    database.run("update t set name = 'c' where id = 1; delete from t where id = 2").await?;
    // Two read by the snapshot, an update, a deletion and its tombstone.
    let ops = |records: &[Record], path: &str| -> Vec<String> {
        let value = |record: &Record| serde_json::from_slice(record.value.as_deref().unwrap_or(b"{}")).unwrap();
        let op = |value: Value| value.pointer(path).and_then(Value::as_str).unwrap_or("tombstone").to_owned();
        records.iter().map(|record| op(value(record))).collect()
    };
    assert_eq!(ops(&wait(&kafka, "bare.public.t", 5).await?, "/op"), ["r", "r", "u", "d", "tombstone"]);
    assert_eq!(ops(&wait(&kafka, "wrapped.public.t", 5).await?, "/payload/op"), ["r", "r", "u", "d", "tombstone"]);
    assert_eq!(ops(&wait(&kafka, "flat.public.t", 4).await?, "/__op"), ["r", "r", "u", "d"]);
    let avro = wait(&kafka, "avro.public.t", 5).await?;
    let frame = avro[0].value.as_deref().unwrap();
    assert_eq!(frame[0], 0);
    let id = u32::from_be_bytes(frame[1..5].try_into().unwrap());
    let found: Value = reqwest::get(format!("{}/schemas/ids/{id}", registry.url())).await.unwrap().json().await.unwrap();
    assert!(found["schema"].as_str().is_some_and(|schema| schema.contains("Envelope")), "{found}");
    connect.remove("avro").await
}

async fn wait(kafka: &Kafka, topic: &str, count: usize) -> Result<Vec<Record>> {
    let deadline = std::time::Instant::now() + Duration::from_secs(60);
    loop {
        let records = kafka.read(topic).await.unwrap_or_default();
        if records.len() >= count {
            return Ok(records);
        }
        assert!(std::time::Instant::now() < deadline, "{topic}: {} of {count} records", records.len());
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

//! Debezium's envelopes without a schema, which do not say how numbers and texts are meant.
use thyme_core::arrow::array::cast::AsArray;
use thyme_core::arrow::array::types::Decimal128Type;
use thyme_core::{Cdc, Job, Op};
use thyme_kafka::{Debezium, DecimalForm, Ticks};
use thyme_testkit::Suite;
use thyme_testkit::drive::{self, Durable, How};
use thyme_testkit::kafka::{New, missing};

use crate::world::{World, job};

const COLUMNS: &[&str] = &["id int64!", "amount decimal(12,2)", "at time", "text string"];

/// An insert, an update that does not send the text, and a delete.
const BARE: &[&str] = &[
    r#"{"before":null,"after":{"id":1,"amount":"BNI=","at":3723000000,"text":"one"},"op":"c"}"#,
    r#"{"before":null,"after":{"id":1,"amount":"AMg=","at":3723000000,"text":"not sent"},"op":"u"}"#,
    r#"{"before":{"id":1},"after":null,"op":"d"}"#,
];

const FLAT: &[&str] = &[
    r#"{"id":1,"amount":"BNI=","at":3723000000,"text":"one","__op":"c","__deleted":"false"}"#,
    r#"{"id":1,"amount":"AMg=","at":3723000000,"text":"not sent","__op":"u","__deleted":"false"}"#,
    r#"{"id":1,"amount":null,"at":null,"text":null,"__op":"d","__deleted":"true"}"#,
];

pub(crate) fn suite() -> Suite {
    Suite::new("changes").needs(missing()).case("envelopes_without_a_schema_are_read_as_said", || async {
        for values in [BARE, FLAT] {
            let world = World::new(1, &[]).await?;
            world.kafka.produce(&world.topic, values.iter().map(|value| New::keyed(r#"{"id":1}"#, *value))).await?;
            let mut job = Job { cdc: Cdc::Debezium, ..job(COLUMNS) };
            job.dataset = std::sync::Arc::new((*job.dataset).clone().with_key(["id"])?);
            let source = world.source(|config| {
                config.debezium = Debezium {
                    decimals: Some(DecimalForm::Base64),
                    times: Some(Ticks::Microseconds),
                    unavailable: Some("not sent".to_owned()),
                    ..Debezium::default()
                };
            });
            let mut durable = Durable::default();
            drive::run(&source, &job, &mut durable, How::default()).await?;
            let [landed] = &durable.landed[..] else { panic!("{:?}", durable.rejects) };
            assert_eq!((0..3).map(|row| landed.ops.at(row)).collect::<Vec<_>>(), [Op::Insert, Op::Update, Op::Delete]);
            assert_eq!(landed.rows.column(1).as_primitive::<Decimal128Type>().values()[..2], [1234, 200]);
            let texts: Vec<_> = landed.rows.column(3).as_string::<i32>().iter().collect();
            assert_eq!(texts, [Some("one"), None, None]);
            // What is not said is not guessed.
            let source = world.source(|config| config.group_id = Some(format!("{}-guess", world.group)));
            let mut durable = Durable::default();
            drive::run(&source, &job, &mut durable, How::default()).await?;
            let reasons: Vec<_> = durable.rejects.iter().map(|reject| &*reject.reason).collect();
            assert!(reasons.len() == 2 && reasons.iter().all(|reason| reason.contains("`decimals`")), "{reasons:?}");
        }
        Ok(())
    })
}

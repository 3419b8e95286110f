//! A random workload on a table, through real Debezium and Kafka into tables that end as the first one is, row for row, with
//! `kill -9` of the program in between.
use std::time::{Duration, Instant};

use thyme_core::Result;
use thyme_testkit::Suite;
use thyme_testkit::kafka::{Connect, Registry, RegistryVersion, Shape};
use thyme_testkit::postgres::Database;

use crate::place::{Dice, Place};

/// `doc` lies beside its row, so that an update which leaves it alone does not tell it.
const TABLE: &str = "create table origin (id bigint primary key, name text, amount numeric(12,2), at timestamptz, day date,
   flag boolean, raw bytea, tag uuid, doc text);
 alter table origin alter column doc set storage external";

const FIELDS: &str = "id = \"int64\", name = \"string\", amount = \"decimal(12,2)\", at = \"timestamp\", day = \"date\", \
                      flag = \"bool\", raw = \"bytes\", tag = \"uuid\", doc = \"string\"";

const COLUMNS: &str = "id, name, amount, at, day, flag, raw, tag, doc";

/// The marker that the workload ends with.
const LAST: i64 = -1;

pub(crate) fn cases(suite: Suite) -> Suite {
    suite
        .soak("a_replica_by_debezium_is_the_table", || replica(300, 4))
        .soak("a_replica_by_debezium_is_the_table_40_kills", || replica(5_000, 40))
}

/// How envelopes come, and what the pipeline is told about them.
const WAYS: &[(&str, &str)] = &[("wrapped", "json"), ("bare", "json"), ("flat", "json"), ("avro", "avro")];

fn pipelines(registry: &Registry) -> String {
    let one = |(way, format): &(&str, &str)| {
        format!(
            "[[pipeline]]\nname = \"{way}\"\ncdc = \"debezium\"\ncommit = {{ every = \"100ms\" }}\n\
             [pipeline.dataset]\nkey = [\"id\"]\nfields = {{ {FIELDS} }}\n\
             [pipeline.source]\ntype = \"kafka\"\ntopic = \"{way}.public.origin\"\nauto_offset_reset = \"earliest\"\n\
             format = \"{format}\"\ndebezium = {{ decimals = \"base64\" }}\nschema_registry_url = \"{}\"\nsession_timeout_ms = 6000\nheartbeat_interval_ms = 500\n\
             [pipeline.sink]\ntype = \"postgres\"\ntable = \"{way}\"\nmode = \"upsert\"\ndelete = true\n",
            registry.url()
        )
    };
    WAYS.iter().map(one).collect::<Vec<_>>().join("\n")
}

async fn replica(transactions: usize, kills: usize) -> Result<()> {
    let registry = Registry::start(RegistryVersion::V2)?;
    let place = Place::new(|_| pipelines(&registry)).await?;
    place.database.run(TABLE).await?;
    place.database.run(&insert(0)).await?;
    let connect = Connect::start(place.kafka)?;
    for (way, _) in WAYS {
        place.database.run(&format!("create table {way} (like origin including indexes)")).await?;
        let shape = match *way {
            "wrapped" => Shape::WithSchema,
            "flat" => Shape::Flat,
            _ => Shape::Bare,
        };
        let config = Connect::debezium(&place.database, way, "public.origin", shape);
        let config = if *way == "avro" { Connect::in_avro(config, &registry) } else { config };
        connect.connector(way, &config).await?;
        wait(&place, way, "0").await?;
    }
    let (database, mut dice) = (&place.database, Dice(5));
    let work = async {
        let mut ids = vec![0];
        for number in 0..transactions {
            database.run(&transaction(&mut dice, &mut ids, number as i64 * 10)).await?;
        }
        database.run(&insert(LAST)).await
    };
    let deaths = async {
        let mut dice = Dice(17);
        for _ in 0..kills {
            let mut life = place.start("state", &[], None)?;
            tokio::time::sleep(Duration::from_secs_f64(1.0 + dice.roll() * 2.0)).await;
            assert!(life.ended()?.is_none(), "the program ended: {}", life.log());
            life.kill();
        }
        Ok(())
    };
    tokio::try_join!(work, deaths)?;
    for (way, _) in WAYS {
        wait(&place, way, &LAST.to_string()).await?;
    }
    place.finish("state").await?;
    for (way, _) in WAYS {
        compare(database, way).await?;
    }
    for (way, _) in WAYS {
        connect.remove(way).await?;
    }
    Ok(())
}

/// Waits until the record of a key has come.
async fn wait(place: &Place, way: &str, id: &str) -> Result<()> {
    let (topic, begun) = (format!("{way}.public.origin"), Instant::now());
    loop {
        let records = place.kafka.read(&topic).await.unwrap_or_default();
        // In Avro a long is doubled, and its sign the lowest bit: 0 is the byte 0, and -1 the byte 1.
        let ours = |key: &[u8]| match way {
            "avro" => key.last() == Some(&u8::from(id != "0")) && key.len() == 6,
            _ => String::from_utf8_lossy(key).contains(&format!("\"id\":{id}}}")),
        };
        if records.iter().any(|record| record.key.as_deref().is_some_and(ours)) {
            return Ok(());
        }
        assert!(begun.elapsed() < Duration::from_secs(90), "{way}: Debezium has not come to {id}");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

fn insert(id: i64) -> String {
    format!(
        "insert into origin values ({id}, 'name ' || {id}, {id} / 7.0, now(), date '2024-01-01' + ({id} % 900)::int, {id} % 2 = 0,
           decode(md5('{id}'), 'hex'), md5('{id}')::uuid, repeat(md5('{id}'), 300));"
    )
}

/// Some statements on rows that are there; `fresh` and nine more are ids that never were.
fn transaction(dice: &mut Dice, ids: &mut Vec<i64>, fresh: i64) -> String {
    let mut sql = String::from("begin;");
    for step in 1..=(dice.roll() * 5.0) as i64 + 1 {
        let at = (dice.roll() * ids.len() as f64) as usize;
        let (id, new) = (ids.get(at).copied().unwrap_or_default(), fresh + step);
        match (dice.roll() * 8.0) as u32 {
            0..=2 => {
                sql.push_str(&insert(new));
                ids.push(new);
            }
            3 | 4 => sql.push_str(&format!(
                "update origin set name = 'changed {new}', amount = {new} / 3.0, tag = null where id = {id};"
            )),
            5 => sql.push_str(&format!("update origin set doc = repeat('{new}', 900), flag = null, raw = null where id = {id};")),
            6 => {
                // A row of a new key has no older one that what is not sent could be left as in.
                sql.push_str(&format!("update origin set id = {new}, doc = doc || '' where id = {id};"));
                if let Some(id) = ids.get_mut(at) {
                    *id = new;
                }
            }
            _ => {
                sql.push_str(&format!("delete from origin where id = {id};"));
                if at < ids.len() {
                    ids.swap_remove(at);
                }
            }
        }
    }
    sql + "commit;"
}

async fn compare(database: &Database<'_>, way: &str) -> Result<()> {
    let sql = format!(
        "select (select count(*) from {way}) - (select count(*) from origin) || ' ' ||
         (select count(*) from (select {COLUMNS} from {way} except all select {COLUMNS} from origin) as more) || ' ' ||
         (select count(*) from (select {COLUMNS} from origin except all select {COLUMNS} from {way}) as less)"
    );
    assert_eq!(database.column(&sql).await?, ["0 0 0"], "{way}: the difference in rows, those too many, those lost");
    Ok(())
}

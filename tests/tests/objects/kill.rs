//! `kill -9` at random moments and at every named point, then the truth.
use std::time::{Duration, Instant};

use thyme_core::Result;
use thyme_testkit::Suite;
use thyme_testkit::objects::Program;
use thyme_testkit::postgres;

use crate::place::Place;

/// Where the program can be told to die.
const POINTS: &[&str] = &[
    "object.before_note",
    "file.before_sync",
    "file.before_intent",
    "file.after_intent",
    "file.after_rename",
    "file.after_settle",
    "engine.after_commit",
];
/// No run takes that long; one that does hangs.
const PATIENCE: Duration = Duration::from_secs(120);

pub(crate) fn cases(suite: Suite, program: Program) -> Suite {
    let mut suite = suite
        .case("bucket_to_bucket", move || buckets(program, 8_000, 6))
        .case("bucket_to_bucket_at_every_point", move || points(program, 4_000))
        .soak("bucket_to_bucket_100_kills", move || buckets(program, 40_000, 100))
        .soak("table_to_bucket_100_kills", move || table(program, 40_000, 100));
    if postgres::Major::chosen().is_ok_and(|major| postgres::missing(major).is_none()) {
        suite = suite.case("table_to_bucket", move || table(program, 8_000, 6));
    }
    suite
}

fn sink(bucket: &str, connection: &str, roll: i64) -> String {
    format!(
        "[pipeline.sink]\ntype = \"s3\"\nbucket_uri = \"s3://{bucket}/out\"\nformat = \"jsonl\"\nroll = {{ rows = {roll} }}\n{connection}"
    )
}

async fn place_of_buckets(program: Program, rows: i64) -> Result<Place> {
    let roll = rows / 20;
    let place = Place::new(program, |bucket, connection| {
        format!(
            "[[pipeline]]\nname = \"kill\"\nschedule = \"@once\"\ncommit = {{ rows = {roll} }}\n\
             [pipeline.dataset]\nfields = {{ id = \"int64\", text = \"string\" }}\n\
             [pipeline.source]\ntype = \"s3\"\nbucket_uri = \"s3://{bucket}/in/*.jsonl\"\n{connection}{}",
            sink(bucket, connection, roll)
        )
    })?;
    for part in 0..40 {
        let ids = part * rows / 40..(part + 1) * rows / 40;
        let text = ids.map(|id| format!("{{\"id\":{id},\"text\":\"row {id} {}\"}}\n", "x".repeat(200))).collect();
        place.put(&format!("in/{:02}.jsonl", part * 7 % 40), text).await;
    }
    Ok(place)
}

async fn buckets(program: Program, rows: i64, kills: usize) -> Result<()> {
    random(place_of_buckets(program, rows).await?, rows, kills).await
}

async fn table(program: Program, rows: i64, kills: usize) -> Result<()> {
    let server = postgres::Server::shared()?;
    let database = server.database().await?;
    database
        .run(&format!(
            "create table source (id bigint primary key, text text);
             insert into source select id, 'row ' || id || repeat('x', 200) from generate_series(0, {rows} - 1) as id"
        ))
        .await?;
    let (port, name, roll) = (server.port(), &database.name, rows / 20);
    let (user, password) = (postgres::USER, postgres::PASSWORD);
    let place = Place::new(program, |bucket, connection| {
        format!(
            "[[pipeline]]\nname = \"kill\"\nschedule = \"@once\"\ncursor = \"id\"\ncommit = {{ rows = {roll} }}\n\
             [pipeline.dataset]\nfields = {{ id = \"int64\", text = \"string\" }}\n\
             [pipeline.source]\ntype = \"postgres\"\ntable = \"source\"\nbatch_size = 500\nhost = \"127.0.0.1\"\nport = {port}\n\
             database = \"{name}\"\nuser = \"{user}\"\npassword = \"{password}\"\n{}",
            sink(bucket, connection, roll)
        )
    })?;
    random(place, rows, kills).await
}

/// Each life makes something visible and dies a random while later; a run that ends is compared, and another begins.
async fn random(mut place: Place, rows: i64, kills: usize) -> Result<()> {
    let begun = Instant::now();
    run(&mut place, None).await;
    place.compare(rows);
    let between = begun.elapsed() / 20;
    let (mut killed, mut runs, mut numbers) = (0, 1, 11_u64);
    place.fresh().await;
    while killed < kills {
        let stood = place.look().await;
        let mut life = place.start(None);
        numbers = numbers.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let pause = between.mul_f64((numbers >> 40) as f64 / (1_u64 << 24) as f64 * 2.0);
        let (begun, mut reached) = (Instant::now(), None);
        let ended = loop {
            assert!(begun.elapsed() < PATIENCE, "a run hangs: {}", place.log());
            if let Some(status) = life.0.try_wait().unwrap() {
                break Some(status);
            }
            if place.look().await > stood && reached.is_none() {
                reached = Some(Instant::now());
            }
            if reached.is_some_and(|reached| reached.elapsed() >= pause) {
                break None;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        };
        drop(life);
        match ended {
            None => killed += 1,
            Some(status) => {
                assert!(status.success(), "{}", place.log());
                place.look().await;
                place.compare(rows);
                runs += 1;
                place.fresh().await;
            }
        }
    }
    run(&mut place, None).await;
    place.compare(rows);
    println!("{killed} kills, {} runs to the end, {rows} rows each", runs + 1);
    Ok(())
}

/// Dies at each point, the first and the third time, and goes on.
async fn points(program: Program, rows: i64) -> Result<()> {
    let mut place = place_of_buckets(program, rows).await?;
    for point in POINTS {
        for nth in [1, 3] {
            place.fresh().await;
            let died = run(&mut place, Some(&format!("{point}:{nth}"))).await;
            assert!(died, "{point}:{nth} was never passed");
            run(&mut place, None).await;
            place.compare(rows);
        }
    }
    Ok(())
}

/// Runs to the end, or to the point; looks meanwhile. Whether it died.
async fn run(place: &mut Place, crash: Option<&str>) -> bool {
    let (mut life, begun) = (place.start(crash), Instant::now());
    let status = loop {
        assert!(begun.elapsed() < PATIENCE, "a run hangs: {}", place.log());
        place.look().await;
        match life.0.try_wait().unwrap() {
            Some(status) => break status,
            None => tokio::time::sleep(Duration::from_millis(5)).await,
        }
    };
    place.look().await;
    let died = std::os::unix::process::ExitStatusExt::signal(&status).is_some();
    assert!(status.success() || died && crash.is_some(), "{status}: {}", place.log());
    died
}

//! `kill -9` at random moments and at every named point, then the truth.
use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use object_store::ObjectStore;
use thyme_core::Result;
use thyme_testkit::Suite;
use thyme_testkit::objects::Program;
use thyme_testkit::postgres;

use crate::place::{Place, Running};

/// Where the program can be told to die.
const POINTS: &[&str] = &[
    "file.before_sync",
    "file.before_intent",
    "file.after_intent",
    "object.after_copy",
    "file.after_rename",
    "file.after_settle",
    "engine.after_commit",
];
/// Where it can die with an object that takes several requests.
const LARGE_POINTS: &[&str] = &["object.after_begin", "object.before_complete", "object.after_copy", "file.after_intent"];
/// Bytes of a row's text.
const TEXT: usize = 4_000;
/// Bytes of it where twenty rows are more than one request takes.
const LARGE_TEXT: usize = 500_000;
/// Bytes of an input object: as many as are read as a batch, and committed, by themselves.
const OBJECT: usize = 1_300_000;
/// Records that can't be decoded.
const BAD: usize = 9;
/// No run takes that long; one that does hangs.
const PATIENCE: Duration = Duration::from_secs(120);

pub(crate) fn cases(suite: Suite, program: Program) -> Suite {
    let suite = suite
        .case("bucket_to_bucket", move || buckets(program, 4_000, 6))
        .case("large_objects_at_every_point", move || points(program, LARGE_POINTS, 1, 60, LARGE_TEXT))
        .soak("bucket_to_bucket_100_kills", move || buckets(program, 12_000, 100))
        .soak("state_in_the_bucket_100_kills", move || stateless(program, 12_000, 100))
        .soak("table_to_bucket_100_kills", move || table(program, 20_000, 100));
    if program == Program::Versitygw {
        // What differs from MinIO is what a server makes of a completion, and of two at once.
        return suite
            .soak("the_first_of_two_copies_is_fenced", move || fenced(program))
            .soak("bucket_to_bucket_at_every_point", move || points(program, POINTS, 3, 2_000, TEXT));
    }
    let suite = suite
        .case("state_in_the_bucket", move || stateless(program, 2_000, 3))
        .case("the_second_of_two_copies_is_refused", move || refused(program))
        .case("the_first_of_two_copies_is_fenced", move || fenced(program))
        .case("bucket_to_bucket_at_every_point", move || points(program, POINTS, 3, 2_000, TEXT));
    if program == Program::Minio && postgres::Major::chosen().is_ok_and(|major| postgres::missing(major).is_none()) {
        return suite.case("table_to_bucket", move || table(program, 4_000, 6));
    }
    suite
}

/// The type of a program's connectors, and the scheme of its URIs.
fn names(program: Program) -> (&'static str, &'static str) {
    if program == Program::FakeGcs { ("gcs", "gs") } else { ("s3", "s3") }
}

fn sink(program: Program, bucket: &str, connection: &str, roll: i64) -> String {
    let (of, scheme) = names(program);
    format!(
        "[pipeline.sink]\ntype = \"{of}\"\nbucket_uri = \"{scheme}://{bucket}/out\"\nformat = \"jsonl\"\nroll = {{ rows = {roll} }}\n{connection}"
    )
}

async fn place_of_buckets(program: Program, rows: i64, text: usize) -> Result<Place> {
    let roll = if text == LARGE_TEXT { rows / 3 } else { rows / 20 };
    let (of, scheme) = names(program);
    let place = Place::new(program, |bucket, connection| {
        format!(
            "[[pipeline]]\nname = \"kill\"\nschedule = \"@once\"\non_error = \"dead_letter\"\ncommit = {{ rows = {roll} }}\n\
             [pipeline.dataset]\nfields = {{ id = \"int64\", text = \"string\" }}\n\
             [pipeline.source]\ntype = \"{of}\"\nbucket_uri = \"{scheme}://{bucket}/in/*.jsonl\"\n{connection}{}",
            sink(program, bucket, connection, roll)
        )
    })?;
    let parts = (rows as usize * text / OBJECT) as i64;
    for part in 0..parts {
        let ids = part * rows / parts..(part + 1) * rows / parts;
        let text = ids.map(|id| format!("{{\"id\":{id},\"text\":\"row {id} {}\"}}\n", "x".repeat(text))).collect();
        place.put(&format!("in/{:02}.jsonl", part * 7 % 100), text).await;
    }
    Ok(place)
}

async fn buckets(program: Program, rows: i64, kills: usize) -> Result<()> {
    random(place_of_buckets(program, rows, TEXT).await?, rows, kills).await.map(drop)
}

/// The same with the state, and dead letters of bad records, in the bucket.
async fn stateless(program: Program, rows: i64, kills: usize) -> Result<()> {
    let place = place_of_buckets(program, rows, TEXT).await?.without_a_disk();
    for part in 0..BAD {
        place.put(&format!("in/bad{part}.jsonl"), format!("{{\"id\":\"none {part}\"}}\n")).await;
    }
    let place = random(place, rows, kills).await?;
    let listed = place.program(&["dlq", "list", "pipeline.toml"]).output().unwrap();
    let letters = String::from_utf8(listed.stdout).unwrap().lines().skip(1).count();
    assert_eq!(letters, BAD, "{}", String::from_utf8_lossy(&listed.stderr));
    let there = place.store.list_with_delimiter(Some(&"state/kill".into())).await.unwrap();
    let names: Vec<_> = there.objects.iter().filter_map(|meta| meta.location.filename()).collect();
    assert!(!names.contains(&"lock"), "a run that ended lets go of the lock: {names:?}");
    Ok(())
}

/// With their state in one place, the second copy does not begin.
async fn refused(program: Program) -> Result<()> {
    let rows = 2_000;
    let mut place = place_of_buckets(program, rows, TEXT).await?.without_a_disk().endless();
    let mut first = place.start(None);
    begun(&mut place, &mut first).await;
    let second = place.program(&["run", "pipeline.toml"]).output().unwrap();
    let said = String::from_utf8_lossy(&second.stderr).into_owned();
    assert!(!second.status.success() && said.contains("is being run by process"), "{said}");
    // It is the other's turn as soon as the first is gone.
    drop(first);
    let third = place.program(&["run", "pipeline.toml", "--once"]).output().unwrap();
    assert!(third.status.success(), "{}", String::from_utf8_lossy(&third.stderr));
    place.look().await;
    place.compare(rows);
    Ok(())
}

/// With a state each, the target fences the first when the second begins, and takes nothing of it any more.
async fn fenced(program: Program) -> Result<()> {
    let rows = 2_000;
    let mut place = place_of_buckets(program, rows, TEXT).await?.endless();
    let mut first = place.start(None);
    begun(&mut place, &mut first).await;
    let other = tempfile::tempdir().unwrap();
    let second = place.at(other.path()).output().unwrap();
    assert!(second.status.success(), "{}", String::from_utf8_lossy(&second.stderr));
    // What comes now is the first's to read, and not to write.
    place.put("in/late.jsonl", format!("{{\"id\":{rows},\"text\":\"late\"}}\n")).await;
    let since = Instant::now();
    let ended = loop {
        assert!(since.elapsed() < PATIENCE, "a run hangs: {}", place.log());
        place.look().await;
        match first.0.try_wait().unwrap() {
            Some(status) => break status,
            None => tokio::time::sleep(Duration::from_millis(5)).await,
        }
    };
    assert!(!ended.success() && place.log().contains("a newer writer took this task over"), "{}", place.log());
    place.look().await;
    place.compare(rows);
    let third = place.at(other.path()).output().unwrap();
    assert!(third.status.success(), "{}", String::from_utf8_lossy(&third.stderr));
    place.look().await;
    place.compare(rows + 1);
    Ok(())
}

/// Waits until a run has made something visible.
async fn begun(place: &mut Place, life: &mut Running) {
    let since = Instant::now();
    while place.look().await == 0 {
        assert!(life.0.try_wait().unwrap().is_none() && since.elapsed() < PATIENCE, "{}", place.log());
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

async fn table(program: Program, rows: i64, kills: usize) -> Result<()> {
    let server = postgres::Server::shared()?;
    let database = server.database().await?;
    database
        .run(&format!(
            "create table source (id bigint primary key, text text);
             insert into source select id, 'row ' || id || repeat('x', {TEXT}) from generate_series(0, {rows} - 1) as id"
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
            sink(program, bucket, connection, roll)
        )
    })?;
    random(place, rows, kills).await.map(drop)
}

/// Each life makes something visible and dies a random while later; a run that ends is compared, and another begins.
async fn random(mut place: Place, rows: i64, kills: usize) -> Result<Place> {
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
    Ok(place)
}

/// Dies at each point, the first and the `last` time, and goes on.
async fn points(program: Program, points: &[&str], last: usize, rows: i64, text: usize) -> Result<()> {
    let mut place = place_of_buckets(program, rows, text).await?;
    for point in points {
        for nth in BTreeSet::from([1, last]) {
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

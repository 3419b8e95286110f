//! The examples, run as they are but for the name of the bucket.
use std::fs;
use std::path::Path;
use std::process::Command;

use object_store::ObjectStoreExt;
use thyme_core::Result;
use thyme_testkit::Suite;
use thyme_testkit::kill::binary;
use thyme_testkit::objects::{ACCESS_KEY, Program, REGION, SECRET, Server};

use crate::place::Place;

const CSV: &str = "timestamp,session_id,event_data\n2024-05-01T00:00:00Z,a,{}\n2024-05-02T00:00:00Z,b,{}\n";

pub(crate) fn s3(suite: Suite) -> Suite {
    suite
        .case("example_landing", || lands("landing"))
        .case("example_hourly", || lands("hourly"))
        .case("example_incremental", || lands("incremental"))
        .case("example_export", export)
        .case("example_s3_json", json)
}

pub(crate) fn gcs(suite: Suite) -> Suite {
    suite.case("example_gcs_landing", gcs_landing)
}

/// The example `name` with another bucket.
fn example(name: &str, bucket: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/objects").join(format!("{name}.toml"));
    // The region is that of the test's server.
    fs::read_to_string(path).unwrap().replace("my-bucket", bucket).replace("us-east-1", REGION)
}

/// Runs the pipeline in `folder` once, to its end.
fn run(folder: &Path, env: &[(&str, &str)]) {
    let mut command = Command::new(binary().unwrap());
    command.current_dir(folder).args(["run", "pipeline.toml", "--once", "--state", "state"]).envs(env.iter().copied());
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

/// Lines in the files of `out`.
fn rows(folder: &Path) -> usize {
    let entries = fs::read_dir(folder.join("out")).into_iter().flatten().flatten();
    let files = entries.map(|entry| entry.path()).filter(|path| path.is_file());
    files.map(|path| fs::read_to_string(path).unwrap().lines().count()).sum()
}

fn place(name: &str) -> Result<(Place, [(&'static str, String); 3])> {
    let place = Place::new(Program::Minio, |bucket, _| example(name, bucket))?;
    let url = Server::shared(Program::Minio)?.url();
    let keys = [("THYME_S3_ENDPOINT_URL", url), ("THYME_S3_ACCESS_KEY", ACCESS_KEY.into()), ("THYME_S3_SECRET", SECRET.into())];
    Ok((place, keys))
}

async fn lands(name: &str) -> Result<()> {
    let (place, env) = place(name)?;
    let env = env.each_ref().map(|(name, value)| (*name, value.as_str()));
    let csv = if name == "landing" { CSV.to_owned() } else { CSV.replace(",event_data", "").replace(",{}", "") };
    place.put("events/1.csv", csv.clone()).await;
    run(place.folder.path(), &env);
    assert_eq!(rows(place.folder.path()), 2);
    place.put("events/2.csv", csv.replace("2024-05-02", "2024-05-03")).await;
    run(place.folder.path(), &env);
    // What is older than the newest of the imports before is left out where that is asked for.
    assert_eq!(rows(place.folder.path()), if name == "incremental" { 3 } else { 4 });
    Ok(())
}

async fn export() -> Result<()> {
    let (place, env) = place("export")?;
    let env = env.each_ref().map(|(name, value)| (*name, value.as_str()));
    place.put("events/1.csv", CSV.replace(",event_data", "").replace(",{}", "")).await;
    run(place.folder.path(), &env);
    let listed = place.store.list_with_delimiter(Some(&"exports".into())).await.unwrap();
    let [object] = listed.objects.as_slice() else { panic!("{listed:?}") };
    let name = object.location.filename().unwrap();
    assert!(name.starts_with("events_20") && name.ends_with(".csv.gz"), "{name}");
    let bytes = place.store.get(&object.location).await.unwrap().bytes().await.unwrap();
    assert_eq!(bytes.get(..2), Some(&[0x1f, 0x8b][..]));
    Ok(())
}

async fn json() -> Result<()> {
    let (place, env) = place("s3_json")?;
    let mut env = env.each_ref().map(|(name, value)| (*name, value.as_str())).to_vec();
    env.push(("THYME_S3_REGION", REGION));
    place.put("json/a.json", "[{\"id\":1,\"at\":\"2024-05-01T00:00:00Z\"},{\"id\":2,\"at\":1714521600}]".to_owned()).await;
    place.put("json/b.jsonl", "{\"id\":3,\"at\":\"2024-05-01 00:00:00\"}\n".to_owned()).await;
    run(place.folder.path(), &env);
    assert_eq!(rows(place.folder.path()), 3);
    Ok(())
}

async fn gcs_landing() -> Result<()> {
    let place = Place::new(Program::FakeGcs, |bucket, _| example("gcs_landing", bucket))?;
    place.put("events/1.csv", CSV.replace(",event_data", "").replace(",{}", "")).await;
    let url = Server::shared(Program::FakeGcs)?.url();
    for _ in 0..2 {
        run(place.folder.path(), &[("THYME_GCS_ENDPOINT_URL", &url), ("THYME_GCS_ANONYMOUS", "true")]);
        assert_eq!(rows(place.folder.path()), 2);
    }
    Ok(())
}

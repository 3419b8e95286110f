//! The program, a bucket, and a folder with a pipeline file.
use std::collections::BTreeMap;
use std::fs;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;

use futures::TryStreamExt;
use object_store::aws::{AmazonS3, AmazonS3Builder};
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt};
use thyme_core::Result;
use thyme_testkit::kill::binary;
use thyme_testkit::objects::{ACCESS_KEY, Program, REGION, SECRET, Server};

/// A bucket and a folder.
pub(crate) struct Place {
    pub(crate) store: Arc<AmazonS3>,
    pub(crate) folder: tempfile::TempDir,
    /// Every object that a reader ever saw: its etag, its ids.
    seen: BTreeMap<String, (String, Vec<i64>)>,
}

impl Place {
    /// `pipeline` is told the bucket and the fields of a connection.
    pub(crate) fn new(program: Program, pipeline: impl FnOnce(&str, &str) -> String) -> Result<Self> {
        let server = Server::shared(program)?;
        let bucket = server.bucket("kill")?;
        let connection = format!(
            "endpoint_url = \"{}\"\nregion = \"{REGION}\"\naccess_key = \"{ACCESS_KEY}\"\nsecret = \"{SECRET}\"\n",
            server.url()
        );
        let builder = AmazonS3Builder::new().with_bucket_name(&bucket).with_region(REGION).with_endpoint(server.url());
        let builder = builder.with_allow_http(true).with_access_key_id(ACCESS_KEY).with_secret_access_key(SECRET);
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("pipeline.toml"), pipeline(&bucket, &connection)).unwrap();
        Ok(Self { store: Arc::new(builder.build().unwrap()), folder, seen: BTreeMap::new() })
    }

    pub(crate) async fn put(&self, key: &str, text: String) {
        self.store.put(&Path::parse(key).unwrap(), text.into()).await.unwrap();
    }

    /// Starts the program; it dies at the point `crash`, if one is named.
    pub(crate) fn start(&self, crash: Option<&str>) -> Running {
        let mut command = Command::new(binary().unwrap());
        command.current_dir(self.folder.path()).args(["run", "pipeline.toml", "--memory", "64MiB", "--state", "state"]);
        let log = fs::File::create(self.folder.path().join("log")).unwrap();
        command.env_remove("THYME_CRASH").stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
        if let Some(crash) = crash {
            command.env("THYME_CRASH", crash);
        }
        Running(command.spawn().unwrap())
    }

    pub(crate) fn log(&self) -> String {
        fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }

    /// Looks at the target as a reader: new objects are whole, old ones are there and untouched. How many there are.
    pub(crate) async fn look(&mut self) -> usize {
        let prefix = Path::from("out");
        let listed: Vec<_> = self.store.list(Some(&prefix)).try_collect().await.unwrap();
        let mut there = BTreeMap::new();
        for meta in listed.into_iter().filter(|meta| !meta.location.as_ref().contains("/_")) {
            there.insert(meta.location.to_string(), meta.e_tag.unwrap_or_default());
        }
        for (key, etag) in &self.seen {
            assert_eq!(there.get(key), Some(&etag.0), "{key} was visible, and is gone or changed");
        }
        for (key, etag) in there {
            if !self.seen.contains_key(&key) {
                let bytes = self.store.get(&Path::parse(&key).unwrap()).await.unwrap().bytes().await.unwrap();
                let text = String::from_utf8(bytes.to_vec()).unwrap();
                assert!(text.ends_with('\n'), "{key} is visible and not whole");
                let ids =
                    text.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap()["id"].as_i64().unwrap());
                self.seen.insert(key, (etag, ids.collect()));
            }
        }
        self.seen.len()
    }

    /// All rows that were seen are those from 0 to `rows`, each once.
    pub(crate) fn compare(&self, rows: i64) {
        let mut ids: Vec<_> = self.seen.values().flat_map(|(_, ids)| ids.iter().copied()).collect();
        ids.sort_unstable();
        let twice = ids.windows(2).filter(|pair| pair[0] == pair[1]).count();
        assert_eq!((ids.len() as i64, twice), (rows, 0), "rows, and those that came twice");
        assert_eq!(ids, (0..rows).collect::<Vec<_>>());
    }

    /// Takes state and output of an older run away.
    pub(crate) async fn fresh(&mut self) {
        let _ = fs::remove_dir_all(self.folder.path().join("state"));
        let old: Vec<_> = self.store.list(Some(&Path::from("out"))).try_collect().await.unwrap();
        for meta in old {
            self.store.delete(&meta.location).await.unwrap();
        }
        self.seen.clear();
    }
}

/// A running program; killed when it is dropped.
pub(crate) struct Running(pub(crate) Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

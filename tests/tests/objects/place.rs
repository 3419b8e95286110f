//! The program, a bucket, and a folder with a pipeline file.
use std::collections::BTreeMap;
use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;

use futures::TryStreamExt;
use object_store::aws::AmazonS3Builder;
use object_store::gcp::{GcpCredential, GoogleCloudStorageBuilder};
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt, StaticCredentialProvider};
use thyme_core::Result;
use thyme_testkit::kill::binary;
use thyme_testkit::objects::{ACCESS_KEY, Program, REGION, SECRET, Server};

/// A bucket and a folder.
pub(crate) struct Place {
    pub(crate) store: Arc<dyn ObjectStore>,
    pub(crate) folder: tempfile::TempDir,
    server: &'static Server,
    pub(crate) bucket: String,
    /// Where the state is, and what the program has to know to reach it.
    state: String,
    env: Vec<(&'static str, String)>,
    /// Every object that a reader ever saw: its etag, its ids.
    seen: BTreeMap<String, (String, Vec<i64>)>,
}

impl Place {
    /// `pipeline` is told the bucket and the fields of a connection.
    pub(crate) fn new(program: Program, pipeline: impl FnOnce(&str, &str) -> String) -> Result<Self> {
        let server = Server::shared(program)?;
        let bucket = server.bucket("kill")?;
        let url = server.url();
        let folder = tempfile::tempdir().unwrap();
        let (connection, store): (_, Arc<dyn ObjectStore>) = match program {
            Program::FakeGcs => {
                let store = GoogleCloudStorageBuilder::new().with_bucket_name(&bucket).with_base_url(&url);
                let nobody = GcpCredential { bearer: "nobody".to_owned() };
                let store = store.with_credentials(Arc::new(StaticCredentialProvider::new(nobody)));
                let options = object_store::ClientOptions::new().with_allow_http(true);
                let store = store.with_client_options(options).build().unwrap();
                (format!("endpoint_url = \"{url}\"\nanonymous = true\n"), Arc::new(store))
            }
            Program::Minio | Program::Versitygw => {
                let keys = format!("access_key = \"{ACCESS_KEY}\"\nsecret = \"{SECRET}\"\n");
                let builder = AmazonS3Builder::new().with_bucket_name(&bucket).with_region(REGION).with_endpoint(&url);
                let builder = builder.with_allow_http(true).with_access_key_id(ACCESS_KEY).with_secret_access_key(SECRET);
                (format!("endpoint_url = \"{url}\"\nregion = \"{REGION}\"\n{keys}"), Arc::new(builder.build().unwrap()))
            }
        };
        fs::write(folder.path().join("pipeline.toml"), pipeline(&bucket, &connection)).unwrap();
        Ok(Self { store, folder, server, bucket, state: "state".to_owned(), env: Vec::new(), seen: BTreeMap::new() })
    }

    /// Keeps the state in the bucket too.
    pub(crate) fn without_a_disk(mut self) -> Self {
        let url = self.server.url();
        if self.server.program() == Program::FakeGcs {
            self.state = format!("gs://{}/state", self.bucket);
            self.env = vec![("THYME_GCS_ENDPOINT_URL", url), ("THYME_GCS_ANONYMOUS", "true".into())];
        } else {
            self.state = format!("s3://{}/state", self.bucket);
            let keys = [("THYME_S3_ACCESS_KEY", ACCESS_KEY.into()), ("THYME_S3_SECRET", SECRET.into())];
            self.env = vec![("THYME_S3_ENDPOINT_URL", url), ("THYME_S3_REGION", REGION.into())];
            self.env.extend(keys);
        }
        self
    }

    /// Runs until it is told to end.
    pub(crate) fn endless(self) -> Self {
        let path = self.folder.path().join("pipeline.toml");
        fs::write(&path, fs::read_to_string(&path).unwrap().replace("@once", "@auto")).unwrap();
        self
    }

    /// The program with `args`, in the folder.
    pub(crate) fn program(&self, args: &[&str]) -> Command {
        let mut command = self.bare(args);
        command.args(["--state", &self.state]);
        command
    }

    /// A run to the end of what there is, with its state in another folder.
    pub(crate) fn at(&self, state: &std::path::Path) -> Command {
        let mut command = self.bare(&["run", "pipeline.toml", "--once", "--state"]);
        command.arg(state);
        command
    }

    fn bare(&self, args: &[&str]) -> Command {
        let mut command = Command::new(binary().unwrap());
        command.current_dir(self.folder.path()).args(args);
        command.envs(self.env.iter().map(|(name, value)| (name, value))).env_remove("THYME_CRASH").stdin(Stdio::null());
        command
    }

    /// Puts an object as others do.
    pub(crate) async fn put(&self, key: &str, text: String) {
        if self.server.program() != Program::FakeGcs {
            self.store.put(&Path::parse(key).unwrap(), text.into()).await.unwrap();
            return;
        }
        let port = self.server.port();
        let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
        let path = format!("/upload/storage/v1/b/{}/o?uploadType=media&name={}", self.bucket, key.replace('/', "%2F"));
        let head = format!("POST {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nContent-Length: {}", text.len());
        write!(stream, "{head}\r\nConnection: close\r\n\r\n{text}").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    }

    /// Starts the program; it dies at the point `crash`, if one is named.
    pub(crate) fn start(&self, crash: Option<&str>) -> Running {
        let mut command = self.program(&["run", "pipeline.toml", "--memory", "64MiB"]);
        let log = fs::File::create(self.folder.path().join("log")).unwrap();
        command.stdout(Stdio::null()).stderr(log);
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
        for folder in ["out", "state"] {
            let old: Vec<_> = self.store.list(Some(&Path::from(folder))).try_collect().await.unwrap();
            for meta in old {
                self.store.delete(&meta.location).await.unwrap();
            }
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

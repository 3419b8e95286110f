//! A lock that is an object, and a lease on it.
//!
//! Who holds it rewrites it every few seconds. Who wants it takes it away from one that has stood still for as long as a lease,
//! or whose process is gone from this machine. Who slept for longer than a lease looks whether it is still held before anything
//! else is written.
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use object_store::path::Path;
use object_store::{Error as StoreError, ObjectStore, ObjectStoreExt, PutMode, PutPayload, PutResult, UpdateVersion};
use serde::{Deserialize, Serialize};
use thyme_core::state::{Locked, StateLock};
use thyme_core::{Error, Kind, Result, StateFiles, async_trait};
use tokio::sync::Mutex;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep};

use super::ObjectFiles;
use crate::names;

/// How often a lock is rewritten.
const BEAT: Duration = Duration::from_secs(4);
/// A lock that was not rewritten for so long is anybody's.
const LEASE: Duration = Duration::from_secs(15);
/// Its holder does not rely on it to the last moment.
const SURE: Duration = Duration::from_secs(10);
/// How often one who waits looks.
const LOOK: Duration = Duration::from_millis(500);

/// What is in the object.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Body {
    #[serde(flatten)]
    holder: serde_json::Map<String, serde_json::Value>,
    /// Unlike that of any other holder.
    session: String,
    beat: u64,
}

/// A lock that this process holds, or held.
#[derive(Debug)]
pub(super) struct Lease {
    store: Arc<dyn ObjectStore>,
    path: Path,
    place: String,
    body: Mutex<(Body, UpdateVersion, Instant)>,
    lost: AtomicBool,
}

impl Lease {
    /// It is held, by all that is known.
    pub(super) async fn holds(&self) -> Result<()> {
        let sure = self.body.lock().await.2.elapsed() < SURE;
        if sure && !self.lost.load(Ordering::Relaxed) { Ok(()) } else { self.renew().await }
    }

    async fn renew(&self) -> Result<()> {
        let mut held = self.body.lock().await;
        let (body, version, renewed) = &mut *held;
        let lost = || Err(Error::new(Kind::Conflict, "another process took the pipeline over").context("lock", &self.place));
        if self.lost.load(Ordering::Relaxed) {
            return lost();
        }
        let since = Instant::now();
        body.beat += 1;
        match put(self.store.as_ref(), &self.path, body, PutMode::Update(version.clone())).await {
            Ok(put) => *version = put.into(),
            Err(StoreError::Precondition { .. } | StoreError::NotFound { .. } | StoreError::AlreadyExists { .. }) => {
                match read(self.store.as_ref(), &self.path).await {
                    // That put, when it was sent before.
                    Ok(Some((there, now))) if there.session == body.session => *version = now,
                    Ok(_) => {
                        self.lost.store(true, Ordering::Relaxed);
                        return lost();
                    }
                    Err(error) => return Err(self.broke(error)),
                }
            }
            Err(error) => return Err(self.broke(error)),
        }
        *renewed = since;
        Ok(())
    }

    fn broke(&self, error: StoreError) -> Error {
        crate::objects::failed("renew a lock", &self.place, error)
    }
}

#[derive(Debug)]
struct Held {
    files: ObjectFiles,
    folder: String,
    lease: Arc<Lease>,
    beating: JoinHandle<()>,
}

impl Drop for Held {
    fn drop(&mut self) {
        self.beating.abort();
        self.files.leases().remove(&self.folder);
    }
}

#[async_trait]
impl StateLock for Held {
    async fn release(self: Box<Self>) {
        self.beating.abort();
        if self.lease.holds().await.is_ok()
            && let Err(error) = self.lease.store.delete(&self.lease.path).await
        {
            tracing::warn!(lock = self.lease.place, %error, "a lock stays until its lease is over");
        }
    }
}

/// Takes the lock `name`, or says who holds it.
pub(super) async fn take(files: &ObjectFiles, name: &str, holder: &str) -> Result<Locked> {
    let wrong = |e| Error::new(Kind::Unexpected, "a holder is no JSON").source(e);
    let mut body = Body { holder: serde_json::from_str(holder).map_err(wrong)?, session: names::attempt(), beat: 0 };
    let (store, path) = (files.store.as_ref(), files.path(name)?);
    let broke = |error| files.broke(name, error);
    let mut watched: Option<(UpdateVersion, Instant)> = None;
    loop {
        let since = Instant::now();
        let Some((there, version)) = read(store, &path).await.map_err(broke)? else {
            match put(store, &path, &body, PutMode::Create).await {
                Ok(put) => return Ok(held(files, name, path, body, put.into(), since)),
                Err(StoreError::AlreadyExists { .. } | StoreError::Precondition { .. }) => continue,
                Err(error) => return Err(broke(error)),
            }
        };
        if there.session == body.session {
            return Ok(held(files, name, path, body, version, since));
        }
        let still = match &watched {
            Some((seen, _)) if *seen != version => return Ok(Locked::Held(serde_json::to_string(&there.holder).ok())),
            Some((_, at)) => at.elapsed(),
            None => Duration::ZERO,
        };
        if still < LEASE && !gone(&there, &body) {
            watched.get_or_insert((version, since));
            sleep(LOOK).await;
            continue;
        }
        body.beat += 1;
        match put(store, &path, &body, PutMode::Update(version)).await {
            Ok(put) => return Ok(held(files, name, path, body, put.into(), since)),
            Err(StoreError::AlreadyExists { .. } | StoreError::Precondition { .. } | StoreError::NotFound { .. }) => {}
            Err(error) => return Err(broke(error)),
        }
    }
}

fn held(files: &ObjectFiles, name: &str, path: Path, body: Body, version: UpdateVersion, since: Instant) -> Locked {
    let (store, place) = (Arc::clone(&files.store), files.place(name));
    let lease = Arc::new(Lease { store, path, place, body: Mutex::new((body, version, since)), lost: AtomicBool::new(false) });
    let folder = name.split('/').next().unwrap_or_default().to_owned();
    files.leases().insert(folder.clone(), Arc::clone(&lease));
    let beats = Arc::clone(&lease);
    let beating = tokio::spawn(async move {
        while !beats.lost.load(Ordering::Relaxed) {
            sleep(BEAT).await;
            if let Err(error) = beats.renew().await {
                tracing::warn!(%error, "a lock could not be renewed");
            }
        }
    });
    Locked::Taken(Box::new(Held { files: files.clone(), folder, lease, beating }))
}

/// Whether a holder was a process of this machine that is no more.
fn gone(there: &Body, me: &Body) -> bool {
    let pid = there.holder.get("pid").and_then(serde_json::Value::as_u64);
    let (Some(pid), true) = (pid, there.holder.get("host").is_some_and(|host| me.holder.get("host") == Some(host))) else {
        return false;
    };
    let processes = std::path::Path::new("/proc");
    processes.join("self").exists() && !processes.join(pid.to_string()).exists()
}

async fn put(store: &dyn ObjectStore, path: &Path, body: &Body, mode: PutMode) -> object_store::Result<PutResult> {
    let json = serde_json::to_vec(body).map_err(|e| StoreError::Generic { store: "thyme", source: e.into() })?;
    store.put_opts(path, PutPayload::from(json), mode.into()).await
}

async fn read(store: &dyn ObjectStore, path: &Path) -> object_store::Result<Option<(Body, UpdateVersion)>> {
    let got = match store.get(path).await {
        Ok(got) => got,
        Err(StoreError::NotFound { .. }) => return Ok(None),
        Err(error) => return Err(error),
    };
    let version = UpdateVersion { e_tag: got.meta.e_tag.clone(), version: got.meta.version.clone() };
    let body =
        serde_json::from_slice(&got.bytes().await?).map_err(|e| StoreError::Generic { store: "thyme", source: e.into() })?;
    Ok(Some((body, version)))
}

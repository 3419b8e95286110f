//! A disk that is full: said by kind, and nothing is lost once there is room again.
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::process::Command;

use thyme_core::{Error, Kind, Result, Retry};
use thyme_postgres::Mode;
use thyme_testkit::Suite;
use thyme_testkit::postgres::{Server, Settings};

use super::world::{At, World, insert, numbered, plain};

pub(super) fn cases(suite: Suite) -> Suite {
    suite
        .needs(super::needs().or_else(unmountable))
        .case("a_full_disk_loses_nothing", || full(Mode::Append))
        .case("an_upsert_on_a_full_disk", || full(Mode::Upsert))
}

/// A small disk of its own, in memory.
struct Disk {
    folder: tempfile::TempDir,
}

impl Disk {
    fn new(size: &str) -> Result<Self> {
        let failed = |e| Error::new(Kind::Unavailable, "no folder to mount at").source(e);
        let folder = tempfile::Builder::new().prefix("thyme-disk-").tempdir().map_err(failed)?;
        let mounted =
            Command::new("mount").args(["-t", "tmpfs", "-o", &format!("size={size}"), "tmpfs"]).arg(folder.path()).output();
        match mounted {
            Ok(output) if output.status.success() => Ok(Self { folder }),
            Ok(output) => {
                let said = String::from_utf8_lossy(&output.stderr).trim().to_owned();
                Err(Error::new(Kind::Unavailable, format!("a small disk can't be mounted: {said}")))
            }
            Err(e) => Err(failed(e)),
        }
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("space")
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        // Whoever still has files open there keeps them.
        let _ = Command::new("umount").arg("-l").arg(self.folder.path()).status();
    }
}

fn unmountable() -> Option<String> {
    Disk::new("1m").err().map(|error| error.to_string())
}

fn owned_like(path: &Path, like: &Path) {
    use std::os::unix::fs::MetadataExt;
    let of = std::fs::metadata(like).unwrap();
    chown(path, Some(of.uid()), Some(of.gid())).unwrap();
}

async fn full(mode: Mode) -> Result<()> {
    const ROWS: i64 = 20_000;
    let disk = Disk::new("24m")?;
    let server = Server::start(&Settings::default())?;
    std::fs::set_permissions(disk.folder.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
    std::fs::create_dir(disk.path()).unwrap();
    owned_like(&disk.path(), server.folder());
    let world = World::on(&server).await?;
    let client = world.client().await;
    client.batch_execute(&format!("create tablespace small location '{}'", disk.path().display())).await.unwrap();
    world
        .run(
            "create table t (id bigint primary key, n bigint, text text) tablespace small;
             create table ballast (text text) tablespace small;
             insert into ballast select repeat('x', 1000) from generate_series(1, 12000)",
        )
        .await;
    let sink = world.sink(|config| config.mode = mode);
    let mut freed = 0;
    let mut at = At::open(&sink, &plain()).await?;
    while at.seq < 10 {
        let begin = i64::try_from(at.seq).unwrap() * ROWS;
        let staged = at.stage(insert(numbered(begin..begin + ROWS, 0))).await;
        let done = match staged {
            Ok(staged) => {
                assert_eq!(staged.rejects, [], "a full disk is no row's fault");
                at.commit().await
            }
            Err(error) => Err(error),
        };
        let Err(error) = done else { continue };
        assert!(error.kind() == Kind::Unavailable && error.to_string().contains("53100"), "{error:?}");
        assert_ne!(error.retry_advice(), Retry::No, "there may be room later");
        // What was committed before is there, and nothing else.
        at = At::open(&sink, &plain()).await?;
        let stands = at.seq * ROWS.unsigned_abs();
        assert_eq!(world.one("select count(*) from t").await, stands.to_string());
        world.run("drop table ballast").await;
        freed += 1;
        assert!(freed < 3, "it is full again: {error}");
    }
    assert_eq!(freed, 1, "the disk was never full");
    let all = ROWS * 10;
    assert_eq!(
        world.rows("select count(*), count(distinct id), (select seq from thyme_cursors) from t").await,
        [format!("{all} {all} 10")]
    );
    drop(server);
    Ok(())
}

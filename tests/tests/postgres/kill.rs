//! `kill -9` at random moments and at every named point, then the truth.
use std::collections::BTreeSet;
use std::os::unix::process::ExitStatusExt;
use std::time::{Duration, Instant};

use thyme_core::Result;
use thyme_testkit::Suite;

use crate::life::{Place, source};

/// Where the program can be told to die on its way from table to table.
const POINTS: &[&str] = &[
    "engine.before_commit",
    "engine.after_commit",
    "engine.after_ack",
    "postgres.staged",
    "postgres.before_commit",
    "postgres.after_commit",
];

pub(crate) fn cases(suite: Suite) -> Suite {
    suite
        .case("table_to_table_append", || random(Kind::Append, 20_000, 10))
        .case("table_to_table_upsert_where_a_trigger_counts", || random(Kind::Upsert, 20_000, 10))
        .case("table_to_files", || random(Kind::Files, 20_000, 10))
        .case("table_to_table_at_every_point", || points(20_000, 2))
        .soak("table_to_table_append_100_kills", || random(Kind::Append, 200_000, 100))
        .soak("table_to_table_upsert_100_kills", || random(Kind::Upsert, 200_000, 100))
        .soak("table_to_files_100_kills", || random(Kind::Files, 200_000, 100))
        .soak("table_to_table_at_every_point_ten_times", || points(50_000, 10))
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Append,
    Upsert,
    Files,
}

impl Kind {
    fn pipeline(self, connection: &str, roll: i64) -> String {
        let cdc = if self == Self::Upsert { "cdc = \"upsert\"\n" } else { "" };
        let head = format!(
            "[[pipeline]]\nname = \"kill\"\nschedule = \"@once\"\ncursor = \"tick\"\n{cdc}commit = {{ rows = {roll} }}\n\
             [pipeline.dataset]\nkey = [\"id\"]\n\
             [pipeline.source]\ntype = \"postgres\"\ntable = \"source\"\nbatch_size = 500\n{connection}\
             [pipeline.sink]\n"
        );
        match self {
            Self::Files => format!("{head}type = \"file\"\npath = \"out\"\nformat = \"jsonl\"\nroll = {{ rows = {roll} }}\n"),
            Self::Append => format!("{head}type = \"postgres\"\ntable = \"target\"\nauto_create = true\n{connection}"),
            Self::Upsert => format!("{head}type = \"postgres\"\ntable = \"target\"\nmode = \"upsert\"\n{connection}"),
        }
    }

    /// The target as it is before a run.
    fn fresh(self) -> &'static str {
        match self {
            Self::Files => "select 1",
            Self::Append => "drop table if exists target, thyme_cursors",
            Self::Upsert => {
                "drop table if exists target, thyme_cursors;
                 create table target (like source including indexes, writes int);
                 create or replace function counting() returns trigger language plpgsql as
                 $$ begin new.writes := coalesce(case when tg_op = 'UPDATE' then old.writes end, 0) + 1; return new; end $$;
                 create trigger counting before insert or update on target for each row execute function counting()"
            }
        }
    }

    /// The target has exactly the rows of the source.
    async fn compare(self, place: &Place, rows: i64) -> Result<()> {
        if self == Self::Files {
            let ids = ids_in(&place.folder.path().join("out"));
            assert_eq!(ids.len() as i64, rows, "rows in the files");
            assert_eq!(ids.into_iter().collect::<BTreeSet<_>>(), (0..rows).collect::<BTreeSet<_>>());
            return Ok(());
        }
        let columns = "id, tick, name, score, amount, quantity, active, tag, raw, meta";
        let sql = format!(
            "select (select count(*) from target) || ' ' ||
             (select count(*) from (select {columns} from target except all select {columns} from source) as more) || ' ' ||
             (select count(*) from (select {columns} from source except all select {columns} from target) as less)"
        );
        assert_eq!(place.database.column(&sql).await?, [format!("{rows} 0 0")], "rows, those too many, those lost");
        if self == Self::Upsert {
            assert_eq!(place.database.column("select distinct writes from target").await?, ["1"], "each key is written once");
        }
        Ok(())
    }

    /// Commits so far.
    async fn commits(self, place: &Place) -> u64 {
        if self == Self::Files {
            return files(&place.folder.path().join("out")).len() as u64;
        }
        let seq = place.database.column("select coalesce(max(seq), 0) from thyme_cursors").await;
        seq.ok().and_then(|seq| seq.first()?.parse().ok()).unwrap_or_default()
    }
}

/// Output files that a reader sees.
fn files(folder: &std::path::Path) -> Vec<std::path::PathBuf> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    entries.map(|entry| entry.path()).filter(|path| path.extension().is_some_and(|end| end == "jsonl")).collect()
}

/// The rows of all those files.
pub(crate) fn lines(folder: &std::path::Path) -> Vec<serde_json::Value> {
    let texts = files(folder).into_iter().map(|path| std::fs::read_to_string(path).unwrap()).collect::<Vec<_>>();
    texts.iter().flat_map(|text| text.lines()).map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn ids_in(folder: &std::path::Path) -> Vec<i64> {
    lines(folder).iter().map(|row| row["id"].as_i64().unwrap()).collect()
}

/// Each life makes a commit of its own and dies a random while later; a run that ends is compared, and another begins.
async fn random(kind: Kind, rows: i64, kills: usize) -> Result<()> {
    let place = Place::new(|connection| kind.pipeline(connection, rows / 20)).await?;
    place.database.run(&source(rows)).await?;
    place.fresh(kind.fresh()).await?;
    let begun = Instant::now();
    let mut clean = place.start("state", None);
    clean.succeed().await?;
    kind.compare(&place, rows).await?;
    let between = begun.elapsed() / 20;
    let (mut killed, mut runs, mut numbers) = (0, 1, 7u64);
    place.fresh(kind.fresh()).await?;
    loop {
        let stood = kind.commits(&place).await;
        let mut life = place.start("state", None);
        numbers = numbers.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let pause = between.mul_f64((numbers >> 40) as f64 / (1u64 << 24) as f64 * 2.0);
        let mut reached = None;
        let ended = loop {
            if let Some(status) = life.ended()? {
                break Some(status);
            }
            if reached.is_none() && kind.commits(&place).await > stood {
                reached = Some(Instant::now());
            }
            if killed < kills && reached.is_some_and(|reached| reached.elapsed() >= pause) {
                break None;
            }
            tokio::time::sleep(Duration::from_millis(2)).await;
        };
        match ended {
            None => {
                drop(life);
                killed += 1;
            }
            Some(status) => {
                assert!(status.success(), "{}", life.log());
                kind.compare(&place, rows).await?;
                runs += 1;
                if killed >= kills {
                    break;
                }
                place.fresh(kind.fresh()).await?;
            }
        }
    }
    println!("{kind:?}: {killed} kills, {runs} runs of {rows} rows");
    Ok(())
}

/// Dies at each point, the first time it is passed, the second, and so on.
async fn points(rows: i64, times: u8) -> Result<()> {
    // As many commits that each can be the one, and a few more.
    let roll = rows / (i64::from(times) + 3);
    for kind in [Kind::Append, Kind::Upsert] {
        let place = Place::new(|connection| kind.pipeline(connection, roll)).await?;
        place.database.run(&source(rows)).await?;
        for point in POINTS {
            for nth in 1..=times {
                place.fresh(kind.fresh()).await?;
                let mut life = place.start("state", Some(&format!("{point}:{nth}")));
                let status = life.end().await?;
                assert!(status.signal().is_some(), "{point}:{nth} is not passed: {}", life.log());
                let mut life = place.start("state", None);
                let status = life.end().await?;
                assert!(status.success(), "after {point}:{nth}: {}", life.log());
                kind.compare(&place, rows).await?;
            }
        }
    }
    Ok(())
}

//! The example does what its README says, as a pipeline file and as a Rust program, one after the other on the same table.
use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use thyme_core::Result;
use thyme_testkit::Suite;
use thyme_testkit::kafka::Listener;
use thyme_testkit::kill::Program;
use thyme_testkit::postgres::{PASSWORD, USER};

use crate::place::Place;
use crate::truth::{Wrong, compare};

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../examples/postgres-to-kafka");

pub(crate) fn cases(suite: Suite) -> Suite {
    suite.case("the_example_publishes_each_row_once", example)
}

async fn example() -> Result<()> {
    let file = fs::read_to_string(Path::new(FOLDER).join("pipeline.toml")).unwrap();
    let mut place = Place::new(|_| file).await?;
    place.topic = "transactions".to_owned();
    let writers = place.writers(400);
    // The example's own poll is a second long.
    let pause = Duration::from_secs(3);
    let mut first = place.start("state", &[], None)?;
    place.wait_beyond(0, &mut first).await?;
    tokio::time::sleep(pause).await;
    first.signal("TERM")?;
    first.succeed().await?;
    let before = place.grown().await;
    assert!(before > 0);
    let mut rust = place.rust()?;
    place.wait_beyond(before, &mut rust).await?;
    tokio::time::sleep(pause).await;
    writers.stop();
    rust.kill();
    // What the program had under way is gone, where it stood is not: both are one pipeline.
    place.finish("state").await?;
    let (rows, wrong) = compare(&place).await?;
    assert_eq!(wrong, Wrong::default(), "of {rows} rows");
    assert!(rows > 500, "pgbench wrote {rows} rows");
    Ok(())
}

impl Place {
    /// The Rust program, built with the tests.
    fn rust(&self) -> Result<Program> {
        let tests = std::env::current_exe().unwrap();
        let binary = tests.ancestors().nth(2).unwrap().join("examples/postgres_to_kafka");
        assert!(binary.is_file(), "the example is not built");
        let password: String = PASSWORD.bytes().map(|byte| format!("%{byte:02X}")).collect();
        let (port, database) = (self.database.server.port(), &self.database.name);
        let mut command = Command::new(binary);
        command.current_dir(self.folder.path()).arg(self.kafka.brokers(Listener::Plain));
        command.env("DATABASE_URL", format!("postgresql://{USER}:{password}@127.0.0.1:{port}/{database}"));
        Program::start(&mut command, self.log("rust"))
    }
}

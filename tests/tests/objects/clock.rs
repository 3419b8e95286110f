//! A machine whose clock is off: a server that checks signatures says so.
use std::process::Command;

use thyme_core::{Kind, Result};
use thyme_testkit::Suite;
use thyme_testkit::objects::{Program, clock, no_clock};

use crate::place::Place;

pub(crate) fn cases(suite: Suite) -> Suite {
    suite.needs(no_clock()).case("a_clock_that_is_off_is_named", off)
}

async fn off() -> Result<()> {
    let place = Place::new(Program::Minio, |bucket, connection| {
        format!(
            "[[pipeline]]\nname = \"p\"\nschedule = \"@auto\"\n[pipeline.dataset]\nfields = {{ id = \"int64\" }}\n\
             [pipeline.source]\ntype = \"s3\"\nbucket_uri = \"s3://{bucket}/in/*.jsonl\"\n{connection}\
             [pipeline.sink]\ntype = \"file\"\npath = \"out\"\nformat = \"jsonl\"\n"
        )
    })?;
    place.put("in/a.jsonl", "{\"id\":1}\n".to_owned()).await;
    let run = |command: &mut Command| {
        let output = command.output().unwrap();
        (output.status.success(), String::from_utf8(output.stderr).unwrap())
    };
    for offset in ["-20m", "+20m"] {
        let mut program = place.program(&["run", "pipeline.toml", "--once"]);
        let (went, said) = run(clock(&mut program, offset)?);
        assert!(!went && said.contains("the clock of this machine is too far from"), "{said}");
        assert!(said.contains(Kind::Auth.remedy()), "{said}");
        assert!(!said.contains("trying again"), "{said}");
    }
    // Less than a server tolerates.
    let mut program = place.program(&["run", "pipeline.toml", "--once"]);
    let (went, said) = run(clock(&mut program, "-5m")?);
    assert!(went, "{said}");
    Ok(())
}

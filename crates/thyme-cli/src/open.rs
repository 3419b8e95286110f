//! Pipeline files, and the pipelines chosen out of them.
use std::path::PathBuf;

use clap::Args;
use thyme_core::nearest;
use thyme_engine::Pipeline;
use thyme_engine::spec::{self, Loaded};

use crate::exit::Exit;
use crate::logs::Screen;

/// Pipeline files.
#[derive(Debug, Args)]
pub(crate) struct Files {
    /// Pipeline files: TOML, YAML or JSON
    #[arg(required = true, value_name = "FILE")]
    pub(crate) files: Vec<PathBuf>,
}

/// Pipeline files, and pipelines out of them.
#[derive(Debug, Args)]
pub(crate) struct Chosen {
    #[command(flatten)]
    files: Files,

    /// Only this pipeline; may be given several times
    #[arg(long = "pipeline", value_name = "NAME")]
    names: Vec<String>,
}

/// One pipeline of one file.
#[derive(Debug, Args)]
pub(crate) struct One {
    /// A pipeline file: TOML, YAML or JSON
    #[arg(value_name = "FILE")]
    file: PathBuf,

    /// The pipeline
    #[arg(long = "pipeline", value_name = "NAME")]
    name: String,
}

impl One {
    /// The pipeline.
    pub(crate) fn load(&self, screen: &Screen) -> Result<Pipeline, Exit> {
        let chosen = Chosen { files: Files { files: vec![self.file.clone()] }, names: vec![self.name.clone()] };
        let one = chosen.load(screen)?.into_iter().next();
        one.map(|one| one.pipeline).ok_or_else(|| Exit::usage(screen, "the file has no pipeline"))
    }
}

impl Files {
    /// All pipelines, or every mistake on stderr.
    pub(crate) fn load(&self, screen: &Screen) -> Result<Vec<Loaded>, Exit> {
        spec::load(&self.files, &thyme_connectors::registry()).map_err(|findings| {
            findings.iter().for_each(|finding| screen.line(finding));
            let many = if findings.len() == 1 { "1 mistake".to_owned() } else { format!("{} mistakes", findings.len()) };
            Exit::usage(screen, many)
        })
    }
}

impl Chosen {
    /// The chosen pipelines, in the order of the files.
    pub(crate) fn load(&self, screen: &Screen) -> Result<Vec<Loaded>, Exit> {
        let mut loaded = self.files.load(screen)?;
        let known: Vec<String> = loaded.iter().map(|one| one.pipeline.name().to_owned()).collect();
        for name in &self.names {
            if !known.contains(name) {
                let near = nearest(name, known.iter().map(String::as_str));
                let help =
                    near.map_or_else(|| format!("there are {}", known.join(", ")), |near| format!("did you mean `{near}`?"));
                return Err(Exit::usage(screen, format!("there is no pipeline `{name}`; {help}")));
            }
        }
        loaded.retain(|one| self.names.is_empty() || self.names.iter().any(|name| name == one.pipeline.name()));
        Ok(loaded)
    }

    /// Whether pipelines were named: those run even if they are not enabled.
    pub(crate) fn named(&self) -> bool {
        !self.names.is_empty()
    }
}

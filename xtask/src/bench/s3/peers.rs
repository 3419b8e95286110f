//! The peers.
use super::Bench;
use super::data::Objects;
use super::server::{ACCESS_KEY, BUCKET, REGION, SECRET};
use crate::bench::report::Sample;
use crate::{Result, process, repo};

impl Bench {
    /// The limit: the objects asked for, many at once or in parts, taken and dropped.
    pub(super) fn s5cmd(&self, objects: &Objects) -> Result<Sample> {
        let mut shell = process::command("sh", &self.folder);
        shell.args(["-c", "exec \"$@\" >/dev/null", "sh"]);
        let s5cmd = self.server.s5cmd(&self.s5cmd);
        shell.arg(s5cmd.get_program()).args(s5cmd.get_args());
        shell.arg("run").arg(self.cats(objects)?);
        self.measure(&shell)
    }

    /// A command for each object, in a file.
    fn cats(&self, objects: &Objects) -> Result<std::path::PathBuf> {
        let file = self.folder.join("cats");
        repo::write(&file, &objects.uris().map(|uri| format!("cat --part-size 8 {uri}\n")).collect::<String>())?;
        Ok(file)
    }

    /// Lines as they are, dropped.
    pub(super) fn bento(&self, objects: &Objects) -> Result<Sample> {
        let file = self.folder.join("bento.yaml");
        let text = format!(
            "http: {{enabled: false}}\nlogger: {{level: WARN}}\nmetrics: {{none: {{}}}}\n\
             input:\n  aws_s3:\n    bucket: {BUCKET}\n    prefix: \"{}\"\n    endpoint: \"{}\"\n    region: {REGION}\n    \
             force_path_style_urls: true\n    credentials: {{id: {ACCESS_KEY}, secret: {SECRET}}}\n    scanner: {{lines: {{}}}}\n\
             output: {{drop: {{}}}}\n",
            objects.folder(),
            self.server.url()
        );
        repo::write(&file, &text)?;
        let mut command = process::command(&self.bento, &self.folder);
        command.arg("-c").arg(&file);
        self.measure(&command)
    }

    /// What DuckDB has to know.
    pub(super) fn settings(&self, order: bool) -> Vec<String> {
        let here = self.server.url();
        let here = here.trim_start_matches("http://");
        vec![
            format!("SET preserve_insertion_order = {order}"),
            "SET TimeZone = 'UTC'".to_owned(),
            "LOAD httpfs".to_owned(),
            format!(
                "CREATE SECRET (TYPE s3, KEY_ID '{ACCESS_KEY}', SECRET '{SECRET}', REGION '{REGION}', ENDPOINT '{here}', \
                 USE_SSL false, URL_STYLE 'path')"
            ),
        ]
    }
}

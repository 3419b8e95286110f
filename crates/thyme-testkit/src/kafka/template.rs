//! Formatting a broker's storage and loading its classes take seconds: both are done once, and every broker starts with a copy.
use std::fmt::Write as _;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use thyme_core::Result;

use super::install::{VERSION, class_path, jars, java};
use super::{PASSWORD, USER, ports};
use crate::guarded::{Guarded, Stop};
use crate::program::{broke, hash, output};

/// Everything a broker says when it is ready.
pub(super) const STARTED: &str = "Kafka Server started";

/// The metadata that a new cluster begins with: the newest features, and one user with a password.
const BOOTSTRAP: &str = "bootstrap.checkpoint";

const LOGGING: &str = "\
status = warn
appender.c.type = Console
appender.c.name = C
appender.c.layout.type = PatternLayout
appender.c.layout.pattern = [%d{ISO8601}] %p %m (%c)%n
rootLogger.level = WARN
rootLogger.appenderRefs = c
rootLogger.appenderRef.c.ref = C
logger.started.name = kafka.server.KafkaRaftServer
logger.started.level = INFO
logger.groups.name = org.apache.kafka.coordinator.group
logger.groups.level = INFO
logger.transactions.name = org.apache.kafka.coordinator.transaction
logger.transactions.level = INFO
logger.connect.name = org.apache.kafka.connect.runtime
logger.connect.level = WARN
";

/// What the brokers of this installation start from.
#[derive(Clone, Debug)]
pub(super) struct Template {
    /// The jars of broker, tools and Connect.
    pub(super) jars: PathBuf,
    place: PathBuf,
}

impl Template {
    /// Finds or makes it, which takes about ten seconds.
    pub(super) fn ready() -> Result<Self> {
        let jars = jars()?;
        let whole = fs::canonicalize(&jars).map_err(|e| broke("no jars", &jars, e))?;
        let owner = fs::metadata("/proc/self").map_or(0, |at| at.uid());
        let place = std::env::temp_dir().join(format!("thyme-kafka-{VERSION}-{owner}-{:08x}", hash(&whole)));
        let template = Self { jars: whole, place };
        if !template.place.is_dir() {
            template.make()?;
        }
        Ok(template)
    }

    /// The options by which a virtual machine finds its classes loaded, and logs little.
    pub(super) fn options(&self) -> [String; 2] {
        [format!("-XX:SharedArchiveFile={}", self.place.join("classes.jsa").display()), self.logging()]
    }

    /// Puts formatted storage into `data`.
    pub(super) fn storage(&self, data: &Path, cluster: &str, node: u16, directory: &str) -> Result<()> {
        fs::create_dir_all(data).map_err(|e| broke("a folder can't be made", data, e))?;
        let checkpoint = data.join(BOOTSTRAP);
        fs::copy(self.place.join(BOOTSTRAP), &checkpoint).map_err(|e| broke("storage can't be copied", &checkpoint, e))?;
        let text = format!("version=1\ncluster.id={cluster}\nnode.id={node}\ndirectory.id={directory}\n");
        let properties = data.join("meta.properties");
        fs::write(&properties, text).map_err(|e| broke("storage can't be formatted", &properties, e))
    }

    fn logging(&self) -> String {
        format!("-Dlog4j2.configurationFile=file:{}", self.place.join("log4j2.properties").display())
    }

    /// Makes it beside its place, and moves it there when it is whole: others may do the same at the same time.
    fn make(&self) -> Result<()> {
        let new = tempfile::Builder::new().prefix("thyme-kafka-new-").tempdir();
        let folder = new.map_err(|e| broke("there is no room for a template", &std::env::temp_dir(), e))?.keep();
        let template = Self { jars: self.jars.clone(), place: folder.clone() };
        let write = |name: &str, text: &str| {
            let path = folder.join(name);
            fs::write(&path, text).map_err(|e| broke("a file can't be written", &path, e)).map(|()| path)
        };
        write("log4j2.properties", LOGGING)?;
        let data = folder.join("data");
        let properties = write("server.properties", &properties(&data)?)?;
        let mut format = java(128);
        format.arg(template.logging()).arg("-cp").arg(class_path(&self.jars)).args(["kafka.tools.StorageTool", "format"]);
        format.args(["-t", "dGh5bWUtdGVtcGxhdGUtMQ", "-c"]).arg(&properties);
        for mechanism in ["SCRAM-SHA-256", "SCRAM-SHA-512"] {
            format.arg("--add-scram").arg(format!("{mechanism}=[name={USER},password={PASSWORD}]"));
        }
        output(&mut format)?;
        let checkpoint = data.join(BOOTSTRAP);
        fs::copy(&checkpoint, folder.join(BOOTSTRAP)).map_err(|e| broke("storage was not formatted", &checkpoint, e))?;
        template.train(&properties)?;
        fs::remove_dir_all(&data).map_err(|e| broke("a folder stays behind", &data, e))?;
        match fs::rename(&folder, &self.place) {
            Err(_) if self.place.is_dir() => fs::remove_dir_all(&folder).map_err(|e| broke("a folder stays behind", &folder, e)),
            done => done.map_err(|e| broke("the template can't be moved to its place", &self.place, e)),
        }
    }

    /// Starts a broker once and keeps the classes it loaded.
    fn train(&self, properties: &Path) -> Result<()> {
        let mut broker = java(256);
        broker.arg(format!("-XX:ArchiveClassesAtExit={}", self.place.join("classes.jsa").display()));
        broker.arg(self.logging()).arg("-cp").arg(class_path(&self.jars)).arg("kafka.Kafka").arg(properties);
        let life = Guarded::begin(&broker, &self.place, &self.place.join("log"))?;
        let deadline = Instant::now() + Duration::from_secs(60);
        while !life.said()?.contains(STARTED) {
            life.lives()?;
            if Instant::now() > deadline {
                return Err(life.failed("Kafka does not come up"));
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        life.end(Stop::Gently)
    }
}

/// The smallest settings a broker starts with.
fn properties(data: &Path) -> Result<String> {
    let ports = ports::free(2)?;
    let (controller, plain) = (ports.first().copied().unwrap_or_default(), ports.get(1).copied().unwrap_or_default());
    let mut text = String::from("process.roles=broker,controller\nnode.id=1\ncontroller.listener.names=CONTROLLER\n");
    let _ = writeln!(text, "controller.quorum.voters=1@127.0.0.1:{controller}");
    let _ = writeln!(text, "listeners=CONTROLLER://127.0.0.1:{controller},PLAINTEXT://127.0.0.1:{plain}");
    let _ = writeln!(text, "log.dirs={}", data.display());
    Ok(text)
}

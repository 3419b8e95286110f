//! Ways in that a broker really checks, for reading and for publishing; a wrong word is `Auth` within seconds.
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use thyme_core::{Cursor, Error, Job, Kind, Result, Secret, Sink, Source, Task};
use thyme_kafka::{KafkaSink, KafkaSource, SaslMechanism, SecurityProtocol};
use thyme_testkit::Suite;
use thyme_testkit::drive::{self, Durable, How};
use thyme_testkit::kafka::{Certs, Identity, Issuer, Kafka, Listener, New, PASSWORD, Settings, USER, issuer, missing};

use crate::world::{job, json};

/// A broker with every way in, and who issues its tokens, if there is an issuer here.
struct Gate {
    kafka: Kafka,
    issuer: Option<Issuer>,
}

/// Shorter than a case that reads on and on: a token is asked for more than once.
const LIFETIME: Duration = Duration::from_secs(5);

impl Gate {
    fn shared() -> Result<&'static Self> {
        static GATE: OnceLock<std::result::Result<Gate, String>> = OnceLock::new();
        let gate = GATE.get_or_init(|| Self::start().map_err(|error| error.to_string()));
        gate.as_ref().map_err(|error| Error::new(Kind::Unavailable, error.clone()))
    }

    fn start() -> Result<Self> {
        let issuer = if issuer::missing().is_some() { None } else { Some(Issuer::start(LIFETIME)?) };
        let settings = Settings { issuer: issuer.as_ref().map(Issuer::url), ..Settings::default() };
        // Who logged in with a token has to show another one before it expires.
        let settings = settings.option("listener.name.sasl.oauthbearer.connections.max.reauth.ms", LIFETIME.as_millis());
        let all = [Listener::Sasl, Listener::SaslSsl, Listener::Ssl, Listener::Mtls];
        Ok(Self { kafka: Kafka::start(&all.into_iter().fold(settings, Settings::listener))?, issuer })
    }

    /// A topic with three records.
    async fn topic(&self) -> Result<String> {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let name = format!("gate-{}", NEXT.fetch_add(1, Ordering::Relaxed));
        self.kafka.create_topic(&name, 1, &[]).await?;
        self.kafka.produce(&name, (0..3).map(|id| New::to(0, json(id)))).await?;
        Ok(name)
    }

    /// In by `listener`, as the right user with the right certificates.
    fn way(&self, listener: Listener) -> Result<Way> {
        let certs = self.kafka.certs().filter(|_| matches!(listener, Listener::SaslSsl | Listener::Ssl | Listener::Mtls));
        let login = matches!(listener, Listener::Sasl | Listener::SaslSsl);
        Ok(Way {
            brokers: self.kafka.brokers(listener),
            protocol: match listener {
                Listener::Sasl => SecurityProtocol::SaslPlaintext,
                Listener::SaslSsl => SecurityProtocol::SaslSsl,
                Listener::Ssl | Listener::Mtls => SecurityProtocol::Ssl,
                Listener::Plain => SecurityProtocol::Plaintext,
            },
            mechanism: login.then_some(SaslMechanism::ScramSha512),
            login: login.then(|| (USER.to_owned(), PASSWORD.to_owned())),
            token_url: None,
            ca: certs.map(Certs::pem),
            identity: certs.filter(|_| listener == Listener::Mtls).map(|certs| certs.client(USER)).transpose()?,
            key_password: None,
        })
    }

    /// In with tokens.
    fn tokens(&self) -> Result<Way> {
        Ok(Way {
            mechanism: Some(SaslMechanism::OauthBearer),
            login: Some((issuer::CLIENT.to_owned(), issuer::SECRET.to_owned())),
            token_url: self.issuer.as_ref().map(Issuer::token_url),
            ..self.way(Listener::Sasl)?
        })
    }
}

/// How a client goes in.
#[derive(Clone, Debug)]
struct Way {
    brokers: String,
    protocol: SecurityProtocol,
    mechanism: Option<SaslMechanism>,
    login: Option<(String, String)>,
    token_url: Option<String>,
    ca: Option<String>,
    identity: Option<Identity>,
    /// Of the identity's key.
    key_password: Option<&'static str>,
}

/// The fields of a connection, which a source and a sink have alike.
macro_rules! fill {
    ($config:ident, $way:expr) => {
        $config.brokers = Some($way.brokers.clone());
        $config.security_protocol = Some($way.protocol);
        $config.sasl_mechanism = $way.mechanism;
        $config.sasl_username = $way.login.as_ref().map(|(user, _)| Secret::new(user.as_str()));
        $config.sasl_password = $way.login.as_ref().map(|(_, password)| Secret::new(password.as_str()));
        $config.sasl_token_url = $way.token_url.clone();
        $config.ssl_ca_pem = $way.ca.clone();
        $config.ssl_certificate_pem = $way.identity.as_ref().map(|identity| identity.certificate.clone());
        $config.ssl_key_pem = $way.identity.as_ref().map(|identity| Secret::new(identity.key.as_str()));
        $config.ssl_key_password = $way.key_password.map(Secret::new);
        $config.properties.insert("broker.address.family".to_owned(), "v4".to_owned());
    };
}

impl Way {
    fn source(&self, topic: &str) -> KafkaSource {
        let mut config = KafkaSource::builder().topic([topic]).config();
        config.auto_offset_reset = thyme_kafka::AutoOffsetReset::Earliest;
        fill!(config, self);
        KafkaSource::new(config)
    }

    fn sink(&self, topic: &str) -> KafkaSink {
        let mut config = KafkaSink::builder().topic(topic).create_topic(thyme_kafka::CreateTopic::default()).config();
        fill!(config, self);
        KafkaSink::new(config)
    }

    /// With another password, or secret.
    fn mistaken(&self) -> Self {
        Self { login: self.login.clone().map(|(user, _)| (user, "wrong-word".to_owned())), ..self.clone() }
    }

    /// What is there is read, and published again into another topic.
    async fn opens(&self, gate: &Gate) -> Result<()> {
        let topic = gate.topic().await?;
        let mut durable = Durable::default();
        let source = self.source(&topic);
        source.check().await?;
        drive::run(&source, &named(&topic), &mut durable, How::default()).await?;
        assert_eq!(durable.ids()?, [0, 1, 2]);
        let copy = format!("{topic}-copy");
        let sink = self.sink(&copy);
        sink.check().await?;
        let mut writer = sink.open(&named(&copy)).await?.writer;
        for landed in durable.landed {
            writer.stage(&thyme_core::Batch::insert(landed.rows, thyme_core::Position::of(&0))).await?;
        }
        writer.commit(&Cursor { seq: 1, ..Cursor::start("a gate") }).await?;
        assert_eq!(gate.kafka.read(&copy).await?.len(), 3);
        Ok(())
    }

    /// Reading and publishing are refused within seconds, by a look and by a run; no secret shows.
    async fn stays_shut(&self) -> Result<()> {
        let (source, sink) = (self.source("any"), self.sink("any"));
        let refused = |what: &str, begun: Instant, done: Result<()>| {
            let error = done.expect_err(what);
            assert_eq!(error.kind(), Kind::Auth, "{what}: {error:?}");
            assert!(begun.elapsed() < Duration::from_secs(6), "{what} took {:?}: {error}", begun.elapsed());
            assert!(!format!("{error:?} {error}").contains("wrong-word"), "{what}: {error:?}");
        };
        let begun = Instant::now();
        let (read, run, look, open) = tokio::join!(
            source.check(),
            async { drive::run(&source, &named("any"), &mut Durable::default(), How::default()).await.map(drop) },
            sink.check(),
            async { sink.open(&named("any")).await.map(drop) },
        );
        for (what, done) in [("a source's check", read), ("a run", run), ("a sink's check", look), ("opening a sink", open)] {
            refused(what, begun, done);
        }
        Ok(())
    }
}

/// A key that takes a password to be used.
fn locked(key: &str, password: &str) -> Result<String> {
    use std::io::Write;
    use std::process::{Command, Stdio};
    let failed = |e: std::io::Error| Error::new(Kind::Unexpected, "openssl does not run").source(e);
    let mut lock = Command::new("openssl");
    lock.args(["pkcs8", "-topk8", "-v2", "aes-256-cbc", "-passout", &format!("pass:{password}")]);
    let mut lock = lock.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().map_err(failed)?;
    lock.stdin.take().map_or(Ok(()), |mut stdin| stdin.write_all(key.as_bytes())).map_err(failed)?;
    let key = String::from_utf8_lossy(&lock.wait_with_output().map_err(failed)?.stdout).into_owned();
    assert!(key.contains("BEGIN ENCRYPTED PRIVATE KEY"), "{key}");
    Ok(key)
}

/// A job of a pipeline of this name.
fn named(pipeline: &str) -> Job {
    Job { task: Task::alone(pipeline), ..job(&["id int64!"]) }
}

pub(crate) fn suites() -> [Suite; 2] {
    let ways = Suite::new("security")
        .needs(missing())
        .case("passwords", || async {
            let gate = Gate::shared()?;
            let one = async |listener, mechanism| {
                let way = Way { mechanism: Some(mechanism), ..gate.way(listener)? };
                way.opens(gate).await.map_err(|e| e.context("way", format!("{listener} {mechanism:?}")))?;
                way.mistaken().stays_shut().await
            };
            let all = async |listener| {
                tokio::try_join!(
                    one(listener, SaslMechanism::Plain),
                    one(listener, SaslMechanism::ScramSha256),
                    one(listener, SaslMechanism::ScramSha512),
                )
            };
            tokio::try_join!(all(Listener::Sasl), all(Listener::SaslSsl)).map(drop)
        })
        .case("certificates", || async {
            let gate = Gate::shared()?;
            let (ssl, mtls) = (gate.way(Listener::Ssl)?, gate.way(Listener::Mtls)?);
            tokio::try_join!(ssl.opens(gate), mtls.opens(gate))?;
            // A server that nobody we trust has signed; a client that shows no certificate, or one that nobody there trusts.
            for listener in [Listener::Ssl, Listener::SaslSsl] {
                Way { ca: None, ..gate.way(listener)? }.stays_shut().await?;
            }
            for identity in [None, Some(Certs::stranger(USER)?)] {
                Way { identity, ..gate.way(Listener::Mtls)? }.stays_shut().await?;
            }
            Ok(())
        })
        .case("a_key_under_a_password", || async {
            let gate = Gate::shared()?;
            let plain = gate.way(Listener::Mtls)?;
            let identity = plain.identity.clone().unwrap();
            let identity = Some(Identity { key: locked(&identity.key, "key-word")?, ..identity });
            Way { identity: identity.clone(), key_password: Some("key-word"), ..plain.clone() }.opens(gate).await?;
            for key_password in [None, Some("wrong-word")] {
                let way = Way { identity: identity.clone(), key_password, ..plain.clone() };
                for refused in [way.source("any").check().await, way.sink("any").open(&named("any")).await.map(drop)] {
                    let error = refused.unwrap_err();
                    let said = format!("{error:?} {error}");
                    assert_eq!(error.kind(), Kind::Config, "{said}");
                    assert!(said.contains("ssl_key_password") && !said.contains("wrong-word"), "{said}");
                }
            }
            Ok(())
        });
    let tokens = Suite::new("tokens")
        .needs(missing().or(issuer::missing()))
        .case("the_right_client_is_let_in", || async {
            let gate = Gate::shared()?;
            gate.tokens()?.opens(gate).await?;
            // The issuer refuses; the broker has not heard of another issuer's keys.
            gate.tokens()?.mistaken().stays_shut().await?;
            let other = Issuer::start(LIFETIME)?;
            Way { token_url: Some(other.token_url()), ..gate.tokens()? }.stays_shut().await
        })
        .case("no_issuer_is_unavailable", || async {
            let gate = Gate::shared()?;
            let away = Way { token_url: Some("http://127.0.0.1:1/token".to_owned()), ..gate.tokens()? };
            let error = away.source("any").check().await.unwrap_err();
            assert_eq!(error.kind(), Kind::Unavailable, "{error:?}");
            assert!(error.to_string().contains("issuer"), "{error}");
            let error = away.sink("any").open(&named("any")).await.map(drop).unwrap_err();
            assert_eq!(error.kind(), Kind::Unavailable, "{error:?}");
            Ok(())
        })
        .case("a_token_is_renewed_before_it_expires", || async {
            let gate = Gate::shared()?;
            let topic = gate.topic().await?;
            let way = gate.tokens()?;
            let (source, job) = (way.source(&topic), Job { once: false, ..named(&topic) });
            let copy = format!("{topic}-copy");
            let mut writer = way.sink(&copy).open(&named(&copy)).await?.writer;
            let mut plan = source.plan(&job, &Cursor::start(source.info().identity)).await?;
            let split = plan.next().await?.unwrap();
            let mut reader = plan.reader(&split, None).await?;
            let (begun, mut rows) = (Instant::now(), 0);
            for seq in 1_u64.. {
                let batch = tokio::select! {
                    batch = reader.next() => batch?.unwrap(),
                    ended = plan.next() => panic!("{ended:?}"),
                    () = tokio::time::sleep(Duration::from_secs(10)) => panic!("nothing comes after {:?}", begun.elapsed()),
                };
                rows += batch.rows.num_rows();
                writer.stage(&batch).await?;
                writer.commit(&Cursor { seq, ..Cursor::start("a gate") }).await?;
                if begun.elapsed() > LIFETIME * 2 {
                    break;
                }
                tokio::time::sleep(Duration::from_millis(300)).await;
                gate.kafka.produce(&topic, [New::to(0, json(rows as i64))]).await?;
            }
            assert_eq!(gate.kafka.read(&copy).await?.len(), rows);
            Ok(())
        });
    [ways, tokens]
}

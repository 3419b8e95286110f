//! Every `sslmode` against a server with a certificate of a test CA for `localhost` alone.
use std::path::PathBuf;

use thyme_core::{Kind, Result, Secret};
use thyme_postgres::testing::client::connect;
use thyme_postgres::{Connection, SslMode};
use thyme_testkit::postgres::{Database, Major, PASSWORD, Server, Settings, USER};

use crate::server;

fn connection(server: &Server, host: &str, sslmode: SslMode, ca: Option<PathBuf>) -> Connection {
    let database = Database { server, name: "postgres".to_owned() };
    Connection { host: host.to_owned(), sslmode, sslrootcert: ca, ..crate::connection(&database) }
}

/// Whether the server sees this connection as encrypted.
async fn encrypted(connection: &Connection) -> Result<bool> {
    let client = connect(connection).await?;
    let row = client.query_one("SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()", &[]).await.unwrap();
    Ok(row.get(0))
}

async fn refused(connection: &Connection) -> (Kind, String) {
    let error = encrypted(connection).await.expect_err("connected");
    (error.kind(), format!("{error:?}"))
}

pub(crate) async fn modes(major: Major) -> Result<()> {
    let server = server(major)?;
    let ca = server.certs().unwrap().path();
    for (mode, host, root, expected) in [
        (SslMode::Disable, "127.0.0.1", None, false),
        (SslMode::Allow, "127.0.0.1", None, false),
        (SslMode::Prefer, "127.0.0.1", None, true),
        (SslMode::Require, "127.0.0.1", None, true),
        (SslMode::Require, "127.0.0.1", Some(ca.clone()), true),
        (SslMode::VerifyCa, "127.0.0.1", Some(ca.clone()), true),
        (SslMode::VerifyCa, "localhost", Some(ca.clone()), true),
        (SslMode::VerifyFull, "localhost", Some(ca.clone()), true),
    ] {
        assert_eq!(encrypted(&connection(server, host, mode, root)).await?, expected, "{mode} {host}");
    }
    Ok(())
}

pub(crate) async fn unproven(major: Major) -> Result<()> {
    let server = server(major)?;
    let (ca, other) = (server.certs().unwrap().path(), server.certs().unwrap().other_path());
    for (mode, host, root, remedy) in [
        (SslMode::VerifyFull, "127.0.0.1", Some(ca), "connect by a name that the certificate holds"),
        (SslMode::VerifyFull, "localhost", Some(other.clone()), "name the CA that signed the server's certificate"),
        (SslMode::VerifyCa, "localhost", Some(other.clone()), "name the CA that signed the server's certificate"),
        (SslMode::Require, "localhost", Some(other), "name the CA that signed the server's certificate"),
    ] {
        let (kind, text) = refused(&connection(server, host, mode, root)).await;
        assert!(kind == Kind::Auth && text.contains(remedy), "{mode} {host}: {text}");
    }
    // Without a CA of its own the system's decide, and none of them signed this.
    let (kind, text) = refused(&connection(server, "localhost", SslMode::VerifyFull, None)).await;
    assert!(kind == Kind::Auth || text.contains("no trusted certificates"), "{text}");
    for missing in ["/nowhere/ca.pem", "/etc/hostname"] {
        let (kind, text) = refused(&connection(server, "localhost", SslMode::VerifyFull, Some(missing.into()))).await;
        assert!(kind == Kind::Config && text.contains(missing) && text.contains("sslrootcert"), "{text}");
    }
    Ok(())
}

pub(crate) async fn second_way(major: Major) -> Result<()> {
    let server = server(major)?;
    let database = Database { server, name: "postgres".to_owned() };
    database
        .run(&format!("create role only_tls login password '{PASSWORD}'; create role no_tls login password '{PASSWORD}'"))
        .await?;
    let of = |user: &str, mode| Connection { user: user.to_owned(), ..connection(server, "127.0.0.1", mode, None) };
    for (user, mode, expected) in [
        ("only_tls", SslMode::Allow, Some(true)),
        ("only_tls", SslMode::Prefer, Some(true)),
        ("only_tls", SslMode::Require, Some(true)),
        ("only_tls", SslMode::Disable, None),
        ("no_tls", SslMode::Allow, Some(false)),
        ("no_tls", SslMode::Prefer, Some(false)),
        ("no_tls", SslMode::Disable, Some(false)),
        ("no_tls", SslMode::Require, None),
    ] {
        match expected {
            Some(expected) => assert_eq!(encrypted(&of(user, mode)).await?, expected, "{user} {mode}"),
            None => {
                let (kind, text) = refused(&of(user, mode)).await;
                assert!(kind == Kind::Auth && text.contains("SQLSTATE 28000"), "{user} {mode}: {text}");
            }
        }
    }
    Ok(())
}

pub(crate) async fn client_certificate(major: Major) -> Result<()> {
    let server = server(major)?;
    let database = Database { server, name: "postgres".to_owned() };
    let name = "by cert too";
    database.run(&format!("create role by_cert login; create role \"{name}\" login password '{PASSWORD}'")).await?;
    let certs = server.certs().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let with = |user: &str, owner: &str| {
        let identity = certs.client(owner).unwrap();
        let path = folder.path().join(format!("{owner} as {user}.crt"));
        std::fs::write(&path, identity.certificate).unwrap();
        let connection = connection(server, "127.0.0.1", SslMode::VerifyCa, Some(certs.path()));
        Connection { user: user.to_owned(), sslcert: Some(path), sslkey: Some(Secret::new(identity.key)), ..connection }
    };
    let without = |user: &str| Connection { sslcert: None, sslkey: None, ..with(user, user) };
    // The certificate is the log-in; or it stands beside the password.
    assert!(encrypted(&Connection { password: None, ..with("by_cert", "by_cert") }).await?);
    assert!(encrypted(&with(name, name)).await?);
    for connection in [without("by_cert"), without(name), with("by_cert", "somebody"), with(name, "somebody")] {
        let (kind, text) = refused(&connection).await;
        assert!(kind == Kind::Auth && !text.contains("PRIVATE KEY"), "{text}");
        assert!(!format!("{connection:?}").contains("PRIVATE KEY"));
    }
    let broken = Connection { sslkey: Some(Secret::new("no key")), ..with("by_cert", "by_cert") };
    let (kind, text) = refused(&broken).await;
    assert!(kind == Kind::Config && text.contains("sslkey") && !text.contains("no key\""), "{text}");
    Ok(())
}

pub(crate) async fn without(major: Major) -> Result<()> {
    let server = Server::start(&Settings { major: Some(major), ..Settings::default() })?;
    for mode in [SslMode::Disable, SslMode::Allow, SslMode::Prefer] {
        assert!(!encrypted(&connection(&server, "localhost", mode, None)).await?, "{mode}");
    }
    for mode in [SslMode::Require, SslMode::VerifyFull] {
        let (kind, text) = refused(&connection(&server, "localhost", mode, None)).await;
        assert!(kind == Kind::Config && text.contains("server does not support TLS"), "{mode}: {text}");
    }
    assert_eq!(connection(&server, "localhost", SslMode::Prefer, None).user, USER);
    Ok(())
}

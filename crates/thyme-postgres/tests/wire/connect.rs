//! Log-in, limits, and what becomes of a connection.
use std::time::{Duration, Instant};

use futures::StreamExt;
use thyme_core::{Kind, Result, Secret};
use thyme_postgres::testing::client::connect;
use thyme_postgres::testing::error::{code, from_pg};
use thyme_postgres::{Connection, SslMode};
use thyme_testkit::postgres::{Database, Major};
use tokio::net::TcpListener;

use crate::{client, connection, server};

pub(crate) async fn password(major: Major) -> Result<()> {
    let server = server(major)?;
    let database = Database { server, name: "postgres".to_owned() };
    let secure = server.certs().map(|_| SslMode::Require);
    for mode in [SslMode::Disable, SslMode::Prefer].into_iter().chain(secure) {
        let wrong = Connection { password: Some(Secret::new("hunter2")), sslmode: mode, ..connection(&database) };
        let error = connect(&wrong).await.unwrap_err();
        assert_eq!(error.kind(), Kind::Auth, "{error}");
        assert!(error.to_string().contains("28P01") && !format!("{error:?}{wrong:?}").contains("hunter2"), "{error:?}");
    }
    let none = Connection { password: None, ..connection(&database) };
    assert_eq!(connect(&none).await.unwrap_err().kind(), Kind::Auth);
    // The method of log-in is really SCRAM.
    let stored = database.column("select rolpassword like 'SCRAM-SHA-256$%' from pg_authid where rolname = current_user").await?;
    assert_eq!(stored, ["t"]);
    let error = connect(&Connection { database: "nowhere".to_owned(), ..connection(&database) }).await.unwrap_err();
    assert!(error.kind() == Kind::NotFound && error.to_string().contains("3D000"), "{error}");
    Ok(())
}

pub(crate) async fn limits(major: Major) -> Result<()> {
    let database = server(major)?.database().await?;
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let begun = Instant::now();
    let quick = Connection {
        port: silent.local_addr().unwrap().port(),
        connect_timeout: Duration::from_millis(300),
        ..connection(&database)
    };
    let error = connect(&quick).await.unwrap_err();
    assert!(error.kind() == Kind::Unavailable && error.message() == "no connection within 300ms", "{error}");
    assert!(begun.elapsed() < Duration::from_secs(5));
    drop(silent);
    let error = connect(&quick).await.unwrap_err();
    assert!(error.kind() == Kind::Unavailable && error.to_string().contains("refused"), "{error}");

    let limited = Connection { statement_timeout: Some(Duration::from_millis(200)), ..connection(&database) };
    let limited = connect(&limited).await?;
    let error = limited.batch_execute("select pg_sleep(30)").await.map_err(|e| from_pg(e, "sleep")).unwrap_err();
    assert_eq!((error.kind(), code(&error).map(|code| code.code())), (Kind::Unavailable, Some("57014")));
    assert!(error.to_string().contains("statement timeout"), "{error}");
    limited.batch_execute("select 1").await.unwrap();
    Ok(())
}

pub(crate) async fn dropped(major: Major) -> Result<()> {
    let database = server(major)?.database().await?;
    let named = Connection { application_name: "thyme dropped".to_owned(), ..connection(&database) };
    let client = connect(&named).await?;
    let endless = "COPY (SELECT repeat('x', 1000) FROM generate_series(1, 100000000)) TO STDOUT (FORMAT binary)";
    let mut rows = Box::pin(client.copy_out(endless).await.unwrap());
    assert!(rows.next().await.unwrap().is_ok());
    let running = "select count(*) from pg_stat_activity where application_name = 'thyme dropped'";
    assert_eq!(database.column(running).await?, ["1"]);
    drop(client);
    let begun = Instant::now();
    while database.column(running).await? != ["0"] {
        assert!(begun.elapsed() < Duration::from_secs(10), "the statement goes on without its client");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    Ok(())
}

pub(crate) async fn session(major: Major) -> Result<()> {
    let database = server(major)?.database().await?;
    database
        .run(&format!(
            "alter database {0} set timezone = 'Asia/Kathmandu'; alter database {0} set datestyle = 'German'; \
             alter database {0} set extra_float_digits = -5; alter database {0} set intervalstyle = 'iso_8601'; \
             alter database {0} set bytea_output = 'escape'; alter database {0} set standard_conforming_strings = off",
            database.name
        ))
        .await?;
    let client = client(&database).await?;
    let sql = "SELECT concat_ws(' ', timestamptz '2024-01-02 03:04:05+00', date '2024-01-02', 0.1::float8 + 0.2::float8, \
        interval '1 day 2 hours', bytea '\\x00ff', current_setting('application_name'))";
    let row = client.query_one(sql, &[]).await.unwrap();
    let shown: String = row.get(0);
    assert_eq!(shown, "2024-01-02 03:04:05+00 2024-01-02 0.30000000000000004 1 day 02:00:00 \\x00ff thyme");
    Ok(())
}

//! The wire against real servers: types both ways, TLS, hostile names and hostile bytes.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests fail by panicking")]
mod connect;
mod hostile;
mod names;
mod refused;
mod table;
mod tls;
mod types;

use std::process::ExitCode;
use std::time::Duration;

use thyme_core::{Result, Secret};
use thyme_postgres::testing::client::{Client, connect};
use thyme_postgres::{Connection, PostgresSourceConfig, SslMode};
use thyme_testkit::Suite;
use thyme_testkit::postgres::{Database, Major, PASSWORD, Server, Settings, USER, missing, missing_tls};

fn main() -> ExitCode {
    let mut suites: Vec<Suite> = Major::ALL.iter().map(|&major| wire(major)).collect();
    // TLS is the client's work: one version of the server is enough, and 18 comes without it.
    let major = Major::V15;
    suites.push(
        Suite::new("tls")
            .needs(missing(major))
            .case("each_sslmode_is_what_libpq_says", move || tls::modes(major))
            .case("a_server_that_is_not_proven_is_refused", move || tls::unproven(major))
            .case("the_second_way_of_allow_and_prefer", move || tls::second_way(major))
            .case("a_client_certificate_logs_in", move || tls::client_certificate(major))
            .case("a_server_without_tls", move || tls::without(major)),
    );
    thyme_testkit::main(suites)
}

fn wire(major: Major) -> Suite {
    Suite::new(format!("wire_{}", major.number()))
        .needs(missing(major))
        .case("every_type_goes_both_ways", move || types::both_ways(major))
        .case("every_type_goes_through_source_and_sink", move || types::through(major))
        .case("every_type_goes_into_a_table_made_of_its_fields", move || types::created(major))
        .case("other_types_are_read_as_the_server_prints_them", move || types::as_printed(major))
        .case("a_dataset_can_ask_for_wider_types", move || types::wider(major))
        .case("what_arrow_cannot_hold_costs_its_row", move || refused::read(major))
        .case("what_the_server_cannot_hold_costs_its_row", move || refused::written(major))
        .case("hostile_names_are_names", move || names::names(major))
        .case("hostile_texts_are_texts", move || names::literals(major))
        .case("missing_tables_and_columns_are_named", move || names::missing(major))
        .case("any_cut_of_the_stream_gives_the_same_rows", move || hostile::cut(major))
        .case("mutated_bytes_are_rows_or_errors", move || hostile::mutated(major, 3000))
        .soak("many_mutated_bytes_are_rows_or_errors", move || hostile::mutated(major, 300_000))
        .case("a_wrong_password_is_auth_and_never_shown", move || connect::password(major))
        .case("time_outs_and_cancels", move || connect::limits(major))
        .case("a_dropped_client_ends_its_statement", move || connect::dropped(major))
        .case("the_session_does_not_depend_on_the_role", move || connect::session(major))
}

/// The one server of a version in this process.
fn server(major: Major) -> Result<&'static Server> {
    use std::sync::Mutex;
    static SERVERS: Mutex<Vec<(Major, &'static Server)>> = Mutex::new(Vec::new());
    let mut servers = SERVERS.lock().unwrap();
    if let Some((_, server)) = servers.iter().find(|(other, _)| *other == major) {
        return Ok(server);
    }
    let hba = [
        "hostssl all only_tls 127.0.0.1/32 scram-sha-256",
        "host all only_tls 127.0.0.1/32 reject",
        "hostnossl all no_tls 127.0.0.1/32 scram-sha-256",
        "host all no_tls 127.0.0.1/32 reject",
        "hostssl all by_cert 127.0.0.1/32 cert",
        "hostssl all \"by cert too\" 127.0.0.1/32 scram-sha-256 clientcert=verify-full",
    ];
    let tls = missing_tls(major).is_none();
    let settings = Settings {
        major: Some(major),
        tls,
        hba: hba.map(str::to_owned).into_iter().filter(|_| tls).collect(),
        options: vec![("max_connections".to_owned(), "200".to_owned())],
    };
    let server: &'static Server = Box::leak(Box::new(Server::start(&settings)?));
    servers.push((major, server));
    Ok(server)
}

/// Where `database` is, without TLS.
fn connection(database: &Database<'_>) -> Connection {
    let config = PostgresSourceConfig::builder().host("127.0.0.1").port(database.server.port()).database(&database.name);
    let config = config.user(USER).password(Secret::new(PASSWORD)).sslmode(SslMode::Disable);
    config.connect_timeout(Duration::from_secs(10)).config().connection().unwrap()
}

async fn client(database: &Database<'_>) -> Result<Client> {
    connect(&connection(database)).await
}

//! The connection-level fields, written once for the source and the sink; how texts become values.
use std::collections::BTreeMap;
use std::time::Duration;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer};
use serde_json::Value;
use thyme_core::{Result, duration};

/// A config struct with its own fields first, then those that say where the brokers are.
macro_rules! with_connection {
    ($(#[$meta:meta])* pub struct $name:ident { $($own:tt)* }) => {
        $(#[$meta])*
        pub struct $name {
            $($own)*

            /// The brokers to begin with: `host:port`, several separated by commas. One that answers is enough, it knows the others.
            #[schemars(extend("x-connection" = true, "x-aliases" = ["bootstrap_servers", "bootstrapServers"]))]
            pub brokers: Option<String>,

            /// How the line is protected: `PLAINTEXT`, `SSL`, `SASL_PLAINTEXT` or `SASL_SSL`. Unless said otherwise `SASL_SSL` as soon
            /// as there is a log-in, `SSL` with certificates alone, else `PLAINTEXT`.
            #[schemars(extend("x-connection" = true, "x-aliases" = ["securityProtocol"]))]
            pub security_protocol: Option<$crate::config::SecurityProtocol>,

            /// How we log in: `PLAIN`, `SCRAM-SHA-256`, `SCRAM-SHA-512`, `OAUTHBEARER` (a token of `sasl_token_url`, by client
            /// credentials), or `AWS_MSK_IAM` (a token signed with the AWS credentials of this process).
            #[schemars(extend("x-connection" = true, "default" = "PLAIN", "x-aliases" = ["saslMechanism"]))]
            pub sasl_mechanism: Option<$crate::config::SaslMechanism>,

            /// Who logs in; the id of the client under `OAUTHBEARER`.
            #[schemars(extend("x-connection" = true, "x-aliases" = ["key", "saslUsername"]))]
            pub sasl_username: Option<thyme_core::Secret>,

            /// The password; the secret of the client under `OAUTHBEARER`.
            #[schemars(extend("x-connection" = true, "x-aliases" = ["secret", "saslPassword"]))]
            pub sasl_password: Option<thyme_core::Secret>,

            /// Where tokens are asked for under `OAUTHBEARER`: the token endpoint of an OpenID Connect issuer. A token is renewed
            /// before it expires.
            #[schemars(extend("x-connection" = true))]
            pub sasl_token_url: Option<String>,

            /// The scope that tokens are asked for.
            #[schemars(extend("x-connection" = true))]
            pub sasl_token_scope: Option<String>,

            /// The region that tokens are signed for under `AWS_MSK_IAM`; that of the brokers' names unless given.
            #[schemars(extend("x-connection" = true))]
            pub aws_region: Option<String>,

            /// Certificates that may have signed the brokers', as PEM text; those that the system trusts unless said otherwise.
            #[schemars(extend("x-connection" = true, "x-aliases" = ["sslCaPem"]))]
            pub ssl_ca_pem: Option<String>,

            /// The same in a file.
            #[schemars(extend("x-connection" = true, "x-path" = true))]
            pub ssl_ca_pem_file: Option<String>,

            /// The client's certificate and what leads from it to the brokers' CA, as PEM text.
            #[schemars(extend("x-connection" = true))]
            pub ssl_certificate_pem: Option<String>,

            /// The same in a file.
            #[schemars(extend("x-connection" = true, "x-path" = true))]
            pub ssl_certificate_pem_file: Option<String>,

            /// The private key of the client's certificate, as PEM text.
            #[schemars(extend("x-connection" = true))]
            pub ssl_key_pem: Option<thyme_core::Secret>,

            /// The same in a file.
            #[schemars(extend("x-connection" = true, "x-path" = true))]
            pub ssl_key_pem_file: Option<String>,

            /// What the private key is encrypted with, if it is.
            #[schemars(extend("x-connection" = true))]
            pub ssl_key_password: Option<thyme_core::Secret>,

            /// The schema registry, by the address that Confluent's API begins at: `http://registry:8081`.
            #[schemars(extend("x-connection" = true, "x-aliases" = ["schemaRegistryUrl"]))]
            pub schema_registry_url: Option<String>,

            /// Who asks the registry.
            #[schemars(extend("x-connection" = true, "x-aliases" = ["schemaRegistryUsername"]))]
            pub schema_registry_username: Option<thyme_core::Secret>,

            /// The password for the registry.
            #[schemars(extend("x-connection" = true, "x-aliases" = ["schemaRegistryPassword"]))]
            pub schema_registry_password: Option<thyme_core::Secret>,

            /// How long the brokers may take to answer for the first time, TLS and log-in included.
            #[serde(default, deserialize_with = "crate::config::fields::time")]
            #[schemars(with = "Option<String>", extend("x-connection" = true, "format" = "duration", "default" = "10s"))]
            pub connect_timeout: Option<std::time::Duration>,

            /// Any other property of librdkafka: `{ "socket.keepalive.enable" = true }`. What has a field here is refused.
            #[serde(default, deserialize_with = "crate::config::fields::properties")]
            #[schemars(
                with = "std::collections::BTreeMap<String, serde_json::Value>",
                extend("x-connection" = true)
            )]
            #[builder(default, with = |properties: impl IntoIterator<Item = (impl Into<String>, impl Into<String>)>| {
                properties.into_iter().map(|(name, value)| (name.into(), value.into())).collect()
            })]
            pub properties: std::collections::BTreeMap<String, String>,
        }

        impl $name {
            /// Where the brokers are and who connects: these fields and what follows from them.
            ///
            /// # Errors
            /// `Config` for a missing broker, fields that don't fit together, and properties that are not the user's to set.
            pub fn connection(&self) -> thyme_core::Result<$crate::config::Connection> {
                $crate::config::connection::Given {
                    brokers: self.brokers.clone(),
                    security_protocol: self.security_protocol,
                    sasl_mechanism: self.sasl_mechanism,
                    sasl_username: self.sasl_username.clone(),
                    sasl_password: self.sasl_password.clone(),
                    token_url: self.sasl_token_url.clone(),
                    token_scope: self.sasl_token_scope.clone(),
                    aws_region: self.aws_region.clone(),
                    ssl_ca_pem: self.ssl_ca_pem.clone(),
                    ssl_ca_pem_file: self.ssl_ca_pem_file.clone(),
                    ssl_certificate_pem: self.ssl_certificate_pem.clone(),
                    ssl_certificate_pem_file: self.ssl_certificate_pem_file.clone(),
                    ssl_key_pem: self.ssl_key_pem.clone(),
                    ssl_key_pem_file: self.ssl_key_pem_file.clone(),
                    ssl_key_password: self.ssl_key_password.clone(),
                    registry_url: self.schema_registry_url.clone(),
                    registry_username: self.schema_registry_username.clone(),
                    registry_password: self.schema_registry_password.clone(),
                    connect_timeout: self.connect_timeout,
                    properties: self.properties.clone(),
                }
                .resolve()
            }
        }
    };
}
pub(super) use with_connection;

/// `5s`, `2m` …
pub(super) fn time<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Duration>, D::Error> {
    let text = Option::<String>::deserialize(deserializer)?;
    text.map(|text| duration::parse(&text).map_err(D::Error::custom)).transpose()
}

/// One name, or a list of them.
pub(super) fn names<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Form {
        One(String),
        Many(Vec<String>),
    }
    Ok(match Form::deserialize(deserializer)? {
        Form::One(name) => vec![name],
        Form::Many(names) => names,
    })
}

/// Texts by name; numbers and truth values by their JSON text.
pub(super) fn properties<'de, D: Deserializer<'de>>(deserializer: D) -> Result<BTreeMap<String, String>, D::Error> {
    let given = BTreeMap::<String, Value>::deserialize(deserializer)?;
    let text = |(name, value): (String, Value)| match value {
        Value::String(text) => Ok((name, text)),
        Value::Number(number) => Ok((name, number.to_string())),
        Value::Bool(truth) => Ok((name, truth.to_string())),
        _ => Err(D::Error::custom(format!("the property `{name}` is neither a text, a number nor true or false"))),
    };
    given.into_iter().map(text).collect()
}

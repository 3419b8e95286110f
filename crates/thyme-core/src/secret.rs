//! Text that must not be seen.
use std::borrow::Cow;
use std::fmt;
use std::path::PathBuf;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::{Error, Kind, Result, env};

/// A password, token or key: given as it is, or by the place it is found. Shown, logged and serialised as `***`, and wiped from
/// memory when dropped.
///
/// ```compile_fail
/// let text: String = thyme_core::Secret::new("hunter2").to_string(); // a secret has no Display
/// ```
#[derive(Clone)]
pub struct Secret(Place);

#[derive(Clone)]
enum Place {
    Plain(SecretString),
    Env { name: String, default: Option<SecretString> },
    File(PathBuf),
}

impl Secret {
    /// The secret itself.
    pub fn new(text: impl Into<String>) -> Self {
        Self(Place::Plain(SecretString::from(text.into())))
    }

    /// Found in the environment variable `name`.
    pub fn env(name: impl Into<String>) -> Self {
        Self(Place::Env { name: name.into(), default: None })
    }

    /// Found in a file; a line end at its end is not part of it.
    pub fn file(path: impl Into<PathBuf>) -> Self {
        Self(Place::File(path.into()))
    }

    /// The secret, looked up now.
    ///
    /// # Errors
    /// `Config` naming the variable that is not set, or the file that can't be read.
    pub fn reveal(&self) -> Result<Revealed> {
        match &self.0 {
            Place::Plain(text) => Ok(Revealed(text.clone())),
            Place::Env { name, default } => match (env::var(name)?, default) {
                (Some(text), _) => Ok(Revealed(SecretString::from(text))),
                (None, Some(default)) => Ok(Revealed(default.clone())),
                (None, None) => Err(Error::new(Kind::Config, format!("the environment variable {name} is not set"))),
            },
            Place::File(path) => {
                let read = std::fs::read_to_string(path);
                let text = read.map_err(|e| {
                    Error::new(Kind::Config, "the file of a secret can't be read").context("file", path.display()).source(e)
                })?;
                Ok(Revealed(SecretString::from(text.trim_end_matches(['\r', '\n']).to_owned())))
            }
        }
    }
}

/// A secret in the clear, for the moment it is used. Without `Display`; wiped when dropped.
pub struct Revealed(SecretString);

impl Revealed {
    /// The text. Don't keep it, log it, or put it in an error.
    #[must_use]
    pub fn expose(&self) -> &str {
        self.0.expose_secret()
    }
}

impl fmt::Debug for Revealed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Place::Plain(_) => f.write_str("***"),
            Place::Env { name, .. } => write!(f, "env {name}"),
            Place::File(path) => write!(f, "file {}", path.display()),
        }
    }
}

impl From<&str> for Secret {
    fn from(text: &str) -> Self {
        Self::new(text)
    }
}

impl From<String> for Secret {
    fn from(text: String) -> Self {
        Self::new(text)
    }
}

impl Serialize for Secret {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str("***")
    }
}

impl<'de> Deserialize<'de> for Secret {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Form {
            Plain(String),
            Env(InEnv),
            File(InFile),
        }
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct InEnv {
            env: String,
            #[serde(default)]
            default: Option<String>,
        }
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct InFile {
            file: PathBuf,
        }
        let form = Form::deserialize(deserializer);
        // The usual message would quote what it found.
        let form = form.map_err(|_| serde::de::Error::custom("expected a text, { env = \"NAME\" } or { file = \"PATH\" }"))?;
        Ok(Self(match form {
            Form::Plain(text) => Place::Plain(text.into()),
            Form::Env(InEnv { env, default }) => Place::Env { name: env, default: default.map(Into::into) },
            Form::File(InFile { file }) => Place::File(file),
        }))
    }
}

impl JsonSchema for Secret {
    fn schema_name() -> Cow<'static, str> {
        "Secret".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "x-secret": true })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_never_seen_and_is_found_where_it_lies() {
        let path = std::env::temp_dir().join(format!("thyme-secret-{}", std::process::id()));
        std::fs::write(&path, "hunter2\n").unwrap();
        let forms = [
            serde_json::json!("hunter2"),
            serde_json::json!({"env": "THYME_NO_SUCH", "default": "hunter2"}),
            serde_json::json!({"file": path}),
        ];
        for form in forms {
            let secret: Secret = serde_json::from_value(form).unwrap();
            let revealed = secret.reveal().unwrap();
            assert_eq!(revealed.expose(), "hunter2");
            assert!(!format!("{secret:?}{revealed:?}{}", serde_json::to_string(&secret).unwrap()).contains("hunter2"));
        }
        std::fs::remove_file(path).unwrap();
        let error = serde_json::from_value::<Secret>(serde_json::json!({"hunter2": 1})).unwrap_err();
        assert!(!error.to_string().contains("hunter2"), "{error}");
        assert!(Secret::env("THYME_NO_SUCH").reveal().unwrap_err().message().contains("THYME_NO_SUCH"));
    }
}

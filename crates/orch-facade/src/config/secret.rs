//! Secrets: a configuration says where they are, and never what they are.

use std::fmt;
use std::path::{Path, PathBuf};

use schemars::JsonSchema;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;

use super::environment::Variables;
use super::shown::{REDACTED, is_place};

/// Where a secret is.
#[derive(Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(super) enum Secret {
    /// In the environment variable of this name.
    Env(String),
    /// In this file, spaces and line ends around it aside; from the folder of the configuration file.
    File(PathBuf),
}

/// How a secret is written.
const HOW: &str = "write { env = \"NAME\" } for an environment variable, or { file = \"PATH\" }";

impl Secret {
    /// The secret itself.
    ///
    /// # Errors
    /// Why it cannot be had, without it.
    pub(super) fn reveal(&self, variables: &Variables, folder: &Path) -> Result<String, String> {
        let (secret, place) = match self {
            Self::Env(name) => {
                let place = format!("the environment variable `{}`", shown("env", name));
                (variables.get(name).ok_or_else(|| format!("{place} is not set"))?, place)
            }
            Self::File(path) => {
                let place = format!("the file `{}`", shown("file", &path.to_string_lossy()));
                let text = std::fs::read_to_string(folder.join(path));
                (text.map_err(|error| format!("{place} cannot be read: {error}"))?, place)
            }
        };
        let secret = secret.trim();
        if secret.is_empty() { Err(format!("{place} is empty")) } else { Ok(secret.to_owned()) }
    }
}

/// The name of a place, unless it may be the secret itself.
fn shown<'p>(reference: &str, place: &'p str) -> &'p str {
    if is_place(reference, place) { place } else { REDACTED }
}

impl<'de> Deserialize<'de> for Secret {
    // By hand, because no complaint may repeat what was given.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let given = Value::deserialize(deserializer)?;
        let one = given.as_object().filter(|fields| fields.len() == 1);
        let text = |name| one.and_then(|fields| fields.get(name)).and_then(Value::as_str);
        match (text("env"), text("file")) {
            (Some(name), _) => Ok(Self::Env(name.to_owned())),
            (_, Some(path)) => Ok(Self::File(path.into())),
            _ if given.is_object() => Err(D::Error::custom(format!("expected one reference: {HOW}"))),
            _ => Err(D::Error::custom(format!("a secret does not stand in a configuration: {HOW}"))),
        }
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Env(name) => write!(f, "Env({:?})", shown("env", name)),
            Self::File(path) => write!(f, "File({:?})", shown("file", &path.to_string_lossy())),
        }
    }
}

/// A text that may be a secret: written out if it is none, else where it is.
#[derive(Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(untagged)]
pub(super) enum Text {
    Plain(String),
    Secret(Secret),
}

impl Text {
    /// The text itself.
    pub(super) fn reveal(&self, variables: &Variables, folder: &Path) -> Result<String, String> {
        match self {
            Self::Plain(text) => Ok(text.clone()),
            Self::Secret(secret) => secret.reveal(variables, folder),
        }
    }
}

impl<'de> Deserialize<'de> for Text {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match Value::deserialize(deserializer)? {
            Value::String(text) => Ok(Self::Plain(text)),
            Value::Object(reference) => {
                Secret::deserialize(Value::Object(reference)).map(Self::Secret).map_err(D::Error::custom)
            }
            _ => Err(D::Error::custom(format!("expected a text; if it is a secret, {HOW}"))),
        }
    }
}

impl fmt::Debug for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Plain(_) => f.write_str(REDACTED),
            Self::Secret(secret) => secret.fmt(f),
        }
    }
}

use orch_core::did_you_mean;
use serde_json::{Map, Value};

use crate::error::hint;

/// A JSON Pointer, and what is wrong there.
pub(super) type Wrong = (String, String);

/// A value and its place.
#[derive(Clone)]
pub(super) struct Place<'v> {
    pub(super) value: &'v Value,
    pub(super) pointer: String,
}

impl<'v> Place<'v> {
    pub(super) fn wrong<T>(&self, reason: impl Into<String>) -> Result<T, Wrong> {
        Err((self.pointer.clone(), reason.into()))
    }

    fn expected<T>(&self, expected: &str) -> Result<T, Wrong> {
        let seen = match self.value {
            Value::Null => "null",
            Value::Bool(_) => "a boolean",
            Value::Number(_) => "a number",
            Value::String(_) => "a text",
            Value::Array(_) => "a list",
            Value::Object(_) => "an object",
        };
        self.wrong(format!("expected {expected}, found {seen}"))
    }

    pub(super) fn text(&self) -> Result<&'v str, Wrong> {
        self.value.as_str().map_or_else(|| self.expected("a text"), Ok)
    }

    pub(super) fn bool(&self) -> Result<bool, Wrong> {
        self.value.as_bool().map_or_else(|| self.expected("true or false"), Ok)
    }

    /// A whole number of whatever kind.
    pub(super) fn number<T: TryFrom<i64>>(&self) -> Result<T, Wrong> {
        let number = self.value.as_i64().and_then(|number| T::try_from(number).ok());
        number.map_or_else(|| self.expected("a whole number in range"), Ok)
    }

    pub(super) fn list(&self) -> Result<Vec<Self>, Wrong> {
        let Value::Array(items) = self.value else { return self.expected("a list") };
        let item = |(n, value)| Self { value, pointer: format!("{}/{n}", self.pointer) };
        Ok(items.iter().enumerate().map(item).collect())
    }

    /// The texts of a list.
    pub(super) fn texts(&self) -> Result<Vec<String>, Wrong> {
        self.list()?.iter().map(|item| item.text().map(str::to_owned)).collect()
    }

    /// The fields of an object that has no others.
    pub(super) fn fields(&self, known: &'static [&'static str]) -> Result<Fields<'v>, Wrong> {
        let fields = self.entries()?;
        match fields.keys().find(|name| !known.contains(&name.as_str())) {
            None => Ok(Fields { fields, pointer: self.pointer.clone() }),
            Some(name) => {
                let hint = match did_you_mean(name, known.iter().copied()) {
                    Some(meant) => hint(Some(meant)),
                    None => format!(", known are {}", quoted(known)),
                };
                Err((self.inner(name), format!("unknown field `{name}`{hint}")))
            }
        }
    }

    /// The fields of an object, whatever their names.
    pub(super) fn entries(&self) -> Result<&'v Map<String, Value>, Wrong> {
        self.value.as_object().map_or_else(|| self.expected("an object"), Ok)
    }

    /// The word of a list of known ones that this text is.
    pub(super) fn word<T>(&self, what: &str, known: impl Fn(&str) -> Option<T>, all: &[&str]) -> Result<T, Wrong> {
        let word = self.text()?;
        let unknown = || {
            let hint = match did_you_mean(word, all.iter().copied()) {
                Some(meant) => hint(Some(meant)),
                None => format!(", known are {}", quoted(all)),
            };
            self.wrong(format!("unknown {what} `{word}`{hint}"))
        };
        known(word).map_or_else(unknown, Ok)
    }

    pub(super) fn inner(&self, name: &str) -> String {
        format!("{}/{}", self.pointer, name.replace('~', "~0").replace('/', "~1"))
    }
}

fn quoted(names: &[&str]) -> String {
    names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}

/// The fields of an object, all of which are known.
pub(super) struct Fields<'v> {
    fields: &'v Map<String, Value>,
    pointer: String,
}

impl<'v> Fields<'v> {
    pub(super) fn has(&self, name: &str) -> bool {
        self.fields.contains_key(name)
    }

    pub(super) fn optional(&self, name: &str) -> Option<Place<'v>> {
        self.fields.get(name).map(|value| Place { value, pointer: format!("{}/{name}", self.pointer) })
    }

    pub(super) fn required(&self, name: &str) -> Result<Place<'v>, Wrong> {
        self.optional(name).ok_or_else(|| (self.pointer.clone(), format!("the field `{name}` is missing")))
    }
}

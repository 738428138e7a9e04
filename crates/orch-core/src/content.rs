use std::any::Any;
use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;

use crate::Error;

/// A value of any type that can become JSON. Implemented for every `Serialize + Send + Sync + 'static`.
pub trait TypedContent: Send + Sync + 'static {
    /// The value as JSON.
    ///
    /// # Errors
    /// When the type cannot be expressed in JSON.
    fn to_json(&self) -> Result<Value, serde_json::Error>;

    /// The value itself, to be downcast.
    fn as_any(&self) -> &dyn Any;
}

impl<T: Serialize + Send + Sync + 'static> TypedContent for T {
    fn to_json(&self) -> Result<Value, serde_json::Error> {
        serde_json::to_value(self)
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

/// What a tool answers: JSON, or a typed value that becomes JSON only where it leaves the process.
///
/// A value that was stored or sent is always read back as JSON;
/// [`get`](Self::get) hides the difference.
///
/// ```
/// # fn main() -> Result<(), orch_core::Error> {
/// use orch_core::Content;
///
/// let typed = Content::typed(vec![1, 2, 3]);
/// let json = Content::json(serde_json::json!([1, 2, 3]));
/// assert_eq!(typed.get::<Vec<i32>>()?, json.get::<Vec<i32>>()?);
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub enum Content {
    /// JSON, shared.
    Json(Arc<Value>),
    /// A typed value, shared.
    Typed(Arc<dyn TypedContent>),
}

impl Content {
    /// JSON.
    pub fn json(value: impl Into<Value>) -> Self {
        Self::Json(Arc::new(value.into()))
    }

    /// A typed value.
    pub fn typed<T: TypedContent>(value: T) -> Self {
        Self::Typed(Arc::new(value))
    }

    /// The value as `T`: the same value if it is one, else read from its JSON.
    ///
    /// # Errors
    /// `BadOutput` that points at the field which does not fit.
    pub fn get<T: DeserializeOwned + Clone + 'static>(&self) -> Result<T, Error> {
        if let Some(value) = self.downcast::<T>() {
            return Ok(value.clone());
        }
        from_json(self.to_json()?.as_ref())
    }

    /// The value itself, if it is a typed `T`.
    #[must_use]
    pub fn downcast<T: 'static>(&self) -> Option<&T> {
        match self {
            Self::Typed(value) => value.as_ref().as_any().downcast_ref(),
            Self::Json(_) => None,
        }
    }

    /// The value as JSON; shared, not copied, if it is JSON already.
    ///
    /// # Errors
    /// `BadOutput` when the typed value cannot be expressed in JSON.
    pub fn to_json(&self) -> Result<Arc<Value>, Error> {
        match self {
            Self::Json(value) => Ok(Arc::clone(value)),
            Self::Typed(value) => Ok(Arc::new(value.to_json()?)),
        }
    }

    /// The text, if the value is a JSON string or a typed `String`.
    #[must_use]
    pub fn as_text(&self) -> Option<&str> {
        match self {
            Self::Json(value) => value.as_str(),
            Self::Typed(value) => value.as_ref().as_any().downcast_ref::<String>().map(String::as_str),
        }
    }
}

/// Reads JSON that a tool answered as `T`.
///
/// # Errors
/// `BadOutput` that points at the field which does not fit.
pub fn from_json<T: DeserializeOwned>(json: &Value) -> Result<T, Error> {
    serde_path_to_error::deserialize(json)
        .map_err(|error| Error::bad_output(pointer(error.path()), error.inner().to_string()))
}

/// A path of `serde_path_to_error` as a JSON Pointer.
pub(crate) fn pointer(path: &serde_path_to_error::Path) -> String {
    use serde_path_to_error::Segment;
    let mut pointer = String::new();
    for segment in path {
        match segment {
            Segment::Seq { index } => pointer.push_str(&format!("/{index}")),
            Segment::Map { key } => pointer.push_str(&format!("/{}", key.replace('~', "~0").replace('/', "~1"))),
            Segment::Enum { .. } | Segment::Unknown => {}
        }
    }
    pointer
}

impl Default for Content {
    fn default() -> Self {
        Self::json(Value::Null)
    }
}

/// Equal as JSON.
impl PartialEq for Content {
    fn eq(&self, other: &Self) -> bool {
        matches!((self.to_json(), other.to_json()), (Ok(a), Ok(b)) if a == b)
    }
}

impl fmt::Debug for Content {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.to_json() {
            Ok(json) => fmt::Debug::fmt(&json, f),
            Err(error) => write!(f, "<{error}>"),
        }
    }
}

impl Serialize for Content {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.to_json().map_err(serde::ser::Error::custom)?.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Content {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Value::deserialize(deserializer).map(Self::json)
    }
}

impl JsonSchema for Content {
    fn schema_name() -> Cow<'static, str> {
        "Content".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "description": "Any JSON." })
    }
}

impl From<Value> for Content {
    fn from(value: Value) -> Self {
        Self::json(value)
    }
}

impl From<String> for Content {
    fn from(text: String) -> Self {
        Self::json(text)
    }
}

impl From<&str> for Content {
    fn from(text: &str) -> Self {
        Self::json(text)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
    struct Answer {
        items: Vec<u32>,
    }

    #[test]
    fn the_first_caller_and_a_replay_get_the_same_value() {
        let first = Content::typed(Answer { items: vec![1, 2] });
        let replay: Content = serde_json::from_str(&serde_json::to_string(&first).unwrap()).unwrap();
        assert!(matches!(replay, Content::Json(_)));
        assert_eq!(first.get::<Answer>().unwrap(), replay.get::<Answer>().unwrap());
        assert_eq!(first, replay);
    }

    #[test]
    fn a_value_that_does_not_fit_names_the_field() {
        let error = Content::json(json!({ "items": [1, "two"] })).get::<Answer>().unwrap_err();
        assert!(error.to_string().contains("`/items/1`"), "{error}");
    }
}

//! The answer as it comes: whole, or one chunk of a stream. Servers leave out what others send as `null` or as an
//! empty text, so all three are the same here, and unknown fields are ignored.

use serde::{Deserialize, Deserializer};
use serde_json::Value;

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Answer {
    pub(super) id: Option<String>,
    pub(super) model: Option<String>,
    #[serde(deserialize_with = "or_default")]
    pub(super) choices: Vec<Choice>,
    /// Read leniently, like the next: a strange tier is not worth an answer.
    pub(super) service_tier: Option<Value>,
    /// Read leniently: a strange counter is not worth an answer.
    pub(super) usage: Option<Value>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Choice {
    #[serde(deserialize_with = "or_default")]
    pub(super) index: u32,
    /// In a whole answer.
    pub(super) message: Option<Piece>,
    /// In a chunk of a stream.
    pub(super) delta: Option<Piece>,
    pub(super) finish_reason: Option<String>,
}

impl Choice {
    pub(super) fn into_piece(self) -> Piece {
        self.message.or(self.delta).unwrap_or_default()
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Piece {
    pub(super) content: Option<String>,
    pub(super) refusal: Option<String>,
    pub(super) reasoning_content: Option<String>,
    pub(super) reasoning: Option<String>,
    #[serde(deserialize_with = "or_default")]
    pub(super) tool_calls: Vec<Call>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Call {
    pub(super) index: Option<u32>,
    pub(super) id: Option<String>,
    #[serde(deserialize_with = "or_default")]
    pub(super) function: Function,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Function {
    pub(super) name: Option<String>,
    /// JSON as a text; some servers send the JSON itself.
    pub(super) arguments: Option<Value>,
}

fn or_default<'de, D: Deserializer<'de>, T: Deserialize<'de> + Default>(deserializer: D) -> Result<T, D::Error> {
    Option::<T>::deserialize(deserializer).map(Option::unwrap_or_default)
}

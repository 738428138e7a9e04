//! The answer as it comes: whole, or one chunk of a stream. Servers leave out what others send as `null` or as an
//! empty text, so all three are the same here, and unknown fields are ignored. Texts are borrowed: a chunk is read once
//! for every piece that a model says.

use std::fmt;

use serde::de::{IgnoredAny, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};

use crate::compatible::ChatUsage;
use crate::wire::{Items, Loose, Perhaps, Text};

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Answer<'a> {
    #[serde(borrow)]
    pub(super) id: Option<Text<'a>>,
    #[serde(borrow)]
    pub(super) model: Option<Text<'a>>,
    #[serde(borrow)]
    choices: Choices<'a>,
    /// Read leniently: a strange tier is not worth an answer.
    #[serde(borrow)]
    pub(super) service_tier: Option<Loose<'a>>,
    pub(super) usage: Perhaps<Box<ChatUsage>>,
    error: Option<IgnoredAny>,
    detail: Option<IgnoredAny>,
    /// Whether this is the word `error`; the next likewise.
    #[serde(rename = "object", deserialize_with = "is_error")]
    is_error: bool,
    #[serde(rename = "type", deserialize_with = "is_error")]
    is_of_type_error: bool,
}

impl<'a> Answer<'a> {
    /// An answer that reports no failure, in one pass over the text; none if it may report one, or is strange.
    pub(super) fn plain(text: &'a str) -> Option<Self> {
        // Lists are structures to serde, too.
        let answer: Self = text.starts_with('{').then(|| serde_json::from_str(text).ok())??;
        let said = answer.error.is_some() || answer.detail.is_some() || answer.is_error || answer.is_of_type_error;
        (!said && !answer.choices.may_fail).then_some(answer)
    }

    /// The first choice is the answer; nobody asked for more.
    pub(super) fn choice(&mut self) -> Option<Choice<'a>> {
        self.choices.first.take()
    }
}

fn is_error<'de, D: Deserializer<'de>>(deserializer: D) -> Result<bool, D::Error> {
    Loose::deserialize(deserializer).map(|word| word.as_str() == Some("error"))
}

/// The choice of index 0, without a list of all.
#[derive(Debug, Default)]
struct Choices<'a> {
    first: Option<Choice<'a>>,
    may_fail: bool,
}

impl<'de: 'a, 'a> Deserialize<'de> for Choices<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct First;

        impl<'de> Visitor<'de> for First {
            type Value = Choices<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list of choices")
            }

            fn visit_unit<E>(self) -> Result<Choices<'de>, E> {
                Ok(Choices::default())
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Choices<'de>, A::Error> {
                let mut choices = Choices::default();
                while let Some(choice) = seq.next_element::<Choice<'de>>()? {
                    choices.may_fail |= choice.error.is_some();
                    if choice.index.unwrap_or_default() == 0 {
                        choices.first.get_or_insert(choice);
                    }
                }
                Ok(choices)
            }
        }

        deserializer.deserialize_any(First)
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Choice<'a> {
    index: Option<u32>,
    /// In a whole answer. Boxed, so that the many chunks of a stream are not moved with room for it.
    #[serde(borrow)]
    message: Option<Box<Piece<'a>>>,
    /// In a chunk of a stream.
    #[serde(borrow)]
    delta: Option<Piece<'a>>,
    /// Boxed, like the refusal and the list of calls.
    #[serde(borrow)]
    pub(super) finish_reason: Option<Box<Text<'a>>>,
    error: Option<IgnoredAny>,
}

impl<'a> Choice<'a> {
    pub(super) fn into_piece(self) -> Piece<'a> {
        self.message.map(|message| *message).or(self.delta).unwrap_or_default()
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Piece<'a> {
    /// A text, or Mistral's list of parts.
    #[serde(borrow)]
    pub(super) content: Option<Loose<'a>>,
    #[serde(borrow)]
    pub(super) refusal: Option<Box<Text<'a>>>,
    #[serde(borrow)]
    pub(super) reasoning_content: Option<Text<'a>>,
    #[serde(borrow)]
    pub(super) reasoning: Option<Text<'a>>,
    /// Boxed, like the usage: the many chunks of a stream are not moved with room for it.
    #[serde(borrow)]
    pub(super) tool_calls: Option<Box<Items<Call<'a>>>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Call<'a> {
    pub(super) index: Option<u32>,
    #[serde(borrow)]
    pub(super) id: Option<Text<'a>>,
    #[serde(borrow)]
    pub(super) function: Option<Function<'a>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Function<'a> {
    #[serde(borrow)]
    pub(super) name: Option<Text<'a>>,
    /// JSON as a text; some servers send the JSON itself.
    #[serde(borrow)]
    pub(super) arguments: Option<Loose<'a>>,
}

//! What the wire sends, read in one pass. Texts are borrowed; a field that is not what it should be is absent, and
//! unknown fields, events, blocks and pieces are ignored. Only what an answer says must be a text.

use serde::Deserialize;
use serde_json::Value;

use super::usage::Report;
use crate::wire::{Items, Loose, Numeric, Perhaps};

/// One event of a stream.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Event<'a> {
    #[serde(borrow, rename = "type")]
    pub(super) kind: Option<Loose<'a>>,
    pub(super) index: Numeric,
    #[serde(borrow)]
    pub(super) delta: Perhaps<Delta<'a>>,
    /// Boxed, like the next two: most events are pieces.
    #[serde(borrow)]
    pub(super) message: Perhaps<Box<Message<'a>>>,
    #[serde(borrow)]
    pub(super) content_block: Perhaps<Box<Block<'a>>>,
    #[serde(borrow)]
    pub(super) usage: Perhaps<Box<Report<'a>>>,
}

/// A message: whole, or its beginning.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Message<'a> {
    #[serde(borrow)]
    pub(super) id: Option<Loose<'a>>,
    #[serde(borrow)]
    pub(super) model: Option<Loose<'a>>,
    #[serde(borrow)]
    pub(super) content: Items<Perhaps<Block<'a>>>,
    #[serde(borrow)]
    pub(super) usage: Perhaps<Report<'a>>,
    #[serde(borrow)]
    pub(super) stop_reason: Option<Loose<'a>>,
    #[serde(borrow)]
    pub(super) stop_details: Perhaps<StopDetails<'a>>,
}

/// A block of content, or its beginning.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Block<'a> {
    #[serde(borrow, rename = "type")]
    pub(super) kind: Option<Loose<'a>>,
    #[serde(borrow)]
    pub(super) text: Option<Loose<'a>>,
    #[serde(borrow)]
    pub(super) thinking: Option<Loose<'a>>,
    #[serde(borrow)]
    pub(super) id: Option<Loose<'a>>,
    #[serde(borrow)]
    pub(super) name: Option<Loose<'a>>,
    pub(super) input: Option<Value>,
}

/// A piece of a block, or of the end.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Delta<'a> {
    #[serde(borrow, rename = "type")]
    pub(super) kind: Option<Loose<'a>>,
    #[serde(borrow)]
    pub(super) text: Option<Loose<'a>>,
    #[serde(borrow)]
    pub(super) thinking: Option<Loose<'a>>,
    #[serde(borrow)]
    pub(super) partial_json: Option<Loose<'a>>,
    #[serde(borrow)]
    pub(super) stop_reason: Option<Loose<'a>>,
    #[serde(borrow)]
    pub(super) stop_details: Perhaps<StopDetails<'a>>,
}

/// Why a provider ended an answer.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct StopDetails<'a> {
    #[serde(borrow)]
    pub(super) explanation: Option<Loose<'a>>,
    #[serde(borrow)]
    pub(super) category: Option<Loose<'a>>,
}

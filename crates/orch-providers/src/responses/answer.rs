//! What the wire sends, read in one pass. Texts are borrowed; a field that is not what it should be is absent, and
//! unknown fields, events and items are ignored. Only a piece of what is said must be a text.

use serde::Deserialize;
use serde_json::Value;

use crate::compatible::ResponsesUsage;
use crate::wire::{Items, Loose, Numeric, Perhaps};

/// One event of a stream.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Event<'a> {
    #[serde(borrow, rename = "type")]
    pub(super) kind: Option<Loose<'a>>,
    /// A piece.
    #[serde(borrow)]
    pub(super) delta: Option<Loose<'a>>,
    /// A whole part, under the name of what it is; the next three likewise.
    #[serde(borrow)]
    pub(super) text: Option<Loose<'a>>,
    #[serde(borrow)]
    pub(super) refusal: Option<Loose<'a>>,
    #[serde(borrow)]
    pub(super) arguments: Option<Loose<'a>>,
    #[serde(borrow)]
    pub(super) input: Option<Loose<'a>>,
    pub(super) output_index: Numeric,
    pub(super) content_index: Numeric,
    pub(super) summary_index: Numeric,
    #[serde(borrow)]
    pub(super) item_id: Option<Loose<'a>>,
    /// Boxed, like the next: most events are pieces.
    #[serde(borrow)]
    pub(super) item: Perhaps<Box<Item<'a>>>,
    #[serde(borrow)]
    pub(super) response: Perhaps<Box<Response<'a>>>,
}

/// A response: whole, or its beginning.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Response<'a> {
    #[serde(borrow)]
    pub(super) id: Option<Loose<'a>>,
    #[serde(borrow)]
    pub(super) model: Option<Loose<'a>>,
    #[serde(borrow)]
    pub(super) status: Option<Loose<'a>>,
    #[serde(borrow)]
    pub(super) service_tier: Option<Loose<'a>>,
    #[serde(borrow)]
    pub(super) output: Items<Perhaps<Item<'a>>>,
    pub(super) usage: Perhaps<ResponsesUsage>,
    pub(super) error: Option<Value>,
    #[serde(borrow)]
    pub(super) incomplete_details: Perhaps<Incomplete<'a>>,
}

/// An item of the output.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Item<'a> {
    #[serde(borrow, rename = "type")]
    pub(super) kind: Option<Loose<'a>>,
    #[serde(borrow)]
    pub(super) id: Option<Loose<'a>>,
    #[serde(borrow)]
    pub(super) call_id: Option<Loose<'a>>,
    #[serde(borrow)]
    pub(super) name: Option<Loose<'a>>,
    /// Of a function.
    #[serde(borrow)]
    pub(super) arguments: Option<Loose<'a>>,
    /// Of a custom tool.
    #[serde(borrow)]
    pub(super) input: Option<Loose<'a>>,
    #[serde(borrow)]
    pub(super) content: Items<Perhaps<Content<'a>>>,
    #[serde(borrow)]
    pub(super) summary: Items<Perhaps<Content<'a>>>,
}

/// A part of an item.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Content<'a> {
    #[serde(borrow, rename = "type")]
    pub(super) kind: Option<Loose<'a>>,
    #[serde(borrow)]
    pub(super) text: Option<Loose<'a>>,
    #[serde(borrow)]
    pub(super) refusal: Option<Loose<'a>>,
}

/// Why a response is not complete.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Incomplete<'a> {
    #[serde(borrow)]
    pub(super) reason: Option<Loose<'a>>,
}

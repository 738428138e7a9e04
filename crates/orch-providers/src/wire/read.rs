//! What the decoders share: the beginning of an answer, and lenient looks into JSON.

use serde_json::Value;

use crate::chat::ChatEvent;
use crate::pricing::{Billing, ServiceTier};

/// What ends a stream on some wires. Not a proof of success: some servers send it after an error, too.
pub(crate) const DONE: &str = "[DONE]";

/// Says once that the provider has begun to answer, and with which model as soon as that is known.
#[derive(Debug)]
pub(crate) struct Begin<'a> {
    /// The provider's id of the request, if a header had it.
    request_id: Option<&'a str>,
    begun: bool,
    named: bool,
}

impl<'a> Begin<'a> {
    pub(crate) fn new(request_id: Option<&'a str>) -> Self {
        Self { request_id, begun: false, named: false }
    }

    /// `model` and `id` are the answer's own, where it has them: the id in a header wins over that in the body.
    pub(crate) fn begin(&mut self, model: Option<&str>, id: Option<&str>, emit: &mut impl FnMut(ChatEvent)) {
        if !self.begun || (!self.named && model.is_some()) {
            let request_id = self.request_id.or(id).map(Into::into);
            emit(ChatEvent::Start { model: model.map(Into::into), request_id });
        }
        self.begun = true;
        self.named |= model.is_some();
    }

    /// Whether the provider has begun.
    pub(crate) fn has_begun(&self) -> bool {
        self.begun
    }
}

/// Says how a call is billed, whenever that changes.
#[derive(Debug, Default)]
pub(crate) struct Bill(Billing);

impl Bill {
    /// By the name of the tier in which the call is served, as far as it is said.
    pub(crate) fn tier(&mut self, name: Option<&str>, emit: &mut impl FnMut(ChatEvent)) {
        if let Some(name) = name {
            self.set(self.0.with_tier(ServiceTier::of(name)), emit);
        }
    }

    pub(crate) fn set(&mut self, billing: Billing, emit: &mut impl FnMut(ChatEvent)) {
        if std::mem::replace(&mut self.0, billing) != billing {
            emit(ChatEvent::Billing(billing));
        }
    }
}

/// An object read in one pass over the text; none if it is no object or has a field twice, which is left to a slower way.
#[cfg(any(feature = "responses", feature = "anthropic"))]
pub(crate) fn quick<'a, T: serde::Deserialize<'a>>(text: &'a str) -> Option<T> {
    // Lists are structures to serde, too.
    text.trim_start().starts_with('{').then(|| serde_json::from_str(text).ok())?
}

/// An answer with a list of more elements than are read.
#[cfg(any(feature = "responses", feature = "anthropic"))]
pub(crate) fn too_many_items(pointer: &str) -> orch_core::Error {
    orch_core::Error::bad_output(pointer, format!("has more than {} elements", super::lenient::MAX_ITEMS))
}

/// The text in a field; absent, `null` and any other value are none.
pub(crate) fn string<'a>(json: &'a Value, field: &str) -> Option<&'a str> {
    json.get(field).and_then(Value::as_str)
}

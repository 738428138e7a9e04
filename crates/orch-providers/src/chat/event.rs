use std::sync::Arc;

use orch_core::{LimitHint, Usage};

use super::FinishReason;
use crate::pricing::Billing;

/// What a wire says while an answer arrives.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum ChatEvent {
    /// The provider has begun to answer. From here on the input counts as used. It may come again once the model is
    /// known.
    Start {
        /// The model, as the provider names it.
        model: Option<Arc<str>>,
        /// The provider's id of the request.
        request_id: Option<Arc<str>>,
    },
    /// A piece of the answer.
    Text(String),
    /// A piece of a refusal.
    Refusal(String),
    /// A piece of the reasoning.
    Reasoning(String),
    /// A piece of a tool call.
    ToolCall(ToolCallPiece),
    /// What the call has used so far. A counter replaces the one known before; an absent one changes nothing.
    Usage(Usage),
    /// How the call is billed, beside its usage. Default: [`Billing::standard`]; a later one replaces it.
    Billing(Billing),
    /// What is left of the provider's limits.
    Limits(LimitHint),
    /// A sign of life without content: a ping, a comment.
    Heartbeat,
    /// The terminal event: only with it is the answer whole. [`Usage`](Self::Usage) may still follow; a second end changes nothing.
    End {
        /// Why the model stopped.
        reason: FinishReason,
    },
}

/// A piece of a tool call: the first of an index has id and name, the others more of the arguments.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ToolCallPiece {
    /// Which call of the answer, counted from 0.
    pub index: u32,
    /// The id, once known.
    pub id: Option<String>,
    /// The tool, once known.
    pub name: Option<String>,
    /// More of the arguments.
    pub arguments: String,
}

impl ToolCallPiece {
    /// More of the arguments of the call `index`, counted from 0.
    #[must_use]
    pub fn new(index: u32, arguments: impl Into<String>) -> Self {
        Self { index, id: None, name: None, arguments: arguments.into() }
    }

    /// Sets the id, which the tool's answer will name.
    #[must_use]
    pub fn id(mut self, id: impl Into<String>) -> Self {
        self.id = Some(id.into());
        self
    }

    /// Sets the tool.
    #[must_use]
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.name = Some(name.into());
        self
    }
}

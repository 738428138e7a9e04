use std::borrow::Cow;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::ToolCall;

/// Who speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Role {
    /// The one who sets the rules.
    System,
    /// The one who asks.
    User,
    /// The model.
    Assistant,
    /// A tool that the model called.
    Tool,
}

/// One part of a message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
#[non_exhaustive]
pub enum ContentPart {
    /// Text.
    Text {
        /// The text.
        text: Arc<str>,
    },
}

/// One message of a conversation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[must_use]
pub struct Message {
    role: Role,
    parts: Vec<ContentPart>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    tool_calls: Vec<ToolCall>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    tool_call_id: Option<Arc<str>>,
}

impl Message {
    fn new(role: Role, text: impl Into<Arc<str>>) -> Self {
        let parts = vec![ContentPart::Text { text: text.into() }];
        Self { role, parts, tool_calls: Vec::new(), tool_call_id: None }
    }

    /// Rules for the model.
    pub fn system(text: impl Into<Arc<str>>) -> Self {
        Self::new(Role::System, text)
    }

    /// A question.
    pub fn user(text: impl Into<Arc<str>>) -> Self {
        Self::new(Role::User, text)
    }

    /// An earlier answer of the model.
    pub fn assistant(text: impl Into<Arc<str>>) -> Self {
        Self::new(Role::Assistant, text)
    }

    /// What a tool answered to the model's call of this id.
    pub fn tool(call_id: impl Into<Arc<str>>, text: impl Into<Arc<str>>) -> Self {
        Self { tool_call_id: Some(call_id.into()), ..Self::new(Role::Tool, text) }
    }

    /// Adds the calls that the model made in this message.
    pub fn with_tool_calls(mut self, calls: impl IntoIterator<Item = ToolCall>) -> Self {
        self.tool_calls.extend(calls);
        self
    }

    /// Adds a part.
    pub fn with_part(mut self, part: ContentPart) -> Self {
        self.parts.push(part);
        self
    }

    /// Who speaks.
    #[must_use]
    pub fn role(&self) -> Role {
        self.role
    }

    /// The parts.
    #[must_use]
    pub fn parts(&self) -> &[ContentPart] {
        &self.parts
    }

    /// The calls that the model made in this message.
    #[must_use]
    pub fn tool_calls(&self) -> &[ToolCall] {
        &self.tool_calls
    }

    /// Which call a tool's message answers.
    #[must_use]
    pub fn tool_call_id(&self) -> Option<&str> {
        self.tool_call_id.as_deref()
    }

    /// The text of all parts, joined by line breaks; borrowed when there is one part.
    #[must_use]
    pub fn text(&self) -> Cow<'_, str> {
        match self.parts.as_slice() {
            [ContentPart::Text { text }] => Cow::Borrowed(text),
            parts => {
                let texts: Vec<&str> = parts.iter().map(|ContentPart::Text { text }| text.as_ref()).collect();
                Cow::Owned(texts.join("\n"))
            }
        }
    }
}

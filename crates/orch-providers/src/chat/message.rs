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
    /// An image.
    Image {
        /// Where it is.
        source: Reference,
    },
    /// A file, such as a PDF.
    File {
        /// Where it is.
        source: Reference,
        /// Its name, for the model.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        name: Option<Arc<str>>,
    },
}

impl ContentPart {
    /// Text.
    pub fn text(text: impl Into<Arc<str>>) -> Self {
        Self::Text { text: text.into() }
    }

    /// An image at a URL; a `data:` URL holds the image itself.
    pub fn image_url(url: impl Into<Arc<str>>) -> Self {
        Self::Image { source: Reference::Url(url.into()) }
    }

    /// A file at a URL; a `data:` URL holds the file itself.
    pub fn file_url(url: impl Into<Arc<str>>) -> Self {
        Self::File { source: Reference::Url(url.into()), name: None }
    }

    /// A file that the provider keeps under this id.
    pub fn file_id(id: impl Into<Arc<str>>) -> Self {
        Self::File { source: Reference::Id(id.into()), name: None }
    }

    /// Sets the name of a file; other parts have none.
    #[must_use]
    pub fn named(self, name: impl Into<Arc<str>>) -> Self {
        match self {
            Self::File { source, .. } => Self::File { source, name: Some(name.into()) },
            other => other,
        }
    }

    /// The text, if it is one.
    #[must_use]
    pub fn as_text(&self) -> Option<&str> {
        match self {
            Self::Text { text } => Some(text),
            Self::Image { .. } | Self::File { .. } => None,
        }
    }
}

/// Where an image or a file is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Reference {
    /// At a URL, from which the provider fetches it; or in the URL itself: `data:image/png;base64,...`.
    Url(Arc<str>),
    /// With the provider, under an id.
    Id(Arc<str>),
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

    /// The text of all parts that are text, joined by line breaks; borrowed when there is one part.
    #[must_use]
    pub fn text(&self) -> Cow<'_, str> {
        match self.parts.as_slice() {
            [ContentPart::Text { text }] => Cow::Borrowed(text),
            parts => {
                let texts: Vec<&str> = parts.iter().filter_map(ContentPart::as_text).collect();
                Cow::Owned(texts.join("\n"))
            }
        }
    }

    /// Whether every part is text.
    #[cfg(any(feature = "_http", feature = "local"))]
    pub(crate) fn is_text(&self) -> bool {
        self.parts.iter().all(|part| part.as_text().is_some())
    }
}

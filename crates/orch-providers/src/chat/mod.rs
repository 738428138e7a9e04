//! What is said to a provider and what it answers, whatever the wire.

mod collected;
mod event;
mod message;
mod request;
mod response;
mod sink;
mod tool;

#[cfg(any(feature = "anthropic", feature = "responses"))]
pub(crate) use self::collected::MAX_CALLS;
#[cfg(any(feature = "anthropic", feature = "openai"))]
pub(crate) use self::collected::too_many_calls;
pub use self::event::{ChatEvent, ToolCallPiece};
pub use self::message::{ContentPart, Message, Reference, Role};
pub(crate) use self::request::check_sampling;
pub use self::request::{ChatRequest, ReasoningEffort, ResponseFormat};
pub use self::response::{ChatResponse, FinishReason, ToolCall};
pub use self::sink::ChatSink;
pub(crate) use self::sink::broken;
pub use self::tool::{ToolChoice, ToolDefinition};

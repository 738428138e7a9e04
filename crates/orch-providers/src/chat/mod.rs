//! What is said to a provider and what it answers, whatever the wire.

mod collected;
mod event;
mod message;
mod request;
mod response;
mod sink;

pub use self::event::{ChatEvent, ToolCallPiece};
pub use self::message::{ContentPart, Message, Role};
pub(crate) use self::request::check_sampling;
pub use self::request::{ChatRequest, ResponseFormat};
pub use self::response::{ChatResponse, FinishReason, ToolCall};
pub use self::sink::ChatSink;

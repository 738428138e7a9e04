#![doc = include_str!("../README.md")]

mod chat;
mod chat_tool;
#[cfg(feature = "local")]
mod local;
mod pricing;
mod provider;
mod service;
mod tokens;

pub use chat::{
    ChatEvent, ChatRequest, ChatResponse, ChatSink, ContentPart, FinishReason, Message, ResponseFormat, Role, ToolCall,
    ToolCallPiece,
};
pub use chat_tool::ChatTool;
#[cfg(feature = "local")]
pub use local::{LocalAnswerer, Passage};
pub use pricing::{Price, PriceBook};
pub use provider::{Provider, ProviderInfo};
pub use service::{ChatFuture, ProviderService};

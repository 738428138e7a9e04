#![doc = include_str!("../README.md")]

mod chat;
mod chat_tool;
#[cfg(feature = "openai")]
mod compatible;
#[cfg(feature = "local")]
mod local;
#[cfg(feature = "openai")]
pub mod openai;
mod pricing;
mod provider;
mod service;
mod tokens;
#[cfg(feature = "openai")]
mod transport;

pub use chat::{
    ChatEvent, ChatRequest, ChatResponse, ChatSink, ContentPart, FinishReason, Message, ResponseFormat, Role, ToolCall,
    ToolCallPiece,
};
pub use chat_tool::ChatTool;
#[cfg(feature = "openai")]
pub use compatible::Dialect;
#[cfg(feature = "local")]
pub use local::{LocalAnswerer, Passage};
#[cfg(feature = "openai")]
pub use openai::{OpenAi, OpenAiBuilder};
pub use pricing::{Price, PriceBook};
pub use provider::{Provider, ProviderInfo};
pub use service::{ChatFuture, ProviderService};
#[cfg(feature = "openai")]
pub use transport::ApiKey;

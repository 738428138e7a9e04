#![doc = include_str!("../README.md")]

mod chat;
mod pricing;
mod provider;
mod service;
mod tokens;

pub use chat::{
    ChatEvent, ChatRequest, ChatResponse, ChatSink, ContentPart, FinishReason, Message, ResponseFormat, Role, ToolCall,
    ToolCallPiece,
};
pub use pricing::{Price, PriceBook};
pub use provider::{Provider, ProviderInfo};
pub use service::{ChatFuture, ProviderService};

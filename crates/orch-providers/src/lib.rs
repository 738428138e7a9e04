#![doc = include_str!("../README.md")]

#[cfg(feature = "anthropic")]
mod anthropic;
mod chat;
mod chat_tool;
mod check;
#[cfg(any(feature = "openai", feature = "responses"))]
mod compatible;
mod embedding;
#[cfg(feature = "local")]
mod local;
#[cfg(feature = "openai")]
mod openai;
mod pricing;
mod provider;
#[cfg(feature = "responses")]
mod responses;
mod service;
mod tokens;
#[cfg(any(feature = "openai", feature = "responses", feature = "anthropic"))]
mod transport;
#[cfg(any(feature = "openai", feature = "responses", feature = "anthropic"))]
#[cfg_attr(
    not(all(feature = "openai", feature = "responses", feature = "anthropic")),
    allow(dead_code, unused_imports, reason = "no wire alone uses all that they share")
)]
mod wire;

#[cfg(feature = "anthropic")]
pub use anthropic::{Anthropic, AnthropicBuilder, ApiVersion, Messages};
pub use chat::{
    ChatEvent, ChatRequest, ChatResponse, ChatSink, ContentPart, FinishReason, Message, ReasoningEffort, Reference,
    ResponseFormat, Role, ToolCall, ToolCallPiece, ToolChoice, ToolDefinition,
};
pub use chat_tool::ChatTool;
pub use check::{CheckReport, CheckRow, CheckStep, Finding, ProviderCheck};
#[cfg(any(feature = "openai", feature = "responses"))]
pub use compatible::Dialect;
pub use embedding::{EmbeddingFuture, EmbeddingProvider, EmbeddingRequest, EmbeddingResponse, EmbeddingService};
#[cfg(feature = "local")]
pub use local::{LocalAnswerer, Passage};
#[cfg(feature = "openai")]
pub use openai::{ChatCompletions, OpenAi, OpenAiBuilder};
pub use pricing::{Billing, Price, PriceBook, ServiceTier};
pub use provider::{Provider, ProviderInfo};
#[cfg(feature = "responses")]
pub use responses::{OpenAiResponses, OpenAiResponsesBuilder, Responses};
pub use service::{ChatFuture, ProviderService};
#[cfg(any(feature = "openai", feature = "responses", feature = "anthropic"))]
pub use transport::{ApiKey, retry_after};
#[cfg(any(feature = "openai", feature = "responses", feature = "anthropic"))]
pub use wire::{HttpProvider, HttpProviderBuilder, Wire, decode_json, decode_sse, decode_sse_chunks};

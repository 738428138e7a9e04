//! Texts become vectors: a small service beside the chat, with the same contexts, errors and prices.

mod provider;
mod request;
mod response;
mod service;

pub use self::provider::EmbeddingProvider;
pub use self::request::EmbeddingRequest;
pub use self::response::EmbeddingResponse;
pub use self::service::{EmbeddingFuture, EmbeddingService};

//! The provider against servers that say exactly what a test scripts, and against real ones.

#![cfg(all(feature = "openai", feature = "responses", feature = "anthropic"))]
#![allow(clippy::unwrap_used, reason = "what cannot be set up fails its test")]

mod accepted;
mod answers;
mod anthropic;
mod check;
mod embeddings;
mod failures;
mod faults;
mod proxy;
mod route;
mod secrets;
mod server;
mod streams;
mod wire;

use orch_core::{CallContext, Error};
use orch_providers::{ChatRequest, ChatResponse, OpenAi, ProviderService};
use tower::ServiceExt;

use crate::server::Server;

/// A model of the scripted server, without a key.
fn model(server: &Server) -> OpenAi {
    OpenAi::builder().base_url(server.url()).model("tiny").build().unwrap()
}

/// One call, through the service that layers stand around.
async fn ask(server: &Server, request: ChatRequest) -> Result<ChatResponse, Error> {
    ProviderService::new(model(server)).oneshot(request).await
}

fn hello() -> ChatRequest {
    ChatRequest::user("hello")
}

/// A request and the context to watch it by.
fn watched() -> (ChatRequest, CallContext) {
    let context = CallContext::new();
    (hello().with_context(context.clone()), context)
}

/// What one call against one scripted answer gives, after checking that it took one request.
async fn one_call(server: Server, request: ChatRequest) -> Result<ChatResponse, Error> {
    let result = ask(&server, request).await;
    assert_eq!(server.requests().len(), 1, "one attempt is one request");
    result
}

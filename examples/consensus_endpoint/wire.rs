//! OpenAI's shapes: a call of the upstream as a tool, answers, errors.

use std::sync::Arc;

use async_trait::async_trait;
use axum::Json;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header::RETRY_AFTER};
use axum::response::{IntoResponse, Response};
use orch_core::{BudgetKind, Class, Error, ErrorKind, Estimate, HasContext, Output, Request, Tool, ToolSpec, Usage};
use orch_facade::Outcome;
use orch_facade::providers::{ChatRequest, Message, OpenAi, ProviderService, ToolCall};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};
use tower::ServiceExt;

/// What stands before the name of a model that is to be asked several times.
pub(crate) const CONSENSUS: &str = "consensus/";

/// One call of the upstream. Its input is the body of a chat completion, without what does not change the answer.
pub(crate) struct Ask(ToolSpec, ProviderService<OpenAi>);

impl Ask {
    pub(crate) fn new(model: &str, upstream: ProviderService<OpenAi>) -> Self {
        Self(ToolSpec::pure(model).with_target(upstream.provider().info().target().clone()), upstream)
    }

    fn chat(&self, request: &Request) -> Result<ChatRequest, Error> {
        let mut body = request.input().as_json().as_object().cloned().unwrap_or_default();
        let said: Vec<Value> = take(&mut body, "messages")?.unwrap_or_default();
        let messages = said.iter().enumerate().map(|(at, said)| message(said, &format!("/messages/{at}")));
        let chat = ChatRequest::new(messages.collect::<Result<Vec<_>, _>>()?)
            .with_model(self.0.name())
            .with_context(request.context().clone());
        // What a budget relies on is read here; the rest is the upstream's to judge.
        let most: Option<u64> = take(&mut body, "max_tokens")?.or(take(&mut body, "max_completion_tokens")?);
        let chat = most.into_iter().fold(chat, ChatRequest::with_max_tokens);
        body.retain(|_, value| !value.is_null());
        Ok(body.into_iter().fold(chat, |chat, (name, value)| chat.with_extra(name, value)))
    }
}

#[async_trait]
impl Tool for Ask {
    fn spec(&self) -> &ToolSpec {
        &self.0
    }

    fn estimate(&self, request: &Request) -> Result<Estimate, Error> {
        Ok(self.1.provider().estimate(&self.chat(request)?))
    }

    async fn call(self: Arc<Self>, request: Request) -> Result<Output, Error> {
        Ok(self.1.clone().oneshot(self.chat(&request)?).await?.into())
    }
}

/// Takes a field out of a body.
pub(crate) fn take<T: DeserializeOwned>(body: &mut Map<String, Value>, name: &str) -> Result<Option<T>, Error> {
    let fault = |error: serde_json::Error| Error::invalid(format!("/{name}"), error.to_string());
    serde_json::from_value(body.remove(name).unwrap_or_default()).map_err(fault)
}

/// A message of text; of tools, what a model called and what they said.
fn message(said: &Value, at: &str) -> Result<Message, Error> {
    let refuse = |field: &str, why: &str| Error::invalid(format!("{at}/{field}"), format!("{}: {why}", said[field]));
    let word = |of: &Value| of.as_str().map(str::to_owned);
    let text = match &said["content"] {
        Value::Null if said["role"] == "assistant" => Some(String::new()),
        Value::Array(parts) => {
            parts.iter().map(|part| word(&part["text"])).collect::<Option<Vec<_>>>().map(|t| t.join("\n"))
        }
        one => word(one),
    };
    let text = text.ok_or_else(|| refuse("content", "expected a text, or parts that are text"))?;
    let called = |call: &Value, function: &Value| {
        Some(ToolCall::new(word(&call["id"])?, word(&function["name"])?, word(&function["arguments"])?))
    };
    let calls = said["tool_calls"].as_array().into_iter().flatten().map(|call| called(call, &call["function"]));
    let calls = calls.collect::<Option<Vec<_>>>().ok_or_else(|| refuse("tool_calls", "expected calls of functions"))?;
    match said["role"].as_str() {
        Some("system" | "developer") => Ok(Message::system(text)),
        Some("user") => Ok(Message::user(text)),
        Some("assistant") => Ok(Message::assistant(text).with_tool_calls(calls)),
        Some("tool") => Ok(Message::tool(word(&said["tool_call_id"]).unwrap_or_default(), text)),
        _ => Err(refuse("role", "expected `system`, `user`, `assistant` or `tool`")),
    }
}

/// A text as it is, other JSON as it is written.
pub(crate) fn text_of(json: &Value) -> String {
    json.as_str().map_or_else(|| json.to_string(), str::to_owned)
}

/// The message that answers, and why it ends there; of a bundle the consensus.
pub(crate) fn answer(outcome: &Outcome) -> (Value, Value) {
    let whole = |_| outcome.content().to_json().map(|json| text_of(&json)).ok();
    let content = outcome.evidence().map_or_else(whole, |bundle| bundle.summary.consensus.as_ref().map(text_of));
    let facts = outcome.output().metadata();
    let mut message = json!({ "role": "assistant", "content": content, "refusal": facts.get("refusal") });
    if let Some(Value::Array(calls)) = facts.get("tool_calls") {
        let function = |call: &Value| json!({ "name": call["name"], "arguments": call["arguments"] });
        let calls = calls
            .iter()
            .enumerate()
            .map(|(at, call)| json!({ "index": at, "id": call["id"], "type": "function", "function": function(call) }));
        message["tool_calls"] = calls.collect();
    }
    (message, facts.get("finish").cloned().unwrap_or_else(|| json!("stop")))
}

/// What was used for an answer by all replicates and all attempts: nothing for one that was kept.
pub(crate) fn usage(used: &Usage) -> Value {
    let tokens = |counted: Option<orch_core::Counted<u64>>| counted.map_or(0, |counted| counted.value);
    let (input, output) = (tokens(used.input_tokens), tokens(used.output_tokens));
    json!({ "prompt_tokens": input, "completion_tokens": output, "total_tokens": input + output })
}

/// What OpenAI's shapes have no place for.
pub(crate) fn evidence(outcome: &Outcome) -> Value {
    let consensus = outcome.evidence().ok().map(|bundle| {
        let (summary, meta) = (&bundle.summary, &bundle.meta);
        json!({
            "confidence": summary.confidence, "meaning": summary.confidence_kind.meaning(), "k": meta.k,
            "valid": meta.k_completed, "stopped": bundle.stop.reason, "disagreements": summary.disagreements,
        })
    });
    let (run, cost, replayed) = (outcome.request_id(), outcome.cost_usd(), outcome.replayed());
    json!({ "run": run, "cost_usd": cost, "replayed": replayed, "consensus": consensus })
}

/// Of replicates that failed, the failure of the first.
fn cause(error: &Error) -> &Error {
    let ErrorKind::ReplicatesFailed { causes } = error.kind() else { return error };
    causes.first().map_or(error, cause)
}

/// Money is 402, and not 429, because waiting does not help; a key that was used for something else 422, one in use 409.
fn verdict(error: &Error) -> (u16, &'static str) {
    match (cause(error).kind(), cause(error).class()) {
        (ErrorKind::UnknownTool { .. }, _) => (404, "model_not_found"),
        (ErrorKind::Conflict { .. }, _) => (422, "idempotency_key_reused"),
        (ErrorKind::BudgetExceeded { budget: BudgetKind::Time, .. }, _) => (504, "deadline_exceeded"),
        (ErrorKind::Provider(failure), Class::Permanent) => (failure.status.unwrap_or(400), "upstream_refused"),
        (ErrorKind::RateLimited { .. }, _) | (_, Class::Throttled) => (429, "rate_limit_exceeded"),
        (_, Class::Quota) => (429, "insufficient_quota"),
        (_, Class::Permanent) | (ErrorKind::Unpriced { .. }, _) => (400, "invalid_request"),
        (_, Class::Idempotency) => (409, "idempotency_key_in_use"),
        (_, Class::LocalReject | Class::Cancelled) => (503, "overloaded"),
        (_, Class::BudgetExceeded) => (402, "budget_exceeded"),
        (_, Class::Timeout | Class::DeadlineExceeded) => (504, "deadline_exceeded"),
        (_, Class::Transient | Class::StreamBroken | Class::BadOutput | Class::Auth) => (502, "upstream_failed"),
        _ => (500, "internal_error"),
    }
}

/// The error that a client gets, with what was paid for before it.
pub(crate) fn error_body(error: &Error, run: &str) -> Value {
    let (status, code) = verdict(error);
    let at = if let ErrorKind::InvalidRequest { pointer, .. } = error.kind() { pointer } else { "" };
    let param = (!at.is_empty()).then(|| at.trim_start_matches('/').replace('/', "."));
    let kind = if status < 500 { "invalid_request_error" } else { "server_error" };
    let paid = error.output().map(|output| json!({ "usage": usage(output.usage()), "content": output.content() }));
    let orch = json!({ "run": run, "class": error.class().to_string(), "paid_for": paid });
    json!({ "error": { "message": error.to_string(), "type": kind, "param": param, "code": code, "orch": orch } })
}

pub(crate) fn failure(error: &Error, run: &str) -> Response {
    let mut headers = HeaderMap::new();
    let wait = cause(error).retry_after().map(|wait| wait.as_secs() + u64::from(wait.subsec_nanos() > 0));
    wait.map(|seconds| headers.insert(RETRY_AFTER, seconds.into()));
    // What may pass was repeated here as often as it is worth.
    let again = wait.is_some() || matches!(error.class(), Class::LocalReject | Class::Cancelled);
    headers.insert("x-should-retry", HeaderValue::from_static(if again { "true" } else { "false" }));
    let status = StatusCode::from_u16(verdict(error).0).unwrap_or(StatusCode::BAD_GATEWAY);
    (status, headers, Json(error_body(error, run))).into_response()
}

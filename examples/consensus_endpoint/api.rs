//! The handlers: token, sizes, times, headers; and the task that follows a run whoever reads.

use std::convert::Infallible;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, FromRequest, Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header::AUTHORIZATION};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::sse::{Event as Frame, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use futures_util::{StreamExt, stream};
use orch_core::{CallContext, DeltaKind, Error, ErrorKind, Event, Limits, wall_clock};
use orch_facade::{Budget, Outcome, Run};
use serde_json::{Map, Value, json};
use tokio::sync::mpsc;
use tokio::time::timeout;

use crate::App;
use crate::wire::{CONSENSUS, answer, error_body, evidence, failure, take, text_of, usage};

/// The largest body, in bytes, and the longest that it may take to arrive.
const BODY: usize = 4 << 20;
const BODY_TIME: Duration = Duration::from_secs(30);
/// So long a stream waits for its first word, that a failure before it may have a status; later, a comment each time.
const PATIENCE: Duration = Duration::from_secs(10);

pub(crate) fn routes(app: Arc<App>) -> Router {
    Router::new()
        .route("/v1/chat/completions", post(chat))
        .route("/v1/models", get(models))
        .layer(from_fn_with_state(Arc::clone(&app), authorised))
        .layer(DefaultBodyLimit::max(BODY))
        .route("/healthz", get(health))
        .fallback(async || plain(StatusCode::NOT_FOUND, "no such path"))
        .method_not_allowed_fallback(async || plain(StatusCode::METHOD_NOT_ALLOWED, "not with this method"))
        .with_state(app)
}

fn plain(status: StatusCode, message: &str) -> Response {
    let error = json!({ "message": message, "type": "invalid_request_error", "param": null, "code": null });
    (status, Json(json!({ "error": error }))).into_response()
}

async fn authorised(State(app): State<Arc<App>>, request: Request, next: Next) -> Response {
    let given = request.headers().get(AUTHORIZATION).and_then(|value| value.as_bytes().strip_prefix(b"Bearer "));
    // In a time that does not tell where they differ.
    let same = |a: &[u8], b: &[u8]| a.len() == b.len() && a.iter().zip(b).fold(0, |bits, (a, b)| bits | (a ^ b)) == 0;
    if let Some(token) = &app.token
        && !given.is_some_and(|given| same(given, token.as_bytes()))
    {
        return plain(StatusCode::UNAUTHORIZED, "the bearer token is missing or wrong");
    }
    next.run(request).await
}

async fn health(State(app): State<Arc<App>>) -> StatusCode {
    if app.client.is_draining() { StatusCode::SERVICE_UNAVAILABLE } else { StatusCode::OK }
}

async fn models(State(app): State<Arc<App>>) -> Json<Value> {
    let model = |name: &str| json!({ "id": name, "object": "model", "created": 0, "owned_by": "orch" });
    let data: Vec<Value> = app.client.list_tools().iter().map(|tool| model(tool.name())).collect();
    Json(json!({ "object": "list", "data": data }))
}

async fn chat(State(app): State<Arc<App>>, headers: HeaderMap, request: Request) -> Response {
    let id = Arc::clone(CallContext::new().request_id());
    let mut response = match timeout(BODY_TIME, Bytes::from_request(request, &())).await {
        Ok(Ok(body)) => {
            Call::answer(&app, Arc::clone(&id), &headers, &body).await.unwrap_or_else(|error| failure(&error, &id))
        }
        Ok(Err(rejection)) => plain(rejection.status(), &rejection.body_text()),
        Err(_) => plain(StatusCode::REQUEST_TIMEOUT, "the body did not arrive in time"),
    };
    HeaderValue::from_str(&id).ok().and_then(|id| response.headers_mut().insert("x-orch-run", id));
    response
}

/// What an answer repeats of its request.
struct Call {
    id: Arc<str>,
    model: String,
    stream: bool,
    usage: bool,
    /// Not with a key: who asks again gets the answer as it was kept, and who joins a run late misses its beginning.
    pieces: bool,
}

impl Call {
    /// The run that a body and headers ask for.
    fn read(app: &App, id: Arc<str>, headers: &HeaderMap, body: &[u8]) -> Result<(Self, Run), Error> {
        let body = serde_json::from_slice(body).map_err(|error| Error::invalid("", error.to_string()));
        let mut body: Map<String, Value> = body?;
        let model: String = take(&mut body, "model")?.ok_or_else(|| Error::invalid("/model", "missing"))?;
        let stream = take(&mut body, "stream")?.unwrap_or(false);
        let options: Map<String, Value> = take(&mut body, "stream_options")?.unwrap_or_default();
        if take(&mut body, "n")?.unwrap_or(1) != 1 {
            return Err(Error::invalid("/n", "one choice is given; for several answers ask a consensus model"));
        }
        let mut tool_options = json!({});
        if model.starts_with(CONSENSUS) {
            if body.get("tools").is_some_and(|tools| !tools.is_null()) {
                return Err(Error::invalid("/tools", "a consensus is about answers, not about calls of tools"));
            }
            let parse_json = body.get("response_format").is_some_and(|format| format["type"] != "text");
            // One seed would make all replicates the same: theirs follow from it.
            let seed: Option<u64> = take(&mut body, "seed")?;
            tool_options = json!({ "delivery": "settled", "parse_json": parse_json, "seed": seed });
        }
        let key: Option<String> = header(headers, "idempotency-key")?;
        let pieces = key.is_none() && !model.starts_with(CONSENSUS);
        let deadline = header(headers, "x-orch-deadline-ms")?.map_or(app.deadline, Duration::from_millis);
        let budget = header(headers, "x-orch-budget-tokens")?.into_iter().fold(Budget::new(), Budget::tokens);
        let budget = header(headers, "x-orch-budget-cost")?.into_iter().fold(budget, Budget::cost_usd);
        let run = app.client.run(Value::Object(body)).tool(&*model).tool_options(tool_options).budget(budget);
        let run = run.request_id(Arc::clone(&id)).deadline(deadline.min(app.deadline));
        let trace: Option<String> = header(headers, "traceparent")?;
        let run = trace.into_iter().fold(run, |run, trace| run.traceparent(&trace));
        let usage = options.get("include_usage") == Some(&Value::Bool(true));
        Ok((Self { id, model, stream, usage, pieces }, key.into_iter().fold(run, Run::idempotency_key)))
    }

    async fn answer(app: &App, id: Arc<str>, headers: &HeaderMap, body: &[u8]) -> Result<Response, Error> {
        let (call, run) = Self::read(app, Arc::clone(&id), headers, body)?;
        let stream = call.stream;
        let mut said = call.start(app, run);
        let first = timeout(if stream { PATIENCE } else { Duration::MAX }, said.recv()).await.ok();
        let first = first.map(|first| first.unwrap_or_else(|| Err(Error::new(ErrorKind::Cancelled)))).transpose()?;
        if !stream {
            return Ok(Json(first).into_response());
        }
        let rest = stream::unfold(said, async |mut said| said.recv().await.map(|next| (next, said)));
        let frames = stream::iter(first.map(Ok)).chain(rest).map(move |next| {
            let json = next.unwrap_or_else(|error| error_body(&error, &id));
            Ok::<_, Infallible>(Frame::default().data(text_of(&json)))
        });
        Ok(Sse::new(frames).keep_alive(KeepAlive::new().interval(PATIENCE)).into_response())
    }

    /// Starts the run and follows it in a task of its own: when whoever reads goes away it is cancelled, and in any case
    /// what it used is booked and logged.
    fn start(self, app: &App, run: Run) -> mpsc::Receiver<Result<Value, Error>> {
        let account = app.spent.child("request", Limits::NONE);
        let mut events = run.account(account.clone()).events();
        let (say, said) = mpsc::channel(1);
        tokio::spawn(async move {
            let mut told = String::new();
            while let Some(next) = tokio::select! { next = events.next() => next, () = say.closed() => None } {
                let text = match next.event {
                    Event::Delta { kind: DeltaKind::Text, text } if self.pieces => text,
                    Event::Settled { answer, .. } => answer.to_json().map(|json| text_of(&json)).unwrap_or_default(),
                    _ => continue,
                };
                told.push_str(&text);
                if self.stream {
                    let piece = self.chunk(&json!({ "role": "assistant", "content": text }), &Value::Null);
                    let _ = say.send(Ok(piece)).await;
                }
            }
            events.cancellation().cancel(); // It changes nothing for a run that has ended.
            let result = events.outcome().await;
            let (used, error) = (account.usage(), result.as_ref().err().map(ToString::to_string));
            let (run, model) = (&*self.id, &*self.model);
            tracing::info!(run, model, tokens = used.tokens(), cost_usd = used.cost_usd(), error, "run ended");
            match result.map(|outcome| self.end(&told, &outcome)) {
                Ok(parts) => stream::iter(parts).for_each(async |part| drop(say.send(Ok(part)).await)).await,
                Err(error) => drop(say.send(Err(error)).await),
            }
        });
        said
    }

    /// The whole answer, or the chunks of what was not told yet.
    fn end(&self, told: &str, outcome: &Outcome) -> Vec<Value> {
        let (mut message, finish) = answer(outcome);
        if !self.stream {
            let choice = json!({ "index": 0, "message": message, "finish_reason": finish, "logprobs": null });
            let mut whole = self.shape("chat.completion", &json!([choice]));
            (whole["usage"], whole["orch"]) = (usage(outcome.usage()), evidence(outcome));
            return vec![whole];
        }
        message["content"] =
            message["content"].as_str().and_then(|all| all.strip_prefix(told)).unwrap_or_default().into();
        let mut last = self.chunk(&message, &finish);
        last["orch"] = evidence(outcome);
        let mut used = self.shape("chat.completion.chunk", &json!([]));
        used["usage"] = usage(outcome.usage());
        [last].into_iter().chain(self.usage.then_some(used)).chain([json!("[DONE]")]).collect()
    }

    fn chunk(&self, delta: &Value, finish: &Value) -> Value {
        self.shape("chat.completion.chunk", &json!([{ "index": 0, "delta": delta, "finish_reason": finish }]))
    }

    fn shape(&self, object: &str, choices: &Value) -> Value {
        let (id, now) = (format!("chatcmpl-{}", self.id), wall_clock().as_secs());
        json!({ "id": id, "object": object, "created": now, "model": self.model, "choices": choices })
    }
}

fn header<T: FromStr>(headers: &HeaderMap, name: &str) -> Result<Option<T>, Error> {
    let Some(value) = headers.get(name) else { return Ok(None) };
    let read = value.to_str().ok().and_then(|text| text.trim().parse().ok());
    let fault = || Error::invalid(format!("/headers/{name}"), format!("{value:?}: not a value of this header"));
    read.map(Some).ok_or_else(fault)
}

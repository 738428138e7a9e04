//! A run's events as server-sent events, from an axum handler.
//!
//!     cargo run --example sse_axum                       # serves on loopback, calls itself, prints, and stops
//!     cargo run --example sse_axum -- 127.0.0.1:8088     # serves until Ctrl-C
//!     curl -N -X POST -d 'What is the tide?' http://127.0.0.1:8088/runs
//!
//! What such a handler has to get right, and where it is done here:
//!
//! - A client that goes away cancels its run, at once, even while nothing is said; what the run had used by then is
//!   booked ([`follow`]).
//! - A client that reads slowly slows nobody: pieces of the answer that wait for it are merged.
//! - While a model thinks, a comment every few seconds keeps proxies from closing the connection.
//! - A run is not resumed. A browser's `EventSource` comes back by itself when a stream ends; its `Last-Event-ID` is
//!   answered by 204, which tells it to stop, so that no second run is paid for. Who must not pay twice sends an idempotency
//!   key with a POST, and asks again with the same key.

use std::convert::Infallible;
use std::time::Duration;

use axum::Router;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::sse::{Event as Frame, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use futures_util::{Stream, stream};
use orch_core::{
    Counted, DeltaKind, Envelope, Error, HasContext, Limits, Meter, Output, Request, ToolSpec, Usage, tool_fn,
};
use orch_facade::{Client, Run, RunEvents};
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep};

#[derive(Clone)]
struct App {
    client: Client,
    /// Everything that was used since the start.
    spent: Meter,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let address = std::env::args().nth(1);
    let listener = TcpListener::bind(address.as_deref().unwrap_or("127.0.0.1:0")).await?;
    let url = format!("http://{}/runs", listener.local_addr()?);
    let client = Client::builder().tool(tool_fn(ToolSpec::pure("tide"), tide)).build()?;
    let app = App { client, spent: Meter::unlimited() };
    let routes = Router::new()
        .route("/runs", post(runs).get(runs))
        .layer(DefaultBodyLimit::max(64 * 1024))
        .with_state(app.clone());
    let server = axum::serve(listener, routes);
    match address {
        Some(_) => {
            // Without a signal to wait for it serves on.
            let stopped = async {
                if tokio::signal::ctrl_c().await.is_err() {
                    std::future::pending::<()>().await;
                }
            };
            server.with_graceful_shutdown(stopped).await?;
        }
        None => tokio::select! {
            served = server => served?,
            tried = try_it(&url, &app.spent) => tried?,
        },
    }
    Ok(())
}

/// The events of one run. The body is the question.
async fn runs(State(app): State<App>, headers: HeaderMap, question: String) -> Response {
    if headers.contains_key("last-event-id") {
        return StatusCode::NO_CONTENT.into_response();
    }
    // A key that cannot be read is no missing one: without it the run would be paid for again.
    let Ok(key) = headers.get("idempotency-key").map(HeaderValue::to_str).transpose() else {
        return StatusCode::BAD_REQUEST.into_response();
    };
    let account = app.spent.child("request", Limits::NONE);
    let run = app.client.run(question).tool("tide").account(account.clone());
    let run = key.into_iter().fold(run, Run::idempotency_key);
    let (send, frames) = mpsc::channel(1);
    tokio::spawn(follow(run.events(), send, account));
    Sse::new(received(frames)).keep_alive(KeepAlive::new().interval(Duration::from_secs(10))).into_response()
}

/// Hands on what the run tells until it has ended or nobody listens; then the run is cancelled, and ends as it must.
#[expect(clippy::print_stdout, reason = "the log of a program")]
async fn follow(mut events: RunEvents, send: mpsc::Sender<Envelope>, account: Meter) {
    loop {
        let next = tokio::select! {
            next = events.next() => next,
            () = send.closed() => None,
        };
        let Some(envelope) = next else { break };
        if send.send(envelope).await.is_err() {
            break;
        }
    }
    // It changes nothing for a run that has ended.
    events.cancellation().cancel();
    let ended = events.outcome().await.map_or_else(|error| error.to_string(), |_| "completed".to_owned());
    println!("server: {ended}, {} tokens booked", account.usage().tokens());
}

fn received(frames: mpsc::Receiver<Envelope>) -> impl Stream<Item = Result<Frame, Infallible>> {
    stream::unfold(frames, |mut frames| async {
        let envelope = frames.recv().await?;
        let data = serde_json::to_string(&envelope).unwrap_or_default();
        Some((Ok(Frame::default().id(envelope.seq.to_string()).data(data)), frames))
    })
}

/// A model that speaks slowly, and counts its tokens as it goes.
async fn tide(request: Request) -> Result<Output, Error> {
    let context = request.context();
    let answer = "The sea, twice a day.";
    let mut tokens = 0;
    for word in answer.split_inclusive(' ') {
        sleep(Duration::from_millis(100)).await;
        tokens += 1;
        context.progress().set_usage(Usage::new().output(Counted::reported(tokens)));
        context.deliver(Instant::now(), DeltaKind::Text, word);
    }
    Ok(Output::from(answer).with_usage(Usage::new().output(Counted::reported(tokens))))
}

/// One client that stays to the end, one that leaves after the first piece of the answer, and a browser that comes back.
#[expect(clippy::print_stdout, reason = "the result of a program")]
async fn try_it(url: &str, spent: &Meter) -> anyhow::Result<()> {
    let http = reqwest::Client::new();
    print!("{}", http.post(url).body("What is the tide?").send().await?.text().await?);
    println!("all {} tokens", spent.usage().tokens());

    let mut response = http.post(url).body("What is the tide?").send().await?;
    let mut seen = Vec::new();
    while !String::from_utf8_lossy(&seen).contains("\"delta\"") {
        seen.extend(response.chunk().await?.unwrap_or_default());
    }
    drop((response, http));
    // The next request is a new one: the one that was left is booked by the time its run has let go.
    while spent.usage().tokens() < 6 {
        sleep(Duration::from_millis(5)).await;
    }
    let again = reqwest::Client::new().get(url).header("last-event-id", "7").send().await?;
    println!("a browser that comes back: {}", again.status());
    let odd =
        reqwest::Client::new().post(url).header("idempotency-key", HeaderValue::from_bytes(b"\xff")?).send().await?;
    println!("a key that is no text: {}", odd.status());
    Ok(())
}

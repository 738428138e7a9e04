//! An OpenAI-compatible endpoint whose `model = "consensus/<model>"` answers with what several replicates agree on.
//!
//!     cargo run --example consensus_endpoint -- --upstream http://127.0.0.1:8080/v1 --model tiny --free
//!
//! Any OpenAI client works. `<model>` is one reliable call; `consensus/<model>` is up to `--k` of them: the field `orch` of
//! the answer has the evidence, and `usage` counts all replicates, failed attempts included. Headers in: `Idempotency-Key`,
//! `x-orch-budget-tokens`, `x-orch-budget-cost` (dollars), `x-orch-deadline-ms`, and `traceparent`, which is passed on.
//! Headers out: `x-orch-run`, `Retry-After`, and `x-should-retry`, so that clients do not repeat what was repeated here.
//! A stream says only what stands: the pieces of a single call without a key, the settled answer of a consensus.
//!
//! With `ORCH_ENDPOINT_TOKEN` set, `/v1` needs it as bearer token; without, only loopback is served. Logs are lines of JSON
//! on standard error. SIGTERM and Ctrl-C drain: what runs may end, nothing new begins.

mod api;
mod wire;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, ensure};
use clap::Parser;
use orch_core::Meter;
use orch_facade::providers::{OpenAi, OpenAiBuilder, ProviderService};
use orch_facade::{BundleTool, Client};
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};

#[derive(Parser)]
struct Args {
    /// Where to listen; port 0 takes a free one.
    #[arg(long, default_value = "127.0.0.1:8089")]
    listen: SocketAddr,
    /// The base URL of the OpenAI-compatible server behind this one.
    #[arg(long)]
    upstream: String,
    /// The environment variable that holds its key.
    #[arg(long)]
    upstream_key_env: Option<String>,
    /// A model to serve, as itself and as `consensus/<model>`; may be given several times.
    #[arg(long = "model", required = true)]
    models: Vec<String>,
    /// The most replicates of a consensus.
    #[arg(long, default_value_t = 5)]
    k: u32,
    /// The upstream costs nothing; else prices are those that are known for its models.
    #[arg(long)]
    free: bool,
    /// The longest that a request may take, in seconds.
    #[arg(long, default_value_t = 120)]
    deadline: u64,
    /// How long requests may go on after a signal to stop, in seconds.
    #[arg(long, default_value_t = 25)]
    drain: u64,
}

/// What all requests share.
struct App {
    client: Client,
    token: Option<String>,
    deadline: Duration,
    /// What was used since the start.
    spent: Meter,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    tracing_subscriber::fmt().json().flatten_event(true).with_writer(std::io::stderr).init();
    let args = Args::parse();
    let token = std::env::var("ORCH_ENDPOINT_TOKEN").ok().filter(|token| !token.is_empty());
    ensure!(token.is_some() || args.listen.ip().is_loopback(), "beyond loopback set ORCH_ENDPOINT_TOKEN");
    let (client, deadline) = (client(&args)?, Duration::from_secs(args.deadline));
    let app = Arc::new(App { client, token, deadline, spent: Meter::unlimited() });
    let listener = TcpListener::bind(args.listen).await.with_context(|| format!("--listen {}", args.listen))?;
    tracing::info!(address = %listener.local_addr()?, "listening");
    let mut terminated = signal(SignalKind::terminate())?;
    let stop = tokio_util::sync::CancellationToken::new();
    let server = axum::serve(listener, api::routes(Arc::clone(&app)));
    let served = tokio::spawn(server.with_graceful_shutdown(stop.clone().cancelled_owned()).into_future());
    tokio::select! {
        interrupted = tokio::signal::ctrl_c() => interrupted?,
        _ = terminated.recv() => {}
    }
    stop.cancel();
    let abandoned = app.client.drain(Duration::from_secs(args.drain)).await.abandoned.len();
    // Answers that nobody reads do not keep the process.
    let _ = tokio::time::timeout(Duration::from_secs(1), served).await;
    let spent = app.spent.usage();
    tracing::info!(abandoned, tokens = spent.tokens(), cost_usd = spent.cost_usd(), "stopped");
    Ok(())
}

fn client(args: &Args) -> anyhow::Result<Client> {
    let upstream = OpenAi::builder().base_url(&args.upstream).model(&args.models[0]);
    let upstream = args.upstream_key_env.iter().fold(upstream, OpenAiBuilder::api_key_env);
    let upstream = if args.free { upstream.free() } else { upstream };
    let upstream = ProviderService::new(upstream.build().with_context(|| format!("--upstream {}", args.upstream))?);
    let mut builder = Client::builder().deadline(Duration::from_secs(args.deadline));
    for model in &args.models {
        let ask = Arc::new(wire::Ask::new(model, upstream.clone()));
        let bundle = BundleTool::new(format!("{}{model}", wire::CONSENSUS), Arc::clone(&ask)).k(args.k);
        builder = builder.tool(ask).bundle(bundle);
    }
    Ok(builder.build()?)
}

//! Tests a server that we have never seen: a plain answer, a stream, a tool call, JSON by a schema, a wrong key, and a
//! call that is given up.
//!
//! ```sh
//! cargo run -p orch-examples --example provider_check -- \
//!     --wire anthropic --base-url https://api.anthropic.com --model claude-haiku-4-5 --api-key-env ANTHROPIC_API_KEY
//! ```
//!
//! It prints a table, and its exit code is 0 if no step has failed, 1 if one has, 2 if it could not begin.

use std::process::ExitCode;
use std::time::Duration;

use clap::{Parser, ValueEnum};
use orch_core::Error;
use orch_providers::{
    Anthropic, ApiVersion, CheckReport, CheckStep, HttpProviderBuilder, OpenAi, OpenAiResponses, ProviderCheck, Wire,
};

/// Tests any endpoint that speaks one of the wires. It makes up to eight short calls, which the provider may charge for.
#[derive(Parser)]
struct Args {
    /// The wire that the endpoint speaks.
    #[arg(long)]
    wire: WireName,
    /// Where the API begins, such as `http://127.0.0.1:8080/v1`. Default: the vendor's own.
    #[arg(long)]
    base_url: Option<String>,
    /// The model to ask.
    #[arg(long)]
    model: String,
    /// The environment variable with the key. Without one no key is sent, and none can be wrong.
    #[arg(long)]
    api_key_env: Option<String>,
    /// The header that carries the key, such as `api-key`.
    #[arg(long)]
    api_key_header: Option<String>,
    /// Plain http to another machine.
    #[arg(long)]
    allow_insecure_http: bool,
    /// A step to leave out: plain, stream, tool-call, json-schema, wrong-key or cancel. May be repeated.
    #[arg(long)]
    skip: Vec<CheckStep>,
    /// The most tokens of an answer.
    #[arg(long, default_value_t = 256)]
    max_tokens: u64,
    /// How many seconds a step may take.
    #[arg(long, default_value_t = 60)]
    patience: u64,
}

#[derive(Clone, Copy, ValueEnum)]
enum WireName {
    /// OpenAI Chat Completions, and whatever is compatible with it.
    Chat,
    /// OpenAI Responses.
    Responses,
    /// Anthropic Messages, API version 2026-10-21.
    Anthropic,
    /// Anthropic Messages, API version 2023-06-01.
    #[value(name = "anthropic-2023-06-01")]
    Anthropic2023,
}

#[tokio::main]
#[expect(clippy::print_stdout, clippy::print_stderr, reason = "the output of a program")]
async fn main() -> ExitCode {
    match check(&Args::parse()).await {
        Ok(report) => {
            print!("{report}");
            if report.is_ok() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
        }
        Err(error) => {
            eprintln!("{error}");
            ExitCode::from(2)
        }
    }
}

async fn check(args: &Args) -> Result<CheckReport, Error> {
    match args.wire {
        WireName::Chat => run(args, OpenAi::builder()).await,
        WireName::Responses => run(args, OpenAiResponses::builder()).await,
        WireName::Anthropic => run(args, Anthropic::builder()).await,
        WireName::Anthropic2023 => run(args, Anthropic::builder().api_version(ApiVersion::V2023_06_01)).await,
    }
}

async fn run<W: Wire>(args: &Args, mut builder: HttpProviderBuilder<W>) -> Result<CheckReport, Error> {
    builder = builder.model(&args.model).allow_insecure_http(args.allow_insecure_http);
    if let Some(url) = &args.base_url {
        builder = builder.base_url(url);
    }
    if let Some(header) = &args.api_key_header {
        builder = builder.api_key_header(header);
    }
    let mut check = match &args.api_key_env {
        Some(variable) => ProviderCheck::new(builder.clone().api_key_env(variable).build()?)
            .wrong_key(builder.api_key("a-wrong-key").build()?),
        None => ProviderCheck::new(builder.build()?),
    };
    for step in &args.skip {
        check = check.skip(*step, "left out on demand");
    }
    let max_tokens = args.max_tokens;
    let check = check.adjust(move |request| request.with_max_tokens(max_tokens));
    Ok(check.patience(Duration::from_secs(args.patience)).run().await)
}

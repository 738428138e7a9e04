#![doc = include_str!("../README.md")]

mod batch;
mod breakdown;
mod builder;
mod client;
#[cfg(feature = "config")]
#[cfg_attr(
    not(any(feature = "openai", feature = "responses", feature = "anthropic")),
    allow(dead_code, reason = "without a wire nothing has a secret")
)]
pub mod config;
mod door;
mod drain;
mod error;
mod events;
mod explain;
pub mod metrics;
mod orchestrator;
mod outcome;
mod registration;
mod run;
mod settings;
mod stacks;
mod time;

pub use orch_core as core;
pub use orch_evidence as evidence;
pub use orch_planning as planning;
pub use orch_providers as providers;
pub use orch_reliability as reliability;

pub use batch::{Batch, BatchItem, BatchSummary, RunAll};
pub use breakdown::CostLine;
pub use builder::ClientBuilder;
pub use client::Client;
pub use drain::{Abandoned, DrainReport};
pub use error::BuildError;
pub use events::RunEvents;
pub use explain::Explanation;
pub use orchestrator::{Orchestrator, ReliableOrchestrator};
pub use outcome::{Outcome, Status};
pub use run::Run;
pub use time::TimeLine;

pub use orch_core::{
    BoxTool, Budget, Content, Effect, Envelope, Error, ErrorKind, Event, Input, IntoTool, Output, Redact, Request,
    Tool, ToolSpec, Usage, tool_fn, typed_tool_fn,
};
#[cfg(feature = "derive")]
pub use orch_derive::ConsensusOfFacade as Consensus;
pub use orch_evidence::BundleTool;
pub use orch_evidence::typed::{Consensus, Evidence};
pub use orch_planning::{Op, Rule, RulePlanner};
pub use orch_reliability::{CircuitBreakerConfig, IdempotencyConfig, RateLimitConfig, RetryPolicy};

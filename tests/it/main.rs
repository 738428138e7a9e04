//! Whole stacks, the arrows between crates, the commands of the README.

#![expect(clippy::unwrap_used, reason = "a helper of a test fails as the test does")]

mod bad_input;
mod batch;
mod configuration;
mod consensus_endpoint;
mod contract;
mod documents;
mod door;
mod drain;
mod examples;
mod explain;
mod facade;
mod figures;
mod layer_order;
mod layering;
mod links;
mod openai_client;
mod packaging;
mod planning;
mod provider_check;
mod public_api;
mod quickstart;
mod readme;
mod redaction;
mod replicates;
mod resume;
mod run_options;
mod runs;
mod seeds;
mod snippets;
mod support;
mod telemetry;
mod tour;
mod wire;

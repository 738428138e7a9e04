//! Whole stacks, the arrows between crates, the commands of the README.

#![expect(clippy::unwrap_used, reason = "a helper of a test fails as the test does")]

mod bad_input;
mod batch;
mod configuration;
mod consensus_endpoint;
mod contract;
mod documents;
mod door;
mod examples;
mod facade;
mod figures;
mod layer_order;
mod layering;
mod links;
mod openai_client;
mod planning;
mod provider_check;
mod public_api;
mod quickstart;
mod readme;
mod replicates;
mod resume;
mod runs;
mod seeds;
mod snippets;
mod support;
mod tour;
mod wire;

//! Whole stacks, the arrows between crates, the commands of the README.

mod compile_fail;
mod contract;
mod facade;
mod layering;
mod public_api;
mod quickstart;
mod readme;
mod replicates;
mod support;
mod wire;

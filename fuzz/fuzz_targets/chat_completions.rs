//! Any bytes as an answer on the Chat Completions wire, streamed in any chunks and whole.

#![no_main]

mod decoder;

use libfuzzer_sys::fuzz_target;
use orch_providers::{Dialect, ChatCompletions};

fuzz_target!(|data: &[u8]| decoder::hold(data, &ChatCompletions::new(Dialect::OPENROUTER)));

//! Any bytes as an answer on the Responses wire, streamed in any chunks and whole.

#![no_main]

mod decoder;

use libfuzzer_sys::fuzz_target;
use orch_providers::{Dialect, Responses};

fuzz_target!(|data: &[u8]| decoder::hold(data, &Responses::new(Dialect::OPENROUTER)));

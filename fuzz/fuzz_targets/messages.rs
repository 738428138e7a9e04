//! Any bytes as an answer on the Messages wire, streamed in any chunks and whole.

#![no_main]

mod decoder;

use libfuzzer_sys::fuzz_target;
use orch_providers::{ApiVersion, Messages};

fuzz_target!(|data: &[u8]| decoder::hold(data, &Messages::new(ApiVersion::V2026_10_21)));

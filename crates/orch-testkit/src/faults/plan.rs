//! Which call gets which fault: a pure function.

use std::ops::RangeInclusive;
use std::time::Duration;

use fastrand::Rng;
use orch_core::{CallContext, Class, Error, ErrorKind, ProviderFailure};

use super::FaultLayer;

/// A kind of fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum FaultKind {
    /// A 429 with Retry-After.
    RateLimit,
    /// A 500.
    ServerError,
    /// A delay before the call.
    Delay,
}

/// A fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Fault {
    /// A 429 that asks to wait: class `Throttled`, certainly not executed.
    RateLimit {
        /// How long.
        retry_after: Duration,
    },
    /// A 500: class `Transient`.
    ServerError,
    /// A delay before the call, which then takes place.
    Delay(Duration),
}

impl Fault {
    /// The error that the caller gets instead of an answer; `None` for a delay.
    #[must_use]
    pub fn error(&self) -> Option<Error> {
        match self {
            Self::RateLimit { retry_after } => {
                let error = failure(429, "injected_rate_limit", format!("injected: slow down for {retry_after:?}"));
                Some(error.with_class(Class::Throttled).with_retry_after(*retry_after).with_not_executed())
            }
            Self::ServerError => Some(failure(500, "injected_server_error", "injected: internal error".into())),
            Self::Delay(_) => None,
        }
    }
}

fn failure(status: u16, code: &str, message: String) -> Error {
    Error::new(ErrorKind::Provider(ProviderFailure::new("injected", message).status(status).code(code)))
}

/// The place of a call in its run: what decides, with rate and seed, whether it gets a fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Site<'a> {
    /// The part of the run, such as `/r2`; empty for the whole.
    pub part: &'a str,
    /// The tool, if a scope was entered.
    pub tool: Option<&'a str>,
    /// The attempt, counted from 1.
    pub attempt: u32,
    /// For calls that belong to no part: the number of such calls before. Otherwise 0.
    pub call: u64,
}

impl<'a> Site<'a> {
    /// The place of a call with this context. `count` is asked only when the call belongs to no part of a run.
    pub fn of(context: &'a CallContext, count: impl FnOnce() -> u64) -> Self {
        let part = context.part_path();
        let call = if part.is_empty() { count() } else { 0 };
        Self { part, tool: context.tool().map(AsRef::as_ref), attempt: context.attempt(), call }
    }

    fn mix(&self, seed: u64) -> u64 {
        let seed = mix_text(mix(seed, 0), self.part);
        let seed = mix_text(seed, self.tool.unwrap_or_default());
        mix(mix(seed, u64::from(self.attempt)), self.call)
    }
}

impl FaultLayer {
    /// The fault that a call at this place gets: a pure function of the layer's settings and the place.
    #[must_use]
    pub fn plan(&self, site: &Site<'_>) -> Option<Fault> {
        let mut rng = Rng::with_seed(site.mix(self.seed));
        if rng.f64() >= self.rate || self.kinds.is_empty() {
            return None;
        }
        Some(match self.kinds[rng.usize(..self.kinds.len())] {
            FaultKind::RateLimit => Fault::RateLimit { retry_after: pick(&mut rng, &self.retry_after) },
            FaultKind::ServerError => Fault::ServerError,
            FaultKind::Delay => Fault::Delay(pick(&mut rng, &self.delay)),
        })
    }
}

/// A whole number of milliseconds above the start of the range, at most its end.
fn pick(rng: &mut Rng, range: &RangeInclusive<Duration>) -> Duration {
    let width = range.end().saturating_sub(*range.start());
    let millis = u64::try_from(width.as_millis()).unwrap_or(u64::MAX);
    *range.start() + Duration::from_millis(rng.u64(0..=millis))
}

/// Spreads neighbouring seeds and numbers over all 64 bits (the finaliser of `SplitMix64`).
fn mix(seed: u64, value: u64) -> u64 {
    let mut z = seed.rotate_left(17).wrapping_add(value).wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

fn mix_text(seed: u64, text: &str) -> u64 {
    text.bytes().fold(mix(seed, text.len() as u64), |seed, byte| mix(seed, u64::from(byte)))
}

//! How many replicates a run can afford.

use orch_core::{CallContext, Error, Estimate, Limits, Reservation, Usd};

/// The money of all replicates, set aside, and for how many it is.
pub(super) struct Affordable {
    pub(super) reservation: Reservation,
    pub(super) k: u32,
}

/// Reserves the estimate of `k` calls, or of as many as what is left allows, but at least of one.
pub(super) fn reserve(context: &CallContext, k: u32) -> Result<Affordable, Error> {
    let (meter, estimate) = (context.meter(), context.estimate());
    let mut k = k.min(fitting(estimate, &meter.remaining())).max(1);
    loop {
        match meter.reserve(&estimate.times(k)) {
            Ok(reservation) => return Ok(Affordable { reservation, k }),
            Err(error) if k == 1 => return Err(error),
            // Somebody else was faster.
            Err(_) => k -= 1,
        }
    }
}

/// How many calls like this fit into what is left; what is not estimated always fits.
fn fitting(estimate: &Estimate, left: &Limits) -> u32 {
    let times = |left: Option<u64>, each: Option<u64>| match (left, each) {
        (Some(left), Some(each)) => left.checked_div(each).unwrap_or(u64::MAX),
        _ => u64::MAX,
    };
    let tokens = times(left.tokens, estimate.tokens());
    let cost = times(left.cost.map(Usd::nanos), estimate.cost.map(Usd::nanos));
    u32::try_from(tokens.min(cost)).unwrap_or(u32::MAX)
}

//! Where the time of a run went: pure logic over what was kept.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use orch_core::{AskedBy, AttemptRecord, Stretch};
use serde::Serialize;

/// A part of a run's time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct TimeLine {
    /// Who asked for the wait; `None`: nobody, the tool itself was at work.
    pub asked_by: Option<AskedBy>,
    /// How long.
    #[serde(rename = "duration_ms", with = "orch_core::serde_ms")]
    pub duration: Duration,
}

impl TimeLine {
    /// The name of the part in which nobody waits.
    pub const TOOL: &'static str = "the tool itself";
}

impl fmt::Display for TimeLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.2} s for ", self.duration.as_secs_f64())?;
        match self.asked_by {
            Some(asked_by) => asked_by.fmt(f),
            None => f.write_str(Self::TOOL),
        }
    }
}

/// Whose time it is: one replicate of one tool, or the run itself.
type Whose = (Option<Arc<str>>, Option<u32>);

struct Span {
    whose: Whose,
    /// `None`: the life of a replicate.
    asked_by: Option<AskedBy>,
    from: Duration,
    to: Duration,
}

/// The parts of `elapsed`, which they add up to, the longest first.
///
/// A moment at which a replicate is alive and does not wait is the tool's. Else it belongs to who asked somebody to wait;
/// where several did, to the first of [`AskedBy::ALL`]. A moment of which nothing is known is the tool's too.
pub(crate) fn parts(elapsed: Duration, attempts: &[AttemptRecord], stretches: &[Stretch]) -> Vec<TimeLine> {
    let spans: Vec<Span> = between_attempts(attempts).chain(stretches.iter().map(stretch)).collect();
    let mut moments: Vec<Duration> = spans.iter().flat_map(|span| [span.from, span.to]).collect();
    moments.extend([Duration::ZERO, elapsed]);
    moments.retain(|moment| *moment <= elapsed);
    moments.sort_unstable();
    moments.dedup();
    let mut sums = vec![(None, Duration::ZERO)];
    sums.extend(AskedBy::ALL.map(|asked_by| (Some(asked_by), Duration::ZERO)));
    for pair in moments.windows(2) {
        let owner = owner(&spans, pair[0]);
        if let Some((_, sum)) = sums.iter_mut().find(|(asked_by, _)| *asked_by == owner) {
            *sum += pair[1] - pair[0];
        }
    }
    sums.retain(|(_, sum)| *sum > Duration::ZERO);
    sums.sort_by_key(|(_, sum)| std::cmp::Reverse(*sum));
    sums.into_iter().map(|(asked_by, duration)| TimeLine { asked_by, duration }).collect()
}

fn between_attempts(attempts: &[AttemptRecord]) -> impl Iterator<Item = Span> {
    attempts.iter().filter_map(|record| {
        let (wait, from) = (record.wait?, record.started.saturating_add(record.elapsed));
        let whose = (record.tool.clone(), record.replicate);
        Some(Span { whose, asked_by: Some(wait.asked_by), from, to: from.saturating_add(wait.duration) })
    })
}

fn stretch(stretch: &Stretch) -> Span {
    let (whose, from) = ((stretch.tool.clone(), stretch.replicate), stretch.started);
    Span { whose, asked_by: stretch.asked_by, from, to: from.saturating_add(stretch.elapsed) }
}

/// Whose the time from this moment to the next is.
fn owner(spans: &[Span], moment: Duration) -> Option<AskedBy> {
    let now = || spans.iter().filter(|span| (span.from..span.to).contains(&moment));
    let waits = |whose: &Whose| now().any(|span| span.asked_by.is_some() && span.whose == *whose);
    let somebody_works = now().any(|span| span.asked_by.is_none() && !waits(&span.whose));
    let asked = || AskedBy::ALL.into_iter().find(|asked_by| now().any(|span| span.asked_by == Some(*asked_by)));
    if somebody_works { None } else { asked() }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(replicate: u32, asked_by: Option<AskedBy>, from: u64, to: u64) -> Stretch {
        Stretch {
            tool: Some("t".into()),
            replicate: Some(replicate),
            asked_by,
            started: Duration::from_millis(from),
            elapsed: Duration::from_millis(to - from),
        }
    }

    fn in_words(elapsed: u64, stretches: &[Stretch]) -> Vec<String> {
        let parts = parts(Duration::from_millis(elapsed), &[], stretches);
        parts.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn what_nobody_waits_for_is_the_tools() {
        assert_eq!(in_words(2_000, &[]), ["2.00 s for the tool itself"]);
        assert_eq!(in_words(0, &[]), [""; 0]);
    }

    #[test]
    fn while_one_replicate_works_the_wait_of_another_costs_no_time() {
        let lives = [at(1, None, 0, 1_000), at(2, None, 0, 4_000)];
        let wait = at(2, Some(AskedBy::RetryAfter), 500, 3_500);
        let [one, two] = lives;
        assert_eq!(
            in_words(4_000, &[one, two, wait]),
            ["2.50 s for the server's Retry-After", "1.50 s for the tool itself"]
        );
    }

    #[test]
    fn a_wait_that_the_end_of_the_run_cut_short_counts_as_far_as_it_came() {
        let wait = at(1, Some(AskedBy::Backoff), 1_000, 60_000);
        assert_eq!(in_words(5_000, &[wait]), ["4.00 s for our backoff", "1.00 s for the tool itself"]);
    }

    #[test]
    fn within_the_planners_time_what_its_model_waits_for_is_not_the_planners() {
        let planner = at(1, Some(AskedBy::Planner), 0, 3_000);
        let wait = at(1, Some(AskedBy::Queue), 1_000, 2_000);
        assert_eq!(in_words(3_000, &[planner, wait]), ["2.00 s for the planner", "1.00 s for our queue"]);
    }

    fn asked() -> impl Strategy<Value = Option<AskedBy>> {
        prop_oneof![Just(None), proptest::sample::select(AskedBy::ALL.to_vec()).prop_map(Some)]
    }

    fn stretches() -> impl Strategy<Value = Vec<Stretch>> {
        let one = (1_u32..4, asked(), 0_u64..40, 0_u64..40);
        proptest::collection::vec(one.prop_map(|(who, asked, from, long)| at(who, asked, from, from + long)), 0..12)
    }

    /// Each millisecond by itself.
    fn by_milliseconds(elapsed: u64, stretches: &[Stretch], asked_by: Option<AskedBy>) -> u64 {
        let covers = |stretch: &&Stretch, ms: u64| {
            let from = u64::try_from(stretch.started.as_millis()).unwrap();
            (from..from + u64::try_from(stretch.elapsed.as_millis()).unwrap()).contains(&ms)
        };
        let owner = |ms: u64| {
            let now: Vec<_> = stretches.iter().filter(|stretch| covers(stretch, ms)).collect();
            let waiting = |who| now.iter().any(|stretch| stretch.replicate == who && stretch.asked_by.is_some());
            if now.iter().any(|stretch| stretch.asked_by.is_none() && !waiting(stretch.replicate)) {
                return None;
            }
            let waits: Vec<_> = now.iter().filter_map(|stretch| stretch.asked_by).collect();
            AskedBy::ALL.into_iter().find(|asked_by| waits.contains(asked_by))
        };
        (0..elapsed).filter(|ms| owner(*ms) == asked_by).count() as u64
    }

    proptest! {
        #[test]
        fn the_parts_are_those_of_a_count_by_milliseconds_and_add_up(elapsed in 0_u64..80, stretches in stretches()) {
            let whole = Duration::from_millis(elapsed);
            let parts = parts(whole, &[], &stretches);
            prop_assert_eq!(parts.iter().map(|part| part.duration).sum::<Duration>(), whole);
            for asked_by in AskedBy::ALL.map(Some).into_iter().chain([None]) {
                let part = parts.iter().find(|part| part.asked_by == asked_by).map_or(0, |part| part.duration.as_millis());
                prop_assert_eq!(part, u128::from(by_milliseconds(elapsed, &stretches, asked_by)));
            }
        }
    }
}

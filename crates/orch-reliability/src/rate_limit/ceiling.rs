//! What a provider says is left of its own limit: pure logic.

use std::time::Duration;

use orch_core::LimitHint;
use tokio::time::Instant;

/// The longest that a hint keeps requests away, however far off the provider says its window's end is.
const LONGEST: Duration = Duration::from_secs(600);

/// At most `left` more requests until `until`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Ceiling {
    left: u64,
    until: Instant,
}

impl Ceiling {
    /// What a hint asks for; `None` when it has no number of requests, or no end.
    pub(super) fn of(hint: LimitHint, now: Instant) -> Option<Self> {
        let left = if hint.tokens_left == Some(0) { Some(0) } else { hint.requests_left };
        Some(Self { left: left?, until: now + hint.reset_in?.min(LONGEST) })
    }

    /// The stricter of the two. Answers arrive in any order: one that was sent earlier, and knows of fewer requests,
    /// must not lift what a later one has asked for.
    pub(super) fn stricter(self, other: Option<Self>, now: Instant) -> Self {
        match other {
            Some(other) if other.until > now && other.left <= self.left => other,
            _ => self,
        }
    }

    /// When one more request fits after `ahead` others, as far as this limit goes.
    pub(super) fn earliest(&self, ahead: u64, now: Instant) -> Instant {
        if self.until > now && self.left <= ahead { self.until } else { now }
    }

    pub(super) fn take(&mut self) {
        self.left = self.left.saturating_sub(1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn hint(requests_left: Option<u64>, tokens_left: Option<u64>, reset_in: Option<Duration>) -> LimitHint {
        LimitHint::new().requests_left(requests_left).tokens_left(tokens_left).reset_in(reset_in)
    }

    #[tokio::test(start_paused = true)]
    async fn a_hint_needs_a_number_and_an_end_and_no_tokens_means_no_request() {
        let now = Instant::now();
        let until = |left, after| Some(Ceiling { left, until: now + after });
        assert_eq!(Ceiling::of(hint(Some(3), Some(90), Some(SECOND)), now), until(3, SECOND));
        assert_eq!(Ceiling::of(hint(Some(3), Some(0), Some(SECOND)), now), until(0, SECOND));
        assert_eq!(Ceiling::of(hint(None, Some(0), Some(SECOND)), now), until(0, SECOND));
        assert_eq!(Ceiling::of(hint(None, Some(5), Some(SECOND)), now), None);
        assert_eq!(Ceiling::of(hint(Some(0), None, None), now), None);
        assert_eq!(Ceiling::of(hint(Some(0), None, Some(Duration::MAX)), now), until(0, LONGEST));
    }

    #[tokio::test(start_paused = true)]
    async fn an_earlier_answer_does_not_lift_what_a_later_one_asked_for() {
        let now = Instant::now();
        let of = |left, seconds: u32| Ceiling { left, until: now + SECOND * seconds };
        assert_eq!(of(5, 10).stricter(Some(of(2, 10)), now), of(2, 10));
        assert_eq!(of(2, 10).stricter(Some(of(5, 10)), now), of(2, 10));
        assert_eq!(of(5, 10).stricter(None, now), of(5, 10));
        // Once its window has ended it says nothing any more.
        let later = now + SECOND * 10;
        assert_eq!(of(5, 20).stricter(Some(of(2, 10)), later), of(5, 20));
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_left_goes_to_those_ahead_first() {
        let now = Instant::now();
        let mut ceiling = Ceiling { left: 2, until: now + SECOND };
        assert_eq!(ceiling.earliest(1, now), now);
        assert_eq!(ceiling.earliest(2, now), now + SECOND);
        ceiling.take();
        assert_eq!(ceiling.earliest(1, now), now + SECOND);
        assert_eq!(ceiling.earliest(1, now + SECOND), now + SECOND);
    }
}

//! The way through a closed circuit without its lock: two words, written under the lock and read without it.

use crate::sync::{AtomicU64, Ordering};

/// While a circuit is closed and its target asks for no pause, a call is let through by looking at `passing`, and its
/// prompt success is counted in `tally`, as long as that count can change nothing else. Whoever takes the lock takes
/// the tally with it, so the machine always knows of every success before it decides.
#[derive(Debug, Default)]
pub(super) struct FastPath {
    /// One more than the generation that calls may join; 0: ask the machine.
    passing: AtomicU64,
    /// Whose successes are counted, in the upper half (0: nobody's), and how many there were, in the lower.
    tally: AtomicU64,
}

/// Which successes belong together: those of one generation and one bucket of its window. Never 0.
///
/// It is 32 bits of both. Only the present bucket is ever counted, so to be taken for one of a later generation, a call
/// would have to outlive 2^16 of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Stamp(u32);

impl Stamp {
    pub(super) fn new(generation: u64, bucket: u64) -> Option<Self> {
        let mixed = bucket.wrapping_add(generation << 16);
        let low = u32::try_from(mixed & u64::from(u32::MAX)).expect("masked");
        (low != 0).then_some(Self(low))
    }

    const fn empty(self) -> u64 {
        (self.0 as u64) << 32
    }
}

impl FastPath {
    /// The generation that a call joins which may pass without being asked.
    pub(super) fn generation(&self) -> Option<u64> {
        self.passing.load(Ordering::Acquire).checked_sub(1)
    }

    /// Counts a prompt success; `false`: nothing was counted, report it to the machine.
    pub(super) fn count(&self, stamp: Stamp) -> bool {
        let mut tally = self.tally.load(Ordering::Acquire);
        while tally >> 32 == u64::from(stamp.0) && tally + 1 < stamp.empty() + (1 << 32) {
            match self.tally.compare_exchange_weak(tally, tally + 1, Ordering::AcqRel, Ordering::Acquire) {
                Ok(_) => return true,
                Err(newer) => tally = newer,
            }
        }
        false
    }

    /// Takes what was counted; from here on nothing is. Under the lock only.
    pub(super) fn close(&self) -> u32 {
        u32::try_from(self.tally.swap(0, Ordering::AcqRel) & u64::from(u32::MAX)).expect("masked")
    }

    /// Lets calls through again that join `generation`, and counts the successes of `stamp`. Under the lock only.
    pub(super) fn open(&self, generation: Option<u64>, stamp: Option<Stamp>) {
        self.tally.store(stamp.map_or(0, Stamp::empty), Ordering::Release);
        self.passing.store(generation.map_or(0, |generation| generation + 1), Ordering::Release);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_successes_of_the_open_stamp_are_counted_and_each_is_taken_once() {
        let path = FastPath::default();
        let (ours, other) = (Stamp::new(3, 7).unwrap(), Stamp::new(3, 8).unwrap());
        assert!(!path.count(ours));
        path.open(Some(3), Some(ours));
        assert_eq!(path.generation(), Some(3));
        assert_eq!([path.count(ours), path.count(other), path.count(ours)], [true, false, true]);
        assert_eq!([path.close(), path.close()], [2, 0]);
        assert!(!path.count(ours));
        path.open(None, None);
        assert_eq!((path.generation(), path.count(ours)), (None, false));
    }

    #[test]
    fn a_full_count_is_left_to_the_machine() {
        let (path, stamp) = (FastPath::default(), Stamp::new(0, 1).unwrap());
        path.tally.store(stamp.empty() + u64::from(u32::MAX) - 1, Ordering::Relaxed);
        assert_eq!([path.count(stamp), path.count(stamp)], [true, false]);
        assert_eq!(path.close(), u32::MAX);
    }

    #[test]
    fn generations_and_buckets_have_stamps_of_their_own() {
        let all: std::collections::HashSet<u32> =
            (0..8).flat_map(|g| (1..1_000).filter_map(move |n| Stamp::new(g, n)).map(|stamp| stamp.0)).collect();
        assert_eq!(all.len(), 8 * 999);
    }
}

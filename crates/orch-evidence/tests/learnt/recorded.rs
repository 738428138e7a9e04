//! Recorded sets, and what a bundle says of the first K answers of a question in some order.

use std::path::Path;

use orch_core::Output;
use orch_evidence::stopping::Never;
use orch_evidence::{Bundle, BundleOptions, Bundler, StopRule};
use serde_json::Value;

/// Which answers were recorded for one question, and which of them are right.
pub(crate) struct Question {
    pub(crate) answers: Vec<Value>,
    pub(crate) right: Vec<bool>,
}

/// A recorded set; `None`, said loudly, where it is not at hand.
pub(crate) fn recorded(name: &str) -> Option<Vec<Question>> {
    let question = |row: Value| {
        let right = row["ok"].as_array().unwrap().iter().map(|ok| ok.as_i64() == Some(1)).collect();
        Question { answers: row["a"].as_array().unwrap().clone(), right }
    };
    Some(rows(name)?.into_iter().map(question).collect())
}

/// The lines of a recorded set as they are; `None`, said loudly, where it is not at hand.
pub(crate) fn rows(name: &str) -> Option<Vec<Value>> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data").join(name).with_extension("jsonl");
    let Ok(text) = std::fs::read_to_string(&path) else {
        orch_testkit::skipped(format_args!("no recorded data at {}", path.display()));
        return None;
    };
    Some(text.lines().map(|line| serde_json::from_str(line).unwrap()).collect())
}

impl Question {
    /// `k` of the answers, in an order that depends on the question and the turn alone.
    pub(crate) fn draw(&self, k: usize, turn: u64, at: usize) -> Vec<usize> {
        let mut order: Vec<usize> = (0..self.answers.len()).collect();
        shuffle(&mut order, turn.wrapping_mul(1_000_003) + at as u64);
        order.truncate(k);
        order
    }

    /// The bundle of these answers, all of which ran, and whether the answer that leads is right.
    pub(crate) fn bundle(&self, places: &[usize]) -> (Bundle, bool) {
        let bundle = bundle(&places.iter().map(|at| self.answers[*at].clone()).collect::<Vec<_>>(), Never);
        let right = self.right[places[medoid(&bundle)]];
        (bundle, right)
    }
}

/// The place of the medoid.
pub(crate) fn medoid(bundle: &Bundle) -> usize {
    bundle.summary.medoid[1..].parse::<usize>().unwrap() - 1
}

/// The bundle of these answers, as far as the rule lets it go.
pub(crate) fn bundle(answers: &[Value], rule: impl StopRule + 'static) -> Bundle {
    let k = u32::try_from(answers.len()).unwrap();
    // An empty answer is an answer here: it was recorded as one.
    let options = BundleOptions::new().k(k).epsilon(0.0).allow_empty(true);
    let bundler = Bundler::new(&options).unwrap().with_stop(rule).with_task("recorded");
    bundler.replay(|index| Ok(Output::from(answers[index as usize - 1].clone()))).unwrap()
}

/// Puts things into an order that the seed decides (Fisher and Yates, over `SplitMix64`).
pub(crate) fn shuffle<T>(things: &mut [T], seed: u64) {
    let mut state = seed;
    let mut draw = || {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    };
    for at in (1..things.len()).rev() {
        things.swap(at, usize::try_from(draw() % (at as u64 + 1)).unwrap());
    }
}

/// Fits on `n` of the items and tries on the others, in `splits` ways to divide them; the mean of what `trial` finds.
pub(crate) fn splits<T: Clone, const N: usize>(
    items: &[T],
    n: usize,
    splits: u64,
    trial: impl Fn(&[T], &[T]) -> [f64; N],
) -> [f64; N] {
    let mut sums = [0.0; N];
    for split in 0..splits {
        let mut shuffled = items.to_vec();
        shuffle(&mut shuffled, split);
        let (fitted, tried) = shuffled.split_at(n);
        for (sum, found) in sums.iter_mut().zip(trial(fitted, tried)) {
            *sum += found / splits as f64;
        }
    }
    sums
}

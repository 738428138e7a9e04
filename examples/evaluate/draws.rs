//! Which replicates of a question are looked at, and in which order.

/// The seed of everything that is drawn.
const SEED: u64 = 20_251_120;

/// How many replicates are drawn for a set and a K, about: sets of few questions, and a small K, draw more often.
const REPLICATES: usize = 160_000;

/// How many orders are drawn for each of so many questions; with all replicates in each, orders differ only in ties
/// and stops.
pub(crate) fn draws(questions: usize, k: usize) -> u32 {
    u32::try_from(REPLICATES / (questions * k).max(1)).map_or(120, |draws| draws.clamp(4, 120))
}

/// The replicates of a question in an order drawn by chance; the first K of it are K draws without replacement.
///
/// Every second order is the one before it backwards: what is rare at the beginning of one is frequent at that of the
/// other, and their mean is nearer to that of all orders (antithetic draws).
pub(crate) fn order(question: usize, draw: u32, replicates: usize) -> Vec<usize> {
    let mut order = shuffled(question as u64, draw / 2, replicates);
    if draw % 2 == 1 {
        order.reverse();
    }
    order
}

/// The questions, for a split by chance, in an order of its own for each `split`.
pub(crate) fn split(split: u32, questions: usize) -> Vec<usize> {
    shuffled(u64::MAX, split, questions)
}

fn shuffled(stream: u64, draw: u32, of: usize) -> Vec<usize> {
    let mut order: Vec<usize> = (0..of).collect();
    generator(stream, draw).shuffle(&mut order);
    order
}

fn generator(stream: u64, draw: u32) -> fastrand::Rng {
    // Far apart in the generator's seeds, so that neighbours do not resemble each other.
    let mixed = stream.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ u64::from(draw).wrapping_mul(0xd1b5_4a32_d192_ed03);
    fastrand::Rng::with_seed(SEED ^ mixed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_order_is_the_same_each_time_and_has_every_replicate_once() {
        let drawn = order(3, 1, 10);
        assert_eq!(drawn, order(3, 1, 10));
        assert_ne!(drawn, order(3, 2, 10));
        let mut sorted = drawn;
        sorted.sort_unstable();
        assert_eq!(sorted, (0..10).collect::<Vec<_>>());
    }

    #[test]
    fn every_replicate_comes_first_about_equally_often() {
        let mut first = [0_u32; 5];
        (0..5_000).for_each(|question| first[order(question, 0, 5)[0]] += 1);
        assert!(first.iter().all(|times| (900..1_100).contains(times)), "{first:?}");
    }

    #[test]
    fn every_second_order_is_the_one_before_it_backwards() {
        let (mut one, other) = (order(3, 4, 10), order(3, 5, 10));
        one.reverse();
        assert_eq!(one, other);
        assert_ne!(split(0, 20), split(1, 20));
    }
}

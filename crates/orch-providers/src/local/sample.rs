//! Which sentences a seed lets take part.

/// Seven tenths of `0..n`, rounded up, chosen by `seed`: `true` for each that takes part. Every subset of that size is
/// equally likely (selection sampling: Knuth, The Art of Computer Programming 2, 3.4.2, algorithm S).
pub(super) fn seven_tenths(n: usize, seed: u64) -> Vec<bool> {
    let mut random = fastrand::Rng::with_seed(seed);
    let mut wanted = size(n);
    let choose = |index: usize| {
        let take = random.usize(..n - index) < wanted;
        wanted -= usize::from(take);
        take
    };
    (0..n).map(choose).collect()
}

fn size(n: usize) -> usize {
    n - n * 3 / 10
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_seed_always_chooses_the_same_seven_tenths(n in 0_usize..500, seed: u64) {
            let sample = seven_tenths(n, seed);
            prop_assert_eq!(sample.iter().filter(|taken| **taken).count(), (n * 7).div_ceil(10));
            prop_assert_eq!(seven_tenths(n, seed), sample);
        }
    }

    #[test]
    fn seeds_choose_differently_and_every_sentence_about_equally_often() {
        let samples: Vec<_> = (0..1_000).map(|seed| seven_tenths(20, seed)).collect();
        assert!(samples.windows(2).filter(|pair| pair[0] == pair[1]).count() < 5);
        for index in 0..20 {
            let taken = samples.iter().filter(|sample| sample[index]).count();
            assert!((640..=760).contains(&taken), "sentence {index} was taken {taken} times of 1000");
        }
    }
}

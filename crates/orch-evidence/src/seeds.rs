//! The seeds of replicates.

/// The seeds of the replicates 1 to `k` that belong to a base seed.
///
/// Each is the upper 31 bits of the next number of `SplitMix64` that starts at `base` (Steele, Lea and Flood
/// 2014); one that came before is passed over. So they are all different, fit the integers that every
/// provider takes, and those for a smaller `k` are the first of those for a larger one.
///
/// ```
/// use orch_evidence::seeds;
///
/// assert_eq!(seeds(7, 3), seeds(7, 5)[..3]);
/// assert_ne!(seeds(7, 3), seeds(8, 3));
/// ```
#[must_use]
pub fn seeds(base: u64, k: u32) -> Vec<u64> {
    let mut state = base;
    let mut seeds = Vec::new();
    for _ in 0..k {
        let seed = std::iter::repeat_with(|| split_mix(&mut state) >> 33).find(|seed| !seeds.contains(seed));
        seeds.extend(seed);
    }
    seeds
}

fn split_mix(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let z = (*state ^ (*state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_generator_is_the_published_one() {
        let mut state = 1_234_567;
        assert_eq!(split_mix(&mut state), 6_457_827_717_110_365_317);
        assert_eq!(split_mix(&mut state), 3_203_168_211_198_807_973);
    }

    proptest! {
        #[test]
        fn seeds_are_all_different_and_fit_31_bits(base: u64) {
            let mut all = seeds(base, 64);
            prop_assert!(all.iter().all(|seed| *seed < 1 << 31));
            all.sort_unstable();
            all.dedup();
            prop_assert_eq!(all.len(), 64);
        }
    }
}

use std::collections::BTreeMap;

use crate::tree::{Node, Tree};

/// What was said at one place.
#[derive(Clone, Debug, Default)]
pub(crate) struct Unit {
    /// Equal for the same.
    values: Vec<u64>,
    /// As numbers, if all are.
    numbers: Option<Vec<f64>>,
}

impl Unit {
    pub(crate) fn new<'t>(trees: impl Iterator<Item = &'t Tree> + Clone) -> Self {
        let number = |tree: &Tree| match tree.node {
            Node::Number(number) => Some(number.value()),
            _ => None,
        };
        Self { values: trees.clone().map(Tree::hash).collect(), numbers: trees.map(number).collect() }
    }
}

/// Krippendorff's alpha over the places: 1 when all agree at every place, 0 when they agree as often as chance would
/// make them, below 0 when less often (Krippendorff 2011, "Computing Krippendorff's alpha-reliability").
///
/// Values are nominal: the same or not; if all are numbers, they are an interval: differences count by
/// their squares. Places where fewer than two say anything do not count. `None` with fewer than two places, and when
/// everything that was said anywhere is the same: then chance cannot disagree.
pub(crate) fn alpha(units: &[Unit]) -> Option<f64> {
    let units: Vec<&Unit> = units.iter().filter(|unit| unit.values.len() > 1).collect();
    if units.len() < 2 {
        return None;
    }
    let numbers: Option<Vec<&[f64]>> = units.iter().map(|unit| unit.numbers.as_deref()).collect();
    let (observed, expected) = match numbers {
        Some(numbers) => interval(&numbers),
        None => nominal(&units),
    };
    (expected > 0.0 && observed.is_finite() && expected.is_finite()).then(|| 1.0 - observed / expected)
}

/// Observed and expected disagreement of values that are the same or not.
fn nominal(units: &[&Unit]) -> (f64, f64) {
    let mut all: BTreeMap<u64, u64> = BTreeMap::new();
    let (mut observed, mut n) = (0.0, 0_u64);
    for unit in units {
        let mut here: BTreeMap<u64, u64> = BTreeMap::new();
        for value in &unit.values {
            *here.entry(*value).or_default() += 1;
            *all.entry(*value).or_default() += 1;
        }
        let m = unit.values.len() as u64;
        n += m;
        observed += different(m, here.values()) as f64 / (m - 1) as f64;
    }
    let expected = different(n, all.values()) as f64 / ((n - 1) as f64);
    // Both are to be divided by n.
    (observed, expected)
}

/// How many ordered pairs of `n` have different values; in integers, so that no order matters.
fn different<'c>(n: u64, counts: impl Iterator<Item = &'c u64>) -> u64 {
    n * n - counts.map(|count| count * count).sum::<u64>()
}

/// Observed and expected disagreement of numbers.
fn interval(units: &[&[f64]]) -> (f64, f64) {
    let n = units.iter().map(|unit| unit.len()).sum::<usize>() as f64;
    let mean = units.iter().flat_map(|unit| *unit).sum::<f64>() / n;
    let observed = units.iter().map(|unit| squares(unit, mean) / (unit.len() - 1) as f64).sum();
    let all: Vec<f64> = units.concat();
    (observed, squares(&all, mean) / (n - 1.0))
}

/// The sum of the squared differences of all ordered pairs; around `mean`, so that large numbers do not cancel out.
fn squares(values: &[f64], mean: f64) -> f64 {
    let (mut sum, mut of_squares) = (0.0, 0.0);
    for value in values {
        sum += value - mean;
        of_squares += (value - mean) * (value - mean);
    }
    2.0 * (values.len() as f64 * of_squares - sum * sum).max(0.0)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn nominal_units(rows: &[&[u64]]) -> Vec<Unit> {
        rows.iter().map(|row| Unit { values: row.to_vec(), numbers: None }).collect()
    }

    fn interval_units(rows: &[&[u32]]) -> Vec<Unit> {
        let unit = |row: &&[u32]| Unit {
            values: row.iter().copied().map(u64::from).collect(),
            numbers: Some(row.iter().copied().map(f64::from).collect()),
        };
        rows.iter().map(unit).collect()
    }

    /// The reliability data of Krippendorff 2011, section C: four observers, twelve units, with gaps.
    const PUBLISHED: [&[u32]; 12] = [
        &[1, 1, 1],
        &[2, 2, 3, 2],
        &[3, 3, 3, 3],
        &[3, 3, 3, 3],
        &[2, 2, 2, 2],
        &[1, 2, 3, 4],
        &[4, 4, 4, 4],
        &[1, 1, 2, 1],
        &[2, 2, 2, 2],
        &[5, 5, 5],
        &[1, 1],
        &[3],
    ];

    #[test]
    fn the_published_example_has_the_published_values() {
        let rows: Vec<Vec<u64>> = PUBLISHED.iter().map(|row| row.iter().copied().map(u64::from).collect()).collect();
        let rows: Vec<&[u64]> = rows.iter().map(Vec::as_slice).collect();
        assert!((alpha(&nominal_units(&rows)).unwrap() - 0.743).abs() < 5e-4);
        assert!((alpha(&interval_units(&PUBLISHED)).unwrap() - 0.849).abs() < 5e-4);
    }

    #[test]
    fn where_chance_cannot_disagree_there_is_no_alpha() {
        assert_eq!(alpha(&nominal_units(&[&[1, 1], &[1, 1]])), None);
        assert_eq!(alpha(&interval_units(&[&[1, 1], &[1, 1, 1]])), None);
        assert_eq!(alpha(&nominal_units(&[&[1, 2]])), None);
        assert_eq!(alpha(&nominal_units(&[&[1], &[2]])), None);
        assert_eq!(alpha(&[]), None);
        assert_eq!(alpha(&nominal_units(&[&[1, 1], &[2, 2]])), Some(1.0));
    }

    proptest! {
        #[test]
        fn it_is_the_definition_over_all_pairs(rows in prop::collection::vec(prop::collection::vec(0_u32..5, 0..6), 2..8)) {
            let rows: Vec<&[u32]> = rows.iter().map(Vec::as_slice).collect();
            for numeric in [false, true] {
                let apart = |a: u32, b: u32| match numeric {
                    true => (f64::from(a) - f64::from(b)).powi(2),
                    false => f64::from(u8::from(a != b)),
                };
                let pairs = |values: &[u32]| {
                    values.iter().flat_map(|a| values.iter().map(move |b| apart(*a, *b))).sum::<f64>()
                };
                let counted: Vec<&[u32]> = rows.iter().copied().filter(|row| row.len() > 1).collect();
                let n = counted.iter().map(|row| row.len()).sum::<usize>() as f64;
                let observed = counted.iter().map(|row| pairs(row) / (row.len() - 1) as f64).sum::<f64>() / n;
                let expected = pairs(&counted.concat()) / (n * (n - 1.0));
                let units = interval_units(&rows);
                let units: Vec<Unit> = units.into_iter().map(|unit| Unit { numbers: unit.numbers.filter(|_| numeric), ..unit }).collect();
                match alpha(&units) {
                    Some(alpha) => prop_assert!((alpha - (1.0 - observed / expected)).abs() < 1e-9),
                    None => prop_assert!(counted.len() < 2 || expected == 0.0),
                }
            }
        }
    }
}

use proptest::prelude::*;

use super::*;
use crate::notes::{Note, Notes};

fn metrics() -> [TextMetric; 12] {
    TextMetric::ALL
}

fn between(metric: &dyn Distance, a: &str, b: &str) -> f64 {
    metric.distance(&metric.prepare(a), &metric.prepare(b))
}

/// The textbook table, over words.
fn naive_levenshtein(a: &[&str], b: &[&str]) -> usize {
    let mut table = vec![vec![0; b.len() + 1]; a.len() + 1];
    for (i, row) in table.iter_mut().enumerate() {
        row[0] = i;
    }
    table[0] = (0..=b.len()).collect();
    for i in 1..=a.len() {
        for j in 1..=b.len() {
            let exchange = table[i - 1][j - 1] + usize::from(a[i - 1] != b[j - 1]);
            table[i][j] = exchange.min(table[i - 1][j] + 1).min(table[i][j - 1] + 1);
        }
    }
    table[a.len()][b.len()]
}

#[test]
fn empty_against_empty_is_zero_and_against_anything_is_one() {
    for metric in metrics() {
        assert_eq!(between(&metric, "", " "), 0.0, "{}", metric.name());
        assert_eq!(between(&metric, "", "word"), 1.0, "{}", metric.name());
    }
}

#[test]
fn the_order_of_words_matters_to_levenshtein_alone() {
    let (a, b) = ("dog bites man", "man bites dog");
    assert_eq!(between(&TokenLevenshtein, a, b), 2.0 / 3.0);
    assert_eq!(between(&TokenJaccard::SET, a, b), 0.0);
}

#[test]
fn one_of_five_words_is_a_fifth() {
    assert_eq!(between(&TokenLevenshtein, "the capital is Rome today", "The capital is Paris today."), 0.2);
}

#[test]
fn every_metric_has_a_name_of_its_own_which_is_its_name_in_json() {
    for metric in TextMetric::ALL {
        assert_eq!(serde_json::to_value(metric).unwrap(), metric.name());
    }
}

#[test]
fn metrics_of_words_see_what_they_should() {
    let (a, b) = ("the cat sat on the mat", "the cat lay on a mat");
    // Five different words in the first, six in the second; four shared of seven.
    assert_eq!(between(&TextMetric::TokenJaccard, a, b), 1.0 - 4.0 / 7.0);
    // The second `the` has no partner: four of eight.
    assert_eq!(between(&TextMetric::TokenJaccardMultiset, a, b), 0.5);
    // In order: the cat on mat.
    assert_eq!(between(&TextMetric::RougeL, a, b), 1.0 - 8.0 / 12.0);
    // the: 2 and 1; cat, on, mat: 1 and 1.
    let cosine = 5.0 / (8.0_f64 * 6.0).sqrt();
    assert!((between(&TextMetric::CosineTf, a, b) - (1.0 - cosine)).abs() < 1e-15);
    assert_eq!(between(&TextMetric::Containment, a, b), 1.0 - 4.0 / 5.0);
    assert_eq!(between(&TextMetric::Containment, "Paris", "Paris, the capital of France"), 0.0);
}

#[test]
fn metrics_of_characters_see_what_they_should() {
    assert_eq!(between(&TextMetric::Levenshtein, "kitten", "sitting"), 3.0 / 7.0);
    assert_eq!(between(&TextMetric::Osa, "ca", "abc"), 1.0);
    assert_eq!(between(&TextMetric::DamerauLevenshtein, "ca", "abc"), 2.0 / 3.0);
    assert!((between(&TextMetric::JaroWinkler, "martha", "marhta") - (1.0 - 0.961_111)).abs() < 1e-6);
    assert_eq!(between(&TextMetric::SorensenDice, "night", "nacht"), 0.75);
    assert_eq!(between(&TextMetric::Levenshtein, "Zürich", "Zurich"), 1.0 / 6.0);
}

#[test]
fn texts_are_compared_by_characters_and_not_by_bytes() {
    // One character of two, though it has three bytes of four.
    assert_eq!(between(&TextMetric::Levenshtein, "a日", "a月"), 0.5);
}

#[test]
fn combinators_take_the_mean_or_the_largest() {
    let (a, b) = ("one two three four", "one two three five");
    let mean = Weighted::new(Exact, 1.0).and(TokenLevenshtein, 3.0);
    assert_eq!(between(&mean, a, b), (1.0 + 3.0 * 0.25) / 4.0);
    assert_eq!(between(&Max::new(TokenLevenshtein).and(Exact), a, b), 1.0);
    assert_eq!(between(&Weighted::new(Exact, 0.0), a, b), 0.0);
    assert_eq!(between(&Weighted::new(TokenLevenshtein, 1.0).and(Exact, f64::NAN), a, b), 0.25);
    assert!(between(&Max::new(Constant(f64::NAN)).and(Exact), a, b).is_nan());
}

/// Always the same distance.
struct Constant(f64);

impl Distance for Constant {
    fn name(&self) -> &'static str {
        "constant"
    }

    fn distance(&self, _: &Prepared, _: &Prepared) -> f64 {
        self.0
    }
}

fn stray(value: f64) -> (f64, bool) {
    let notes = Notes::default();
    let found = checked(&Constant(value), &Prepared::new("a"), &Prepared::new("b"), &notes);
    (found, notes.has(Note::Strayed))
}

#[test]
fn a_distance_within_its_bounds_is_taken_as_it_is() {
    for value in [0.0, 0.5, 1.0] {
        assert_eq!(stray(value), (value, false));
    }
}

#[cfg(not(debug_assertions))]
#[test]
fn a_distance_that_is_none_counts_as_one_with_a_warning() {
    for value in [f64::NAN, 7.0, -1.0, f64::INFINITY] {
        assert_eq!(stray(value), (1.0, true));
    }
}

#[cfg(debug_assertions)]
#[test]
#[should_panic(expected = "the distance `constant` gave NaN")]
fn a_distance_that_is_none_is_an_error_with_debug_assertions() {
    stray(f64::NAN);
}

#[cfg(debug_assertions)]
#[test]
#[should_panic(expected = "the distance `constant` gave -1")]
fn a_distance_below_zero_is_an_error_with_debug_assertions() {
    stray(-1.0);
}

#[test]
fn texts_of_more_than_20_000_words_are_compared_by_shingles_and_flagged() {
    let notes = Notes::default();
    let words: Vec<String> = (0..20_001).map(|n| format!("w{n}")).collect();
    let (long, other) = (Prepared::new(&words.join(" ")), Prepared::new(&words[..20_000].join(" ")));
    let apart = checked(&TokenLevenshtein, &long, &other, &notes);
    // One run of five words of all 19,997 is not in the shorter one.
    assert_eq!(apart, 1.0 - 19_996.0 / 19_997.0);
    assert!(notes.has(Note::ByShingles) && notes.approximate());

    let notes = Notes::default();
    assert_eq!(checked(&TextMetric::TokenJaccard, &long, &other, &notes), 1.0 - 20_000.0 / 20_001.0);
    assert_eq!(checked(&Exact, &long, &other, &notes), 1.0);
    assert_eq!(checked(&TokenLevenshtein, &other, &Prepared::new("w1"), &notes), 19_999.0 / 20_000.0);
    assert!(!notes.approximate());
}

#[test]
fn a_long_text_without_spaces_is_compared_character_by_character_only_up_to_a_limit() {
    for metric in metrics() {
        let Some(limit) = Some(metric.longest_chars()).filter(|limit| *limit < usize::MAX) else { continue };
        let (one, notes) = ("a".repeat(limit + 1), Notes::default());
        let other = format!("b{}", &one[1..]);
        let apart = checked(&metric, &metric.prepare(&one), &metric.prepare(&other), &notes);
        assert_eq!((apart, notes.approximate()), (1.0, true), "{}", metric.name());
        let both = [&Weighted::new(metric, 1.0).and(Exact, 1.0) as &dyn Distance, &Max::new(Exact).and(metric)];
        assert!(both.into_iter().all(|both| both.longest_chars() == limit), "{}", metric.name());
    }
    let limited = metrics().into_iter().filter(|metric| metric.longest_chars() < usize::MAX).count();
    assert_eq!(limited, 5, "the metrics of characters");
    let notes = Notes::default();
    let words = (Prepared::new(&"x".repeat(200_000)), Prepared::new("x"));
    assert_eq!((checked(&TokenLevenshtein, &words.0, &words.1, &notes), notes.approximate()), (1.0, false));
}

#[test]
fn texts_above_8_mib_are_the_same_or_not() {
    let notes = Notes::default();
    let long = "word ".repeat((8 << 20) / 5 + 1);
    let (a, b) = (prepare(&TokenLevenshtein, &long, &notes), prepare(&TokenLevenshtein, &long.to_uppercase(), &notes));
    assert!(notes.has(Note::TextUnread) && notes.approximate());
    assert_eq!(checked(&TokenLevenshtein, &a, &a.clone(), &notes), 0.0);
    assert_eq!(checked(&TokenLevenshtein, &a, &b, &notes), 1.0);
}

fn words() -> impl Strategy<Value = String> {
    prop::collection::vec("[abc]{1,2}", 0..9).prop_map(|words| words.join(" "))
}

proptest! {
    #[test]
    fn every_metric_is_symmetric_bounded_and_zero_on_itself(a in words(), b in words()) {
        for metric in metrics() {
            let distance = between(&metric, &a, &b);
            prop_assert_eq!(distance.to_bits(), between(&metric, &b, &a).to_bits());
            prop_assert!((0.0..=1.0).contains(&distance));
            prop_assert_eq!(between(&metric, &a, &a), 0.0);
        }
    }

    #[test]
    fn token_levenshtein_is_the_textbook_distance_over_words(a in words(), b in words()) {
        let (x, y): (Vec<_>, Vec<_>) = (a.split_whitespace().collect(), b.split_whitespace().collect());
        let longer = x.len().max(y.len());
        let expected = if longer == 0 { 0.0 } else { naive_levenshtein(&x, &y) as f64 / longer as f64 };
        prop_assert_eq!(between(&TokenLevenshtein, &a, &b), expected);
    }

    #[test]
    fn bounded_is_the_distance_or_nothing(a in words(), b in words(), cutoff in 0.0..1.0_f64) {
        for metric in metrics() {
            let (a, b) = (metric.prepare(&a), metric.prepare(&b));
            let distance = metric.distance(&a, &b);
            let expected = (distance <= cutoff).then_some(distance);
            prop_assert_eq!(metric.bounded(&a, &b, cutoff), expected);
            prop_assert_eq!(metric.bounded(&a, &b, distance), Some(distance));
        }
    }
}

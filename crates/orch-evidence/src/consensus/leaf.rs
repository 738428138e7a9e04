//! A place with values that are neither arrays nor objects.

use serde_json::Value;

use super::vote::Vote;
use super::{Voice, default_epsilon};
use crate::bundle::FieldStatistics;
use crate::cluster::complete_linkage;
use crate::distance::Distance;
use crate::distance::tree::{Tree, leaf_distance};
use crate::statistics::{entropy, numbers};

/// Values within epsilon of each other are one alternative, which is represented by a value that occurred.
pub(super) fn vote(voices: &[Voice<'_>], metric: &dyn Distance, epsilon: Option<f64>) -> Vote {
    let epsilon = epsilon.unwrap_or_else(|| default_epsilon(voices.iter().map(|voice| voice.tree)));
    let distance = |a: usize, b: usize| leaf_distance(voices[a].tree, voices[b].tree, metric);
    let classes = complete_linkage(voices.len(), distance, epsilon);
    let option = |class: Vec<usize>| {
        let value = representative(voices, &class, distance);
        (value, class.into_iter().map(|at| voices[at].index).collect())
    };
    Vote::of(classes.into_iter().map(option).collect())
}

/// Of numbers the median (of two in the middle the smaller), of others the one nearest to all; of equals the first.
fn representative(voices: &[Voice<'_>], class: &[usize], distance: impl Fn(usize, usize) -> f64) -> Value {
    let mut by_size: Vec<(f64, usize)> =
        class.iter().filter_map(|at| voices[*at].value.as_f64().map(|number| (number, *at))).collect();
    let at = if by_size.len() == class.len() {
        by_size.sort_by(|a, b| a.0.total_cmp(&b.0));
        by_size[(by_size.len() - 1) / 2].1
    } else {
        let sum = |a: usize| class.iter().map(|b| distance(a.min(*b), a.max(*b))).sum::<f64>();
        let sums = class.iter().map(|at| (sum(*at), *at));
        sums.reduce(|best, next| if next.0 < best.0 { next } else { best }).expect("a class has members").1
    };
    voices[at].value.clone()
}

/// Statistics of the place.
pub(super) fn statistics(voices: &[Voice<'_>], vote: &Vote) -> FieldStatistics {
    let weights = vote.weights();
    let values: Option<Vec<f64>> = voices
        .iter()
        .map(|voice| match voice.tree {
            Tree::Number(number) => number.as_f64(),
            _ => None,
        })
        .collect();
    FieldStatistics {
        n: crate::count(voices.len()),
        distinct: crate::count(vote.options.len()),
        support: weights.first().map_or(0.0, |first| first / weights.iter().sum::<f64>()),
        entropy: entropy(&weights),
        numbers: values.as_deref().and_then(numbers),
    }
}

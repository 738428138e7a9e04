//! A place with values that are neither arrays nor objects.

use serde_json::Value;

use super::vote::{Choice, Tie, Vote};
use super::{Voice, default_epsilon};
use crate::bundle::FieldStatistics;
use crate::cluster::complete_linkage;
use crate::matrix::Matrix;
use crate::rules::Compare;
use crate::statistics::{entropy, numbers};
use crate::tree::{Comparer, Node, Tree};

/// Values within epsilon of each other are one alternative, which is represented by a value that occurred. Distances that
/// are `known` are not measured again.
pub(super) fn vote(voices: &[Voice<'_>], comparer: &Comparer, epsilon: Option<f64>, known: Option<&Matrix>) -> Vote {
    let epsilon = epsilon.unwrap_or_else(|| default_epsilon(voices.iter().map(|voice| voice.tree)));
    let distinct = distinct(voices);
    let first = |at: usize| &voices[distinct[at][0]];
    let mut apart = Matrix::new(distinct.len());
    for (a, b) in (0..distinct.len()).flat_map(|a| (a + 1..distinct.len()).map(move |b| (a, b))) {
        let measure = || comparer.leaf_distance(first(a).tree, first(b).tree);
        apart.set(a, b, known.map_or_else(measure, |known| known.between(first(a).index, first(b).index)));
    }
    let classes = complete_linkage(distinct.len(), |a, b| apart.between(a, b), epsilon);
    let choice = |class: Vec<usize>| {
        let said = |at: &usize| distinct[*at].iter().map(|place| (*place, *at)).collect::<Vec<_>>();
        let mut members: Vec<(usize, usize)> = class.iter().flat_map(said).collect();
        members.sort_unstable();
        // In the order of the members, as the medoid of whole answers is found, so that ties are the same ties.
        let sum = |a: usize| members.iter().map(|(place, b)| voices[*place].weight * apart.between(a, *b)).sum::<f64>();
        let nearest = || {
            let sums = class.iter().map(|at| (sum(*at), *at));
            let nearest = sums.reduce(|best, next| if next.0 < best.0 { next } else { best });
            first(nearest.map_or(class[0], |(_, at)| at))
        };
        let members: Vec<&Voice<'_>> = members.iter().map(|(place, _)| &voices[*place]).collect();
        Choice::new(representative(&members, nearest, comparer), members.iter().copied())
    };
    Vote::of(classes.into_iter().map(choice).collect())
}

/// Those who say the very same, in the order of who said it first.
fn distinct(voices: &[Voice<'_>]) -> Vec<Vec<usize>> {
    let mut all: Vec<Vec<usize>> = Vec::new();
    for (at, voice) in voices.iter().enumerate() {
        match all.iter_mut().find(|same| voices[same[0]].tree.same(voice.tree)) {
            Some(same) => same.push(at),
            None => all.push(vec![at]),
        }
    }
    all
}

/// Of numbers the median (of two in the middle the smaller), of others the one nearest to all; of equals the
/// first. A value that a rule lists is given as it is listed.
fn representative<'m, 'v>(
    members: &[&'m Voice<'v>],
    nearest: impl FnOnce() -> &'m Voice<'v>,
    comparer: &Comparer,
) -> Value {
    match comparer.listed(members[0].tree) {
        Some(listed) => listed.clone(),
        None => median(members).unwrap_or_else(nearest).value.clone(),
    }
}

/// The first in the order of size with half of the weight; `None` unless all are numbers.
fn median<'m, 'v>(members: &[&'m Voice<'v>]) -> Option<&'m Voice<'v>> {
    let mut by_size: Vec<(f64, &Voice<'_>)> =
        members.iter().map(|member| Some((number(member.tree)?, *member))).collect::<Option<_>>()?;
    by_size.sort_by(|a, b| a.0.total_cmp(&b.0));
    let all: f64 = members.iter().map(|member| member.weight).sum();
    let mut below = 0.0;
    let middle = by_size.iter().find(|(_, member)| {
        below += member.weight;
        below * 2.0 >= all
    });
    middle.or(by_size.last()).map(|(_, member)| *member)
}

fn number(tree: &Tree) -> Option<f64> {
    match tree.node {
        Node::Number(number) => Some(number.value()),
        _ => None,
    }
}

/// The alternative that wins. One that a `one_of` rule does not list wins only where no listed one was said.
pub(super) fn winner(voices: &[Voice<'_>], vote: &Vote, comparer: &Comparer, tie: Tie) -> Option<Value> {
    let listed = match voices.first().map(|voice| comparer.rule(voice.tree)) {
        Some(Compare::OneOf(values)) => values.as_slice(),
        _ => return vote.winner(tie).cloned(),
    };
    vote.winner_among(tie, |value| listed.contains(value)).cloned()
}

/// Statistics of the place.
pub(super) fn statistics(voices: &[Voice<'_>], vote: &Vote) -> FieldStatistics {
    let weights = vote.weights();
    let values: Option<Vec<f64>> = voices.iter().map(|voice| number(voice.tree)).collect();
    FieldStatistics {
        n: crate::count(voices.len()),
        distinct: crate::count(vote.options.len()),
        support: weights.first().map_or(0.0, |first| first / weights.iter().sum::<f64>()),
        entropy: entropy(&weights),
        numbers: values.as_deref().and_then(numbers),
    }
}

//! A place with values that are neither arrays nor objects.

use serde_json::Value;

use super::vote::{Choice, Tie, Vote};
use super::{Voice, default_epsilon};
use crate::bundle::FieldStatistics;
use crate::cluster::complete_linkage;
use crate::rules::Compare;
use crate::statistics::{entropy, numbers};
use crate::tree::{Comparer, Node, Tree};

/// Values within epsilon of each other are one alternative, which is represented by a value that occurred.
pub(super) fn vote(voices: &[Voice<'_>], comparer: &Comparer, epsilon: Option<f64>) -> Vote {
    let epsilon = epsilon.unwrap_or_else(|| default_epsilon(voices.iter().map(|voice| voice.tree)));
    let distinct = distinct(voices);
    let tree = |class: usize| voices[distinct[class][0]].tree;
    let distance = |a: usize, b: usize| comparer.leaf_distance(tree(a), tree(b));
    let classes = complete_linkage(distinct.len(), distance, epsilon);
    let choice = |class: Vec<usize>| {
        let mut members: Vec<usize> = class.iter().flat_map(|at| distinct[*at].iter().copied()).collect();
        members.sort_unstable();
        let members: Vec<&Voice<'_>> = members.into_iter().map(|at| &voices[at]).collect();
        Choice::new(representative(&members, comparer), members.iter().copied())
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
fn representative(members: &[&Voice<'_>], comparer: &Comparer) -> Value {
    let first = members[0];
    if let Some(listed) = comparer.listed(first.tree) {
        return listed.clone();
    }
    if let Some(median) = median(members) {
        return median.value.clone();
    }
    if members.iter().all(|member| member.tree.same(first.tree)) {
        return first.value.clone();
    }
    let apart = |a: usize, b: usize| comparer.leaf_distance(members[a].tree, members[b].tree);
    let sum = |a: usize| (0..members.len()).map(|b| members[b].weight * apart(a, b)).sum::<f64>();
    let sums = (0..members.len()).map(|at| (sum(at), at));
    let nearest = sums.reduce(|best, next| if next.0 < best.0 { next } else { best });
    nearest.map_or(first, |(_, at)| members[at]).value.clone()
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

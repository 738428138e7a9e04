//! Which items of several arrays belong together.

use serde_json::Value;

use super::Voice;
use crate::rules::Compare;
use crate::tree::{Comparer, Node, Tree};

/// The items that belong together, one of each array at most, in the order of the arrays.
pub(super) type Column<'v> = Vec<Voice<'v>>;

/// The items of all arrays in columns.
///
/// Arrays of equal length whose order matters are read by position. Else everything is laid beside the items of one
/// array, `center`'s if it is there: what has no partner is a column of its own, where order matters in its place, else
/// at the end. Items of a set that have nothing in common are no partners.
pub(super) fn columns<'v>(voices: &[Voice<'v>], center: usize, comparer: &Comparer) -> Vec<Column<'v>> {
    let Some(first) = voices.first() else { return Vec::new() };
    let rule = comparer.rule(first.tree);
    let ordered = !matches!(rule, Compare::Set | Compare::Keyed(_));
    let arrays: Vec<Vec<Voice<'v>>> = voices.iter().map(items).collect();
    if ordered && arrays.iter().all(|array| array.len() == arrays[0].len()) {
        return (0..arrays[0].len()).map(|at| arrays.iter().map(|array| array[at]).collect()).collect();
    }
    let center = voices.iter().position(|voice| voice.index == center).unwrap_or(0);
    let mut columns: Vec<Column<'v>> = arrays[center].iter().map(|item| vec![*item]).collect();
    let others = arrays.iter().enumerate().filter(|(at, _)| *at != center);
    for (_, array) in others {
        join(&mut columns, array, first.tree, comparer, ordered);
    }
    for column in &mut columns {
        column.sort_by_key(|item| item.index);
    }
    columns
}

/// Lays one more array beside the columns.
fn join<'v>(columns: &mut Vec<Column<'v>>, array: &[Voice<'v>], of: &Tree, comparer: &Comparer, ordered: bool) {
    let known: Vec<&Tree> = columns.iter().map(|column| column[0].tree).collect();
    let new: Vec<&Tree> = array.iter().map(|item| item.tree).collect();
    let mut partners: Vec<Option<usize>> = vec![None; array.len()];
    for (column, at) in comparer.pairs(&known, &new, of) {
        if ordered || comparer.has_something_in_common(known[column], new[at]) {
            partners[at] = Some(column);
        }
    }
    let mut joined = 0;
    for (item, partner) in array.iter().zip(partners) {
        match partner {
            // Columns that were put in before it have moved it.
            Some(column) if ordered => {
                let moved = column + joined;
                columns[moved].push(*item);
            }
            Some(column) => columns[column].push(*item),
            None if ordered => {
                let after = columns.iter().rposition(|column| column.iter().any(|other| other.index == item.index));
                columns.insert(after.map_or(0, |at| at + 1), vec![*item]);
                joined += 1;
            }
            None => columns.push(vec![*item]),
        }
    }
}

fn items<'v>(voice: &Voice<'v>) -> Vec<Voice<'v>> {
    match (&voice.tree.node, voice.value) {
        (Node::Array(trees), Value::Array(values)) => {
            trees.iter().zip(values).map(|(tree, value)| Voice { tree, value, ..*voice }).collect()
        }
        _ => Vec::new(),
    }
}

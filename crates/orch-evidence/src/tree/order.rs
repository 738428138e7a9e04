use std::cmp::Ordering;

use super::{Node, Num, Tree};

impl Tree {
    /// An order of answers by what they say. Whatever is summed up over two of them is summed up from the lesser one's
    /// side, so that not a bit depends on which of them came first.
    pub(super) fn order(&self, other: &Self) -> Ordering {
        match (&self.node, &other.node) {
            (Node::Bool(a), Node::Bool(b)) => a.cmp(b),
            (Node::Number(a), Node::Number(b)) => numbers(*a, *b),
            (Node::Text(a) | Node::Date(_, a), Node::Text(b) | Node::Date(_, b)) => a.text().cmp(b.text()),
            (Node::Choice(a), Node::Choice(b)) => a.cmp(b),
            (Node::Whole(a), Node::Whole(b)) => a.to_string().cmp(&b.to_string()),
            (Node::Array(a), Node::Array(b)) => {
                let first = a.iter().zip(b).map(|(a, b)| a.order(b)).find(|order| order.is_ne());
                first.unwrap_or_else(|| a.len().cmp(&b.len()))
            }
            (Node::Object(a), Node::Object(b)) => {
                let pairs = a.iter().zip(b).map(|((key, a), (other, b))| key.cmp(other).then_with(|| a.order(b)));
                pairs.into_iter().find(|order| order.is_ne()).unwrap_or_else(|| a.len().cmp(&b.len()))
            }
            (a, b) => rank(a).cmp(&rank(b)),
        }
    }
}

fn numbers(a: Num, b: Num) -> Ordering {
    let exactly = match (a, b) {
        (Num::Integer(a), Num::Integer(b)) => a.cmp(&b),
        (Num::Integer(_), Num::Float(_)) => Ordering::Less,
        (Num::Float(_), Num::Integer(_)) => Ordering::Greater,
        (Num::Float(_), Num::Float(_)) => Ordering::Equal,
    };
    a.value().total_cmp(&b.value()).then(exactly)
}

fn rank(node: &Node) -> u8 {
    match node {
        Node::Ignored => 0,
        Node::Null => 1,
        Node::Bool(_) => 2,
        Node::Number(_) => 3,
        Node::Text(_) | Node::Date(..) => 4,
        Node::Choice(_) => 5,
        Node::Whole(_) => 6,
        Node::Array(_) => 7,
        Node::Object(_) => 8,
    }
}

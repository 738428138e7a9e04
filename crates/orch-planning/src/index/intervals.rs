use std::ops::Range;

/// Rules by the interval that an attribute must lie in: a balanced tree, kept as a sorted list.
#[derive(Clone, Debug, Default)]
pub(super) struct Intervals(Vec<Node>);

#[derive(Clone, Copy, Debug)]
struct Node {
    low: f64,
    high: f64,
    /// The highest end in this node's part of the tree.
    reach: f64,
    id: u32,
}

impl Intervals {
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn add(&mut self, id: u32, low: f64, high: f64) {
        self.0.push(Node { low, high, reach: high, id });
    }

    pub(super) fn finish(&mut self) {
        self.0.sort_by(|a, b| a.low.total_cmp(&b.low));
        self.0.shrink_to_fit();
        Self::reach(&mut self.0);
    }

    fn reach(nodes: &mut [Node]) -> f64 {
        if nodes.is_empty() {
            return f64::NEG_INFINITY;
        }
        let middle = nodes.len() / 2;
        let (before, rest) = nodes.split_at_mut(middle);
        let sides = Self::reach(before).max(Self::reach(&mut rest[1..]));
        rest[0].reach = rest[0].high.max(sides);
        rest[0].reach
    }

    /// Adds the rules whose interval has the point in it.
    pub(super) fn find(&self, point: f64, found: &mut Vec<u32>) {
        self.search(0..self.0.len(), point, found);
    }

    fn search(&self, range: Range<usize>, point: f64, found: &mut Vec<u32>) {
        if range.is_empty() {
            return;
        }
        let middle = range.start + range.len() / 2;
        let node = self.0[middle];
        if node.reach < point {
            return;
        }
        self.search(range.start..middle, point, found);
        if node.low <= point {
            if point <= node.high {
                found.push(node.id);
            }
            self.search(middle + 1..range.end, point, found);
        }
    }
}

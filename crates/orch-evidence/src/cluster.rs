//! Groups of answers that are all within epsilon of each other.

use crate::matrix::Matrix;

/// Complete linkage: the two nearest groups are joined as long as no two of their members are further
/// apart than epsilon. So every group's diameter is at most epsilon; joining by the nearest members
/// would chain strangers together.
///
/// Of equally near groups those with the first members are joined first. Groups are ordered by weight, of
/// equals by their first member; members stay in their order.
pub(crate) fn clusters(
    matrix: &Matrix,
    members: &[usize],
    weight: impl Fn(usize) -> f64,
    epsilon: f64,
) -> Vec<Vec<usize>> {
    let distance = |a: usize, b: usize| matrix.between(members[a], members[b]);
    let mut groups = complete_linkage(members.len(), distance, epsilon);
    let sum = |group: &Vec<usize>| group.iter().map(|at| weight(*at)).sum::<f64>();
    groups.sort_by(|a, b| sum(b).total_cmp(&sum(a)).then(a[0].cmp(&b[0])));
    groups.into_iter().map(|group| group.into_iter().map(|at| members[at]).collect()).collect()
}

/// The same for `n` things with any distance; groups of positions, each in the order of its members, and in the order
/// of their first members.
pub(crate) fn complete_linkage(n: usize, distance: impl Fn(usize, usize) -> f64, epsilon: f64) -> Vec<Vec<usize>> {
    // Where all are near each other they are one group, in whatever order they are joined.
    if n > 0 && (0..n).all(|a| (a + 1..n).all(|b| distance(a, b) <= epsilon)) {
        return vec![(0..n).collect()];
    }
    let mut linkage = Linkage::new(n, distance);
    while let Some((a, b)) = linkage.nearest(epsilon) {
        linkage.join(a, b);
    }
    linkage.groups.into_iter().filter(|group| !group.is_empty()).collect()
}

/// Groups while they are joined. A group stands at the place of its first member; that of a joined one is empty.
struct Linkage {
    groups: Vec<Vec<usize>>,
    /// The largest distance between members of two groups, kept up to date; a row for each.
    apart: Vec<Vec<f64>>,
    /// The nearest of the later groups and its distance, so that not every pair is looked at for every join.
    next: Vec<Option<(f64, usize)>>,
}

impl Linkage {
    fn new(n: usize, distance: impl Fn(usize, usize) -> f64) -> Self {
        let mut apart = vec![vec![0.0; n]; n];
        for (a, b) in (0..n).flat_map(|a| (a + 1..n).map(move |b| (a, b))) {
            let distance = distance(a, b);
            (apart[a][b], apart[b][a]) = (distance, distance);
        }
        let mut linkage = Self { groups: (0..n).map(|at| vec![at]).collect(), apart, next: vec![None; n] };
        for a in 0..n {
            linkage.look(a);
        }
        linkage
    }

    /// Finds the nearest later group of `a`; of equals the first.
    fn look(&mut self, a: usize) {
        let later = (a + 1..self.groups.len()).filter(|b| !self.groups[*b].is_empty());
        let distances = later.map(|b| (self.apart[a][b], b));
        self.next[a] = distances.reduce(|best, next| if next.0 < best.0 { next } else { best });
    }

    /// The nearest two groups within epsilon; of equals the first.
    fn nearest(&self, epsilon: f64) -> Option<(usize, usize)> {
        let pairs = self.next.iter().enumerate().filter_map(|(a, next)| next.map(|(distance, b)| (distance, a, b)));
        let within = pairs.filter(|(distance, ..)| *distance <= epsilon);
        within.reduce(|best, next| if next.0 < best.0 { next } else { best }).map(|(_, a, b)| (a, b))
    }

    fn join(&mut self, a: usize, b: usize) {
        let joined = std::mem::take(&mut self.groups[b]);
        self.groups[a].extend(joined);
        self.groups[a].sort_unstable();
        for other in 0..self.groups.len() {
            let further = f64::max(self.apart[a][other], self.apart[b][other]);
            (self.apart[a][other], self.apart[other][a]) = (further, further);
        }
        self.next[b] = None;
        for other in 0..b {
            if other == a || self.next[other].is_some_and(|(_, nearest)| nearest == a || nearest == b) {
                self.look(other);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn on_a_line(points: &[f64], epsilon: f64) -> Vec<Vec<usize>> {
        let mut matrix = Matrix::new(points.len());
        for a in 0..points.len() {
            for b in a + 1..points.len() {
                matrix.set(a, b, (points[a] - points[b]).abs());
            }
        }
        let members: Vec<usize> = (0..points.len()).collect();
        clusters(&matrix, &members, |_| 1.0, epsilon)
    }

    /// Straight from the definition, looking at all members each time.
    fn naive(points: &[f64], epsilon: f64) -> Vec<Vec<usize>> {
        let mut groups: Vec<Vec<usize>> = (0..points.len()).map(|at| vec![at]).collect();
        loop {
            let mut best: Option<(f64, usize, usize)> = None;
            for a in 0..groups.len() {
                for b in a + 1..groups.len() {
                    let all = groups[a].iter().flat_map(|x| groups[b].iter().map(move |y| (x, y)));
                    let apart = all.map(|(x, y)| (points[*x] - points[*y]).abs()).fold(0.0, f64::max);
                    if apart <= epsilon && best.is_none_or(|(least, ..)| apart < least) {
                        best = Some((apart, a, b));
                    }
                }
            }
            let Some((_, a, b)) = best else { break };
            let joined = groups.remove(b);
            groups[a].extend(joined);
        }
        for group in &mut groups {
            group.sort_unstable();
        }
        groups.sort_by_key(|group| (std::cmp::Reverse(group.len()), group[0]));
        groups
    }

    #[test]
    fn neighbours_do_not_chain_strangers_together() {
        assert_eq!(on_a_line(&[0.0, 0.15, 0.3], 0.2), [vec![0, 1], vec![2]]);
    }

    #[test]
    fn the_largest_group_comes_first_and_of_equals_the_one_that_began_first() {
        assert_eq!(on_a_line(&[5.0, 1.0, 9.0, 1.0], 0.0), [vec![1, 3], vec![0], vec![2]]);
        assert_eq!(on_a_line(&[], 1.0), Vec::<Vec<usize>>::new());
    }

    #[test]
    fn a_heavier_group_comes_before_a_larger_one() {
        let groups = clusters(&Matrix::new(3), &[0, 1, 2], |at| if at == 2 { 3.0 } else { 1.0 }, 0.5);
        assert_eq!(groups, [vec![2], vec![0], vec![1]]);
    }

    proptest! {
        #[test]
        fn no_cluster_is_wider_than_epsilon(points in prop::collection::vec(0.0..1.0_f64, 0..20), epsilon in 0.0..0.5_f64) {
            let groups = on_a_line(&points, epsilon);
            for group in &groups {
                for a in group {
                    for b in group {
                        prop_assert!((points[*a] - points[*b]).abs() <= epsilon);
                    }
                }
            }
            let mut all: Vec<usize> = groups.concat();
            all.sort_unstable();
            prop_assert_eq!(all, (0..points.len()).collect::<Vec<_>>());
        }

        #[test]
        fn the_kept_distances_are_those_of_the_definition(points in prop::collection::vec(0_u8..12, 0..14), epsilon in 0_u8..6) {
            let points: Vec<f64> = points.into_iter().map(f64::from).collect();
            prop_assert_eq!(on_a_line(&points, f64::from(epsilon)), naive(&points, f64::from(epsilon)));
        }

        #[test]
        fn without_ties_the_order_of_the_points_does_not_matter(
            points in prop::collection::btree_set(0_u32..100_000, 1..12),
            order in any::<u64>(),
        ) {
            // Powers keep all distances different.
            let points: Vec<f64> = points.into_iter().map(|p| (f64::from(p) / 10_000.0).exp()).collect();
            let mut shuffled: Vec<usize> = (0..points.len()).collect();
            shuffled.sort_by_key(|at| (*at as u64 + 1).wrapping_mul(order | 1).rotate_left(17));
            let moved: Vec<f64> = shuffled.iter().map(|at| points[*at]).collect();
            let sets = |groups: Vec<Vec<usize>>, points: &[f64]| {
                let mut groups: Vec<Vec<u64>> =
                    groups.iter().map(|group| group.iter().map(|at| points[*at].to_bits()).collect()).collect();
                groups.iter_mut().for_each(|group| group.sort_unstable());
                groups.sort();
                groups
            };
            prop_assert_eq!(sets(on_a_line(&points, 3.0), &points), sets(on_a_line(&moved, 3.0), &moved));
        }
    }
}

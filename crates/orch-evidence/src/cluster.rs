//! Groups of answers that are all within epsilon of each other.

use crate::matrix::Matrix;

/// Complete linkage: the two nearest groups are joined as long as no two of their members are further
/// apart than epsilon. So every group's diameter is at most epsilon; joining by the nearest members
/// would chain strangers together.
///
/// Of equally near groups those with the first members are joined first. Groups are ordered by size, of
/// equals by their first member; members stay in their order.
pub(crate) fn clusters(matrix: &Matrix, members: &[usize], epsilon: f64) -> Vec<Vec<usize>> {
    let distance = |a: usize, b: usize| matrix.between(members[a], members[b]);
    let positions = complete_linkage(members.len(), distance, epsilon);
    positions.into_iter().map(|group| group.into_iter().map(|at| members[at]).collect()).collect()
}

/// The same for `n` things with any distance; groups of positions.
pub(crate) fn complete_linkage(n: usize, distance: impl Fn(usize, usize) -> f64, epsilon: f64) -> Vec<Vec<usize>> {
    let mut groups: Vec<Vec<usize>> = (0..n).map(|at| vec![at]).collect();
    // apart[a][b]: the largest distance between members of groups a and b, kept up to date.
    let mut apart: Vec<Vec<f64>> = (0..n).map(|a| (0..n).map(|b| distance(a.min(b), a.max(b))).collect()).collect();
    while let Some((a, b)) = nearest(&apart, epsilon) {
        let joined = groups.remove(b);
        groups[a].extend(joined);
        groups[a].sort_unstable();
        let gone = apart.remove(b);
        for (other, row) in apart.iter_mut().enumerate() {
            let to_gone = row.remove(b);
            if other != a {
                row[a] = f64::max(row[a], to_gone);
            }
        }
        let to_gone: Vec<f64> = gone.into_iter().enumerate().filter(|(at, _)| *at != b).map(|(_, d)| d).collect();
        for (own, gone) in apart[a].iter_mut().zip(to_gone) {
            *own = f64::max(*own, gone);
        }
    }
    groups.sort_by(|a, b| b.len().cmp(&a.len()).then(a[0].cmp(&b[0])));
    groups
}

/// The nearest two groups within epsilon. Groups are ordered by their first members, so the first pair found wins ties.
fn nearest(apart: &[Vec<f64>], epsilon: f64) -> Option<(usize, usize)> {
    let mut best = None;
    let mut least = f64::INFINITY;
    for (a, row) in apart.iter().enumerate() {
        for (b, distance) in row.iter().enumerate().skip(a + 1) {
            if *distance <= epsilon && *distance < least {
                (best, least) = (Some((a, b)), *distance);
            }
        }
    }
    best
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn on_a_line(points: &[f64], epsilon: f64) -> Vec<Vec<usize>> {
        complete_linkage(points.len(), |a, b| (points[a] - points[b]).abs(), epsilon)
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

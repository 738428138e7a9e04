use std::cmp::Ordering;

/// How many words two texts share; both sorted, each word once. Without a branch that depends on the words, for nobody
/// can foresee it.
pub(super) fn shared(a: &[u64], b: &[u64]) -> u64 {
    let (mut at, mut to, mut shared) = (0, 0, 0);
    while at < a.len() && to < b.len() {
        let (x, y) = (a[at], b[to]);
        shared += u64::from(x == y);
        at += usize::from(x <= y);
        to += usize::from(y <= x);
    }
    shared
}

/// How often each word occurs in the first and in the second text; both sorted.
pub(super) fn shared_counts<'t>(a: &'t [u64], b: &'t [u64]) -> impl Iterator<Item = (u64, u64)> + 't {
    let (mut a, mut b) = (runs(a).peekable(), runs(b).peekable());
    std::iter::from_fn(move || match (a.peek(), b.peek()) {
        (Some((word, _)), Some((other, _))) => match word.cmp(other) {
            Ordering::Less => a.next().map(|(_, n)| (n, 0)),
            Ordering::Greater => b.next().map(|(_, n)| (0, n)),
            Ordering::Equal => a.next().zip(b.next()).map(|((_, n), (_, m))| (n, m)),
        },
        (Some(_), None) => a.next().map(|(_, n)| (n, 0)),
        (None, _) => b.next().map(|(_, n)| (0, n)),
    })
}

/// Every word with the number of times it occurs.
fn runs(sorted: &[u64]) -> impl Iterator<Item = (u64, u64)> + '_ {
    sorted.chunk_by(|a, b| a == b).map(|run| (run[0], run.len() as u64))
}

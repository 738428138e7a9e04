/// A number of replicates or of things among them, none of which nears the end of the range.
pub(crate) fn count(n: usize) -> u32 {
    u32::try_from(n).unwrap_or(u32::MAX)
}

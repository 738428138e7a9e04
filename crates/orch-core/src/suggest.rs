/// The candidate that was probably meant by `word`, if one is near enough.
///
/// Nearness is Jaro-Winkler similarity of at least 0.8 on lower-case text; the
/// earlier of two equally near candidates wins.
///
/// ```
/// assert_eq!(orch_core::did_you_mean("sumarize", ["translate", "summarize"]), Some("summarize"));
/// assert_eq!(orch_core::did_you_mean("xyz", ["translate"]), None);
/// ```
#[must_use]
pub fn did_you_mean<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let word = word.to_lowercase();
    let mut best: Option<(f64, &str)> = None;
    for candidate in candidates {
        let score = strsim::jaro_winkler(&word, &candidate.to_lowercase());
        if score >= 0.8 && best.is_none_or(|(top, _)| score > top) {
            best = Some((score, candidate));
        }
    }
    best.map(|(_, candidate)| candidate)
}

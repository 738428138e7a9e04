use std::cmp::Ordering;

/// A JSON Pointer with `*` for any key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Pattern {
    pub(super) keys: Vec<Key>,
}

/// One step of a pattern. The more specific comes first.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Key {
    Name(String),
    Any,
}

impl Pattern {
    /// `None` of a text that is no JSON Pointer.
    pub(super) fn new(text: &str) -> Option<Self> {
        let key = |token: String| if token == "*" { Key::Any } else { Key::Name(token) };
        Some(Self { keys: tokens(text)?.into_iter().map(key).collect() })
    }

    pub(super) fn fits(&self, keys: &[String]) -> bool {
        self.keys.len() == keys.len() && self.keys.iter().zip(keys).all(|(key, found)| key.fits(found))
    }
}

/// Of patterns that fit the same pointer, the more specific one comes first.
impl Ord for Pattern {
    fn cmp(&self, other: &Self) -> Ordering {
        self.keys.cmp(&other.keys)
    }
}

impl PartialOrd for Pattern {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Key {
    pub(super) fn fits(&self, found: &str) -> bool {
        match self {
            Self::Name(name) => name == found,
            Self::Any => true,
        }
    }
}

/// The unescaped steps of a JSON Pointer; `None` if it is none.
pub(crate) fn tokens(pointer: &str) -> Option<Vec<String>> {
    if pointer.is_empty() {
        return Some(Vec::new());
    }
    let steps = pointer.strip_prefix('/')?.split('/');
    Some(steps.map(|step| step.replace("~1", "/").replace("~0", "~")).collect())
}

/// A key as a step of a JSON Pointer.
fn escape(key: &str) -> String {
    key.replace('~', "~0").replace('/', "~1")
}

/// The pointer to a key of what `pointer` points at.
pub(crate) fn child(pointer: &str, key: &str) -> String {
    format!("{pointer}/{}", escape(key))
}

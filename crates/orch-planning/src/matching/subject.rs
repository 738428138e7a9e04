use std::cell::RefCell;
use std::fmt;
use std::rc::Rc;
use std::sync::Arc;

use serde_json::Value;

use super::Path;
use super::keywords::folded_texts;

/// How much of a request rules look through.
///
/// A request that has more in an attribute whose text some rule looks through (keywords, [`Contains`](crate::Op::Contains),
/// [`Regex`](crate::Op::Regex)) is refused with `InvalidRequest` instead of planned: padding must neither hide words
/// from a rule nor make planning slow. Attributes that no rule looks through may be of any size;
/// [`StartsWith`](crate::Op::StartsWith) looks only at as much of a text as its own has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub struct ScanLimits {
    text_bytes: usize,
    values: usize,
}

impl ScanLimits {
    /// Sets the bytes of text in one attribute, or in the whole input where keywords are looked for everywhere;
    /// default: 1 MiB.
    pub fn text_bytes(mut self, bytes: usize) -> Self {
        self.text_bytes = bytes;
        self
    }

    /// Sets the values in one attribute at any depth, lists and objects included; default: 200 000.
    pub fn values(mut self, values: usize) -> Self {
        self.values = values;
        self
    }

    /// Whether `value` may be looked through. Looks at no more values than the limit.
    pub(crate) fn check(&self, value: &Value) -> Result<(), TooLarge> {
        let (mut bytes, mut values, mut open) = (0_usize, 0, vec![value]);
        while let Some(value) = open.pop() {
            values += 1;
            match value {
                Value::String(text) => bytes += text.len(),
                Value::Array(items) if items.len() <= self.values => open.extend(items),
                Value::Object(fields) if fields.len() <= self.values => open.extend(fields.values()),
                Value::Array(_) | Value::Object(_) => return Err(TooLarge::Values(self.values)),
                Value::Null | Value::Bool(_) | Value::Number(_) => {}
            }
            if bytes > self.text_bytes {
                return Err(TooLarge::Text(self.text_bytes));
            }
            if values + open.len() > self.values {
                return Err(TooLarge::Values(self.values));
            }
        }
        Ok(())
    }
}

impl Default for ScanLimits {
    fn default() -> Self {
        Self { text_bytes: 1 << 20, values: 200_000 }
    }
}

/// More than rules look through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TooLarge {
    Text(usize),
    Values(usize),
}

impl fmt::Display for TooLarge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(limit) => write!(f, "more than the {limit} bytes of text that rules look through"),
            Self::Values(limit) => write!(f, "more than the {limit} values that rules look through"),
        }
    }
}

/// An input as rules look at it: each attribute's text is folded once, however many rules ask for it.
pub(crate) struct Subject<'r> {
    input: &'r Value,
    folded: RefCell<Vec<(Option<Arc<Path>>, Texts)>>,
}

type Texts = Rc<[String]>;

impl<'r> Subject<'r> {
    pub(crate) fn new(input: &'r Value) -> Self {
        Self { input, folded: RefCell::default() }
    }

    pub(crate) fn input(&self) -> &'r Value {
        self.input
    }

    /// The folded texts at `path`, or everywhere.
    pub(crate) fn texts(&self, path: Option<&Arc<Path>>) -> Texts {
        let mut folded = self.folded.borrow_mut();
        if let Some((_, texts)) = folded.iter().find(|(known, _)| same_place(known.as_ref(), path)) {
            return Rc::clone(texts);
        }
        let value = path.map_or(Some(self.input), |path| path.look(self.input));
        let texts: Texts = value.map(folded_texts).unwrap_or_default().into();
        folded.push((path.cloned(), Rc::clone(&texts)));
        texts
    }
}

/// Paths of one set of rules are shared, so that it is enough to compare where they lie.
fn same_place(a: Option<&Arc<Path>>, b: Option<&Arc<Path>>) -> bool {
    match (a, b) {
        (Some(a), Some(b)) => Arc::ptr_eq(a, b),
        (None, None) => true,
        _ => false,
    }
}

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::distance::TextMetric;

/// How two values of a field are compared.
///
/// In JSON: `"auto"`, `"ignore"`, `"exact"`, `"date"`, `"ordered"`, `"set"`, `{"number": {"abs": 0.5}}`,
/// `{"number": {"rel": 0.01}}`, `{"text": "token_jaccard"}`, `{"one_of": ["low", "high"]}`, `{"keyed": "id"}`,
/// `{"alias_of": "price"}`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
#[non_exhaustive]
pub enum Compare {
    /// By its type: texts by the bundle's distance, integers by equality, other numbers within a millionth, arrays
    /// as [`Ordered`](Self::Ordered), objects field by field. The default.
    #[default]
    Auto,
    /// Not at all. The consensus has what the medoid says.
    Ignore,
    /// The same JSON value or not: texts to the letter, objects and arrays as a whole.
    Exact,
    /// Numbers whose difference is at most `abs`, or at most `rel` times the larger one, are the same. Others differ
    /// by the difference as a part of the larger one, at most 1.
    Number {
        /// The absolute tolerance, at least 0; default 0.
        #[serde(default)]
        abs: f64,
        /// The relative tolerance, at least 0; default 0.
        #[serde(default)]
        rel: f64,
    },
    /// Texts, by this metric.
    Text(TextMetric),
    /// One of these values: case, spaces and sentence marks of a text do not matter, nor does it how a number is
    /// written (`1`, `1.0`). Another value differs from every one but itself, and does not become the consensus as long
    /// as a listed one was said.
    OneOf(Vec<Value>),
    /// Texts that are dates (`2024-03-01`, `1 March 2024`, `March 1, 2024`, `03/25/2024`) or dates with a time, however they are
    /// written. A date without a time is the same as any time on that day; `03/04/2024`, which may be
    /// March or April, is only itself. What is no date is compared as a text.
    Date,
    /// An array whose order matters: items are aligned so that least is put in, left out or changed.
    Ordered,
    /// An array whose order does not matter: items are paired so that least differs, by the Hungarian method
    /// up to 64 items, beyond that greedily (and the bundle says that it is approximate).
    Set,
    /// An array of objects that are paired by what this field says: its name, or a JSON Pointer into the
    /// item. Of items with equal keys the first ones are paired; items without a key are left over.
    Keyed(String),
    /// The key is another name of this field beside it: what is said under it is taken as said under that name, unless that
    /// is there too.
    AliasOf(String),
}

/// The rule of a field.
#[derive(Clone, Debug, PartialEq)]
#[must_use]
pub struct FieldRule {
    /// How two values are compared.
    pub compare: Compare,
    /// How much it counts in the distance of two answers, compared with a field of weight 1; finite and above 0.
    /// Weights of fields inside each other are multiplied.
    pub weight: f64,
}

impl FieldRule {
    /// A rule of weight 1.
    pub fn new(compare: Compare) -> Self {
        Self { compare, weight: 1.0 }
    }

    /// Sets the weight.
    pub fn weight(mut self, weight: f64) -> Self {
        self.weight = weight;
        self
    }

    /// What cannot be kept, if anything.
    pub(super) fn check(&self) -> Result<(), String> {
        if !(self.weight.is_finite() && self.weight > 0.0) {
            return Err(format!("a weight of {}: it must be finite and above 0", self.weight));
        }
        match &self.compare {
            Compare::Number { abs, rel } => {
                let wrong = [("abs", abs), ("rel", rel)].into_iter().find(|(_, t)| !(t.is_finite() && **t >= 0.0));
                wrong.map_or(Ok(()), |(name, tolerance)| {
                    Err(format!("`{name}` is {tolerance}: a tolerance must be finite and at least 0"))
                })
            }
            Compare::OneOf(values) if values.is_empty() => Err("`one_of` lists no value".to_owned()),
            Compare::OneOf(values) => match values.iter().find(|value| value.is_object() || value.is_array()) {
                Some(value) => Err(format!("`one_of` lists {value}: it is for texts, numbers, truth values and null")),
                None => Ok(()),
            },
            Compare::Keyed(key) if key.is_empty() => Err("`keyed` names no field".to_owned()),
            _ => Ok(()),
        }
    }
}

impl Default for FieldRule {
    fn default() -> Self {
        Self::new(Compare::Auto)
    }
}

impl From<Compare> for FieldRule {
    fn from(compare: Compare) -> Self {
        Self::new(compare)
    }
}

impl From<TextMetric> for FieldRule {
    fn from(metric: TextMetric) -> Self {
        Self::new(Compare::Text(metric))
    }
}

/// How far a field that is `null` differs from one that is absent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum NullPolicy {
    /// Not at all.
    Equal,
    /// Half a leaf. The default.
    #[default]
    Half,
    /// A whole leaf.
    Distinct,
}

impl NullPolicy {
    pub(crate) const fn apart(self) -> f64 {
        match self {
            Self::Equal => 0.0,
            Self::Half => 0.5,
            Self::Distinct => 1.0,
        }
    }
}

use std::fmt;

use super::Origin;

/// One thing that is wrong with a configuration: where, which value, and what would be right.
///
/// ```text
/// orch.toml:9: reliability.retry.backoff_factor = 0.5: it must be finite and at least 1
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Finding {
    /// Where the setting, or the table in which it is missing, was written.
    pub origin: Origin,
    /// Its path of keys, as it was written: `providers.openai.base_url`; empty for the whole.
    pub key: String,
    /// Its value, unless it is a table, or may be a secret.
    pub value: Option<String>,
    /// What is wrong, and what may have been meant.
    pub reason: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.origin != Origin::Default {
            write!(f, "{}: ", self.origin)?;
        }
        match (self.key.as_str(), &self.value) {
            ("", _) => {}
            (key, Some(value)) => write!(f, "{key} = {value}: ")?,
            (key, None) => write!(f, "{key}: ")?,
        }
        f.write_str(&self.reason)
    }
}

/// Everything that is wrong with a configuration, by files and lines, then by variables. Never empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Findings(Vec<Finding>);

impl Findings {
    /// `Err` with the findings, if there are any.
    pub(super) fn none(mut found: Vec<Finding>) -> Result<(), Self> {
        found.sort_by_key(|finding| match &finding.origin {
            Origin::File { path, line } => (0, path.clone(), line.unwrap_or(0)),
            Origin::Variable(_) => (1, None, 0),
            Origin::Default | Origin::Code => (2, None, 0),
        });
        if found.is_empty() { Ok(()) } else { Err(Self(found)) }
    }

    /// Each finding.
    pub fn iter(&self) -> std::slice::Iter<'_, Finding> {
        self.0.iter()
    }
}

impl From<Finding> for Findings {
    fn from(finding: Finding) -> Self {
        Self(vec![finding])
    }
}

impl<'f> IntoIterator for &'f Findings {
    type Item = &'f Finding;
    type IntoIter = std::slice::Iter<'f, Finding>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

/// One finding a line.
impl fmt::Display for Findings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, finding) in self.0.iter().enumerate() {
            write!(f, "{}{finding}", if at == 0 { "" } else { "\n" })?;
        }
        Ok(())
    }
}

impl std::error::Error for Findings {}

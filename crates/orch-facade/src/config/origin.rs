use std::fmt;
use std::path::Path;
use std::sync::Arc;

/// Where a setting came from.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Origin {
    /// Nobody set it.
    Default,
    /// The builder that was given to [`Config::code`](super::Config::code).
    Code,
    /// The file, or a text that came from none.
    File {
        /// The file.
        path: Option<Arc<Path>>,
        /// The line, from 1, where it is known.
        line: Option<usize>,
    },
    /// An environment variable, by its name.
    Variable(Arc<str>),
}

impl Origin {
    /// Whether somebody has set it in the file or the environment.
    pub(super) fn is_written(&self) -> bool {
        matches!(self, Self::File { .. } | Self::Variable(_))
    }
}

/// `default`, `code`, `orch.toml:12`, `line 12` of a text without a file, or the variable's name.
impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::Code => f.write_str("code"),
            Self::File { path: Some(path), line: Some(line) } => write!(f, "{}:{line}", path.display()),
            Self::File { path: Some(path), line: None } => write!(f, "{}", path.display()),
            Self::File { path: None, line: Some(line) } => write!(f, "line {line}"),
            Self::File { path: None, line: None } => f.write_str("text"),
            Self::Variable(name) => f.write_str(name),
        }
    }
}

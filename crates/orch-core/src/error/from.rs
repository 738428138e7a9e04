//! Foreign errors become ours.

use std::convert::Infallible;
use std::error::Error as StdError;

use tower::BoxError;
use tower::load_shed::error::Overloaded;
use tower::timeout::error::Elapsed;

use super::{Class, Error, ErrorKind, TimeoutPhase};
use crate::Target;

/// Our own error is found again inside the box; tower's `Elapsed` becomes `Timeout`, its load
/// shedder's `Overloaded` becomes `Overloaded`; anything else is a `Transient` failure of the tool.
impl From<BoxError> for Error {
    fn from(error: BoxError) -> Self {
        let error = match error.downcast::<Error>() {
            Ok(ours) => return *ours,
            Err(other) => other,
        };
        if error.is::<Elapsed>() {
            let kind = ErrorKind::Timeout { phase: TimeoutPhase::Attempt, after: None };
            return Self::new(kind).with_source(error);
        }
        if error.is::<Overloaded>() {
            return Self::new(ErrorKind::Overloaded { target: Target::default() }).with_source(error);
        }
        Self::transient(error)
    }
}

impl Error {
    /// A failure that may not happen again, from any error.
    #[must_use]
    pub fn transient(source: impl Into<BoxError>) -> Self {
        Self::from_source(source, Class::Transient)
    }

    /// A failure of the tool of the given class, from any error; its text is kept, and it as the source.
    #[must_use]
    pub fn from_source(source: impl Into<BoxError>, class: Class) -> Self {
        let source = source.into();
        Self::tool_execution(with_causes(source.as_ref())).with_class(class).with_source(source)
    }
}

/// An error's text and those of its sources, unless they repeat it.
fn with_causes(error: &(dyn StdError + 'static)) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        let cause_text = cause.to_string();
        if !text.contains(&cause_text) {
            text.push_str(": ");
            text.push_str(&cause_text);
        }
        next = cause.source();
    }
    text
}

impl From<Infallible> for Error {
    fn from(never: Infallible) -> Self {
        match never {}
    }
}

impl From<std::io::Error> for Error {
    fn from(error: std::io::Error) -> Self {
        Self::transient(error)
    }
}

impl From<serde_json::Error> for Error {
    fn from(error: serde_json::Error) -> Self {
        Self::bad_output("", error.to_string()).with_source(error)
    }
}

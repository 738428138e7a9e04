use std::fmt;
use std::sync::Arc;

use orch_core::Request;

/// A test of the user's own.
#[derive(Clone)]
pub(crate) struct Predicate(Arc<dyn Fn(&Request) -> bool + Send + Sync>);

impl Predicate {
    pub(crate) fn new(test: impl Fn(&Request) -> bool + Send + Sync + 'static) -> Self {
        Self(Arc::new(test))
    }

    pub(crate) fn holds(&self, request: &Request) -> bool {
        (self.0)(request)
    }
}

impl fmt::Debug for Predicate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Predicate(..)")
    }
}

use std::fmt;
use std::future::Future;
use std::time::Duration;

/// One rule of a contract: what the message of its panic begins with.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rule {
    contract: &'static str,
    name: &'static str,
}

impl Rule {
    pub(crate) const fn of_layers(name: &'static str) -> Self {
        Self { contract: "layer", name }
    }

    pub(crate) const fn of_stores(name: &'static str) -> Self {
        Self { contract: "store", name }
    }

    pub(crate) const fn of_ledgers(name: &'static str) -> Self {
        Self { contract: "ledger", name }
    }

    #[track_caller]
    pub(crate) fn broken(self, what: impl fmt::Display) -> ! {
        panic!("{} contract broken, rule `{}`: {what}", self.contract, self.name)
    }

    #[track_caller]
    pub(crate) fn hold(self, condition: bool, what: impl FnOnce() -> String) {
        if !condition {
            self.broken(what());
        }
    }

    /// What `future` gives; it has an hour of paused time.
    pub(crate) async fn complete<F: Future>(self, future: F) -> F::Output {
        match tokio::time::timeout(Duration::from_secs(3600), future).await {
            Ok(output) => output,
            Err(_) => self.broken("a call did not complete although it waits for nothing"),
        }
    }
}

use orch_core::Redactor;

/// The client's defaults that are not about reliability.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    /// Parts of one run that work at the same time.
    pub(crate) max_parallel: usize,
    /// What takes out of texts what must not leave the process.
    pub(crate) redactor: Redactor,
}

impl Default for Settings {
    fn default() -> Self {
        Self { max_parallel: 10, redactor: Redactor::none() }
    }
}

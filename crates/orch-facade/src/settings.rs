/// The client's defaults that are not about reliability.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    /// Parts of one run that work at the same time.
    pub(crate) max_parallel: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Self { max_parallel: 10 }
    }
}

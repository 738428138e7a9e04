use std::cell::RefCell;

use orch_core::Request;
use serde_json::Value;

use super::Path;
use super::keywords::folded_texts;

/// A request as rules look at it: each attribute's text is folded once, however many rules ask for it.
pub(crate) struct Subject<'r> {
    request: &'r Request,
    folded: RefCell<Vec<(Option<&'r Path>, Vec<String>)>>,
}

impl<'r> Subject<'r> {
    pub(crate) fn new(request: &'r Request) -> Self {
        Self { request, folded: RefCell::default() }
    }

    pub(super) fn request(&self) -> &'r Request {
        self.request
    }

    pub(super) fn input(&self) -> &'r Value {
        self.request.input().as_json()
    }

    /// Calls `test` with the folded texts at `path`, or everywhere.
    pub(super) fn with_texts<T>(&self, path: Option<&'r Path>, test: impl FnOnce(&[String]) -> T) -> T {
        let mut folded = self.folded.borrow_mut();
        let known = folded.iter().position(|(known, _)| *known == path);
        let index = known.unwrap_or_else(|| {
            let value = path.map_or(Some(self.input()), |path| path.look(self.input()));
            folded.push((path, value.map(folded_texts).unwrap_or_default()));
            folded.len() - 1
        });
        test(&folded[index].1)
    }
}

use std::collections::VecDeque;
use std::time::Duration;

use orch_core::{Error, Output, Usage};

use super::{Bundler, Command, Input};
use crate::Bundle;

impl Bundler {
    /// The bundle of answers that are at hand: recorded ones, or those of a bundle tool that asks by itself. `outcome` says
    /// how each replicate that is launched ended, by its number from 1; what was used is read from its output, and
    /// no time passes. Comparing happens on the caller's thread.
    ///
    /// ```
    /// use orch_core::Output;
    /// use orch_evidence::{BundleOptions, Bundler};
    ///
    /// # fn main() -> Result<(), orch_core::Error> {
    /// let answers = ["Paris", "Lyon", "Paris"];
    /// let bundler = Bundler::new(&BundleOptions::new().k(3))?;
    /// let bundle = bundler.replay(|index| Ok(Output::from(answers[index as usize - 1])))?;
    /// assert_eq!(bundle.summary.consensus, Some("Paris".into()));
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// `ReplicatesFailed` with all causes when no answer is valid.
    pub fn replay(mut self, mut outcome: impl FnMut(u32) -> Result<Output, Error>) -> Result<Bundle, Error> {
        let mut todo = VecDeque::from(self.start());
        while let Some(command) = todo.pop_front() {
            let input = match command {
                Command::Launch { index, .. } => {
                    let result = outcome(index);
                    let usage = result.as_ref().map(|output| output.usage().clone()).unwrap_or_default();
                    Input::Finished { index, result, usage, elapsed: Duration::ZERO }
                }
                Command::Measure { index, against } => {
                    let row = self.measurement(index, &against).run();
                    Input::Measured { index, row }
                }
                Command::Cancel { index } => Input::Cancelled { index, usage: Usage::new() },
                Command::Emit(_) | Command::Finish => continue,
            };
            todo.extend(self.on(input));
        }
        self.finish()
    }
}

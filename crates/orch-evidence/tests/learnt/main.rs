//! What is learnt from recorded outputs of language models, with and without labels, where those are at hand beside the
//! repository. Whatever is fitted is tried on questions that it was not fitted on.

#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "helpers of tests, and a skip must be seen")]

mod agreement;
mod calibration;
mod decisions;
mod figures;
mod posterior;
mod recorded;
mod sources;
mod votes;

//! The options.

use std::path::PathBuf;

use clap::Parser;

/// Measures what the answers of recorded sets tell: how good the vote is, how well each score knows when it is
/// right, and what each stop rule saves.
///
/// A set is a file NAME.jsonl with one question a line: `{"id", "a": [answer, ..], "ok": [0 or 1, ..]}`, and where
/// there are such, `gold`, `target` with `target_ok`, and `judge_same`, a judge's verdict on each answer.
#[derive(Clone, Debug, Parser)]
#[command(name = "evaluate")]
pub(crate) struct Args {
    /// The folder with the sets, or one file
    #[arg(value_name = "DIR")]
    pub(crate) dir: PathBuf,

    /// Only this set, by the name of its file without `.jsonl`; may be given several times
    #[arg(long = "set", value_name = "NAME")]
    pub(crate) sets: Vec<String>,

    /// One JSON object a line: `{"set", "k", "metric", "value"}`
    #[arg(long)]
    pub(crate) json: bool,

    /// The answers are not in English: articles count as words
    #[arg(long)]
    pub(crate) not_english: bool,
}

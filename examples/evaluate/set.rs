//! Recorded sets: questions with the answers of K replicates and, where known, which of them are right.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail, ensure};
use serde::Deserialize;
use serde_json::Value;

use crate::leaves;

/// One file.
#[derive(Debug)]
pub(crate) struct Set {
    pub(crate) name: String,
    pub(crate) questions: Vec<Question>,
}

/// One line.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Question {
    /// An answer that is not one of the replicates, which are there to judge it.
    pub(crate) target: Option<Answer>,
    /// The replicates, in the recorded order.
    pub(crate) answers: Vec<Answer>,
    pub(crate) gold: Option<Value>,
}

/// What was answered.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Answer {
    pub(crate) value: Value,
    /// Whether it is right, where that is known.
    pub(crate) right: Option<bool>,
    /// Whether a judge took it for the same as the target.
    pub(crate) judged_same: Option<bool>,
}

/// A line as it is written; fields that mean nothing here are passed over.
#[derive(Deserialize)]
struct Line {
    a: Vec<Value>,
    ok: Option<Vec<Flag>>,
    gold: Option<Value>,
    target: Option<Value>,
    target_ok: Option<Flag>,
    judge_same: Option<Vec<Flag>>,
}

/// `0`, `1`, `true` or `false`.
#[derive(Clone, Copy, Deserialize)]
#[serde(try_from = "Value")]
struct Flag(bool);

impl TryFrom<Value> for Flag {
    type Error = String;

    fn try_from(value: Value) -> Result<Self, String> {
        match (value.as_bool(), value.as_f64()) {
            (Some(flag), _) => Ok(Self(flag)),
            (_, Some(0.0)) => Ok(Self(false)),
            (_, Some(1.0)) => Ok(Self(true)),
            _ => Err(format!("{value} is neither 0 nor 1")),
        }
    }
}

/// The sets of a folder (or the one file) in the order of their names; only the named ones if any are.
pub(crate) fn load(dir: &Path, names: &[String]) -> anyhow::Result<Vec<Set>> {
    let mut files = if dir.is_dir() { files_in(dir)? } else { vec![dir.to_owned()] };
    ensure!(!files.is_empty(), "{}: no file ends in `.jsonl`", dir.display());
    if let Some(unknown) = names.iter().find(|name| files.iter().all(|file| name_of(file) != **name)) {
        let known: Vec<String> = files.iter().map(|file| name_of(file)).collect();
        bail!("{}: no set `{unknown}`, there are {}", dir.display(), known.join(", "));
    }
    files.retain(|file| names.is_empty() || names.contains(&name_of(file)));
    files.iter().map(|file| read(file)).collect()
}

fn files_in(dir: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let entries = fs::read_dir(dir).with_context(|| dir.display().to_string())?;
    let mut files = entries.map(|entry| Ok(entry?.path())).collect::<anyhow::Result<Vec<_>>>()?;
    files.retain(|file| file.extension().is_some_and(|end| end == "jsonl") && file.is_file());
    files.sort();
    Ok(files)
}

fn name_of(file: &Path) -> String {
    file.file_stem().unwrap_or_default().to_string_lossy().into_owned()
}

fn read(file: &Path) -> anyhow::Result<Set> {
    let bytes = fs::read(file).with_context(|| file.display().to_string())?;
    let lines = bytes.split(|byte| *byte == b'\n').zip(1..).filter(|(line, _)| !line.trim_ascii().is_empty());
    let questions = lines
        .map(|(line, number)| question(line).with_context(|| format!("{}:{number}", file.display())))
        .collect::<anyhow::Result<Vec<_>>>()?;
    ensure!(!questions.is_empty(), "{}: no questions", file.display());
    Ok(Set { name: name_of(file), questions })
}

fn question(line: &[u8]) -> anyhow::Result<Question> {
    let line: Line = serde_json::from_slice(line)?;
    let k = line.a.len();
    ensure!(k > 0, "`a` is empty: a question has at least one answer");
    let flags = |name: &str, flags: Option<Vec<Flag>>| match flags {
        Some(flags) if flags.len() != k => bail!("`{name}` has {} entries for {k} answers in `a`", flags.len()),
        Some(flags) => Ok(flags.into_iter().map(|flag| Some(flag.0)).collect()),
        None => Ok(vec![None; k]),
    };
    let known: Vec<Option<bool>> = flags("ok", line.ok)?;
    let judged = flags("judge_same", line.judge_same)?;
    let gold = line.gold;
    let by_gold =
        |value: &Value| gold.as_ref().filter(|gold| leaves::structured(gold)).map(|gold| leaves::all_hit(gold, value));
    let answers = line.a.into_iter().zip(known).zip(judged).map(|((value, right), judged_same)| {
        let right = right.or_else(|| by_gold(&value));
        Answer { value, right, judged_same }
    });
    let answers = answers.collect();
    let right = line.target_ok.map(|flag| flag.0);
    let target = line.target.map(|value| Answer { value, right, judged_same: None });
    Ok(Question { target, answers, gold })
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn written(lines: &str) -> (tempfile::TempDir, PathBuf) {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("made.jsonl");
        fs::File::create(&file).unwrap().write_all(lines.as_bytes()).unwrap();
        (dir, file)
    }

    fn refusal(lines: &str) -> String {
        let (_dir, file) = written(lines);
        format!("{:#}", load(&file, &[]).unwrap_err())
    }

    #[test]
    fn a_bad_line_is_named_with_its_file_and_number() {
        for (line, says) in [
            ("{", "EOF"),
            ("{\"id\": 1}", "missing field `a`"),
            ("{\"a\": []}", "`a` is empty"),
            ("{\"a\": [1, 2], \"ok\": [1]}", "`ok` has 1 entries for 2 answers"),
            ("{\"a\": [1], \"ok\": [2]}", "2 is neither 0 nor 1"),
            ("{\"a\": [1], \"judge_same\": [0, 1]}", "`judge_same` has 2 entries"),
            ("\u{fffd}", "expected value"),
        ] {
            let message = refusal(&format!("{{\"a\": [1]}}\n\n{line}\n"));
            assert!(message.contains("made.jsonl:3") && message.contains(says), "{line}: {message}");
        }
    }

    #[test]
    fn every_field_but_the_answers_may_be_missing() {
        let (_dir, file) = written("{\"a\": [\"x\", null, 3]}\r\n{\"a\": [[]], \"ok\": [true]}");
        let sets = load(&file, &[]).unwrap();
        assert_eq!((sets[0].name.as_str(), sets[0].questions.len()), ("made", 2));
        assert_eq!(sets[0].questions[0].answers[1].right, None);
        assert_eq!(sets[0].questions[1].answers[0].right, Some(true));
    }

    #[test]
    fn without_labels_an_answer_is_right_if_all_of_a_structured_gold_is() {
        let (_dir, file) = written("{\"gold\": {\"x\": 1}, \"a\": [{\"x\": 1.0}, {\"x\": 2}, {}]}");
        let right: Vec<_> = load(&file, &[]).unwrap()[0].questions[0].answers.iter().map(|a| a.right).collect();
        assert_eq!(right, [Some(true), Some(false), Some(false)]);
    }

    #[test]
    fn an_unknown_set_is_told_with_those_that_are_there() {
        let (dir, _) = written("{\"a\": [1]}");
        let message = load(dir.path(), &["other".to_owned()]).unwrap_err().to_string();
        assert!(message.contains("no set `other`, there are made"), "{message}");
        assert_eq!(load(dir.path(), &["made".to_owned()]).unwrap().len(), 1);
    }
}

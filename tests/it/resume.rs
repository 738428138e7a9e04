//! A batch that is killed and started again, as a process.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use crate::support::root;

/// The program `resume`, built.
fn program() -> PathBuf {
    let built = Command::new(env!("CARGO"))
        .current_dir(root())
        .args(["build", "--quiet", "--package", "orch-examples", "--example", "resume", "--message-format", "json"])
        .output()
        .unwrap();
    assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
    let messages = String::from_utf8(built.stdout).unwrap();
    let mut paths = messages.lines().filter_map(|line| {
        let message: serde_json::Value = serde_json::from_str(line).ok()?;
        message["executable"].as_str().map(PathBuf::from)
    });
    paths.next_back().unwrap()
}

fn start(program: &Path, answers: &Path) -> Child {
    Command::new(program).arg(answers).stdin(Stdio::null()).stdout(Stdio::piped()).spawn().unwrap()
}

/// What it prints, to the end or to so many lines.
fn lines(child: &mut Child, most: usize) -> Vec<String> {
    BufReader::new(child.stdout.take().unwrap()).lines().take(most).map(Result::unwrap).collect()
}

#[test]
fn a_killed_job_started_again_buys_only_what_is_missing() {
    let (program, folder) = (program(), tempfile::tempdir().unwrap());
    let answers = folder.path().join("answers.jsonl");

    let mut first = start(&program, &answers);
    let seen = lines(&mut first, 6);
    assert!(seen.len() == 6 && seen.iter().all(|line| line.ends_with("bought")), "{seen:?}");
    first.kill().unwrap();
    assert!(!first.wait().unwrap().success());
    // Half a line, as of a process that died while it wrote.
    let kept = std::fs::read_to_string(&answers).unwrap();
    std::fs::write(&answers, format!("{kept}\n[\"job-1/19\", ")).unwrap();

    let had = kept.lines().filter(|line| !line.is_empty()).count();
    assert!((6..20).contains(&had), "{had}");
    for (at_hand, bought) in [(had, 20 - had), (20, 0)] {
        let mut again = start(&program, &answers);
        let printed = lines(&mut again, usize::MAX);
        assert!(again.wait().unwrap().success());
        assert_eq!(printed.iter().filter(|line| line.ends_with("bought")).count(), bought);
        let money = bought as f64 * 0.001;
        assert_eq!(printed[20], format!("20 answers, {at_hand} of them at hand, ${money:.3} spent"));
    }
}

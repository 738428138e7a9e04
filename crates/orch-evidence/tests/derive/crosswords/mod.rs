//! Recorded crosswords, read twice: by a derived type and by JSON Pointers.

use std::collections::BTreeMap;
use std::path::Path;

use orch_core::{Error, HasContext, Output, Request, ScopeLayer, Tool, ToolService, ToolSpec, tool_fn};
use orch_evidence::ReplicateLayer;
use orch_evidence::stopping::Never;
use serde_json::Value;
use tower::{ServiceBuilder, ServiceExt};

mod derived;
mod pointers;

/// The rows of a grid, and the support of each letter by its pointer.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Solved {
    pub(crate) rows: BTreeMap<String, [Option<String>; 5]>,
    pub(crate) support: BTreeMap<String, Option<f64>>,
}

/// What a layer makes of a tool that gives these answers, one a replicate.
pub(crate) async fn replicated(layer: ReplicateLayer, answers: &[Value]) -> Result<Output, Error> {
    let answers = answers.to_vec();
    let tool = tool_fn(ToolSpec::pure("crossword"), move |request: Request| {
        let nth = request.context().replicate().unwrap_or(1) as usize;
        std::future::ready(Ok::<_, Error>(Output::new(answers[nth - 1].clone())))
    });
    let stack = ServiceBuilder::new()
        .layer(ScopeLayer::of(tool.spec()))
        .layer(layer.stop(Never).epsilon(0.0))
        .service(ToolService::new(tool));
    stack.oneshot(Request::new("the clues")).await
}

/// The recorded rows: ten answers and the right one; `None` where they are not at hand.
fn recorded() -> Option<Vec<Value>> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data/crosswords_json_gpt4cot_k10.jsonl");
    match std::fs::read_to_string(&path) {
        Ok(text) => Some(text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()),
        Err(_) => {
            orch_testkit::skipped(format_args!("no recorded data at {}", path.display()));
            None
        }
    }
}

/// The chance that a right letter has more support than a wrong one, ties counted half.
fn auroc(scored: &[(f64, bool)]) -> f64 {
    let of = |right: bool| scored.iter().filter(move |(_, is)| *is == right).map(|(score, _)| *score);
    let pairs = of(true).flat_map(|right| of(false).map(move |wrong| (right, wrong)));
    let (won, all) = pairs.fold((0.0, 0.0), |(won, all), (right, wrong)| {
        (
            won + if right > wrong {
                1.0
            } else if right < wrong {
                0.0
            } else {
                0.5
            },
            all + 1.0,
        )
    });
    won / all
}

/// Lines of a program, without blank ones and comments.
fn lines(program: &str) -> usize {
    program.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with("//")).count()
}

/// Lines that are about the task: without imports, which tools write.
fn user_lines(program: &str) -> usize {
    let body = &program[program.find("\n#[derive").into_iter().chain(program.find("\nfn ")).min().unwrap()..];
    lines(body)
}

#[tokio::test]
async fn a_derived_type_reads_crosswords_as_well_as_pointers_do() {
    let Some(rows) = recorded() else { return };
    let (mut right, mut scored) = (0, Vec::new());
    for row in &rows {
        let answers = row["a"].as_array().unwrap();
        let solved = derived::solve(answers).await.unwrap();
        assert_eq!(solved, pointers::solve(answers).await.unwrap());
        for (key, letters) in &solved.rows {
            for (at, letter) in letters.iter().enumerate() {
                let is_right = letter.as_ref().is_some_and(|letter| row["gold"][key][at] == **letter);
                right += usize::from(is_right);
                scored.push((solved.support[&format!("/{key}/{at}")].unwrap(), is_right));
            }
        }
    }
    let (accuracy, auroc) = (right as f64 / (rows.len() * 25) as f64, auroc(&scored));
    println!("crosswords, derived: letters right {accuracy:.4}, AUROC of field support {auroc:.4}");
    assert!(accuracy >= 0.45, "{accuracy}");
    assert!(auroc >= 0.67, "{auroc}");
}

#[test]
fn a_derived_type_takes_at_most_a_third_of_the_lines_that_pointers_take() {
    let derived = user_lines(include_str!("derived.rs"));
    let pointers = user_lines(include_str!("pointers.rs"));
    println!("lines: derived {derived}, pointers {pointers}");
    assert!(derived > 5 && 3 * derived <= pointers, "{derived} against {pointers}");
}

use orch_core::{Content, Error, Output};
use serde_json::{Value, json};

use super::*;
use crate::stopping::Never;
use crate::{BundleOptions, Bundler};

fn bundle(answers: &[Value]) -> Bundle {
    let k = u32::try_from(answers.len()).unwrap();
    let bundler = Bundler::new(&BundleOptions::new().k(k).schema_uri("urn:answer")).unwrap().with_task("ask");
    bundler.replay(|index| Ok(Output::from(answers[index as usize - 1].clone()))).unwrap()
}

fn keys(value: &Value) -> Vec<&str> {
    let mut keys: Vec<&str> = value.as_object().unwrap().keys().map(String::as_str).collect();
    keys.sort_unstable();
    keys
}

#[test]
fn the_json_has_every_documented_name() {
    let evidence = BundleContent::new(bundle(&[json!("Rome"), json!("Oslo")]));
    let json = serde_json::to_value(&evidence).unwrap();
    let bundle = &json["evidence_bundle"];
    let required = |at: &Value, names: &[&str]| {
        for name in names {
            assert!(at.get(name).is_some(), "{name} is missing among {:?}", keys(at));
        }
    };
    required(bundle, &["meta", "replicates", "summary", "usage_total", "cost_total_usd", "cost_breakdown", "metadata"]);
    required(bundle, &["schema_version", "stop"]);
    let meta = ["task", "k", "k_completed", "epsilon", "model", "seeds", "early_stopped", "early_stop_reason"];
    required(&bundle["meta"], &meta);
    required(&bundle["meta"], &["total_elapsed_ms", "schema_uri"]);
    let replicate = ["id", "output", "quality", "usage", "elapsed_ms", "seed", "model", "status"];
    required(&bundle["replicates"][0], &replicate);
    required(&bundle["replicates"][0]["quality"], &["valid", "errors", "warnings"]);
    let summary = ["consensus", "disagreements", "pairwise_distance", "distributions", "confidence", "truncated"];
    required(&bundle["summary"], &summary);
    let ours = ["confidence_kind", "agreement", "mode_posterior", "p_correct", "clusters", "medoid"];
    required(&bundle["summary"], &ours);
    required(&bundle["stop"], &["rule", "reason", "n", "p_same", "saved", "waves"]);
    assert_eq!(bundle["summary"]["p_correct"], Value::Null);
    assert_eq!(bundle["summary"]["confidence_kind"], "agreement");
    assert_eq!(bundle["summary"]["confidence"], bundle["summary"]["agreement"]);
    assert_eq!(bundle["replicates"][0]["output"], "Rome");
    assert_eq!(bundle["replicates"][1]["id"], "r2");
    assert_eq!(bundle["meta"]["task"], "ask");
    assert_eq!(bundle["meta"]["schema_uri"], "urn:answer");
    assert_eq!(bundle["metadata"]["distance"], "token_levenshtein");
}

#[test]
fn a_replay_gives_the_same_bundle_as_the_first_caller_got() {
    let first = bundle(&[json!({"a": 1}), json!({"a": 2}), json!({"a": 2})]);
    let typed = Output::typed(BundleContent::new(first.clone()));
    let stored: Output = serde_json::from_str(&serde_json::to_string(&typed).unwrap()).unwrap();
    assert_eq!(Bundle::from_output(&typed).unwrap(), first);
    assert_eq!(Bundle::from_output(&stored).unwrap(), first);
}

#[test]
fn an_answer_of_null_is_read_back_as_one_and_no_answer_as_none() {
    let answers = [Ok(json!(null)), Err("broken"), Ok(json!(null)), Ok(json!({"a": null})), Ok(json!({"a": 1}))];
    let bundler = Bundler::new(&BundleOptions::new().k(5).allow_empty(true)).unwrap().with_stop(Never);
    let outcome = |index: u32| answers[index as usize - 1].clone().map(Output::from).map_err(Error::tool_execution);
    let first = bundler.replay(outcome).unwrap();
    assert_eq!(first.summary.consensus, Some(Value::Null));
    let back: Bundle = serde_json::from_str(&serde_json::to_string(&first).unwrap()).unwrap();
    assert_eq!(back, first);
    assert_eq!(back.replicates[0].output, Some(Content::json(Value::Null)));
    assert_eq!(back.replicates[1].output, None);

    // Without leave to be empty it is invalid, and none.
    let refused = Bundler::new(&BundleOptions::new().k(5)).unwrap().with_stop(Never).replay(outcome).unwrap();
    assert_eq!(refused.replicates[0].output, None);
    let back: Bundle = serde_json::from_str(&serde_json::to_string(&refused).unwrap()).unwrap();
    assert_eq!(back, refused);
}

#[test]
fn an_output_without_a_bundle_says_so() {
    let error = Bundle::from_output(&Output::from("plain")).unwrap_err();
    assert_eq!(error.class(), orch_core::Class::BadOutput);
}

#[test]
fn the_meaning_of_a_confidence_is_a_sentence() {
    for kind in [ConfidenceKind::Agreement, ConfidenceKind::ModePosterior, ConfidenceKind::PCorrect] {
        assert!(kind.meaning().starts_with("the chance that"));
    }
}

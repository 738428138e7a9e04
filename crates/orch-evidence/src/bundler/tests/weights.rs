//! Replicates that do not count the same.

use super::*;

#[test]
fn weights_decide_the_consensus_and_the_agreement() {
    let answers = &["Rome", "Oslo", "Oslo"];
    let summary = |options: &BundleOptions| in_launch_order(options, answers).bundle.unwrap().summary;
    assert_eq!(summary(&options(3)).consensus, Some(json!("Oslo")));
    let weighted = summary(&options(3).weights([3.0, 1.0, 1.0]));
    assert_eq!(weighted.consensus, Some(json!("Rome")));
    assert_eq!(weighted.clusters[0].replicate_ids, ["r1"]);
    assert!((weighted.clusters[0].weight - 1.8).abs() < 1e-12);
    // 3 of 5 by weight, of three replicates.
    assert!((weighted.agreement - 1.8 / 3.25).abs() < 1e-12, "{}", weighted.agreement);
    let larger = summary(&options(3).weights([300.0, 100.0, 100.0]));
    assert!((larger.agreement - weighted.agreement).abs() < 1e-12, "only ratios matter");
    assert_eq!(summary(&options(3).weights([2.0; 3])).agreement, 2.0 / 3.25);
}

#[test]
fn heads_do_not_end_a_run_against_the_weights() {
    let answers = &["no", "yes", "yes", "yes", "no"];
    let plain = in_launch_order(&options(5), answers).bundle.unwrap();
    assert_eq!((plain.stop.rule.as_str(), plain.stop.n), ("lock", 4));
    let weighted = in_launch_order(&options(5).weights([9.0, 1.0, 1.0, 1.0, 1.0]), answers).bundle.unwrap();
    assert_eq!((weighted.stop.rule.as_str(), weighted.stop.n), ("complete", 5));
    assert_eq!(weighted.summary.consensus, Some(json!("no")));
}

#[test]
fn weights_that_make_no_sense_are_refused_where_they_stand() {
    let wrong = [
        (vec![1.0, 0.0, 1.0], "/weights/1"),
        (vec![1.0, f64::NAN, 1.0], "NaN"),
        (vec![1.0], "1 weights for 3"),
        // Their sum is no number any more, or their share of it is none.
        (vec![1e308; 3], "/weights/0"),
        (vec![1e300, 1.0, 1e-300], "1e-300"),
    ];
    for (weights, named) in wrong {
        let error = options(3).weights(weights).check().unwrap_err().to_string();
        assert!(error.contains(named), "{error}");
    }
}

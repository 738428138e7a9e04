use serde_json::{Value, json};

use super::*;

fn key() -> CalibrationKey {
    CalibrationKey::new("ask", "token_levenshtein", 5).with_model("small")
}

/// A share of right ones that rises with the agreement: nine in ten at 0.95, half at 0.57.
fn labels(n: u32) -> impl Iterator<Item = (f64, bool)> {
    (0..n).map(|at| if at % 2 == 0 { (0.95, at % 20 != 0) } else { (0.57, at % 4 == 1) })
}

#[test]
fn a_calibrator_learns_the_share_of_right_ones_by_either_method() {
    for n in [80, 400] {
        let calibrator = Calibrator::fit(key(), labels(n)).unwrap();
        let (sure, unsure) = (calibrator.p_correct(&key(), 0.95).unwrap(), calibrator.p_correct(&key(), 0.57).unwrap());
        assert!((sure - 0.9).abs() < 0.02 && (unsure - 0.5).abs() < 0.02, "{n}: {sure} {unsure}");
        let method = serde_json::to_value(&calibrator).unwrap()["curve"]["method"].clone();
        assert_eq!(method, if n < 100 { "platt" } else { "isotonic" });
    }
}

#[test]
fn a_calibrator_refuses_every_other_key() {
    let calibrator = Calibrator::fit(key(), labels(40)).unwrap();
    for other in [
        CalibrationKey::new("ask", "token_levenshtein", 3).with_model("small"),
        CalibrationKey::new("ask", "exact", 5).with_model("small"),
        CalibrationKey::new("tell", "token_levenshtein", 5).with_model("small"),
        CalibrationKey::new("ask", "token_levenshtein", 5).with_model("large"),
        CalibrationKey::new("ask", "token_levenshtein", 5),
    ] {
        let error = calibrator.p_correct(&other, 0.9).unwrap_err().to_string();
        assert!(error.contains(&other.to_string()) && error.contains(&key().to_string()), "{error}");
    }
    assert!(calibrator.p_correct(&key(), f64::NAN).is_err());
}

#[test]
fn agreements_beside_the_labels_count_as_the_nearest_of_them() {
    let calibrator = Calibrator::fit(key(), labels(40)).unwrap();
    let at = |agreement| calibrator.p_correct(&key(), agreement).unwrap();
    assert_eq!(at(0.1), at(0.57));
    assert_eq!(at(1.0), at(0.95));
}

#[test]
fn a_calibrator_of_fewer_than_thirty_labels_warns() {
    assert!(Calibrator::fit(key(), labels(29)).unwrap().warning().unwrap().contains("29 labels"));
    assert_eq!(Calibrator::fit(key(), labels(30)).unwrap().warning(), None);
    assert!(Calibrator::fit(key(), []).is_err());
}

#[test]
fn a_stored_calibrator_comes_back_and_one_that_was_spoilt_does_not() {
    for n in [40, 200] {
        let calibrator = Calibrator::fit(key(), labels(n)).unwrap();
        let stored = serde_json::to_value(&calibrator).unwrap();
        assert_eq!(serde_json::from_value::<Calibrator>(stored.clone()).unwrap(), calibrator);
        let spoilt = |at: &str, value: Value| {
            let mut stored = stored.clone();
            *stored.pointer_mut(at).unwrap() = value;
            serde_json::from_value::<Calibrator>(stored).unwrap_err().to_string()
        };
        assert!(spoilt("/version", json!(2)).contains("only version 1"));
        assert!(spoilt("/lowest", json!(0.99)).contains("0.99 to 0.95"));
        assert!(spoilt("/right", json!(999)).contains("999"));
        if n < 100 {
            assert!(spoilt("/curve/slope", json!(-1.0)).contains("-1"));
        } else {
            assert!(spoilt("/curve/points", json!([[0.9, 0.5], [0.2, 0.6]])).contains("rise"));
            assert!(spoilt("/curve/points", json!([])).contains("points"));
        }
    }
}

#[test]
fn a_calibrator_of_agreement_is_not_read_as_one_of_being_right() {
    let agreement =
        AgreementCalibrator::fit(key(), [withheld(&[vec![0.0; 6], vec![0.0; 6]], 5, 0.0), vec![(0.9, true)]]);
    let stored = serde_json::to_string(&agreement.unwrap()).unwrap();
    assert!(serde_json::from_str::<Calibrator>(&stored).is_err());
    let right = serde_json::to_string(&Calibrator::fit(key(), labels(40)).unwrap()).unwrap();
    assert!(serde_json::from_str::<AgreementCalibrator>(&right).is_err());
}

#[test]
fn withheld_replicates_correct_an_agreement_that_promises_too_much() {
    // Two agree by chance in four answers out of six, yet the next one joins them only half as often as they say.
    let question = |at: u32| vec![(0.89, at.is_multiple_of(2)), (0.44, at.is_multiple_of(4))];
    let fitted = AgreementCalibrator::fit(key(), (0..200).map(question)).unwrap();
    assert_eq!(fitted.questions(), 200);
    let (near, far) = (fitted.agreement(&key(), 0.89).unwrap(), fitted.agreement(&key(), 0.44).unwrap());
    assert!((near - 0.5).abs() < 0.02 && (far - 0.25).abs() < 0.02, "{near} {far}");
}

#[test]
fn nothing_is_withheld_of_too_few_replicates_or_of_what_is_no_matrix() {
    let matrix = vec![vec![0.0; 3]; 3];
    assert_eq!(withheld(&matrix, 2, 0.0).len(), 3);
    assert_eq!(withheld(&matrix, 3, 0.0), []);
    assert_eq!(withheld(&matrix, 0, 0.0), []);
    assert_eq!(withheld(&[vec![0.0, 0.0], vec![0.0]], 1, 0.0), []);
}

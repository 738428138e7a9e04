//! Any text through the normaliser, and any two through every metric.

#![no_main]

use libfuzzer_sys::fuzz_target;
use orch_evidence::{Distance, Normaliser, TextMetric, normalise};

fuzz_target!(|text: &str| {
    let normal = normalise(text);
    assert!(!normal.contains("  ") && normal.trim() == normal);
    assert!(!normal.bytes().any(|c| c.is_ascii_uppercase()) || !normal.bytes().any(|c| c.is_ascii_alphanumeric()));
    assert_eq!(normal.is_empty(), text.trim().is_empty());
    let other = Normaliser::new().strip_english_articles(true).compatibility(true);
    assert!(!other.apply(text).contains("  "));

    let (a, b) = text.split_once('\n').unwrap_or((text, ""));
    for metric in TextMetric::ALL {
        let (a, b) = (metric.prepare(a), metric.prepare(b));
        let distance = metric.distance(&a, &b);
        assert!((0.0..=1.0).contains(&distance), "{metric:?}");
        assert_eq!(distance, metric.distance(&b, &a), "{metric:?}");
        assert_eq!(metric.distance(&a, &a), 0.0, "{metric:?}");
        assert_eq!(metric.bounded(&a, &b, 0.25), Some(distance).filter(|found| *found <= 0.25), "{metric:?}");
        assert_eq!(metric.bounded(&a, &b, distance), Some(distance), "{metric:?}");
    }
});

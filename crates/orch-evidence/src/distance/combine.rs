use std::sync::Arc;

use super::{Distance, Prepared};

/// The weighted mean of several distances. All compare the texts as the first one prepares them.
///
/// ```
/// use orch_evidence::{Distance, TextMetric, Weighted};
///
/// let metric = Weighted::new(TextMetric::TokenLevenshtein, 3.0).and(TextMetric::JaroWinkler, 1.0);
/// let (a, b) = (metric.prepare("Anna Smith"), metric.prepare("Anna Smyth"));
/// assert!(metric.distance(&a, &b) < 0.5);
/// ```
#[derive(Clone)]
#[must_use]
pub struct Weighted {
    parts: Vec<(Arc<dyn Distance>, f64)>,
}

impl Weighted {
    /// One distance with its weight, finite and at least 0. Any other weight counts as 0.
    pub fn new(metric: impl Distance + 'static, weight: f64) -> Self {
        Self { parts: Vec::new() }.and(metric, weight)
    }

    /// One more.
    pub fn and(mut self, metric: impl Distance + 'static, weight: f64) -> Self {
        let weight = if weight.is_finite() { weight.max(0.0) } else { 0.0 };
        self.parts.push((Arc::new(metric), weight));
        self
    }
}

impl Distance for Weighted {
    fn name(&self) -> &'static str {
        "weighted"
    }

    fn prepare(&self, text: &str) -> Prepared {
        self.parts[0].0.prepare(text)
    }

    fn distance(&self, a: &Prepared, b: &Prepared) -> f64 {
        let all: f64 = self.parts.iter().map(|(_, weight)| weight).sum();
        let sum: f64 = self.parts.iter().map(|(metric, weight)| weight * metric.distance(a, b)).sum();
        // A mean of ones may round to a little more.
        if all > 0.0 { (sum / all).min(1.0) } else { 0.0 }
    }

    fn longest(&self) -> usize {
        self.parts.iter().map(|(metric, _)| metric.longest()).min().unwrap_or(usize::MAX)
    }

    fn longest_chars(&self) -> usize {
        self.parts.iter().map(|(metric, _)| metric.longest_chars()).min().unwrap_or(usize::MAX)
    }
}

/// The largest of several distances. All compare the texts as the first one prepares them.
#[derive(Clone)]
#[must_use]
pub struct Max {
    parts: Vec<Arc<dyn Distance>>,
}

impl Max {
    /// One distance.
    pub fn new(metric: impl Distance + 'static) -> Self {
        Self { parts: vec![Arc::new(metric)] }
    }

    /// One more.
    pub fn and(mut self, metric: impl Distance + 'static) -> Self {
        self.parts.push(Arc::new(metric));
        self
    }
}

impl Distance for Max {
    fn name(&self) -> &'static str {
        "max"
    }

    fn prepare(&self, text: &str) -> Prepared {
        self.parts[0].prepare(text)
    }

    fn distance(&self, a: &Prepared, b: &Prepared) -> f64 {
        // `f64::max` passes over what is no number; here it must stay visible.
        let worse = |worst: f64, next: f64| if worst.is_nan() || next <= worst { worst } else { next };
        self.parts.iter().map(|metric| metric.distance(a, b)).fold(0.0, worse)
    }

    fn longest(&self) -> usize {
        self.parts.iter().map(|metric| metric.longest()).min().unwrap_or(usize::MAX)
    }

    fn longest_chars(&self) -> usize {
        self.parts.iter().map(|metric| metric.longest_chars()).min().unwrap_or(usize::MAX)
    }
}

impl std::fmt::Debug for Weighted {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.parts.iter().map(|(metric, weight)| (metric.name(), weight))).finish()
    }
}

impl std::fmt::Debug for Max {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.parts.iter().map(|metric| metric.name())).finish()
    }
}

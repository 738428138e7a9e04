use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::{Distance, Prepared};

/// Keeps a metric's values within 0 to 1, and remembers whether one was not.
pub(crate) struct Checked {
    metric: Arc<dyn Distance>,
    strayed: AtomicBool,
}

impl Checked {
    pub(crate) fn new(metric: Arc<dyn Distance>) -> Self {
        Self { metric, strayed: AtomicBool::new(false) }
    }

    pub(crate) fn strayed(&self) -> bool {
        self.strayed.load(Ordering::Relaxed)
    }
}

impl Distance for Checked {
    fn name(&self) -> &'static str {
        self.metric.name()
    }

    fn prepare(&self, text: &str) -> Prepared {
        self.metric.prepare(text)
    }

    fn distance(&self, a: &Prepared, b: &Prepared) -> f64 {
        let distance = self.metric.distance(a, b);
        if (0.0..=1.0).contains(&distance) {
            return distance;
        }
        self.strayed.store(true, Ordering::Relaxed);
        if distance.is_nan() { 1.0 } else { distance.clamp(0.0, 1.0) }
    }
}

use crate::bundle::ModelGap;

/// How much more answers of different models differ than those of one model: each pair with its distance, and whether
/// both are of the same model. `None` unless there are pairs of both kinds.
pub(crate) fn model_gap(pairs: impl Iterator<Item = (f64, bool)>) -> Option<ModelGap> {
    let (mut within, mut between) = (Vec::new(), Vec::new());
    for (distance, same) in pairs {
        if same { within.push(distance) } else { between.push(distance) }
    }
    let mean = |all: &[f64]| (!all.is_empty()).then(|| all.iter().sum::<f64>() / all.len() as f64);
    let (within, between) = (mean(&within)?, mean(&between)?);
    Some(ModelGap { within, between, gap: between - within })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_gap_is_the_distance_between_models_beyond_that_within_them() {
        let gap = model_gap([(0.1, true), (0.3, true), (0.8, false), (0.6, false)].into_iter()).unwrap();
        assert!((gap.within - 0.2).abs() < 1e-15 && (gap.between - 0.7).abs() < 1e-15);
        assert!((gap.gap - 0.5).abs() < 1e-15);
        assert_eq!(model_gap([(0.1, true)].into_iter()), None);
        assert_eq!(model_gap([(0.1, false)].into_iter()), None);
    }
}

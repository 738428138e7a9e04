//! From a finished run to its bundle.

use std::collections::BTreeMap;
use std::time::Duration;

use orch_core::{Error, ErrorKind};
use serde_json::{Map, Value};

use super::{Bundler, Slot, State, Stop};
use crate::bundle::{Bundle, Meta, Replicate, StopRecord};
use crate::confidence::{Calibration, CalibrationKey};
use crate::consensus::id;

impl Bundler {
    /// The bundle. Its `total_elapsed` is zero: a bundler has no clock.
    ///
    /// # Errors
    /// `ReplicatesFailed` with the error of each replicate, and their attempts, when none gave a valid answer.
    pub fn finish(mut self) -> Result<Bundle, Error> {
        for slot in self.slots.iter_mut().filter(|slot| slot.state == State::Running) {
            slot.state = State::Cancelled;
        }
        let counted = self.counted();
        let Some(summary) = self.summary() else { return Err(none_valid(self.slots)) };
        let stop = self.stop.take().unwrap_or_else(|| self.unfinished());
        let usage_total = self.usage();
        let seeds = self.seeds[..self.slots.len()].to_vec();
        let (k, epsilon) = (self.options.replicates(), self.answers(&counted).epsilon());
        let metadata = self.metadata();
        let slots = self.slots.into_iter().enumerate();
        let replicates: Vec<Replicate> =
            slots.map(|(at, slot)| slot.into_replicate(at, counted.contains(&at))).collect();
        let started = crate::count(replicates.len());
        let early = stop.rule != "complete";
        let mut bundle = Bundle {
            schema_version: Bundle::SCHEMA_VERSION,
            meta: Meta {
                task: self.task,
                k,
                k_started: started,
                k_completed: summary.statistics.valid,
                min_valid: crate::count(self.options.least_valid()),
                diversity: self.options.diversified().name().to_owned(),
                epsilon,
                model: one_model(&replicates),
                seeds,
                early_stopped: early,
                early_stop_reason: early.then(|| stop.reason.clone()),
                total_elapsed: Duration::ZERO,
                schema_uri: self.options.uri_of_schema().map(str::to_owned),
            },
            cost_total_usd: usage_total.cost.map(|cost| cost.value),
            cost_breakdown: costs(&replicates),
            usage_total,
            summary,
            stop: StopRecord {
                rule: stop.rule.to_owned(),
                reason: stop.reason,
                n: crate::count(stop.ended),
                p_same: stop.p_same,
                saved: k.saturating_sub(started),
                waves: self.waves,
                order: self.options.looked_at().name().to_owned(),
            },
            replicates,
            decision: None,
            metadata,
        };
        calibrate(&mut bundle, &self.calibration);
        Ok(bundle)
    }

    /// A driver that gave up before it was told to.
    fn unfinished(&self) -> Stop {
        let reason = format!("the run ended when {} of {} replicates had", self.looked_at, self.k);
        Stop { rule: "unfinished", reason, p_same: None, ended: self.looked_at, by_rule: true }
    }

    fn metadata(&self) -> Map<String, Value> {
        let mut metadata = Map::new();
        metadata.insert("distance".to_owned(), self.comparer.name().into());
        if self.reduced.is_some() {
            metadata.insert("reduced_to".to_owned(), self.k.into());
        }
        let mut warnings = self.comparer.notes().texts(self.comparer.name());
        if let Some((scorer, scores)) = self.scorer.as_ref().zip(self.comparer.scores()) {
            metadata.insert("scorer".to_owned(), scorer.as_str().into());
            metadata.insert("scored_pairs".to_owned(), scores.len().into());
            let (metric, mut unscored) = (self.comparer.name(), self.unscored.clone());
            unscored.sort();
            let warning = |(at, why): (usize, String)| {
                format!("{} was compared by `{metric}`: the scorer `{scorer}` failed: {why}", id(at))
            };
            warnings.extend(unscored.into_iter().map(warning));
        }
        if !warnings.is_empty() {
            metadata.insert("warnings".to_owned(), Value::from(warnings));
        }
        metadata
    }
}

/// What the calibrators say of a bundle; of one that was cut short they know nothing.
fn calibrate(bundle: &mut Bundle, calibration: &Calibration) {
    if calibration.is_empty() {
        return;
    }
    let warnings = if bundle.is_cut_short() {
        vec!["calibrators say nothing of a run that was cut short".to_owned()]
    } else {
        calibration.apply(&CalibrationKey::of(bundle), &mut bundle.summary)
    };
    if !warnings.is_empty() {
        let all = bundle.metadata.entry("warnings").or_insert_with(|| Value::Array(Vec::new()));
        if let Value::Array(all) = all {
            all.extend(warnings.into_iter().map(Value::from));
        }
    }
}

fn none_valid(slots: Vec<Slot>) -> Error {
    let causes: Vec<Error> = slots.into_iter().filter_map(|slot| slot.error).collect();
    let attempts = causes.iter().flat_map(Error::attempts).cloned().collect();
    Error::new(ErrorKind::ReplicatesFailed { causes }).with_attempts(attempts)
}

/// The model, if all who answered name the same one.
fn one_model(replicates: &[Replicate]) -> Option<String> {
    let mut models = replicates.iter().filter(|replicate| replicate.output.is_some()).map(|r| r.model.as_deref());
    let first = models.next()??;
    models.all(|model| model == Some(first)).then(|| first.to_owned())
}

fn costs(replicates: &[Replicate]) -> BTreeMap<String, orch_core::Usd> {
    let cost = |(at, replicate): (usize, &Replicate)| Some((id(at), replicate.usage.cost?.value));
    replicates.iter().enumerate().filter_map(cost).collect()
}

//! One step: an answer is measured, the stop rule looks at it, and more are launched.

use std::ops::Add;

use orch_core::{Output, Spend};

use super::closing::{Closing, Stop};
use super::{Bundler, Command, Ended, Notice, Row, Slot, State, Terms, number, place};
use crate::consensus::Voice;
use crate::options::{Delivery, Order, Waves};
use crate::stopping::{Decision, TallyView};
use crate::summarise::{Answers, Fates};

impl Bundler {
    pub(super) fn running(&self, index: u32) -> Option<usize> {
        place(index).filter(|at| self.slots.get(*at).is_some_and(|slot| slot.state == State::Running))
    }

    /// One that ran has ended by itself.
    pub(super) fn end(&mut self, at: usize, ended: Ended, commands: &mut Vec<Command>) {
        let terms = Terms {
            empty_is_valid: self.options.empty_is_valid(),
            reads_json: self.options.reads_json(),
            validator: self.validator.as_deref(),
            comparer: &self.comparer,
        };
        self.slots[at].finish(ended, terms);
        commands.push(Command::Emit(Notice::ReplicateDone { index: number(at) }));
        if self.slots[at].state == State::Valid {
            self.unmeasured.push_back(at);
        } else {
            self.ended.push(at);
        }
    }

    pub(super) fn cancelled_one(&mut self, at: usize) -> Vec<Command> {
        let mut commands = vec![Command::Emit(Notice::ReplicateDone { index: number(at) })];
        self.ended.push(at);
        self.go_on(&mut commands);
        commands
    }

    pub(super) fn measured(&mut self, row: Row) -> Vec<Command> {
        let mut commands = Vec::new();
        if let Some(at) = self.measuring.take() {
            for (other, distance) in row.distances {
                self.matrix.set(at, other, distance);
            }
            self.unscored.extend(row.unscored.map(|reason| (at, reason)));
            for (other, distance) in row.words {
                self.words.set(at, other, distance);
            }
            let slot = &mut self.slots[at];
            slot.tree = Some(row.tree);
            (slot.leaves, slot.bytes, slot.fields) = (row.leaves, row.bytes, row.fields);
            self.ended.push(at);
        }
        self.go_on(&mut commands);
        commands
    }

    /// One answer is measured at a time, against those before it, so that every pair is measured once.
    pub(super) fn go_on(&mut self, commands: &mut Vec<Command>) {
        self.look(commands);
        if self.stop.is_none()
            && self.measuring.is_none()
            && let Some(at) = self.unmeasured.pop_front()
        {
            self.measuring = Some(at);
            let measured = self.ended.iter().filter(|other| self.slots[**other].tree.is_some());
            let against = measured.map(|at| number(*at)).collect();
            commands.push(Command::Measure { index: number(at), against });
        }
        self.launch(commands);
        self.conclude(commands);
    }

    /// Shows the stop rule every replicate that has ended, one after the other.
    fn look(&mut self, commands: &mut Vec<Command>) {
        let mut told = false;
        let sequence = self.sequence();
        while self.stop.is_none() && self.closing.is_none() && self.looked_at < sequence.len() {
            let newest = sequence[self.looked_at];
            self.looked_at += 1;
            let seen = self.valid_among(&sequence[..self.looked_at]);
            let valid = self.slots[newest].state == State::Valid;
            if valid && self.provisional.is_none() && self.options.delivered() == Delivery::Leader {
                self.provisional = Some(newest);
                commands.push(Command::Emit(Notice::Provisional { index: number(newest) }));
            }
            told |= valid && seen.len() >= 2;
            if self.looked_at == self.k {
                self.stop = Some(self.complete());
            } else {
                self.decide(&seen);
            }
        }
        if told {
            commands.push(Command::Emit(Notice::PartialSummary));
        }
    }

    fn decide(&mut self, seen: &[usize]) {
        let missing = self.options.least_valid().saturating_sub(seen.len());
        if missing > self.k - self.looked_at {
            self.closing = Some(Closing::Hopeless);
            return;
        }
        let answers = self.answers(seen);
        let clusters = answers.clusters();
        let mut counts: Vec<u32> = clusters.iter().map(|cluster| crate::count(cluster.len())).collect();
        // Clusters come by weight, tallies by size.
        let heaviest = counts.first().copied();
        counts.sort_by(|a, b| b.cmp(a));
        let contested =
            self.options.is_weighted() && (heaviest < counts.first().copied() || heaviest == counts.get(1).copied());
        let looked_at = &self.sequence()[..self.looked_at];
        let cluster_of = |at: &usize| clusters.iter().position(|cluster| cluster.contains(at)).map(crate::count);
        let sequence: Vec<u32> = looked_at.iter().filter_map(cluster_of).collect();
        let mut tally = TallyView::new(&counts, crate::count(self.looked_at), crate::count(self.k))
            .with_distances(answers.epsilon(), answers.diameter())
            .with_sequence(&sequence)
            .with_spent(looked_at.iter().map(|at| Spend::from(&self.slots[*at].usage)).fold(Spend::ZERO, Spend::add));
        if let Some(leader) = clusters.first() {
            tally = tally.with_agreement(answers.agreement(answers.matrix.medoid(leader)));
        }
        match self.rule.decide(&tally) {
            Decision::Continue { want } => self.want = (want.max(1) as usize).max(missing),
            Decision::Stop { .. } if missing > 0 || contested => self.want = missing.max(1),
            Decision::Stop { rule, reason, p_same } => {
                self.stop = Some(Stop { rule, reason, p_same, ended: self.looked_at, by_rule: true });
            }
        }
    }

    pub(super) fn launch(&mut self, commands: &mut Vec<Command>) {
        // What is being measured may settle the answer.
        let undecided = self.measuring.is_some() || !self.unmeasured.is_empty();
        if self.stop.is_some() || self.closing.is_some() || undecided {
            return;
        }
        let running = self.slots.iter().filter(|slot| slot.state == State::Running).count();
        let free = self.options.parallel().saturating_sub(running).min(self.k - self.slots.len());
        let settled = self.looked_at == self.slots.len();
        let wave = match self.options.wave() {
            Waves::All => free,
            Waves::Careful if settled => free.min(self.want),
            Waves::Careful => 0,
        };
        if wave == 0 {
            return;
        }
        self.waves.push(crate::count(wave));
        let mut known = false;
        for _ in 0..wave {
            let (at, seed) = (self.slots.len(), self.seeds[self.slots.len()]);
            self.slots.push(Slot::new(seed, self.variation(number(at))));
            match self.early.remove(&at) {
                Some(ended) => {
                    self.end(at, ended, commands);
                    known = true;
                }
                None => commands.push(Command::Launch { index: number(at), seed }),
            }
        }
        if known {
            self.go_on(commands);
        }
    }

    /// Ended replicates in the order in which they are looked at.
    fn sequence(&self) -> Vec<usize> {
        match self.options.looked_at() {
            Order::Completion => self.ended.clone(),
            Order::Launch => (0..self.slots.len()).take_while(|at| self.ended.contains(at)).collect(),
        }
    }

    pub(super) fn valid_among(&self, places: &[usize]) -> Vec<usize> {
        let mut valid: Vec<usize> = places.iter().copied().filter(|at| self.slots[*at].tree.is_some()).collect();
        valid.sort_unstable();
        valid
    }

    /// The replicates that the summary is about: those that the decision was made with; once the run is
    /// closed from outside, all that are measured.
    pub(super) fn counted(&self) -> Vec<usize> {
        match &self.stop {
            Some(stop) if !stop.by_rule => self.valid_among(&self.ended),
            _ => self.valid_among(&self.sequence()[..self.looked_at]),
        }
    }

    pub(super) fn answers(&self, counted: &[usize]) -> Answers<'_> {
        let voice = |at: &usize| {
            let slot = &self.slots[*at];
            let model = slot.output.as_ref().and_then(Output::model);
            Some(Voice {
                index: *at,
                weight: self.options.weight(*at),
                model,
                tree: slot.tree.as_deref()?,
                value: &slot.value,
            })
        };
        Answers {
            voices: counted.iter().filter_map(voice).collect(),
            matrix: &self.matrix,
            words: &self.words,
            comparer: self.comparer.as_ref(),
            epsilon: self.options.epsilon_given(),
            min_valid: self.options.least_valid(),
            validator: self.validator.as_deref(),
        }
    }

    pub(super) fn fates(&self) -> Fates {
        let count = |state: State| crate::count(self.slots.iter().filter(|slot| slot.state == state).count());
        Fates {
            requested: self.options.replicates(),
            started: crate::count(self.slots.len()),
            failed: count(State::Failed),
            invalid: count(State::Invalid),
            cancelled: count(State::Cancelled),
        }
    }
}

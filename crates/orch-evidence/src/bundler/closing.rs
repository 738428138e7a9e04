//! The end: by the stop rule, because all have ended, or because time or money is gone.

use orch_core::{Content, Event};
use serde_json::Value;

use super::{Bundler, Command, Notice, State, number};
use crate::consensus::id;
use crate::options::Delivery;

/// Why nothing more is started, whatever the stop rule says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Closing {
    OutOfTime,
    OutOfMoney,
    /// There cannot be as many valid answers any more as there must be.
    Hopeless,
}

/// The decision.
#[derive(Clone, Debug)]
pub(super) struct Stop {
    pub(super) rule: &'static str,
    pub(super) reason: String,
    pub(super) p_same: Option<f64>,
    /// How many had ended.
    pub(super) ended: usize,
    /// Whether it was made with the replicates that were looked at, and not imposed from outside.
    pub(super) by_rule: bool,
}

impl Bundler {
    /// All have ended.
    pub(super) fn complete(&self) -> Stop {
        let (rule, reason) = match &self.reduced {
            Some(reason) => ("budget", reason.clone()),
            None if self.k == 1 => ("complete", "the one replicate has ended".to_owned()),
            None => ("complete", format!("all {} replicates have ended", self.k)),
        };
        Stop { rule, reason, p_same: None, ended: self.looked_at, by_rule: true }
    }

    pub(super) fn close(&mut self, why: Closing) -> Vec<Command> {
        let mut commands = Vec::new();
        // Without time nothing is left to be ended by anything else.
        let closed = self.closing.is_some_and(|before| before == why || before == Closing::OutOfTime);
        if self.stop.is_some() || closed {
            return commands;
        }
        self.closing = Some(why);
        if why == Closing::OutOfTime {
            self.cancelled = true;
            self.cancel_running(&mut commands);
        }
        self.conclude(&mut commands);
        commands
    }

    /// Cancels what runs once there is a decision, or once everything has ended after a close; `Finish`, the
    /// very last command, follows when nothing runs any more.
    pub(super) fn conclude(&mut self, commands: &mut Vec<Command>) {
        let busy = self.measuring.is_some() || !self.unmeasured.is_empty();
        let running = self.slots.iter().any(|slot| slot.state == State::Running);
        if let Some(why) = self.closing
            && self.stop.is_none()
            && !busy
            && !running
        {
            self.stop = Some(self.closed(why));
        }
        if self.stop.is_none() || self.finished {
            return;
        }
        if !std::mem::replace(&mut self.told, true) && self.options.delivered() != Delivery::Quiet {
            commands.push(Command::Emit(Notice::Settled));
        }
        if !std::mem::replace(&mut self.cancelled, true) {
            self.cancel_running(commands);
        }
        if !running {
            self.finished = true;
            commands.push(Command::Finish);
        }
    }

    /// What becomes of the answer, for those who read along; `None` when there is none.
    pub(super) fn settled(&self) -> Option<Event> {
        let summary = self.summary()?;
        let agreement = summary.agreement;
        let leading = |at: usize| summary.clusters.first().is_some_and(|first| first.replicate_ids.contains(&id(at)));
        let stays = self.provisional.is_some_and(leading);
        let answer = || Content::json(summary.consensus.clone().unwrap_or(Value::Null));
        Some(match self.options.delivered() {
            Delivery::Leader if stays => Event::Confirmed { agreement },
            Delivery::Leader => Event::Revised { answer: answer(), agreement },
            Delivery::Quiet | Delivery::Settled => Event::Settled { answer: answer(), agreement },
        })
    }

    fn closed(&self, why: Closing) -> Stop {
        let (ended, k) = (self.ended.len(), self.options.replicates());
        let (rule, reason) = match why {
            Closing::OutOfTime => ("deadline", format!("the time was up when {ended} of {k} replicates had ended")),
            Closing::OutOfMoney => {
                ("budget", format!("the budget was used up when {ended} of {k} replicates had ended"))
            }
            Closing::Hopeless => {
                let (valid, least) = (self.valid_among(&self.ended).len(), self.options.least_valid());
                ("insufficient", format!("{valid} of {ended} answers were valid, and {least} of {} must be", self.k))
            }
        };
        Stop { rule, reason, p_same: None, ended, by_rule: false }
    }

    fn cancel_running(&self, commands: &mut Vec<Command>) {
        let running = self.slots.iter().enumerate().filter(|(_, slot)| slot.state == State::Running);
        commands.extend(running.map(|(at, _)| Command::Cancel { index: number(at) }));
    }
}

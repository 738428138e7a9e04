use std::time::Duration;

use orch_core::{Error, Output, Usage};

use super::Row;

/// What happened. Replicates are counted from 1, in launch order.
#[derive(Debug)]
#[non_exhaustive]
#[expect(clippy::large_enum_variant, reason = "the large one is the usual one, and inputs are not kept")]
pub enum Input {
    /// A replicate has ended.
    Finished {
        /// Which.
        index: u32,
        /// How. An error of class `BadOutput` makes the replicate invalid, any other one failed; an answer that the
        /// validator refuses makes it invalid too.
        result: Result<Output, Error>,
        /// What it used, its failed attempts included.
        usage: Usage,
        /// How long it took.
        elapsed: Duration,
    },
    /// An answer was compared with those before it.
    Measured {
        /// Which.
        index: u32,
        /// The distances.
        row: Row,
    },
    /// A replicate was cancelled.
    Cancelled {
        /// Which.
        index: u32,
        /// What it had used.
        usage: Usage,
    },
    /// No time is left: those that run are cancelled, and what has ended is the evidence.
    OutOfTime,
    /// No money is left: those that run end, and no more are started.
    OutOfMoney,
}

/// What to do. Replicates are counted from 1, in launch order.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Command {
    /// Start a replicate; answer with [`Input::Finished`].
    Launch {
        /// Which.
        index: u32,
        /// Its seed. What else it differs in is said by [`Bundler::variation`](super::Bundler::variation).
        seed: u64,
    },
    /// Run [`Bundler::measurement`](super::Bundler::measurement); answer with [`Input::Measured`].
    Measure {
        /// Whose answer.
        index: u32,
        /// With whose answers it is compared.
        against: Vec<u32>,
    },
    /// Drop a replicate that runs; answer with [`Input::Cancelled`].
    Cancel {
        /// Which.
        index: u32,
    },
    /// Emit [`Bundler::event`](super::Bundler::event), if anybody listens.
    Emit(Notice),
    /// Nothing more will come: call [`Bundler::finish`](super::Bundler::finish).
    Finish,
}

/// An event that is built only when somebody listens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Notice {
    /// A replicate has ended or was cancelled.
    ReplicateDone {
        /// Which.
        index: u32,
    },
    /// There is a summary so far: from the second valid answer on.
    PartialSummary,
    /// There is a first valid answer, and somebody is to read it before it is settled.
    Provisional {
        /// Whose.
        index: u32,
    },
    /// The decision is made, and somebody is to read it at once.
    Settled,
}

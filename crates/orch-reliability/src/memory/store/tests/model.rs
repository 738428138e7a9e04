//! The store against the table of records, kept as plainly as it is written down.

use proptest::prelude::*;
use proptest::sample::Index;

use super::*;

/// One row of the table.
#[derive(Clone, Debug)]
enum Row {
    Absent,
    Working { print: u8, lease: usize, until: Instant },
    Unknown { print: u8 },
    Done { print: u8, text: String, until: Instant },
}

/// An answer without what only the store knows: owners and fences.
#[derive(Clone, Debug, PartialEq)]
enum Answer {
    Claimed,
    TakenOver,
    Done(String),
    Busy(Duration),
    Conflict(u8),
    Unknown,
}

#[derive(Clone, Debug)]
enum Step {
    Wait(Duration),
    Claim { key: usize, print: u8, takeover: Takeover },
    Renew(Index),
    Complete { lease: Index, keep: Duration },
    Release(Index),
    Resolve { key: usize, with_result: bool },
}

const KEYS: usize = 3;

/// Altogether less than a doubt is kept: that has tests of its own.
fn step() -> impl Strategy<Value = Step> {
    let takeover = prop_oneof![Just(Takeover::Allowed), Just(Takeover::Never)];
    let (key, keep) = (0..KEYS, prop_oneof![Just(Duration::ZERO), Just(LEASE), Just(KEEP)]);
    prop_oneof![
        2 => (0_u64..45_000).prop_map(|millis| Step::Wait(Duration::from_millis(millis))),
        6 => (key.clone(), 1_u8..3, takeover).prop_map(|(key, print, takeover)| Step::Claim { key, print, takeover }),
        2 => any::<Index>().prop_map(Step::Renew),
        2 => (any::<Index>(), keep).prop_map(|(lease, keep)| Step::Complete { lease, keep }),
        1 => any::<Index>().prop_map(Step::Release),
        1 => (key, any::<bool>()).prop_map(|(key, with_result)| Step::Resolve { key, with_result }),
    ]
}

/// The table, and every lease that was ever given out, with its key.
struct Table {
    rows: [Row; KEYS],
    leases: Vec<(usize, Lease)>,
}

impl Table {
    fn claim(&mut self, now: Instant, key: usize, print: u8, takeover: Takeover) -> Answer {
        let row = &mut self.rows[key];
        if matches!(row, Row::Done { until, .. } if *until <= now) {
            *row = Row::Absent;
        }
        let mine = Row::Working { print, lease: self.leases.len(), until: now + LEASE };
        match row.clone() {
            Row::Working { print: stored, .. } | Row::Unknown { print: stored } | Row::Done { print: stored, .. }
                if stored != print =>
            {
                Answer::Conflict(stored)
            }
            Row::Absent => {
                *row = mine;
                Answer::Claimed
            }
            Row::Working { until, .. } if until > now => Answer::Busy(until - now),
            Row::Working { .. } if takeover == Takeover::Allowed => {
                *row = mine;
                Answer::TakenOver
            }
            Row::Working { .. } | Row::Unknown { .. } => {
                *row = Row::Unknown { print };
                Answer::Unknown
            }
            Row::Done { text, .. } => Answer::Done(text),
        }
    }

    /// The key that a lease is still good for, and the request it was given for.
    fn held(&self, lease: usize) -> Option<(usize, u8)> {
        let key = self.leases[lease].0;
        match self.rows[key] {
            Row::Working { lease: holder, print, .. } if holder == lease => Some((key, print)),
            _ => None,
        }
    }

    fn result(&self, now: Instant, key: usize, asked: u8) -> Option<String> {
        match &self.rows[key] {
            Row::Done { print, text, until } if *print == asked && *until > now => Some(text.clone()),
            _ => None,
        }
    }
}

fn text(record: &Record) -> String {
    String::from_utf8(record.bytes.to_vec()).unwrap()
}

async fn follow(steps: Vec<Step>) -> Result<(), TestCaseError> {
    let store = MemoryStore::new();
    let keys: [Key; KEYS] = std::array::from_fn(|n| Key::new(format!("key-{n}")).unwrap());
    let mut table = Table { rows: [const { Row::Absent }; KEYS], leases: Vec::new() };
    for (number, step) in steps.into_iter().enumerate() {
        let (now, result) = (Instant::now(), format!("result of step {number}"));
        let pick = |index: Index| (!table.leases.is_empty()).then(|| index.index(table.leases.len()));
        match step {
            Step::Wait(time) => advance(time).await,
            Step::Claim { key, print: asked, takeover } => {
                let at_hand = store.recall(&keys[key], &print(asked)).map(|record| text(&record));
                prop_assert_eq!(at_hand, table.result(now, key, asked));
                let expected = table.claim(now, key, asked, takeover);
                let claim = store.claim(&keys[key], &print(asked), OwnerId::fresh(), LEASE, takeover).await.unwrap();
                let (answer, lease) = match claim {
                    Claim::Claimed(lease) => (Answer::Claimed, Some(lease)),
                    Claim::TakenOver(lease) => (Answer::TakenOver, Some(lease)),
                    Claim::Done(record) => (Answer::Done(text(&record)), None),
                    Claim::Busy { retry_in } => (Answer::Busy(retry_in), None),
                    Claim::Conflict { stored } => (Answer::Conflict(stored.as_bytes()[0]), None),
                    Claim::Unknown => (Answer::Unknown, None),
                };
                prop_assert_eq!(answer, expected);
                table.leases.extend(lease.map(|lease| (key, lease)));
            }
            Step::Renew(index) => {
                let Some(which) = pick(index) else { continue };
                let (key, lease) = table.leases[which].clone();
                let held = table.held(which);
                prop_assert_eq!(store.renew(&keys[key], &lease).await.unwrap(), held.is_some());
                if let Some((key, print)) = held {
                    table.rows[key] = Row::Working { print, lease: which, until: now + LEASE };
                }
            }
            Step::Complete { lease: index, keep } => {
                let Some(which) = pick(index) else { continue };
                let (key, lease) = table.leases[which].clone();
                let held = table.held(which);
                let stored = store.complete(&keys[key], &lease, record(&result), keep).await.unwrap();
                prop_assert_eq!(stored, held.is_some());
                if let Some((key, print)) = held {
                    table.rows[key] = Row::Done { print, text: result, until: now + keep };
                }
            }
            Step::Release(index) => {
                let Some(which) = pick(index) else { continue };
                let (key, lease) = table.leases[which].clone();
                let held = table.held(which);
                prop_assert_eq!(store.release(&keys[key], &lease).await.unwrap(), held.is_some());
                if let Some((key, _)) = held {
                    table.rows[key] = Row::Absent;
                }
            }
            Step::Resolve { key, with_result } => {
                let outcome = with_result.then(|| record(&result));
                let Row::Unknown { print } = table.rows[key] else {
                    prop_assert!(!store.resolve(&keys[key], outcome).await.unwrap());
                    continue;
                };
                prop_assert!(store.resolve(&keys[key], outcome).await.unwrap());
                table.rows[key] = match with_result {
                    true => Row::Done { print, text: result, until: now + RESOLVED_KEEP },
                    false => Row::Absent,
                };
            }
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]
    #[test]
    fn the_store_answers_as_the_table_of_records_says(steps in prop::collection::vec(step(), 0..120)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        runtime.block_on(follow(steps))?;
    }
}

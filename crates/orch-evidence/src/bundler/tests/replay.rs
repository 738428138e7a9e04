//! A bundler that is made anew after a crash decides as the first one did.

use super::*;

/// What was written down of a replicate that had ended.
#[derive(Clone)]
struct Noted(u32, Option<Value>);

impl Noted {
    fn input(&self) -> Input {
        let Self(index, answer) = self;
        let result = match answer {
            Some(value) => Ok(Output::from(value.clone())),
            None => Err(Error::tool_execution(format!("failed {index}"))),
        };
        let usage = Usage::new().output(Counted::reported(u64::from(*index)));
        Input::Finished { index: *index, result, usage, elapsed: Duration::from_millis(u64::from(*index)) }
    }
}

/// Runs to the end, but for a crash after so many results; gives back what had ended by then, and the bundle if there
/// was no crash.
fn run(
    options: &BundleOptions,
    outcomes: &[Option<Value>],
    mut next: impl FnMut(&[u32]) -> usize,
    journal: &[Noted],
    crash_after: usize,
) -> (Vec<Noted>, Vec<u32>, Option<Result<Bundle, String>>) {
    let mut bundler = Bundler::new(options).unwrap();
    let mut ended = journal.to_vec();
    for noted in journal {
        assert_eq!(bundler.on(noted.input()), [], "nothing happens before the start");
    }
    let (mut todo, mut running, mut launched) = (VecDeque::from(bundler.start()), Vec::new(), Vec::new());
    loop {
        match todo.pop_front() {
            Some(Command::Launch { index, .. }) => {
                launched.push(index);
                running.push(index);
            }
            Some(Command::Measure { index, against }) => {
                let row = bundler.measurement(index, &against).run();
                todo.extend(bundler.on(Input::Measured { index, row }));
            }
            Some(Command::Cancel { index }) => {
                running.retain(|other| *other != index);
                todo.extend(bundler.on(Input::Cancelled { index, usage: Usage::new() }));
            }
            Some(Command::Emit(_)) => {}
            Some(Command::Finish) => {
                return (ended, launched, Some(bundler.finish().map_err(|error| error.to_string())));
            }
            None if ended.len() >= crash_after => return (ended, launched, None),
            None => {
                let index = running.remove(next(&running));
                let noted = Noted(index, outcomes[index as usize - 1].clone());
                todo.extend(bundler.on(noted.input()));
                ended.push(noted);
            }
        }
    }
}

#[test]
fn after_a_crash_only_what_is_missing_is_launched() {
    let outcomes = vec![Some(json!("a")), Some(json!("b")), Some(json!("b"))];
    let options = options(3);
    let (journal, launched, crashed) = run(&options, &outcomes, |_| 1, &[], 1);
    assert!(crashed.is_none());
    assert_eq!((launched.as_slice(), journal.len(), journal[0].0), ([1, 2].as_slice(), 1, 2));
    let (_, again, bundle) = run(&options, &outcomes, |_| 0, &journal, usize::MAX);
    assert_eq!(again, [1, 3], "the second one was paid for already");
    assert_eq!(bundle.unwrap().unwrap().summary.consensus, Some(json!("b")));
}

#[test]
fn a_result_told_twice_before_the_start_counts_once() {
    let journal = [Noted(1, Some(json!("a"))), Noted(1, Some(json!("z"))), Noted(2, Some(json!("a")))];
    let (_, launched, bundle) = run(&options(3), &[], |_| 0, &journal, usize::MAX);
    assert_eq!(launched, [] as [u32; 0]);
    let bundle = bundle.unwrap().unwrap();
    assert_eq!((bundle.summary.consensus, bundle.stop.n), (Some(json!("a")), 2));
}

proptest! {
    #[test]
    fn any_order_duplicates_and_crash_points_give_the_same_decisions_and_bytes(
        k in 1_u32..9,
        outcomes in prop::collection::vec(any_outcome(), 9),
        crash_after in 0_usize..9,
        (first, second, shuffle) in any::<(u64, u64, u64)>(),
    ) {
        let options = options(k);
        let (_, _, straight) = run(&options, &outcomes, |_| 0, &[], usize::MAX);
        let (mut journal, launched, crashed) = run(&options, &outcomes, scattered(first), &[], crash_after);
        if let Some(bundle) = crashed {
            prop_assert_eq!(texts(&bundle), texts(&straight.unwrap()));
            return Ok(());
        }
        let unfinished: Vec<u32> =
            launched.into_iter().filter(|index| journal.iter().all(|noted| noted.0 != *index)).collect();
        // A journal that is written at least once, and read in any order.
        let mut pick = scattered(shuffle);
        for at in 0..journal.len() {
            let places: Vec<u32> = (0..).take(journal.len()).collect();
            let twin = journal[pick(&places)].clone();
            journal.insert(at, twin);
            let other = pick(&places);
            journal.swap(at, other);
        }
        let (_, again, resumed) = run(&options, &outcomes, scattered(second), &journal, usize::MAX);
        prop_assert!(unfinished.iter().all(|index| again.contains(index)));
        prop_assert!(again.iter().all(|index| journal.iter().all(|noted| noted.0 != *index)));
        prop_assert_eq!(texts(&resumed.unwrap()), texts(&straight.unwrap()));
    }
}

/// All bytes of a bundle but its times.
fn texts(bundle: &Result<Bundle, String>) -> Result<String, String> {
    bundle.as_ref().map(timeless).map_err(Clone::clone)
}

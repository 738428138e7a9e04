//! Many callers, one execution.

use super::*;

#[tokio::test(start_paused = true)]
async fn fifty_concurrent_calls_with_one_key_are_one_execution() {
    let bench = Bench::slow();
    let outputs = join_all((0..50).map(|_| bench.call(pure()))).await;
    let executed = outputs.iter().filter(|output| !output.as_ref().unwrap().replayed()).count();
    assert_eq!((executed, bench.executions()), (1, 1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn five_hundred_calls_on_many_threads_are_one_execution() {
    let bench = Bench::new(|n, _| async move {
        tokio::task::yield_now().await;
        Ok(Output::from(json!(n)))
    });
    let outputs = join_all((0..500).map(|_| bench.start(pure()))).await;
    let executed = outputs.into_iter().filter(|output| !output.as_ref().unwrap().as_ref().unwrap().replayed());
    assert_eq!((executed.count(), bench.executions()), (1, 1));
    assert_eq!(bench.layer.flights.len(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_waiter_is_polled_a_few_times_only() {
    let bench = Bench::slow();
    let _first = bench.start(pure());
    settle().await;
    let (mut polls, mut waiter) = (0, Box::pin(bench.call(pure())));
    let _ = std::future::poll_fn(|cx| {
        polls += 1;
        waiter.as_mut().poll(cx)
    })
    .await
    .unwrap();
    assert!(polls <= 3, "{polls} polls");
}

#[tokio::test(start_paused = true)]
async fn when_the_first_caller_is_aborted_the_others_are_served_by_the_same_execution() {
    let bench = Bench::slow();
    let first = bench.start(pure());
    settle().await;
    let waiter = bench.start(pure());
    settle().await;
    first.abort();
    assert_eq!(number(&waiter.await.unwrap().unwrap()), 1);
    assert_eq!(bench.executions(), 1);
}

#[tokio::test(start_paused = true)]
async fn when_all_callers_have_gone_the_work_is_finished_for_the_next_one() {
    let bench = Bench::slow();
    let first = bench.start(pure());
    settle().await;
    first.abort();
    let _ = first.await;
    let late = bench.call(pure()).await.unwrap();
    assert_eq!((number(&late), late.replayed(), bench.executions()), (1, true, 1));
    let gone = bench.start(pure().with_context(context(Effect::Pure).with_key(Key::new("key-2").unwrap())));
    settle().await;
    gone.abort();
    advance(Duration::from_secs(2)).await;
    let next = bench.call(pure().with_context(context(Effect::Pure).with_key(Key::new("key-2").unwrap()))).await;
    assert_eq!((number(&next.unwrap()), bench.executions()), (2, 2));
}

#[tokio::test(start_paused = true)]
async fn when_all_callers_have_gone_the_work_is_cancelled_if_asked_for() {
    let cancelled = Arc::new(AtomicBool::new(false));
    let seen = Arc::clone(&cancelled);
    let bench = Bench::new(move |n, request| {
        let (token, seen) = (request.context().cancellation().clone(), Arc::clone(&seen));
        async move {
            let _watch = tokio::spawn(async move {
                token.cancelled().await;
                seen.store(true, Ordering::Relaxed);
            });
            sleep(Duration::from_secs(1)).await;
            Ok(Output::from(json!(n)))
        }
    })
    .with_config(IdempotencyConfig::default().on_abandon(OnAbandon::Cancel));
    let (first, second) = (bench.start(pure()), bench.start(pure()));
    settle().await;
    first.abort();
    settle().await;
    assert!(!cancelled.load(Ordering::Relaxed), "one caller is left");
    second.abort();
    settle().await;
    assert!(cancelled.load(Ordering::Relaxed));
    let next = bench.call(pure()).await.unwrap();
    assert_eq!((number(&next), next.replayed(), bench.executions()), (2, false, 2));
}

#[tokio::test(start_paused = true)]
async fn a_callers_own_deadline_and_cancellation_end_only_its_wait() {
    let bench = Bench::slow();
    let deadline = Deadline::after(Instant::now(), Duration::from_millis(300));
    let hasty = bench.start(pure().with_context(context(Effect::Pure).with_deadline(deadline)));
    let caller = context(Effect::Pure);
    let token = caller.cancellation().clone();
    let fickle = bench.start(pure().with_context(caller));
    let patient = bench.start(pure());
    settle().await;
    token.cancel();
    assert_eq!(fickle.await.unwrap().unwrap_err().class(), Class::Cancelled);
    assert_eq!(hasty.await.unwrap().unwrap_err().class(), Class::DeadlineExceeded);
    assert_eq!(number(&patient.await.unwrap().unwrap()), 1);
    assert_eq!(bench.executions(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_caller_whose_time_is_up_starts_nothing() {
    let bench = Bench::slow();
    let late = context(Effect::Pure).with_deadline(Deadline::at(Instant::now()));
    let error = bench.call(pure().with_context(late)).await.unwrap_err();
    settle().await;
    assert_eq!((error.class(), bench.executions()), (Class::DeadlineExceeded, 0));
}

#[tokio::test(start_paused = true)]
async fn the_work_has_a_deadline_of_its_own() {
    let bench = Bench::new(|_, request| async move {
        let deadline = request.context().deadline().unwrap();
        assert_eq!(deadline.remaining(Instant::now()), Duration::from_secs(20));
        pending().await
    })
    .with_config(IdempotencyConfig::default().execution_timeout(Duration::from_secs(20)));
    let start = Instant::now();
    let error = bench.call(pure()).await.unwrap_err();
    assert_eq!((error.class(), start.elapsed()), (Class::DeadlineExceeded, Duration::from_secs(20)));
}

#[tokio::test(start_paused = true)]
async fn first_caller_and_joiners_hear_the_events_of_the_work() {
    let bench = Bench::new(|n, request| async move {
        sleep(Duration::from_secs(1)).await;
        request.context().deliver(Instant::now(), DeltaKind::Text, "piece");
        Ok(Output::from(json!(n)))
    });
    let mut streams = Vec::new();
    let mut calls = Vec::new();
    for _ in 0..3 {
        let mut caller = context(Effect::Pure);
        streams.push(caller.subscribe());
        calls.push(bench.start(pure().with_context(caller)));
        settle().await;
    }
    for call in calls {
        let _ = call.await.unwrap().unwrap();
    }
    for mut stream in streams {
        let Some(envelope) = stream.next().await else { panic!("no event") };
        assert!(matches!(envelope.event, Event::Delta { text, .. } if text == "piece"));
        assert_eq!(stream.next().await, None, "and nothing else");
    }
}

#[tokio::test(start_paused = true)]
async fn who_has_left_hears_nothing_more_of_the_work() {
    let heard = Arc::new(AtomicU32::new(0));
    let seen = Arc::clone(&heard);
    let bench = Bench::new(move |n, request| {
        let seen = Arc::clone(&seen);
        async move {
            sleep(Duration::from_secs(1)).await;
            seen.store(1 + u32::from(request.context().events().is_listening()), Ordering::Relaxed);
            request.context().deliver(Instant::now(), DeltaKind::Text, "piece");
            Ok(Output::from(json!(n)))
        }
    });
    let mut caller = context(Effect::Pure);
    let mut events = caller.subscribe();
    let patient = bench.start(pure());
    settle().await;
    let fickle = bench.start(pure().with_context(caller.clone()));
    settle().await;
    fickle.abort();
    let _ = patient.await.unwrap().unwrap();
    assert_eq!(heard.load(Ordering::Relaxed), 1, "executed, and nobody listened");
    assert!(poll_once(pin!(events.next())).is_pending());
}

#[tokio::test(start_paused = true)]
async fn a_panic_reaches_everyone_and_the_next_call_runs() {
    let bench = Bench::new(|n, _| async move {
        sleep(Duration::from_secs(1)).await;
        assert!(n > 1, "the first one breaks");
        Ok(Output::from(json!(n)))
    });
    for result in join_all((0..3).map(|_| bench.call(pure()))).await {
        let error = result.unwrap_err();
        assert!(matches!(error.kind(), ErrorKind::Panicked { message } if message.contains("the first one breaks")));
    }
    assert_eq!(number(&bench.call(pure()).await.unwrap()), 2);
}

#[test]
fn outside_a_runtime_a_call_with_a_key_is_an_error() {
    let bench = Bench::new(|_, _| async { Ok(Output::from("fine")) });
    let error = bench.call(pure()).now_or_never().unwrap().unwrap_err();
    assert!(error.to_string().contains("runtime") && error.not_executed());
    assert_eq!(bench.layer.flights.len(), 0);
    assert!(bench.call(Request::new("without a key")).now_or_never().unwrap().is_ok());
}

#[test]
fn a_runtime_that_ends_leaves_no_flight_behind() {
    let bench = Bench::new(|_, _| pending());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    let call = bench.call(pure());
    let mut call = pin!(call);
    runtime.block_on(async {
        assert!(poll_once(call.as_mut()).is_pending());
        settle().await;
    });
    assert_eq!(bench.layer.flights.len(), 1);
    drop(runtime);
    assert_eq!(bench.layer.flights.len(), 0);
    assert_eq!(call.now_or_never().unwrap().unwrap_err().class(), Class::Cancelled);
}

#[tokio::test(start_paused = true)]
async fn a_caller_may_leave_at_any_poll() {
    for on_abandon in [OnAbandon::Finish, OnAbandon::Cancel] {
        for polls in 0..8 {
            let bench = Bench::new(|n, _| async move {
                for _ in 0..3 {
                    tokio::task::yield_now().await;
                }
                Ok(Output::from(json!(n)))
            })
            .with_config(IdempotencyConfig::default().on_abandon(on_abandon));
            let mut call = Box::pin(bench.call(pure()));
            for _ in 0..polls {
                if poll_once(call.as_mut()).is_ready() {
                    break;
                }
                tokio::task::yield_now().await;
            }
            drop(call);
            settle().await;
            assert_eq!(bench.layer.flights.len(), 0, "{on_abandon:?} after {polls} polls");
            let start = Instant::now();
            let _ = bench.call(pure()).await.unwrap();
            assert_eq!(start.elapsed(), Duration::ZERO, "no claim was left behind");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_stored_answer_needs_no_place_and_duplicates_take_one() {
    let tool = service_fn(|_: Request| async {
        sleep(Duration::from_secs(1)).await;
        Ok::<_, Error>(Output::from("fine"))
    });
    let layer = IdempotencyLayer::in_memory();
    let service = layer.layer(ConcurrencyLimitLayer::new(1).layer(tool));
    let start = Instant::now();
    let results = join_all((0..5).map(|_| service.clone().oneshot(pure()))).await;
    assert!(results.iter().all(Result::is_ok));
    assert_eq!(start.elapsed(), Duration::from_secs(1));
    let _blocks = tokio::spawn(service.clone().oneshot(Request::new("no key")));
    settle().await;
    assert!(service.oneshot(pure()).await.unwrap().replayed());
    assert_eq!(start.elapsed(), Duration::from_secs(1));
}

#[tokio::test(start_paused = true)]
async fn it_keeps_the_contract_of_layers_with_a_key_and_without() {
    LayerContract::new(IdempotencyLayer::in_memory).check().await;
    let keyed = |number: u64| {
        let key = Key::new(format!("key-{number}")).unwrap();
        Request::new("a question").with_context(context(Effect::Pure).with_key(key))
    };
    LayerContract::new(IdempotencyLayer::in_memory).request(keyed).in_place(false).detached(true).check().await;
}

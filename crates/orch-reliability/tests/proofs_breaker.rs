//! What a circuit shows from outside, field by field.

use std::future::ready;
use std::time::Duration;

use orch_core::{Call, Circuit, Class, Error, HealthBoard, Target};
use orch_reliability::{CircuitBreakerLayer, RatioBudget, RetryBudget};
use tokio::time::{Instant, advance};
use tower::{Layer, ServiceExt, service_fn};

const SECOND: Duration = Duration::from_secs(1);

async fn call(layer: &CircuitBreakerLayer, result: Result<&'static str, Error>) -> Result<&'static str, Error> {
    layer.layer(service_fn(move |_: Call<()>| ready(result.clone()))).oneshot(Call::new(())).await
}

async fn trip(layer: &CircuitBreakerLayer) {
    for _ in 0..5 {
        let _ = call(layer, Err(Error::transient("down"))).await;
    }
}

#[tokio::test(start_paused = true)]
async fn the_board_shows_a_circuit_half_open_from_its_first_probe_on() {
    let board = HealthBoard::new();
    let layer = CircuitBreakerLayer::builder().jitter(0.0).health(board.clone()).build().expect("valid settings");
    trip(&layer).await;
    advance(30 * SECOND).await;
    let probe = layer.layer(service_fn(|_: Call<()>| ready(Ok::<_, Error>("fine")))).oneshot(Call::new(()));
    probe.await.expect("let through");
    assert_eq!(board.read(&Target::default()).circuit, Circuit::HalfOpen);
}

#[tokio::test(start_paused = true)]
async fn a_snapshot_counts_the_openings_and_a_reset_forgets_them() {
    let layer = CircuitBreakerLayer::builder().jitter(0.0).build().expect("valid settings");
    let target = Target::default();
    assert_eq!(layer.handle().snapshot(&target).openings, 0);
    trip(&layer).await;
    assert_eq!(layer.handle().snapshot(&target).openings, 1);
    advance(30 * SECOND).await;
    let _ = call(&layer, Err(Error::transient("still down"))).await;
    assert_eq!(layer.handle().snapshot(&target).openings, 2);
    layer.handle().reset(&target);
    assert_eq!(layer.handle().snapshot(&target).openings, 0);
}

#[tokio::test(start_paused = true)]
async fn a_snapshot_shows_a_cooldown_until_its_very_end() {
    let layer = CircuitBreakerLayer::default();
    let target = Target::default();
    let throttled = Error::transient("slow down").with_class(Class::Throttled).with_retry_after(7 * SECOND);
    let until = Instant::now() + 7 * SECOND;
    let _ = call(&layer, Err(throttled)).await;
    assert_eq!(layer.handle().snapshot(&target).cooldown_until, Some(until));
    advance(6 * SECOND).await;
    assert_eq!(layer.handle().snapshot(&target).cooldown_until, Some(until));
    advance(SECOND).await;
    assert_eq!(layer.handle().snapshot(&target).cooldown_until, None);
    assert!(call(&layer, Ok("fine")).await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn quiet_circuits_are_forgotten_as_soon_as_there_are_sixty_four_and_then_at_every_doubling() {
    let layer = CircuitBreakerLayer::default();
    let to = async |name: String| {
        let mut ask = Call::new(());
        orch_core::HasContext::context_mut(&mut ask).set_target(name.into());
        let service = layer.layer(service_fn(|_: Call<()>| ready(Ok::<_, Error>("fine"))));
        service.oneshot(ask).await.expect("closed");
    };
    for n in 0..63 {
        to(format!("old-{n}")).await;
    }
    advance(900 * SECOND).await;
    to("new-0".into()).await;
    assert_eq!(layer.handle().targets().len(), 64, "not yet");
    to("new-1".into()).await;
    assert_eq!(layer.handle().targets().len(), 2, "the old ones are gone");
    // All of them are in use, so they stay, and the next sweep comes when there are twice as many.
    for n in 2..64 {
        to(format!("new-{n}")).await;
    }
    to("one more".into()).await;
    advance(900 * SECOND).await;
    for n in 65..128 {
        to(format!("new-{n}")).await;
    }
    assert_eq!(layer.handle().targets().len(), 128, "not yet");
    to("the last".into()).await;
    assert_eq!(layer.handle().targets().len(), 64, "the newest 63, and the last");
}

#[test]
fn a_withdrawal_says_whether_it_cost_anything() {
    let budget = RatioBudget::default();
    let text = |cost| format!("{:?}", budget.withdraw(cost).expect("there is a reserve"));
    assert_eq!((text(0), text(10)), ("Withdrawal { free: true }".into(), "Withdrawal { free: false }".into()));
}

/// `true` succeeds.
async fn calls(layer: &CircuitBreakerLayer, outcomes: impl IntoIterator<Item = bool>) {
    for succeeds in outcomes {
        let _ = call(layer, if succeeds { Ok("fine") } else { Err(Error::transient("down")) }).await;
    }
}

fn circuit(layer: &CircuitBreakerLayer) -> Circuit {
    layer.handle().snapshot(&Target::default()).circuit
}

#[tokio::test(start_paused = true)]
async fn fewer_failures_than_the_rate_leave_the_circuit_closed_and_the_rate_itself_opens_it() {
    let layer = CircuitBreakerLayer::default();
    calls(&layer, [false, true, false, true, false, true, false, true, true, true]).await;
    assert_eq!(circuit(&layer), Circuit::Closed, "4 of 10");
    calls(&layer, [false]).await;
    assert_eq!(circuit(&layer), Circuit::Closed, "5 of 11");
    calls(&layer, [false]).await;
    assert!(matches!(circuit(&layer), Circuit::Open { .. }), "6 of 12");
}

#[tokio::test(start_paused = true)]
async fn watching_for_slow_calls_does_not_open_a_circuit_whose_calls_are_prompt() {
    let layer = CircuitBreakerLayer::builder().slow_after(SECOND).build().expect("valid settings");
    calls(&layer, [false].into_iter().chain([true; 20])).await;
    assert_eq!(circuit(&layer), Circuit::Closed);
}

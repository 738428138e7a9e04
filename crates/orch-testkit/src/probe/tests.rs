use orch_core::{Error, Request};
use tower::{Service, ServiceExt};

use super::Probe;
use crate::time::Stepper;

#[tokio::test(start_paused = true)]
async fn a_call_on_an_instance_that_was_not_found_ready_is_counted() {
    let (mut service, probe) = Probe::new();
    service.ready().await.unwrap();
    drop(service.call(Request::new("ready")).await.unwrap());
    assert_eq!(probe.counts().called_unready, 0);
    drop(service.call(Request::new("not ready")).await.unwrap());
    assert_eq!(probe.counts().called_unready, 1);
}

#[tokio::test(start_paused = true)]
async fn readiness_belongs_to_an_instance_and_is_not_cloned() {
    let (mut service, probe) = Probe::new();
    service.ready().await.unwrap();
    assert_eq!(probe.counts().reserved, 1);
    let mut clone = service.clone();
    drop(service);
    assert_eq!(probe.counts().reserved, 0);
    drop(clone.call(Request::new("x")).await.unwrap());
    assert_eq!((probe.counts().called_unready, probe.called()), (1, vec![1]));
}

#[tokio::test(start_paused = true)]
async fn a_waiting_instance_and_a_held_call_are_woken_when_that_changes() {
    let (service, probe) = Probe::new();
    probe.pending();
    probe.hold();
    let mut call = Stepper::new(service.oneshot(Request::new("x")));
    assert!(call.poll().is_pending());
    probe.ready();
    assert_eq!(call.wakes(), 1);
    assert!(call.poll().is_pending());
    assert_eq!((probe.counts().in_flight, probe.waited()), (1, vec![0]));
    probe.release();
    assert_eq!(call.wakes(), 2);
    assert!(call.poll().is_ready());
    drop(call);
    assert_eq!((probe.counts().in_flight, probe.counts().completed, probe.counts().alive), (0, 1, 0));
}

#[tokio::test(start_paused = true)]
async fn a_dropped_call_is_no_longer_in_flight() {
    let (mut service, probe) = Probe::new();
    probe.hold();
    let call = service.ready().await.unwrap().call(Request::new("x"));
    assert_eq!(probe.counts().in_flight, 1);
    drop(call);
    assert_eq!((probe.counts().in_flight, probe.counts().dropped), (0, 1));
}

#[tokio::test(start_paused = true)]
async fn a_broken_service_fails_where_its_readiness_is_asked() {
    let (service, probe) = Probe::new();
    probe.broken(Error::tool_execution("gone"));
    let error = service.oneshot(Request::new("x")).await.unwrap_err();
    assert_eq!((error.to_string().as_str(), probe.counts().calls), ("gone", 0));
}

#[tokio::test(start_paused = true)]
async fn it_waits_as_often_as_it_was_told() {
    let (service, probe) = Probe::new();
    probe.ready_after(2);
    probe.answer_after(3);
    let mut call = Stepper::new(service.oneshot(Request::new("x")));
    let polls = (1..).find(|_| call.poll().is_ready()).unwrap();
    assert_eq!((polls, probe.counts().polls), (6, 4));
}

//! Delivery, diversity, validation, and what the whole bundle may use.

use orch_core::DeltaKind;

use super::*;
use crate::options::{Delivery, Diversity};

/// What a listener reads of the answer, and the bundle.
async fn heard(layer: &ReplicateLayer, tool: impl Tool) -> (Vec<String>, Bundle) {
    let mut context = CallContext::new();
    let mut events = context.subscribe();
    let bundle = bundle(layer, tool, within(context)).await;
    let mut heard = Vec::new();
    while let Some(Envelope { source, event, .. }) = events.next().await {
        heard.extend(match event {
            Event::Delta { text, .. } => Some(format!("r{} says {text}", source.replicate.unwrap())),
            Event::Provisional { answer } => Some(format!("provisional {}", answer.as_text().unwrap())),
            Event::Confirmed { .. } => Some("confirmed".to_owned()),
            Event::Revised { answer, .. } => Some(format!("revised {}", answer.as_text().unwrap())),
            Event::Settled { answer, .. } => Some(format!("settled {}", answer.as_text().unwrap())),
            Event::BundleReady { .. } => Some("ready".to_owned()),
            _ => None,
        });
    }
    (heard, bundle)
}

/// Streams its answer; the first one takes the longest.
fn streams(answers: &'static [&'static str]) -> impl Tool {
    ask(move |request| async move {
        let (context, n) = (request.context(), number(&request));
        sleep(Duration::from_millis(10 / u64::from(n))).await;
        context.deliver(Instant::now(), DeltaKind::Text, answers[n as usize - 1]);
        assert!(context.progress().committed(), "the layers inside know what was delivered, listeners or not");
        Ok(Output::from(answers[n as usize - 1]))
    })
}

#[tokio::test(start_paused = true)]
async fn a_quiet_bundle_tells_no_piece_of_an_answer() {
    let (heard, _) = heard(&ReplicateLayer::new(3), streams(&["Rome", "Rome"])).await;
    assert_eq!(heard, ["ready"]);
}

#[tokio::test(start_paused = true)]
async fn a_leader_is_read_as_it_comes_and_then_confirmed_or_revised() {
    let layer = ReplicateLayer::new(3).delivery(Delivery::Leader);
    let (agreed, _) = heard(&layer, streams(&["Rome", "Rome"])).await;
    assert_eq!(agreed, ["r1 says Rome", "provisional Rome", "confirmed", "ready"]);
    let (revised, found) = heard(&layer, streams(&["Rome", "Oslo", "Oslo"])).await;
    assert_eq!(revised, ["r1 says Rome", "provisional Rome", "revised Oslo", "ready"]);
    assert_eq!(found.summary.consensus, Some(json!("Oslo")));
}

#[tokio::test(start_paused = true)]
async fn a_settled_answer_is_told_before_those_that_still_run_are_cancelled() {
    let tool = ask(|request| async move {
        sleep(Duration::from_secs(if number(&request) > 2 { 3600 } else { 1 })).await;
        Ok(Output::from("Rome"))
    });
    let layer = ReplicateLayer::new(3).waves(Waves::All).delivery(Delivery::Settled);
    let mut context = CallContext::new();
    let mut events = context.subscribe();
    bundle(&layer, tool, within(context)).await;
    let mut names = Vec::new();
    while let Some(envelope) = events.next().await {
        match envelope.event {
            Event::Settled { .. } => names.push("settled"),
            Event::ReplicateDone { status: ReplicateStatus::Cancelled, .. } => names.push("cancelled"),
            _ => {}
        }
    }
    assert_eq!(names, ["settled", "cancelled"]);
}

#[tokio::test]
async fn each_replicate_gets_its_own_value_among_the_options_of_the_tool() {
    let tool = ask(|request| async move { Ok(Output::new(request.options().clone())) });
    let asked = Request::new("q").with_options(json!({
        "k": 2, "inner": {"chat": {"top_p": 0.9}}, "diversity": {"temperature": [0.0, 1.5]},
    }));
    let found = bundle(&ReplicateLayer::new(3).stop(Never), tool, asked).await;
    let options: Vec<_> = found.replicates.iter().map(|r| r.output.as_ref().unwrap().to_json().unwrap()).collect();
    assert_eq!(*options[0], json!({"chat": {"top_p": 0.9, "temperature": 0.0}}));
    assert_eq!(*options[1], json!({"chat": {"top_p": 0.9, "temperature": 1.5}}));
    assert_eq!(found.meta.diversity, "temperature");
}

#[tokio::test]
async fn a_diversity_that_cannot_be_is_refused_where_it_stands() {
    for (diversity, pointer) in [
        (Diversity::Models(Vec::new()), "`/diversity/models`"),
        (Diversity::Temperature(vec![0.5, -1.0]), "`/diversity/temperature/1`"),
        (Diversity::Temperature(vec![f64::NAN]), "`/diversity/temperature/0`"),
    ] {
        let error = ReplicateLayer::new(3).diversity(diversity).check().unwrap_err().to_string();
        assert!(error.contains(pointer), "{error}");
    }
}

#[tokio::test]
async fn the_validator_of_the_layer_sorts_out_what_cannot_be_used() {
    let layer = ReplicateLayer::new(3).stop(Never).validator(|answer: &Value| match answer.as_str() {
        Some(text) if text.len() == 4 => Ok(()),
        _ => Err(Error::bad_output("", "not four letters")),
    });
    let tool = ask(|request| async move { Ok(Output::from(if number(&request) == 2 { "Bergen" } else { "Oslo" })) });
    let found = bundle(&layer, tool, Request::new("q")).await;
    assert_eq!((found.summary.statistics.invalid, found.summary.compared.len()), (1, 2));
    assert_eq!(found.replicates[1].output.as_ref().unwrap().as_text(), Some("Bergen"));
}

#[cfg(feature = "jsonschema")]
#[tokio::test]
async fn answers_are_checked_against_the_schema_that_is_named_or_given() {
    let (text, number) = (json!({"type": "string"}), json!({"type": "number", "$id": "urn:number"}));
    let layer = ReplicateLayer::new(2).stop(Never).schema("urn:text", &text).schema("urn:other", &number);
    let tool = || {
        ask(
            |request| async move { Ok(Output::from(if super::number(&request) == 1 { json!("one") } else { json!(2) })) },
        )
    };
    for (options, valid, version) in [
        (json!({"schema_uri": "urn:text"}), "r1", "urn:text"),
        (json!({"schema_uri": "urn:other"}), "r2", "urn:number"),
        (json!({"schema_uri": "urn:text", "schema": number}), "r2", "urn:number"),
        (json!({"schema_uri": "urn:mine", "schema": text}), "r1", "urn:mine"),
    ] {
        let found = bundle(&layer, tool(), Request::new("q").with_options(options.clone())).await;
        assert_eq!(found.summary.compared, [valid], "{options}");
        let wrong = found.replicates.iter().find(|replicate| !replicate.quality.valid).unwrap();
        assert!(wrong.quality.errors[0].contains("is not of type"), "{:?}", wrong.quality);
        assert_eq!(found.replicates[0].quality.schema_version.as_deref(), Some(version), "{options}");
    }
    let unknown = bundle(&layer, tool(), Request::new("q").with_options(json!({"schema_uri": "urn:unknown"}))).await;
    assert_eq!((unknown.summary.compared.len(), unknown.meta.schema_uri.as_deref()), (2, Some("urn:unknown")));
    assert_eq!(unknown.replicates[0].quality.schema_version, None, "noted, and not checked");
    let of_the_layer = ReplicateLayer::new(2).stop(Never).options(BundleOptions::new().schema(text));
    assert_eq!(bundle(&of_the_layer, tool(), Request::new("q")).await.summary.compared, ["r1"]);
}

#[tokio::test]
async fn what_is_no_schema_is_refused_by_check_and_at_every_call() {
    for layer in [
        ReplicateLayer::new(2).schema("urn:x", &json!({"type": 5})),
        ReplicateLayer::new(2).options(BundleOptions::new().schema(json!({"type": 5}))),
    ] {
        assert!(layer.check().unwrap_err().to_string().contains("`/schema`"));
        assert!(call(&layer, says("x"), Request::new("q")).await.is_err());
    }
}

#[tokio::test]
async fn all_replicates_together_keep_to_the_budget_of_the_bundle() {
    let tool = || ask(|_| async { Ok(Output::from("x").with_usage(tokens(10))) });
    let layer = ReplicateLayer::new(5).stop(Never).options(BundleOptions::new().budget(Budget::new().tokens(25)));
    let output = call_estimated(&layer, tool(), Request::new("q"), estimate(10)).await.unwrap();
    let found = Bundle::from_output(&output).unwrap();
    assert_eq!((found.meta.k_started, found.stop.rule.as_str()), (2, "budget"));
    let error = call_estimated(&layer, tool(), Request::new("q"), estimate(100)).await.unwrap_err();
    assert!(error.to_string().contains("bundle"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn what_has_ended_within_the_time_of_the_bundle_is_the_evidence() {
    let tool = || {
        ask(|request| async move {
            sleep(Duration::from_secs(u64::from(number(&request)))).await;
            Ok(Output::from("x"))
        })
    };
    let options = BundleOptions::new().timeout(Duration::from_millis(1_500)).waves(Waves::All);
    let layer = ReplicateLayer::new(3).stop(Never).options(options);
    let found = bundle(&layer, tool(), Request::new("q")).await;
    assert_eq!((found.meta.k_completed, found.stop.rule.as_str()), (1, "deadline"));
    let hasty = layer.options(BundleOptions::new().timeout(Duration::from_millis(500)));
    let error = call(&hasty, tool(), Request::new("q")).await.unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::DeadlineExceeded), "{error:?}");
}

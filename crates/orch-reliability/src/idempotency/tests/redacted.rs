//! A store behind a redactor.

use std::borrow::Cow;

use orch_core::{Counted, Redact, Usage};

use super::*;

struct Hide;

impl Redact for Hide {
    fn redact<'a>(&self, text: &'a str) -> Cow<'a, str> {
        text.replace("secret", "***").replace("reported", "***").into()
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_resolved_by_hand_is_redacted_and_waiting_is_that_of_the_store_inside() {
    let store = RedactedStore::new(Arc::new(MemoryStore::new()), Hide);
    let print = pure().fingerprint();
    let claim = async || store.claim(&key(), &print, OwnerId::fresh(), LEASE, Takeover::Never).await.unwrap();
    assert!(matches!(claim().await, Claim::Claimed(_)));
    let start = Instant::now();
    store.wait(&key(), LEASE / 2).await.unwrap();
    assert_eq!(start.elapsed(), LEASE / 2, "nothing happened to the key");
    advance(LEASE).await;
    assert_eq!(claim().await, Claim::Unknown);
    let record = |bytes: &'static str| Record {
        content_type: "application/json".into(),
        schema_version: 1,
        bytes: bytes.into(),
    };
    assert!(store.resolve(&key(), Some(record("\"a secret\""))).await.unwrap());
    assert_eq!(claim().await, Claim::Done(record("\"a ***\"")));
    assert!(!store.resolve(&key(), None).await.unwrap(), "it is known by now");
}

#[tokio::test(start_paused = true)]
async fn a_replay_is_redacted_and_all_else_is_that_of_the_store_inside() {
    let store = Arc::new(RedactedStore::new(Arc::new(MemoryStore::new()), Hide));
    assert!(format!("{store:?}").starts_with("RedactedStore"));
    let bench =
        Bench::new(|n, _| async move { if n == 1 { Ok("a secret".into()) } else { Err(Error::tool_execution("no")) } })
            .with_store(store.clone());
    assert_eq!(bench.call(pure()).await.unwrap().content().as_text(), Some("a secret"), "for whom it was executed");
    let replay = bench.call(pure()).await.unwrap();
    assert_eq!((replay.content().as_text(), replay.replayed()), (Some("a ***"), true));
    let print = pure().fingerprint();
    assert!(store.recall(&key(), &print).is_some());

    // An object without the fields of an answer is redacted as a whole.
    let other = Key::new("other").unwrap();
    let claim = async || store.claim(&other, &print, OwnerId::fresh(), LEASE, Takeover::Allowed).await.unwrap();
    let Claim::Claimed(lease) = claim().await else { panic!("free") };
    advance(LEASE - Duration::from_secs(1)).await;
    assert!(store.renew(&other, &lease).await.unwrap());
    advance(LEASE - Duration::from_secs(1)).await;
    assert!(matches!(claim().await, Claim::Busy { .. }), "renewed");
    assert!(store.release(&other, &lease).await.unwrap());
    assert!(!store.renew(&other, &lease).await.unwrap() && !store.release(&other, &lease).await.unwrap());
    let Claim::Claimed(lease) = claim().await else { panic!("free again") };
    let record = |bytes: &'static str| Record {
        content_type: "application/json".into(),
        schema_version: 1,
        bytes: bytes.into(),
    };
    assert!(store.complete(&other, &lease, record(r#"{"mine":"a secret"}"#), LEASE).await.unwrap());
    assert_eq!(claim().await, Claim::Done(record(r#"{"mine":"a ***"}"#)));
    assert!(!store.complete(&other, &lease, record("1"), LEASE).await.unwrap(), "it is done");
}

#[tokio::test(start_paused = true)]
async fn an_answer_of_ones_own_type_is_redacted_in_every_field_and_an_output_in_all_but_what_it_used() {
    let store = RedactedStore::new(Arc::new(MemoryStore::new()), Hide);
    let print = pure().fingerprint();
    let output = Output::from("a secret").with_model("secret-1").with_usage(Usage::new().output(Counted::reported(7)));
    for (n, answer, stored) in [
        (1, json!({"content": "a secret", "author": "secret"}), json!({"content": "a ***", "author": "***"})),
        (2, json!({"content": "secret", "usage": "secret"}), json!({"content": "***", "usage": "***"})),
        (
            3,
            serde_json::to_value(&output).unwrap(),
            serde_json::to_value(Output::from("a ***").with_model("***-1").with_usage(output.usage().clone())).unwrap(),
        ),
    ] {
        let key = Key::new(format!("key-{n}")).unwrap();
        let claim = store.claim(&key, &print, OwnerId::fresh(), LEASE, Takeover::Never).await.unwrap();
        let Claim::Claimed(lease) = claim else { panic!("free") };
        let record =
            Record { content_type: "application/json".into(), schema_version: 1, bytes: answer.to_string().into() };
        assert!(store.complete(&key, &lease, record, LEASE).await.unwrap());
        let record = store.recall(&key, &print).unwrap();
        assert_eq!(serde_json::from_slice::<serde_json::Value>(&record.bytes).unwrap(), stored);
    }
}

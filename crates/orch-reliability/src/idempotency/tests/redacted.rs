//! A store behind a redactor.

use std::borrow::Cow;

use orch_core::Redact;

use super::*;

struct Hide;

impl Redact for Hide {
    fn redact<'a>(&self, text: &'a str) -> Cow<'a, str> {
        text.replace("secret", "***").into()
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

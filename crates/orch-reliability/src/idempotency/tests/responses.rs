//! Responses of one's own.

use super::*;

#[tokio::test(start_paused = true)]
async fn any_response_that_implements_replay_can_be_kept() {
    #[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
    struct Receipt {
        id: u32,
    }
    impl Replay for Receipt {}
    let tool = service_fn(|_: Request| async { Ok::<_, Error>(Receipt { id: 7 }) });
    let layer = IdempotencyLayer::in_memory();
    for _ in 0..2 {
        assert_eq!(layer.layer(tool).oneshot(pure()).await.unwrap(), Receipt { id: 7 });
    }
    let (text, receipt) = {
        let slow_text = service_fn(|_: Request| async {
            sleep(Duration::from_secs(1)).await;
            Ok::<_, Error>("text".to_owned())
        });
        let second = || pure().with_context(context(Effect::Pure).with_key(Key::new("key-2").unwrap()));
        tokio::join!(layer.layer(slow_text).oneshot(second()), layer.layer(tool).oneshot(second()))
    };
    assert_eq!(text.unwrap(), "text");
    assert_eq!(receipt.unwrap(), Receipt { id: 7 }, "text is no receipt: what is pure runs again");
}

#[tokio::test(start_paused = true)]
async fn a_response_that_cannot_be_written_leaves_the_key_free_or_in_doubt_by_its_effect() {
    #[derive(Clone, Debug, serde::Deserialize)]
    struct Unwritable;
    impl serde::Serialize for Unwritable {
        fn serialize<S: serde::Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
            Err(serde::ser::Error::custom("no way to write it"))
        }
    }
    impl Replay for Unwritable {}
    let tool = service_fn(|_: Request| async { Ok::<_, Error>(Unwritable) });
    for (effect, in_doubt) in [(Effect::Pure, false), (Effect::IdempotentDownstream, false), (Effect::AtMostOnce, true)]
    {
        let layer = IdempotencyLayer::in_memory();
        let call = || layer.layer(tool).oneshot(request(effect));
        assert!(call().await.is_ok(), "it is an answer all the same");
        let start = Instant::now();
        let again = call().await;
        let unknown = matches!(&again, Err(error) if matches!(error.kind(), ErrorKind::OutcomeUnknown { .. }));
        assert_eq!((again.is_ok(), unknown, start.elapsed()), (!in_doubt, in_doubt, Duration::ZERO));
    }
}

#[test]
fn a_layer_shows_its_settings() {
    assert!(format!("{:?}", IdempotencyLayer::in_memory()).contains("ttl: 3600s"));
}

#[tokio::test(start_paused = true)]
async fn the_service_is_always_ready() {
    let (inner, mut handle) = tower_test::mock::pair::<Request, Output>();
    handle.allow(0);
    let mut service = IdempotencyLayer::in_memory().layer(inner);
    assert!(matches!(service.ready().now_or_never(), Some(Ok(_))));
    let mut call = Box::pin(service.call(pure()));
    assert!(matches!(poll_once(call.as_mut()), Poll::Pending));
    settle().await;
    handle.allow(1);
    handle.next_request().await.unwrap().1.send_response(Output::from("late"));
    assert_eq!(call.await.unwrap().content().as_text(), Some("late"));
}

//! The conformance of a provider, on every wire, against servers that keep to it and servers that do not.

use std::sync::Arc;

use async_trait::async_trait;
use orch_core::Error;
use orch_providers::{
    Anthropic, ApiVersion, ChatEvent, ChatRequest, ChatResponse, ChatSink, CheckReport, CheckStep, Finding,
    FinishReason, HttpProviderBuilder, OpenAi, OpenAiResponses, Provider, ProviderCheck, ProviderInfo, Wire,
};
use orch_testkit::FaultServer;
use orch_testkit::fault_server::{Answer, At, Failure};
use serde_json::json;
use tokio::time::Instant;

use crate::wire::address;

/// What a server should answer, step by step.
fn script() -> [Answer; 8] {
    [
        Answer::text("Hello there."),
        Answer::text("Hello there."),
        Answer::tool_call("get_weather", &json!({ "city": "Oslo" })),
        Answer::text("It rains."),
        Answer::json(&json!({ "verdict": "no", "score": 1 })),
        Failure::new(401).into(),
        Answer::text("1 2 3").stall(At::Pieces(1)),
        Answer::text("Hello again."),
    ]
}

async fn check<W: Wire>(server: &FaultServer, builder: HttpProviderBuilder<W>) -> CheckReport {
    let builder = builder.base_url(server.url()).model("tiny");
    let provider = builder.clone().api_key("right").build().unwrap();
    ProviderCheck::new(provider).wrong_key(builder.api_key("wrong").build().unwrap()).run().await
}

#[tokio::test]
async fn a_server_that_keeps_to_its_wire_passes_every_step() {
    for wire in ["chat", "responses", "messages"] {
        let server = FaultServer::script(script());
        let report = match wire {
            "chat" => check(&server, OpenAi::builder()).await,
            "responses" => check(&server, OpenAiResponses::builder()).await,
            _ => check(&server, Anthropic::builder()).await,
        };
        let passed = report.rows().iter().all(|row| matches!(row.finding, Finding::Passed(_)));
        assert!(passed && report.is_ok() && report.rows().len() == 6, "{wire}:\n{report}");
        assert_eq!((server.request_count(), server.abandoned()), (8, 1), "{wire}");
        let sent = server.requests();
        let key = |request: usize| sent[request].headers.iter().any(|(_, value)| value.ends_with("wrong"));
        assert!(!key(4) && key(5) && !key(6), "{wire}: only one call has the wrong key");
    }
}

#[tokio::test]
async fn each_step_fails_for_a_server_that_does_not_keep_to_it() {
    let wrong: [(usize, Answer, CheckStep, &str); 8] = [
        (0, Failure::new(500).into(), CheckStep::Plain, "transient"),
        (1, Answer::text("Hello there.").without_end(), CheckStep::Stream, "stream"),
        (2, Answer::text("I would rather not."), CheckStep::ToolCall, "no tool was called"),
        (2, Answer::tool_call("get_time", &json!({ "city": "Oslo" })), CheckStep::ToolCall, "`get_time`"),
        (2, Answer::tool_call("get_weather", &json!({ "town": "Oslo" })), CheckStep::ToolCall, "schema"),
        (4, Answer::text("yes"), CheckStep::JsonSchema, "not JSON"),
        (4, Answer::json(&json!({ "verdict": "maybe", "score": 1 })), CheckStep::JsonSchema, "not of the schema"),
        (5, Answer::text("Come in."), CheckStep::WrongKey, "accepted"),
    ];
    for (place, answer, step, why) in wrong {
        let mut script = script();
        script[place] = answer;
        // The second half of a tool call is not asked for when the first has failed.
        let asked = script.into_iter().enumerate().filter(|(n, _)| *n != 3 || step != CheckStep::ToolCall);
        let server = FaultServer::script(asked.map(|(_, answer)| answer));
        let report = check(&server, OpenAi::builder()).await;
        assert!(!report.is_ok(), "{step}:\n{report}");
        for row in report.rows() {
            match &row.finding {
                Finding::Failed(said) => assert!(row.step == step && said.contains(why), "{step}:\n{report}"),
                _ => assert_ne!(row.step, step, "{report}"),
            }
        }
        assert!(report.to_string().contains(&format!("{:<12} FAILED", step.as_str())), "{report}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_step_that_takes_too_long_has_failed_and_what_is_skipped_is_not_asked() {
    struct Silent(ProviderInfo);

    #[async_trait]
    impl Provider for Silent {
        fn info(&self) -> &ProviderInfo {
            &self.0
        }

        async fn chat(self: Arc<Self>, _: ChatRequest, _: ChatSink) -> Result<ChatResponse, Error> {
            std::future::pending().await
        }
    }

    let check = ProviderCheck::new(Silent(ProviderInfo::new("silent", "m")));
    let report = check.skip(CheckStep::ToolCall, "it has none").run().await;
    let late = Finding::Failed("not done within 60s".into());
    assert_eq!(report.finding(CheckStep::Plain), Some(&late));
    assert_eq!(report.finding(CheckStep::Cancel), Some(&late));
    assert_eq!(report.finding(CheckStep::ToolCall), Some(&Finding::Skipped("it has none".into())));
    assert!(matches!(report.finding(CheckStep::WrongKey), Some(Finding::Skipped(_))));
}

/// A provider that keeps what it says to itself: it breaks the contract, although its response is right.
#[tokio::test]
async fn an_answer_that_listeners_were_not_told_is_found() {
    struct Whisperer(ProviderInfo);

    #[async_trait]
    impl Provider for Whisperer {
        fn info(&self) -> &ProviderInfo {
            &self.0
        }

        async fn chat(self: Arc<Self>, _: ChatRequest, sink: ChatSink) -> Result<ChatResponse, Error> {
            sink.event(Instant::now(), ChatEvent::Text("Hello".into()));
            sink.event(Instant::now(), ChatEvent::End { reason: FinishReason::Stop });
            let mut response = sink.finish()?;
            response.text.push_str(" there.");
            Ok(response)
        }
    }

    let report = ProviderCheck::new(Whisperer(ProviderInfo::new("whisperer", "m"))).run().await;
    let Some(Finding::Failed(why)) = report.finding(CheckStep::Plain) else { panic!("{report}") };
    assert!(why.contains("listeners were told"), "{why}");
}

/// A model of random weights calls no tools, and llama.cpp knows a schema on Chat Completions alone. At temperature 0 it
/// says the same each time.
#[tokio::test]
async fn wire_llama_passes_the_check() {
    let Some(url) = address("ORCH_WIRE_LLAMA") else { return };
    let chat = OpenAi::builder().base_url(&url).model("tiny-random").build().unwrap();
    let responses = OpenAiResponses::builder().base_url(&url).model("tiny-random").build().unwrap();
    let messages = Anthropic::builder().api_version(ApiVersion::V2023_06_01).base_url(&url).model("tiny-random");
    for (check, knows_schemas) in [
        (ProviderCheck::new(chat), true),
        (ProviderCheck::new(responses), false),
        (ProviderCheck::new(messages.build().unwrap()), false),
    ] {
        let check = check.skip(CheckStep::ToolCall, "random weights").adjust(|request| request.with_temperature(0.0));
        let check = if knows_schemas { check } else { check.skip(CheckStep::JsonSchema, "llama.cpp ignores it") };
        let report = check.run().await;
        assert!(report.is_ok(), "{report}");
    }
}

/// The wire tests start a second llama.cpp server that asks for a key.
#[tokio::test]
async fn wire_llama_refuses_a_wrong_key() {
    let (Some(url), Ok(key)) = (address("ORCH_WIRE_LLAMA_KEYED"), std::env::var("ORCH_WIRE_LLAMA_KEY")) else { return };
    async fn refused<W: Wire>(builder: HttpProviderBuilder<W>, url: &str, key: &str) -> CheckReport {
        let builder = builder.base_url(url).model("tiny-random");
        let right = builder.clone().api_key(key).build().unwrap();
        let check = ProviderCheck::new(right).wrong_key(builder.api_key("a-wrong-key").build().unwrap());
        let others = CheckStep::ALL.into_iter().filter(|step| ![CheckStep::Plain, CheckStep::WrongKey].contains(step));
        others.fold(check, |check, step| check.skip(step, "about the key alone")).run().await
    }
    for report in [
        refused(OpenAi::builder(), &url, &key).await,
        refused(OpenAiResponses::builder(), &url, &key).await,
        refused(Anthropic::builder().api_version(ApiVersion::V2023_06_01), &url, &key).await,
    ] {
        for step in [CheckStep::Plain, CheckStep::WrongKey] {
            assert!(matches!(report.finding(step), Some(Finding::Passed(_))), "{report}");
        }
    }
}

//! A configuration that is read again while runs are under way.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use orch_core::Circuit;
use orch_facade::config::{Config, ReloadingClient};
use orch_facade::{Client, Error, Output, Request, ToolSpec, tool_fn};
use tokio::sync::Notify;

use super::{code, write};

fn open(folder: &Path, text: &str) -> (ReloadingClient, impl Fn(&str) + use<>) {
    let path = write(folder, "orch.toml", text);
    let reloading = ReloadingClient::open(Config::file(&path).code(code())).unwrap();
    (reloading, move |text: &str| std::fs::write(&path, text).unwrap())
}

/// A bundle whose description says what its rule asks for.
fn bundle_of(k: u32) -> String {
    format!(
        "[bundles.b]\ntool = \"ask\"\ndescription = \"{k}\"\noptions = {{ stop = \"never\" }}\n\
         [[rules]]\ntool = \"b\"\ntool_options = {{ k = {k} }}"
    )
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn runs_go_on_while_the_file_changes_and_each_sees_one_configuration_whole() {
    let folder = tempfile::tempdir().unwrap();
    let (reloading, put) = open(folder.path(), &bundle_of(2));
    let (reloading, done) = (Arc::new(reloading), Arc::new(AtomicBool::new(false)));
    let work = |_| {
        let (reloading, done) = (Arc::clone(&reloading), Arc::clone(&done));
        tokio::spawn(async move {
            let mut seen = [0_usize; 2];
            while !done.load(Ordering::Relaxed) {
                let client = reloading.client();
                let described = client.list_tools()[2].description().to_owned();
                let outcome = client.run("?").await.unwrap();
                let valid = outcome.evidence().unwrap().replicates.len();
                assert_eq!(valid.to_string(), described, "the rule and the bundle are of one file");
                seen[usize::from(valid == 5)] += 1;
                tokio::task::yield_now().await;
            }
            seen
        })
    };
    let workers: Vec<_> = (0..4).map(work).collect();
    for round in 0..60 {
        match round % 3 {
            0 => put(&bundle_of(5)),
            1 => put("[bundles.b]\ntool = \"gone\""),
            _ => put(&bundle_of(2)),
        }
        let reloading = Arc::clone(&reloading);
        let reloaded = tokio::task::spawn_blocking(move || reloading.reload()).await.unwrap();
        assert_eq!(reloaded.is_err(), round % 3 == 1, "{reloaded:?}");
        tokio::task::yield_now().await;
    }
    done.store(true, Ordering::Relaxed);
    let mut seen = [0, 0];
    for worker in workers {
        let of_one = worker.await.unwrap();
        seen = [seen[0] + of_one[0], seen[1] + of_one[1]];
    }
    assert!(seen[0] + seen[1] > 0, "{seen:?}");
}

#[tokio::test]
async fn what_is_wrong_changes_nothing_and_is_remembered_until_it_is_right() {
    let folder = tempfile::tempdir().unwrap();
    let (reloading, put) = open(folder.path(), "[bundles.b]\ntool = \"ask\"");
    put("[bundles.b]\ntool = \"aks\"\n[reliability]\ndeadline = 0");
    let findings = reloading.reload().unwrap_err();
    assert_eq!(findings.iter().count(), 2, "{findings}");
    assert_eq!(reloading.last_error().as_ref(), Some(&findings));
    assert_eq!(reloading.client().list_tools().len(), 3);
    put("max_parallel = 1");
    reloading.reload().unwrap();
    assert_eq!(reloading.last_error(), None);
    assert_eq!(reloading.client().list_tools().len(), 2);
}

#[tokio::test]
async fn a_run_under_way_keeps_the_client_that_it_began_with_and_draining_waits_for_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = write(folder.path(), "orch.toml", "[bundles.b]\ntool = \"slow\"\noptions = { k = 2 }");
    let (entered, open, calls) = (Arc::new(Notify::new()), Arc::new(Notify::new()), Arc::new(AtomicUsize::new(0)));
    let slow = {
        let (entered, open, calls) = (Arc::clone(&entered), Arc::clone(&open), Arc::clone(&calls));
        tool_fn(ToolSpec::pure("slow"), move |_: Request| {
            let (entered, open, calls) = (Arc::clone(&entered), Arc::clone(&open), Arc::clone(&calls));
            async move {
                if calls.fetch_add(1, Ordering::SeqCst) == 1 {
                    entered.notify_one();
                }
                open.notified().await;
                Ok::<_, Error>(Output::from("yes"))
            }
        })
    };
    let reloading = ReloadingClient::open(Config::file(&path).code(Client::builder().tool(slow))).unwrap();
    let run = tokio::spawn(reloading.client().run("?").tool("b").into_future());
    entered.notified().await;
    std::fs::write(&path, "max_parallel = 1").unwrap();
    reloading.reload().unwrap();
    let client = reloading.client();
    let (drained, ()) = tokio::join!(client.drain(Duration::from_secs(60)), async {
        tokio::task::yield_now().await;
        open.notify_waiters();
    });
    assert!(drained.abandoned.is_empty(), "the run of the client before it has ended: {drained:?}");
    assert_eq!(run.await.unwrap().unwrap().evidence().unwrap().replicates.len(), 2);
    assert!(client.list_tools().iter().all(|spec| spec.name() != "b"), "the new client has no such tool");
    reloading.reload().unwrap();
    let refused = reloading.client().run("?").tool("slow").await.unwrap_err();
    assert!(matches!(refused.kind(), orch_core::ErrorKind::Draining), "{refused}");
}

#[tokio::test]
async fn keys_and_circuits_are_kept_and_another_store_begins_anew() {
    let folder = tempfile::tempdir().unwrap();
    let path = write(folder.path(), "orch.toml", "");
    let broken =
        tool_fn(ToolSpec::pure("broken"), |_: Request| async { Err::<Output, _>(Error::transient("no answer")) });
    let health = orch_core::HealthBoard::new();
    let code = code().tool(broken).health_board(health.clone());
    let config = Config::file(&path).code(code).store("other", Arc::new(orch_facade::reliability::MemoryStore::new()));
    let reloading = ReloadingClient::open(config).unwrap();
    let paid = async || reloading.client().run("?").tool("pay").idempotency_key("k").await.unwrap().replayed();
    assert!(!paid().await);
    for _ in 0..2 {
        assert!(reloading.client().run("?").tool("broken").await.is_err());
    }
    let is_open = || matches!(health.read(&"broken".into()).circuit, Circuit::Open { .. });
    assert!(is_open());
    std::fs::write(&path, "[reliability]\ndeadline = 17").unwrap();
    reloading.reload().unwrap();
    assert!(is_open() && paid().await);
    let refused = reloading.client().run("?").tool("broken").await.unwrap_err();
    assert!(matches!(refused.kind(), orch_core::ErrorKind::CircuitOpen { .. }), "{refused}");
    std::fs::write(&path, "[stores]\nidempotency = \"other\"").unwrap();
    reloading.reload().unwrap();
    assert!(!paid().await && paid().await);
}

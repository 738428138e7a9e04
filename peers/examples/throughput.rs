//! How many calls a second of CPU makes, with 256 tasks on two workers, over a tool that waits once for its waker:
//!
//!     cargo run --release --manifest-path peers/Cargo.toml --example throughput
//!
//! Each stack runs in turn, three times round; the best of a stack counts, and ratios are of the same round. CPU time
//! is what Linux books on the process, so the load of the machine matters little, and what the runtime does is in it.

#[path = "../../crates/orch-reliability/benches/subject/mod.rs"]
mod subject;
#[path = "../theirs/mod.rs"]
mod theirs;

use std::fs;

use subject::{Ask, Erased, Tool};
use tower::{Service, ServiceExt};

const TASKS: usize = 256;
const CALLS: usize = 8_000;

/// User and system time of this process, in seconds.
fn cpu() -> f64 {
    let stat = fs::read_to_string("/proc/self/stat").expect("Linux");
    let (_, fields) = stat.rsplit_once(") ").expect("the name is in brackets");
    let ticks = |place: usize| fields.split(' ').nth(place).and_then(|field| field.parse::<f64>().ok());
    // Fields 14 and 15 of the whole line, in hundredths of a second.
    (ticks(11).expect("a number") + ticks(12).expect("a number")) / 100.0
}

async fn drive<S>(service: S) -> f64
where
    S: Service<Ask> + Clone + Send + 'static,
    S::Future: Send,
    S::Error: std::fmt::Debug,
    S::Response: Send,
{
    let before = cpu();
    let tasks: Vec<_> = (0..TASKS)
        .map(|_| {
            let (mut service, ask) = (service.clone(), Ask::new());
            tokio::spawn(async move {
                for _ in 0..CALLS {
                    let ready = service.ready().await.expect("it becomes ready");
                    ready.call(ask.clone()).await.expect("it answers");
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.expect("it does not panic");
    }
    (TASKS * CALLS) as f64 / (cpu() - before) / 1e6
}

fn main() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_time().build().expect("a runtime");
    runtime.block_on(async {
        for round in 1..=3 {
            let bare = drive(Tool::AnswersAtTheSecondPoll).await;
            let ours = drive(subject::stack(Tool::AnswersAtTheSecondPoll)).await;
            let erased = drive(Erased::new(subject::stack(Tool::AnswersAtTheSecondPoll))).await;
            let theirs = drive(theirs::stack(Tool::AnswersAtTheSecondPoll)).await;
            println!(
                "round {round}: millions of calls per CPU-second: no layers {bare:.2}, ours {ours:.2}, ours erased \
                 {erased:.2}, tower-resilience {theirs:.2}; ours / theirs {:.2}, erased / theirs {:.2}",
                ours / theirs,
                erased / theirs
            );
        }
    });
}

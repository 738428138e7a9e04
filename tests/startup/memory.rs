//! How much memory a process holds that has a client of default features: it asks a process of its own.

mod subject;

use std::process::Command;

/// Says to the same program that it is the process that is measured.
const MEASURED: &str = "ORCH_STARTUP_MEASURED";
const NAME: &str = "a_process_with_a_client_holds_at_most_20_mib";

/// A line of `/proc/self/status`, in KiB.
fn status(name: &str) -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))?;
    line.trim().strip_suffix(" kB")?.parse().ok()
}

/// The time that this thread has spent on a processor, in nanoseconds.
fn cpu() -> Option<u64> {
    std::fs::read_to_string("/proc/thread-self/schedstat").ok()?.split(' ').next()?.parse().ok()
}

/// Memory now, memory at most, time: of this process.
fn measured() -> String {
    let before = cpu().unwrap_or_default();
    let started = subject::start();
    let spent = cpu().unwrap_or_default() - before;
    let figures = format!("{} {} {spent}", status("VmRSS").expect("Linux"), status("VmHWM").expect("Linux"));
    drop(started);
    figures
}

#[test]
fn a_process_with_a_client_holds_at_most_20_mib() {
    if std::env::var_os(MEASURED).is_some() {
        println!("measured: {}", measured());
        return;
    }
    if status("VmHWM").is_none() {
        return orch_testkit::skipped("no /proc/self/status, so the memory of a process is unknown");
    }
    let program = std::env::current_exe().expect("a test is a program");
    let child = Command::new(program).args(["--exact", NAME, "--nocapture"]).env(MEASURED, "1").output();
    let said = String::from_utf8(child.expect("the same program again").stdout).expect("text");
    let line = said.lines().find_map(|line| line.split("measured: ").nth(1)).expect("its figures");
    let figures: Vec<u64> = line.split(' ').map(|figure| figure.parse().expect("a number")).collect();
    let [resident, highest, spent] = figures[..] else { panic!("three figures: {line}") };
    println!("a client: {resident} KiB resident, {highest} KiB at most, {} us of a processor", spent / 1_000);
    assert!(highest <= 20 * 1_024, "{highest} KiB");
}

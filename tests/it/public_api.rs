//! What users rely on: every layer and handle can be shared. `tour.rs` uses them by name.

use orch_core::{
    AttemptLog, BoxTool, Budget, CallContext, Content, ContextLayer, Dispatch, Error, EventSink, EventStream,
    HealthBoard, Meter, MeterLayer, Output, Registry, Request, Reservation, ScopeLayer, ToolService, ToolSpec,
};
use orch_evidence::decision::{Policy, SharedPolicy};
use orch_evidence::{Bundle, BundleTool, ReplicateLayer};
use orch_facade::{Client, ClientBuilder, Orchestrator, Outcome, ReliableOrchestrator, Run, RunEvents};
use orch_planning::{Catalog, PlanLayer, Rule, RulePlanner};
use orch_providers::{ChatTool, LocalAnswerer, OpenAi, PriceBook, ProviderService};
use orch_reliability::timeout::{Attempt, Total};
use orch_reliability::{
    BudgetLayer, BulkheadLayer, CatchPanicLayer, CircuitBreakerHandle, CircuitBreakerLayer, FallbackLayer,
    IdempotencyLayer, MemoryStore, RetryLayer, TimeoutLayer, TraceLayer,
};

fn shared<T: Clone + Send + Sync + 'static>() {}
fn sent<T: Send + 'static>() {}

#[test]
fn every_layer_can_be_cloned_and_shared() {
    shared::<BudgetLayer>();
    shared::<BulkheadLayer>();
    shared::<CatchPanicLayer>();
    shared::<CircuitBreakerLayer>();
    shared::<ContextLayer>();
    shared::<FallbackLayer>();
    shared::<IdempotencyLayer>();
    shared::<MeterLayer>();
    shared::<PlanLayer<RulePlanner>>();
    shared::<ReplicateLayer>();
    shared::<RetryLayer>();
    shared::<ScopeLayer>();
    shared::<TimeoutLayer<Attempt>>();
    shared::<TimeoutLayer<Total>>();
    shared::<TraceLayer>();
}

#[test]
fn every_service_and_handle_can_be_cloned_and_shared() {
    shared::<BoxTool>();
    shared::<Dispatch>();
    shared::<Registry>();
    shared::<Catalog>();
    shared::<Client>();
    shared::<ClientBuilder>();
    shared::<Orchestrator>();
    shared::<ReliableOrchestrator>();
    shared::<CircuitBreakerHandle>();
    shared::<Policy>();
    shared::<SharedPolicy>();
    shared::<HealthBoard>();
    shared::<Meter>();
    shared::<AttemptLog>();
    shared::<EventSink>();
    shared::<ProviderService<LocalAnswerer>>();
    shared::<ProviderService<OpenAi>>();
    sent::<MemoryStore>();
}

#[test]
fn every_value_can_be_cloned_and_shared() {
    shared::<Budget>();
    shared::<Bundle>();
    shared::<CallContext>();
    shared::<Content>();
    shared::<Error>();
    shared::<Outcome>();
    shared::<Output>();
    shared::<PriceBook>();
    shared::<Request>();
    shared::<Rule>();
    shared::<ToolSpec>();
}

#[test]
fn runs_streams_and_reservations_can_be_sent() {
    sent::<Run>();
    sent::<<Run as IntoFuture>::IntoFuture>();
    sent::<RunEvents>();
    sent::<EventStream>();
    sent::<Reservation>();
    sent::<BundleTool>();
    sent::<ChatTool>();
    sent::<ToolService<ChatTool>>();
}

#[test]
fn an_error_is_one_pointer() {
    assert_eq!(size_of::<Error>(), size_of::<usize>());
}

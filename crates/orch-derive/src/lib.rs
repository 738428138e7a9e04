#![doc = include_str!("../README.md")]

mod attribute;
mod comparison;
mod container;
mod expand;
mod field;
mod rename;
mod serde_names;
mod shape;

use proc_macro::TokenStream;
use quote::quote;

/// Derives `orch_evidence::Consensus`; its page describes the attributes.
#[proc_macro_derive(Consensus, attributes(consensus))]
pub fn consensus(input: TokenStream) -> TokenStream {
    expand::expand(input.into(), &quote!(::orch_evidence)).into()
}

/// The same for those who depend on `orch-facade` alone, which exports it under the name `Consensus`.
#[proc_macro_derive(ConsensusOfFacade, attributes(consensus))]
pub fn consensus_of_facade(input: TokenStream) -> TokenStream {
    expand::expand(input.into(), &quote!(::orch_facade::evidence)).into()
}

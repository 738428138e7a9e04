#[cfg(any(feature = "openai", feature = "responses", feature = "anthropic"))]
mod http;

use std::collections::BTreeMap;
use std::sync::Arc;

use orch_providers::{PriceBook, Provider};

use super::Assembly;
use crate::config::pointer::child;
use crate::config::sections::{ProviderSection, WireName};

#[cfg(not(all(feature = "openai", feature = "responses", feature = "anthropic", feature = "local")))]
const LACKING: &str = "this build lacks the feature of this name";

/// Providers by their names; `None` for one with which something is wrong.
pub(super) type Providers = BTreeMap<String, Option<Arc<dyn Provider>>>;

impl Assembly<'_> {
    /// Every provider. None connects before its first call.
    pub(super) fn providers(&mut self) -> Providers {
        let prices = self.prices();
        // A provider whose table cannot be read is there all the same: its tools are not to blame.
        let mut providers: Providers = self.tree.keys("/providers").into_iter().map(|name| (name, None)).collect();
        for (name, section) in &self.sections.providers {
            let pointer = child("/providers", name);
            let before = self.found.len();
            self.misplaced(&pointer, section);
            if self.found.len() == before && self.is_whole(&pointer) {
                let provider = self.provider(&pointer, name, section, &prices);
                providers.insert(name.clone(), provider);
            }
        }
        providers
    }

    /// Settings that the wire does not have.
    fn misplaced(&mut self, pointer: &str, section: &ProviderSection) {
        let (openai, anthropic, local) = match section.wire {
            WireName::Openai | WireName::Responses => (true, false, false),
            WireName::Anthropic => (false, true, false),
            WireName::Local => (false, false, true),
        };
        let http = "openai`, `responses` and `anthropic";
        for (key, given, fits, wires) in [
            ("dialect", section.dialect.is_some(), openai, "openai` and `responses"),
            ("api_version", section.api_version.is_some(), anthropic, "anthropic"),
            ("default_max_tokens", section.default_max_tokens.is_some(), anthropic, "anthropic"),
            ("document", section.document.is_some(), local, "local"),
            ("base_url", section.base_url.is_some(), !local, http),
            ("model", section.model.is_some(), !local, http),
            ("api_key", section.api_key.is_some(), !local, http),
            ("api_key_header", section.api_key_header.is_some(), !local, http),
            ("free", section.free, !local, http),
            ("allow_insecure_http", section.allow_insecure_http, !local, http),
            ("connect_timeout_ms", section.connect_timeout_ms.is_some(), !local, http),
            ("proxy", section.proxy.is_some(), !local, http),
            ("root_certificates", !section.root_certificates.is_empty(), !local, http),
            ("headers", !section.headers.is_empty(), !local, http),
            ("query", !section.query.is_empty(), !local, http),
            ("max_body", section.max_body.is_some(), !local, http),
            ("max_event", section.max_event.is_some(), !local, http),
        ] {
            if given && !fits {
                self.wrong(&child(pointer, key), format!("only the wires `{wires}` have this setting"));
            }
        }
    }

    fn provider(
        &mut self,
        pointer: &str,
        name: &str,
        section: &ProviderSection,
        prices: &PriceBook,
    ) -> Option<Arc<dyn Provider>> {
        match section.wire {
            WireName::Local => self.local(pointer, name, section),
            #[cfg(feature = "openai")]
            WireName::Openai => self.http(pointer, name, section, prices, http::openai(section)),
            #[cfg(feature = "responses")]
            WireName::Responses => self.http(pointer, name, section, prices, http::responses(section)),
            #[cfg(feature = "anthropic")]
            WireName::Anthropic => self.http(pointer, name, section, prices, http::anthropic(section)),
            #[cfg(not(all(feature = "openai", feature = "responses", feature = "anthropic")))]
            _ => {
                let _of_wires = (name, prices);
                self.wrong(&child(pointer, "wire"), LACKING);
                None
            }
        }
    }

    #[cfg(feature = "local")]
    fn local(&mut self, pointer: &str, name: &str, section: &ProviderSection) -> Option<Arc<dyn Provider>> {
        let Some(path) = &section.document else {
            self.wrong(pointer, "the key `document` is missing: the file that answers are taken from");
            return None;
        };
        let document = self.text_of(&child(pointer, "document"), path)?;
        match orch_providers::LocalAnswerer::new(document) {
            Ok(provider) => Some(Arc::new(provider.target(section.target.as_deref().unwrap_or(name)))),
            Err(error) => {
                self.refused(pointer, &error);
                None
            }
        }
    }

    #[cfg(not(feature = "local"))]
    fn local(&mut self, pointer: &str, _: &str, _: &ProviderSection) -> Option<Arc<dyn Provider>> {
        self.wrong(&child(pointer, "wire"), LACKING);
        None
    }
}

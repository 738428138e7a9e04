//! Providers that are reached over a network.

use std::sync::Arc;
use std::time::Duration;

use orch_core::Error;
use orch_providers::{HttpProviderBuilder, PriceBook, Provider, Wire};

use crate::config::assemble::Assembly;
use crate::config::pointer::child;
use crate::config::secret::Text;
use crate::config::sections::{ApiVersionName, DialectName, ProviderSection};
use crate::config::shown::is_secret_name;

#[cfg(feature = "openai")]
pub(super) fn openai(section: &ProviderSection) -> orch_providers::OpenAiBuilder {
    use orch_providers::OpenAi;
    section.dialect.map_or_else(OpenAi::builder, |name| OpenAi::compatible(dialect(name)))
}

#[cfg(feature = "responses")]
pub(super) fn responses(section: &ProviderSection) -> orch_providers::OpenAiResponsesBuilder {
    use orch_providers::OpenAiResponses;
    section.dialect.map_or_else(OpenAiResponses::builder, |name| OpenAiResponses::compatible(dialect(name)))
}

#[cfg(feature = "anthropic")]
pub(super) fn anthropic(section: &ProviderSection) -> orch_providers::AnthropicBuilder {
    use orch_providers::{Anthropic, ApiVersion};
    let mut builder = Anthropic::builder();
    if let Some(version) = section.api_version {
        builder = builder.api_version(match version {
            ApiVersionName::V2023_06_01 => ApiVersion::V2023_06_01,
            ApiVersionName::V2026_10_21 => ApiVersion::V2026_10_21,
        });
    }
    if let Some(tokens) = section.default_max_tokens {
        builder = builder.default_max_tokens(tokens);
    }
    builder
}

#[cfg(any(feature = "openai", feature = "responses"))]
fn dialect(name: DialectName) -> orch_providers::Dialect {
    use orch_providers::Dialect;
    match name {
        DialectName::Openai => Dialect::OPENAI,
        DialectName::Compatible => Dialect::COMPATIBLE,
        DialectName::LlamaCpp => Dialect::LLAMA_CPP,
        DialectName::Vllm => Dialect::VLLM,
        DialectName::Ollama => Dialect::OLLAMA,
        DialectName::Litellm => Dialect::LITELLM,
        DialectName::Openrouter => Dialect::OPENROUTER,
    }
}

impl Assembly<'_> {
    /// The provider of a wire, unless something is wrong with it.
    pub(super) fn http<W: Wire>(
        &mut self,
        pointer: &str,
        name: &str,
        section: &ProviderSection,
        prices: &PriceBook,
        builder: HttpProviderBuilder<W>,
    ) -> Option<Arc<dyn Provider>> {
        let before = self.found.len();
        for (key, given) in [
            ("connect_timeout_ms", section.connect_timeout_ms == Some(0)),
            ("max_body", section.max_body == Some(0)),
            ("max_event", section.max_event == Some(0)),
        ] {
            if given {
                self.wrong(&child(pointer, key), "no call could succeed: it must be at least 1");
            }
        }
        let mut builder = self.secrets(pointer, section, builder);
        builder = builder.target(section.target.clone().unwrap_or_else(|| name.to_owned()));
        builder = if section.free { builder.free() } else { builder.prices_of_some(prices.clone()) };
        builder = builder.allow_insecure_http(section.allow_insecure_http);
        if let Some(url) = &section.base_url {
            builder = builder.base_url(url);
        }
        if let Some(model) = &section.model {
            builder = builder.model(model);
        }
        if let Some(header) = &section.api_key_header {
            builder = builder.api_key_header(header);
        }
        if let Some(millis) = section.connect_timeout_ms {
            builder = builder.connect_timeout(Duration::from_millis(millis));
        }
        if let Some(bytes) = section.max_body {
            builder = builder.max_body(bytes);
        }
        if let Some(bytes) = section.max_event {
            builder = builder.max_event(bytes);
        }
        for (n, path) in section.root_certificates.iter().enumerate() {
            if let Some(pem) = self.text_of(&format!("{pointer}/root_certificates/{n}"), path) {
                builder = builder.root_certificate(pem);
            }
        }
        match builder.build() {
            Ok(provider) if self.found.len() == before => Some(Arc::new(provider)),
            Ok(_) => None,
            Err(error) => {
                self.refused_provider(pointer, section, &error);
                None
            }
        }
    }

    /// Key, headers, query and proxy.
    fn secrets<W: Wire>(
        &mut self,
        pointer: &str,
        section: &ProviderSection,
        mut builder: HttpProviderBuilder<W>,
    ) -> HttpProviderBuilder<W> {
        let (variables, folder) = (self.around.variables, &self.around.folder);
        if let Some(secret) = &section.api_key {
            match secret.reveal(variables, folder) {
                Ok(key) => builder = builder.api_key(key),
                Err(reason) => {
                    // Stands for the key, so that whatever else is wrong is found too.
                    builder = builder.api_key("missing");
                    self.wrong(&child(pointer, "api_key"), reason);
                }
            }
        }
        for (name, text) in &section.headers {
            let at = child(&child(pointer, "headers"), name);
            if let Some(value) = self.text(&at, name, text) {
                builder = builder.header(name, value);
            }
        }
        for (name, text) in &section.query {
            let at = child(&child(pointer, "query"), name);
            if let Some(value) = self.text(&at, name, text) {
                builder = builder.query(name, value);
            }
        }
        if let Some(text) = &section.proxy {
            let at = child(pointer, "proxy");
            if let Some(url) = self.text(&at, "proxy", text) {
                builder = builder.proxy(url);
            }
        }
        builder
    }

    /// A text that may be a secret; one that is, by its name or as a URL with a password, must not be written out.
    fn text(&mut self, pointer: &str, name: &str, text: &Text) -> Option<String> {
        if let Text::Plain(plain) = text {
            let key = ["key", "auth"].iter().any(|word| name.to_lowercase().contains(word));
            if key || is_secret_name(name) || (name == "proxy" && plain.contains('@')) {
                let how = "write { env = \"NAME\" } for an environment variable, or { file = \"PATH\" }";
                self.wrong(pointer, format!("a secret does not stand in a configuration: {how}"));
                return None;
            }
        }
        match text.reveal(self.around.variables, &self.around.folder) {
            Ok(text) => Some(text),
            Err(reason) => {
                self.wrong(pointer, reason);
                None
            }
        }
    }

    fn refused_provider(&mut self, pointer: &str, section: &ProviderSection, error: &Error) {
        let needs_key = section.api_key.is_none() && error.to_string().contains("needs a key");
        if needs_key {
            let how = "{ env = \"NAME\" } for an environment variable, or { file = \"PATH\" }";
            self.wrong(pointer, format!("the server needs a key: set `api_key` to {how}"));
        } else {
            self.refused(pointer, error);
        }
    }
}

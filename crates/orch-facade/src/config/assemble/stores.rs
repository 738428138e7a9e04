use std::sync::Arc;

use orch_reliability::MemoryStore;

use super::Assembly;
use crate::ClientBuilder;
use crate::config::read::meant;
use crate::config::sections::StoresSection;

impl Assembly<'_> {
    /// The store of runs with an idempotency key; the builder's own unless another is written.
    pub(super) fn stores(&mut self, builder: ClientBuilder) -> ClientBuilder {
        const NAME: &str = "/stores/idempotency";
        const BYTES: &str = "/stores/memory_bytes";
        let StoresSection { idempotency: name, memory_bytes } = &self.sections.stores;
        if *memory_bytes == 0 {
            self.wrong(BYTES, "nothing could be remembered: it must be at least 1");
        }
        match name.as_str() {
            StoresSection::CODE if builder.has_store() => builder,
            StoresSection::MEMORY => builder.idempotency_store(Arc::new(MemoryStore::bounded(*memory_bytes))),
            name => match self.around.stores.get(name) {
                Some(store) => builder.idempotency_store(Arc::clone(store)),
                None => {
                    let code = builder.has_store().then_some(StoresSection::CODE);
                    let registered = self.around.stores.keys().map(String::as_str);
                    let known = registered.chain([StoresSection::MEMORY]).chain(code);
                    self.wrong(NAME, format!("no store of this name is registered{}", meant(name, known)));
                    builder
                }
            },
        }
    }
}

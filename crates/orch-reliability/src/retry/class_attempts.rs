use std::collections::HashMap;

use orch_core::Class;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::ConfigError;

/// Attempts per call for single classes of failure, in the order of [`Class`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct ClassAttempts(Vec<(Class, u32)>);

impl ClassAttempts {
    pub(super) fn set(&mut self, class: Class, attempts: u32) {
        self.0.retain(|(other, _)| *other != class);
        self.0.push((class, attempts));
        self.0.sort_by_key(|(class, _)| *class as u8);
    }

    pub(super) fn of(&self, class: Class) -> Option<u32> {
        self.0.iter().find(|(other, _)| *other == class).map(|(_, attempts)| *attempts)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn check(&self) -> Result<(), ConfigError> {
        const FIELD: &str = "class_attempts";
        for (class, attempts) in &self.0 {
            if !may_be_repeated(*class) {
                return Err(ConfigError::new(FIELD, class, "failures of this class are never repeated"));
            }
            if *attempts == 0 {
                let reason = "the first attempt counts, so it must be at least 1";
                return Err(ConfigError::new(FIELD, format_args!("{class}: 0"), reason));
            }
        }
        Ok(())
    }
}

fn may_be_repeated(class: Class) -> bool {
    matches!(class, Class::Throttled | Class::Transient | Class::Timeout | Class::BadOutput | Class::LocalReject)
}

impl Serialize for ClassAttempts {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(class, attempts)| (class, attempts)))
    }
}

impl<'de> Deserialize<'de> for ClassAttempts {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut attempts = Self::default();
        for (class, number) in HashMap::<Class, u32>::deserialize(deserializer)? {
            attempts.set(class, number);
        }
        Ok(attempts)
    }
}

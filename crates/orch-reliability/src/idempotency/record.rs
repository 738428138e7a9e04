use std::sync::{Arc, LazyLock};

use orch_core::store::Record;
use serde::Serialize;
use serde::de::DeserializeOwned;

const JSON: &str = "application/json";
const VERSION: u32 = 1;

/// A response as it is stored.
pub(super) fn write<T: Serialize>(response: &T) -> Result<Record, serde_json::Error> {
    static CONTENT_TYPE: LazyLock<Arc<str>> = LazyLock::new(|| JSON.into());
    Ok(Record {
        content_type: Arc::clone(&CONTENT_TYPE),
        schema_version: VERSION,
        bytes: serde_json::to_vec(response)?.into(),
    })
}

/// A stored response, or why it cannot be read.
pub(super) fn read<T: DeserializeOwned>(record: &Record) -> Result<T, String> {
    if record.content_type.as_ref() != JSON || record.schema_version != VERSION {
        let Record { content_type, schema_version, .. } = record;
        return Err(format!("the stored result is {content_type} of version {schema_version}"));
    }
    serde_json::from_slice(&record.bytes).map_err(|error| format!("the stored result does not fit: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_and_anything_else_is_refused_with_the_reason() {
        let record = write(&vec![1, 2]).unwrap();
        assert_eq!(read::<Vec<u8>>(&record), Ok(vec![1, 2]));
        for (record, reason) in [
            (Record { content_type: "text/plain".into(), ..record.clone() }, "text/plain"),
            (Record { schema_version: 2, ..record.clone() }, "version 2"),
            (Record { bytes: "[1,".into(), ..record }, "EOF"),
        ] {
            assert!(read::<Vec<u8>>(&record).unwrap_err().contains(reason));
        }
    }
}

use std::hash::{BuildHasherDefault, Hasher};

/// For tables by [`Key`](orch_core::store::Key), whose own hash is even and secret already: it is taken as it is.
pub(crate) type ByHashedKey = BuildHasherDefault<PassOn>;

/// Passes on what it is given; several numbers are folded into one.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct PassOn(u64);

impl Hasher for PassOn {
    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.write_u64(u64::from(*byte));
        }
    }

    fn write_u64(&mut self, number: u64) {
        self.0 = self.0.rotate_left(23) ^ number;
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use std::any::TypeId;
    use std::collections::HashSet;
    use std::hash::BuildHasher;

    use orch_core::store::Key;

    use super::*;

    #[test]
    fn ten_thousand_keys_of_two_types_have_hashes_of_their_own_in_every_part() {
        let names = (0..10_000).flat_map(|n| {
            let key = Key::new(format!("key-{n}")).unwrap();
            [(TypeId::of::<u8>(), key.clone()), (TypeId::of::<String>(), key)]
        });
        let hashes: HashSet<u64> = names.map(|name| ByHashedKey::default().hash_one(&name)).collect();
        assert_eq!(hashes.len(), 20_000);
        // A table takes its place from the low bits and a tag from the high ones.
        for shift in [0, 57] {
            let parts: HashSet<u64> = hashes.iter().map(|hash| (hash >> shift) & 127).collect();
            assert_eq!(parts.len(), 128);
        }
    }

    #[test]
    fn bytes_count_by_their_order() {
        let hash = |bytes: &[u8]| {
            let mut hasher = PassOn::default();
            hasher.write(bytes);
            hasher.finish()
        };
        assert_ne!(hash(b"ab"), hash(b"ba"));
    }
}

//! The types of the standard library and of `serde_json`.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet, LinkedList, VecDeque};
use std::fmt::Display;
use std::marker::PhantomData;
use std::rc::Rc;
use std::sync::Arc;

use serde_json::{Number, Value};

use super::{Consensus, Place, Violation};
use crate::Compare;

/// Values without fields: compared by their type.
macro_rules! leaves {
    ($($leaf:ty),* $(,)?) => {
        $(impl Consensus for $leaf {
            const FIELDS: Option<&'static [&'static str]> = Some(&[]);
        })*
    };
}

leaves!((), bool, char, String, Number, f32, f64, u8, u16, u32, u64, u128, usize, i8, i16, i32, i64, i128, isize);

impl Consensus for Value {}

impl<T: 'static> Consensus for PhantomData<T> {}

/// What is in JSON as if it were not there.
macro_rules! transparent {
    ($($pointer:ident),* $(,)?) => {
        $(impl<T: Consensus> Consensus for $pointer<T> {
            const FIELDS: Option<&'static [&'static str]> = T::FIELDS;

            fn rules(place: &mut Place) {
                place.of::<T>();
            }

            fn check(&self) -> Result<(), Violation> {
                T::check(self)
            }
        })*
    };
}

transparent!(Box, Arc, Rc);

impl<T: Consensus + Clone> Consensus for Cow<'static, T> {
    const FIELDS: Option<&'static [&'static str]> = T::FIELDS;

    fn rules(place: &mut Place) {
        place.of::<T>();
    }

    fn check(&self) -> Result<(), Violation> {
        T::check(self)
    }
}

impl<T: Consensus> Consensus for Option<T> {
    const FIELDS: Option<&'static [&'static str]> = T::FIELDS;

    fn rules(place: &mut Place) {
        place.of::<T>();
    }

    fn check(&self) -> Result<(), Violation> {
        self.as_ref().map_or(Ok(()), T::check)
    }
}

/// Arrays: the rules of the items, and how items are paired if their order does not matter.
macro_rules! arrays {
    ($([$($parameters:tt)*] $array:ty, $pairing:expr;)*) => {
        $(impl<$($parameters)*> Consensus for $array {
            const FIELDS: Option<&'static [&'static str]> = T::FIELDS;

            fn rules(place: &mut Place) {
                let pairing: Option<Compare> = $pairing;
                if let Some(pairing) = pairing {
                    place.compare(pairing);
                }
                place.each(Place::of::<T>);
            }

            fn check(&self) -> Result<(), Violation> {
                check_each(self.iter().enumerate())
            }
        })*
    };
}

arrays! {
    [T: Consensus] Vec<T>, None;
    [T: Consensus] VecDeque<T>, None;
    [T: Consensus] LinkedList<T>, None;
    [T: Consensus, const N: usize] [T; N], None;
    [T: Consensus, S: 'static] HashSet<T, S>, Some(Compare::Set);
    [T: Consensus] BTreeSet<T>, Some(Compare::Set);
}

/// Maps: the rules of the values, under any key.
macro_rules! maps {
    ($([$($parameters:tt)*] $map:ty;)*) => {
        $(impl<$($parameters)*> Consensus for $map {
            fn rules(place: &mut Place) {
                place.each(Place::of::<V>);
            }

            fn check(&self) -> Result<(), Violation> {
                check_each(self.iter())
            }
        })*
    };
}

maps! {
    [K: Display + 'static, V: Consensus] BTreeMap<K, V>;
    [K: Display + 'static, V: Consensus, S: 'static] HashMap<K, V, S>;
}

fn check_each<'a, K: Display, T: Consensus>(items: impl Iterator<Item = (K, &'a T)>) -> Result<(), Violation> {
    for (key, item) in items {
        item.check().map_err(|violation| violation.below(key))?;
    }
    Ok(())
}

/// Tuples: arrays in which each place has a type of its own.
macro_rules! tuples {
    ($(($($item:ident $at:tt),+);)*) => {
        $(impl<$($item: Consensus),+> Consensus for ($($item,)+) {
            fn rules(place: &mut Place) {
                $(place.field(stringify!($at), Place::of::<$item>);)+
            }

            fn check(&self) -> Result<(), Violation> {
                $(self.$at.check().map_err(|violation| violation.below($at))?;)+
                Ok(())
            }
        })*
    };
}

tuples! {
    (A 0);
    (A 0, B 1);
    (A 0, B 1, C 2);
    (A 0, B 1, C 2, D 3);
}

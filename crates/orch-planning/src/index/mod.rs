//! Which rules may fit a request, without asking them all.
//!
//! Each rule is filed under the one test that is likely to hold least often. What is found is asked in full; rules
//! with no test to file them under are asked every time.

mod access;
mod exact;
mod intervals;
mod patterns;
mod places;
mod starts;
mod words;

use std::sync::Arc;

use serde_json::Value;

use self::access::{Access, Frequencies};
use self::exact::Exact;
use self::intervals::Intervals;
use self::patterns::Patterns;
use self::places::Places;
use self::starts::Starts;
use self::words::Words;
use crate::compiled::Compiled;
use crate::matching::{Path, ScanLimits, Subject, TooLarge, date};

/// Rules by what they ask for. A rule is its place among the compiled ones.
#[derive(Clone, Debug, Default)]
pub(crate) struct Index {
    places: Places,
    attributes: Vec<Attribute>,
    everywhere: Attribute,
    rest: Vec<u32>,
}

/// The rules that are filed under one attribute, by the kind of their test.
#[derive(Clone, Debug, Default)]
struct Attribute {
    /// `None`: the whole input.
    path: Option<Arc<Path>>,
    /// Whether some rule looks through its text.
    scanned: bool,
    exact: Exact,
    words: Words,
    parts: Words,
    starts: Starts,
    patterns: Patterns,
    numbers: Intervals,
    dates: Intervals,
}

impl Index {
    /// The index of these rules; notes in each the test that the index answers by itself.
    pub(crate) fn of(rules: &mut [Compiled]) -> Self {
        let (index, answered) = Self::file(rules);
        for (rule, answered) in rules.iter_mut().zip(answered) {
            rule.answered = answered;
        }
        index
    }

    fn file(rules: &[Compiled]) -> (Self, Vec<Option<usize>>) {
        let frequencies = Frequencies::of(rules);
        let (mut index, mut answered) = (Self::default(), vec![None; rules.len()]);
        for (id, rule) in (0_u32..).zip(rules) {
            for test in rule.tests() {
                test.scanned(&mut |path| index.attribute(path).scanned = true);
            }
            let Some((position, access)) = frequencies.rarest(rule) else {
                index.rest.push(id);
                continue;
            };
            if access.answers() {
                answered[id as usize] = Some(position);
            }
            index.attribute(access.path()).add(id, &access);
        }
        for id in index.finish() {
            answered[id as usize] = None;
            index.rest.push(id);
        }
        (index, answered)
    }

    fn attribute(&mut self, path: Option<&Arc<Path>>) -> &mut Attribute {
        let Some(path) = path else { return &mut self.everywhere };
        let place = self.places.add(path.segments());
        if place == self.attributes.len() {
            self.attributes.push(Attribute { path: Some(Arc::clone(path)), ..Attribute::default() });
        }
        &mut self.attributes[place]
    }

    /// Makes everything ready to be searched; gives the rules that cannot be filed after all.
    fn finish(&mut self) -> Vec<u32> {
        self.attributes.iter_mut().chain([&mut self.everywhere]).flat_map(Attribute::finish).collect()
    }

    /// The rules that may fit, in the order in which rules are looked at: every one that does, and few others.
    ///
    /// # Errors
    /// The attribute that is larger than `limits`, and the limit.
    pub(crate) fn candidates(&self, subject: &Subject<'_>, limits: ScanLimits) -> Result<Vec<u32>, (String, TooLarge)> {
        let mut found = self.rest.clone();
        self.everywhere.find(subject.input(), subject, limits, &mut found)?;
        self.places
            .visit(subject.input(), |place, value| self.attributes[place].find(value, subject, limits, &mut found))?;
        found.sort_unstable();
        found.dedup();
        Ok(found)
    }
}

impl Attribute {
    fn add(&mut self, id: u32, access: &Access<'_>) {
        match access {
            Access::Exact(_, keys) => self.exact.add(id, keys),
            Access::Words(_, words) => words.iter().for_each(|word| self.words.add_whole(id, word)),
            Access::Part(_, part) => self.parts.add(id, part),
            Access::Start(_, start) => self.starts.add(id, start),
            Access::Pattern(_, pattern) => self.patterns.add(id, pattern),
            Access::Numbers(_, low, high) => self.numbers.add(id, *low, *high),
            Access::Dates(_, low, high) => self.dates.add(id, *low, *high),
        }
    }

    fn finish(&mut self) -> Vec<u32> {
        self.starts.finish();
        self.numbers.finish();
        self.dates.finish();
        [self.words.finish(), self.parts.finish(), self.patterns.finish()].concat()
    }

    /// Adds the rules that may fit where the attribute has this value.
    fn find(
        &self,
        value: &Value,
        subject: &Subject<'_>,
        limits: ScanLimits,
        found: &mut Vec<u32>,
    ) -> Result<(), (String, TooLarge)> {
        if self.scanned {
            let place = || self.path.as_ref().map(ToString::to_string).unwrap_or_default();
            limits.check(value).map_err(|too_large| (place(), too_large))?;
        }
        self.exact.find(value, found);
        if !self.words.is_empty() {
            let texts = subject.texts(self.path.as_ref());
            texts.iter().for_each(|text| self.words.find_whole(text, found));
        }
        match value {
            Value::String(text) => {
                self.parts.find(text, found);
                self.starts.find(text, found);
                self.patterns.find(text, found);
                if !self.dates.is_empty()
                    && let Some(moment) = date::parse(text)
                {
                    self.dates.find(access::nanoseconds(moment), found);
                }
            }
            // `contains` looks for an element of a list.
            Value::Array(items) if !self.parts.is_empty() => {
                items.iter().filter_map(Value::as_str).for_each(|text| self.parts.find(text, found));
            }
            Value::Number(number) => number.as_f64().into_iter().for_each(|number| self.numbers.find(number, found)),
            _ => {}
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;

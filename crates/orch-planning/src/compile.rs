//! What rules ask for, made ready to be asked.

use std::collections::HashMap;
use std::sync::Arc;

use serde_json::Value;

use crate::matching::{Ask, Condition, DEEPEST, Keywords, Path, Test, Unusable, When};
use crate::{Op, PlanningError, Rule};

/// An error and where in the rule its cause lies.
type Placed = (String, PlanningError);

/// Options, each with the attribute that it is taken from.
type OptionsFrom = Box<[(String, Arc<Path>)]>;

/// Makes the tests of many rules, which share what is equal.
#[derive(Default)]
pub(crate) struct Compiler {
    paths: HashMap<String, Arc<Path>>,
    no_reason: Arc<str>,
}

impl Compiler {
    /// An empty text.
    pub(crate) fn no_reason(&self) -> Arc<str> {
        Arc::clone(&self.no_reason)
    }

    fn path(&mut self, text: &str, rule: &Arc<str>) -> Result<Arc<Path>, PlanningError> {
        if let Some(path) = self.paths.get(text) {
            return Ok(Arc::clone(path));
        }
        let invalid = |reason| PlanningError::InvalidPath { rule: Arc::clone(rule), path: text.into(), reason };
        let path = Arc::new(Path::parse(text).map_err(invalid)?);
        self.paths.insert(text.to_owned(), Arc::clone(&path));
        Ok(path)
    }

    /// The options that a rule takes from the request.
    pub(crate) fn options_from(&mut self, rule: &Rule, name: &Arc<str>) -> Result<OptionsFrom, Placed> {
        let place = |option: &str| format!("/option_from/{}", option.replace('~', "~0").replace('/', "~1"));
        let option = |(option, attribute): &(String, String)| {
            let path = self.path(attribute, name).map_err(|error| (place(option), error))?;
            Ok((option.clone(), path))
        };
        rule.options_from.iter().map(option).collect()
    }

    /// What a rule asks for, apart from code.
    pub(crate) fn tests(&mut self, rule: Rule, name: &Arc<str>) -> Result<Box<[Test]>, Placed> {
        let mut tests = Vec::with_capacity(rule.conditions.len() + 1);
        let from_type = usize::from(rule.request_type.is_some());
        let conditions = rule.conditions;
        if let Some(words) = rule.keywords {
            tests.push(self.keywords(words, rule.on.as_deref(), rule.typos, name)?);
        } else if let Some(attribute) = rule.on {
            return Err(("/on".to_owned(), PlanningError::NotKeywords { rule: Arc::clone(name), attribute }));
        } else if rule.typos > 0 {
            return Err(("/fuzzy".to_owned(), PlanningError::TooFuzzy { rule: Arc::clone(name), typos: rule.typos }));
        }
        for (n, condition) in conditions.into_iter().enumerate() {
            // The condition on the type comes first and has a name of its own.
            let place = || if n < from_type { "/request_type".to_owned() } else { format!("/when/{}", n - from_type) };
            let test = self.test(condition, name, DEEPEST);
            tests.push(test.map_err(|(inner, error)| (place() + &inner, error))?);
        }
        Ok(tests.into())
    }

    fn keywords(
        &mut self,
        words: Vec<String>,
        on: Option<&str>,
        typos: usize,
        name: &Arc<str>,
    ) -> Result<Test, Placed> {
        let short = |word: &String| word.chars().filter(|c| c.is_alphanumeric()).count() < typos.saturating_mul(3);
        let on = on.map(|on| self.path(on, name)).transpose().map_err(|error| ("/on".to_owned(), error))?;
        if words.iter().any(short) && words.iter().all(|word| !word.trim().is_empty()) {
            return Err(("/fuzzy".to_owned(), PlanningError::TooFuzzy { rule: Arc::clone(name), typos }));
        }
        let keywords = Keywords::new(on, words, typos);
        let empty = || ("/keywords".to_owned(), PlanningError::EmptyKeywords { rule: Arc::clone(name) });
        keywords.map(|keywords| Test::Keywords(Box::new(keywords))).ok_or_else(empty)
    }

    fn test(&mut self, condition: When, name: &Arc<str>, depth: usize) -> Result<Test, Placed> {
        let invalid = |reason| (String::new(), PlanningError::InvalidGroup { rule: Arc::clone(name), reason });
        let Some(depth) = depth.checked_sub(1) else {
            return Err(invalid("its conditions are nested too deep, at most 32 levels are let pass"));
        };
        match condition.0 {
            Ask::Is(attribute, op, value) => {
                self.condition(&attribute, op, value, name).map_err(|error| (String::new(), error))
            }
            Ask::Not(inner) => self
                .test(*inner, name, depth)
                .map(|test| Test::Not(Box::new(test)))
                .map_err(|(place, error)| (format!("/not{place}"), error)),
            Ask::And(group) | Ask::Or(group) if group.is_empty() => Err(invalid("a group of conditions is empty")),
            Ask::And(group) => self.group("and", group, name, depth).map(Test::And),
            Ask::Or(group) => self.group("or", group, name, depth).map(Test::Or),
        }
    }

    fn group(&mut self, word: &str, group: Vec<When>, name: &Arc<str>, depth: usize) -> Result<Box<[Test]>, Placed> {
        let test =
            |(n, inner)| self.test(inner, name, depth).map_err(|(place, error)| (format!("/{word}/{n}{place}"), error));
        group.into_iter().enumerate().map(test).collect()
    }

    fn condition(&mut self, attribute: &str, op: Op, value: Value, rule: &Arc<str>) -> Result<Test, PlanningError> {
        let path = self.path(attribute, rule)?;
        let condition = Condition::new(path, op, value.clone());
        let rule = || Arc::clone(rule);
        condition.map(Test::Condition).map_err(|unusable| match unusable {
            Unusable::Pattern(reason) => PlanningError::InvalidPattern { rule: rule(), path: attribute.into(), reason },
            Unusable::Expected(expected) => {
                PlanningError::WrongValue { rule: rule(), path: attribute.into(), op, expected, value }
            }
        })
    }
}

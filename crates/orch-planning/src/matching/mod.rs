//! Whether a rule fits a request, and if not, why not.

mod condition;
pub(crate) mod date;
mod keywords;
mod op;
mod path;
mod predicate;
mod seen;
mod subject;
mod test;
mod when;

pub(crate) use self::condition::{Condition, Unusable};
pub(crate) use self::keywords::{Keywords, stands_alone};
pub use self::op::Op;
pub(crate) use self::path::{Path, index};
pub(crate) use self::predicate::Predicate;
pub use self::subject::ScanLimits;
pub(crate) use self::subject::{Subject, TooLarge};
pub(crate) use self::test::Test;
pub use self::test::WhyNot;
pub use self::when::When;
pub(crate) use self::when::{Ask, DEEPEST};

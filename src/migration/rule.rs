//! Rules: the part of a finding that is the same for all its subjects.

use serde::{Deserialize, Serialize};

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Severity {
    /// Nothing can be written until it is solved.
    Critical,
    /// Something stays behind, or is not written, until somebody mends it or accepts it with a waiver.
    Error,
    /// It moves, and behaves differently.
    Warning,
    /// Good to know.
    Info,
}

/// A kind of finding.
#[derive(Debug, PartialEq, Eq)]
pub struct Rule {
    /// Stable id in kebab-case, for waivers and alerts.
    pub id: &'static str,
    /// See [`Severity`].
    pub severity: Severity,
    /// Whether a waiver may accept it.
    pub waivable: bool,
    /// What happened, as one sentence.
    pub title: &'static str,
    /// What to do next, and who must do it.
    pub remedy: &'static str,
    /// One case that raises it.
    pub example: &'static str,
}

/// Rules that belong together.
#[derive(Debug)]
pub struct RuleFamily {
    /// Its heading in the reference.
    pub name: &'static str,
    /// In the order of the reference.
    pub rules: &'static [&'static Rule],
}

/// Every rule that findings of one kind of migration can have, by family.
///
/// It stands above all families and is handed down to whoever looks up an id: a module with rules of its own never reaches up to
/// collect those of the others.
#[derive(Clone, Copy, Debug)]
pub struct RuleRegistry {
    /// In the order of the reference.
    pub families: &'static [RuleFamily],
}

impl RuleRegistry {
    /// All rules.
    pub fn rules(self) -> impl Iterator<Item = &'static Rule> {
        self.families
            .iter()
            .flat_map(|family| family.rules.iter().copied())
    }

    /// The rule of an id.
    #[must_use]
    pub fn get(self, id: &str) -> Option<&'static Rule> {
        self.rules().find(|rule| rule.id == id)
    }

    /// The title of the rule of an id; empty for one of another version of this program.
    #[must_use]
    pub fn title(self, id: &str) -> &'static str {
        self.get(id).map_or("", |rule| rule.title)
    }
}

/// Defines the rules of a family: a static for each, and `RULES` with all of them.
macro_rules! rules {
    (@may waivable) => { true };
    (@may binding) => { false };
    ($($name:ident: $severity:ident, $waivable:ident, $id:literal, $title:literal, $remedy:literal, $example:literal;)*) => {
        $(
            #[doc = $title]
            pub static $name: $crate::migration::rule::Rule = $crate::migration::rule::Rule {
                id: $id,
                severity: $crate::migration::rule::Severity::$severity,
                waivable: $crate::migration::rule::rules!(@may $waivable),
                title: $title,
                remedy: $remedy,
                example: $example,
            };
        )*
        /// The rules of this family.
        pub static RULES: &[&$crate::migration::rule::Rule] = &[$(&$name),*];
    };
}
pub(crate) use rules;

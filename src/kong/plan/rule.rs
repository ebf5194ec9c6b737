//! Rules: the part of a finding that is the same for all its subjects.

use super::finding::Severity;

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

/// Defines the rules of a family: a static for each, and `RULES` with all of them.
macro_rules! rules {
    (@may waivable) => { true };
    (@may binding) => { false };
    ($($name:ident: $severity:ident, $waivable:ident, $id:literal, $title:literal, $remedy:literal, $example:literal;)*) => {
        $(
            #[doc = $title]
            pub static $name: $crate::kong::plan::rule::Rule = $crate::kong::plan::rule::Rule {
                id: $id,
                severity: $crate::kong::plan::finding::Severity::$severity,
                waivable: $crate::kong::plan::rule::rules!(@may $waivable),
                title: $title,
                remedy: $remedy,
                example: $example,
            };
        )*
        /// The rules of this family.
        pub static RULES: &[&$crate::kong::plan::rule::Rule] = &[$(&$name),*];
    };
}
pub(crate) use rules;

//! Findings: what a person must know before, during and after a migration; and their rules, the part of a finding that is the same for all
//! its subjects. Ids are stable; text may improve.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::subject::Subject;

/// One finding about one subject.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    // Text, and not the rule itself: stored plans are read by other versions, which may have other rules.
    /// [`Rule::id`].
    pub id: String,
    /// [`Rule::severity`].
    pub severity: Severity,
    /// The entity; a kind with the id `*` where a whole kind is meant.
    pub subject: Subject,
    /// Dotted path of the field, where one field is the reason.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub field: Option<String>,
    /// What was seen; never a secret.
    pub observed: String,
    /// What to do next.
    pub remedy: String,
    /// Why somebody has accepted it, where somebody has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waived: Option<String>,
}

impl Finding {
    /// A finding of a rule with the rule's own words.
    #[must_use]
    pub fn new(rule: &Rule, subject: Subject, observed: impl Into<String>) -> Self {
        Self {
            id: rule.id.to_owned(),
            severity: rule.severity,
            subject,
            field: None,
            observed: observed.into(),
            remedy: rule.remedy.to_owned(),
            waived: None,
        }
    }

    /// Names the field.
    #[must_use]
    pub fn at(mut self, field: impl Into<String>) -> Self {
        self.field = Some(field.into());
        self
    }

    /// True while nobody has mended or accepted it.
    #[must_use]
    pub fn blocks(&self) -> bool {
        self.severity == Severity::Critical || self.severity == Severity::Error && self.waived.is_none()
    }

    /// Order in a report: worst first, then by id, subject and field.
    #[must_use]
    pub fn rank(&self) -> (Severity, &str, &Subject, Option<&str>) {
        (self.severity, &self.id, &self.subject, self.field.as_deref())
    }
}

/// Findings by severity and id, the worst first.
#[must_use]
pub fn by_rule(findings: &[Finding]) -> BTreeMap<(Severity, &str), Vec<&Finding>> {
    let mut groups: BTreeMap<(Severity, &str), Vec<&Finding>> = BTreeMap::new();
    for finding in findings {
        groups
            .entry((finding.severity, &finding.id))
            .or_default()
            .push(finding);
    }
    groups
}

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
            pub static $name: $crate::migration::finding::Rule = $crate::migration::finding::Rule {
                id: $id,
                severity: $crate::migration::finding::Severity::$severity,
                waivable: $crate::migration::finding::rules!(@may $waivable),
                title: $title,
                remedy: $remedy,
                example: $example,
            };
        )*
        /// The rules of this family.
        pub static RULES: &[&$crate::migration::finding::Rule] = &[$(&$name),*];
    };
}
pub(crate) use rules;

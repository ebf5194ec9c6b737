//! Findings: what a person must know before, during and after a migration. Ids are stable; text may improve.

use serde::{Deserialize, Serialize};

use super::rule::{Rule, Severity};
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

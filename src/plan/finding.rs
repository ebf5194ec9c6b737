//! Findings: what a person must know before, during and after a migration. Ids are stable; text may improve.

use serde::{Deserialize, Serialize};

use crate::domain::Subject;

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Severity {
    /// Nothing can be written until it is solved.
    Critical,
    /// Something stays behind, or is not written.
    Error,
    /// It moves, and behaves differently.
    Warning,
    /// Good to know.
    Info,
}

/// A kind of finding: the part that is the same for all its subjects.
#[derive(Debug, PartialEq, Eq)]
pub struct Rule {
    /// Stable id, for waivers and alerts.
    pub id: &'static str,
    /// See [`Severity`].
    pub severity: Severity,
    /// What happened, as one sentence.
    pub title: &'static str,
    /// What to do next, and who must do it.
    pub remedy: &'static str,
}

macro_rules! rules {
    ($($name:ident: $severity:ident, $id:literal, $title:literal, $remedy:literal;)*) => {
        $(#[doc = $title] pub static $name: Rule = Rule { id: $id, severity: Severity::$severity, title: $title, remedy: $remedy };)*
        /// All rules.
        pub static RULES: &[&Rule] = &[$(&$name),*];
    };
}

rules! {
    KIND_UNREADABLE: Critical, "kind-unreadable",
        "The source refused to list a kind, so nothing is known of its entities.",
        "Give the Admin API token a role that may read this kind in the workspace.";
    UNMOVABLE_KIND_UNREADABLE: Warning, "unmovable-kind-unreadable",
        "The source refused to list a kind that Konnect cannot hold, so what stays behind is not known.",
        "Give the Admin API token a role that may read this kind, or check by hand.";
    ENTITY_NOT_MOVABLE: Error, "entity-not-movable",
        "Konnect has no counterpart for this kind; the entity stays behind.",
        "Replace it before the cut-over, for example OAuth 2.0 by OpenID Connect.";
    PLUGIN_UNSUPPORTED: Error, "plugin-unsupported",
        "Konnect does not run this plugin; it stays behind.",
        "Replace the plugin before the cut-over, or remove it from the source.";
    PLUGIN_VALUE_UNSUPPORTED: Error, "plugin-value-unsupported",
        "Konnect data planes cannot run this plugin with this value; the plugin stays behind.",
        "Change the value in the source to one that works.";
    PLUGIN_SUPPORT_UNCERTAIN: Warning, "plugin-support-uncertain",
        "Kong's documents disagree on whether Konnect runs this plugin.",
        "Try it on one data plane before the cut-over.";
    CUSTOM_PLUGIN_SCHEMA_MISSING: Error, "custom-plugin-schema-missing",
        "The control plane has no schema for this custom plugin; the plugin stays behind.",
        "Upload the plugin's schema.lua to the control plane, and install the plugin on the data planes.";
    FIELD_NOT_IN_TARGET: Error, "field-not-in-target",
        "Konnect's API has no such field; its value stays behind.",
        "Check whether anything depends on the value.";
    ALIAS_DIFFERS: Warning, "deprecated-alias-differs",
        "A deprecated field and its successor hold different values; both are sent, and Konnect decides.",
        "Make both equal in the source, or empty the deprecated one.";
    TARGET_ADDS_FIELD: Warning, "target-adds-field",
        "Konnect adds a field that the source version does not have, with another effect.",
        "Check the value in the target; where it is not wanted, set it there after the migration.";
    REFERENCE_MISSING: Error, "reference-missing",
        "The entity refers to one that the source did not list; it is not written.",
        "Check the token's rights, or mend the reference in the source.";
    BLOCKED_BY_DEPENDENCY: Error, "blocked-by-dependency",
        "The entity refers to one that is not in the target; it is not written.",
        "Solve the finding of the entity it refers to.";
    NAME_TAKEN: Error, "name-taken",
        "Another entity in the target holds the same unique name under another id.",
        "Rename or remove the entity in the target, or choose an empty control plane.";
    BACKUP_REQUIRED: Error, "backup-required",
        "The entity exists in the target and differs; updates stay blocked until backups exist.",
        "Make both sides equal by hand, or remove the entity from the target so that it is created again.";
    ADOPT_DIFFERS: Error, "adopt-differs",
        "The entity in the target that holds the unique name is not equal, so it cannot be adopted.",
        "Make both equal, or set the conflict policy of the kind to Overwrite.";
    SKIPPED_BY_POLICY: Warning, "skipped-by-policy",
        "The target holds another version of the entity; the conflict policy leaves it as it is.",
        "Nothing, if that is meant; else change spec.conflictPolicy.";
    DEPENDENCY_EXCLUDED: Error, "dependency-excluded",
        "The entity refers to one that the selection excludes; it is not written.",
        "Take the exclusion out of spec.source.select, or exclude this entity too.";
    PASSWORD_NOT_MOVABLE: Error, "password-not-movable",
        "The password cannot move, because its consumer gets another id; the credential stays behind.",
        "Keep the ids (spec.idPolicy: Preserve, no adoption of the consumer), or set a new password in the target.";
    TRANSFORM_FAILED: Error, "transform-failed",
        "A transform does not fit the entity; it is not written.",
        "Correct the patch or the selector in spec.transforms.";
    TRANSFORM_UNUSED: Info, "transform-unused",
        "A transform selects no entity.",
        "Take it out of spec.transforms, or correct its selector.";
    TRANSFORMED: Info, "transformed",
        "The entity is changed on the way, as spec.transforms says.",
        "Nothing; this is for the record.";
    REFUSED_BY_TARGET: Error, "refused-by-target",
        "Konnect refused the entity.",
        "Mend the field in the source as the reason says; the next pass tries again.";
    DIFFERS_AFTER_WRITE: Error, "differs-after-write",
        "The entity in the target is not equal to the source after the migration.",
        "Somebody else writes to the control plane, or Konnect changed the value; compare both and mend one.";
    DRIFT_UNKNOWN: Info, "drift-unknown",
        "The source did not report a version, so changes of plugin defaults were checked against the oldest one known.",
        "Compare plugins of older gateways by hand.";
}

/// One finding about one subject.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// [`Rule::id`].
    pub id: String,
    /// [`Rule::severity`].
    pub severity: Severity,
    /// The entity; a kind without id where a whole kind is meant.
    pub subject: Subject,
    /// Dotted path of the field, where one field is the reason.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub field: Option<String>,
    /// What was seen; never a secret.
    pub observed: String,
    /// What to do next.
    pub remedy: String,
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
        }
    }

    /// Names the field.
    #[must_use]
    pub fn at(mut self, field: impl Into<String>) -> Self {
        self.field = Some(field.into());
        self
    }

    /// Order in a report: worst first, then by id, subject and field.
    #[must_use]
    pub fn rank(&self) -> (Severity, &str, &Subject, Option<&str>) {
        (self.severity, &self.id, &self.subject, self.field.as_deref())
    }
}

/// The title of a finding's rule.
#[must_use]
pub fn title(id: &str) -> &'static str {
    RULES
        .iter()
        .find(|rule| rule.id == id)
        .map_or("", |rule| rule.title)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn ids_are_unique_and_each_rule_says_what_to_do() {
        let ids: BTreeSet<_> = RULES.iter().map(|r| r.id).collect();
        assert_eq!(ids.len(), RULES.len());
        assert!(
            RULES
                .iter()
                .all(|r| r.title.ends_with('.') && r.remedy.ends_with('.'))
        );
    }
}

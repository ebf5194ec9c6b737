//! What the rules say of one entity.

use crate::kong::model::Entity;
use crate::migration::finding::{Finding, Rule};

/// The verdict on one entity.
#[derive(Debug)]
pub struct EntityVerdict {
    /// False: it stays behind, and the findings say why.
    pub moves: bool,
    /// Reasons and warnings, the decisive ones first.
    pub findings: Vec<Finding>,
}

impl Default for EntityVerdict {
    fn default() -> Self {
        Self {
            moves: true,
            findings: Vec::new(),
        }
    }
}

impl EntityVerdict {
    /// The entity moves; this should be known.
    pub fn tell(&mut self, rule: &Rule, entity: &Entity, observed: impl Into<String>) {
        self.findings.push(Finding::new(rule, entity.subject(), observed));
    }

    /// The same about a field.
    pub fn tell_at(&mut self, rule: &Rule, entity: &Entity, field: &str, observed: impl Into<String>) {
        self.findings
            .push(Finding::new(rule, entity.subject(), observed).at(field));
    }

    /// The entity stays behind.
    pub fn keep_back(&mut self, finding: Finding) {
        self.moves = false;
        self.findings.insert(0, finding);
    }
}

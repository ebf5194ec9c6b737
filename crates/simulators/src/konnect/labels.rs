//! Rules for control plane labels that the document gives in words only.

use serde_json::Value;

use super::validator::{Rule, Violation};

/// Prefixes that the service keeps to itself, compared without regard to case.
const RESERVED: [&str; 7] = ["kong", "konnect", "insomnia", "mesh", "kic", "kuma", "_"];

/// Violations of the key rules: 1 to 63 characters, no reserved prefix.
pub fn violations(labels: &Value) -> Vec<Violation> {
    let mut found = Vec::new();
    for key in labels.as_object().into_iter().flat_map(|labels| labels.keys()) {
        let lower = key.to_lowercase();
        let mut report = |rule: Rule, message: &str| {
            found.push(Violation {
                field: format!("labels.{key}"),
                rule,
                message: message.to_owned(),
            });
        };
        if key.is_empty() || key.chars().count() > 63 {
            report(Rule::Pattern, "label keys must have 1 to 63 characters");
        }
        if RESERVED.iter().any(|prefix| lower.starts_with(prefix)) {
            report(Rule::Pattern, "label keys must not start with a reserved prefix");
        }
    }
    found
}

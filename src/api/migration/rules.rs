//! CEL rules that every kind of migration may have.

use kube::core::{Reason, Rule};

/// Refuses a value whose behaviour comes later, so that nothing is silently ignored. `accepted` is a CEL expression on
/// the field, `allowed` says in words what may stand there.
pub(in crate::api) fn not_implemented(field: &str, accepted: &str, allowed: &str) -> Rule {
    let allowed = if allowed == "nothing" {
        String::new()
    } else {
        format!(" or set it to {allowed}")
    };
    Rule::new(accepted)
        .message(format!("{field} is not implemented yet: leave it out{allowed}").as_str())
        .reason(Reason::FieldValueForbidden)
}

//! CEL rules of `WorkspaceMigration`.

use kube::core::{Reason, Rule};

/// A duration that must not be shorter than another.
pub(super) fn at_least(field: &str, shortest: &str) -> Rule {
    Rule::new(format!("duration(self) >= duration('{shortest}')"))
        .message(format!("{field} must be at least {shortest}").as_str())
}

/// A count, or a share in percent.
pub(super) fn count_or_percent(field: &str) -> Rule {
    Rule::new("type(self) == int ? self >= 0 : self.matches('^(100|[0-9]{1,2})%$')")
        .message(format!("{field} must be a number of entities, or a share from 0% to 100%").as_str())
}

/// What identifies the source is frozen once the first write has begun; how to get in (token, TLS) is not.
pub(super) fn source_immutable() -> Rule {
    let same = "self.spec.source.workspace == oldSelf.spec.source.workspace \
                && has(self.spec.source.adminAPI) == has(oldSelf.spec.source.adminAPI) \
                && (!has(self.spec.source.adminAPI) || self.spec.source.adminAPI.url == oldSelf.spec.source.adminAPI.url)";
    once_begun(".spec.source", same).message(
        "spec.source cannot be pointed elsewhere once the migration has begun to write: make a new WorkspaceMigration",
    )
}

/// The target is frozen once the first write has begun.
pub(super) fn target_immutable() -> Rule {
    once_begun(".spec.target", "self.spec.target == oldSelf.spec.target").message(
        "spec.target cannot be changed once the migration has begun to write: make a new WorkspaceMigration",
    )
}

/// A rule on a field that holds from the first write on. A condition would not do: none is `True` while an apply is half done.
fn once_begun(field: &str, rule: &str) -> Rule {
    Rule::new(format!(
        "!has(oldSelf.status) || !has(oldSelf.status.startedAt) || ({rule})"
    ))
    .reason(Reason::FieldValueForbidden)
    .field_path(field)
}

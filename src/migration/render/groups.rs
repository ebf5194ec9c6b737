//! Operations in the order in which a person reads them.

use std::collections::BTreeMap;

use crate::migration::plan::{Action, Operation};

/// All operations of one kind.
#[derive(Debug)]
pub struct KindGroup<'a> {
    /// Name of the kind.
    pub kind: &'a str,
    /// Its operations, in the order of the plan.
    pub operations: Vec<&'a Operation>,
}

impl KindGroup<'_> {
    /// How many have an action.
    #[must_use]
    pub fn count(&self, action: Action) -> usize {
        self.operations.iter().filter(|o| o.action == action).count()
    }
}

/// Operations by kind; kinds in the order in which they are written.
#[must_use]
pub fn by_kind(operations: &[Operation]) -> Vec<KindGroup<'_>> {
    let mut order = Vec::new();
    let mut groups: BTreeMap<&str, Vec<&Operation>> = BTreeMap::new();
    for operation in operations {
        let kind = &*operation.subject.key.kind;
        let group = groups.entry(kind).or_default();
        if group.is_empty() {
            order.push(kind);
        }
        group.push(operation);
    }
    let group = |kind| KindGroup {
        kind,
        operations: groups.remove(kind).unwrap_or_default(),
    };
    order.into_iter().map(group).collect()
}

/// What an action is called.
#[must_use]
pub fn words(action: Action) -> &'static str {
    match action {
        Action::Create => "create",
        Action::Unchanged => "unchanged",
        Action::Update => "update",
        Action::Delete => "delete",
        Action::Blocked => "blocked",
        Action::StaysBehind => "stays behind",
        Action::Skipped => "skipped",
        Action::NotSelected => "not selected",
    }
}

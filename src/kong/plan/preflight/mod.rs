//! What cannot move or behaves differently, told before the first write.
//!
//! This file is the engine: it runs the checks. Each family of rules is a file that defines its rules and its check; facts
//! that change with Kong's releases are data ([`super::catalogue`]).

pub mod certificates;
pub mod consumers;
pub mod custom_plugins;
pub mod data_planes;
pub mod declared;
pub mod facts;
pub mod group_limits;
pub mod limits;
pub mod managed;
pub mod names;
pub mod plugins;
pub mod references;
pub mod routes;
pub mod scopes;
pub mod services;
pub mod source;
pub mod verdict;

use self::facts::Facts;
use self::verdict::EntityVerdict;
use super::inventory;
use super::planner_rules::ENTITY_NOT_MOVABLE;
use crate::kong::model::Entity;
use crate::kong::model::entity_kind::Write;
use crate::migration::finding::Finding;

/// Checks of one entity, in the order of their findings.
const CHECKS: &[fn(&Entity, &Facts<'_>, &mut EntityVerdict)] = &[
    managed::check,
    names::check,
    services::check,
    routes::check,
    certificates::check,
    consumers::check,
    plugins::check,
    custom_plugins::check,
    scopes::check,
    data_planes::check,
    references::check,
    group_limits::check,
];

/// Checks of the whole workspace.
const WORKSPACE_CHECKS: &[fn(&Facts<'_>) -> Vec<Finding>] =
    &[source::check, limits::check, routes::check_flavor];

/// Judges one entity. What Konnect has no place for is not looked at further.
#[must_use]
pub fn judge(entity: &Entity, facts: &Facts<'_>) -> EntityVerdict {
    let mut verdict = EntityVerdict::default();
    if let Write::Impossible(reason) | Write::Counted(reason) = entity.kind.write {
        verdict.keep_back(Finding::new(&ENTITY_NOT_MOVABLE, entity.subject(), reason));
        return verdict;
    }
    for check in CHECKS {
        check(entity, facts, &mut verdict);
    }
    verdict
}

/// Judges the workspace as a whole.
#[must_use]
pub fn judge_workspace(facts: &Facts<'_>) -> Vec<Finding> {
    let mut findings = inventory::judge(facts.input.source);
    findings.extend(WORKSPACE_CHECKS.iter().flat_map(|check| check(facts)));
    findings
}

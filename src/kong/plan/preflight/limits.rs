//! How many entities of a kind a control plane takes before support raises the limit.

use super::facts::Facts;
use crate::migration::finding::{Finding, rules};
use crate::migration::subject::Subject;

rules! {
    RESOURCE_LIMIT_EXCEEDED: Error, waivable, "resource-limit-exceeded",
        "The workspace has more entities of a kind than a control plane takes by default.",
        "Ask Kong's support to raise the limit, or split the workspace; waive this when it is raised.",
        "10,001 services.";
    RESOURCE_LIMIT_NEAR: Warning, waivable, "resource-limit-near",
        "The workspace has more than four fifths of the entities of a kind that a control plane takes by default.",
        "Ask Kong's support to raise the limit before it is reached.",
        "8,500 services.";
}

/// Default limits by kind (`app/gateway/control-plane-resource-limits.md` of Kong's documentation, bc1cd742).
const LIMITS: &[(&str, usize)] = &[
    ("services", 10_000),
    ("routes", 10_000),
    ("upstreams", 10_000),
    ("targets", 10_000),
    ("plugins", 10_000),
    ("consumers", 50_000),
    ("consumer_group_members", 50_000),
    ("acls", 50_000),
    ("basic-auths", 50_000),
    ("hmac-auths", 50_000),
    ("jwts", 50_000),
    ("key-auths", 50_000),
    ("mtls-auths", 50_000),
    ("certificates", 1_000),
    ("ca_certificates", 1_000),
    ("snis", 1_000),
    ("keys", 1_000),
    ("key-sets", 1_000),
    ("vaults", 1_000),
    ("consumer_groups", 1_000),
    ("degraphql_routes", 1_000),
    ("graphql_ratelimiting_cost_decorations", 1_000),
];

/// Compares the source, and what the target has beside it, with the limits.
pub fn check(facts: &Facts<'_>) -> Vec<Finding> {
    let source = facts.input.source.counts();
    let known = facts.input.source;
    let mut counts = source.clone();
    for foreign in facts.input.target.packed().filter(|e| !known.contains(&e.key())) {
        *counts.entry(foreign.kind.name).or_insert(0) += 1;
    }
    LIMITS
        .iter()
        .filter(|(kind, _)| source.contains_key(kind))
        .filter_map(|(kind, limit)| {
            let count = counts.get(kind).copied()?;
            let rule = match count {
                _ if count > *limit => &RESOURCE_LIMIT_EXCEEDED,
                _ if count * 5 > *limit * 4 => &RESOURCE_LIMIT_NEAR,
                _ => return None,
            };
            let observed = format!("{count} {kind} in source and target, {limit} are allowed");
            Some(Finding::new(rule, Subject::whole_kind(*kind), observed))
        })
        .collect()
}

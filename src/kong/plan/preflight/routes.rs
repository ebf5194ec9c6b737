//! Routes: what the router of the new data planes will make of them.

use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::Value;

use super::super::regex_path::was_regex;
use super::facts::{Facts, texts};
use super::verdict::EntityVerdict;
use crate::kong::model::{Entity, KongVersion};
use crate::migration::finding::{Finding, rules};
use crate::migration::subject::Subject;

rules! {
    ROUTE_MATCHES_NOTHING: Error, waivable, "route-matches-nothing",
        "The route has no field to match by, so Konnect refuses it.",
        "Give the route a path, host, method or header, or remove it.",
        "A route with protocols = [http] and neither hosts, paths, methods nor headers.";
    ROUTE_LIST_TOO_LONG: Warning, waivable, "route-list-too-long",
        "A list of the route has more entries than Konnect's documents allow.",
        "Split the route in the source when Konnect refuses it.",
        "A route with 17 hosts.";
    ROUTE_PATH_TOO_LONG: Warning, waivable, "route-path-too-long",
        "A path has more characters than Konnect takes.",
        "Shorten the path in the source when Konnect refuses it.",
        "A route with a path of 1,025 characters.";
    ROUTE_PATH_DOUBLE_SLASH: Warning, waivable, "route-path-double-slash",
        "A path has two slashes in a row, which Konnect may refuse.",
        "Remove one of them in the source when Konnect refuses the route.",
        "A route with the path /a//b.";
    ROUTE_PROTOCOLS_MISSING: Error, waivable, "route-protocols-missing",
        "The route names no protocols; Konnect's default has been https alone since 3.14, where it was http and https.",
        "Write the protocols into the source.",
        "A route out of a file, without protocols.";
    REGEX_PATH_NEEDS_TILDE: Error, waivable, "regex-path-needs-tilde",
        "The source is older than 3.0, where this path is a regular expression; Konnect takes it as plain text.",
        "Put a tilde before the path, or let the preset RegexPathsToTilde in spec.transforms do it.",
        "A route of 2.8 with the path /users/\\d+.";
    STREAM_LISTEN_NEEDED: Info, waivable, "stream-listen-needed",
        "The route is for a stream, so the data planes need a stream_listen address.",
        "Copy stream_listen from the old nodes; dedicated cloud gateways cannot serve it.",
        "A route with protocols = [tcp].";
    EXPRESSION_ROUTE: Warning, waivable, "expression-route-needs-flavor",
        "Data planes with a traditional router refuse expression routes (P245); those with an expressions router need 3.6 or later (P243).",
        "Set router_flavor = expressions on the new data planes.",
        "A route with an expression.";
    MIXED_ROUTES: Warning, waivable, "routes-of-both-flavors",
        "The workspace has expression routes beside others, which data planes of 3.6 refuse (P244).",
        "Use data planes of 3.7 or later.",
        "A workspace with one route by expression and one by path.";
    FLAVOR_TO_COPY: Warning, waivable, "router-flavor-to-copy",
        "The source's nodes do not use the default router flavor, with which the new data planes start.",
        "Set the same router_flavor on the new data planes.",
        "A source with router_flavor = traditional.";
}

/// Konnect's limits (koko, January 2023).
const ENTRIES: usize = 16;
const PATH: usize = 1_024;

/// What each protocol matches by (Kong 3.9, schema of routes).
const MATCHES: &[(&[&str], &[&str])] = &[
    (&["http", "ws"], &["methods", "hosts", "headers", "paths"]),
    (
        &["https", "wss"],
        &["methods", "hosts", "headers", "paths", "snis"],
    ),
    (&["grpc"], &["hosts", "headers", "paths"]),
    (&["grpcs"], &["hosts", "headers", "paths", "snis"]),
    (&["tcp", "udp"], &["sources", "destinations"]),
    (&["tls"], &["sources", "destinations", "snis"]),
    (&["tls_passthrough"], &["sources", "destinations", "snis"]),
];
const STREAM: &[&str] = &["tcp", "udp", "tls", "tls_passthrough"];
const LISTS: &[&str] = &["hosts", "paths", "methods", "snis", "sources", "destinations"];
const V3: KongVersion = KongVersion { major: 3, minor: 0 };

/// Judges a route.
pub fn check(route: &Entity, facts: &Facts<'_>, verdict: &mut EntityVerdict) {
    if route.kind.name != "routes" {
        return;
    }
    if is_expression(route) {
        verdict.tell_at(
            &EXPRESSION_ROUTE,
            route,
            "expression",
            "the route matches by expression",
        );
    } else {
        check_match(route, verdict);
    }
    check_lists(route, verdict);
    check_paths(route, facts, verdict);
    if let Some(protocol) = texts(route, "protocols").find(|protocol| STREAM.contains(protocol)) {
        verdict.tell_at(
            &STREAM_LISTEN_NEEDED,
            route,
            "protocols",
            format!("protocol {protocol}"),
        );
    }
    if texts(route, "protocols").next().is_none() {
        verdict.tell_at(&ROUTE_PROTOCOLS_MISSING, route, "protocols", "no protocols");
    }
}

fn is_expression(route: &Entity) -> bool {
    route
        .body
        .get("expression")
        .is_some_and(|expression| !expression.is_null())
}

fn filled(route: &Entity, field: &str) -> bool {
    match route.body.get(field) {
        Some(Value::Array(items)) => !items.is_empty(),
        Some(Value::Object(fields)) => !fields.is_empty(),
        _ => false,
    }
}

fn check_match(route: &Entity, verdict: &mut EntityVerdict) {
    let lacking = texts(route, "protocols").find(|protocol| {
        let known = MATCHES.iter().find(|(protocols, _)| protocols.contains(protocol));
        known.is_some_and(|(_, fields)| !fields.iter().any(|field| filled(route, field)))
    });
    if let Some(protocol) = lacking {
        verdict.tell(
            &ROUTE_MATCHES_NOTHING,
            route,
            format!("nothing to match {protocol} by"),
        );
    }
}

fn check_lists(route: &Entity, verdict: &mut EntityVerdict) {
    for field in LISTS {
        let count = route
            .body
            .get(*field)
            .and_then(Value::as_array)
            .map_or(0, Vec::len);
        if count > ENTRIES {
            let observed = format!("{count} {field}, {ENTRIES} are allowed");
            verdict.tell_at(&ROUTE_LIST_TOO_LONG, route, field, observed);
        }
    }
}

fn check_paths(route: &Entity, facts: &Facts<'_>, verdict: &mut EntityVerdict) {
    for path in texts(route, "paths") {
        let length = path.chars().count();
        let shown: String = path.chars().take(80).collect();
        if length > PATH {
            let observed = format!("path {shown}… has {length} characters, {PATH} are allowed");
            verdict.tell_at(&ROUTE_PATH_TOO_LONG, route, "paths", observed);
        }
        if path.contains("//") {
            verdict.tell_at(&ROUTE_PATH_DOUBLE_SLASH, route, "paths", format!("path {shown}"));
        }
        if facts.version().is_some_and(|version| version < V3) && was_regex(path) {
            verdict.tell_at(&REGEX_PATH_NEEDS_TILDE, route, "paths", format!("path {shown}"));
        }
    }
}

/// Judges the routes of the workspace together, and the router they were written for.
pub fn check_flavor(facts: &Facts<'_>) -> Vec<Finding> {
    #[derive(Deserialize)]
    struct Route {
        expression: Option<IgnoredAny>,
    }
    let routes = facts.input.source.of_kind("routes");
    let (expressions, others): (Vec<_>, Vec<_>) = routes
        .filter_map(|route| route.parse::<Route>().ok())
        .partition(|route| route.expression.is_some());
    let (expressions, others) = (expressions.len(), others.len());
    let mut findings = Vec::new();
    if expressions > 0 && others > 0 {
        let observed = format!("{expressions} routes by expression, {others} others");
        findings.push(Finding::new(
            &MIXED_ROUTES,
            Subject::whole_kind("routes"),
            observed,
        ));
    }
    let flavor = facts.input.circumstances.router_flavor.as_deref();
    if let Some(flavor) =
        flavor.filter(|flavor| *flavor != "traditional_compatible" && expressions + others > 0)
    {
        let observed = format!("router_flavor = {flavor}");
        findings.push(Finding::new(
            &FLAVOR_TO_COPY,
            Subject::whole_kind("routes"),
            observed,
        ));
    }
    findings
}

//! What a kind demands beyond the published document, and what the server fills in by itself.
//!
//! The rules are those of Kong 3.9's own entity schemas, which Konnect shares.

use serde_json::{Value, json};

use super::errors::{Detail, Failure};
use super::kinds::Kind;
use super::paging::Query;
use super::state::{ControlPlane, Counters};
use super::{certificates, credentials, plugins};

/// Vault types that Konnect lists; their names are reserved as prefixes.
const VAULT_TYPES: [&str; 9] = [
    "env",
    "aws",
    "gcp",
    "azure",
    "azure_certs",
    "hcv",
    "conjur",
    "file",
    "konnect",
];

/// What a rule may look at besides the entity.
#[derive(Debug)]
pub struct Context<'a> {
    /// The control plane that is written to.
    pub control_plane: &'a ControlPlane,
    /// The kind of the entity.
    pub kind: &'static Kind,
    /// The query of the request.
    pub query: &'a Query,
}

/// Completes an entity that has the documented defaults, or refuses it.
pub fn complete(context: &Context<'_>, counters: &mut Counters, entity: &mut Value) -> Result<(), Failure> {
    let mut details = tag_details(entity);
    let name = match context.kind.path {
        "services" | "routes" => "name",
        _ => "instance_name",
    };
    details.extend(name_reason(&entity[name]).map(|reason| Detail::field(name, reason)));
    match context.kind.path {
        "services" => service(entity, &mut details),
        "routes" => route(entity, &mut details),
        "upstreams" => upstream(entity, &mut details),
        "targets" => target(entity, &mut details),
        "consumers" if entity["username"].is_null() && entity["custom_id"].is_null() => {
            details.push(Detail::entity(
                "at least one of these fields must be non-empty: 'custom_id', 'username'",
            ));
        }
        "keys" => key(entity, &mut details),
        "vaults" => vault(entity, &mut details),
        "certificates" => certificates::certificate(entity, &mut details),
        "ca_certificates" => certificates::ca_certificate(entity, &mut details),
        "basic-auths" => credentials::hash_password(context.query, entity),
        "key-auths" => credentials::generate(&["key"], counters, entity),
        "hmac-auths" => credentials::generate(&["secret"], counters, entity),
        "jwts" => credentials::jwt(counters, entity, &mut details),
        "plugins" => plugins::complete(context, entity, &mut details),
        _ => {}
    }
    if details.is_empty() {
        Ok(())
    } else {
        Err(Failure::validation(details))
    }
}

fn tag_details(entity: &Value) -> Vec<Detail> {
    let tags = entity["tags"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .enumerate();
    let details = tags.filter_map(|(index, tag)| {
        let reason = if tag.is_empty() || tag.chars().count() > 128 {
            "length must be between 1 and 128"
        } else if tag.contains([',', '/']) {
            "must not contain ',' or '/'"
        } else {
            return None;
        };
        Some(Detail::field(format!("tags.{index}"), reason))
    });
    details.collect()
}

/// Names that may stand in a path: of the ASCII characters only letters, digits and `.-_~`.
fn name_reason(name: &Value) -> Option<&'static str> {
    let name = name.as_str()?;
    let allowed = |c: char| !c.is_ascii() || c.is_ascii_alphanumeric() || ".-_~".contains(c);
    (name.is_empty() || !name.chars().all(allowed))
        .then_some("the only accepted ascii characters are alphanumerics or ., -, _, and ~")
}

fn upstream(upstream: &Value, details: &mut Vec<Detail>) {
    let name = upstream["name"].as_str().unwrap_or_default();
    if name.is_empty() || name.contains([' ', '/', ':', '?']) {
        details.push(Detail::field("name", "invalid name; must be a valid hostname"));
    }
    for hash in ["hash_on", "hash_fallback"] {
        let by = upstream[hash].as_str().unwrap_or_default();
        // The cookie of a fallback is the one of `hash_on`.
        let needed = if by == "cookie" {
            "hash_on_cookie".to_owned()
        } else {
            format!("{hash}_{by}")
        };
        if matches!(by, "header" | "cookie" | "query_arg" | "uri_capture") && upstream[&needed].is_null() {
            details.push(Detail::field(needed, "required field missing"));
        }
    }
    if upstream["hash_on"] == "none" && upstream["hash_fallback"] != "none" {
        details.push(Detail::field("hash_fallback", "value must be none"));
    }
}

fn service(service: &mut Value, details: &mut Vec<Detail>) {
    if let Some(text) = service["url"].as_str() {
        match url::Url::parse(text) {
            Ok(url) => apply_url(service, &url),
            Err(_) => details.push(Detail::field("url", "invalid URL")),
        }
    }
    if let Some(path) = service["path"].as_str() {
        details.extend(path_reason(path).map(|reason| Detail::field("path", reason)));
    }
    if service["host"]
        .as_str()
        .is_some_and(|host| host.is_empty() || host.contains([' ', '/', '?']))
    {
        details.push(Detail::field("host", "invalid hostname"));
    }
    let protocol = service["protocol"].as_str().unwrap_or_default();
    if !matches!(protocol, "https" | "tls" | "wss") {
        for field in [
            "client_certificate",
            "tls_verify",
            "tls_verify_depth",
            "ca_certificates",
        ] {
            if !service[field].is_null() {
                let reason = "can only be set when protocol is one of: https, tls, wss";
                details.push(Detail::field(field, reason));
            }
        }
    }
}

/// `url` is a shorthand for protocol, host, port and path.
fn apply_url(service: &mut Value, url: &url::Url) {
    service["protocol"] = json!(url.scheme());
    if let Some(host) = url.host_str() {
        service["host"] = json!(host);
    }
    if let Some(port) = url.port_or_known_default() {
        service["port"] = json!(port);
    }
    if url.path() != "/" {
        service["path"] = json!(url.path());
    }
}

fn path_reason(path: &str) -> Option<&'static str> {
    if !path.starts_with('/') {
        Some("should start with: /")
    } else if path.contains("//") {
        Some("must not have empty segments")
    } else if path.chars().count() > 1024 {
        Some("length must be at most 1024")
    } else {
        None
    }
}

fn route(route: &mut Value, details: &mut Vec<Detail>) {
    for (index, path) in route["paths"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .enumerate()
    {
        let reason = match path.strip_prefix('~') {
            Some(regex) if regex::Regex::new(regex).is_err() => Some("invalid regex"),
            Some(regex) if !regex.starts_with('/') => {
                Some("should start with: / (fixed path) or ~/ (regex path)")
            }
            Some(_) => None,
            None => path_reason(path),
        };
        details.extend(reason.map(|reason| Detail::field(format!("paths.{index}"), reason)));
    }
    if !route["expression"].is_null() {
        return;
    }
    let protocols: Vec<_> = route["protocols"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect();
    let wanted: &[&str] = match protocols.first().copied().unwrap_or("https") {
        "tcp" | "tls" | "udp" => &["sources", "destinations", "snis"],
        "tls_passthrough" => &["snis"],
        "grpc" => &["hosts", "headers", "paths"],
        "grpcs" => &["hosts", "headers", "paths", "snis"],
        "http" | "ws" if !protocols.iter().any(|p| matches!(*p, "https" | "wss")) => {
            &["methods", "hosts", "headers", "paths"]
        }
        _ => &["methods", "hosts", "headers", "paths", "snis"],
    };
    let filled = |value: &Value| {
        value.as_array().is_some_and(|items| !items.is_empty())
            || value.as_object().is_some_and(|entries| !entries.is_empty())
    };
    if !wanted.iter().any(|field| filled(&route[*field])) {
        let message =
            format!("must set one of {wanted:?} when 'protocols' is {protocols:?}").replace('"', "'");
        details.push(Detail::entity(message));
    }
}

/// A target without a port gets 8000, and an IPv6 address is written out, as Kong stores them.
fn target(target: &mut Value, details: &mut Vec<Detail>) {
    let address = target["target"].as_str().unwrap_or_default().to_owned();
    if address.is_empty() || address.contains([' ', '/', '?']) {
        details.push(Detail::field(
            "target",
            "invalid target; not a valid hostname or ip address",
        ));
        return;
    }
    let (host, port) = match address.strip_prefix('[').and_then(|rest| rest.split_once("]:")) {
        Some((host, port)) => (host, port),
        None => (address.trim_matches(['[', ']']), "8000"),
    };
    if let Ok(ip) = host.parse::<std::net::Ipv6Addr>() {
        let groups: Vec<_> = ip.segments().iter().map(|group| format!("{group:04x}")).collect();
        target["target"] = json!(format!("[{}]:{port}", groups.join(":")));
        return;
    }
    let host_only = if address.starts_with('[') {
        address.ends_with(']')
    } else {
        !address.contains(':')
    };
    if host_only {
        target["target"] = json!(format!("{address}:8000"));
    }
}

fn key(key: &Value, details: &mut Vec<Detail>) {
    if key["jwk"].is_null() == key["pem"].is_null() {
        details.push(Detail::entity(
            "exactly one of these fields must be set: 'jwk', 'pem'",
        ));
    }
    if let Some(text) = key["jwk"].as_str().filter(|text| !text.starts_with("{vault://")) {
        match serde_json::from_str::<Value>(text) {
            Ok(jwk) if jwk["kid"] == key["kid"] => {}
            Ok(_) => details.push(Detail::field("jwk", "kid in jwk.kid must be equal to keys.kid")),
            Err(_) => details.push(Detail::field("jwk", "could not json decode jwk string")),
        }
    }
}

fn vault(vault: &Value, details: &mut Vec<Detail>) {
    if !VAULT_TYPES.iter().any(|known| vault["name"] == *known) {
        details.push(Detail::field("name", "vault type not found"));
    }
    if VAULT_TYPES.iter().any(|reserved| vault["prefix"] == *reserved) {
        details.push(Detail::field("prefix", "must not be the name of a vault type"));
    }
    let prefix = vault["prefix"].as_str().unwrap_or_default();
    if !prefix.starts_with(|c: char| c.is_ascii_lowercase()) || prefix.ends_with('-') {
        details.push(Detail::field(
            "prefix",
            "must begin with a lower-case letter and not end with '-'",
        ));
    }
}

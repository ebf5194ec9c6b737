//! What a file says of all its entities at once, and what it means without saying it.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};

use super::Format;
use super::flatten::EntityDraft;
use super::measure::{Exceeded, Measure, size};
use super::remark::{Remark, Topic};
use super::resolve::Placed;
use super::syntax::Header;
use crate::kong::model::entity::reference;
use crate::kong::model::entity_kind::{Role, Write};
use crate::kong::model::json;

/// Writes out what the file abbreviates: shared plugin configurations, `url`, defaults, select tags.
///
/// # Errors
/// When what is written out exceeds the measure.
pub fn complete(
    drafts: &mut [EntityDraft],
    header: &Header,
    measure: &Measure,
    remarks: &mut Vec<Remark>,
) -> Result<(), Exceeded> {
    let sizes = |values: &Map<String, Value>| -> BTreeMap<String, u64> {
        let sizes = values.iter().map(|(name, value)| (name.clone(), size(value)));
        sizes.collect()
    };
    let (defaults_sizes, config_sizes) = (sizes(&header.defaults), sizes(&header.plugin_configs));
    let tags_size: u64 = header.select_tags.iter().map(|tag| size(&json!(tag))).sum();
    for setting in &header.ignored {
        let observed =
            format!("{setting} says something to decK; the migration goes where its own spec says");
        remarks.push(Remark::of_list(Topic::SettingIgnored, setting, observed));
    }
    for draft in drafts {
        let named = draft.body.get("_config").and_then(Value::as_str);
        let copies = [
            named.and_then(|name| config_sizes.get(name)),
            defaults_sizes.get(singular(draft.section.name)),
            Some(&tags_size),
        ];
        measure.take(copies.into_iter().flatten().sum())?;
        let body = &mut draft.body;
        match draft.kind.role {
            Role::Plugin => share_config(body, &header.plugin_configs),
            Role::Service => expand_url(body),
            _ => {}
        }
        let defaults = header
            .defaults
            .get(singular(draft.section.name))
            .and_then(Value::as_object);
        if let Some(defaults) = defaults {
            json::fill(body, defaults);
        }
        if !header.select_tags.is_empty() && draft.kind.write != Write::Member {
            add_tags(body, &header.select_tags);
        }
    }
    Ok(())
}

fn singular(list: &str) -> &str {
    list.strip_suffix('s').unwrap_or(list)
}

/// `_config: name`: the named configuration, under what the plugin itself says.
fn share_config(body: &mut Map<String, Value>, shared: &Map<String, Value>) {
    let Some(found) = body
        .get("_config")
        .and_then(Value::as_str)
        .and_then(|name| shared.get(name)?.as_object())
    else {
        return;
    };
    body.remove("_config");
    if let Value::Object(config) = body.entry("config").or_insert_with(|| json!({})) {
        json::fill(config, found);
    }
}

fn add_tags(body: &mut Map<String, Value>, tags: &[String]) {
    let entry = body.entry("tags").or_insert(Value::Null);
    if entry.is_null() {
        *entry = json!([]);
    }
    if let Value::Array(own) = entry {
        for tag in tags {
            if !own.iter().any(|held| held == tag) {
                own.push(json!(tag));
            }
        }
    }
}

/// `url` stands for protocol, host, port and path, and wins over them, as in the Admin API.
fn expand_url(body: &mut Map<String, Value>) {
    let Some((protocol, rest)) = body
        .get("url")
        .and_then(Value::as_str)
        .and_then(|url| url.split_once("://"))
    else {
        return;
    };
    let (authority, path) = rest
        .find('/')
        .map_or((rest, None), |at| (&rest[..at], Some(&rest[at..])));
    let (host, port) = match authority.rsplit_once(':') {
        Some((host, port)) if !port.contains(']') => (host, port.parse::<u16>().ok()),
        _ => (authority, None),
    };
    let default_port = if matches!(protocol, "https" | "grpcs" | "tls" | "wss") {
        443
    } else {
        80
    };
    let fields = [
        ("protocol", json!(protocol)),
        ("host", json!(host)),
        ("port", json!(port.unwrap_or(default_port))),
        ("path", json!(path)),
    ];
    body.remove("url");
    for (field, value) in fields {
        body.insert(field.to_owned(), value);
    }
}

/// Looks at entities that mean something else in the target than in the gateway the file was written for.
pub fn judge(entities: &mut [Placed], header: &Header, remarks: &mut Vec<Remark>) {
    let derived: BTreeSet<String> = entities
        .iter()
        .filter(|placed| placed.derived && placed.entity.kind.role == Role::Consumer)
        .map(|placed| placed.entity.id.to_string())
        .collect();
    for placed in entities {
        match placed.entity.kind.role {
            Role::Route if header.format != Format::V3_0 => judge_paths(placed, remarks),
            Role::HashedPassword => judge_password(placed, header.hashed, &derived, remarks),
            _ => {}
        }
    }
}

/// Kong 2.x takes a path for a regular expression when it has a character that plain paths do not have.
fn judge_paths(placed: &Placed, remarks: &mut Vec<Remark>) {
    let paths = placed.entity.body.get("paths").and_then(Value::as_array);
    for path in paths.into_iter().flatten().filter_map(Value::as_str) {
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | '~' | '/' | '%');
        if !path.starts_with('~') && !path.chars().all(plain) {
            let observed = format!("{}: path {path}", placed.place);
            let remark = Remark::of(Topic::RegexPathUnmarked, placed.entity.subject(), observed).at("paths");
            remarks.push(remark);
        }
    }
}

/// A password in clear becomes what Kong stores: SHA-1 over password and consumer id, in hexadecimal. Kong does so when
/// it loads the file, unless `_transform` is false. What looks like such a digest is one, because exports hold digests.
fn judge_password(placed: &mut Placed, hashed: bool, derived: &BTreeSet<String>, remarks: &mut Vec<Remark>) {
    let body = &mut placed.entity.body;
    let (Some(password), Some(consumer)) = (
        body.get("password").and_then(Value::as_str),
        reference(body, "consumer"),
    ) else {
        return;
    };
    // A password in a vault is no password yet.
    if password.starts_with("{vault://") {
        return;
    }
    if hashed || is_digest(password) {
        if derived.contains(consumer) {
            let observed = format!("{}: a hash, and its consumer has no id in the file", placed.place);
            let subject = placed.entity.subject();
            remarks.push(Remark::of(Topic::PasswordHashWithoutConsumerId, subject, observed).at("password"));
        }
        return;
    }
    let digest = sha1_smol::Sha1::from(format!("{password}{consumer}")).digest();
    body.insert("password".to_owned(), json!(digest.to_string()));
}

fn is_digest(password: &str) -> bool {
    password.len() == 40
        && password
            .bytes()
            .all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

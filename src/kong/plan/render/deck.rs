//! The planned target as a decK file: for a review with known tools, and as a way out.
//!
//! Routes stand below their service, targets below their upstream, credentials and groups below their consumer, SNIs below
//! their certificate; plugins stand at the top, because decK's form of a group's plugin has no `enabled` and no `protocols`.
//! All ids are kept, and references name ids.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::RenderError;
use crate::kong::model::entity::reference;
use crate::kong::model::entity_kinds::MEMBERS;
use crate::kong::plan::document::PlanEnds;
use crate::kong::plan::mask::MASK;
use crate::migration::plan::Action;
use crate::migration::report::{PlanReport, PlannedEntity, Secrets};

type ListFields = Map<String, Value>;

/// Where a kind stands in a decK file.
enum DeckList {
    /// A list of its own.
    Top(&'static str),
    /// A list in the entity that a field refers to; at the top under the last name when it refers to none.
    Below {
        field: &'static str,
        list: &'static str,
        otherwise: &'static str,
    },
    /// An entry of the top list `custom_entities`, with this type.
    Custom(&'static str),
}

const fn credential(list: &'static str) -> DeckList {
    below("consumer", list, list)
}

const fn below(field: &'static str, list: &'static str, otherwise: &'static str) -> DeckList {
    DeckList::Below {
        field,
        list,
        otherwise,
    }
}

/// decK 1.65: the names of its lists (`pkg/file/types.go` of its engine).
fn place(kind: &str) -> Option<DeckList> {
    Some(match kind {
        "services" => DeckList::Top("services"),
        "routes" => below("service", "routes", "routes"),
        "upstreams" => DeckList::Top("upstreams"),
        "targets" => below("upstream", "targets", "targets"),
        "certificates" => DeckList::Top("certificates"),
        "snis" => below("certificate", "snis", "snis"),
        "ca_certificates" => DeckList::Top("ca_certificates"),
        "consumers" => DeckList::Top("consumers"),
        "consumer_groups" => DeckList::Top("consumer_groups"),
        "key-auths" => credential("keyauth_credentials"),
        "basic-auths" => credential("basicauth_credentials"),
        "hmac-auths" => credential("hmacauth_credentials"),
        "jwts" => credential("jwt_secrets"),
        "acls" => credential("acls"),
        "mtls-auths" => credential("mtls_auth_credentials"),
        "plugins" => DeckList::Top("plugins"),
        "vaults" => DeckList::Top("vaults"),
        "key-sets" => DeckList::Top("key_sets"),
        "keys" => DeckList::Top("keys"),
        "partials" => DeckList::Top("partials"),
        "filter-chains" => DeckList::Top("filter_chains"),
        "degraphql_routes" => DeckList::Custom("degraphql_routes"),
        _ => return None,
    })
}

/// The file, with a head that says what it leaves out.
///
/// # Errors
/// When the values cannot be written as YAML: a defect of this program.
pub fn render(report: &PlanReport<PlanEnds>) -> Result<String, RenderError> {
    text(head(report), &document(report))
}

/// A file with comments before it.
pub(super) fn text(head: Vec<String>, document: &Value) -> Result<String, RenderError> {
    let body = serde_saphyr::to_string(document).map_err(|error| RenderError(error.to_string()))?;
    let comment = |line: String| format!("# {}\n", line.replace(char::is_control, " "));
    let head: String = head.into_iter().map(comment).collect();
    Ok(format!("{head}{body}"))
}

/// What a file of these entities leaves out, and how to use it.
pub(super) fn remarks(entities: &[PlannedEntity]) -> Vec<String> {
    let strange = entities.iter().filter(|e| !is_known(&e.key.kind));
    let mut lines: Vec<String> = strange
        .map(|entity| {
            format!(
                "Not in this file, because decK has no form for it: {}.",
                entity.key
            )
        })
        .collect();
    if entities.iter().any(|e| e.key.kind == "basic-auths") {
        lines.push(
            "Passwords of basic-auth are hashes: deck gateway sync --skip-hash-for-basic-auth.".to_owned(),
        );
    }
    lines
}

fn head(report: &PlanReport<PlanEnds>) -> Vec<String> {
    let mut lines = vec![format!(
        "The planned target of workspace {}, plan {}.",
        report.ends.workspace, report.plan.hash
    )];
    let outside = [
        Action::Update,
        Action::Blocked,
        Action::StaysBehind,
        Action::Skipped,
        Action::NotSelected,
    ];
    let behind: usize = outside.into_iter().map(|action| report.count(action)).sum();
    if behind > 0 {
        lines.push(format!(
            "Not in this file: {behind} entities that are blocked, left out or stay behind; the plan names them."
        ));
    }
    if report.secrets == Secrets::Masked {
        lines.push(
            "Secrets are left out: set the DECK_ variables named below, or export with --include-secrets."
                .to_owned(),
        );
    }
    if !report.ends.source_version.is_empty() {
        lines.push(format!(
            "As a source of a migration it is of Kong {0}: --kong-version {0}.",
            report.ends.source_version
        ));
    }
    lines.extend(remarks(&report.entities));
    lines
}

fn is_known(kind: &str) -> bool {
    kind == MEMBERS || place(kind).is_some()
}

/// The file as a value.
#[must_use]
pub fn document(report: &PlanReport<PlanEnds>) -> Value {
    file(&report.entities, report.ends.control_plane_name.as_deref())
}

/// A file of entities, for the control plane of this name.
pub(super) fn file(entities: &[PlannedEntity], control_plane_name: Option<&str>) -> Value {
    let mut nested: BTreeMap<&str, Vec<(&str, &str, ListFields)>> = BTreeMap::new();
    let mut top: BTreeMap<&str, Vec<(&str, ListFields)>> = BTreeMap::new();
    for entity in entities {
        if entity.key.kind == MEMBERS {
            if let (Some(group), Some(consumer)) = (
                reference(&entity.body, "consumer_group"),
                reference(&entity.body, "consumer"),
            ) {
                let member = ListFields::from_iter([("id".to_owned(), json!(group))]);
                nested.entry(consumer).or_default().push(("groups", "", member));
            }
            continue;
        }
        let body = written(entity);
        match place(&entity.key.kind) {
            Some(DeckList::Top(list)) => top.entry(list).or_default().push((&entity.key.id, body)),
            Some(DeckList::Below {
                field,
                list,
                otherwise,
            }) => match reference(&entity.body, field) {
                Some(parent) => {
                    let mut body = body;
                    body.remove(field);
                    nested
                        .entry(parent)
                        .or_default()
                        .push((list, &entity.key.id, body));
                }
                None => top.entry(otherwise).or_default().push((&entity.key.id, body)),
            },
            Some(DeckList::Custom(type_)) => {
                let custom = json!({"type": type_, "id": entity.key.id, "fields": body});
                let custom = custom.as_object().cloned().unwrap_or_default();
                top.entry("custom_entities")
                    .or_default()
                    .push((&entity.key.id, custom));
            }
            None => {}
        }
    }
    assemble(control_plane_name, top, nested)
}

fn assemble(
    control_plane_name: Option<&str>,
    top: BTreeMap<&str, Vec<(&str, ListFields)>>,
    mut nested: BTreeMap<&str, Vec<(&str, &str, ListFields)>>,
) -> Value {
    let mut file = ListFields::new();
    file.insert("_format_version".to_owned(), json!("3.0"));
    if let Some(name) = control_plane_name {
        file.insert("_konnect".to_owned(), json!({"control_plane_name": name}));
    }
    for (list, entities) in top {
        let entities = entities.into_iter().map(|(id, mut body)| {
            for (list, _, child) in nested.remove(id).unwrap_or_default() {
                if let Value::Array(children) = body.entry(list).or_insert_with(|| json!([])) {
                    children.push(Value::Object(child));
                }
            }
            Value::Object(body)
        });
        file.insert(list.to_owned(), entities.collect());
    }
    Value::Object(file)
}

/// The body in decK's form: with its id, references of plugins and of a service's certificate as plain ids.
fn written(entity: &PlannedEntity) -> ListFields {
    let mut body = entity.body.clone();
    body.insert("id".to_owned(), json!(entity.key.id));
    let plain: &[&str] = match &*entity.key.kind {
        "plugins" => &["service", "route", "consumer", "consumer_group"],
        "services" => &["client_certificate"],
        _ => &[],
    };
    for field in plain {
        if let Some(id) = reference(&body, field).map(str::to_owned) {
            body.insert((*field).to_owned(), json!(id));
        }
    }
    let variable = format!("DECK_{}_{}", entity.key.kind, entity.key.id);
    for (name, value) in &mut body {
        name_secrets(value, &format!("{variable}_{name}"));
    }
    body
}

/// Puts decK's reference to an environment variable where a secret is masked.
fn name_secrets(value: &mut Value, variable: &str) {
    match value {
        Value::String(text) if text == MASK => {
            let name: String = variable
                .chars()
                .map(|c| {
                    if c.is_ascii_alphanumeric() {
                        c.to_ascii_uppercase()
                    } else {
                        '_'
                    }
                })
                .collect();
            *text = format!("${{{{ env \"{name}\" }}}}");
        }
        Value::Object(fields) => {
            for (name, value) in fields {
                name_secrets(value, &format!("{variable}_{name}"));
            }
        }
        Value::Array(items) => {
            for (at, item) in items.iter_mut().enumerate() {
                name_secrets(item, &format!("{variable}_{at}"));
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

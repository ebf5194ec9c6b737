//! The planned target as objects of Kong's operator that adopt it: for those who go on with that operator.
//!
//! Shapes: the definitions of Kong's operator 2.1 (`configuration.konghq.com`). Left out, and named in comments, is what
//! they cannot say without harm: kinds without an object, basic-auth (adoption would hash the hash again), and, in a plan
//! without secrets, what holds one (adoption would write the mask).

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::RenderError;
use crate::kong::model::entity::reference;
use crate::kong::model::entity_kinds::{MEMBERS, named};
use crate::kong::plan::document::PlanEnds;
use crate::kong::plan::mask::MASK;
use crate::migration::report::{PlanReport, PlannedEntity};

type ManifestFields = Map<String, Value>;

/// Writes the reference to a parent, from the name of the parent's object: field and value.
type ParentRef = fn(&str) -> (&'static str, Value);

/// How a kind is written.
struct Form {
    kind: &'static str,
    version: &'static str,
    /// The foreign key for which the object has a reference by name.
    parent: Option<(&'static str, ParentRef)>,
    /// Fields that the definition does not know; an entity with a value in one is left out.
    unknown: &'static [&'static str],
}

const fn form(kind: &'static str) -> Form {
    Form {
        kind,
        version: "v1alpha1",
        parent: None,
        unknown: &[],
    }
}

fn by_name(field: &'static str, name: &str) -> (&'static str, Value) {
    (field, json!({"name": name}))
}

fn consumer_ref(name: &str) -> (&'static str, Value) {
    by_name("consumerRef", name)
}

fn find(kind: &str) -> Option<Form> {
    let credential = |kind| Form {
        parent: Some(("consumer", consumer_ref)),
        ..form(kind)
    };
    Some(match kind {
        "services" => Form {
            unknown: &["client_certificate", "ca_certificates", "tls_sans"],
            ..form("KongService")
        },
        "routes" => Form {
            parent: Some(("service", |name| {
                (
                    "serviceRef",
                    json!({"type": "namespacedRef", "namespacedRef": {"name": name}}),
                )
            })),
            unknown: &["expression", "priority"],
            ..form("KongRoute")
        },
        "upstreams" => Form {
            unknown: &["client_certificate"],
            ..form("KongUpstream")
        },
        "targets" => Form {
            parent: Some(("upstream", |name| by_name("upstreamRef", name))),
            unknown: &["failover"],
            ..form("KongTarget")
        },
        "certificates" => form("KongCertificate"),
        "snis" => Form {
            parent: Some(("certificate", |name| by_name("certificateRef", name))),
            ..form("KongSNI")
        },
        "ca_certificates" => form("KongCACertificate"),
        "key-sets" => form("KongKeySet"),
        "keys" => Form {
            parent: Some(("set", |name| {
                (
                    "keySetRef",
                    json!({"type": "namespacedRef", "namespacedRef": {"name": name}}),
                )
            })),
            ..form("KongKey")
        },
        "consumers" => Form {
            version: "v1",
            ..form("KongConsumer")
        },
        "consumer_groups" => Form {
            version: "v1beta1",
            ..form("KongConsumerGroup")
        },
        "key-auths" => credential("KongCredentialAPIKey"),
        "hmac-auths" => credential("KongCredentialHMAC"),
        "jwts" => credential("KongCredentialJWT"),
        "acls" => credential("KongCredentialACL"),
        _ => return None,
    })
}

/// One YAML document for each object, with a head that says what is left out.
///
/// # Errors
/// When a value cannot be written as YAML: a defect of this program.
pub fn render(report: &PlanReport<PlanEnds>) -> Result<String, RenderError> {
    let mut export = Export::new(report);
    for entity in &report.entities {
        export.add(entity);
    }
    let mut out = format!(
        "# The planned target of workspace {}, plan {}: apply it after the migration, beside KonnectGatewayControlPlane {}.\n",
        report.ends.workspace.replace(char::is_control, " "),
        report.plan.hash,
        export.control_plane
    );
    for (key, why) in export.left_out {
        out.push_str(&format!("# Left out: {key}: {why}.\n"));
    }
    for object in &export.objects {
        let text = serde_saphyr::to_string(object).map_err(|error| RenderError(error.to_string()))?;
        out.push_str("---\n");
        out.push_str(&text);
    }
    Ok(out)
}

struct Export<'a> {
    control_plane: String,
    /// Names of objects by id of the entity.
    names: BTreeMap<&'a str, String>,
    /// Names of the groups of a consumer, by its id.
    groups: BTreeMap<&'a str, Vec<String>>,
    left_out: Vec<(String, &'static str)>,
    objects: Vec<Value>,
}

impl<'a> Export<'a> {
    fn new(report: &'a PlanReport<PlanEnds>) -> Self {
        let names: BTreeMap<&str, String> = report
            .entities
            .iter()
            .map(|entity| (&*entity.key.id, object_name(entity)))
            .collect();
        let mut groups: BTreeMap<&str, Vec<String>> = BTreeMap::new();
        for member in report.entities.iter().filter(|e| e.key.kind == MEMBERS) {
            let group = reference(&member.body, "consumer_group").and_then(|id| names.get(id));
            if let (Some(consumer), Some(group)) = (reference(&member.body, "consumer"), group) {
                groups.entry(consumer).or_default().push(group.clone());
            }
        }
        Self {
            control_plane: dns(report
                .ends
                .control_plane_ref
                .as_deref()
                .unwrap_or(report.ends.control_plane_shown())),
            names,
            groups,
            left_out: Vec::new(),
            objects: Vec::new(),
        }
    }

    fn add(&mut self, entity: &PlannedEntity) {
        let kind = &*entity.key.kind;
        if kind == MEMBERS {
            return;
        }
        let form = find(kind);
        if kind == "basic-auths" {
            return self.leave_out(entity, "its password would be hashed again");
        }
        if kind == "vaults" {
            return self.leave_out(entity, "its object belongs to no namespace: write it by hand");
        }
        if form.is_none() && kind != "plugins" {
            return self.leave_out(entity, "Kong's operator has no object for this kind");
        }
        if entity.body.values().any(has_mask) {
            return self.leave_out(
                entity,
                "it holds a secret, and this plan holds none: print it with plan --include-secrets",
            );
        }
        let objects = match form {
            Some(form) => self.object(entity, &form),
            None => self.plugin(entity),
        };
        match objects {
            Ok(objects) => self.objects.extend(objects),
            Err(why) => self.leave_out(entity, why),
        }
    }

    fn leave_out(&mut self, entity: &PlannedEntity, why: &'static str) {
        self.left_out.push((entity.key.to_string(), why));
    }

    fn object(&self, entity: &PlannedEntity, form: &Form) -> Result<Vec<Value>, &'static str> {
        let mut fields = present(&entity.body);
        if form.unknown.iter().any(|field| fields.contains_key(*field)) {
            return Err("its object lacks a field that is set");
        }
        let mut spec = ManifestFields::new();
        let mut at_top = ManifestFields::new();
        let parent = form.parent.and_then(|(field, write)| {
            fields.remove(field);
            Some(write(self.names.get(reference(&entity.body, field)?)?))
        });
        // What stands below something else is in its control plane.
        let nested = parent.is_some() && form.kind != "KongKey";
        if let Some((field, value)) = parent {
            spec.insert(field.to_owned(), value);
        }
        if !nested {
            spec.insert("controlPlaneRef".to_owned(), self.control_plane_ref());
        }
        if form.kind == "KongConsumer" {
            for field in ["username", "custom_id"] {
                at_top.extend(fields.remove_entry(field));
            }
            if let Some(groups) = self.groups.get(&*entity.key.id) {
                at_top.insert("consumerGroups".to_owned(), json!(groups));
            }
        }
        // Kong's operator compares the health checks of an upstream by address, so that no upstream ever matches.
        let mode = if form.kind == "KongUpstream" {
            "override"
        } else {
            "match"
        };
        spec.insert("adopt".to_owned(), adopt(&entity.key.id, mode));
        spec.extend(fields);
        let name = self.names.get(&*entity.key.id).cloned().unwrap_or_default();
        let mut object = head(form.kind, form.version, &name);
        object.extend(at_top);
        object.insert("spec".to_owned(), Value::Object(spec));
        Ok(vec![Value::Object(object)])
    }

    /// A plugin is two objects: its settings, and what they are bound to.
    fn plugin(&self, entity: &PlannedEntity) -> Result<Vec<Value>, &'static str> {
        let mut fields = present(&entity.body);
        let scopes = [
            ("service", "serviceRef", "KongService"),
            ("route", "routeRef", "KongRoute"),
            ("consumer", "consumerRef", ""),
            ("consumer_group", "consumerGroupRef", ""),
        ];
        let mut targets = ManifestFields::new();
        for (field, target, kind) in scopes {
            let Some(id) = reference(&entity.body, field) else {
                continue;
            };
            fields.remove(field);
            let name = self.names.get(id).ok_or("what it is bound to is not exported")?;
            let target_value = match kind {
                "" => json!({"name": name}),
                kind => json!({"name": name, "kind": kind, "group": "configuration.konghq.com"}),
            };
            targets.insert(target.to_owned(), target_value);
        }
        let name = self.names.get(&*entity.key.id).cloned().unwrap_or_default();
        let mut settings = head("KongPlugin", "v1", &name);
        settings.extend(fields.remove("name").map(|plugin| ("plugin".to_owned(), plugin)));
        if fields.remove("enabled") == Some(json!(false)) {
            settings.insert("disabled".to_owned(), json!(true));
        }
        for field in ["config", "instance_name", "protocols"] {
            settings.extend(fields.remove_entry(field));
        }
        if fields.keys().any(|field| field != "tags") {
            return Err("its object lacks a field that is set");
        }
        let scope = if targets.is_empty() {
            "GlobalInControlPlane"
        } else {
            "OnlyTargets"
        };
        let mut spec = json!({
            "adopt": adopt(&entity.key.id, "match"),
            "controlPlaneRef": self.control_plane_ref(),
            "pluginRef": {"name": name},
            "scope": scope,
        });
        if !targets.is_empty() {
            spec["targets"] = Value::Object(targets);
        }
        let mut binding = head("KongPluginBinding", "v1alpha1", &name);
        binding.insert("spec".to_owned(), spec);
        Ok(vec![Value::Object(settings), Value::Object(binding)])
    }

    fn control_plane_ref(&self) -> Value {
        json!({"type": "konnectNamespacedRef", "konnectNamespacedRef": {"name": self.control_plane}})
    }
}

fn adopt(id: &str, mode: &str) -> Value {
    json!({"from": "konnect", "mode": mode, "konnect": {"id": id}})
}

fn head(kind: &str, version: &str, name: &str) -> ManifestFields {
    ManifestFields::from_iter([
        (
            "apiVersion".to_owned(),
            json!(format!("configuration.konghq.com/{version}")),
        ),
        ("kind".to_owned(), json!(kind)),
        ("metadata".to_owned(), json!({"name": name})),
    ])
}

/// The fields with a value; null means the same as absent in these objects.
fn present(body: &ManifestFields) -> ManifestFields {
    let present = body.iter().filter(|(_, value)| !value.is_null());
    present
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect()
}

fn has_mask(value: &Value) -> bool {
    match value {
        Value::String(text) => text == MASK,
        Value::Array(items) => items.iter().any(has_mask),
        Value::Object(fields) => fields.values().any(has_mask),
        Value::Null | Value::Bool(_) | Value::Number(_) => false,
    }
}

/// The entity's own name and the start of its id, so that two with one name keep apart.
fn object_name(entity: &PlannedEntity) -> String {
    let labels = named(&entity.key.kind).map_or(&[][..], |kind| kind.labels);
    let label = labels
        .iter()
        .find_map(|field| entity.body.get(*field)?.as_str())
        .unwrap_or(&entity.key.kind);
    let id: String = entity.key.id.chars().take(8).collect();
    let label: String = label.chars().take(50).collect();
    dns(&format!("{label}-{id}"))
}

/// Lower-case letters, digits and dashes, as names of objects are.
fn dns(text: &str) -> String {
    let plain: String = text
        .chars()
        .map(|c| {
            if c.is_ascii_alphanumeric() {
                c.to_ascii_lowercase()
            } else {
                '-'
            }
        })
        .collect();
    plain.trim_matches('-').to_owned()
}

//! Import blocks for Kong's Terraform provider: `terraform plan -generate-config-out=kong.tf` then writes the resources.
//!
//! Names of resources and forms of ids: `kong/konnect` provider 3.19, `examples/resources/*/import-by-string-id.tf`.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use crate::kong::model::entity::reference;
use crate::kong::model::entity_kinds::named;
use crate::kong::plan::catalogue::Catalogue;
use crate::kong::plan::document::PlanEnds;
use crate::migration::report::{PlanReport, PlannedEntity};

/// The blocks, with a head; entities that the provider has no resource for are named in comments.
#[must_use]
pub fn render(report: &PlanReport<PlanEnds>) -> String {
    let mut out = format!(
        "# The planned target of workspace {}, plan {}: import it after the migration.\n",
        report.ends.workspace.replace(char::is_control, " "),
        report.plan.hash
    );
    let mut names = BTreeSet::new();
    for entity in &report.entities {
        let Some(resource) = resource(entity) else {
            // Writing to a string does not fail.
            let _ = writeln!(
                out,
                "\n# The provider has no resource that imports {}.",
                entity.key
            );
            continue;
        };
        let name = unique_name(entity, &resource, &mut names);
        let _ = writeln!(out, "\nimport {{\n  to = {resource}.{name}\n  id = jsonencode({{");
        let mut parts = vec![
            ("control_plane_id", report.ends.control_plane.as_str()),
            ("id", &entity.key.id),
        ];
        for (field, part) in [("consumer", "consumer_id"), ("upstream", "upstream_id")] {
            let nested = entity.key.kind == "targets" || is_credential(&entity.key.kind);
            if let Some(id) = reference(&entity.body, field).filter(|_| nested) {
                parts.push((part, id));
            }
        }
        parts.sort_unstable();
        for (part, value) in parts {
            let _ = writeln!(out, "    {part} = {}", quoted(value));
        }
        let _ = writeln!(out, "  }})\n}}");
    }
    out
}

fn is_credential(kind: &str) -> bool {
    matches!(
        kind,
        "key-auths" | "basic-auths" | "hmac-auths" | "jwts" | "acls" | "mtls-auths"
    )
}

fn resource(entity: &PlannedEntity) -> Option<String> {
    let suffix = match &*entity.key.kind {
        "services" => "service",
        "routes" if entity.body.get("expression").is_some_and(|e| !e.is_null()) => "route_expression",
        "routes" => "route",
        "upstreams" => "upstream",
        "targets" => "target",
        "certificates" => "certificate",
        "snis" => "sni",
        "ca_certificates" => "ca_certificate",
        "consumers" => "consumer",
        "consumer_groups" => "consumer_group",
        "key-auths" => "key_auth",
        "basic-auths" => "basic_auth",
        "hmac-auths" => "hmac_auth",
        "jwts" => "jwt",
        "acls" => "acl",
        "mtls-auths" => "mtls_auth",
        "vaults" => "vault",
        "key-sets" => "key_set",
        "keys" => "key",
        "partials" => "partial",
        "plugins" => return plugin_resource(entity),
        _ => return None,
    };
    Some(format!("konnect_gateway_{suffix}"))
}

/// One resource for each bundled plugin; none for a plugin that a user wrote.
fn plugin_resource(entity: &PlannedEntity) -> Option<String> {
    let name = entity.body.get("name")?.as_str()?;
    Catalogue::bundled().secrets(name)?;
    Some(format!("konnect_gateway_plugin_{}", name.replace('-', "_")))
}

/// A name of letters, digits and underscores, from the entity's own name where it has one.
fn unique_name(entity: &PlannedEntity, resource: &str, taken: &mut BTreeSet<String>) -> String {
    let labels = named(&entity.key.kind).map_or(&[][..], |kind| kind.labels);
    let label = labels
        .iter()
        .find_map(|field| entity.body.get(*field)?.as_str())
        .unwrap_or(&entity.key.id);
    let plain = |text: &str| -> String {
        text.chars()
            .map(|c| {
                if c.is_ascii_alphanumeric() {
                    c.to_ascii_lowercase()
                } else {
                    '_'
                }
            })
            .collect()
    };
    let mut name = plain(label);
    if !name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_') {
        name.insert_str(0, "e_");
    }
    if !taken.insert(format!("{resource}.{name}")) {
        name = format!("{name}_{}", plain(&entity.key.id));
        taken.insert(format!("{resource}.{name}"));
    }
    name
}

fn quoted(text: &str) -> String {
    let escaped = text
        .replace('\\', "\\\\")
        .replace('"', "\\\"")
        .replace("${", "$${")
        .replace("%{", "%%{");
    format!("\"{escaped}\"")
}

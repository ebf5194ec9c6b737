//! A backup for those who restore it by other means. Holds secrets in clear.

use serde_json::json;

use super::{RenderError, deck};
use crate::kong::model::Entity;
use crate::kong::model::entity_kinds::named;
use crate::kong::plan::backup::BackupHead;
use crate::kong::plan::catalogue::Catalogue;
use crate::kong::plan::translate::fit_for_target;
use crate::migration::report::PlannedEntity;

/// A decK file, with a head that says what it leaves out. What the server makes itself is not in it.
///
/// # Errors
/// When the values cannot be written as YAML: a defect of this program.
pub fn render_deck(head: &BackupHead, entities: &[PlannedEntity]) -> Result<String, RenderError> {
    let writable: Vec<_> = entities.iter().map(fit).collect();
    let mut lines = vec![
        format!(
            "Control plane {} as it was at {}: {} entities.",
            shown(head),
            head.taken_at,
            entities.len()
        ),
        "It holds secrets in clear.".to_owned(),
    ];
    lines.extend(deck::remarks(&writable));
    deck::text(lines, &deck::file(&writable, head.control_plane_name.as_deref()))
}

/// The control plane for a person.
fn shown(head: &BackupHead) -> String {
    match &head.control_plane_name {
        Some(name) => format!("{name} ({})", head.control_plane),
        None => head.control_plane.clone(),
    }
}

fn fit(entity: &PlannedEntity) -> PlannedEntity {
    let body = match named(&entity.key.kind) {
        Some(kind) => {
            let whole = Entity {
                kind,
                id: entity.key.id.clone(),
                body: entity.body.clone(),
            };
            fit_for_target(&whole, Catalogue::bundled())
        }
        None => entity.body.clone(),
    };
    PlannedEntity {
        key: entity.key.clone(),
        body,
    }
}

/// One JSON document with every entity as Konnect returned it.
#[must_use]
pub fn render_json(head: &BackupHead, entities: &[PlannedEntity]) -> String {
    let document = json!({
        "controlPlane": head.control_plane,
        "controlPlaneName": head.control_plane_name,
        "takenAt": head.taken_at,
        "entities": entities,
    });
    format!("{document:#}\n")
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;
    use crate::kong::plan::backup;
    use crate::kong::plan::test_support::snapshot;

    #[test]
    fn a_backup_is_a_deck_file_with_every_entity_in_clear() {
        let target = snapshot(&[
            (
                "services",
                json!({"id": "0b3b7a3e-5c1f-4f0e-9a53-0d4c9a0c1c11", "name": "cart", "host": "h", "created_at": 1, "retries": null}),
            ),
            (
                "routes",
                json!({"id": "5e1c8d5a-6a3e-4bb0-8a68-3f6a1d0d2e22", "name": "r", "paths": ["/"], "service": {"id": "0b3b7a3e-5c1f-4f0e-9a53-0d4c9a0c1c11"}}),
            ),
            (
                "consumers",
                json!({"id": "6e1c8d5a-6a3e-4bb0-8a68-3f6a1d0d2e33", "username": "u"}),
            ),
            (
                "key-auths",
                json!({"id": "7e1c8d5a-6a3e-4bb0-8a68-3f6a1d0d2e44", "key": "hunter2", "consumer": {"id": "6e1c8d5a-6a3e-4bb0-8a68-3f6a1d0d2e33"}}),
            ),
            (
                "plugin-schemas",
                json!({"name": "our-own", "lua_schema": "return {}"}),
            ),
        ]);
        let mut document = Vec::new();
        let head = BackupHead::new("cp", Some("shop".to_owned()), jiff::Timestamp::UNIX_EPOCH);
        backup::write(&target, &head, &mut document).unwrap();
        let (head, entities) = backup::read(document.as_slice()).unwrap();
        let text = render_deck(&head, &entities).unwrap();
        assert!(
            text.starts_with("# Control plane shop (cp) as it was at 1970-01-01T00:00:00Z: 5 entities.\n")
        );
        assert!(
            text.contains("# Not in this file, because decK has no form for it: plugin-schemas/our-own.")
        );
        let file: Value = serde_saphyr::from_str(&text).unwrap();
        assert_eq!(file["consumers"][0]["keyauth_credentials"][0]["key"], "hunter2");
        assert_eq!(file["services"][0]["routes"][0]["name"], "r");
        assert_eq!(file["_konnect"]["control_plane_name"], "shop");
        assert!(!text.contains("created_at"));
        let json: Value = serde_json::from_str(&render_json(&head, &entities)).unwrap();
        assert_eq!(json["entities"].as_array().map(Vec::len), Some(5));
    }
}

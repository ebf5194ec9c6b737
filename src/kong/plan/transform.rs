//! Changes entities on the way, by JSON patches and presets, with a reason each.

use std::borrow::Cow;

use serde_json::Value;

use super::input::{Change, Transform};
use crate::kong::model::{Entity, KongVersion};

/// What the transforms of a policy did to one entity.
#[derive(Debug)]
pub struct Transformed<'a> {
    /// The entity with all patches applied; borrowed where none was.
    pub entity: Cow<'a, Entity>,
    /// Indices of the transforms that were applied.
    pub applied: Vec<usize>,
}

/// A patch that could not be applied.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("the transform {reason:?} cannot be applied: {problem}")]
pub struct TransformError {
    /// Index of the transform.
    pub index: usize,
    /// Reason of the transform, by which a user knows it.
    pub reason: String,
    /// What is wrong, without values.
    pub problem: String,
}

/// Applies every transform that selects the entity, in order. A preset that has nothing to do at it counts as not applied.
///
/// # Errors
/// A patch that does not fit the entity, or that changes its id.
pub fn transform<'a>(
    entity: &'a Entity,
    transforms: &[Transform],
    version: Option<KongVersion>,
) -> Result<Transformed<'a>, TransformError> {
    let mut changed = Transformed {
        entity: Cow::Borrowed(entity),
        applied: Vec::new(),
    };
    for (index, transform) in transforms
        .iter()
        .enumerate()
        .filter(|(_, transform)| selects(transform, entity))
    {
        let failed = |problem: String| TransformError {
            index,
            reason: transform.reason.clone(),
            problem,
        };
        let mut body = Value::Object(changed.entity.body.clone());
        match (&transform.change, &mut body) {
            // The library's message names the operation and its path, never a value.
            (Change::Patch(patch), body) => {
                json_patch::patch(body, patch).map_err(|error| failed(error.to_string()))?;
            }
            (Change::Preset(preset), Value::Object(body)) => {
                preset.apply(body, version);
                if *body == changed.entity.body {
                    continue;
                }
            }
            (Change::Preset(_), _) => continue,
        }
        let Value::Object(body) = body else {
            return Err(failed("it makes something other than an object".into()));
        };
        if body.get("id") != entity.body.get("id") {
            return Err(failed("it changes the id; use spec.idPolicy for that".into()));
        }
        changed.entity.to_mut().body = body;
        changed.applied.push(index);
    }
    Ok(changed)
}

fn selects(transform: &Transform, entity: &Entity) -> bool {
    transform.kind == entity.kind.name
        && transform.name.as_ref().is_none_or(|name| entity.is_named(name))
        && entity.has_tags(&transform.tags)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::test_support::entity;
    use super::*;

    fn of(kind: &str, name: Option<&str>, patch: Value) -> Transform {
        Transform {
            kind: kind.into(),
            name: name.map(str::to_owned),
            tags: Vec::new(),
            change: Change::Patch(serde_json::from_value(patch).unwrap()),
            reason: "local counters".into(),
        }
    }

    #[test]
    fn a_patch_changes_what_it_selects_and_nothing_else() {
        let plugin = entity(
            "plugins",
            json!({"id": "p", "name": "rate-limiting", "config": {"policy": "cluster"}}),
        );
        let local = of(
            "plugins",
            Some("rate-limiting"),
            json!([{"op": "replace", "path": "/config/policy", "value": "local"}]),
        );
        let other = of(
            "plugins",
            Some("cors"),
            json!([{"op": "remove", "path": "/config"}]),
        );
        let changed = transform(&plugin, &[other, local], None).unwrap();
        assert_eq!(changed.entity.body["config"], json!({"policy": "local"}));
        assert_eq!(changed.applied, [1]);
    }

    #[test]
    fn a_patch_that_does_not_fit_is_an_error_without_values() {
        let service = entity("services", json!({"id": "s", "host": "canary"}));
        let missing = of("services", None, json!([{"op": "remove", "path": "/nothing"}]));
        let error = transform(&service, &[missing], None).unwrap_err().to_string();
        assert!(error.contains("/nothing") && !error.contains("canary"), "{error}");
        let identity = of(
            "services",
            None,
            json!([{"op": "replace", "path": "/id", "value": "x"}]),
        );
        assert!(
            transform(&service, &[identity], None)
                .unwrap_err()
                .problem
                .contains("idPolicy")
        );
    }
}

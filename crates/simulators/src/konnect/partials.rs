//! Partials that a plugin links: `partials: [{id, name?, path?}]`.

use serde_json::{Value, json};

use super::errors::{About, Detail};
use super::state::ControlPlane;

/// Resolves the links of a plugin, completes them, and returns the configuration paths that they stand for.
pub fn link(
    control_plane: &ControlPlane,
    definition: &Value,
    plugin: &mut Value,
    details: &mut Vec<Detail>,
) -> Vec<String> {
    let Some(links) = plugin["partials"].as_array_mut() else {
        return Vec::new();
    };
    let mut linked = Vec::new();
    for (index, link) in links.iter_mut().enumerate() {
        let field = format!("partials.{index}");
        let named = link["id"]
            .as_str()
            .or(link["name"].as_str())
            .unwrap_or_default()
            .to_owned();
        let found = control_plane
            .of("partials")
            .find(|p| p["id"] == *named || p["name"] == *named);
        let Some(partial) = found else {
            let message = format!("{field}.id (type: foreign) constraint failed for value '{named}': ");
            details.push(Detail {
                about: About::Reference,
                field: format!("{field}.id"),
                message,
            });
            continue;
        };
        let paths = supported_paths(definition, partial["type"].as_str().unwrap_or_default());
        let wanted = link["path"].as_str().map(str::to_owned);
        match wanted.or_else(|| paths.first().cloned()) {
            Some(path) if paths.contains(&path) => {
                *link = json!({"id": partial["id"], "path": path});
                if let Some(name) = partial.get("name") {
                    link["name"] = name.clone();
                }
                linked.push(path);
            }
            _ => details.push(Detail::field(
                field,
                "the plugin does not support this type of partial there",
            )),
        }
    }
    linked
}

/// Configuration paths of the plugin that take a partial of the type.
fn supported_paths(definition: &Value, partial_type: &str) -> Vec<String> {
    let slots = definition["partials"].as_array().into_iter().flatten();
    let paths = slots
        .filter(|slot| slot["name"] == partial_type)
        .filter_map(|slot| slot["paths"].as_array());
    paths
        .flatten()
        .filter_map(Value::as_str)
        .map(str::to_owned)
        .collect()
}

//! Plugins and configuration values that Konnect cannot run, from its published plugin pages.

use std::sync::LazyLock;

use serde_json::Value;

use super::errors::Detail;

static DATA: LazyLock<Value> = LazyLock::new(|| {
    serde_json::from_str(include_str!("../../data/konnect/plugin-support.json")).unwrap_or_default()
});

/// Whether users cannot have the plugin in Konnect at all.
pub fn is_unavailable(name: &str) -> bool {
    matches!(
        DATA["plugins"][name]["verdict"].as_str(),
        Some("unsupported" | "konnect_internal")
    )
}

/// One detail per value of the completed plugin that its deployment refuses; a refused default counts as well.
pub fn refused_values(name: &str, plugin: &Value, deployment: &str) -> Vec<Detail> {
    let rules = DATA["plugins"][name]["refused"].as_array().into_iter().flatten();
    let applies = |rule: &&Value| {
        rule["deployments"]
            .as_array()
            .is_some_and(|d| d.iter().any(|d| d == deployment))
    };
    let refused = rules.filter(applies).filter_map(|rule| {
        let field = rule["field"].as_str()?;
        let value = plugin.pointer(&format!("/{}", field.replace('.', "/")))?;
        let values = rule["values"].as_array()?;
        let refused = values.iter().any(|pattern| matches(pattern, value));
        refused.then(|| Detail::field(field, format!("{value} is not supported in Konnect")))
    });
    refused.collect()
}

/// `*` is any value; a description in angle brackets means a key set's name, which is whatever is no URL; braces
/// describe vault references that need no check here; anything else is literal.
fn matches(pattern: &Value, value: &Value) -> bool {
    match pattern.as_str() {
        _ if value.is_null() => false,
        Some("*") => true,
        Some(text) if text.starts_with('<') => value.as_str().is_some_and(|value| !value.starts_with("http")),
        Some(text) if text.starts_with('{') => false,
        _ => pattern == value,
    }
}

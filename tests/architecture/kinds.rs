//! Where kinds of entities are known by name. Everywhere else asks for what the table says of a kind: its role, its keys, its form.

use super::paths::{literals, mentions};
use super::rules::module_of;

/// The table, tables of other tools' forms that name every kind, and rules that are about one kind.
const TABLES: &[&str] = &[
    "kong/model/entity_kinds.rs",
    "kong/model/lists_below.rs",
    "kong/model/named_references.rs",
    "kong/declarative/sections.rs",
    "kong/plan/core_defaults.rs",
    "kong/plan/preflight/",
    "kong/plan/render/deck.rs",
    "kong/plan/render/kong_operator.rs",
    "kong/plan/render/terraform.rs",
];

/// Names of fields and of lists in files that are those of kinds too. One that is no longer there must leave the list.
const FIELDS: &[(&str, &str)] = &[
    ("kong/declarative/flatten.rs", "consumers"),
    ("kong/declarative/flatten.rs", "groups"),
    ("kong/model/recast.rs", "consumer_groups"),
    ("kong/plan/preset.rs", "snis"),
];

/// Folders of products beside Kong, and of their kinds: what they call a route is not Kong's.
const OTHER_PRODUCTS: &[&str] = &[];

/// Constants of the table that are names of no kind.
const OTHER_CONSTANTS: &[&str] = &["ENTITY_KINDS", "PLUGIN_SCOPE"];

/// Files that know a kind by name and should not, and fields that are not there: a line each.
pub fn violations(sources: &[(&str, &str)], kinds: &[&str]) -> Vec<String> {
    let found: Vec<(&str, usize, String)> = sources
        .iter()
        .filter(|(file, _)| {
            !TABLES
                .iter()
                .chain(OTHER_PRODUCTS)
                .any(|known| file.starts_with(known))
        })
        .flat_map(|(file, source)| {
            named(file, source, kinds)
                .into_iter()
                .map(|(line, name)| (*file, line, name))
        })
        .collect();
    let is_field = |file: &str, name: &str| FIELDS.contains(&(file, name));
    let wrong = found
        .iter()
        .filter(|(file, _, name)| !is_field(file, name))
        .map(|(file, line, name)| format!("src/{file}:{line}: knows the kind {name} by its name"));
    let gone = FIELDS
        .iter()
        .filter(|(field_of, field)| {
            !found
                .iter()
                .any(|(file, _, name)| file == field_of && name == field)
        })
        .map(|(file, field)| format!("src/{file} has no {field} any more: take it off the list"));
    wrong.chain(gone).collect()
}

fn named(file: &str, source: &str, kinds: &[&str]) -> Vec<(usize, String)> {
    let texts = literals(source)
        .into_iter()
        .filter(|(_, text)| kinds.contains(&text.as_str()));
    let constants = mentions(source, &module_of(file))
        .into_iter()
        .filter(|mention| !mention.in_tests && mention.internal)
        .filter_map(|mention| match mention.segments.as_slice() {
            [kong, model, table, name] if [kong, model, table] == ["kong", "model", "entity_kinds"] => {
                Some((mention.line, name.clone()))
            }
            _ => None,
        })
        .filter(|(_, name)| {
            name.chars().all(|c| c.is_ascii_uppercase() || c == '_')
                && !OTHER_CONSTANTS.contains(&name.as_str())
        });
    texts.chain(constants).collect()
}

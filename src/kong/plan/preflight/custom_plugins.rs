//! Schemas of custom plugins that the user gives: whether Konnect takes them.
//!
//! Source of the rules: Kong's documentation of custom plugins in Konnect; the size is that of its public ancestor
//! (`Kong/koko`), today's is not published.

use super::super::input::CustomPlugin;
use super::super::lua::{LuaSchema, Name};
use super::facts::{Facts, text};
use super::plugins::{CUSTOM_PLUGIN_NAME, is_plugin_name};
use super::verdict::EntityVerdict;
use crate::kong::model::Entity;
use crate::kong::model::entity_kinds::PLUGIN_SCHEMAS;
use crate::migration::finding::{Finding, rules};

rules! {
    SCHEMA_REQUIRES: Error, waivable, "custom-plugin-schema-requires",
        "The schema of a custom plugin requires a module, which Konnect does not have; it is not uploaded, and its plugins stay behind.",
        "Write what the schema needs from the module into schema.lua itself.",
        "A schema.lua with require \"kong.plugins.our-own.checks\".";
    SCHEMA_REQUIRES_TYPEDEFS: Warning, waivable, "custom-plugin-schema-requires-typedefs",
        "The schema of a custom plugin requires kong.db.schema.typedefs; Konnect's documentation forbids every require, and uses this module in an example.",
        "Nothing where the upload succeeds; else write the fields without typedefs.",
        "A schema.lua with require \"kong.db.schema.typedefs\".";
    SCHEMA_NAME_COMPUTED: Error, waivable, "custom-plugin-schema-name-not-literal",
        "The schema of a custom plugin has no name that is written out; it is not uploaded, and its plugins stay behind.",
        "Write the name as text: name = \"our-own\".",
        "A schema.lua with name = PLUGIN_NAME.";
    SCHEMA_NAME_DIFFERS: Error, waivable, "custom-plugin-schema-name-differs",
        "The schema of a custom plugin has another name than the plugin it is given for; it is not uploaded, and its plugins stay behind.",
        "Correct the name in spec.customPlugins, or name the right schema.lua.",
        "customPlugins has name: our-own, and the schema.lua has name = \"theirs\".";
    SCHEMA_NAME_BUNDLED: Error, waivable, "custom-plugin-name-bundled",
        "A custom plugin has the name of one that Kong brings; its schema is not uploaded.",
        "Give the plugin another name, in its files and in the source.",
        "customPlugins has name: cors.";
    SCHEMA_LARGE: Warning, waivable, "custom-plugin-schema-large",
        "The schema of a custom plugin has more than 8,192 characters; earlier versions of Konnect refused that, today's limit is not published.",
        "Nothing where the upload succeeds; else shorten it, comments first.",
        "A schema.lua of 12,000 characters.";
    SCHEMA_OF_DATABASE: Error, waivable, "custom-plugin-needs-database",
        "The custom plugin has parts that Konnect does not run: an Admin API of its own, or tables in the database.",
        "Write the plugin without api.lua, daos.lua and migrations, or replace it; waive this when it works without them.",
        "A ConfigMap with schema.lua and daos.lua.";
    SCHEMA_UNUSED: Info, waivable, "custom-plugin-schema-unused",
        "No plugin that takes part has this name, so its schema is not uploaded.",
        "Take it out of spec.customPlugins, or correct its name.",
        "customPlugins has name: our-own, and the workspace has no plugin our-own.";
}

/// Characters that earlier versions of Konnect took (`Kong/koko`, January 2023).
const SIZE: usize = 8192;
/// The one module that Konnect's own example requires.
const TYPEDEFS: &str = "kong.db.schema.typedefs";
/// Files of a plugin that need a database or an Admin API, and the folder of its migrations.
const PARTS: &[&str] = &["api.lua", "dao.lua", "daos.lua", "migrations.lua", "migrations"];

/// Judges a schema; other entities are left alone.
pub fn check(entity: &Entity, facts: &Facts<'_>, verdict: &mut EntityVerdict) {
    if entity.kind.name != PLUGIN_SCHEMAS {
        return;
    }
    let name = &entity.id;
    let source = text(entity, "lua_schema").unwrap_or_default();
    let schema = LuaSchema::read(source);
    if !is_plugin_name(name) {
        let observed = format!("custom plugin {name}");
        verdict.keep_back(Finding::new(&CUSTOM_PLUGIN_NAME, entity.subject(), observed).at("name"));
    }
    let known = facts.catalogue().plugin(name);
    let by_kong = known.is_some_and(|plugin| plugin.konnect != "custom_upload");
    if by_kong || facts.catalogue().shape(name).is_some() {
        let observed = format!("{name} is a plugin of Kong's own");
        verdict.keep_back(Finding::new(&SCHEMA_NAME_BUNDLED, entity.subject(), observed));
    }
    check_name(entity, &schema, verdict);
    check_modules(entity, &schema, verdict);
    let size = source.chars().count();
    if size > SIZE {
        verdict.tell(&SCHEMA_LARGE, entity, format!("{size} characters"));
    }
    let given = facts
        .input
        .policy
        .custom_plugins
        .iter()
        .find(|plugin| *plugin.name == **name);
    check_parts(entity, &schema, given, verdict);
}

fn check_name(entity: &Entity, schema: &LuaSchema, verdict: &mut EntityVerdict) {
    let (rule, observed) = match &schema.name {
        Some(Name::Literal(own)) if **own == *entity.id => return,
        Some(Name::Literal(own)) => (&SCHEMA_NAME_DIFFERS, format!("the schema is of the plugin {own}")),
        Some(Name::Computed) => (&SCHEMA_NAME_COMPUTED, "its name is computed".to_owned()),
        None => (
            &SCHEMA_NAME_COMPUTED,
            "there is no table with a name and fields".to_owned(),
        ),
    };
    verdict.keep_back(Finding::new(rule, entity.subject(), observed).at("name"));
}

fn check_modules(entity: &Entity, schema: &LuaSchema, verdict: &mut EntityVerdict) {
    for module in &schema.requires {
        match module.as_deref() {
            Some(TYPEDEFS) => verdict.tell(&SCHEMA_REQUIRES_TYPEDEFS, entity, format!("require {TYPEDEFS}")),
            module => {
                let observed = format!("require {}", module.unwrap_or("of a computed name"));
                verdict.keep_back(Finding::new(&SCHEMA_REQUIRES, entity.subject(), observed));
            }
        }
    }
}

/// What stands beside the schema stays on the nodes, so the schema itself moves.
fn check_parts(
    entity: &Entity,
    schema: &LuaSchema,
    given: Option<&CustomPlugin>,
    verdict: &mut EntityVerdict,
) {
    let mut parts: Vec<&str> = given
        .into_iter()
        .flat_map(|plugin| &plugin.files)
        .map(String::as_str)
        .filter(|file| PARTS.contains(file))
        .collect();
    if schema.is_dao {
        parts.push("a primary_key in schema.lua");
    }
    if !parts.is_empty() {
        verdict.tell(
            &SCHEMA_OF_DATABASE,
            entity,
            format!("it has {}", parts.join(", ")),
        );
    }
}

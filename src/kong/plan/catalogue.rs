//! Facts about Konnect that rules are evaluated against, derived from the published documents (see `examples/derive_plan_data.rs`).

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use serde::Deserialize;
use serde_json::{Map, Value};

use crate::kong::model::{EntityKind, KongVersion};

/// What Konnect's document says of one field.
#[derive(Debug, Default, Deserialize)]
pub struct FieldSchema {
    /// Null is accepted.
    #[serde(default)]
    pub null: bool,
    /// Known fields of an object.
    #[serde(default)]
    pub fields: Option<BTreeMap<String, FieldSchema>>,
    /// An object of any field.
    #[serde(default)]
    pub open: bool,
    /// Elements of a list.
    #[serde(default)]
    pub items: Option<Box<FieldSchema>>,
}

/// What is known of a plugin in Konnect.
#[derive(Debug, Deserialize)]
pub struct PluginSupport {
    /// Verdict: `supported`, `supported_with_limits`, `supported_on_some_deployments`, `uncertain`, `unsupported`, `custom_upload`,
    /// `konnect_only`, `konnect_internal`.
    pub konnect: String,
    /// Values that data planes without a database cannot run.
    #[serde(default)]
    pub refused: Vec<RefusedValue>,
}

/// A configuration value that does not work in Konnect.
#[derive(Debug, Deserialize)]
pub struct RefusedValue {
    /// Dotted path from the plugin, for example `config.policy`.
    pub field: String,
    /// Literal values; `*` for any, `<…>` and `{…}` for a class of values.
    pub values: Vec<String>,
    /// Why.
    pub reason: String,
    /// Values that work instead.
    #[serde(default)]
    pub instead: Vec<String>,
}

/// What changed for one plugin between a source version and the newest schemas.
#[derive(Debug, Default, Deserialize)]
pub struct DefaultChanges {
    /// Fields the source version does not have, with the default that Konnect fills in, where it is not neutral.
    #[serde(default)]
    pub new: BTreeMap<String, Value>,
    /// Fields whose default changed, with the default of the source version.
    #[serde(default)]
    pub changed: BTreeMap<String, Value>,
}

/// Where a bundled plugin may stand, and which configuration fields it has (schemas 3.15).
#[derive(Debug, Deserialize)]
pub struct PluginShape {
    /// Foreign keys that may be set.
    pub scopes: BTreeSet<String>,
    /// Protocols that may be named; none when the schema lists none.
    pub protocols: Option<BTreeSet<String>>,
    /// Names of the fields.
    pub config: Shape,
}

/// Names of configuration fields.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub enum Shape {
    /// A value; what is inside is not looked at.
    Leaf(u8),
    /// A list of records.
    List(Vec<Shape>),
    /// A record by field; `*` stands for any.
    Record(BTreeMap<String, Shape>),
}

/// The oldest data plane that knows a plugin and its fields.
#[derive(Debug, Default, Deserialize)]
pub struct DataPlaneLimits {
    /// The plugin itself.
    #[serde(default)]
    pub since: Option<String>,
    /// Fields that came later.
    #[serde(default)]
    pub fields: BTreeMap<String, String>,
}

#[derive(Debug, Default, Deserialize)]
struct DataPlanes {
    plugins: BTreeMap<String, DataPlaneLimits>,
    /// Last day of full support by version.
    full_support: BTreeMap<String, jiff::civil::Date>,
}

/// All facts.
#[derive(Debug, Default)]
pub struct Catalogue {
    entities: BTreeMap<String, FieldSchema>,
    plugins: BTreeMap<String, PluginSupport>,
    default_changes: BTreeMap<KongVersion, BTreeMap<String, DefaultChanges>>,
    secrets: BTreeMap<String, Vec<String>>,
    shapes: BTreeMap<String, PluginShape>,
    refused_defaults: BTreeMap<String, BTreeMap<String, Value>>,
    data_planes: DataPlanes,
}

static BUNDLED: LazyLock<Catalogue> = LazyLock::new(|| {
    let changes: BTreeMap<String, _> = parse(include_str!("data/plugin-drift.json"));
    Catalogue {
        entities: parse(include_str!("data/konnect-entities.json")),
        plugins: parse(include_str!("data/konnect-plugins.json")),
        default_changes: changes
            .into_iter()
            .filter_map(|(version, facts)| Some((KongVersion::parse(&version)?, facts)))
            .collect(),
        secrets: parse(include_str!("data/plugin-secrets.json")),
        shapes: parse(include_str!("data/plugin-shapes.json")),
        refused_defaults: parse(include_str!("data/plugin-defaults-refused.json")),
        data_planes: parse(include_str!("data/data-plane-limits.json")),
    }
});

/// The files are part of the build and a test reads each of them, so a failure cannot reach a user.
fn parse<T: Default + for<'de> Deserialize<'de>>(text: &str) -> T {
    serde_json::from_str(text).unwrap_or_default()
}

impl Catalogue {
    /// The facts this build carries: Konnect API 3.15, plugin schemas 3.15.
    #[must_use]
    pub fn bundled() -> &'static Self {
        &BUNDLED
    }

    /// The schema of an entity's body; some kinds have one for each form.
    #[must_use]
    pub fn entity(&self, kind: &EntityKind, body: &Map<String, Value>) -> Option<&FieldSchema> {
        let form = kind.form_of(body);
        form.and_then(|form| self.entities.get(&format!("{kind}:{form}")))
            .or_else(|| self.entities.get(kind.name))
    }

    /// All forms of a kind, each with its name where there are several, and its schema.
    #[cfg(test)]
    pub fn forms(&self, kind: &str) -> impl Iterator<Item = (Option<&str>, &FieldSchema)> {
        let form = move |(name, schema)| match str::split_once(name, ':') {
            Some((of, form)) => (of == kind).then_some((Some(form), schema)),
            None => (name == kind).then_some((None, schema)),
        };
        self.entities
            .iter()
            .map(|(name, schema)| (name.as_str(), schema))
            .filter_map(form)
    }

    /// Names of all bundled plugins.
    #[cfg(test)]
    pub fn plugin_names(&self) -> impl Iterator<Item = &str> {
        self.shapes.keys().map(String::as_str)
    }

    /// What is known of a plugin; none for a custom one.
    #[must_use]
    pub fn plugin(&self, name: &str) -> Option<&PluginSupport> {
        self.plugins.get(name)
    }

    /// Drift of a plugin since a version. Between two known versions the older one answers, so that nothing is missed.
    #[must_use]
    pub fn default_changes(&self, version: KongVersion, plugin: &str) -> Option<&DefaultChanges> {
        let known = self
            .default_changes
            .range(..=version)
            .next_back()
            .or_else(|| self.default_changes.iter().next())?;
        known.1.get(plugin)
    }

    /// Defaults of a plugin that are others in the newest schemas, each with the value in the source version. Without a
    /// version, the values of all versions that had another one; several where they did not agree.
    #[must_use]
    pub fn former_defaults(&self, version: Option<KongVersion>, plugin: &str) -> BTreeMap<&str, Vec<&Value>> {
        let versions: Vec<&DefaultChanges> = match version {
            Some(version) => self.default_changes(version, plugin).into_iter().collect(),
            None => self
                .default_changes
                .values()
                .filter_map(|plugins| plugins.get(plugin))
                .collect(),
        };
        let mut found: BTreeMap<&str, Vec<&Value>> = BTreeMap::new();
        for (path, value) in versions.iter().flat_map(|drift| &drift.changed) {
            let values = found.entry(path).or_default();
            if !values.contains(&value) {
                values.push(value);
            }
        }
        found
    }

    /// Scopes, protocols and fields of a bundled plugin; none for one that is not known.
    #[must_use]
    pub fn shape(&self, plugin: &str) -> Option<&PluginShape> {
        self.shapes.get(plugin)
    }

    /// Fields of a plugin whose default Konnect data planes cannot run, with that default.
    pub fn refused_defaults(&self, plugin: &str) -> impl Iterator<Item = (&String, &Value)> {
        self.refused_defaults.get(plugin).into_iter().flatten()
    }

    /// What a data plane must be for a plugin.
    #[must_use]
    pub fn data_plane_limits(&self, plugin: &str) -> Option<&DataPlaneLimits> {
        self.data_planes.plugins.get(plugin)
    }

    /// Last day of full support of a version; the first day of the calendar for one that has long lost it.
    #[must_use]
    pub fn full_support_until(&self, version: KongVersion) -> Option<jiff::civil::Date> {
        let known = self.data_planes.full_support.get(&version.to_string()).copied();
        let newest = self
            .data_planes
            .full_support
            .keys()
            .filter_map(|v| KongVersion::parse(v))
            .max()?;
        known.or_else(|| (version < newest).then_some(jiff::civil::Date::MIN))
    }

    /// Paths of a bundled plugin's secret fields; none for a plugin that is not known.
    #[must_use]
    pub fn secrets(&self, plugin: &str) -> Option<&[String]> {
        let known = self.plugins.contains_key(plugin);
        self.secrets
            .get(plugin)
            .map(Vec::as_slice)
            .or(known.then_some(&[]))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::kong::model::entity_kinds::ENTITY_KINDS;

    #[test]
    fn every_data_file_is_readable() {
        let bundled = Catalogue::bundled();
        assert!(bundled.entities.len() > 20 && bundled.plugins.len() > 100);
        assert!(bundled.default_changes.len() > 5 && bundled.secrets.len() > 20);
        assert!(bundled.shapes.len() > 100 && bundled.refused_defaults.len() > 1);
        assert!(bundled.data_planes.plugins.len() > 50 && bundled.data_planes.full_support.len() > 5);
    }

    #[test]
    fn every_movable_kind_has_a_schema() {
        for kind in ENTITY_KINDS
            .iter()
            .filter(|k| k.movable() && k.name != crate::kong::model::entity_kinds::MEMBERS)
        {
            let body = json!({"type": "redis-ee"});
            assert!(
                Catalogue::bundled()
                    .entity(kind, body.as_object().unwrap())
                    .is_some(),
                "{kind}"
            );
        }
    }

    #[test]
    fn a_version_without_data_takes_the_next_older_one() {
        let bundled = Catalogue::bundled();
        let at = |text| {
            bundled
                .default_changes(KongVersion::parse(text).unwrap(), "basic-auth")
                .map(|d| d.changed.clone())
        };
        assert_eq!(at("3.5"), at("3.4"));
        assert_eq!(at("2.8"), at("3.4"));
        assert!(at("3.9").is_some_and(|changed| changed["config.hide_credentials"] == json!(false)));
    }
}

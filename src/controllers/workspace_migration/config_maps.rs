//! The ConfigMaps that a manifest names: a declarative file, and the schemas of custom plugins.

use std::collections::{BTreeMap, btree_map::Entry};

use k8s_openapi::api::core::v1::ConfigMap;
use kube::ResourceExt;

use super::error::Error;
use crate::api::refs::KeyRef;
use crate::api::workspace_migration::{WorkspaceMigration, WorkspaceMigrationSpec};
use crate::controllers::runtime::context::Context;
use crate::k8s::config_maps::{self, ConfigMapError};
use crate::k8s::watches::{ObjectKey, ReadVersions};
use crate::kong::plan::input::CustomPlugin;

/// The ConfigMaps of a manifest, as they were just read.
pub struct ConfigMaps {
    namespace: String,
    found: BTreeMap<ObjectKey, Option<ConfigMap>>,
}

impl ConfigMaps {
    /// Reads each by name; one that does not exist is remembered as absent, so that its creation can be watched for.
    ///
    /// # Errors
    /// When the API server refuses or fails.
    pub async fn fetch(context: &Context, migration: &WorkspaceMigration) -> Result<Self, Error> {
        let mut maps = Self {
            namespace: migration.namespace().unwrap_or_default(),
            found: BTreeMap::new(),
        };
        let spec = &migration.spec;
        let declared = spec.source.declarative_config.as_ref();
        let file = declared.and_then(|declared| declared.config_map_ref.as_ref());
        let schemas = spec
            .custom_plugins
            .iter()
            .map(|plugin| &plugin.schema_config_map_ref);
        for entry in file.into_iter().chain(schemas) {
            // A ConfigMap that several settings name is read once, so that all of them see one version.
            if let Entry::Vacant(unread) = maps.found.entry(key(&maps.namespace, entry)) {
                let found = config_maps::get(&context.client, unread.key()).await?;
                unread.insert(found);
            }
        }
        Ok(maps)
    }

    /// Which versions were read: what a watch compares with.
    pub fn versions(&self) -> ReadVersions {
        let version = |found: &Option<ConfigMap>| found.as_ref().and_then(ResourceExt::resource_version);
        self.found
            .iter()
            .map(|(key, found)| (key.clone(), version(found)))
            .collect()
    }

    /// The text of an entry.
    ///
    /// # Errors
    /// When the ConfigMap or its key is missing, or the value is no text.
    pub fn text(&self, entry: &KeyRef) -> Result<String, ConfigMapError> {
        config_maps::text(self.map(entry), &key(&self.namespace, entry), &entry.key)
    }

    /// The custom plugins of the spec, with what stands beside their schemas.
    ///
    /// # Errors
    /// When a ConfigMap or its key is missing, or the value is no text.
    pub fn custom_plugins(&self, spec: &WorkspaceMigrationSpec) -> Result<Vec<CustomPlugin>, Error> {
        let read = |plugin: &crate::api::workspace_migration::CustomPluginSpec| {
            let entry = &plugin.schema_config_map_ref;
            let schema = self.text(entry).map_err(|source| Error::CustomPlugin {
                name: plugin.name.clone(),
                source: Box::new(source),
            })?;
            let map = self.map(entry);
            let plain = map
                .and_then(|map| map.data.as_ref())
                .into_iter()
                .flat_map(BTreeMap::keys);
            Ok(CustomPlugin {
                name: plugin.name.clone(),
                schema,
                files: plain.filter(|file| **file != entry.key).cloned().collect(),
            })
        };
        spec.custom_plugins.iter().map(read).collect()
    }

    fn map(&self, entry: &KeyRef) -> Option<&ConfigMap> {
        self.found.get(&key(&self.namespace, entry))?.as_ref()
    }
}

fn key(namespace: &str, entry: &KeyRef) -> ObjectKey {
    ObjectKey {
        namespace: namespace.to_owned(),
        name: entry.name.clone(),
    }
}

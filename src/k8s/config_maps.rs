//! ConfigMaps, one by one: read by name, watched by name, as [`super::secrets`] does with Secrets.

use k8s_openapi::{ByteString, api::core::v1::ConfigMap};
use kube::{Api, Client};

use super::by_name;
use super::watches::{ObjectKey, ObjectWatches};

/// Watches of single ConfigMaps.
pub type ConfigMapWatches<K> = ObjectWatches<K, ConfigMap>;

/// Why a value could not be read from a ConfigMap. The text names the object and the next step, never a value.
#[derive(Debug, thiserror::Error)]
pub enum ConfigMapError {
    /// There is no such ConfigMap.
    #[error("ConfigMap {namespace}/{name} does not exist; create it with the key {key:?}")]
    Missing {
        /// Namespace of the ConfigMap.
        namespace: String,
        /// Name of the ConfigMap.
        name: String,
        /// The key that was wanted.
        key: String,
    },
    /// The ConfigMap lacks the key, or holds no text under it.
    #[error("ConfigMap {namespace}/{name} has no text under the key {key:?}; add it")]
    KeyMissing {
        /// Namespace of the ConfigMap.
        namespace: String,
        /// Name of the ConfigMap.
        name: String,
        /// The key that was wanted.
        key: String,
    },
    /// The API server refused or failed.
    #[error("ConfigMap {namespace}/{name} could not be read")]
    Api {
        /// Namespace of the ConfigMap.
        namespace: String,
        /// Name of the ConfigMap.
        name: String,
        /// What the API server said.
        source: kube::Error,
    },
}

/// Reads one ConfigMap by name; `None` when there is none.
///
/// # Errors
/// When the API server refuses or fails.
pub async fn get(client: &Client, key: &ObjectKey) -> Result<Option<ConfigMap>, ConfigMapError> {
    let api: Api<ConfigMap> = Api::namespaced(client.clone(), &key.namespace);
    by_name::get_opt(&api, &key.name)
        .await
        .map_err(|source| ConfigMapError::Api {
            namespace: key.namespace.clone(),
            name: key.name.clone(),
            source,
        })
}

/// Takes one text out of a ConfigMap as read by [`get`]; a large file may be in its binary part.
///
/// # Errors
/// When ConfigMap or key are missing, or the value is no text.
pub fn text(found: Option<&ConfigMap>, object: &ObjectKey, key: &str) -> Result<String, ConfigMapError> {
    let (namespace, name, key) = (object.namespace.clone(), object.name.clone(), key.to_owned());
    let Some(found) = found else {
        return Err(ConfigMapError::Missing { namespace, name, key });
    };
    let plain = found.data.as_ref().and_then(|data| data.get(&key)).cloned();
    let binary = || {
        let ByteString(bytes) = found.binary_data.as_ref()?.get(&key)?;
        String::from_utf8(bytes.clone()).ok()
    };
    plain
        .or_else(binary)
        .ok_or(ConfigMapError::KeyMissing { namespace, name, key })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[test]
    fn text_is_found_in_both_parts_and_what_is_missing_is_named() {
        let object = ObjectKey {
            namespace: "kong".to_owned(),
            name: "dump".to_owned(),
        };
        let map = ConfigMap {
            data: Some(BTreeMap::from([("a".to_owned(), "plain".to_owned())])),
            binary_data: Some(BTreeMap::from([
                ("b".to_owned(), ByteString(b"binary".to_vec())),
                ("c".to_owned(), ByteString(vec![0xff])),
            ])),
            ..ConfigMap::default()
        };
        assert_eq!(text(Some(&map), &object, "a").unwrap(), "plain");
        assert_eq!(text(Some(&map), &object, "b").unwrap(), "binary");
        let absent = text(Some(&map), &object, "c").unwrap_err().to_string();
        assert_eq!(
            absent,
            r#"ConfigMap kong/dump has no text under the key "c"; add it"#
        );
        let missing = text(None, &object, "a").unwrap_err().to_string();
        assert_eq!(
            missing,
            r#"ConfigMap kong/dump does not exist; create it with the key "a""#
        );
    }
}

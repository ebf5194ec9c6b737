//! Secrets, one by one: read by name, watched by name, never listed. So the operator needs no right to list Secrets, and holds none in a
//! cache. What may be taken out of them is for [`super::secret_use`] to say.

use k8s_openapi::{ByteString, api::core::v1::Secret};
use kube::{Api, Client};
use secrecy::SecretString;

use super::by_name;
use super::watches::ObjectWatches;

pub use super::watches::{ObjectKey as SecretKey, ReadVersions};

/// Watches of single Secrets.
pub type SecretWatches<K> = ObjectWatches<K, Secret>;

/// Why a value could not be read from a Secret. The text names the object and the next step, never a value.
#[derive(Debug, thiserror::Error)]
pub enum SecretError {
    /// There is no such Secret.
    #[error("Secret {namespace}/{name} does not exist; create it with the key {key:?}")]
    Missing {
        /// Namespace of the Secret.
        namespace: String,
        /// Name of the Secret.
        name: String,
        /// The key that was wanted.
        key: String,
    },
    /// The Secret lacks the key, or holds nothing under it.
    #[error("Secret {namespace}/{name} has no value under the key {key:?}; add it")]
    KeyMissing {
        /// Namespace of the Secret.
        namespace: String,
        /// Name of the Secret.
        name: String,
        /// The key that was wanted.
        key: String,
    },
    /// The value is not text.
    #[error(
        "Secret {namespace}/{name} holds something other than UTF-8 text under the key {key:?}; replace it"
    )]
    NotText {
        /// Namespace of the Secret.
        namespace: String,
        /// Name of the Secret.
        name: String,
        /// The key that was wanted.
        key: String,
    },
    /// No label says that it may be read for this use.
    #[error("Secret {namespace}/{name} is not labelled for use as {noun}; {advice}")]
    NotPermitted {
        /// Namespace of the Secret.
        namespace: String,
        /// Name of the Secret.
        name: String,
        /// The use.
        noun: &'static str,
        /// What to do, with the line to type.
        advice: String,
    },
    /// It is a credential of the cluster itself.
    #[error(
        "Secret {namespace}/{name} is of type {type_}, a credential of this cluster, and is never sent anywhere; name another Secret"
    )]
    ClustersOwn {
        /// Namespace of the Secret.
        namespace: String,
        /// Name of the Secret.
        name: String,
        /// Its type.
        type_: String,
    },
    /// The API server refused or failed.
    #[error("Secret {namespace}/{name} could not be read")]
    Api {
        /// Namespace of the Secret.
        namespace: String,
        /// Name of the Secret.
        name: String,
        /// What the API server said.
        source: kube::Error,
    },
}

/// Reads one Secret by name; `None` when there is none.
pub async fn get(client: &Client, key: &SecretKey) -> Result<Option<Secret>, SecretError> {
    let api: Api<Secret> = Api::namespaced(client.clone(), &key.namespace);
    by_name::get_opt(&api, &key.name)
        .await
        .map_err(|source| SecretError::Api {
            namespace: key.namespace.clone(),
            name: key.name.clone(),
            source,
        })
}

/// Takes one text value out of a Secret as read by [`get`], without the white space that editors and `echo` leave at
/// its ends.
pub fn text(found: Option<&Secret>, secret: &SecretKey, key: &str) -> Result<SecretString, SecretError> {
    let (namespace, name, key) = (secret.namespace.clone(), secret.name.clone(), key.to_owned());
    let Some(found) = found else {
        return Err(SecretError::Missing { namespace, name, key });
    };
    let Some(ByteString(bytes)) = found.data.as_ref().and_then(|data| data.get(&key)) else {
        return Err(SecretError::KeyMissing { namespace, name, key });
    };
    match std::str::from_utf8(bytes).map(str::trim) {
        Ok("") => Err(SecretError::KeyMissing { namespace, name, key }),
        Ok(text) => Ok(SecretString::from(text)),
        Err(_) => Err(SecretError::NotText { namespace, name, key }),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use secrecy::ExposeSecret;

    fn key() -> SecretKey {
        SecretKey {
            namespace: "kong".to_owned(),
            name: "konnect".to_owned(),
        }
    }

    fn secret(value: &[u8]) -> Secret {
        let data = BTreeMap::from([("token".to_owned(), ByteString(value.to_vec()))]);
        Secret {
            data: Some(data),
            ..Secret::default()
        }
    }

    #[test]
    fn white_space_around_a_value_is_dropped() {
        let token = text(Some(&secret(b" kpat_x\n")), &key(), "token").unwrap();
        assert_eq!(token.expose_secret(), "kpat_x");
    }

    #[test]
    fn what_is_missing_is_named_with_the_next_step() {
        let missing = text(None, &key(), "token").unwrap_err().to_string();
        assert_eq!(
            missing,
            r#"Secret kong/konnect does not exist; create it with the key "token""#
        );
        for value in [&b""[..], b" \n"] {
            let empty = text(Some(&secret(value)), &key(), "token").unwrap_err();
            assert!(matches!(empty, SecretError::KeyMissing { .. }), "{empty}");
        }
        let other = text(Some(&secret(b"x")), &key(), "password").unwrap_err();
        assert!(matches!(other, SecretError::KeyMissing { .. }), "{other}");
    }

    #[test]
    fn a_value_that_is_no_text_is_refused_without_showing_it() {
        let error = text(Some(&secret(b"\xff\xfecanary")), &key(), "token").unwrap_err();
        assert!(matches!(error, SecretError::NotText { .. }));
        assert!(!format!("{error:?}").contains("canary"));
    }
}

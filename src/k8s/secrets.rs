//! Secrets, one by one: read by name, watched by name, never listed by namespace or cluster. So the operator needs no
//! right to list Secrets, sees them whatever their labels, and holds none in a cache.

use std::{
    collections::{BTreeMap, HashSet},
    hash::Hash,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use futures::{Stream, StreamExt};
use k8s_openapi::{ByteString, api::core::v1::Secret};
use kube::{
    Api, Client, Resource,
    core::PartialObjectMeta,
    runtime::{WatchStreamExt, reflector::ObjectRef, watcher},
};
use secrecy::SecretString;
use tokio::{sync::mpsc, task::AbortHandle};

/// Which Secret: namespace and name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SecretKey {
    /// Namespace of the Secret.
    pub namespace: String,
    /// Name of the Secret.
    pub name: String,
}

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
    api.get_opt(&key.name).await.map_err(|source| SecretError::Api {
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

/// The Secrets that an object refers to, each with the resource version it was last read at; `None` when it was absent.
pub type Read = BTreeMap<SecretKey, Option<String>>;

/// A set of watches, one per referenced Secret, that wakes the objects which refer to it.
///
/// Only metadata is watched: a change of the content changes the resource version, and the value is read when needed.
#[derive(Debug)]
pub struct SecretWatches<K: Resource<DynamicType = ()>> {
    shared: Arc<Shared<K>>,
}

#[derive(Debug)]
struct Shared<K: Resource<DynamicType = ()>> {
    wake: mpsc::UnboundedSender<ObjectRef<K>>,
    watched: Mutex<BTreeMap<SecretKey, Watched<K>>>,
}

#[derive(Debug)]
struct Watched<K: Resource<DynamicType = ()>> {
    owners: HashSet<ObjectRef<K>>,
    task: AbortHandle,
}

impl<K: Resource<DynamicType = ()>> Clone for SecretWatches<K> {
    fn clone(&self) -> Self {
        Self {
            shared: Arc::clone(&self.shared),
        }
    }
}

impl<K> SecretWatches<K>
where
    K: Resource<DynamicType = ()> + 'static,
{
    /// An empty set, and the stream of objects to reconcile.
    pub fn new() -> (Self, impl Stream<Item = ObjectRef<K>> + Send + 'static) {
        let (wake, mut woken) = mpsc::unbounded_channel();
        let shared = Arc::new(Shared {
            wake,
            watched: Mutex::default(),
        });
        (
            Self { shared },
            futures::stream::poll_fn(move |context| woken.poll_recv(context)),
        )
    }

    /// States all Secrets that `owner` refers to, as it has just read them: watches start for new ones, and stop for
    /// those nobody needs. A new watch wakes its owner when it finds another version than was read, so a change
    /// between the two is not missed. An empty map forgets the owner.
    pub fn set(&self, client: &Client, owner: &ObjectRef<K>, secrets: &Read) {
        let mut watched = self.shared.lock();
        watched.retain(|key, entry| {
            if !secrets.contains_key(key) {
                entry.owners.remove(owner);
            }
            let needed = !entry.owners.is_empty();
            if !needed {
                entry.task.abort();
            }
            needed
        });
        for (key, version) in secrets {
            let start = || Watched {
                owners: HashSet::new(),
                task: self.start(client.clone(), key.clone(), version.clone()),
            };
            watched
                .entry(key.clone())
                .or_insert_with(start)
                .owners
                .insert(owner.clone());
        }
    }

    fn start(&self, client: Client, key: SecretKey, mut last: Option<String>) -> AbortHandle {
        let shared = Arc::downgrade(&self.shared);
        let api: Api<PartialObjectMeta<Secret>> = Api::namespaced(client, &key.namespace);
        let task = async move {
            let mut events = std::pin::pin!(watch_one(api, &key.name));
            while let Some(version) = events.next().await {
                let Some(shared) = shared.upgrade() else { return };
                // A watch that starts over repeats what it said before, which wakes nobody.
                if last != version {
                    shared.wake_owners(&key);
                }
                last = version;
            }
        };
        tokio::spawn(task).abort_handle()
    }
}

/// Resource versions of one Secret as they come; `None` while it is absent.
fn watch_one(api: Api<PartialObjectMeta<Secret>>, name: &str) -> impl Stream<Item = Option<String>> {
    let config = watcher::Config::default().fields(&format!("metadata.name={name}"));
    let mut seen = false;
    watcher(api, config).default_backoff().filter_map(move |event| {
        let version = match event {
            Ok(watcher::Event::Init) => {
                seen = false;
                None
            }
            Ok(watcher::Event::InitApply(meta) | watcher::Event::Apply(meta)) => {
                seen = true;
                Some(meta.metadata.resource_version)
            }
            Ok(watcher::Event::InitDone) if !seen => Some(None),
            Ok(watcher::Event::InitDone) => None,
            Ok(watcher::Event::Delete(_)) => Some(None),
            Err(error) => {
                tracing::debug!(%error, "the watch of a Secret is retried");
                None
            }
        };
        futures::future::ready(version)
    })
}

impl<K> Shared<K>
where
    K: Resource<DynamicType = ()>,
    ObjectRef<K>: Hash + Eq,
{
    fn lock(&self) -> MutexGuard<'_, BTreeMap<SecretKey, Watched<K>>> {
        // A poisoned map is still a map: every change to it is one statement.
        self.watched.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wake_owners(&self, key: &SecretKey) {
        if let Some(entry) = self.lock().get(key) {
            for owner in &entry.owners {
                let _ = self.wake.send(owner.clone());
            }
        }
    }
}

impl<K: Resource<DynamicType = ()>> Drop for Shared<K> {
    fn drop(&mut self) {
        for entry in self
            .watched
            .get_mut()
            .unwrap_or_else(PoisonError::into_inner)
            .values()
        {
            entry.task.abort();
        }
    }
}

#[cfg(test)]
mod tests {
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

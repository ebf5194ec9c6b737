//! Secrets, one by one: read by name, watched by name, never listed by namespace or cluster. So the operator needs no
//! right to list Secrets, sees them whatever their labels, and holds none in a cache.

use std::{
    collections::{BTreeMap, BTreeSet, HashSet},
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

/// Reads one text value, without the white space that editors and `echo` leave at its ends.
pub async fn get_text(client: &Client, secret: &SecretKey, key: &str) -> Result<SecretString, SecretError> {
    let (namespace, name) = (secret.namespace.clone(), secret.name.clone());
    let key = key.to_owned();
    let Some(found) = get(client, secret).await? else {
        return Err(SecretError::Missing { namespace, name, key });
    };
    let Some(ByteString(bytes)) = found.data.unwrap_or_default().remove(&key) else {
        return Err(SecretError::KeyMissing { namespace, name, key });
    };
    match std::str::from_utf8(&bytes).map(str::trim) {
        Ok("") => Err(SecretError::KeyMissing { namespace, name, key }),
        Ok(text) => Ok(SecretString::from(text)),
        Err(_) => Err(SecretError::NotText { namespace, name, key }),
    }
}

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

    /// States all Secrets that `owner` refers to now: watches start for new ones, and stop for those nobody needs.
    /// Every new watch wakes its owners once, so no change is missed. An empty set forgets the owner.
    pub fn set(&self, client: &Client, owner: &ObjectRef<K>, secrets: &BTreeSet<SecretKey>) {
        let mut watched = self.shared.lock();
        watched.retain(|key, entry| {
            if !secrets.contains(key) {
                entry.owners.remove(owner);
            }
            let needed = !entry.owners.is_empty();
            if !needed {
                entry.task.abort();
            }
            needed
        });
        for key in secrets {
            watched
                .entry(key.clone())
                .or_insert_with(|| Watched {
                    owners: HashSet::new(),
                    task: self.start(client.clone(), key.clone()),
                })
                .owners
                .insert(owner.clone());
        }
    }

    fn start(&self, client: Client, key: SecretKey) -> AbortHandle {
        let shared = Arc::downgrade(&self.shared);
        let api: Api<PartialObjectMeta<Secret>> = Api::namespaced(client, &key.namespace);
        let task = async move {
            let mut events = std::pin::pin!(watch_one(api, &key.name));
            // The first event wakes too: the Secret may have changed between the owner's read and the watch. A watch
            // that starts over repeats what it said before, which wakes nobody.
            let mut last: Option<Option<String>> = None;
            while let Some(version) = events.next().await {
                let Some(shared) = shared.upgrade() else { return };
                if last.as_ref() != Some(&version) {
                    shared.wake_owners(&key);
                }
                last = Some(version);
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

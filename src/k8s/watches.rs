//! Watches of single objects.
//!
//! The ordinary watcher begins with a list, which needs the right to list all of a kind. Here a watch by name is
//! opened, then the object is read by name: `get` and `watch` are enough, and can be granted for single names.

use std::{
    collections::{BTreeMap, HashSet},
    fmt::Debug,
    marker::PhantomData,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use futures::{Stream, TryStreamExt};
use k8s_openapi::NamespaceResourceScope;
use kube::{
    Api, Client, Resource,
    api::{WatchEvent, WatchParams},
    runtime::reflector::ObjectRef,
};
use serde::de::DeserializeOwned;
use tokio::{sync::mpsc, task::AbortHandle};

use super::by_name;

/// Which object of a kind: namespace and name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ObjectKey {
    /// Namespace of the object.
    pub namespace: String,
    /// Name of the object.
    pub name: String,
}

/// The objects of one kind that an object refers to, each with the resource version it was last read at; `None` when it was
/// absent.
pub type ReadVersions = BTreeMap<ObjectKey, Option<String>>;

/// Pause before a watch that ended, in good order or not, starts over. Nothing is missed meanwhile, only seen later.
const PAUSE: Duration = Duration::from_secs(2);

/// A set of watches, one per referenced object of the kind `R`, that wakes the objects which refer to it.
///
/// Only metadata is watched: a change of the content changes the resource version, and the value is read when needed.
#[derive(Debug)]
pub struct ObjectWatches<K: Resource<DynamicType = ()>, R> {
    shared: Arc<WatchTable<K>>,
    kind: PhantomData<fn() -> R>,
}

#[derive(Debug)]
struct WatchTable<K: Resource<DynamicType = ()>> {
    wake: mpsc::UnboundedSender<ObjectRef<K>>,
    watched: Mutex<BTreeMap<ObjectKey, Watched<K>>>,
}

#[derive(Debug)]
struct Watched<K: Resource<DynamicType = ()>> {
    owners: HashSet<ObjectRef<K>>,
    /// The version seen last; `None` while the object is absent.
    version: Option<String>,
    task: AbortHandle,
}

impl<K: Resource<DynamicType = ()>, R> Clone for ObjectWatches<K, R> {
    fn clone(&self) -> Self {
        Self {
            shared: Arc::clone(&self.shared),
            kind: PhantomData,
        }
    }
}

impl<K, R> ObjectWatches<K, R>
where
    K: Resource<DynamicType = ()> + 'static,
    R: Resource<DynamicType = (), Scope = NamespaceResourceScope>
        + Clone
        + DeserializeOwned
        + Debug
        + Send
        + 'static,
{
    /// An empty set, and the stream of objects to reconcile.
    pub fn new() -> (Self, impl Stream<Item = ObjectRef<K>> + Send + 'static) {
        let (wake, mut woken) = mpsc::unbounded_channel();
        let shared = Arc::new(WatchTable {
            wake,
            watched: Mutex::default(),
        });
        (
            Self {
                shared,
                kind: PhantomData,
            },
            futures::stream::poll_fn(move |context| woken.poll_recv(context)),
        )
    }

    /// States all objects of the kind that `owner` refers to, as it has just read them: watches start for new ones, and stop for
    /// those nobody needs. The owner is woken when a watch knows of another version than was read, so a change between
    /// the two is not missed. An empty map forgets the owner.
    pub fn set(&self, client: &Client, owner: &ObjectRef<K>, objects: &ReadVersions) {
        let mut watched = self.shared.lock();
        watched.retain(|key, entry| {
            if !objects.contains_key(key) {
                entry.owners.remove(owner);
            }
            let needed = !entry.owners.is_empty();
            if !needed {
                entry.task.abort();
            }
            needed
        });
        // What can have no name can never come to be, and a selector would take it for something else.
        let possible = objects.iter().filter(|(key, _)| by_name::is_name(&key.name));
        for (key, version) in possible {
            let entry = watched.entry(key.clone()).or_insert_with(|| Watched {
                owners: HashSet::new(),
                version: version.clone(),
                task: self.start(client.clone(), key.clone()),
            });
            if entry.owners.insert(owner.clone()) && entry.version != *version {
                let _ = self.shared.wake.send(owner.clone());
            }
        }
    }

    fn start(&self, client: Client, key: ObjectKey) -> AbortHandle {
        let shared = Arc::downgrade(&self.shared);
        let api: Api<R> = Api::namespaced(client, &key.namespace);
        let name = key.name.clone();
        let seen = move |version| {
            if let Some(shared) = shared.upgrade() {
                shared.saw(&key, version);
            }
        };
        tokio::spawn(async move {
            loop {
                if let Err(error) = follow(&api, &name, &seen).await {
                    tracing::debug!(%error, "the watch of an object is retried");
                }
                tokio::time::sleep(PAUSE).await;
            }
        })
        .abort_handle()
    }
}

/// Tells every version of one object until the server ends the watch; `None` while it is absent.
async fn follow<R>(api: &Api<R>, name: &str, seen: &impl Fn(Option<String>)) -> Result<(), kube::Error>
where
    R: Clone + DeserializeOwned + Debug,
{
    let only = WatchParams::default().fields(&format!("metadata.name={name}"));
    let mut events = std::pin::pin!(api.watch_metadata(&only, "").await?);
    // After the watch has begun, so that a deletion between the two is not missed.
    seen(
        api.get_metadata_opt(name)
            .await?
            .and_then(|meta| meta.metadata.resource_version),
    );
    while let Some(event) = events.try_next().await? {
        match event {
            WatchEvent::Added(meta) | WatchEvent::Modified(meta) => seen(meta.metadata.resource_version),
            WatchEvent::Deleted(_) => seen(None),
            WatchEvent::Bookmark(_) => {}
            WatchEvent::Error(status) => return Err(kube::Error::Api(status)),
        }
    }
    Ok(())
}

impl<K: Resource<DynamicType = ()>> WatchTable<K> {
    fn lock(&self) -> MutexGuard<'_, BTreeMap<ObjectKey, Watched<K>>> {
        // A poisoned map is still a map: every change to it is one statement.
        self.watched.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Wakes the owners if this is news; a watch that starts over repeats what it said before.
    fn saw(&self, key: &ObjectKey, version: Option<String>) {
        if let Some(entry) = self.lock().get_mut(key)
            && entry.version != version
        {
            entry.version = version;
            for owner in &entry.owners {
                let _ = self.wake.send(owner.clone());
            }
        }
    }
}

impl<K: Resource<DynamicType = ()>> Drop for WatchTable<K> {
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

//! Watches of single objects by name, metadata only: the operator sees what it is told to look at, and lists nothing.

use std::{
    collections::{BTreeMap, HashSet},
    fmt::Debug,
    hash::Hash,
    marker::PhantomData,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use futures::{Stream, StreamExt};
use k8s_openapi::NamespaceResourceScope;
use kube::{
    Api, Client, Resource,
    core::PartialObjectMeta,
    runtime::{WatchStreamExt, reflector::ObjectRef, watcher},
};
use tokio::{sync::mpsc, task::AbortHandle};

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
pub type Read = BTreeMap<ObjectKey, Option<String>>;

/// A set of watches, one per referenced object of the kind `R`, that wakes the objects which refer to it.
///
/// Only metadata is watched: a change of the content changes the resource version, and the value is read when needed.
#[derive(Debug)]
pub struct ObjectWatches<K: Resource<DynamicType = ()>, R> {
    shared: Arc<Shared<K>>,
    kind: PhantomData<fn() -> R>,
}

#[derive(Debug)]
struct Shared<K: Resource<DynamicType = ()>> {
    wake: mpsc::UnboundedSender<ObjectRef<K>>,
    watched: Mutex<BTreeMap<ObjectKey, Watched<K>>>,
}

#[derive(Debug)]
struct Watched<K: Resource<DynamicType = ()>> {
    owners: HashSet<ObjectRef<K>>,
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
    R: Resource<DynamicType = (), Scope = NamespaceResourceScope> + Clone + Debug + Send + 'static,
{
    /// An empty set, and the stream of objects to reconcile.
    pub fn new() -> (Self, impl Stream<Item = ObjectRef<K>> + Send + 'static) {
        let (wake, mut woken) = mpsc::unbounded_channel();
        let shared = Arc::new(Shared {
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

    /// States all objects that `owner` refers to, as it has just read them: watches start for new ones, and stop for
    /// those nobody needs. A new watch wakes its owner when it finds another version than was read, so a change
    /// between the two is not missed. An empty map forgets the owner.
    pub fn set(&self, client: &Client, owner: &ObjectRef<K>, objects: &Read) {
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
        for (key, version) in objects {
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

    fn start(&self, client: Client, key: ObjectKey, mut last: Option<String>) -> AbortHandle {
        let shared = Arc::downgrade(&self.shared);
        let api: Api<PartialObjectMeta<R>> = Api::namespaced(client, &key.namespace);
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

/// Resource versions of one object as they come; `None` while it is absent.
fn watch_one<R>(api: Api<PartialObjectMeta<R>>, name: &str) -> impl Stream<Item = Option<String>> + use<R>
where
    R: Resource<DynamicType = ()> + Clone + Debug + Send + 'static,
{
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
                tracing::debug!(%error, "the watch of an object is retried");
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
    fn lock(&self) -> MutexGuard<'_, BTreeMap<ObjectKey, Watched<K>>> {
        // A poisoned map is still a map: every change to it is one statement.
        self.watched.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wake_owners(&self, key: &ObjectKey) {
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

//! Documents that are too large for a status, in Secrets: compressed and cut into chunks.
//!
//! The first chunk bears the name and says how many there are, where the others are, and what the digest is. It is written last, and
//! the others go into a slot that the former document does not use: whoever is interrupted leaves the former document whole.
//!
//! A document that can be made again is owned by its object and goes when it goes. Ledger and backup are not owned: the garbage
//! collector would take them while the finalizer, which needs them, is still at work.

mod find;
mod packed;
mod proof;

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::io;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use k8s_openapi::{ByteString, NamespaceResourceScope, api::core::v1::Secret};
use kube::api::{ObjectMeta, Patch, PatchParams};
use kube::core::PartialObjectMeta;
use kube::{Api, Client, Resource, ResourceExt};

pub use self::find::find_about;
pub use self::packed::PackedDocument;
use self::packed::{digest, unpack};
pub use self::proof::Belonging;
use self::proof::{delete_proven, index, lookalikes, rows, stamp};
use super::FIELD_MANAGER_PREFIX;
use super::by_name;
use super::refusal::said;

/// Bytes of one chunk. A Secret may hold 1 MiB, and etcd takes requests of 1.5 MiB, in which the bytes are base64.
const CHUNK: usize = 900 * 1024;
/// Chunks of one document.
const MOST_CHUNKS: usize = 32;
/// Bytes that a document may have when it is read again: no Secret may fill the memory of its reader.
const MOST_BYTES: u64 = 1 << 30;
/// Type of the Secrets.
const TYPE: &str = "gatewaymigration.dev/artefact";
/// Key of the data.
const KEY: &str = "chunk";
/// Label: what the document is, for example `plan`.
const PURPOSE: &str = "gatewaymigration.dev/artefact";
/// Annotation: SHA-256 of the document.
const DIGEST: &str = "gatewaymigration.dev/digest";
/// Annotation: number of chunks.
const CHUNKS: &str = "gatewaymigration.dev/chunks";
/// Annotation: which chunks belong to the first one; absent for the first slot.
const SLOT: &str = "gatewaymigration.dev/slot";
/// Annotation of a document that nobody owns: name of the object that it is about.
const ABOUT: &str = "gatewaymigration.dev/migration";
/// Annotation: UID of the object that a document is of.
const MIGRATION_UID: &str = "gatewaymigration.dev/migration-uid";
/// Annotation of the first chunk, which is the index: names and UIDs of the others.
const INDEX: &str = "gatewaymigration.dev/index";
/// Longest name of a Secret, less the number of a chunk.
const LONGEST_NAME: usize = 244;

/// Why a document could not be stored or read.
#[derive(Debug, thiserror::Error)]
pub enum ArtefactError {
    /// The API server refused or failed.
    #[error("Secret {name}: {}", said(source))]
    Kubernetes {
        /// Name of the Secret.
        name: String,
        /// What the API server said.
        source: kube::Error,
    },
    /// Even compressed it does not fit.
    #[error("the document has {bytes} bytes when compressed; {} is the most", CHUNK * MOST_CHUNKS)]
    TooLarge {
        /// Its size.
        bytes: usize,
    },
    /// A Secret of that name belongs to somebody else.
    #[error("Secret {name} exists and belongs to somebody else; rename or remove it")]
    Taken {
        /// Name of the Secret.
        name: String,
    },
    /// It is of another object of this name.
    #[error(
        "Secret {name} is of another object of this name, which was deleted or is in another cluster; annotate this one with gatewaymigration.dev/adopt-ledger={name} to go on with what that one has written, or remove the Secret"
    )]
    OfAnother {
        /// Name of the Secret.
        name: String,
    },
    /// There is no such document.
    #[error(
        "Secret {name} does not exist, or holds no document of a migration; kubectl get secrets -A -l gatewaymigration.dev/artefact lists those that do"
    )]
    Missing {
        /// Name of the Secret.
        name: String,
    },
    /// What was read is not what was written.
    #[error(
        "the chunks of {name} do not fit together: they are being written just now, or were changed; try again"
    )]
    Damaged {
        /// Name of the first Secret.
        name: String,
    },
    /// Compression failed: no memory.
    #[error("cannot compress: {0}")]
    Compress(#[from] io::Error),
}

/// What a document is, and how long it lives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Artefact {
    purpose: &'static str,
    suffix: Option<String>,
}

impl Artefact {
    /// A document that can be made again: owned by its object.
    #[must_use]
    pub const fn owned(purpose: &'static str) -> Self {
        Self {
            purpose,
            suffix: None,
        }
    }

    /// A document that nobody owns: it stays until [`remove`] takes it away. The suffix tells apart what must never be mistaken.
    #[must_use]
    pub fn lasting(purpose: &'static str, suffix: &str) -> Self {
        // Why Secrets, and why without an owner: docs/decisions/0004-ledger-in-secrets.md.
        Self {
            purpose,
            suffix: Some(suffix.chars().take(8).collect()),
        }
    }

    /// Name of the first Secret, which depends on object and artefact alone.
    #[must_use]
    pub fn name(&self, owner: &str) -> String {
        match &self.suffix {
            Some(suffix) => name(owner, &format!("{}-{suffix}", self.purpose)),
            None => name(owner, self.purpose),
        }
    }

    const fn lasts(&self) -> bool {
        self.suffix.is_some()
    }
}

/// Stores a document that is owned, and returns the name of its first Secret.
///
/// # Errors
/// As [`store_packed`].
pub async fn store<K>(
    client: &Client,
    owner: &K,
    purpose: &'static str,
    document: &[u8],
) -> Result<String, ArtefactError>
where
    K: Resource<DynamicType = (), Scope = NamespaceResourceScope>,
{
    let packed = PackedDocument::write(|out| out.write_all(document))?;
    store_packed(client, owner, &Artefact::owned(purpose), &packed).await
}

/// Stores a document and returns the name of its first Secret. An earlier one of the same artefact is replaced as a whole, and those of its
/// chunks that prove themselves are deleted.
///
/// # Errors
/// When it is too large, a name is taken, or the API server refuses.
pub async fn store_packed<K>(
    client: &Client,
    owner: &K,
    artefact: &Artefact,
    document: &PackedDocument,
) -> Result<String, ArtefactError>
where
    K: Resource<DynamicType = (), Scope = NamespaceResourceScope>,
{
    let api: Api<Secret> = Api::namespaced(client.clone(), &owner.namespace().unwrap_or_default());
    let name = artefact.name(&owner.name_any());
    let chunks = document.chunks();
    if chunks.len() > MOST_CHUNKS {
        return Err(ArtefactError::TooLarge {
            bytes: document.compressed.len(),
        });
    }
    let before = claim(&api, owner, artefact, &name).await?;
    let slot = before.as_ref().map_or(Slot::First, |head| slot_of(head).other());
    // The first one last, the others upwards, so that what an interrupted writer leaves has no holes.
    let order = (1..chunks.len()).chain([0]);
    let uid = owner.meta().uid.clone().unwrap_or_default();
    let mut written = Vec::new();
    for (number, chunk) in order.filter_map(|number| Some((number, chunks.get(number)?))) {
        let part = slot.chunk_name(&name, number);
        if number > 0 {
            claim(&api, owner, artefact, &part).await?;
        }
        let mut annotations = BTreeMap::from([
            (DIGEST.to_owned(), document.digest.clone()),
            (CHUNKS.to_owned(), chunks.len().to_string()),
            (MIGRATION_UID.to_owned(), uid.clone()),
        ]);
        if number == 0 {
            annotations.insert(INDEX.to_owned(), index(&written));
        }
        if slot == Slot::Second {
            annotations.insert(SLOT.to_owned(), SECOND.to_owned());
        }
        if artefact.lasts() {
            annotations.insert(ABOUT.to_owned(), owner.name_any());
        }
        let owner_reference = owner.owner_ref(&()).filter(|_| !artefact.lasts());
        let secret = Secret {
            metadata: ObjectMeta {
                name: Some(part.clone()),
                labels: Some(BTreeMap::from([(
                    PURPOSE.to_owned(),
                    artefact.purpose.to_owned(),
                )])),
                annotations: Some(annotations),
                owner_references: owner_reference.map(|owner| vec![owner]),
                ..ObjectMeta::default()
            },
            type_: Some(TYPE.to_owned()),
            data: Some(BTreeMap::from([(KEY.to_owned(), ByteString(chunk.to_vec()))])),
            ..Secret::default()
        };
        let params = PatchParams::apply(FIELD_MANAGER_PREFIX).force();
        let stored = api.patch(&part, &params, &Patch::Apply(&secret)).await;
        let stored = stored.map_err(failed(&part))?;
        if number > 0 {
            written.push((part, stored.uid().unwrap_or_default()));
        }
    }
    for (part, uid) in before.iter().flat_map(rows) {
        if written.iter().all(|(kept, _)| *kept != part)
            && !delete_proven(&api, owner, artefact, (&part, &uid)).await?
        {
            tracing::warn!(
                secret = part,
                "a Secret that is listed as a chunk is none, and stays"
            );
        }
    }
    Ok(name)
}

/// When a document was stored for the first time; none when there is none.
///
/// # Errors
/// When the name is taken, or the API server refuses.
pub async fn stored_at<K>(
    client: &Client,
    owner: &K,
    artefact: &Artefact,
) -> Result<Option<Time>, ArtefactError>
where
    K: Resource<DynamicType = (), Scope = NamespaceResourceScope>,
{
    let api: Api<Secret> = Api::namespaced(client.clone(), &owner.namespace().unwrap_or_default());
    let name = artefact.name(&owner.name_any());
    let head = claim(&api, owner, artefact, &name).await?;
    Ok(head.and_then(|head| head.metadata.creation_timestamp))
}

/// Deletes a document; one that is not there is success. The first Secret goes last, so that whoever is interrupted finds the rest. Returns
/// the names of Secrets that stand where the document's would and do not prove themselves: they stay.
///
/// # Errors
/// When the API server refuses.
pub async fn remove<K>(client: &Client, owner: &K, artefact: &Artefact) -> Result<Vec<String>, ArtefactError>
where
    K: Resource<DynamicType = (), Scope = NamespaceResourceScope>,
{
    let namespace = owner.namespace().unwrap_or_default();
    let api: Api<Secret> = Api::namespaced(client.clone(), &namespace);
    let name = artefact.name(&owner.name_any());
    let Some(mut head) = api.get_opt(&name).await.map_err(failed(&name))? else {
        return lookalikes(&api, &name, &[]).await;
    };
    if artefact.belonging(owner, &head) == Belonging::Former && claim_former(client, owner, artefact).await? {
        head = api.get(&name).await.map_err(failed(&name))?;
    }
    let rows = rows(&head);
    let mut staying = lookalikes(&api, &name, &rows).await?;
    let uid = head.uid().unwrap_or_default();
    let is_own = head.type_.as_deref() == Some(TYPE) && artefact.belonging(owner, &head) == Belonging::Own;
    if !is_own {
        staying.push(name);
        staying.extend(rows.into_iter().map(|(part, _)| part));
        return Ok(staying);
    }
    for (part, uid) in rows {
        if !delete_proven(&api, owner, artefact, (&part, &uid)).await? {
            staying.push(part);
        }
    }
    if !delete_proven(&api, owner, artefact, (&name, &uid)).await? {
        staying.push(name);
    }
    Ok(staying)
}

/// Whose the document is that has this name; none when there is none.
///
/// # Errors
/// When the API server refuses.
pub async fn belonging<K>(
    client: &Client,
    owner: &K,
    artefact: &Artefact,
) -> Result<Option<Belonging>, ArtefactError>
where
    K: Resource<DynamicType = (), Scope = NamespaceResourceScope>,
{
    let api: Api<Secret> = Api::namespaced(client.clone(), &owner.namespace().unwrap_or_default());
    let name = artefact.name(&owner.name_any());
    let found = api.get_metadata_opt(&name).await.map_err(failed(&name))?;
    Ok(found.map(|found| artefact.belonging(owner, &found)))
}

/// Makes a document the object's, once its digest was found to fit: one of a former version, which did not write down whose it is, or one of
/// another object that a person adopts.
///
/// # Errors
/// When it is not whole, or the API server refuses.
pub async fn adopt<K>(client: &Client, owner: &K, artefact: &Artefact) -> Result<(), ArtefactError>
where
    K: Resource<DynamicType = (), Scope = NamespaceResourceScope>,
{
    let namespace = owner.namespace().unwrap_or_default();
    let name = artefact.name(&owner.name_any());
    load(client, &namespace, &name).await?;
    let api: Api<Secret> = Api::namespaced(client.clone(), &namespace);
    let head = get(&api, &name).await?;
    stamp(&api, owner, artefact, &head).await
}

/// The same of one that is about to be deleted and was not looked at by this version before. False when it is not whole.
async fn claim_former<K>(client: &Client, owner: &K, artefact: &Artefact) -> Result<bool, ArtefactError>
where
    K: Resource<DynamicType = (), Scope = NamespaceResourceScope>,
{
    match adopt(client, owner, artefact).await {
        Ok(()) => Ok(true),
        Err(ArtefactError::Missing { .. } | ArtefactError::Damaged { .. }) => Ok(false),
        Err(error) => Err(error),
    }
}

/// Reads a document.
///
/// # Errors
/// When a chunk is missing or the digest does not fit.
pub async fn load(client: &Client, namespace: &str, name: &str) -> Result<Vec<u8>, ArtefactError> {
    let api: Api<Secret> = Api::namespaced(client.clone(), namespace);
    let first = get(&api, name).await?;
    let count = chunks_of(&first).filter(|count| *count <= MOST_CHUNKS);
    let (Some(count), Some(expected)) = (count, first.annotations().get(DIGEST)) else {
        return Err(ArtefactError::Missing {
            name: name.to_owned(),
        });
    };
    let mut compressed = chunk(&first);
    for number in 1..count {
        let part = slot_of(&first).chunk_name(name, number);
        compressed.extend(chunk(&get(&api, &part).await?));
    }
    unpack(&compressed, expected).ok_or_else(|| ArtefactError::Damaged {
        name: name.to_owned(),
    })
}

/// Makes sure that a Secret is this artefact of this object, or absent.
async fn claim<K: Resource<DynamicType = ()>>(
    api: &Api<Secret>,
    owner: &K,
    artefact: &Artefact,
    name: &str,
) -> Result<Option<PartialObjectMeta<Secret>>, ArtefactError> {
    let found = by_name::get_metadata_opt(api, name).await.map_err(failed(name))?;
    let belonging = found.as_ref().map(|found| artefact.belonging(owner, found));
    let name = || name.to_owned();
    match belonging {
        Some(Belonging::Foreign) => Err(ArtefactError::Taken { name: name() }),
        Some(Belonging::OfAnother) => Err(ArtefactError::OfAnother { name: name() }),
        Some(Belonging::Own | Belonging::Former) | None => Ok(found),
    }
}

async fn get(api: &Api<Secret>, name: &str) -> Result<Secret, ArtefactError> {
    let found = by_name::get_opt(api, name).await.map_err(failed(name))?;
    found
        .filter(|secret| secret.type_.as_deref() == Some(TYPE))
        .ok_or_else(|| ArtefactError::Missing {
            name: name.to_owned(),
        })
}

/// Where the chunks after the first one are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Slot {
    First,
    Second,
}

/// Value of [`SLOT`].
const SECOND: &str = "b";

impl Slot {
    const fn other(self) -> Self {
        match self {
            Self::First => Self::Second,
            Self::Second => Self::First,
        }
    }

    fn chunk_name(self, name: &str, number: usize) -> String {
        match (self, number) {
            (_, 0) => name.to_owned(),
            (Self::First, number) => format!("{name}.{number}"),
            (Self::Second, number) => format!("{name}.{SECOND}{number}"),
        }
    }
}

fn slot_of(head: &impl ResourceExt) -> Slot {
    match head.annotations().get(SLOT) {
        Some(_) => Slot::Second,
        None => Slot::First,
    }
}

fn chunks_of(secret: &impl ResourceExt) -> Option<usize> {
    secret.annotations().get(CHUNKS)?.parse().ok()
}

fn chunk(secret: &Secret) -> Vec<u8> {
    let bytes = secret.data.as_ref().and_then(|data| data.get(KEY));
    bytes.map(|bytes| bytes.0.clone()).unwrap_or_default()
}

fn failed(name: &str) -> impl FnOnce(kube::Error) -> ArtefactError {
    let name = name.to_owned();
    move |source| ArtefactError::Kubernetes { name, source }
}

/// A name that is too long gives way to its digest.
fn name(owner: &str, purpose: &str) -> String {
    let name = format!("{owner}-{purpose}");
    if name.len() <= LONGEST_NAME {
        return name;
    }
    let digest: String = digest(owner.as_bytes())
        .chars()
        .skip("sha256:".len())
        .take(12)
        .collect();
    let kept: String = owner.chars().take(200).collect();
    format!("{}-{digest}-{purpose}", kept.trim_end_matches(['-', '.']))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_stable_short_and_different() {
        assert_eq!(name("inventory", "plan"), "inventory-plan");
        let (long, other) = ("a".repeat(253), format!("{}b", "a".repeat(252)));
        assert!(name(&long, "plan").len() <= LONGEST_NAME);
        assert_ne!(name(&long, "plan"), name(&other, "plan"));
        assert_eq!(Slot::First.chunk_name("inventory-plan", 1), "inventory-plan.1");
        let ledger = Artefact::lasting("ledger", "0b3b7a3e-5c1f-4f0e-9a53-0d4c9a0c1c11");
        assert_eq!(ledger.name("inventory"), "inventory-ledger-0b3b7a3e");
    }
}

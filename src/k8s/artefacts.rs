//! Documents that are too large for a status, in Secrets: compressed, cut into chunks, owned by the object they are about, so
//! that they go when it goes.
//!
//! The first chunk bears the name and says how many there are and what the digest is. It is written last, so a reader who
//! comes in between sees a digest that does not fit, and never a document made of two.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::io::{self, Read as _, Write as _};

use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;
use k8s_openapi::{ByteString, NamespaceResourceScope, api::core::v1::Secret};
use kube::api::{DeleteParams, ObjectMeta, Patch, PatchParams};
use kube::{Api, Client, Resource, ResourceExt};
use sha2::{Digest as _, Sha256};

use super::FIELD_MANAGER_PREFIX;

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
/// Longest name of a Secret, less the number of a chunk.
const LONGEST_NAME: usize = 245;

/// Why a document could not be stored or read.
#[derive(Debug, thiserror::Error)]
pub enum ArtefactError {
    /// The API server refused or failed.
    #[error("Secret {name}: {source}")]
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
    /// There is no such document.
    #[error("Secret {name} does not exist, or is no artefact")]
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

/// Stores a document and returns the name of its first Secret, which depends on owner and purpose alone. Chunks that an
/// earlier, larger one had are deleted.
///
/// # Errors
/// When it is too large, a name is taken, or the API server refuses.
pub async fn store<K>(
    client: &Client,
    owner: &K,
    purpose: &str,
    document: &[u8],
) -> Result<String, ArtefactError>
where
    K: Resource<DynamicType = (), Scope = NamespaceResourceScope>,
{
    let api: Api<Secret> = Api::namespaced(client.clone(), &owner.namespace().unwrap_or_default());
    let name = name(&owner.name_any(), purpose);
    let compressed = compress(document)?;
    let chunks: Vec<&[u8]> = compressed.chunks(CHUNK).collect();
    if chunks.len() > MOST_CHUNKS {
        return Err(ArtefactError::TooLarge {
            bytes: compressed.len(),
        });
    }
    let digest = digest(document);
    let before = claim(&api, owner, &name).await?;
    for (number, chunk) in chunks.iter().enumerate().rev() {
        let part = chunk_name(&name, number);
        if number > 0 {
            claim(&api, owner, &part).await?;
        }
        let annotations = BTreeMap::from([
            (DIGEST.to_owned(), digest.clone()),
            (CHUNKS.to_owned(), chunks.len().to_string()),
        ]);
        let secret = Secret {
            metadata: ObjectMeta {
                name: Some(part.clone()),
                labels: Some(BTreeMap::from([(PURPOSE.to_owned(), purpose.to_owned())])),
                annotations: Some(annotations),
                owner_references: owner.owner_ref(&()).map(|owner| vec![owner]),
                ..ObjectMeta::default()
            },
            type_: Some(TYPE.to_owned()),
            data: Some(BTreeMap::from([(KEY.to_owned(), ByteString(chunk.to_vec()))])),
            ..Secret::default()
        };
        let params = PatchParams::apply(FIELD_MANAGER_PREFIX).force();
        api.patch(&part, &params, &Patch::Apply(&secret))
            .await
            .map_err(failed(&part))?;
    }
    for number in chunks.len()..before.min(MOST_CHUNKS) {
        let part = chunk_name(&name, number);
        match api.delete(&part, &DeleteParams::default()).await {
            Err(kube::Error::Api(status)) if status.is_not_found() => {}
            other => {
                other.map_err(failed(&part))?;
            }
        }
    }
    Ok(name)
}

/// Reads a document.
///
/// # Errors
/// When a chunk is missing or the digest does not fit.
pub async fn load(client: &Client, namespace: &str, name: &str) -> Result<Vec<u8>, ArtefactError> {
    let api: Api<Secret> = Api::namespaced(client.clone(), namespace);
    let first = get(&api, name).await?;
    let count = chunks_of(&first).filter(|count| *count <= MOST_CHUNKS);
    let (Some(count), Some(expected)) = (count, first.annotations().get(DIGEST).cloned()) else {
        return Err(ArtefactError::Missing {
            name: name.to_owned(),
        });
    };
    let mut compressed = chunk(&first);
    for number in 1..count {
        compressed.extend(chunk(&get(&api, &chunk_name(name, number)).await?));
    }
    let mut document = Vec::new();
    let read = GzDecoder::new(compressed.as_slice())
        .take(MOST_BYTES)
        .read_to_end(&mut document);
    if read.is_err() || digest(&document) != expected {
        return Err(ArtefactError::Damaged {
            name: name.to_owned(),
        });
    }
    Ok(document)
}

/// Makes sure that a Secret is the owner's or absent; returns how many chunks it says there are.
async fn claim<K: Resource<DynamicType = ()>>(
    api: &Api<Secret>,
    owner: &K,
    name: &str,
) -> Result<usize, ArtefactError> {
    let Some(found) = api.get_metadata_opt(name).await.map_err(failed(name))? else {
        return Ok(0);
    };
    let uid = owner.meta().uid.as_deref().unwrap_or_default();
    if !found.owner_references().iter().any(|owner| owner.uid == uid) {
        return Err(ArtefactError::Taken {
            name: name.to_owned(),
        });
    }
    Ok(chunks_of(&found).unwrap_or(0))
}

async fn get(api: &Api<Secret>, name: &str) -> Result<Secret, ArtefactError> {
    let found = api.get_opt(name).await.map_err(failed(name))?;
    found
        .filter(|secret| secret.type_.as_deref() == Some(TYPE))
        .ok_or_else(|| ArtefactError::Missing {
            name: name.to_owned(),
        })
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

fn compress(document: &[u8]) -> io::Result<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(document)?;
    encoder.finish()
}

fn digest(document: &[u8]) -> String {
    let hex: String = Sha256::digest(document)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    format!("sha256:{hex}")
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

fn chunk_name(name: &str, number: usize) -> String {
    match number {
        0 => name.to_owned(),
        number => format!("{name}.{number}"),
    }
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
        assert_eq!(chunk_name("inventory-plan", 1), "inventory-plan.1");
    }

    #[test]
    fn the_same_document_compresses_to_the_same_bytes() {
        let document = vec![b'x'; 100_000];
        assert_eq!(compress(&document).unwrap(), compress(&document).unwrap());
        assert!(compress(&document).unwrap().len() < 1000);
    }
}

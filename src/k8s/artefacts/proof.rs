//! Which Secrets are a document of an object: a name is no proof of it. One that is bears the type, which cannot be changed, the label, the
//! UID of its object, and, where it is a further chunk, has a row with its own UID in the first one. Whatever fails one of these is
//! somebody else's, and stays.

use k8s_openapi::api::core::v1::Secret;
use kube::api::{DeleteParams, Patch, PatchParams, Preconditions};
use kube::{Api, Resource, ResourceExt};
use serde_json::json;

use super::{
    ABOUT, Artefact, ArtefactError, DIGEST, INDEX, MIGRATION_UID, MOST_CHUNKS, PURPOSE, Slot, TYPE,
    chunks_of, failed, slot_of,
};

/// Whose a Secret is, by what its metadata say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Belonging {
    /// The object's.
    Own,
    /// Of an object of this name, by a version that did not write down which.
    Former,
    /// Of another object of this name: it was deleted and made again, or the cluster was restored.
    OfAnother,
    /// No such document.
    Foreign,
}

impl Artefact {
    /// Whose a Secret is that has the name of this document.
    pub(super) fn belonging<K: Resource<DynamicType = ()>>(
        &self,
        owner: &K,
        secret: &impl ResourceExt,
    ) -> Belonging {
        let uid = owner.meta().uid.as_deref().unwrap_or_default();
        let is_labelled = secret
            .labels()
            .get(PURPOSE)
            .is_some_and(|purpose| *purpose == self.purpose);
        let is_about = match self.lasts() {
            true => secret.annotations().get(ABOUT) == Some(&owner.name_any()),
            false => secret.owner_references().iter().any(|owner| owner.uid == uid),
        };
        match secret.annotations().get(MIGRATION_UID) {
            _ if !is_labelled || !is_about => Belonging::Foreign,
            None => Belonging::Former,
            Some(written) if written == uid => Belonging::Own,
            Some(_) => Belonging::OfAnother,
        }
    }
}

/// Names and UIDs of the further chunks, as the first one has them.
pub(super) fn rows(head: &impl ResourceExt) -> Vec<(String, String)> {
    let index = head.annotations().get(INDEX).map(String::as_str);
    let rows = index.unwrap_or_default().split(',');
    rows.filter_map(|row| row.split_once('='))
        .map(|(name, uid)| (name.to_owned(), uid.to_owned()))
        .collect()
}

/// The same as an annotation.
pub(super) fn index(rows: &[(String, String)]) -> String {
    let rows = rows.iter().map(|(name, uid)| format!("{name}={uid}"));
    rows.collect::<Vec<_>>().join(",")
}

/// Deletes a Secret that proves itself, and the very one that did. False when it stays; one that is gone is success.
pub(super) async fn delete_proven<K: Resource<DynamicType = ()>>(
    api: &Api<Secret>,
    owner: &K,
    artefact: &Artefact,
    (name, uid): (&str, &str),
) -> Result<bool, ArtefactError> {
    let Some(found) = api.get_opt(name).await.map_err(failed(name))? else {
        return Ok(true);
    };
    let is_proven = found.type_.as_deref() == Some(TYPE)
        && artefact.belonging(owner, &found) == Belonging::Own
        && found.uid().as_deref() == Some(uid);
    if !is_proven {
        return Ok(false);
    }
    let params = DeleteParams::default().preconditions(Preconditions {
        uid: Some(uid.to_owned()),
        resource_version: None,
    });
    match api.delete(name, &params).await {
        Err(kube::Error::Api(status)) if status.is_not_found() => Ok(true),
        // Another one has come to its place.
        Err(kube::Error::Api(status)) if status.is_conflict() => Ok(false),
        other => other.map(|_| true).map_err(failed(name)),
    }
}

/// Writes down whose a document is, which the digest of its chunks has been held against: on a document of a former version, or of another
/// object that is adopted.
pub(super) async fn stamp<K: Resource<DynamicType = ()>>(
    api: &Api<Secret>,
    owner: &K,
    artefact: &Artefact,
    head: &Secret,
) -> Result<(), ArtefactError> {
    let (name, uid) = (head.name_any(), owner.meta().uid.clone().unwrap_or_default());
    let count = chunks_of(head).unwrap_or(1).min(MOST_CHUNKS);
    let mut rows = Vec::new();
    for number in 1..count {
        let part = slot_of(head).chunk_name(&name, number);
        let found = api.get(&part).await.map_err(failed(&part))?;
        let belongs = artefact.belonging(owner, &found) != Belonging::Foreign;
        let is_of_head = found.annotations().get(DIGEST) == head.annotations().get(DIGEST);
        if found.type_.as_deref() != Some(TYPE) || !belongs || !is_of_head {
            return Err(ArtefactError::Damaged { name });
        }
        mark(api, &found, json!({MIGRATION_UID: uid})).await?;
        rows.push((part, found.uid().unwrap_or_default()));
    }
    mark(api, head, json!({MIGRATION_UID: uid, INDEX: index(&rows)})).await
}

/// Annotates the very Secret that was read.
async fn mark(
    api: &Api<Secret>,
    secret: &Secret,
    annotations: serde_json::Value,
) -> Result<(), ArtefactError> {
    let name = secret.name_any();
    let patch = Patch::Merge(json!({"metadata": {
        "uid": secret.uid(), "resourceVersion": secret.resource_version(), "annotations": annotations,
    }}));
    let params = PatchParams::default();
    let marked = api.patch_metadata(&name, &params, &patch).await;
    marked.map(|_| ()).map_err(failed(&name))
}

/// Names that stand where chunks of a document would, but for those that are known.
pub(super) async fn lookalikes(
    api: &Api<Secret>,
    name: &str,
    known: &[(String, String)],
) -> Result<Vec<String>, ArtefactError> {
    let mut found = Vec::new();
    for slot in [Slot::First, Slot::Second] {
        for number in 1..MOST_CHUNKS {
            let part = slot.chunk_name(name, number);
            if known.iter().any(|(known, _)| *known == part) {
                continue;
            }
            if api
                .get_metadata_opt(&part)
                .await
                .map_err(failed(&part))?
                .is_none()
            {
                break;
            }
            found.push(part);
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::workspace_migration::WorkspaceMigration;

    fn owner() -> WorkspaceMigration {
        serde_json::from_value(json!({
            "metadata": {"name": "inventory", "namespace": "kong", "uid": "u-1"},
            "spec": {
                "source": {"workspace": "inventory", "adminAPI": {"url": "https://kong.example.com"}},
                "target": {"controlPlaneRef": {"name": "inventory"}},
            },
        }))
        .unwrap()
    }

    #[test]
    fn a_name_is_no_proof_and_each_mark_counts() {
        let ledger = Artefact::lasting("ledger", "0b3b7a3e-5c1f-4f0e-9a53-0d4c9a0c1c11");
        let of = |label: Option<&str>, about: Option<&str>, uid: Option<&str>| {
            let mut secret = Secret::default();
            for (key, value) in [(ABOUT, about), (MIGRATION_UID, uid)] {
                let value = value.map(|value| (key.to_owned(), value.to_owned()));
                secret.annotations_mut().extend(value);
            }
            let label = label.map(|label| (PURPOSE.to_owned(), label.to_owned()));
            secret.labels_mut().extend(label);
            ledger.belonging(&owner(), &secret)
        };
        let (label, about) = (Some("ledger"), Some("inventory"));
        assert_eq!(of(label, about, Some("u-1")), Belonging::Own);
        assert_eq!(of(label, about, None), Belonging::Former);
        assert_eq!(of(label, about, Some("u-2")), Belonging::OfAnother);
        for (label, about) in [
            (None, about),
            (Some("backup"), about),
            (label, None),
            (label, Some("other")),
        ] {
            for uid in [None, Some("u-1"), Some("u-2")] {
                assert_eq!(
                    of(label, about, uid),
                    Belonging::Foreign,
                    "{label:?} {about:?} {uid:?}"
                );
            }
        }
    }

    #[test]
    fn rows_are_read_as_they_were_written() {
        let written = [
            ("a.1".to_owned(), "u-1".to_owned()),
            ("a.2".to_owned(), "u-2".to_owned()),
        ];
        let mut head = Secret::default();
        assert!(rows(&head).is_empty());
        head.annotations_mut().insert(INDEX.to_owned(), index(&written));
        assert_eq!(rows(&head), written);
        head.annotations_mut().insert(INDEX.to_owned(), index(&[]));
        assert!(rows(&head).is_empty());
    }
}

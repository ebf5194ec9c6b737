//! Finds documents whose object may be gone.

use std::collections::BTreeSet;

use k8s_openapi::api::core::v1::Secret;
use kube::api::ListParams;
use kube::{Api, Client, ResourceExt};

use super::{ABOUT, ArtefactError, PURPOSE, failed};

/// Names of the first Secrets of all lasting documents of a purpose that are about an object of this name, in order. The object itself
/// is not asked for: it may have been deleted, or never been restored.
///
/// # Errors
/// When the API server refuses.
pub async fn find_about(
    client: &Client,
    namespace: &str,
    purpose: &str,
    about: &str,
) -> Result<Vec<String>, ArtefactError> {
    let api: Api<Secret> = Api::namespaced(client.clone(), namespace);
    let label = ListParams::default().labels(&format!("{PURPOSE}={purpose}"));
    let listed = api.list_metadata(&label).await;
    let listed = listed.map_err(failed(&format!("of label {PURPOSE}={purpose}")))?;
    let is_about = |secret: &&_| {
        ResourceExt::annotations(*secret)
            .get(ABOUT)
            .is_some_and(|name| name == about)
    };
    let names = listed.items.iter().filter(is_about).map(ResourceExt::name_any);
    Ok(without_chunks(names.collect()))
}

/// Leaves out what is a further chunk of another one.
fn without_chunks(names: BTreeSet<String>) -> Vec<String> {
    let is_chunk = |name: &&String| {
        let first = name.rsplit_once('.').map(|(first, _)| first);
        first.is_some_and(|first| names.contains(first))
    };
    names.iter().filter(|name| !is_chunk(name)).cloned().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_document_of_several_chunks_is_one() {
        let names = [
            "a-backup-1",
            "a-backup-1.1",
            "a-backup-1.b1",
            "a.b-backup-2",
            "a-backup-3",
        ];
        let found = without_chunks(names.map(String::from).into());
        assert_eq!(found, ["a-backup-1", "a-backup-3", "a.b-backup-2"]);
    }
}

//! Objects by name. The Kubernetes client puts a name into its URL as it is, so that one with a slash or a question mark would ask for
//! something else than an object of that name, of which there can be none.

use std::fmt::Debug;

use kube::api::{DeleteParams, PartialObjectMeta};
use kube::core::Status;
use kube::{Api, Resource};
use serde::de::DeserializeOwned;

/// Longest name of an object.
const LONGEST: usize = 253;

/// Whether an object can have this name: a DNS subdomain (RFC 1123), which the API server asks of every kind that is read here.
#[must_use]
pub fn is_name(text: &str) -> bool {
    let is_inner = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    let is_label = |label: &str| {
        !label.is_empty() && !label.starts_with('-') && !label.ends_with('-') && label.bytes().all(is_inner)
    };
    text.len() <= LONGEST && text.split('.').all(is_label)
}

/// The object of this name; `None` when there is none, or can be none.
///
/// # Errors
/// When the API server refuses or fails.
pub async fn get_opt<K>(api: &Api<K>, name: &str) -> Result<Option<K>, kube::Error>
where
    K: Clone + DeserializeOwned + Debug,
{
    match is_name(name) {
        true => api.get_opt(name).await,
        false => Ok(None),
    }
}

/// The object of this name.
///
/// # Errors
/// As [`get_opt`]; and 404, as from the API server, when there is none or can be none.
pub async fn get<K>(api: &Api<K>, name: &str) -> Result<K, kube::Error>
where
    K: Clone + DeserializeOwned + Debug,
{
    match is_name(name) {
        true => api.get(name).await,
        false => Err(not_found(name)),
    }
}

/// The metadata of the object of this name; `None` when there is none, or can be none.
///
/// # Errors
/// As [`get_opt`].
pub async fn get_metadata_opt<K>(
    api: &Api<K>,
    name: &str,
) -> Result<Option<PartialObjectMeta<K>>, kube::Error>
where
    K: Clone + DeserializeOwned + Debug,
{
    match is_name(name) {
        true => api.get_metadata_opt(name).await,
        false => Ok(None),
    }
}

/// Deletes the object of this name.
///
/// # Errors
/// As [`get`].
pub async fn delete<K>(api: &Api<K>, name: &str) -> Result<(), kube::Error>
where
    K: Resource<DynamicType = ()> + Clone + DeserializeOwned + Debug,
{
    match is_name(name) {
        true => api.delete(name, &DeleteParams::default()).await.map(drop),
        false => Err(not_found(name)),
    }
}

fn not_found(name: &str) -> kube::Error {
    let message = format!("{name:?} is no name that an object can have");
    kube::Error::Api(Box::new(Status::failure(&message, "NotFound").with_code(404)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_the_api_server_takes_for_a_name_is_one() {
        let longest = format!("{}.a", "a".repeat(251));
        let longer = format!("{longest}a");
        for (text, is) in [
            ("konnect", true),
            ("a.b-c.1", true),
            ("0", true),
            (longest.as_str(), true),
            (longer.as_str(), false),
            ("", false),
            (".", false),
            ("..", false),
            ("a..b", false),
            ("-a", false),
            ("a-", false),
            ("a.-b", false),
            ("A", false),
            ("a_b", false),
            ("a b", false),
            ("konnect?x=y", false),
            ("konnect#", false),
            ("konnect/status", false),
            ("../../../other/secrets/token", false),
            ("konnect%2f", false),
            ("konnect%00", false),
            ("k\u{f6}nnect", false),
            ("konnect\n", false),
            ("konnect,metadata.namespace=other", false),
        ] {
            assert_eq!(is_name(text), is, "{text:?}");
        }
    }
}

//! Control planes (control-planes v2).

use std::collections::{BTreeMap, BTreeSet};

use reqwest::Method;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::Client;
use super::client::CheckedUrl;
pub use super::control_plane_types::{AuthType, ControlPlaneProxyUrl};
use crate::http;
use crate::http::call::Call;
use crate::kong::model::ClusterType;

/// A control plane as Konnect describes it. Fields that are not listed here are ignored.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct ControlPlane {
    /// Chosen by Konnect; a UUID.
    pub id: String,
    /// Unique in an organisation's region.
    pub name: String,
    /// Empty when none was given.
    #[serde(default, deserialize_with = "or_default")]
    pub description: String,
    /// All labels, the user's and Konnect's own.
    #[serde(default, deserialize_with = "or_default")]
    pub labels: BTreeMap<String, String>,
    /// Addresses and type.
    pub config: ControlPlaneConfig,
}

/// What data planes and we must know about a control plane.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct ControlPlaneConfig {
    /// With `https://` in front, as Konnect sends it.
    pub control_plane_endpoint: String,
    /// With `https://` in front, as Konnect sends it.
    pub telemetry_endpoint: String,
    /// Hybrid, group, ingress controller, …
    pub cluster_type: ClusterType,
    /// How data planes show themselves.
    pub auth_type: AuthType,
    /// True for a control plane of Dedicated Cloud Gateways.
    #[serde(default)]
    pub cloud_gateway: bool,
    /// Where clients reach the data planes.
    #[serde(default, deserialize_with = "or_default")]
    pub proxy_urls: Vec<ControlPlaneProxyUrl>,
}

/// Body of `POST /v2/control-planes`. What is `None` or empty is not sent.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct CreateControlPlane {
    /// 2 to 256 characters.
    pub name: String,
    /// At most 2,048 characters.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Cannot be changed later.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cluster_type: Option<ClusterType>,
    /// Konnect's default: pinned client certificates.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub auth_type: Option<AuthType>,
    /// Cannot be changed later.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cloud_gateway: Option<bool>,
    /// At most 5.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub proxy_urls: Vec<ControlPlaneProxyUrl>,
    /// Keys and values of 1 to 63 characters.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<String, String>,
}

/// Body of `PATCH /v2/control-planes/{id}`. What is `None` stays as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct PatchControlPlane {
    /// 2 to 256 characters.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// At most 2,048 characters.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// How data planes show themselves.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub auth_type: Option<AuthType>,
    /// The whole list.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub proxy_urls: Option<Vec<ControlPlaneProxyUrl>>,
    /// The whole set.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub labels: Option<BTreeMap<String, String>>,
}

impl PatchControlPlane {
    /// True when it would change nothing.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// Which control planes to list; what is set must all hold.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    /// Exactly this id.
    pub id: Option<String>,
    /// Exactly this name.
    pub name: Option<String>,
    /// Exactly this type.
    pub cluster_type: Option<ClusterType>,
    /// All of these labels.
    pub labels: BTreeMap<String, String>,
}

impl Filter {
    /// The one control plane of this name, if any.
    pub fn name(name: impl Into<String>) -> Self {
        Self {
            name: Some(name.into()),
            ..Self::default()
        }
    }

    /// Those that carry this label, such as `k8s-uid`.
    pub fn label(key: impl Into<String>, value: impl Into<String>) -> Self {
        Self {
            labels: BTreeMap::from([(key.into(), value.into())]),
            ..Self::default()
        }
    }

    fn query(&self) -> Vec<(&'static str, String)> {
        let labels: Vec<String> = self
            .labels
            .iter()
            .map(|(key, value)| format!("{key}:{value}"))
            .collect();
        [
            ("filter[id][eq]", self.id.clone()),
            ("filter[name][eq]", self.name.clone()),
            (
                "filter[cluster_type][eq]",
                self.cluster_type.as_ref().map(ToString::to_string),
            ),
            (
                "labels",
                Some(labels.join(",")).filter(|labels| !labels.is_empty()),
            ),
        ]
        .into_iter()
        .filter_map(|(name, value)| Some((name, value?)))
        .collect()
    }

    /// Checked here again: adopting a control plane because a filter was ignored would be grave.
    fn matches(&self, found: &ControlPlane) -> bool {
        self.id.as_ref().is_none_or(|id| *id == found.id)
            && self.name.as_ref().is_none_or(|name| *name == found.name)
            && self
                .cluster_type
                .as_ref()
                .is_none_or(|cluster_type| *cluster_type == found.config.cluster_type)
            && self
                .labels
                .iter()
                .all(|(key, value)| found.labels.get(key) == Some(value))
    }
}

/// One page of `GET /v2/control-planes`.
#[derive(Deserialize)]
struct ControlPlanePage {
    data: Vec<ControlPlane>,
    #[serde(default)]
    meta: Option<PageMeta>,
}

#[derive(Deserialize)]
struct PageMeta {
    page: PageNumbers,
}

#[derive(Deserialize)]
struct PageNumbers {
    total: u64,
}

/// Page size of control planes; 100 is also the default limit of control planes in an organisation.
const PAGE_SIZE: u64 = 100;

impl Client {
    /// All control planes that a filter selects, page after page.
    ///
    /// # Errors
    /// Any failed page fails the whole.
    pub async fn list_control_planes(&self, filter: &Filter) -> Result<Vec<ControlPlane>, http::Error> {
        let mut found = Vec::new();
        let mut seen = BTreeSet::new();
        for number in 1u64.. {
            let mut query = filter.query();
            query.push(("page[size]", PAGE_SIZE.to_string()));
            query.push(("page[number]", number.to_string()));
            let query = query.iter().map(|(name, value)| (*name, value.as_str()));
            let call = self.call(Method::GET, self.url("v2/control-planes", query));
            let page: ControlPlanePage = self.send(&call).await?.parse(&call)?;
            let before = seen.len();
            seen.extend(page.data.iter().map(|control_plane| control_plane.id.clone()));
            let (new, length) = (seen.len() - before, page.data.len());
            found.extend(
                page.data
                    .into_iter()
                    .filter(|control_plane| filter.matches(control_plane)),
            );
            let total = page.meta.map(|meta| meta.page.total);
            match total {
                Some(total) if seen.len() as u64 >= total => break,
                // A list that is cut short must not look complete: what it lacks would be made a second time.
                Some(_) if length == 0 => {
                    return Err(call.garbage(None, "the list ends before it has as many as it says"));
                }
                None if length == 0 => break,
                Some(_) | None => {}
            }
            if new == 0 {
                return Err(call.garbage(None, "a page repeats an earlier one"));
            }
        }
        Ok(found)
    }

    /// One control plane; `None` when it does not exist (any more).
    ///
    /// # Errors
    /// Any failure but 404.
    pub async fn get_control_plane(&self, id: &str) -> Result<Option<ControlPlane>, http::Error> {
        let call = self.call(Method::GET, self.control_plane_url(id));
        match self.send(&call).await {
            Ok(reply) => reply.parse(&call).map(Some),
            Err(error) if error.is_not_found() => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Creates a control plane. Repeated only when Konnect surely did not act; after any other failure look for the
    /// label given here before creating again.
    ///
    /// # Errors
    /// [`Failure::Conflict`](crate::http::Failure::Conflict) when the name is taken.
    pub async fn create_control_plane(&self, body: &CreateControlPlane) -> Result<ControlPlane, http::Error> {
        let call = self.call(Method::POST, self.url("v2/control-planes", []));
        let call = with_body(call, body)?;
        self.send(&call).await?.parse(&call)
    }

    /// Changes the fields given.
    ///
    /// # Errors
    /// [`Failure::NotFound`](crate::http::Failure::NotFound) when it is gone.
    pub async fn patch_control_plane(
        &self,
        id: &str,
        body: &PatchControlPlane,
    ) -> Result<ControlPlane, http::Error> {
        let call = with_body(self.call(Method::PATCH, self.control_plane_url(id)), body)?;
        self.send(&call).await?.parse(&call)
    }

    /// Deletes a control plane with everything in it. One that is already gone is a success.
    ///
    /// # Errors
    /// Any failure but 404.
    pub async fn delete_control_plane(&self, id: &str) -> Result<(), http::Error> {
        self.send_delete(self.control_plane_url(id)).await
    }

    fn control_plane_url(&self, id: &str) -> CheckedUrl {
        self.url(&format!("v2/control-planes/{id}"), [])
    }
}

fn with_body<'c>(call: Call<'c>, body: &impl Serialize) -> Result<Call<'c>, http::Error> {
    match serde_json::to_value(body) {
        Ok(body) => Ok(call.body(Some(body))),
        Err(error) => Err(call.garbage(None, format!("the request cannot be written as JSON: {error}"))),
    }
}

/// Null and absent are the same.
fn or_default<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: serde::Deserializer<'de>,
    T: Default + serde::de::DeserializeOwned,
{
    let value = Option::<Value>::deserialize(deserializer)?;
    match value {
        None | Some(Value::Null) => Ok(T::default()),
        Some(value) => serde_json::from_value(value).map_err(serde::de::Error::custom),
    }
}

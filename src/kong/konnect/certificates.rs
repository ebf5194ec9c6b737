//! Client certificates pinned at a control plane: a data plane that shows one of them is let in.

use reqwest::Method;
use serde::Deserialize;
use serde_json::json;

use super::Client;
use super::client::CheckedUrl;
use crate::http;
use crate::http::object_text::ObjectText;

/// One pinned certificate. A control plane takes 32 by default.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct DataPlaneCertificate {
    /// Chosen by Konnect.
    pub id: String,
    /// PEM.
    pub cert: String,
    /// Empty when none was given.
    #[serde(default)]
    pub title: Option<String>,
}

impl Client {
    /// All pinned certificates.
    ///
    /// # Errors
    /// [`Failure::NotFound`](crate::http::Failure::NotFound) when the control plane is gone.
    pub async fn list_data_plane_certificates(
        &self,
        control_plane: &str,
    ) -> Result<Vec<DataPlaneCertificate>, http::Error> {
        let items = self
            .list_items(&format!(
                "v2/control-planes/{control_plane}/dp-client-certificates"
            ))
            .await?;
        let certificates = items.iter().map(ObjectText::parse);
        certificates.collect::<Result<_, _>>().map_err(|_| {
            let call = self.call(Method::GET, self.certificates_url(control_plane, None));
            call.garbage(Some(200), "a certificate without `id` or `cert`")
        })
    }

    /// Pins a certificate. Pinning the same one again makes a second entry: list before.
    ///
    /// # Errors
    /// [`Failure::Rejected`](crate::http::Failure::Rejected) for a text that is no certificate, or when the limit is reached.
    pub async fn create_data_plane_certificate(
        &self,
        control_plane: &str,
        cert_pem: &str,
        title: Option<&str>,
    ) -> Result<DataPlaneCertificate, http::Error> {
        let mut body = json!({ "cert": cert_pem });
        if let Some(title) = title {
            body["title"] = title.into();
        }
        let call = self
            .call(Method::POST, self.certificates_url(control_plane, None))
            .body(Some(body));
        self.send_for_object(&call).await?.parse(&call)
    }

    /// Removes a pin, which disconnects the data planes that use it. One that is already gone is a success.
    ///
    /// # Errors
    /// Any failure but 404.
    pub async fn delete_data_plane_certificate(
        &self,
        control_plane: &str,
        id: &str,
    ) -> Result<(), http::Error> {
        self.send_delete(self.certificates_url(control_plane, Some(id)))
            .await
    }

    fn certificates_url(&self, control_plane: &str, id: Option<&str>) -> CheckedUrl {
        let list = format!("v2/control-planes/{control_plane}/dp-client-certificates");
        match id {
            Some(id) => self.url(&format!("{list}/{id}"), []),
            None => self.url(&list, []),
        }
    }
}

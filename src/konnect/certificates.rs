//! Client certificates pinned at a control plane: a data plane that shows one of them is let in.

use reqwest::Method;
use serde::Deserialize;
use serde_json::json;
use url::Url;
use uuid::Uuid;

use super::Client;
use crate::http::Error;
use crate::http::page::Page;

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
    /// All pinned certificates; Konnect sends them in one piece.
    ///
    /// # Errors
    /// [`Failure::NotFound`](crate::http::Failure::NotFound) when the control plane is gone.
    pub async fn list_data_plane_certificates(
        &self,
        control_plane: Uuid,
    ) -> Result<Vec<DataPlaneCertificate>, Error> {
        let call = self.call(Method::GET, self.certificates_url(control_plane, None));
        let mut reply = self.send(&call).await?;
        let status = Some(reply.status);
        // A control plane without certificates may answer `{}`.
        if reply.body.as_object().is_some_and(serde_json::Map::is_empty) {
            reply.body = json!({"items": []});
        }
        let page = Page::read(reply.body).map_err(|wrong| call.garbage(status, wrong))?;
        let certificates = page
            .items
            .into_iter()
            .map(|item| serde_json::from_value(item.into()));
        certificates
            .collect::<Result<_, _>>()
            .map_err(|_| call.garbage(status, "a certificate without `id` or `cert`"))
    }

    /// Pins a certificate. Pinning the same one again makes a second entry: list before.
    ///
    /// # Errors
    /// [`Failure::Rejected`](crate::http::Failure::Rejected) for a text that is no certificate, or when the limit is reached.
    pub async fn create_data_plane_certificate(
        &self,
        control_plane: Uuid,
        cert_pem: &str,
        title: Option<&str>,
    ) -> Result<DataPlaneCertificate, Error> {
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
    pub async fn delete_data_plane_certificate(&self, control_plane: Uuid, id: &str) -> Result<(), Error> {
        self.send_delete(self.certificates_url(control_plane, Some(id)))
            .await
    }

    fn certificates_url(&self, control_plane: Uuid, id: Option<&str>) -> Url {
        let list = format!("v2/control-planes/{control_plane}/dp-client-certificates");
        match id {
            Some(id) => self.url(&format!("{list}/{id}"), []),
            None => self.url(&list, []),
        }
    }
}

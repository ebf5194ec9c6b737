//! Pins certificates at a control plane in Konnect, and removes pins.

use super::{certificate::Fingerprint, error::ExtensionError, pins};
use crate::{
    http::Failure,
    kong::konnect::{self, DataPlaneCertificate},
};

/// One extension's view of the pins of its control plane.
pub(super) struct Pinboard<'a> {
    /// Konnect.
    pub(super) client: &'a konnect::Client,
    /// Id of the control plane.
    pub(super) control_plane: &'a str,
    /// Title of the extension's own pins.
    pub(super) title: &'a str,
}

impl Pinboard<'_> {
    /// All pins, whoever made them.
    pub(super) async fn fetch(&self) -> Result<Vec<DataPlaneCertificate>, ExtensionError> {
        Ok(self
            .client
            .list_data_plane_certificates(self.control_plane)
            .await?)
    }

    /// Pins a certificate that [`Pinboard::fetch`] did not list, and returns the list that has it.
    ///
    /// # Errors
    /// [`ExtensionError::NotListed`] when Konnect takes it and does not show it: only what a read shows counts.
    pub(super) async fn pin(
        &self,
        pem: &str,
        fingerprint: Fingerprint,
    ) -> Result<Vec<DataPlaneCertificate>, ExtensionError> {
        self.client
            .create_data_plane_certificate(self.control_plane, pem, Some(self.title))
            .await?;
        let listed = self.fetch().await?;
        if pins::is_listed(&listed, fingerprint) {
            Ok(listed)
        } else {
            Err(ExtensionError::NotListed)
        }
    }

    /// Removes these pins; one that is gone already is success.
    pub(super) async fn remove(&self, pins: &[&DataPlaneCertificate]) -> Result<(), ExtensionError> {
        for pin in pins {
            self.client
                .delete_data_plane_certificate(self.control_plane, &pin.id)
                .await?;
        }
        Ok(())
    }

    /// Removes the extension's own pins but the one of `still_used`, and returns how many there were. A control plane
    /// that is gone has none.
    pub(super) async fn clear(&self, still_used: Option<Fingerprint>) -> Result<usize, ExtensionError> {
        let listed = match self.client.list_data_plane_certificates(self.control_plane).await {
            Err(error) if *error.failure() == Failure::NotFound => return Ok(0),
            listed => listed?,
        };
        let own = pins::removable(&listed, self.title, still_used);
        self.remove(&own).await?;
        Ok(own.len())
    }
}

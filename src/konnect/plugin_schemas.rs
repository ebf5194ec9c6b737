//! Schemas of custom plugins, uploaded to a control plane.

use serde::Deserialize;

use super::Client;
use crate::http::Error;

#[derive(Deserialize)]
struct Named {
    name: String,
}

impl Client {
    /// Names of the custom plugins whose schema the control plane has.
    ///
    /// # Errors
    /// Any failed page fails the whole.
    pub async fn list_plugin_schemas(&self, control_plane: &str) -> Result<Vec<String>, Error> {
        let path = format!("v2/control-planes/{control_plane}/core-entities/plugin-schemas");
        let items = self.list_items(&path).await?;
        let names = items
            .iter()
            .filter_map(|item| item.parse::<Named>().ok())
            .map(|item| item.name);
        Ok(names.collect())
    }
}

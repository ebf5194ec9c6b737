//! Schemas of custom plugins, uploaded to a control plane.

use serde_json::Value;

use super::Client;
use crate::http::Error;

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
            .filter_map(|item| item.get("name"))
            .filter_map(Value::as_str);
        Ok(names.map(str::to_owned).collect())
    }
}

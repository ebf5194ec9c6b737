//! Schemas of custom plugins, uploaded to a control plane.

use super::Client;
use crate::http;
use crate::http::object_text::ObjectText;

impl Client {
    /// All schemas of custom plugins, each with its `name` and `lua_schema`. The endpoint is one of the older ones, with pages of
    /// their form; single schemas are written and deleted as other entities are, by name.
    ///
    /// # Errors
    /// Any failed page fails the whole.
    pub async fn list_plugin_schemas(&self, control_plane: &str) -> Result<Vec<ObjectText>, http::Error> {
        let path = format!("v2/control-planes/{control_plane}/core-entities/plugin-schemas");
        self.list_items(&path).await
    }
}

//! What kind of Kong answers: version, edition, plugins, topology.

use std::collections::BTreeSet;

use serde::Deserialize;
use serde_json::{Map, Value};

use super::Client;
use crate::http;

/// Which product it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Edition {
    /// Open source: no workspaces.
    Community,
    /// Kong Gateway Enterprise.
    Enterprise,
}

/// What `GET /` tells. All that a node with restricted rights leaves out is `None` or empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Node {
    /// As Kong writes it: `3.9.1`, `3.4.3.1-enterprise-edition`.
    pub version: String,
    /// Open source or Enterprise.
    pub edition: Edition,
    /// `traditional_compatible`, `traditional` or `expressions`.
    pub router_flavor: Option<String>,
    /// The node keeps an audit log of the Admin API.
    pub audit_log: bool,
    /// Names of the plugins this node has loaded or could load.
    pub plugins: BTreeSet<String>,
    /// `postgres`, or `off` for a node that reads a declarative file.
    pub database: Option<String>,
    /// `traditional`, `control_plane` or `data_plane`.
    pub role: Option<String>,
}

impl Node {
    /// True when the node has no database: its workspace is what a file says.
    pub fn is_dbless(&self) -> bool {
        self.database.as_deref() == Some("off")
    }
}

#[derive(Deserialize)]
struct Root {
    version: String,
    #[serde(default)]
    edition: Option<String>,
    #[serde(default)]
    plugins: Option<Plugins>,
    #[serde(default)]
    configuration: Option<Map<String, Value>>,
}

#[derive(Deserialize)]
struct Plugins {
    /// Values are `true` up to 2.x, objects with version and priority since.
    #[serde(default)]
    available_on_server: Option<Map<String, Value>>,
}

impl From<Root> for Node {
    fn from(root: Root) -> Self {
        let setting = |name: &str| {
            root.configuration
                .as_ref()?
                .get(name)?
                .as_str()
                .map(str::to_owned)
        };
        let configuration = root.configuration.as_ref();
        let audit_log = configuration.and_then(|settings| settings.get("audit_log")?.as_bool());
        let available = root
            .plugins
            .and_then(|plugins| plugins.available_on_server)
            .unwrap_or_default();
        Self {
            edition: edition(root.edition.as_deref(), &root.version),
            router_flavor: setting("router_flavor"),
            database: setting("database"),
            role: setting("role"),
            audit_log: audit_log.unwrap_or_default(),
            plugins: available
                .into_iter()
                .filter(|(_, value)| *value != false)
                .map(|(name, _)| name)
                .collect(),
            version: root.version,
        }
    }
}

/// Whether a text is a version as Kong writes it, such as `3.4.3.1-enterprise-edition`. It is shown wherever a source is, so that whatever
/// answers in place of Kong must not be shown by it.
fn is_version(text: &str) -> bool {
    let is_inner = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'+' | b'_');
    let major = text.split('.').next().unwrap_or_default();
    let starts = !major.is_empty() && major.len() <= 4 && major.bytes().all(|byte| byte.is_ascii_digit());
    starts && text.contains('.') && text.len() <= 64 && text.bytes().all(is_inner)
}

/// Kong before 3.0 says it in the version only.
fn edition(named: Option<&str>, version: &str) -> Edition {
    match named {
        Some("enterprise") => Edition::Enterprise,
        None if version.contains("enterprise") => Edition::Enterprise,
        _ => Edition::Community,
    }
}

impl Client {
    /// `GET /`.
    ///
    /// # Errors
    /// [`Failure::Unauthorized`](crate::http::Failure::Unauthorized) for a missing or wrong token,
    /// [`Failure::Garbage`](crate::http::Failure::Garbage) when it is not Kong that answers.
    pub async fn node(&self) -> Result<Node, http::Error> {
        let call = self.call(None, "", []);
        let root: Root = self.send(&call).await?.parse(&call)?;
        if !is_version(&root.version) {
            return Err(call.garbage(Some(200), "its version is none of Kong's"));
        }
        Ok(root.into())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn node(root: Value) -> Node {
        serde_json::from_value::<Root>(root).unwrap().into()
    }

    #[test]
    fn a_current_root_is_read() {
        let node = node(json!({"version": "3.9.1", "edition": "community", "plugins": {
                "available_on_server": {"acl": {"version": "3.9.1", "priority": 950}}, "enabled_in_cluster": []},
            "configuration": {"router_flavor": "traditional_compatible", "database": "off", "role": "traditional", "audit_log": true}}));
        assert_eq!(node.edition, Edition::Community);
        assert_eq!(node.router_flavor.as_deref(), Some("traditional_compatible"));
        assert!(node.audit_log && node.is_dbless() && node.plugins.contains("acl"));
    }

    #[test]
    fn only_a_version_is_taken_for_one() {
        let long = format!("3.9.{}", "1".repeat(2_000_000));
        for (text, is) in [
            ("3.9.1", true),
            ("0.36-2-enterprise-edition", true),
            ("3.4.3.1-enterprise-edition", true),
            ("3.10.0-dev+abc_1", true),
            ("", false),
            ("3", false),
            ("version 3.9", false),
            ("3.9 of the billing service", false),
            ("3.9\u{1b}[2J", false),
            ("3.9\n", false),
            (".9", false),
            (long.as_str(), false),
        ] {
            assert_eq!(is_version(text), is, "{:?}", text.get(..40).unwrap_or(text));
        }
    }

    #[test]
    fn an_old_root_is_read() {
        let node = node(
            json!({"version": "2.8.4.2-enterprise-edition", "plugins": {"available_on_server": {"acl": true, "gone": false}}}),
        );
        assert_eq!(node.edition, Edition::Enterprise);
        assert_eq!(node.plugins, BTreeSet::from(["acl".to_owned()]));
        assert!(!node.audit_log);
        assert_eq!((node.database, node.role, node.router_flavor), (None, None, None));
    }
}

//! An identity that the API server knows, and how to act as it.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::{fmt, fs};

use anyhow::Context as _;
use serde_json::json;
use uuid::Uuid;

use super::binaries::Binaries;

/// A user with a bearer token and a kubeconfig.
pub struct Access {
    user: &'static str,
    group: &'static str,
    token: String,
    kubeconfig: String,
    kubeconfig_path: PathBuf,
}

impl Access {
    /// A user with a new token, for the API server at `url`; writes the kubeconfig into `folder`.
    pub(super) fn create(
        user: &'static str,
        group: &'static str,
        url: &str,
        folder: &Path,
    ) -> anyhow::Result<Self> {
        let token = Uuid::new_v4().to_string();
        let document = json!({
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{
                "name": "local",
                "cluster": {"server": url, "certificate-authority": folder.join(CA_FILE)},
            }],
            "users": [{"name": user, "user": {"token": token}}],
            "contexts": [{"name": user, "context": {"cluster": "local", "user": user, "namespace": "default"}}],
            "current-context": user,
        });
        let kubeconfig = serde_saphyr::to_string(&document).context("the kubeconfig has no YAML form")?;
        let kubeconfig_path = folder.join(format!("{user}.kubeconfig"));
        fs::write(&kubeconfig_path, &kubeconfig).context("cannot write a kubeconfig")?;
        Ok(Self {
            user,
            group,
            token,
            kubeconfig,
            kubeconfig_path,
        })
    }

    /// The user's line in the API server's token file.
    pub(super) fn token_file_line(&self) -> String {
        format!("{},{},{},\"{}\"\n", self.token, self.user, self.user, self.group)
    }

    /// Name of the user, for RBAC subjects.
    pub fn user(&self) -> &str {
        self.user
    }

    /// Name of the user's only group.
    pub fn group(&self) -> &str {
        self.group
    }

    /// Bearer token.
    pub fn token(&self) -> &str {
        &self.token
    }

    /// Kubeconfig, YAML text. It names the authority's certificate by its file.
    pub fn kubeconfig(&self) -> &str {
        &self.kubeconfig
    }

    /// A file with [`Access::kubeconfig`].
    pub fn kubeconfig_path(&self) -> &Path {
        &self.kubeconfig_path
    }

    /// `kubectl` with these arguments, acting as this user: from PATH, else built once.
    ///
    /// # Errors
    /// When there is no kubectl on PATH and none can be built.
    pub fn kubectl(&self, arguments: &[impl AsRef<OsStr>]) -> anyhow::Result<Command> {
        let mut command = Command::new(Binaries::ensure_kubectl()?);
        command.args(arguments).env("KUBECONFIG", &self.kubeconfig_path);
        Ok(command)
    }
}

/// Certificate of the authority, in the cluster's folder.
pub(super) const CA_FILE: &str = "ca.crt";

impl fmt::Debug for Access {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Access")
            .field("user", &self.user)
            .finish_non_exhaustive()
    }
}

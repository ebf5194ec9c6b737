//! Where the Kubernetes binaries come from.

use std::env;
use std::fs::{self, File};
use std::path::{Path, PathBuf};

use anyhow::Context as _;

use super::build::Builder;

/// Version of Kubernetes that is built when `KUBEBUILDER_ASSETS` does not decide; `cluster/go.mod` pins the same.
pub const KUBERNETES_VERSION: &str = "1.35.4";

/// Folder below the user's cache folder.
const CACHE_FOLDER: &str = "gateway-migration-operator/control-plane";

/// A program of the control plane.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Program {
    pub(super) name: &'static str,
    /// Its Go package, all of them pinned by `cluster/go.mod`.
    pub(super) package: &'static str,
}

pub(super) const ETCD: Program = Program {
    name: "etcd",
    package: "go.etcd.io/etcd/server/v3",
};
pub(super) const API_SERVER: Program = Program {
    name: "kube-apiserver",
    package: "k8s.io/kubernetes/cmd/kube-apiserver",
};
pub(super) const CONTROLLER_MANAGER: Program = Program {
    name: "kube-controller-manager",
    package: "k8s.io/kubernetes/cmd/kube-controller-manager",
};
pub(super) const KUBECTL: Program = Program {
    name: "kubectl",
    package: "k8s.io/kubernetes/cmd/kubectl",
};

/// Paths of the three servers, each from `KUBEBUILDER_ASSETS` when that folder has it, else from the cache.
#[derive(Debug, Clone)]
pub struct Binaries {
    /// etcd.
    pub etcd: PathBuf,
    /// kube-apiserver.
    pub api_server: PathBuf,
    /// kube-controller-manager; the usual envtest assets lack it.
    pub controller_manager: PathBuf,
}

impl Binaries {
    /// Finds the binaries, and builds those that are missing: once for all processes of this user.
    ///
    /// # Errors
    /// When a binary is missing and the Go toolchain is too, or its build fails.
    pub fn ensure() -> anyhow::Result<Self> {
        Ok(Self {
            etcd: ensure(ETCD)?,
            api_server: ensure(API_SERVER)?,
            controller_manager: ensure(CONTROLLER_MANAGER)?,
        })
    }

    /// Path of kubectl: from PATH, else as for the servers.
    ///
    /// # Errors
    /// When it is missing and cannot be built.
    pub fn ensure_kubectl() -> anyhow::Result<PathBuf> {
        let on_path = env::var_os("PATH").and_then(|path| {
            env::split_paths(&path)
                .map(|folder| folder.join(KUBECTL.name))
                .find(|file| file.is_file())
        });
        match on_path {
            Some(kubectl) => Ok(kubectl),
            None => ensure(KUBECTL),
        }
    }
}

fn ensure(program: Program) -> anyhow::Result<PathBuf> {
    let assets = env::var_os("KUBEBUILDER_ASSETS").map(PathBuf::from);
    if let Some(asset) = assets
        .map(|folder| folder.join(program.name))
        .filter(|file| file.is_file())
    {
        return Ok(asset);
    }
    ensure_in(
        &cache_folder()?.join(KUBERNETES_VERSION),
        |target| Builder::find(program)?.build(target),
        program,
    )
}

/// The program's path in `folder`, made by `build` when it is not there. A lock keeps processes from building twice;
/// the file gets its name when it is complete.
fn ensure_in(
    folder: &Path,
    build: impl FnOnce(&Path) -> anyhow::Result<()>,
    program: Program,
) -> anyhow::Result<PathBuf> {
    let path = folder.join(program.name);
    if path.is_file() {
        return Ok(path);
    }
    fs::create_dir_all(folder).with_context(|| format!("cannot create {}", folder.display()))?;
    let lock = folder.join(".lock");
    let lock = File::create(&lock).with_context(|| format!("cannot create {}", lock.display()))?;
    lock.lock().context("cannot lock the cache folder")?;
    if !path.is_file() {
        let unfinished = folder.join(format!(".{}.unfinished", program.name));
        build(&unfinished)?;
        fs::rename(&unfinished, &path).with_context(|| format!("cannot create {}", path.display()))?;
    }
    Ok(path)
}

fn cache_folder() -> anyhow::Result<PathBuf> {
    let set = |name| {
        env::var_os(name)
            .filter(|value| !value.is_empty())
            .map(PathBuf::from)
    };
    let base = set("XDG_CACHE_HOME")
        .or_else(|| Some(set("HOME")?.join(".cache")))
        .context("no cache folder for the Kubernetes binaries: set HOME or XDG_CACHE_HOME")?;
    Ok(base.join(CACHE_FOLDER))
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;

    #[test]
    fn the_pinned_modules_match_the_version() {
        let required = format!("k8s.io/kubernetes v{KUBERNETES_VERSION}");
        assert!(
            super::super::build::GO_MOD.contains(&required),
            "cluster/go.mod does not require {required}"
        );
    }

    #[test]
    fn parallel_callers_build_once() {
        let folder = tempfile::tempdir().unwrap();
        let builds = AtomicU32::new(0);
        let build = |target: &Path| {
            builds.fetch_add(1, Ordering::SeqCst);
            fs::write(target, "program").map_err(Into::into)
        };
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| assert!(ensure_in(folder.path(), build, ETCD).unwrap().is_file()));
            }
        });
        assert_eq!(builds.into_inner(), 1);
    }

    #[test]
    fn a_failed_build_leaves_nothing_that_looks_finished() {
        let folder = tempfile::tempdir().unwrap();
        let failing = |target: &Path| {
            fs::write(target, "half")?;
            anyhow::bail!("disk full")
        };
        assert!(ensure_in(folder.path(), failing, ETCD).is_err());
        assert!(!folder.path().join(ETCD.name).exists());
        assert!(
            ensure_in(folder.path(), |target| Ok(fs::write(target, "whole")?), ETCD)
                .unwrap()
                .is_file()
        );
    }
}

//! Builds Kubernetes binaries with the Go toolchain from pinned modules.

use std::fs::{self, File};
use std::io::{IsTerminal as _, Write as _, stderr};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};

use super::binaries::{KUBERNETES_VERSION, Program};

/// The pinned modules. Carried in the program, so that an installed `simulators` needs no checkout.
pub(super) const GO_MOD: &str = include_str!("../../cluster/go.mod");
const GO_SUM: &str = include_str!("../../cluster/go.sum");

/// A program that a Go toolchain, known to run, can build.
pub(super) struct Builder {
    program: Program,
}

impl Builder {
    /// Looks for the toolchain on PATH.
    pub(super) fn find(program: Program) -> anyhow::Result<Self> {
        let version = Command::new("go")
            .arg("version")
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status();
        match version {
            Ok(status) if status.success() => Ok(Self { program }),
            _ => bail!(
                "{} is missing and cannot be built: install Go 1.25 or newer (https://go.dev/dl), or set \
                 KUBEBUILDER_ASSETS to a folder with etcd, kube-apiserver, kube-controller-manager and kubectl",
                program.name
            ),
        }
    }

    /// Builds the program to `target`, with progress on stderr.
    pub(super) fn build(&self, target: &Path) -> anyhow::Result<()> {
        let program = self.program;
        let module = tempfile::tempdir().context("no temporary folder for the build")?;
        fs::write(module.path().join("go.mod"), GO_MOD)?;
        fs::write(module.path().join("go.sum"), GO_SUM)?;
        let log = module.path().join("build.log");
        let mut build = Command::new("go")
            .args(["build", "-trimpath", "-ldflags", &linker_flags(), "-o"])
            .arg(target)
            .arg(program.package)
            .current_dir(module.path())
            .env("CGO_ENABLED", "0")
            .env("GOWORK", "off")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(File::create(&log)?)
            .spawn()
            .context("cannot run go")?;
        let status = Progress::new(program).follow(&mut build)?;
        if !status.success() {
            let log = fs::read_to_string(&log).unwrap_or_default();
            let end: Vec<_> = log.lines().rev().take(20).collect();
            let end: Vec<_> = end.into_iter().rev().collect();
            bail!(
                "`go build {}` failed ({status}):\n{}",
                program.package,
                end.join("\n")
            );
        }
        Ok(())
    }
}

/// Strips debug information and tells the server its own version, without which it refuses to start.
fn linker_flags() -> String {
    let mut numbers = KUBERNETES_VERSION.split('.');
    let (major, minor) = (
        numbers.next().unwrap_or_default(),
        numbers.next().unwrap_or_default(),
    );
    let version = "-X k8s.io/component-base/version";
    format!(
        "-s -w {version}.gitVersion=v{KUBERNETES_VERSION} {version}.gitMajor={major} {version}.gitMinor={minor}"
    )
}

/// One line per program: rewritten every second on a terminal, else repeated every minute.
///
/// Written past the capture of the test harness, because a silent minute looks like a hang.
struct Progress {
    what: String,
    started: Instant,
    terminal: bool,
}

impl Progress {
    fn new(program: Program) -> Self {
        let what = format!(
            "building {} {KUBERNETES_VERSION} (once; takes minutes)",
            program.name
        );
        Self {
            what,
            started: Instant::now(),
            terminal: stderr().is_terminal(),
        }
    }

    fn follow(&self, build: &mut Child) -> anyhow::Result<ExitStatus> {
        let mut shown = None;
        loop {
            if let Some(status) = build.try_wait().context("cannot wait for go")? {
                self.show(if status.success() {
                    ", done\n"
                } else {
                    ", failed\n"
                });
                return Ok(status);
            }
            let elapsed = self.started.elapsed().as_secs();
            let period = if self.terminal { elapsed } else { elapsed / 60 };
            if shown != Some(period) {
                shown = Some(period);
                self.show(if self.terminal { "" } else { "\n" });
            }
            sleep(Duration::from_millis(100));
        }
    }

    fn show(&self, end: &str) {
        let start = if self.terminal { "\r" } else { "" };
        let elapsed = self.started.elapsed().as_secs();
        // Progress that cannot be shown must not stop the build.
        let _ = write!(stderr(), "{start}{}: {elapsed} s{end}", self.what);
    }
}

//! The operator's binary: the one that lies beside this program, brought up to date by cargo when cargo is there.

use std::env;
use std::path::PathBuf;
use std::process::Stdio;

use anyhow::{Context as _, ensure};
use tokio::process::Command;

const NAME: &str = "gateway-migration-operator";

/// Path of the binary, from the same profile as this program.
///
/// # Errors
/// When it cannot be built, or is not there.
pub async fn ensure_binary() -> anyhow::Result<PathBuf> {
    let demo = env::current_exe().context("this program's own path is not known")?;
    let folder = demo
        .parent()
        .and_then(|examples| examples.parent())
        .context("this program does not lie in a target folder")?;
    let binary = folder.join(format!("{NAME}{}", env::consts::EXE_SUFFIX));
    // Set by `cargo run`.
    if let Some(cargo) = env::var_os("CARGO") {
        let mut build = Command::new(cargo);
        // The same targets as `make demo` builds: other targets would build dependencies with other features.
        build.args(["build", "--locked", "--bins", "--example", "demo"]);
        if !cfg!(debug_assertions) {
            build.arg("--release");
        }
        if binary.is_file() {
            build.arg("--quiet");
        }
        build.current_dir(env!("CARGO_MANIFEST_DIR")).stdin(Stdio::null());
        let status = build
            .kill_on_drop(true)
            .status()
            .await
            .context("cannot run cargo")?;
        ensure!(
            status.success(),
            "the operator does not build; cargo says why above"
        );
    }
    ensure!(
        binary.is_file(),
        "{} is missing; build it with: cargo build --bins",
        binary.display()
    );
    Ok(binary)
}

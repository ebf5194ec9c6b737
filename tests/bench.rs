//! The measuring itself, in small: every case runs once and is written. Says nothing about speed.

use std::collections::BTreeSet;
use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;

/// Path of the example, which cargo builds with the tests; built here when only this test was asked for.
fn example() -> Result<PathBuf> {
    let operator = Path::new(env!("CARGO_BIN_EXE_gateway-migration-operator"));
    let folder = operator.parent().context("no folder")?;
    let example = folder.join("examples/bench");
    if !example.is_file() || !folder.join("simulators").is_file() {
        let cargo = env::var_os("CARGO").context("not run by cargo")?;
        let status = Command::new(cargo)
            .args(["build", "--quiet", "--locked", "--bins", "--example", "bench"])
            .args(["-p", "gateway-migration-operator", "-p", "simulators"])
            .current_dir(env!("CARGO_MANIFEST_DIR"))
            .status()?;
        ensure!(status.success(), "the bench does not build");
    }
    Ok(example)
}

#[test]
fn every_case_is_measured_and_written() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let output = Command::new(example()?)
        .arg("--short")
        .arg("--out")
        .arg(folder.path())
        .output()?;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{said}");

    let written: Value = serde_json::from_slice(&fs::read(folder.path().join("benchmarks.json"))?)?;
    let cases = written["cases"].as_array().context("no cases")?;
    let names: BTreeSet<_> = cases.iter().filter_map(|case| case["case"].as_str()).collect();
    for name in [
        "source-read-11010-20ms",
        "steady-state-11010-20ms",
        "first-migration-11010-20ms",
        "steady-state-110100-0ms",
        "writes-2202-limit-200",
        "updates-2202-20ms",
        "rollback-2202-20ms",
        "idle-rss-100-migrations",
    ] {
        ensure!(names.contains(name), "{name} is missing in {names:?}");
    }
    for case in cases {
        ensure!(case["peak_rss_kib"].as_u64() > Some(1_000), "no memory in {case}");
        let idle = case["case"] == "idle-rss-100-migrations";
        ensure!(
            idle || case["requests"]["GET"].as_u64() > Some(20),
            "no requests in {case}"
        );
        ensure!(
            idle || case["wall_ms"]["median"].as_u64() > Some(0),
            "no time in {case}"
        );
    }
    let page = fs::read_to_string(folder.path().join("benchmarks.md"))?;
    ensure!(page.contains("| `writes-2202-limit-200` | 1 |"), "{page}");
    let chart = fs::read_to_string(folder.path().join("benchmarks.svg"))?;
    ensure!(chart.ends_with("</svg>\n"), "{chart}");
    Ok(())
}

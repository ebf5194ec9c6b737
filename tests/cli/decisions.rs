//! What a user decides: by a manifest, by flags, and with a file as the source.

use anyhow::{Context as _, Result};
use serde_json::{Value, json};
use simulators::bed::Bed;
use simulators::konnect;
use tokio::process::Command;

use crate::presets;
use crate::terminal::{Terminal, ended, stderr, stdout};

/// A manifest that moves the inventory's services and routes under new ids, with a changed host.
fn manifest(terminal: &Terminal) -> Value {
    json!({
        "apiVersion": "gatewaymigration.dev/v1alpha1", "kind": "WorkspaceMigration", "metadata": {"name": "inventory"},
        "spec": {
            "source": {
                "adminAPI": {"url": terminal.bed.kong_server.url()},
                "workspace": "inventory",
                "select": {"kinds": ["certificates", "ca_certificates", "services", "routes", "upstreams"]},
            },
            "target": {"controlPlaneRef": {"name": "shop"}},
            "idPolicy": "Derive",
            "transforms": [{
                "select": {"kind": "services"}, "reason": "behind the new load balancer",
                "patch": [{"op": "add", "path": "/host", "value": "new.example.com"}],
            }],
            "waivers": [
                {"id": "entity-not-movable", "reason": "a sample"}, {"id": "plugin-unsupported", "reason": "a sample"},
                {"id": "plugin-value-unsupported", "reason": "a sample"}, {"id": "excluded-dependency", "reason": "a sample"},
            ],
        },
    })
}

fn written(terminal: &Terminal, name: &str, manifest: &Value) -> Result<String> {
    let path = terminal.file(name);
    std::fs::write(&path, serde_saphyr::to_string(manifest)?)?;
    Ok(format!("--spec={}", path.display()))
}

async fn plan(mut command: Command, status: i32) -> Result<Value> {
    let output = command.args(["--output", "json"]).output().await?;
    ended(&output, status)?;
    Ok(serde_json::from_slice(&output.stdout)?)
}

/// Subjects of a plan with an action, by kind.
fn kinds(plan: &Value, action: &str) -> Vec<String> {
    let operations = plan["plan"]["operations"].as_array().into_iter().flatten();
    let mut kinds: Vec<String> = operations
        .filter(|operation| operation["action"] == action)
        .filter_map(|operation| operation["subject"]["kind"].as_str().map(str::to_owned))
        .collect();
    kinds.dedup();
    kinds
}

#[tokio::test]
async fn a_manifest_decides_and_a_flag_wins_over_it() -> Result<()> {
    let terminal = Terminal::start().await?;
    let spec = written(&terminal, "spec.yaml", &manifest(&terminal))?;
    let mut by_manifest = terminal.bare("plan");
    by_manifest.arg(&spec);
    let planned = plan(by_manifest, 2).await?;
    assert_eq!(planned["ends"]["workspace"], "inventory");
    assert_eq!(
        kinds(&planned, "Create"),
        [
            "ca_certificates",
            "certificates",
            "services",
            "upstreams",
            "routes",
            "targets"
        ]
    );
    let operations = planned["plan"]["operations"].as_array().context("operations")?;
    assert!(
        operations.iter().any(|one| one["targetId"].is_string()),
        "derived ids"
    );

    let mut by_flag = terminal.bare("plan");
    by_flag.args([spec.as_str(), "--workspace", "default", "--id-policy", "Preserve"]);
    let planned = plan(by_flag, 2).await?;
    assert_eq!(planned["ends"]["workspace"], "default");
    assert!(!planned.to_string().contains("targetId"));

    let mut apply = terminal.bare("apply");
    let applied = apply.args([spec.as_str(), "--yes"]).output().await?;
    ended(&applied, 0)?;
    let services = terminal.bed.konnect.entities(&terminal.control_plane, "services");
    assert!(!services.is_empty());
    assert!(
        services
            .iter()
            .all(|service| service["host"] == "new.example.com")
    );
    Ok(())
}

#[tokio::test]
async fn tags_and_conflicts_are_decided_by_flags() -> Result<()> {
    let terminal = Terminal::start().await?;
    let mut tagged = terminal.command("plan", "inventory");
    tagged.args(["--select-tag", "platform"]);
    let planned = plan(tagged, 2).await?;
    let operations = planned["plan"]["operations"].as_array().context("operations")?;
    let count = |action| operations.iter().filter(|one| one["action"] == action).count();
    assert!(
        count("Create") > 0 && count("NotSelected") > count("Create"),
        "{}",
        planned["summary"]
    );

    let taken = operations
        .iter()
        .filter(|one| one["subject"]["kind"] == "services")
        .find_map(|one| one["subject"]["name"].as_str())
        .context("a service")?;
    let foreign = json!({"name": taken, "host": "foreign.example.com"});
    terminal
        .bed
        .konnect
        .seed(&terminal.control_plane, "services", &foreign)?;
    let blocked = plan(terminal.command("plan", "inventory"), 3).await?;
    assert!(!kinds(&blocked, "Blocked").is_empty());
    let mut skipped = terminal.command("plan", "inventory");
    skipped.args(["--conflict-policy", "skip"]);
    let skipped = plan(skipped, 3).await?;
    assert!(
        kinds(&skipped, "Skipped").contains(&"services".to_owned()),
        "{}",
        skipped["summary"]
    );
    Ok(())
}

#[tokio::test]
async fn nothing_is_overwritten_before_it_is_saved_to_a_file() -> Result<()> {
    let terminal = Terminal::start().await?;
    let source: Value = serde_json::from_str(simulators::kong_admin::INVENTORY)?;
    let name = source["/services"][0]["name"].clone();
    let foreign = json!({"name": name, "host": "foreign.example.com"});
    terminal
        .bed
        .konnect
        .seed(&terminal.control_plane, "services", &foreign)?;
    let waivers = [
        "entity-not-movable",
        "plugin-unsupported",
        "plugin-value-unsupported",
    ];
    let overwrite = || {
        let mut apply = terminal.command("apply", "inventory");
        apply.args(["--conflict-policy", "overwrite", "--yes"]);
        apply.args(waivers.map(|id| format!("--waive={id}=a sample")));
        apply
    };
    let before = terminal.bed.konnect_server.stats().writes;
    let refused = overwrite().output().await?;
    ended(&refused, 1)?;
    assert!(
        stderr(&refused).contains("with --backup-file"),
        "{}",
        stderr(&refused)
    );
    let path = terminal.file("backup.jsonl");
    let file = format!("--backup-file={}", path.display());
    std::fs::write(&path, "mine")?;
    let taken = overwrite().arg(&file).output().await?;
    ended(&taken, 1)?;
    assert_eq!(std::fs::read_to_string(&path)?, "mine");
    assert_eq!(terminal.bed.konnect_server.stats().writes, before);

    std::fs::remove_file(&path)?;
    let done = overwrite().arg(&file).output().await?;
    ended(&done, 0)?;
    assert!(std::fs::read_to_string(&path)?.contains("foreign.example.com"));
    let held = terminal.bed.konnect.entities(&terminal.control_plane, "services");
    assert!(
        held.iter()
            .all(|service| service["host"] != "foreign.example.com")
    );
    Ok(())
}

#[tokio::test]
async fn an_approval_that_the_manifest_wants_is_not_given_by_yes() -> Result<()> {
    let terminal = Terminal::start().await?;
    let mut manifest = manifest(&terminal);
    manifest["spec"]["approval"] = json!({"policy": "Required"});
    let spec = written(&terminal, "spec.yaml", &manifest)?;
    let refused = terminal
        .bare("apply")
        .args([spec.as_str(), "--yes"])
        .output()
        .await?;
    ended(&refused, 1)?;
    let text = stderr(&refused);
    let hash = text.rsplit("--plan-hash ").next().unwrap_or_default().trim();
    assert!(hash.starts_with("sha256:") && terminal.writes() == 0, "{text}");
    manifest["spec"]["approval"]["planHash"] = json!(hash);
    let spec = written(&terminal, "approved.yaml", &manifest)?;
    let approved = terminal.bare("apply").arg(&spec).output().await?;
    ended(&approved, 0)
}

#[tokio::test]
async fn the_exported_file_is_a_source_that_changes_nothing() -> Result<()> {
    let terminal = Terminal::start().await?;
    let export = terminal
        .command("plan", "sales")
        .args(["--output", "deck", "--include-secrets"])
        .output()
        .await?;
    ended(&export, 2)?;
    let file = terminal.file("sales.yaml");
    std::fs::write(&file, &export.stdout)?;
    ended(
        &terminal.command("apply", "sales").arg("--yes").output().await?,
        0,
    )?;

    let declared = |file: &std::path::Path, workspace: &str| {
        let mut command = terminal.bare("plan");
        command.arg("--declarative-config").arg(file);
        command.args(["--kong-version", "3.9.1", "--workspace", workspace]);
        command
    };
    let again = declared(&file, "sales").output().await?;
    ended(&again, 0)?;
    assert!(stdout(&again).contains("unchanged"), "{}", stdout(&again));
    let masked = terminal
        .command("plan", "sales")
        .args(["--output", "deck"])
        .output()
        .await?;
    std::fs::write(&file, &masked.stdout)?;
    let refused = declared(&file, "sales").output().await?;
    ended(&refused, 1)?;
    assert!(
        stderr(&refused).contains("a variable of decK"),
        "{}",
        stderr(&refused)
    );
    Ok(())
}

#[tokio::test]
async fn the_result_is_a_document_however_the_run_ends() -> Result<()> {
    let terminal = Terminal::start().await?;
    let run = async |more: &[&str], status| -> Result<Value> {
        let output = terminal
            .command("apply", "sales")
            .args(["--output", "json"])
            .args(more)
            .output()
            .await?;
        ended(&output, status)?;
        assert!(
            !String::from_utf8_lossy(&output.stderr).contains('\u{1b}'),
            "no bars in a pipe"
        );
        Ok(serde_json::from_slice(&output.stdout)?)
    };
    let asked = run(&[], 1).await?;
    assert_eq!((&asked["end"], &asked["created"]), (&json!("Failed"), &json!(0)));
    let blocked = run(&["--plan-hash", "sha256:00"], 3).await?;
    assert_eq!(blocked["end"], "Blocked");
    let done = run(&["--yes"], 0).await?;
    assert_eq!(
        (&done["format"], &done["end"]),
        (&json!("gatewaymigration.dev/result/v1"), &json!("Done"))
    );
    assert_eq!(done["created"], done["toCreate"]);
    assert_eq!(
        done["verification"]["sourceDigest"],
        done["verification"]["targetDigest"]
    );
    assert!(!done.to_string().contains(Bed::KONNECT_TOKEN));

    let markdown = terminal
        .command("apply", "sales")
        .args(["--output", "markdown", "--yes"])
        .output()
        .await?;
    ended(&markdown, 0)?;
    let text = stdout(&markdown);
    assert!(
        text.starts_with("# Migration of workspace `sales` to control plane `shop`")
            && text.contains("**Done**"),
        "{text}"
    );
    Ok(())
}

#[tokio::test]
async fn a_report_tells_of_both_sides_before_and_after() -> Result<()> {
    let terminal = Terminal::start().await?;
    let report = async |more: &[&str], status| -> Result<String> {
        let output = terminal.command("report", "default").args(more).output().await?;
        ended(&output, status)?;
        Ok(stdout(&output))
    };
    let before = report(&[], 2).await?;
    assert!(
        before.starts_with("# Migration plan") && before.contains("0 equal, 0 different, 123 missing"),
        "{before}"
    );
    ended(
        &terminal.command("apply", "default").arg("--yes").output().await?,
        0,
    )?;
    let after: Value = serde_json::from_str(&report(&["--output", "json"], 0).await?)?;
    assert_eq!(after["format"], "gatewaymigration.dev/report/v1");
    assert_eq!(after["verification"]["matched"], 123);
    assert_eq!(after["plan"]["counts"]["StaysBehind"], 5);
    assert!(report(&["--output", "terminal"], 0).await?.contains("123 equal"));
    Ok(())
}

#[tokio::test]
async fn presets_of_a_manifest_make_a_workspace_of_2_8_movable() -> Result<()> {
    let target = konnect::Options {
        tokens: vec![Bed::KONNECT_TOKEN.to_owned()],
        ..konnect::Options::default()
    };
    let terminal = Terminal::start_with(Bed::start_from(presets::kong(), target).await?).await?;
    presets::fill(&terminal.bed)?;
    let mut manifest = manifest(&terminal);
    manifest["spec"] = json!({
        "source": {"adminAPI": {"url": terminal.bed.kong_server.url()}, "workspace": presets::WORKSPACE},
        "target": {"controlPlaneRef": {"name": "shop"}},
    });
    let with = |command: &str, name: &str, manifest: &Value| -> Result<Command> {
        let mut process = terminal.bare(command);
        process.arg(written(&terminal, name, manifest)?);
        Ok(process)
    };
    let blocked = with("plan", "as-it-is.yaml", &manifest)?.output().await?;
    ended(&blocked, 3)?;
    assert!(
        stdout(&blocked).contains("Error plugin-value-unsupported"),
        "{}",
        stdout(&blocked)
    );

    manifest["spec"]["transforms"] = presets::transforms();
    let planned = plan(with("plan", "presets.yaml", &manifest)?, 2).await?;
    let found = planned["plan"]["findings"].as_array().context("findings")?;
    assert_eq!(
        found
            .iter()
            .filter(|finding| finding["id"] == "transformed")
            .count(),
        5
    );
    let applied = with("apply", "presets.yaml", &manifest)?
        .arg("--yes")
        .output()
        .await?;
    ended(&applied, 0)?;
    presets::ensure_moved(&terminal.bed, &terminal.control_plane)?;
    let writes = terminal.writes();
    ended(&with("plan", "presets.yaml", &manifest)?.output().await?, 0)?;
    ended(
        &with("apply", "presets.yaml", &manifest)?
            .arg("--yes")
            .output()
            .await?,
        0,
    )?;
    assert_eq!(terminal.writes(), writes, "the second run wrote");
    Ok(())
}

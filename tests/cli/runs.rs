//! Planning and applying.

use std::process::{Output, Stdio};
use std::time::Duration;

use anyhow::{Context as _, Result};
use serde_json::{Value, json};
use simulators::bed::Bed;
use simulators::server::{Behaviour, Fault};
use tokio::process::Command;

use crate::terminal::{Terminal, ended, stderr, stdout};

#[tokio::test]
async fn plan_apply_plan_ends_with_2_0_0_and_a_second_apply_writes_nothing() -> Result<()> {
    let terminal = Terminal::start().await?;
    let planned = terminal.command("plan", "default").output().await?;
    ended(&planned, 2)?;
    let text = stdout(&planned);
    assert!(text.contains("Plan: 123 to create, 5 staying behind."), "{text}");
    assert!(
        text.contains("Error plugin-unsupported") && text.contains("What to do:"),
        "{text}"
    );
    assert!(!text.contains('\u{1b}'), "no colours where no terminal is");
    assert_eq!(terminal.writes(), 0);

    let applied = terminal.command("apply", "default").arg("--yes").output().await?;
    ended(&applied, 0)?;
    assert_eq!(
        stdout(&applied),
        "123 created, 123 of 128 entities verified equal, 5 stay behind.\n"
    );
    let written = terminal.writes();
    ended(&terminal.command("plan", "default").output().await?, 0)?;
    let again = terminal.command("apply", "default").arg("--yes").output().await?;
    ended(&again, 0)?;
    assert_eq!(terminal.writes(), written);
    Ok(())
}

#[tokio::test]
async fn json_is_the_same_twice_and_an_approved_hash_is_written_and_a_stale_one_is_not() -> Result<()> {
    let terminal = Terminal::start().await?;
    let json = |output: &Output| serde_json::from_slice::<Value>(&output.stdout);
    let first = terminal
        .command("plan", "sales")
        .args(["--output", "json"])
        .output()
        .await?;
    ended(&first, 2)?;
    let second = terminal
        .command("plan", "sales")
        .args(["--output", "json"])
        .output()
        .await?;
    assert_eq!(stdout(&first), stdout(&second));
    let plan = json(&first)?;
    assert_eq!(plan["format"], "gatewaymigration.dev/plan/v1");
    assert_eq!(plan["ends"]["controlPlane"], terminal.control_plane.as_str());
    let hash = plan["plan"]["hash"].as_str().context("a hash")?;

    let nobody = terminal.command("apply", "sales").output().await?;
    ended(&nobody, 1)?;
    assert!(
        stderr(&nobody).contains(&format!("--plan-hash {hash}")),
        "{}",
        stderr(&nobody)
    );
    let stale = terminal
        .command("apply", "sales")
        .args(["--plan-hash", "sha256:0000"])
        .output()
        .await?;
    ended(&stale, 3)?;
    assert!(stderr(&stale).contains("is stale") && stderr(&stale).contains(hash));
    assert_eq!(terminal.writes(), 0);
    let agreed = terminal
        .command("apply", "sales")
        .args(["--plan-hash", hash])
        .output()
        .await?;
    ended(&agreed, 0)?;
    let again = terminal
        .command("apply", "sales")
        .args(["--plan-hash", hash])
        .output()
        .await?;
    // A plan's own progress does not make it stale.
    ended(&again, 0)?;
    // The first create is sent twice, to see what a POST does with what is there.
    assert_eq!(terminal.writes(), terminal.written(&agreed)? + 1);
    let foreign = serde_json::json!({"name": "foreign", "host": "h"});
    terminal
        .bed
        .konnect
        .seed(&terminal.control_plane, "services", &foreign)?;
    let late = terminal
        .command("apply", "sales")
        .args(["--plan-hash", hash])
        .output()
        .await?;
    ended(&late, 3)
}

#[tokio::test]
async fn what_somebody_must_solve_ends_with_3() -> Result<()> {
    let terminal = Terminal::start().await?;
    terminal.bed.kong.forbid("/inventory/consumers");
    let blocked = terminal.command("plan", "inventory").output().await?;
    ended(&blocked, 3)?;
    assert!(
        stdout(&blocked).contains("Critical kind-unreadable"),
        "{}",
        stdout(&blocked)
    );
    let refused = terminal
        .command("apply", "inventory")
        .arg("--yes")
        .output()
        .await?;
    ended(&refused, 3)?;
    assert!(stderr(&refused).contains("Nothing is written. kind-unreadable consumers/"));
    assert_eq!(terminal.writes(), 0);
    Ok(())
}

#[tokio::test]
async fn an_entity_that_konnect_refuses_ends_with_3_and_is_named() -> Result<()> {
    let terminal = Terminal::start().await?;
    let refuse: Fault = "POST /routes$=400;times=1".parse()?;
    terminal.bed.konnect_server.set_behaviour(Behaviour {
        faults: vec![refuse],
        ..Behaviour::default()
    });
    let applied = terminal.command("apply", "default").arg("--yes").output().await?;
    ended(&applied, 3)?;
    assert!(
        stderr(&applied).contains("Not written: routes/"),
        "{}",
        stderr(&applied)
    );
    terminal.bed.konnect_server.set_behaviour(Behaviour::default());
    ended(
        &terminal.command("apply", "default").arg("--yes").output().await?,
        0,
    )
}

#[tokio::test]
async fn an_overwriting_that_konnect_refuses_is_no_failed_verification() -> Result<()> {
    let terminal = Terminal::start().await?;
    let source: Value = serde_json::from_str(simulators::kong_admin::INVENTORY)?;
    let foreign = json!({"name": source["/services"][0]["name"], "host": "foreign.example.com"});
    let seeded = terminal
        .bed
        .konnect
        .seed(&terminal.control_plane, "services", &foreign)?;
    let id = seeded["id"].as_str().context("an id")?;
    let refuse: Fault = format!("PUT /services/{id}=400").parse()?;
    terminal.bed.konnect_server.set_behaviour(Behaviour {
        faults: vec![refuse],
        ..Behaviour::default()
    });
    let backup = |name| format!("--backup-file={}", terminal.file(name).display());
    let overwrite = |name| {
        let mut apply = terminal.command("apply", "inventory");
        apply.args(["--conflict-policy", "overwrite", "--yes", &backup(name)]);
        apply
    };
    let applied = overwrite("first").output().await?;
    ended(&applied, 3)?;
    assert!(
        stderr(&applied).contains("Not written: services/"),
        "{}",
        stderr(&applied)
    );
    terminal.bed.konnect_server.set_behaviour(Behaviour::default());
    let taken = overwrite("first").output().await?;
    ended(&taken, 1)?;
    assert!(
        stderr(&taken).contains("first exists, and a backup is never overwritten"),
        "{}",
        stderr(&taken)
    );
    ended(&overwrite("second").output().await?, 0)?;
    // Nothing is left to write, so nothing has to be saved.
    ended(&overwrite("second").output().await?, 0)
}

#[tokio::test]
async fn ctrl_c_ends_between_two_writes_and_the_next_run_goes_on() -> Result<()> {
    let terminal = Terminal::start().await?;
    terminal.bed.konnect_server.set_behaviour(Behaviour {
        latency: Duration::from_millis(20),
        ..Behaviour::default()
    });
    let process = terminal
        .command("apply", "default")
        .args(["--yes", "--max-in-flight", "2"])
        .stderr(Stdio::piped())
        .spawn()?;
    let id = process.id().context("running")?.to_string();
    while terminal.writes() < 20 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    Command::new("kill").args(["-INT", &id]).status().await?;
    let stopped = process.wait_with_output().await?;
    ended(&stopped, 1)?;
    let text = stderr(&stopped);
    assert!(
        text.contains("stopped between two writes") && text.contains("Run the same command again"),
        "{text}"
    );
    let written = terminal.writes();
    assert!(written < 123, "{written}");

    terminal.bed.konnect_server.set_behaviour(Behaviour::default());
    let rest = terminal.command("apply", "default").arg("--yes").output().await?;
    ended(&rest, 0)?;
    // Each process sends its first create twice, to see what a POST does with what is there.
    assert_eq!(terminal.writes(), 123 + 2, "each entity is written once");
    Ok(())
}

#[tokio::test]
async fn secrets_are_printed_only_when_asked_for() -> Result<()> {
    let terminal = Terminal::start().await?;
    let print = async |output: &str, more: &[&str]| -> Result<String> {
        let printed = terminal
            .command("plan", "inventory")
            .args(["--full", "--output", output])
            .args(more)
            .output()
            .await?;
        ended(&printed, 2)?;
        Ok(stdout(&printed))
    };
    let clear = print("deck", &["--include-secrets"]).await?;
    let (_, dump) = Bed::WORKSPACES
        .iter()
        .find(|(name, _)| *name == "inventory")
        .context("inventory")?;
    let dump: Value = serde_json::from_str(dump)?;
    let lists = dump.as_object().context("lists by path")?;
    let keys: Vec<&str> = lists
        .iter()
        .filter(|(path, _)| path.trim_matches('/') == "key-auths")
        .filter_map(|(_, list)| list.as_array())
        .flatten()
        .filter_map(|credential| credential["key"].as_str())
        .collect();
    assert!(!keys.is_empty());
    for output in ["terminal", "json", "markdown", "deck", "terraform"] {
        let text = print(output, &[]).await?;
        for key in &keys {
            assert!(clear.contains(key));
            assert!(!text.contains(key), "{output} shows a key");
        }
    }
    Ok(())
}

#[tokio::test]
async fn the_schema_of_a_custom_plugin_is_given_by_a_flag() -> Result<()> {
    let terminal = Terminal::start().await?;
    let plugin =
        serde_json::json!({"id": "5b9e0c51-7a67-4b0e-9d8e-3c7a2f2f7a01", "name": "stamp", "config": {}});
    terminal.bed.kong.put("inventory", "plugins", plugin)?;
    let missing = terminal.command("plan", "inventory").output().await?;
    ended(&missing, 3)?;
    assert!(stdout(&missing).contains("custom-plugin-schema-missing"));

    std::fs::write(
        terminal.file("schema.lua"),
        "return { name = \"stamp\", fields = {} }\n",
    )?;
    let flag = format!("--custom-plugin=stamp={}", terminal.file("schema.lua").display());
    let planned = terminal.command("plan", "inventory").arg(&flag).output().await?;
    ended(&planned, 2)?;
    assert!(
        stdout(&planned).contains("plugin-schemas"),
        "{}",
        stdout(&planned)
    );
    let applied = terminal
        .command("apply", "inventory")
        .args([&flag, "--yes"])
        .output()
        .await?;
    ended(&applied, 0)?;
    let konnect = &terminal.bed.konnect;
    assert_eq!(
        konnect.entities(&terminal.control_plane, "plugin-schemas").len(),
        1
    );
    let before = terminal.writes();
    ended(
        &terminal
            .command("apply", "inventory")
            .args([&flag, "--yes"])
            .output()
            .await?,
        0,
    )?;
    assert_eq!(terminal.writes(), before, "the second run wrote");
    Ok(())
}

//! The binary itself, without a cluster, against both simulators over TLS: what a user types and sees.

use std::path::PathBuf;
use std::process::{Output, Stdio};
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;
use simulators::bed::Bed;
use simulators::server::{Behaviour, Fault};
use tempfile::TempDir;
use tokio::process::Command;

/// Both simulators, a control plane for each workspace, and the files that flags name.
struct Terminal {
    bed: Bed,
    folder: TempDir,
    control_plane: String,
}

impl Terminal {
    async fn start() -> Result<Self> {
        let bed = Bed::start().await?;
        let folder = TempDir::new()?;
        std::fs::write(folder.path().join("ca.pem"), &bed.ca_pem)?;
        std::fs::write(folder.path().join("konnect"), format!("{}\n", Bed::KONNECT_TOKEN))?;
        std::fs::write(folder.path().join("wrong"), "kpat_wrong")?;
        let client = reqwest::Client::builder()
            .tls_certs_only([reqwest::Certificate::from_pem(bed.ca_pem.as_bytes())?])
            .build()?;
        let created: Value = client
            .post(format!("{}/v2/control-planes", bed.konnect_server.url()))
            .bearer_auth(Bed::KONNECT_TOKEN)
            .json(&serde_json::json!({"name": "shop"}))
            .send()
            .await?
            .error_for_status()?
            .json()
            .await?;
        let control_plane = created["id"].as_str().context("an id")?.to_owned();
        bed.konnect_server.reset_stats();
        Ok(Self {
            bed,
            folder,
            control_plane,
        })
    }

    fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// A command with the flags that all need; the Admin API token comes from the environment.
    fn command(&self, command: &str, workspace: &str) -> Command {
        self.command_with(command, workspace, "konnect", &self.bed.kong_server.url())
    }

    fn command_with(&self, command: &str, workspace: &str, token: &str, admin_url: &str) -> Command {
        let mut process = Command::new(env!("CARGO_BIN_EXE_gateway-migration-operator"));
        process
            .arg(command)
            .args(["--admin-url", admin_url, "--workspace", workspace])
            .args(["--konnect-url", &self.bed.konnect_server.url()])
            .args(["--control-plane", "shop"])
            .args(
                [
                    "entity-not-movable",
                    "plugin-unsupported",
                    "plugin-value-unsupported",
                ]
                .map(|id| format!("--waive={id}=a sample")),
            )
            .arg("--ca-file")
            .arg(self.file("ca.pem"))
            .arg("--konnect-token-file")
            .arg(self.file(token))
            .env_clear()
            .env("KONG_ADMIN_TOKEN", Bed::KONG_TOKEN)
            .stdin(Stdio::null())
            .kill_on_drop(true);
        process
    }

    /// The number of creations that `apply` tells of.
    fn written(&self, applied: &Output) -> Result<u64> {
        let text = stdout(applied);
        Ok(text.split(' ').next().unwrap_or_default().parse()?)
    }

    fn writes(&self) -> u64 {
        self.bed.konnect_server.stats().writes
    }
}

fn stdout(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// Checks the exit status; shows both streams when it is another.
fn ended(output: &Output, status: i32) -> Result<()> {
    ensure!(
        output.status.code() == Some(status),
        "{}\n{}\n{}",
        output.status,
        stdout(output),
        stderr(output)
    );
    Ok(())
}

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
    assert_eq!(terminal.writes(), terminal.written(&agreed)?);
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
    assert!(stderr(&refused).contains("Nothing is written: kind-unreadable"));
    assert_eq!(terminal.writes(), 0);
    Ok(())
}

#[tokio::test]
async fn an_entity_that_konnect_refuses_ends_with_3_and_is_named() -> Result<()> {
    let terminal = Terminal::start().await?;
    let refuse: Fault = "PUT /routes/=400;times=1".parse()?;
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
async fn errors_end_with_1_and_say_what_to_do() -> Result<()> {
    let terminal = Terminal::start().await?;
    let kong = terminal.bed.kong_server.url();
    let mut no_token = terminal.command("plan", "default");
    no_token.env_remove("KONG_ADMIN_TOKEN");
    let mut no_control_plane = terminal.command("plan", "default");
    no_control_plane.args(["--control-plane", "stock"]);
    let cases = [
        (terminal.command_with("plan", "default", "wrong", &kong), "401"),
        (
            terminal.command_with("plan", "default", "absent", &kong),
            "cannot read",
        ),
        (no_token, "source: "),
        (terminal.command("plan", "stock"), "no workspace stock"),
        (terminal.command("plan", "default --yes"), "no workspace"),
    ];
    for (mut command, expected) in cases {
        let output = command.output().await?;
        ended(&output, 1)?;
        let text = stderr(&output);
        assert!(
            text.starts_with("error: ") && text.contains(expected),
            "{expected}: {text}"
        );
        assert!(!text.contains("kpat_"), "{text}");
    }
    let usage = no_control_plane.arg("--konnect-token=kpat_x").output().await?;
    ended(&usage, 1)?;
    assert!(
        stderr(&usage).contains("unexpected argument"),
        "{}",
        stderr(&usage)
    );
    Ok(())
}

#[tokio::test]
async fn a_dead_server_ends_with_1_and_its_address() -> Result<()> {
    let terminal = Terminal::start().await?;
    let dead = terminal
        .command_with("plan", "default", "konnect", "http://127.0.0.1:9")
        .output()
        .await?;
    ended(&dead, 1)?;
    assert!(stderr(&dead).contains("source: "), "{}", stderr(&dead));
    Ok(())
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
    assert_eq!(terminal.writes(), 123, "each entity is written once");
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

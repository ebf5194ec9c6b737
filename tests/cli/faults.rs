//! What a user does wrong, and what the world does: each error says what happened, to what, and what to do.

use anyhow::Result;

use crate::terminal::{Terminal, ended, stderr};

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

//! What a user does wrong, and what the world does: each error says what happened, to what, and what to do.

use anyhow::Result;
use simulators::bed::Bed;

use crate::terminal::{Terminal, ended, stderr, stdout};

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

/// Runs `plan` with these arguments and the Admin API's token; it must fail, and tell it well.
async fn refused(terminal: &Terminal, args: &[&str]) -> Result<String> {
    let output = terminal.unaimed("plan").args(args).output().await?;
    ended(&output, 1)?;
    let text = stderr(&output);
    // Neither a token nor what only the operator does; and the message stands alone.
    for wrong in [
        "kpat_",
        Bed::KONG_TOKEN,
        "Secret",
        "it is tried again",
        "ERROR rustls",
    ] {
        assert!(!text.contains(wrong), "{wrong}: {text}");
    }
    assert!(stdout(&output).is_empty());
    Ok(text)
}

fn says(text: &str, expected: &[&str]) {
    for part in expected {
        assert!(text.contains(part), "{part}: {text}");
    }
}

#[tokio::test]
async fn every_mistake_in_a_flag_is_told_with_the_flag() -> Result<()> {
    let terminal = Terminal::start().await?;
    for (name, text) in [
        ("empty", " \n"),
        ("two-lines", "one\ntwo"),
        ("pem", "no certificate"),
    ] {
        std::fs::write(terminal.file(name), text)?;
    }
    let path = |name: &str| terminal.file(name).display().to_string();
    let (kong, konnect) = (terminal.bed.kong_server.url(), terminal.bed.konnect_server.url());
    let (kong, konnect) = (kong.as_str(), konnect.as_str());
    let (token, ca) = (path("konnect"), path("ca.pem"));
    let target = [
        "--konnect-url",
        konnect,
        "--konnect-token-file",
        &token,
        "--ca-file",
        &ca,
    ];
    let aimed = [&target[..], &["--control-plane", "shop"]].concat();
    let source = [&aimed[..], &["--admin-url", kong]].concat();
    let (empty, two_lines, pem) = (path("empty"), path("two-lines"), path("pem"));
    let cases: Vec<(Vec<&str>, &[&str])> = vec![
        (
            aimed.clone(),
            &[
                "there is no source",
                "--admin-url",
                "--declarative-config",
                "--spec",
            ],
        ),
        (
            [&aimed[..], &["--admin-url", "kong"]].concat(),
            &["--admin-url: ", "write it as https://"],
        ),
        (
            [&aimed[..], &["--admin-url", "https://u:pw@kong"]].concat(),
            &["must not carry a user", "--admin-token-file"],
        ),
        (
            [&aimed[..], &["--admin-url", "ftp://kong"]].concat(),
            &["--admin-url: ", "http"],
        ),
        (
            [&source[..], &["--admin-token-file", &empty]].concat(),
            &["(--admin-token-file) is empty"],
        ),
        (
            [&source[..], &["--admin-token-file", &two_lines]].concat(),
            &["the admin token (--admin-token-file", "one line"],
        ),
        (
            [&source[..], &["--admin-ca-file", &pem]].concat(),
            &["--admin-ca-file: ", "PEM"],
        ),
        (
            [&source[..], &["--workspace", "stock"]].concat(),
            &["no workspace stock", "inventory", "--workspace"],
        ),
        (
            [&target[..], &["--admin-url", kong, "--control-plane", "shopp"]].concat(),
            &["no control plane shopp", "there are shop", "--control-plane"],
        ),
        (
            [&target[..], &["--admin-url", kong, "--control-plane", ""]].concat(),
            &["--control-plane", "a value is required"],
        ),
        (
            vec![
                "--admin-url",
                kong,
                "--konnect-url",
                "kong.example.com",
                "--control-plane",
                "shop",
            ],
            &["--konnect-url: ", "region"],
        ),
        (
            vec![
                "--admin-url",
                kong,
                "--konnect-url",
                konnect,
                "--control-plane",
                "shop",
            ],
            &["no Konnect token", "KONNECT_TOKEN"],
        ),
        (
            vec![
                "--admin-url",
                kong,
                "--konnect-url",
                konnect,
                "--konnect-token-file",
                &token,
                "--control-plane",
                "shop",
            ],
            &["target: ", "no trusted TLS", "--ca-file"],
        ),
        (
            [&source[..], &["--kong-version", "latest"]].concat(),
            &["--kong-version", "3.9"],
        ),
        (
            [&source[..], &["--conflict-policy", "maybe"]].concat(),
            &["--conflict-policy", "overwrite"],
        ),
        (
            [&source[..], &["--waive", "plugin-unsupported"]].concat(),
            &["--waive", "=replaced by OIDC"],
        ),
    ];
    for (args, expected) in cases {
        says(&refused(&terminal, &args).await?, expected);
    }
    Ok(())
}

#[tokio::test]
async fn every_server_that_does_not_answer_as_it_should_is_told_with_its_flag() -> Result<()> {
    let terminal = Terminal::start().await?;
    let (kong, konnect) = (terminal.bed.kong_server.url(), terminal.bed.konnect_server.url());
    let path = |name: &str| terminal.file(name).display().to_string();
    let (token, wrong, ca) = (path("konnect"), path("wrong"), path("ca.pem"));
    let with = |token: &str, admin: &str, server: &str| -> Vec<String> {
        let flags = [
            "--ca-file",
            &ca,
            "--control-plane",
            "shop",
            "--konnect-token-file",
            token,
        ];
        let ends = ["--admin-url", admin, "--konnect-url", server];
        flags.iter().chain(&ends).map(|text| (*text).to_owned()).collect()
    };
    let dead = "https://127.0.0.1:9";
    for (args, expected) in [
        (
            with(&wrong, &kong, &konnect),
            &["target: ", "401", "--konnect-token-file"][..],
        ),
        (
            with(&token, &kong, dead),
            &["target: ", "no connection", "check --konnect-url"],
        ),
        (
            with(&token, dead, &konnect),
            &["source: ", "127.0.0.1:9", "no connection", "check --admin-url"],
        ),
        (
            with(&token, &konnect, &konnect),
            &["source: ", "--admin-token-file"],
        ),
        (with(&token, &kong, &kong), &["target: ", "--konnect-url"]),
        (
            [
                with(&token, &kong, &konnect),
                vec!["--admin-token-file".to_owned(), wrong.clone()],
            ]
            .concat(),
            &["source: ", "401", "KONG_ADMIN_TOKEN"],
        ),
    ] {
        let args: Vec<&str> = args.iter().map(String::as_str).collect();
        says(&refused(&terminal, &args).await?, expected);
    }
    Ok(())
}

#[tokio::test]
async fn every_mistake_in_a_file_is_told_with_the_file_and_the_place() -> Result<()> {
    let terminal = Terminal::start().await?;
    let head =
        "apiVersion: gatewaymigration.dev/v1alpha1\nkind: WorkspaceMigration\nmetadata: {name: shop}\n";
    let ends =
        "spec:\n  source: {adminAPI: {url: 'https://kong'}}\n  target: {controlPlaneRef: {name: shop}}\n";
    let manifest = |rest: &str| format!("{head}{ends}{rest}");
    let transform =
        "  transforms: [{select: {kind: routes}, patch: [{op: replace, path: x, value: 1}], reason: why}]\n";
    for (flag, text, expected) in [
        (
            "--spec",
            "spec: [a".to_owned(),
            &["not readable as YAML at line"][..],
        ),
        (
            "--spec",
            String::new(),
            &["holds no WorkspaceMigration", "nothing"],
        ),
        (
            "--spec",
            "kind: Secret\napiVersion: v1\n".to_owned(),
            &["but Secret of v1"],
        ),
        (
            "--spec",
            manifest("  waviers: []\n"),
            &["spec.waviers is unknown", "waivers"],
        ),
        (
            "--spec",
            manifest("  idPolicy: Keep\n"),
            &["spec.idPolicy is none of Preserve, Derive"],
        ),
        (
            "--spec",
            manifest("  prune: true\n"),
            &["sets spec.prune", "only the operator"],
        ),
        (
            "--spec",
            manifest("  rollback: true\n"),
            &["sets spec.rollback", "only the operator"],
        ),
        (
            "--spec",
            manifest("  conflictPolicyPerKind: [{kind: service, policy: Skip}]\n"),
            &["\"service\"", "services"],
        ),
        ("--spec", manifest(transform), &["why", "RFC 6902"]),
        (
            "--declarative-config",
            "services: [".to_owned(),
            &["not readable as YAML at line"],
        ),
        (
            "--declarative-config",
            "services: []".to_owned(),
            &["_format_version missing", "3.0"],
        ),
        (
            "--declarative-config",
            "_format_version: '9.9'".to_owned(),
            &["_format_version 9.9"],
        ),
        (
            "--declarative-config",
            "_format_version: '3.0'\n_workspace: sales".to_owned(),
            &["of workspace sales", "--workspace sales"],
        ),
        (
            "--declarative-config",
            "_format_version: '3.0'\nservices: [{name: a, host: h}, {name: a, host: h}]".to_owned(),
            &["services[1] has the same"],
        ),
    ] {
        let file = terminal.file("file.yaml");
        std::fs::write(&file, text)?;
        let output = terminal.bare("plan").arg(flag).arg(&file).output().await?;
        ended(&output, 1)?;
        says(&stderr(&output), expected);
        says(&stderr(&output), &[flag, "error: "]);
    }
    Ok(())
}

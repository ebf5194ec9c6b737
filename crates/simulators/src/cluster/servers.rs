//! The three servers: their command lines, their processes, their logs.

use std::fs::{self, OpenOptions};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use rcgen::KeyPair;
use rustls_pki_types::CertificateDer;

use super::access::{Access, CA_FILE};
use super::binaries::{API_SERVER, Binaries, CONTROLLER_MANAGER, ETCD};
use super::ports::free_ports;
use super::watchdog::Watchdog;
use crate::server::Tls;

/// Lines of a log shown when a start fails.
const LOG_LINES: usize = 25;

/// Running servers. Killed on drop: their data is thrown away, so nothing is won by asking them politely.
#[derive(Debug)]
pub(super) struct Servers {
    folder: PathBuf,
    running: Vec<(&'static str, Child)>,
    /// How the API server was started, to start it again.
    api_server: Option<(PathBuf, Vec<String>)>,
    watchdog: Watchdog,
}

/// What a client of started servers needs to know.
pub(super) struct Started {
    pub(super) port: u16,
    pub(super) url: String,
    pub(super) ca_pem: String,
    pub(super) ca_der: CertificateDer<'static>,
    pub(super) admin: Access,
    pub(super) operator: Access,
}

impl Servers {
    /// No servers yet; files go to `folder`, which exists.
    pub(super) fn new(folder: &Path) -> anyhow::Result<Self> {
        Ok(Self {
            folder: folder.to_owned(),
            running: Vec::new(),
            api_server: None,
            watchdog: Watchdog::start(folder)?,
        })
    }

    /// Starts all three without waiting for any: each retries until the one below it serves.
    pub(super) fn start(&mut self, binaries: &Binaries, folder: &Path) -> anyhow::Result<Started> {
        let [etcd_port, peer_port, port] = free_ports()?;
        let url = format!("https://127.0.0.1:{port}");
        let admin = Access::create("admin", "system:masters", &url, folder)?;
        let operator = Access::create("operator", "operators", &url, folder)?;
        let tls = write_secrets(folder, &[&admin, &operator])?;

        self.spawn(
            ETCD.name,
            &binaries.etcd,
            etcd_arguments(folder, etcd_port, peer_port),
        )?;
        let arguments = api_server_arguments(folder, etcd_port, port);
        self.api_server = Some((binaries.api_server.clone(), arguments));
        self.start_api_server()?;
        let arguments = controller_manager_arguments(folder, admin.kubeconfig_path());
        self.spawn(CONTROLLER_MANAGER.name, &binaries.controller_manager, arguments)?;
        let (ca_pem, ca_der) = (tls.ca_pem().to_owned(), tls.ca_der().clone());
        Ok(Started {
            port,
            url,
            ca_pem,
            ca_der,
            admin,
            operator,
        })
    }

    fn spawn(&mut self, name: &'static str, binary: &Path, arguments: Vec<String>) -> anyhow::Result<()> {
        let log = OpenOptions::new()
            .create(true)
            .append(true)
            .open(self.log_path(name));
        let log = log.with_context(|| format!("no log file for {name}"))?;
        let mut command = Command::new(binary);
        command.args(arguments).current_dir(&self.folder);
        command.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log);
        let child = self
            .watchdog
            .spawn(&mut command)
            .with_context(|| format!("cannot start {}", binary.display()))?;
        self.running.push((name, child));
        Ok(())
    }

    /// Kills the API server, with everything that it is doing; its data are etcd's.
    pub(super) fn stop_api_server(&mut self) -> anyhow::Result<()> {
        let running = self.running.iter().position(|(name, _)| *name == API_SERVER.name);
        let (_, mut child) = self
            .running
            .remove(running.context("the API server does not run")?);
        child.kill().context("cannot stop the API server")?;
        child.wait()?;
        self.watchdog.forget(&child)
    }

    /// Starts the API server on the data that there are.
    pub(super) fn start_api_server(&mut self) -> anyhow::Result<()> {
        let (binary, arguments) = self
            .api_server
            .clone()
            .context("the control plane was not started")?;
        self.spawn(API_SERVER.name, &binary, arguments)
    }

    /// Starts a process of the caller's, under the same watchdog.
    pub(super) fn spawn_other(&mut self, command: &mut Command) -> anyhow::Result<Child> {
        self.watchdog
            .spawn(command)
            .with_context(|| format!("cannot start {}", command.get_program().display()))
    }

    /// Waits until `ready`; fails when a server ends or the time is up, with the end of the logs.
    pub(super) fn wait_until(
        &mut self,
        timeout: Duration,
        what: &str,
        ready: impl Fn() -> bool,
    ) -> anyhow::Result<()> {
        let deadline = Instant::now() + timeout;
        while !ready() {
            for (name, child) in &mut self.running {
                if let Some(status) = child.try_wait()? {
                    let name = *name;
                    bail!(
                        "{name} ended ({status}) before it was ready{}",
                        self.log_end(name)
                    );
                }
            }
            if Instant::now() > deadline {
                let logs: String = self.running.iter().map(|(name, _)| self.log_end(name)).collect();
                bail!(
                    "the control plane does not answer {what} within {} s{logs}",
                    timeout.as_secs()
                );
            }
            sleep(Duration::from_millis(50));
        }
        Ok(())
    }

    pub(super) fn process_ids(&self) -> Vec<u32> {
        self.running.iter().map(|(_, child)| child.id()).collect()
    }

    fn log_path(&self, name: &str) -> PathBuf {
        self.folder.join(format!("{name}.log"))
    }

    fn log_end(&self, name: &str) -> String {
        let log = fs::read_to_string(self.log_path(name)).unwrap_or_default();
        let lines: Vec<_> = log.lines().collect();
        let end = &lines[lines.len().saturating_sub(LOG_LINES)..];
        format!("\n--- end of the log of {name}:\n{}", end.join("\n"))
    }
}

impl Drop for Servers {
    fn drop(&mut self) {
        for (_, child) in &mut self.running {
            // Fails only when it has ended already.
            let _ = child.kill();
        }
        for (_, child) in &mut self.running {
            let _ = child.wait();
        }
    }
}

/// Writes certificates, the service-account key pair and the token file.
fn write_secrets(folder: &Path, users: &[&Access]) -> anyhow::Result<Tls> {
    let tls = Tls::generate(&["127.0.0.1", "localhost", "kubernetes.default.svc"])?;
    let (certificate, key) = tls.server_pem();
    let accounts = KeyPair::generate()?;
    let tokens: String = users.iter().map(|user| user.token_file_line()).collect();
    for (name, content) in [
        (CA_FILE, tls.ca_pem()),
        ("server.crt", certificate),
        ("server.key", key),
        ("accounts.key", &accounts.serialize_pem()),
        ("accounts.pub", &accounts.public_key_pem()),
        ("tokens.csv", &tokens),
    ] {
        fs::write(folder.join(name), content).with_context(|| format!("cannot write {name}"))?;
    }
    Ok(tls)
}

fn etcd_arguments(folder: &Path, client_port: u16, peer_port: u16) -> Vec<String> {
    let client = format!("http://127.0.0.1:{client_port}");
    let peer = format!("http://127.0.0.1:{peer_port}");
    vec![
        format!("--data-dir={}", folder.join("etcd").display()),
        "--unsafe-no-fsync".into(),
        format!("--listen-client-urls={client}"),
        format!("--advertise-client-urls={client}"),
        format!("--listen-peer-urls={peer}"),
        format!("--initial-advertise-peer-urls={peer}"),
        format!("--initial-cluster=default={peer}"),
        "--log-level=warn".into(),
    ]
}

fn api_server_arguments(folder: &Path, etcd_port: u16, port: u16) -> Vec<String> {
    let file = |name: &str| folder.join(name).display().to_string();
    vec![
        format!("--etcd-servers=http://127.0.0.1:{etcd_port}"),
        "--bind-address=127.0.0.1".into(),
        // Advertised nowhere: no `kubernetes` endpoint is kept, and loopback would be refused as one.
        "--advertise-address=127.0.0.1".into(),
        "--endpoint-reconciler-type=none".into(),
        format!("--secure-port={port}"),
        format!("--cert-dir={}", file("certificates")),
        format!("--tls-cert-file={}", file("server.crt")),
        format!("--tls-private-key-file={}", file("server.key")),
        "--authorization-mode=RBAC".into(),
        format!("--token-auth-file={}", file("tokens.csv")),
        "--service-account-issuer=https://kubernetes.default.svc".into(),
        format!("--service-account-key-file={}", file("accounts.pub")),
        format!("--service-account-signing-key-file={}", file("accounts.key")),
        "--service-cluster-ip-range=10.0.0.0/24".into(),
        "--profiling=false".into(),
    ]
}

fn controller_manager_arguments(folder: &Path, kubeconfig: &Path) -> Vec<String> {
    let file = |name: &str| folder.join(name).display().to_string();
    vec![
        format!("--kubeconfig={}", kubeconfig.display()),
        format!("--root-ca-file={}", file(CA_FILE)),
        format!("--service-account-private-key-file={}", file("accounts.key")),
        "--controllers=*".into(),
        "--leader-elect=false".into(),
        // No port of its own: nobody asks for its metrics.
        "--secure-port=0".into(),
    ]
}

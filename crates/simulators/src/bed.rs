//! Both products at once, on real sockets with TLS: what tests and the demonstration run against.

use std::net::SocketAddr;

use anyhow::{Context, Result};
use serde_json::Value;

use crate::kong_admin::{self, KongAdmin};
use crate::konnect::{self, Konnect};
use crate::server::{Running, ServeOptions, Tls, serve};

/// A Kong with three workspaces and an empty Konnect.
pub struct Bed {
    /// The source's state.
    pub kong: KongAdmin,
    /// The source's server.
    pub kong_server: Running,
    /// The target's state.
    pub konnect: Konnect,
    /// The target's region, where control planes are.
    pub konnect_server: Running,
    /// The target's global host, where tokens are checked.
    pub konnect_global: Running,
    /// PEM of the CA that both servers' certificates come from.
    pub ca_pem: String,
}

impl Bed {
    /// Token that the source wants.
    pub const KONG_TOKEN: &str = "kong-admin-token-of-the-test-bed";
    /// Token that Konnect accepts.
    pub const KONNECT_TOKEN: &str = "kpat_token-of-the-test-bed";
    /// Workspaces of the source.
    pub const WORKSPACES: [(&str, &str); 3] = [
        ("default", kong_admin::DEFAULT),
        ("inventory", kong_admin::INVENTORY),
        ("sales", kong_admin::SALES),
    ];

    /// Starts both servers on free ports of the loopback interface.
    ///
    /// # Errors
    /// When a port cannot be had or a sample cannot be read.
    pub async fn start() -> Result<Self> {
        let options = konnect::Options {
            tokens: vec![Self::KONNECT_TOKEN.to_owned()],
            ..konnect::Options::default()
        };
        Self::start_with(options).await
    }

    /// The same with a Konnect of the caller's choice.
    ///
    /// # Errors
    /// As [`Bed::start`].
    pub async fn start_with(options: konnect::Options) -> Result<Self> {
        Self::start_from(kong_admin::Options::default(), options).await
    }

    /// The same with a Kong of the caller's choice too, which takes the bed's token.
    ///
    /// # Errors
    /// As [`Bed::start`].
    pub async fn start_from(source: kong_admin::Options, options: konnect::Options) -> Result<Self> {
        let kong = KongAdmin::new(kong_admin::Options {
            token: Some(Self::KONG_TOKEN.to_owned()),
            ..source
        });
        for (workspace, dump) in Self::WORKSPACES {
            let dump: Value = serde_json::from_str(dump).with_context(|| format!("sample {workspace}"))?;
            kong.load(workspace, &dump)
                .with_context(|| format!("sample {workspace}"))?;
        }
        let konnect = Konnect::new(options);
        let tls = Tls::generate(&["127.0.0.1", "localhost"])?;
        let on_loopback = || ServeOptions {
            listen: SocketAddr::from(([127, 0, 0, 1], 0)),
            tls: Some(tls.clone()),
            ..ServeOptions::default()
        };
        let servers = konnect::Servers::start(&konnect, on_loopback()).await?;
        Ok(Self {
            kong_server: serve(kong.router(), on_loopback()).await?,
            konnect_server: servers.region,
            konnect_global: servers.global,
            kong,
            konnect,
            ca_pem: tls.ca_pem().to_owned(),
        })
    }

    /// The addresses that stand for Konnect's hosts, as `host=URL`: the region `us`, then the global host.
    pub fn konnect_endpoints(&self) -> [String; 2] {
        konnect::endpoints(&self.konnect_server, &self.konnect_global)
    }
}

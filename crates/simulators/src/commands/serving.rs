//! What the simulated APIs have in common on the command line: the socket and the faults.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context as _;
use axum::Router;
use clap::Args;
use simulators::server::{Behaviour, Fault, RateLimit, ServeOptions, Tls, parse_duration, serve};

use super::until_stopped::until_stopped;

/// Certificates and manners of a simulator.
#[derive(Debug, Args)]
pub(crate) struct Serving {
    /// Serve HTTPS (HTTP/1.1 and HTTP/2) with a certificate of an own authority, new at every start.
    #[arg(long)]
    tls: bool,

    /// One more DNS name or address in the certificate; 127.0.0.1, localhost and the listening address are always in.
    /// May be repeated.
    #[arg(long, value_name = "NAME", requires = "tls")]
    tls_name: Vec<String>,

    /// Write the authority's certificate (PEM) to this file, for `--ca-file` or `--cacert` of a client.
    #[arg(long, value_name = "FILE", requires = "tls")]
    ca_out: Option<PathBuf>,

    /// Wait before every answer, such as 50ms or 1s.
    #[arg(long, value_name = "DURATION", value_parser = parse_duration, default_value = "0ms")]
    latency: Duration,

    /// Answer 429 above this many requests per second: PER_SECOND[;retry-after=SECONDS], or retry-after-date=SECONDS for the
    /// header as a date.
    #[arg(long, value_name = "LIMIT")]
    rate_limit: Option<RateLimit>,

    /// Let requests go wrong: `[METHOD ]PATH=OUTCOME[;OPTION...]`. May be repeated; the first that matches decides.
    ///
    /// PATH is a regular expression. OUTCOME is a status code, `drop` or `reset` (end the connection), `reset-body` (the same in the
    /// middle of the answer), `hang` (never answer), `garbage` (not JSON), `truncated` (half of the answer), `slow` (the answer in
    /// pieces), `lost-cursor` (answer as for a page offset that is not known) or `altered` (take the fields of body= over those of the
    /// request). Options: skip=N (let N matching requests pass first),
    /// times=N (then fail only N), retry-after=SECONDS or retry-after-date=SECONDS, over=DURATION (of a slow answer), with=TEXT (only requests whose body has it), after (do the
    /// work, then lose the answer), and last: body=TEXT.
    ///
    /// While it runs: curl -X PUT URL/_simulator/behaviour -d '{"latency": "20ms", "rateLimit": "200", "faults": ["/routes=503"]}'
    /// replaces all three.
    #[arg(long, value_name = "FAULT")]
    fault: Vec<Fault>,
}

impl Serving {
    /// Serves each router at its address with the same certificates and manners, prints the URLs, a line each in the order given, and
    /// ends on Ctrl-C.
    pub(crate) async fn run(self, routers: Vec<(SocketAddr, Router)>) -> anyhow::Result<()> {
        let addresses: Vec<_> = routers.iter().map(|(listen, _)| listen.ip()).collect();
        let tls = self
            .tls
            .then(|| self.generate_certificates(&addresses))
            .transpose()?;
        if let (Some(file), Some(tls)) = (&self.ca_out, &tls) {
            std::fs::write(file, tls.ca_pem()).with_context(|| format!("cannot write {}", file.display()))?;
        }
        let behaviour = Behaviour {
            latency: self.latency,
            rate_limit: self.rate_limit,
            faults: self.fault,
        };
        let mut running = Vec::new();
        for (listen, router) in routers {
            let options = ServeOptions {
                listen,
                tls: tls.clone(),
                behaviour: behaviour.clone(),
            };
            running.push(serve(router, options).await?);
        }
        for server in &running {
            println!("{}", server.url());
        }
        until_stopped().await?;
        for server in running {
            server.stop().await;
        }
        Ok(())
    }

    fn generate_certificates(&self, addresses: &[IpAddr]) -> anyhow::Result<Tls> {
        let addresses: Vec<_> = addresses.iter().map(IpAddr::to_string).collect();
        let mut names = vec!["localhost", "127.0.0.1"];
        names.extend(addresses.iter().map(String::as_str));
        names.extend(self.tls_name.iter().map(String::as_str));
        names.sort_unstable();
        names.dedup();
        Tls::generate(&names)
    }
}

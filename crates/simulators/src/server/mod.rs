//! Puts any [`axum::Router`] on a socket, with TLS, latency, a rate limit, faults and counters.
//!
//! All state belongs to one [`Running`] server, so any number of them can live in one process.

mod behaviour;
mod fault;
mod gate;
mod line;
mod second_writer;
mod spoil;
mod stats;
mod tls;

#[cfg(test)]
mod tests;

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use axum::Router;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinHandle, JoinSet};
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;

pub use behaviour::{Behaviour, RateLimit, RetryAfter, parse_duration};
pub use fault::{Fault, Outcome};
pub use second_writer::{Act, Beside};
pub use stats::{Below, Stats, Write};
pub use tls::{ClientIdentity, Tls};

use gate::{Controls, Gate};
use line::Line;

/// Where a server listens and how it behaves. The default is plain HTTP on a free loopback port, without faults.
#[derive(Debug, Clone)]
pub struct ServeOptions {
    /// Address to bind; port 0 takes a free one.
    pub listen: SocketAddr,
    /// Certificates for HTTPS (HTTP/1.1 and HTTP/2 by ALPN); `None` serves plain HTTP/1.1 and HTTP/2 with prior knowledge.
    pub tls: Option<Tls>,
    /// Latency, rate limit and faults at the start; see [`Running::set_behaviour`].
    pub behaviour: Behaviour,
}

impl Default for ServeOptions {
    fn default() -> Self {
        Self {
            listen: (Ipv4Addr::LOCALHOST, 0).into(),
            tls: None,
            behaviour: Behaviour::default(),
        }
    }
}

/// A server that accepts connections until it is stopped or dropped.
#[derive(Debug)]
pub struct Running {
    addr: SocketAddr,
    tls: Option<Tls>,
    controls: Arc<Controls>,
    gate: Gate,
    stop: CancellationToken,
    accepting: Option<JoinHandle<()>>,
}

impl Running {
    /// Base URL without a trailing slash, such as `https://127.0.0.1:41234`.
    pub fn url(&self) -> String {
        let scheme = if self.tls.is_some() { "https" } else { "http" };
        format!("{scheme}://{}", self.addr)
    }

    /// The address that was bound.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// The certificate of the own authority in PEM, when the server speaks TLS.
    pub fn ca_pem(&self) -> Option<&str> {
        self.tls.as_ref().map(Tls::ca_pem)
    }

    /// Replaces latency, rate limit and faults for all requests that arrive from now on; fault counters start anew.
    pub fn set_behaviour(&self, behaviour: Behaviour) {
        self.controls.set_behaviour(behaviour);
    }

    /// Has somebody else act beside requests that arrive from now on, in addition to who acts already.
    pub fn meanwhile(&self, act: Act) {
        self.controls.add_act(act);
    }

    /// Ends all acts of somebody else.
    pub fn leave_alone(&self) {
        self.controls.forget_acts();
    }

    /// What has been counted since the start or the last reset.
    pub fn stats(&self) -> Stats {
        self.controls.stats()
    }

    /// Every write received since the start or the last reset, in the order of arrival.
    pub fn writes(&self) -> Vec<Write> {
        self.controls.writes()
    }

    /// Sets all counts to zero and forgets the writes; the peak restarts at the number of requests in flight now.
    pub fn reset_stats(&self) {
        self.controls.reset_stats();
    }

    /// Stops accepting, cuts every open connection, and returns when the port is free again.
    pub async fn stop(mut self) {
        self.suspend().await;
    }

    /// The same, to listen again later: until then connections are refused. Everything stored and counted stays.
    pub async fn suspend(&mut self) {
        self.stop.cancel();
        if let Some(accepting) = self.accepting.take() {
            // A panic of the accept loop has nothing left to stop.
            let _ = accepting.await;
        }
    }

    /// Listens again at the same address, as a server does that was started again.
    ///
    /// # Errors
    /// When the address has been taken meanwhile.
    pub async fn resume(&mut self) -> anyhow::Result<()> {
        self.suspend().await;
        let listener = TcpListener::bind(self.addr)
            .await
            .with_context(|| format!("cannot listen on {} again", self.addr))?;
        self.stop = CancellationToken::new();
        let tls = self.tls.as_ref().map(Tls::acceptor);
        self.accepting = Some(tokio::spawn(accept(
            listener,
            tls,
            self.gate.clone(),
            self.stop.clone(),
        )));
        Ok(())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.stop.cancel();
        if let Some(accepting) = &self.accepting {
            accepting.abort();
        }
    }
}

/// Serves `router` in the background of the current tokio runtime.
///
/// # Errors
/// When the address cannot be bound.
pub async fn serve(router: Router, options: ServeOptions) -> anyhow::Result<Running> {
    let listener = TcpListener::bind(options.listen).await.with_context(|| {
        format!(
            "cannot listen on {}: choose another --listen address",
            options.listen
        )
    })?;
    let addr = listener
        .local_addr()
        .context("the listening socket has no address")?;
    let controls = Arc::new(Controls::new(options.behaviour));
    let stop = CancellationToken::new();
    let gate = Gate::new(router, controls.clone());
    let tls = options.tls.as_ref().map(Tls::acceptor);
    let accepting = tokio::spawn(accept(listener, tls, gate.clone(), stop.clone()));
    Ok(Running {
        addr,
        tls: options.tls,
        controls,
        gate,
        stop,
        accepting: Some(accepting),
    })
}

/// Accepts until `stop`; the connections live in the loop's own set and end with it.
async fn accept(listener: TcpListener, tls: Option<TlsAcceptor>, gate: Gate, stop: CancellationToken) {
    let mut connections = JoinSet::new();
    loop {
        let stream = tokio::select! {
            () = stop.cancelled() => break,
            Some(_) = connections.join_next() => continue,
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => stream,
                Err(error) => {
                    // Out of file descriptors, most likely: some connection has to end first.
                    tracing::warn!(%error, "accept failed");
                    tokio::time::sleep(Duration::from_millis(10)).await;
                    continue;
                }
            },
        };
        connections.spawn(serve_stream(stream, tls.clone(), gate.clone()));
    }
    drop(listener);
    connections.shutdown().await;
}

async fn serve_stream(stream: TcpStream, tls: Option<TlsAcceptor>, gate: Gate) {
    gate.count_connection();
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "cannot disable Nagle's algorithm");
    }
    let line = Line::of(&stream);
    match tls {
        None => serve_http(stream, gate, line).await,
        Some(acceptor) => match acceptor.accept(stream).await {
            Ok(stream) => serve_http(stream, gate, line).await,
            Err(error) => tracing::debug!(%error, "TLS handshake failed"),
        },
    }
}

/// Speaks HTTP/1.1 or HTTP/2, whichever the client opens with, until either side ends the connection.
async fn serve_http(stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static, gate: Gate, line: Line) {
    let service = {
        let line = line.clone();
        service_fn(move |request| gate.clone().answer(request, line.clone()))
    };
    let mut builder = auto::Builder::new(TokioExecutor::new());
    builder.http1().timer(TokioTimer::new());
    builder.http2().timer(TokioTimer::new());
    tokio::select! {
        () = line.hung_up() => {}
        ended = builder.serve_connection(TokioIo::new(stream), service) => {
            if let Err(error) = ended {
                tracing::debug!(error, "connection ended with an error");
            }
        }
    }
}

//! Konnect has a global host and one for each region, and they serve different APIs.
//!
//! The published identity document (v3, 3.4.5) names `https://global.api.konghq.com/v3` as its only server; the documents of control
//! planes name the regions. A path of the other side is unknown to the edge: 404.

use std::net::SocketAddr;

use anyhow::Result;
use axum::extract::{Request, State};
use axum::http::header::HOST;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::Konnect;
use super::http::no_route;
use crate::server::{Running, ServeOptions, serve};

/// What an address of the simulator stands for. Where a request names a host of `konghq.com`, the name decides instead.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// A region, such as `us.api.konghq.com`: control planes and all in them.
    Region,
    /// `global.api.konghq.com`: identity.
    Global,
    /// Both at once, as no real host does.
    Both,
}

impl Side {
    /// The side of a host of Konnect, with or without port; none for any other name.
    fn of_host(host: &str) -> Option<Self> {
        let name = host.split(':').next().unwrap_or_default();
        let label = name.strip_suffix(".konghq.com")?;
        Some(if label.starts_with("global.") {
            Self::Global
        } else {
            Self::Region
        })
    }

    fn serves(self, path: &str) -> bool {
        match self {
            Self::Both => true,
            Self::Global => path.starts_with("/v3/"),
            Self::Region => !path.starts_with("/v3/"),
        }
    }
}

/// Answers 404 to the paths of the other side.
pub async fn refuse_other_side(State(side): State<Side>, request: Request, next: Next) -> Response {
    let named = request.headers().get(HOST).and_then(|host| host.to_str().ok());
    // HTTP/2 has the host in the URI.
    let host = request
        .uri()
        .authority()
        .map(|authority| authority.as_str())
        .or(named);
    let side = host.and_then(Side::of_host).unwrap_or(side);
    if side.serves(request.uri().path()) {
        next.run(request).await
    } else {
        no_route().await.into_response()
    }
}

/// Both sides on sockets of their own.
#[derive(Debug)]
pub struct Servers {
    /// The region's.
    pub region: Running,
    /// The global host's.
    pub global: Running,
}

impl Servers {
    /// Starts both with the same manners; the global side takes a free port of the same address.
    ///
    /// # Errors
    /// When an address cannot be bound.
    pub async fn start(konnect: &Konnect, options: ServeOptions) -> Result<Self> {
        let global = ServeOptions {
            listen: SocketAddr::new(options.listen.ip(), 0),
            ..options.clone()
        };
        Ok(Self {
            region: serve(konnect.router(Side::Region), options).await?,
            global: serve(konnect.router(Side::Global), global).await?,
        })
    }

    /// What stands for Konnect's hosts, as `host=URL`: the region `us`, then the global host.
    pub fn endpoints(&self) -> [String; 2] {
        endpoints(&self.region, &self.global)
    }
}

/// The addresses of both sides, as `host=URL`: the region `us`, then the global host.
pub fn endpoints(region: &Running, global: &Running) -> [String; 2] {
    [
        format!("us.api.konghq.com={}", region.url()),
        format!("global.api.konghq.com={}", global.url()),
    ]
}

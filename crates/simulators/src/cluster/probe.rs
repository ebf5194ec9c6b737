//! Asks the API server whether it is ready: one GET over TLS, without a runtime.

use std::fmt;
use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use rustls::crypto::aws_lc_rs;
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use rustls_pki_types::ServerName;

use super::servers::Started;

/// Limit of one read or write; the caller asks again.
const IO_TIMEOUT: Duration = Duration::from_secs(5);

/// A minimal client of one API server.
pub(super) struct Probe {
    port: u16,
    token: String,
    config: Arc<ClientConfig>,
}

impl Probe {
    pub(super) fn new(started: &Started) -> anyhow::Result<Self> {
        let mut roots = RootCertStore::empty();
        roots.add(started.ca_der.clone())?;
        let config = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()?
            .with_root_certificates(roots)
            .with_no_client_auth();
        Ok(Self {
            port: started.port,
            token: started.admin.token().to_owned(),
            config: Arc::new(config),
        })
    }

    /// Whether GET of `path` is answered 200. Any failure is a no: the server may not listen yet.
    pub(super) fn answers_ok(&self, path: &str) -> bool {
        self.fetch_status_line(path)
            .is_ok_and(|line| line.starts_with(b"HTTP/1.1 200"))
    }

    fn fetch_status_line(&self, path: &str) -> anyhow::Result<[u8; 12]> {
        let socket = TcpStream::connect((Ipv4Addr::LOCALHOST, self.port))?;
        socket.set_read_timeout(Some(IO_TIMEOUT))?;
        socket.set_write_timeout(Some(IO_TIMEOUT))?;
        let name = ServerName::from(std::net::IpAddr::from(Ipv4Addr::LOCALHOST));
        let mut stream = StreamOwned::new(ClientConnection::new(self.config.clone(), name)?, socket);
        write!(
            stream,
            "GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {}\r\nConnection: close\r\n\r\n",
            self.token
        )?;
        let mut line = [0; 12];
        stream.read_exact(&mut line)?;
        Ok(line)
    }
}

impl fmt::Debug for Probe {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Probe")
            .field("port", &self.port)
            .finish_non_exhaustive()
    }
}

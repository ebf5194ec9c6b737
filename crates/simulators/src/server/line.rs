//! The connection that a request came on, for faults that end it.

use std::os::fd::AsFd as _;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use socket2::Socket;
use tokio::net::TcpStream;
use tokio_util::sync::CancellationToken;

/// Ends a connection. Clones end the same one.
#[derive(Debug, Clone)]
pub(super) struct Line {
    hung_up: CancellationToken,
    /// A second handle, by which the socket's way of closing is set; none when there can be no other handle.
    socket: Arc<Mutex<Option<Socket>>>,
}

impl Line {
    /// The line of a connection.
    pub(super) fn of(stream: &TcpStream) -> Self {
        let socket = stream.as_fd().try_clone_to_owned().ok().map(Socket::from);
        Self {
            hung_up: CancellationToken::new(),
            socket: Arc::new(Mutex::new(socket)),
        }
    }

    /// Closes the connection.
    pub(super) fn hang_up(&self) {
        drop(self.take());
        self.hung_up.cancel();
    }

    /// Closes the connection by a reset (RST): without a time to linger, the kernel throws away what was not sent yet.
    pub(super) fn reset(&self) {
        if let Some(socket) = self.take()
            && let Err(error) = socket.set_linger(Some(Duration::ZERO))
        {
            tracing::warn!(%error, "the connection is closed, not reset");
        }
        self.hung_up.cancel();
    }

    /// Returns once the connection has to end.
    pub(super) async fn hung_up(&self) {
        self.hung_up.cancelled().await;
    }

    fn take(&self) -> Option<Socket> {
        self.socket.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

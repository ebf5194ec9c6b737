//! Who may not write any more sends no write, not even as a repeat; reading is always permitted.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use gateway_migration_operator::http::{Budget, Failure, Fence, TransportOptions};

use super::{client_with, control_plane, failed, options, server};

/// Open once.
struct Closing(AtomicBool);

impl Fence for Closing {
    fn is_open(&self) -> bool {
        self.0.swap(false, Ordering::Relaxed)
    }
}

#[tokio::test]
async fn a_write_that_waits_for_its_repeat_is_not_sent_once_the_fence_is_closed() -> anyhow::Result<()> {
    let server = server(&["POST /control-planes=429;times=1"]).await?;
    let options = TransportOptions {
        fence: Some(Arc::new(Closing(AtomicBool::new(true)))),
        ..options(&server.url())?
    };
    let client = client_with(options, Arc::new(Budget::new(8)))?;
    let error = failed(client.create_control_plane(&control_plane()).await)?;
    assert_eq!(error.failure(), &Failure::Fenced);
    assert!(
        error.to_string().contains("another replica writes now"),
        "{error}"
    );
    assert_eq!(server.stats().writes, 1);
    client.organization().await?;
    Ok(())
}

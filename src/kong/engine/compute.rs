//! Long computations, kept from holding up what has to happen in time.

use tokio::runtime::{Handle, RuntimeFlavor};
use tokio::task::block_in_place;

/// Runs `work` on this thread, while everything else of the runtime goes on on others: the Lease must be renewed also while as many plans
/// of 100,000 entities are made as there are threads.
pub(super) fn compute<T>(work: impl FnOnce() -> T) -> T {
    match Handle::try_current().map(|handle| handle.runtime_flavor()) {
        Ok(RuntimeFlavor::MultiThread) => block_in_place(work),
        Ok(_) | Err(_) => work(),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    #[tokio::test(flavor = "multi_thread", worker_threads = 1)]
    async fn other_tasks_go_on_although_every_thread_computes() {
        let (say, heard) = mpsc::channel();
        let computing = tokio::spawn(async move {
            let other = tokio::spawn(async move { say.send(()) });
            compute(|| heard.recv()).is_ok() && other.await.is_ok()
        });
        assert!(computing.await.unwrap());
    }

    #[tokio::test]
    async fn a_runtime_of_one_thread_computes_too() {
        assert_eq!(compute(|| 1), 1);
    }
}

//! Where a migration is, for people.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Where a migration is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
pub enum Phase {
    /// Waits for source or target.
    Pending,
    /// Source and target are read and checked.
    Preflight,
    /// The plan is made, and the mode is Plan.
    Planned,
    /// The plan waits for approval.
    AwaitingApproval,
    /// What will be overwritten is saved.
    BackingUp,
    /// The target is written.
    Applying,
    /// The target is read again and compared.
    Verifying,
    /// The target follows the source.
    Syncing,
    /// The target is ready for traffic.
    AwaitingCutover,
    /// Traffic moves.
    CuttingOver,
    /// Done.
    Completed,
    /// Suspended.
    Paused,
    /// What was written is being undone.
    RollingBack,
    /// What was written is undone.
    RolledBack,
    /// Somebody has to act.
    Failed,
}

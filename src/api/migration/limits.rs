//! How long the lists of a status may be; the schema refuses more.

/// Entries of `findings.top`.
pub const TOP_FINDINGS: usize = 20;
/// Subjects of one finding.
pub const SUBJECTS: usize = 5;
/// Entries of `history`.
pub const HISTORY: usize = 10;
/// Entries of `progress.kinds`.
pub const KINDS: usize = 64;
/// Entries of `backup.earlier`.
pub const EARLIER: usize = 32;
/// Bytes of a finding's message or remedy.
pub const TEXT: usize = 1024;

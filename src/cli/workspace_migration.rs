//! How the documents of a WorkspaceMigration are printed: with Kong's words, and for its tools.

use super::documents::{DocumentError, PlanPrinter, ProductError, RollbackPrinter};
use super::output::{BackupFormat, Output, OutputError};
use crate::kong::plan::backup;
use crate::kong::plan::document::PlanEnds;
use crate::kong::plan::render::backup::{render_deck, render_json};
use crate::kong::plan::render::{deck, kong_operator, terraform, text};
use crate::kong::plan::rollback::report::RollbackEnds;

/// A plan.
pub static PLAN: PlanPrinter<PlanEnds> = PlanPrinter {
    terminal: text::terminal,
    markdown: text::markdown,
    exports: &[
        (Output::Deck, |report| Ok(deck::render(report)?)),
        (Output::KongOperator, |report| Ok(kong_operator::render(report)?)),
        (Output::Terraform, |report| Ok(terraform::render(report))),
    ],
};

/// What undoing would do.
pub static ROLLBACK: RollbackPrinter<RollbackEnds> = RollbackPrinter {
    terminal: text::rollback,
};

/// What a control plane held before.
///
/// # Errors
/// When the document is no backup.
pub fn backup(document: &[u8], form: BackupFormat) -> Result<String, DocumentError> {
    let (head, entities) =
        backup::read(document).map_err(|error| DocumentError::Content(ProductError::from(error)))?;
    Ok(match form {
        BackupFormat::Deck => {
            render_deck(&head, &entities).map_err(|error| OutputError::Render(error.into()))?
        }
        BackupFormat::Json => render_json(&head, &entities),
    })
}

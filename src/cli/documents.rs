//! Documents that the operator stores of a migration, as text: what is the same in every kind, around what a kind's product brings.

use std::error::Error;

use clap::ValueEnum as _;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::output::{BackupFormat, Output, OutputError, RollbackFormat};
use crate::migration::render::json::{self, ReadError};
use crate::migration::render::rollback;
use crate::migration::render::terminal::Style;
use crate::migration::report::PlanReport;
use crate::migration::rollback::RollbackReport;

/// An error of a product.
pub type ProductError = Box<dyn Error + Send + Sync>;

/// Why a stored document does not become text.
#[derive(Debug, thiserror::Error)]
pub enum DocumentError {
    /// It cannot be read.
    #[error("{0}")]
    Content(ProductError),
    /// It cannot be written in the form that was asked for.
    #[error(transparent)]
    Output(#[from] OutputError),
}

/// Any product's plan.
pub trait PlanDocument: Sync {
    /// A stored plan in a form.
    ///
    /// # Errors
    /// When it cannot be read, or its product does not have the form.
    fn text(&self, document: &[u8], form: Output, style: Style) -> Result<String, DocumentError>;
}

/// Writes a plan in a form of its product.
pub type Exporter<E> = fn(&PlanReport<E>) -> Result<String, ProductError>;

/// What a product brings to print its plans, whose ends are `E`. JSON needs nothing.
pub struct PlanPrinter<E: 'static> {
    /// For a person at a terminal.
    pub terminal: fn(&PlanReport<E>, Style) -> String,
    /// For a review.
    pub markdown: fn(&PlanReport<E>) -> String,
    /// For its tools; empty when there are none.
    pub exports: &'static [(Output, Exporter<E>)],
}

impl<E: Serialize + Clone> PlanPrinter<E> {
    /// A plan in a form.
    ///
    /// # Errors
    /// When the product does not have the form, or fails to write it.
    pub fn render(&self, report: &PlanReport<E>, form: Output, style: Style) -> Result<String, OutputError> {
        match form {
            Output::Terminal => Ok((self.terminal)(report, style)),
            Output::Json => Ok(json::render(report)?),
            Output::Markdown => Ok((self.markdown)(report)),
            Output::Deck | Output::KongOperator | Output::Terraform => {
                let export = self.exports.iter().find(|(known, _)| *known == form);
                let (_, export) = export.ok_or_else(|| self.no_such_form(form))?;
                export(report).map_err(OutputError::Render)
            }
        }
    }

    fn no_such_form(&self, form: Output) -> OutputError {
        let exports = self.exports.iter().map(|(form, _)| *form);
        let forms = [Output::Terminal, Output::Json, Output::Markdown]
            .into_iter()
            .chain(exports);
        OutputError::NoSuchForm {
            form: name(form),
            forms: forms.map(name).collect(),
        }
    }
}

/// As the flag takes it.
fn name(form: Output) -> String {
    let value = form.to_possible_value();
    value.map_or_else(String::new, |value| value.get_name().to_owned())
}

impl<E: Serialize + DeserializeOwned + Clone> PlanDocument for PlanPrinter<E> {
    fn text(&self, document: &[u8], form: Output, style: Style) -> Result<String, DocumentError> {
        let report = json::read(document).map_err(content)?;
        Ok(self.render(&report, form, style)?)
    }
}

/// Any product's rollback.
pub trait RollbackDocument: Sync {
    /// A stored rollback in a form.
    ///
    /// # Errors
    /// When it cannot be read.
    fn text(&self, document: &[u8], form: RollbackFormat, style: Style) -> Result<String, DocumentError>;
}

/// What a product brings to print its rollbacks, whose ends are `E`.
pub struct RollbackPrinter<E> {
    /// For a person at a terminal.
    pub terminal: fn(&RollbackReport<E>, Style) -> String,
}

impl<E: Serialize + DeserializeOwned> RollbackDocument for RollbackPrinter<E> {
    fn text(&self, document: &[u8], form: RollbackFormat, style: Style) -> Result<String, DocumentError> {
        let report = rollback::read(document).map_err(content)?;
        Ok(match form {
            RollbackFormat::Terminal => (self.terminal)(&report, style),
            RollbackFormat::Json => rollback::json(&report).map_err(OutputError::from)?,
        })
    }
}

pub(super) fn content(error: ReadError) -> DocumentError {
    DocumentError::Content(error.into())
}

/// A stored backup in a form. Its document is the product's own.
pub type BackupPrinter = fn(&[u8], BackupFormat) -> Result<String, DocumentError>;

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::migration::report::FORMAT;

    const PLAIN: Style = Style {
        colour: false,
        full: false,
    };

    /// Of a product with one end and one tool.
    static PRINTER: &dyn PlanDocument = &PlanPrinter::<Value> {
        terminal: |report, _| format!("gateway {}", report.ends),
        markdown: |report| format!("Gateway {}.", report.ends),
        exports: &[(Output::Terraform, |report| Ok(format!("import {}", report.ends)))],
    };

    fn stored() -> Vec<u8> {
        let plan =
            json!({"hash": "", "sourceDigest": "", "targetDigest": "", "operations": [], "findings": []});
        let report = json!({
            "format": FORMAT, "ends": 7, "summary": "", "counts": {}, "plan": plan, "secrets": "masked",
        });
        report.to_string().into_bytes()
    }

    #[test]
    fn a_plan_is_printed_in_the_forms_that_its_product_has() {
        let text = |form| PRINTER.text(&stored(), form, PLAIN);
        assert_eq!(text(Output::Terminal).unwrap(), "gateway 7");
        assert_eq!(text(Output::Markdown).unwrap(), "Gateway 7.");
        assert_eq!(text(Output::Terraform).unwrap(), "import 7");
        assert!(text(Output::Json).unwrap().contains("\"ends\": 7"));
        assert_eq!(
            text(Output::KongOperator).unwrap_err().to_string(),
            "this plan has no form kong-operator; its forms are terminal, json, markdown, terraform"
        );
    }

    #[test]
    fn what_is_no_plan_is_refused_in_every_form() {
        let refused = PRINTER.text(b"{}", Output::Deck, PLAIN);
        assert!(matches!(refused, Err(DocumentError::Content(_))));
    }
}

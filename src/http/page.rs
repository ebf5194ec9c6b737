//! Walking pages without going round in circles.

use std::collections::HashSet;

use super::call::Call;
use super::object_text::ObjectText;
use super::{Error, Transport};

/// One page of a list, and where the next one starts.
pub(crate) struct Page {
    pub items: Vec<ObjectText>,
    /// None on the last page.
    pub cursor: Option<String>,
}

/// Reads one page in a product's form, or says what is wrong with it, without quoting it: it may hold secrets.
pub(crate) type ReadPage = fn(text: &str) -> Result<Page, &'static str>;

/// All items of a list. `call_at` makes the call for the page at a cursor; `None` is the first.
///
/// # Errors
/// Any failed page fails the whole: a list that is cut short must not look complete. A cursor that comes twice, which
/// would be followed for ever, is [`Failure::Garbage`](super::Failure::Garbage).
pub(crate) async fn fetch_all<'c>(
    transport: &Transport,
    read: ReadPage,
    call_at: impl Fn(Option<&str>) -> Call<'c>,
) -> Result<Vec<ObjectText>, Error> {
    let mut items = Vec::new();
    let mut seen = HashSet::new();
    let mut cursor: Option<String> = None;
    loop {
        let call = call_at(cursor.as_deref());
        let reply = transport.send(&call).await?;
        let status = Some(reply.status);
        let page = read(reply.body.get()).map_err(|wrong| call.garbage(status, wrong))?;
        items.extend(page.items);
        match page.cursor {
            None => return Ok(items),
            Some(next) if seen.insert(next.clone()) => cursor = Some(next),
            Some(_) => return Err(call.garbage(status, "a page leads back to an earlier one")),
        }
    }
}

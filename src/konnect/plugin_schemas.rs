//! Schemas of custom plugins that a control plane has (`core-entities/plugin-schemas`, control-planes-config 3.15.0).

use reqwest::Method;
use serde_json::Value;
use url::Url;
use uuid::Uuid;

use super::Client;
use crate::http::Error;
use crate::http::page::{Offsets, Page};

/// Page size of this older endpoint.
const PAGE_SIZE: &str = "100";

impl Client {
    /// Names of the custom plugins whose schema was uploaded.
    ///
    /// # Errors
    /// Any failure but 404: an organisation without the endpoint has no schemas.
    pub async fn list_plugin_schemas(&self, control_plane: Uuid) -> Result<Vec<String>, Error> {
        let mut names = Vec::new();
        let mut cursors = Offsets::default();
        let mut after: Option<String> = None;
        loop {
            let path = format!("v2/control-planes/{control_plane}/core-entities/plugin-schemas");
            let query = [("page[size]", PAGE_SIZE)]
                .into_iter()
                .chain(after.as_deref().map(|after| ("page[after]", after)));
            let call = self.call(Method::GET, self.url(&path, query));
            let reply = match self.send(&call).await {
                Ok(reply) => reply,
                Err(error) if error.is_not_found() => return Ok(names),
                Err(error) => return Err(error),
            };
            let status = Some(reply.status);
            let next = next_cursor(&reply.body);
            let page = Page::read(reply.body).map_err(|wrong| call.garbage(status, wrong))?;
            names.extend(
                page.items
                    .iter()
                    .filter_map(|schema| schema.get("name")?.as_str().map(str::to_owned)),
            );
            match next {
                None => return Ok(names),
                Some(cursor) if cursors.is_new(&cursor) => after = Some(cursor),
                Some(_) => return Err(call.garbage(status, "a page repeats the cursor of an earlier one")),
            }
        }
    }
}

/// The cursor of the next page, in any of the three places where Konnect's older endpoints put it.
fn next_cursor(body: &Value) -> Option<String> {
    let page = &body["page"];
    let text = [
        &page["next_cursor"],
        &body["next_cursor"],
        &page["next"],
        &body["meta"]["page"]["next"],
    ]
    .into_iter()
    .find_map(|cursor| cursor.as_str().filter(|text| !text.is_empty()))?;
    // `next` is a URI that holds the cursor in its query, or the cursor itself.
    let Some((_, query)) = text.split_once('?') else {
        return Some(text.to_owned());
    };
    let url = Url::parse(&format!("http://next/?{query}")).ok()?;
    let (_, cursor) = url.query_pairs().find(|(name, _)| name == "page[after]")?;
    Some(cursor.into_owned())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_cursor_is_found_wherever_it_stands() {
        let cursor = |body| next_cursor(&body);
        assert_eq!(cursor(json!({"page": {"next_cursor": "a"}})), Some("a".into()));
        assert_eq!(
            cursor(json!({"next_cursor": "b", "has_next_page": true})),
            Some("b".into())
        );
        assert_eq!(
            cursor(json!({"page": {"next": "/x?page%5Bafter%5D=c&page%5Bsize%5D=1"}})),
            Some("c".into())
        );
        assert_eq!(
            cursor(json!({"page": {"total_count": 1, "next_cursor": ""}})),
            None
        );
    }
}

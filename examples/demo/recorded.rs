//! What the source holds, counted in the dumps that it was loaded with: a count that the operator has no part in.

use anyhow::Context as _;
use serde_json::{Map, Value};
use simulators::bed::Bed;

/// Not entities of their own: a list of what the entities say.
const TAGS: &str = "/tags";
/// Kong keeps one set of them for all workspaces, and lists it in each.
const SHARED: &str = "/ca_certificates";

/// What the source holds in one workspace.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Holding {
    /// Entities that its lists show, memberships of consumer groups included.
    pub entities: u64,
    /// Those among them that Konnect cannot hold: OAuth 2.0, and sessions in the gateway's database.
    pub unmovable: u64,
}

/// How many entities the source shows in a workspace of the test bed.
///
/// # Errors
/// When there is no such workspace.
pub fn holding(workspace: &str) -> anyhow::Result<Holding> {
    let dumps: Vec<(&str, Map<String, Value>)> = Bed::WORKSPACES
        .iter()
        .map(|(name, dump)| Ok((*name, serde_json::from_str(dump)?)))
        .collect::<anyhow::Result<_>>()?;
    let (_, own) = dumps
        .iter()
        .find(|(name, _)| *name == workspace)
        .with_context(|| format!("the test bed has no workspace {workspace}"))?;
    let oauth2 = ["/oauth2", "/oauth2_tokens"]
        .iter()
        .filter_map(|path| own.get(*path));
    let plugins = own
        .get("/plugins")
        .and_then(Value::as_array)
        .into_iter()
        .flatten();
    let unmovable = oauth2.map(length).sum::<u64>() + count(plugins.filter(|plugin| is_unmovable(plugin)));
    let lists = own
        .iter()
        .filter(|(path, _)| ![TAGS, SHARED].contains(&path.as_str()));
    let shared = dumps.iter().filter_map(|(_, dump)| dump.get(SHARED));
    let entities = lists.map(|(_, list)| list).chain(shared).map(length).sum();
    Ok(Holding { entities, unmovable })
}

fn is_unmovable(plugin: &Value) -> bool {
    plugin["name"] == "oauth2" || plugin["name"] == "session" && plugin["config"]["storage"] == "kong"
}

fn length(list: &Value) -> u64 {
    count(list.as_array().into_iter().flatten())
}

fn count(items: impl Iterator) -> u64 {
    u64::try_from(items.count()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_real_kong_gave_128_entities_of_which_5_cannot_move() {
        assert_eq!(
            holding("default").unwrap(),
            Holding {
                entities: 128,
                unmovable: 5
            }
        );
    }

    #[test]
    fn ca_certificates_show_in_every_workspace() {
        // 45 and 44 entities, 4 and 5 memberships, and the two CA certificates of `default`.
        for workspace in ["inventory", "sales"] {
            assert_eq!(
                holding(workspace).unwrap(),
                Holding {
                    entities: 51,
                    unmovable: 0
                }
            );
        }
    }
}

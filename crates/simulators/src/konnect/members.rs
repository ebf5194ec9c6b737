//! Members of consumer groups, from both sides: groups' consumers and consumers' groups. Added by POST, never by PUT.

use axum::http::StatusCode;
use serde_json::{Value, json};

use super::errors::{Detail, Failure};
use super::kinds;
use super::lag::Lag;
use super::paging::{Part, Query, entity_page};
use super::state::ControlPlane;

/// The list of memberships as [`Lag`] knows it, in which an id is `{group}/{consumer}`.
const MEMBERS: &str = "consumer_groups/consumers";

/// Which side of the membership a path stands on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// `consumer_groups/{id}/consumers`
    Group,
    /// `consumers/{id}/consumer_groups`
    Consumer,
}

/// A membership path.
#[derive(Debug)]
pub struct Membership<'a> {
    /// The side.
    pub side: Side,
    /// Id or name of the owner.
    pub owner: &'a str,
    /// Id or name of one member on the other side.
    pub other: Option<&'a str>,
}

impl<'a> Membership<'a> {
    /// Reads a path below `core-entities`, or nothing when it is not about membership.
    pub fn parse(segments: &[&'a str]) -> Option<Self> {
        let (side, owner, rest) = match segments {
            ["consumer_groups", owner, "consumers", rest @ ..] => (Side::Group, *owner, rest),
            ["consumers", owner, "consumer_groups", rest @ ..] => (Side::Consumer, *owner, rest),
            _ => return None,
        };
        Some(Self {
            side,
            owner,
            other: rest.first().copied(),
        })
    }

    /// Paths of the owner's kind and of the other's.
    fn kinds(&self) -> (&'static str, &'static str) {
        match self.side {
            Side::Group => ("consumer_groups", "consumers"),
            Side::Consumer => ("consumers", "consumer_groups"),
        }
    }

    fn owner_id(&self, control_plane: &ControlPlane) -> Result<String, Failure> {
        find(control_plane, self.kinds().0, self.owner).ok_or_else(Failure::entity_not_found)
    }

    fn others<'c>(&self, control_plane: &'c ControlPlane, owner: &str) -> Vec<&'c Value> {
        let members = &control_plane.members;
        let ids: Vec<_> = match self.side {
            Side::Group => {
                let of_group = members.range((owner.to_owned(), String::new())..);
                let ids = of_group.take_while(|(group, _)| group == owner);
                ids.map(|(_, consumer)| consumer).collect()
            }
            Side::Consumer => {
                let of_consumer = members.iter().filter(|(_, consumer)| consumer == owner);
                of_consumer.map(|(group, _)| group).collect()
            }
        };
        let others = ids.into_iter();
        others
            .filter_map(|id| control_plane.get(self.kinds().1, id))
            .collect()
    }

    /// A page of the other side.
    pub fn list(
        &self,
        control_plane: &ControlPlane,
        lag: &mut Lag,
        path: &str,
        query: &Query,
    ) -> Result<Value, Failure> {
        let owner = self.owner_id(control_plane)?;
        let key = |other: &Value| {
            let (group, consumer) = self.pair(&owner, other["id"].as_str().unwrap_or_default());
            format!("{group}/{consumer}")
        };
        let others = self.others(control_plane, &owner);
        let (left_out, others): (Vec<_>, Vec<_>) = others
            .into_iter()
            .partition(|other| lag.leaves_out(MEMBERS, &key(other)));
        let part = Part::of(query)?;
        let (page, mut envelope) = entity_page(path, query, (&part, lag.by_position), others.into_iter());
        envelope["data"] = page.into_iter().cloned().collect();
        lag.count(MEMBERS, &left_out.into_iter().map(key).collect::<Vec<_>>());
        Ok(envelope)
    }

    /// Adds the consumer or group that the body names by id or name; adding a member again is refused.
    pub fn add(&self, control_plane: &mut ControlPlane, body: &Value) -> Result<Value, Failure> {
        let owner = self.owner_id(control_plane)?;
        let field = if self.side == Side::Group {
            "consumer"
        } else {
            "group"
        };
        let Some(named) = body[field].as_str() else {
            return Err(Failure::validation(vec![Detail::field(
                field,
                "required field missing",
            )]));
        };
        let Some(other) = find(control_plane, self.kinds().1, named) else {
            return Err(Failure::constraint(vec![Detail::constraint(
                field, "foreign", named,
            )]));
        };
        if !control_plane.members.insert(self.pair(&owner, &other)) {
            return Err(Failure::constraint(vec![Detail::constraint(
                field, "unique", named,
            )]));
        }
        control_plane.revision += 1;
        let owner_entity = control_plane.get(self.kinds().0, &owner);
        let others = self.others(control_plane, &owner);
        Ok(match self.side {
            Side::Group => json!({"consumer_group": owner_entity, "consumers": others}),
            Side::Consumer => json!({"consumer": owner_entity, "consumer_groups": others}),
        })
    }

    /// Removes one member, or all when the path names none. Absent ones are no error; an absent owner is.
    pub fn remove(&self, control_plane: &mut ControlPlane) -> Result<(), Failure> {
        let owner = self.owner_id(control_plane)?;
        let removed: Vec<_> = match self.other {
            Some(other) => find(control_plane, self.kinds().1, other).into_iter().collect(),
            None => self
                .others(control_plane, &owner)
                .iter()
                .filter_map(|other| other["id"].as_str().map(str::to_owned))
                .collect(),
        };
        for other in removed {
            control_plane.members.remove(&self.pair(&owner, &other));
        }
        control_plane.revision += 1;
        Ok(())
    }

    /// Applies a method other than GET; the status and body of the answer.
    pub fn write(
        &self,
        control_plane: &mut ControlPlane,
        method: &str,
        body: &Value,
    ) -> Result<(StatusCode, Value), Failure> {
        match method {
            "POST" => Ok((StatusCode::CREATED, self.add(control_plane, body)?)),
            _ => self
                .remove(control_plane)
                .map(|()| (StatusCode::NO_CONTENT, Value::Null)),
        }
    }

    fn pair(&self, owner: &str, other: &str) -> (String, String) {
        match self.side {
            Side::Group => (owner.to_owned(), other.to_owned()),
            Side::Consumer => (other.to_owned(), owner.to_owned()),
        }
    }
}

fn find(control_plane: &ControlPlane, kind: &str, named: &str) -> Option<String> {
    let kind = kinds::by_path(kind)?;
    let entity = control_plane.find(kind, named)?;
    entity["id"].as_str().map(str::to_owned)
}

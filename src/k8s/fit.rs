//! Keeps a status below the size that the API server, and whoever reads it, can take, whatever others put into it.

use serde_json::Value;

use super::conditions::bounded;

/// The most bytes of a status as JSON.
const STATUS_LIMIT: usize = 64 * 1024;
/// How far texts are cut, step by step, until a status fits. No name, id or digest is longer than the last.
const TEXT_LIMITS: [usize; 4] = [4096, 1024, 512, 256];
/// What is never shortened as a list: without it the next pass would not know what it has to.
const KEPT: [&str; 3] = ["conditions", "checkpoint", "backup"];

/// The status, with long texts cut where it does not fit otherwise, and then long lists. Equal statuses give equal ones.
pub fn fit(mut status: Value) -> Value {
    for limit in TEXT_LIMITS {
        // The first limit holds for every status: one text alone tells nobody more than that.
        if limit != TEXT_LIMITS[0] && size(&status) <= STATUS_LIMIT {
            return status;
        }
        cut_texts(&mut status, limit);
    }
    while size(&status) > STATUS_LIMIT && halve_largest_list(&mut status) {}
    status
}

fn size(value: &Value) -> usize {
    value.to_string().len()
}

fn cut_texts(value: &mut Value, limit: usize) {
    match value {
        Value::String(text) if text.len() > limit => *text = bounded(std::mem::take(text), limit),
        Value::Array(items) => items.iter_mut().for_each(|item| cut_texts(item, limit)),
        Value::Object(fields) => fields.values_mut().for_each(|field| cut_texts(field, limit)),
        Value::String(_) | Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// False when no list is left to shorten.
fn halve_largest_list(status: &mut Value) -> bool {
    let Value::Object(fields) = status else {
        return false;
    };
    let mut lists = Vec::new();
    for (name, field) in fields {
        if !KEPT.contains(&name.as_str()) {
            collect_lists(field, &mut lists);
        }
    }
    let largest = lists
        .into_iter()
        .max_by_key(|list| list.iter().map(size).sum::<usize>());
    match largest {
        Some(list) => {
            list.truncate(list.len() / 2);
            true
        }
        None => false,
    }
}

/// The lists with more than one item; what is in them goes with them.
fn collect_lists<'v>(value: &'v mut Value, lists: &mut Vec<&'v mut Vec<Value>>) {
    match value {
        Value::Array(items) => {
            if items.len() > 1 {
                lists.push(items);
            } else {
                items.iter_mut().for_each(|item| collect_lists(item, lists));
            }
        }
        Value::Object(fields) => fields.values_mut().for_each(|field| collect_lists(field, lists)),
        Value::String(_) | Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn text(length: usize) -> String {
        "x".repeat(length)
    }

    #[test]
    fn a_status_fits_whatever_it_was_told() {
        let long = text(2_000_000);
        let digest = format!("sha256:{}", text(64));
        let conditions: Vec<_> = (0..16)
            .map(|number| json!({"type": format!("T{number}"), "message": text(2048)}))
            .collect();
        let finding = json!({"id": "a", "message": text(900), "subjects": (0..20).map(|_| text(250)).collect::<Vec<_>>()});
        for status in [
            json!({"source": {"version": long, "digest": digest}}),
            json!({"conditions": conditions, "findings": {"top": vec![finding; 50]}, "source": {"digest": digest}}),
            json!({"history": (0..5000).map(|_| json!({"outcome": text(100)})).collect::<Vec<_>>(), "source": {"digest": digest}}),
        ] {
            let fitted = fit(status.clone());
            assert!(size(&fitted) <= STATUS_LIMIT, "{} bytes", size(&fitted));
            assert_eq!(fitted["source"]["digest"], digest.as_str());
            assert_eq!(fit(fitted.clone()), fitted);
            assert_eq!(
                fitted["conditions"].as_array().map(Vec::len),
                status["conditions"].as_array().map(Vec::len)
            );
        }
    }

    #[test]
    fn what_fits_stays_as_it_is() {
        let status = json!({"conditions": [{"message": text(2048)}], "findings": {"top": [1, 2, 3]}, "checkpoint": {"a": [1, 2]}});
        assert_eq!(fit(status.clone()), status);
    }

    fn status() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<u32>().prop_map(Value::from),
            (0..9000_usize).prop_map(|length| Value::from(text(length))),
        ];
        let inner = leaf.prop_recursive(4, 64, 8, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..8).prop_map(Value::from),
                prop::collection::vec(("[a-z]{1,8}", inner), 0..8)
                    .prop_map(|fields| Value::Object(fields.into_iter().collect())),
            ]
        });
        prop::collection::vec(("[a-z]{1,8}", inner), 0..8)
            .prop_map(|fields| Value::Object(fields.into_iter().collect()))
    }

    proptest! {
        #[test]
        fn fitting_ends_and_fits(status in status()) {
            let fitted = fit(status);
            prop_assert!(size(&fitted) <= STATUS_LIMIT);
        }
    }
}

//! What gives a secret away in a request to Kong or Konnect, and in what they say about it.

use crate::http::product::{OpenObject, SecretMarks};
use crate::kong::model::secrets::{TOKEN_PREFIXES, VAULT_REFERENCE, is_field_of_entity};

/// The marks of an entity. The schemas of plugins and vaults are not known where errors are read.
pub(in crate::kong) const SECRET_MARKS: SecretMarks = SecretMarks {
    is_field: is_field_of_entity,
    token_prefixes: TOKEN_PREFIXES,
    open_objects: &[OpenObject {
        field: "config",
        // An address alone is no secret, and often the reason of a refusal.
        shown: &["host"],
        reference_prefix: VAULT_REFERENCE,
    }],
};

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::http::redact::Redactor;

    fn masked(body: &Value, text: &str) -> String {
        Redactor::for_body(&SECRET_MARKS, Some(body)).mask(text)
    }

    #[test]
    fn nested_plugin_secrets_and_header_lists_are_masked() {
        let body = json!({"config": {
            "redis": {"password": "hunter22", "host": "redis.example.com"},
            "add": {"headers": ["Authorization:Basic dXNlcjpwYXNz"]},
        }});
        assert_eq!(
            masked(&body, "bad hunter22 at redis.example.com: dXNlcjpwYXNz"),
            "bad *** at redis.example.com: ***"
        );
    }

    #[test]
    fn the_private_parts_of_a_json_web_key_are_masked() {
        let body = json!({"jwk": r#"{"kty": "oct", "kid": "blue", "k": "c2VjcmV0LWtleQ"}"#});
        assert_eq!(masked(&body, "bad c2VjcmV0LWtleQ of blue"), "bad *** of blue");
    }

    #[test]
    fn long_texts_of_a_configuration_are_masked_whatever_their_name() {
        let body = json!({"name": "our-own", "config": {
            "licence": "AAAA-BBBB-CCCC", "mode": "strict", "ref": "{vault://env/licence}",
        }});
        let text = "our-own: AAAA-BBBB-CCCC is not valid in mode strict, {vault://env/licence} is";
        assert_eq!(
            masked(&body, text),
            "our-own: *** is not valid in mode strict, {vault://env/licence} is"
        );
    }

    #[test]
    fn tokens_are_masked_without_knowing_the_body() {
        let masked = Redactor::for_body(&SECRET_MARKS, None).mask("x kpat_Ab12 y spat_Cd34");
        assert_eq!(masked, "x *** y ***");
    }
}

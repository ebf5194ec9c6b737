//! Secrets of consumers' credentials: generated when absent, hashed for basic-auth.

use serde_json::{Value, json};
use sha1_smol::Sha1;

use super::errors::Detail;
use super::paging::Query;
use super::state::Counters;

/// Fills absent secrets with generated ones.
pub fn generate(fields: &[&str], counters: &mut Counters, credential: &mut Value) {
    for field in fields {
        if credential[*field].is_null() {
            credential[*field] = json!(counters.secret());
        }
    }
}

/// A JWT credential gets a key and a secret; asymmetric algorithms demand the public key.
pub fn jwt(counters: &mut Counters, credential: &mut Value, details: &mut Vec<Detail>) {
    generate(&["key", "secret"], counters, credential);
    let symmetric = credential["algorithm"]
        .as_str()
        .is_none_or(|algorithm| algorithm.starts_with("HS"));
    let public_key = credential["rsa_public_key"].as_str();
    if !symmetric && public_key.is_none() {
        details.push(Detail::field("rsa_public_key", "required field missing"));
    } else if public_key
        .is_some_and(|key| !key.contains("-----BEGIN PUBLIC KEY-----") && !key.contains(" RSA PUBLIC"))
    {
        details.push(Detail::field("rsa_public_key", "invalid key"));
    }
}

/// Hashes the password with the consumer's id unless the undocumented `skip_hash=true` says that it is a hash already.
pub fn hash_password(query: &Query, credential: &mut Value) {
    if query.flag("skip_hash") {
        return;
    }
    let password = credential["password"].as_str().unwrap_or_default();
    let consumer = credential["consumer"]["id"].as_str().unwrap_or_default();
    credential["password"] = json!(password_hash(password, consumer));
}

/// SHA-1 over password and consumer id in lower-case hexadecimal, as Kong's basic-auth plugin computes it.
pub fn password_hash(password: &str, consumer_id: &str) -> String {
    Sha1::from(format!("{password}{consumer_id}"))
        .digest()
        .to_string()
}

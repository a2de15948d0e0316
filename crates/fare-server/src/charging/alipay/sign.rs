//! What Alipay signs and how: parameters sorted by name and joined; an answer's node as it stands.

use super::super::error::ChargeError;
use super::super::keys::{MerchantKey, PlatformKey};
use super::super::platform::PlatformId;
use super::{Node, rejected};
use serde_json::value::RawValue;
use std::collections::BTreeMap;

/// SHA-256 with RSA, PKCS #1 v1.5.
pub const SIGN_TYPE: &str = "RSA2";

/// The parameters with their `sign`.
///
/// # Errors
/// When our key does not sign.
pub fn signed(
    mut params: BTreeMap<String, String>,
    key: &MerchantKey,
) -> Result<BTreeMap<String, String>, ChargeError> {
    let sign = key.sign(joined(&params, &["sign"]).as_bytes())?;
    params.insert("sign".to_owned(), sign);
    Ok(params)
}

/// Whether a notice's fields are signed by this key. `sign_type` is not among what is signed, unlike in
/// requests.
///
/// # Errors
/// When they are not.
pub fn verify(fields: &BTreeMap<String, String>, key: &PlatformKey) -> Result<(), ChargeError> {
    if fields.get("sign_type").map(String::as_str) != Some(SIGN_TYPE) {
        return Err(forged("a notice whose sign_type is not RSA2"));
    }
    let sign = fields.get("sign").map_or("", String::as_str);
    let message = joined(fields, &["sign", "sign_type"]);
    let held = key.verify(message.as_bytes(), sign);
    held.map_err(|err| forged(&format!("a notice: {err}")))
}

/// The text of the node `name` in an answer, signed by this key. An `error_response`, which Alipay may
/// leave unsigned, is an error.
///
/// # Errors
/// When it is not signed, is not there, or the whole is no JSON object.
pub fn node(body: &[u8], name: &str, key: &PlatformKey) -> Result<String, ChargeError> {
    let unreadable = |what: String| ChargeError::Unreadable {
        platform: PlatformId::Alipay,
        what,
    };
    let parts: BTreeMap<String, Box<RawValue>> =
        serde_json::from_slice(body).map_err(|err| unreadable(err.to_string()))?;
    let sign = parts.get("sign").map_or("\"\"", |sign| sign.get());
    let sign: String = serde_json::from_str(sign).map_err(|err| unreadable(err.to_string()))?;
    let Some(node) = parts.get(name) else {
        let error = parts.get("error_response");
        let error = error.ok_or_else(|| unreadable(format!("no {name}")))?;
        let error: Node =
            serde_json::from_str(error.get()).map_err(|err| unreadable(err.to_string()))?;
        return Err(rejected(&error));
    };
    match key.verify(node.get().as_bytes(), &sign) {
        Ok(()) => Ok(node.get().to_owned()),
        Err(err) => {
            // Who signs badly, or not at all, may be told so by an unsigned node: an error all the same.
            let node = serde_json::from_str::<Node>(node.get()).ok();
            match node.filter(|node| sign.is_empty() && node.code.starts_with("4000")) {
                Some(node) if node.code != "40004" => Err(rejected(&node)),
                Some(_) | None => Err(forged(&format!("an answer: {err}"))),
            }
        }
    }
}

/// `a=1&b=2`, by name; without those named and without empty ones.
fn joined(params: &BTreeMap<String, String>, without: &[&str]) -> String {
    let wanted = params
        .iter()
        .filter(|(name, value)| !without.contains(&name.as_str()) && !value.is_empty());
    let pairs: Vec<_> = wanted
        .map(|(name, value)| format!("{name}={value}"))
        .collect();
    pairs.join("&")
}

fn forged(what: &str) -> ChargeError {
    ChargeError::Forged {
        platform: PlatformId::Alipay,
        what: what.to_owned(),
    }
}

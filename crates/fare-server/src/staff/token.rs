//! What a browser holds while somebody is signed in: 32 random bytes, of which the server keeps the hash.

use axum::http::{HeaderMap, header};
use sha2::{Digest, Sha256};

/// The cookie over HTTPS: browsers take a name with this beginning from this very host alone.
const SECURE: &str = "__Host-session";

/// The cookie over plain HTTP at a loopback address.
const PLAIN: &str = "session";

/// A new token, as the cookie has it.
///
/// # Errors
/// When the operating system gives no randomness.
pub fn generate() -> Result<String, getrandom::Error> {
    let mut random = [0; 32];
    getrandom::fill(&mut random)?;
    Ok(crate::ids::hex(&random))
}

/// What the server keeps of a token, or of a request.
pub fn hash(text: &[u8]) -> [u8; 32] {
    Sha256::digest(text).into()
}

/// The token that a request brings.
pub fn of(headers: &HeaderMap, secure: bool) -> Option<&str> {
    let wanted = if secure { SECURE } else { PLAIN };
    let cookies = headers.get_all(header::COOKIE).iter();
    let cookies = cookies.filter_map(|cookie| cookie.to_str().ok());
    let mut pairs = cookies.flat_map(|cookie| cookie.split("; "));
    pairs.find_map(|pair| {
        let (name, value) = pair.split_once('=')?;
        (name == wanted).then_some(value)
    })
}

/// The cookie that brings it back: not to scripts, and from no other site's pages. An age of 0 s takes
/// it away.
pub fn cookie(token: &str, secure: bool, age_s: i64) -> String {
    let (name, flag) = if secure {
        (SECURE, "; Secure")
    } else {
        (PLAIN, "")
    };
    format!("{name}={token}; Path=/; HttpOnly; SameSite=Strict; Max-Age={age_s}{flag}")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_token_comes_back_in_its_cookie() {
        let token = generate().unwrap();
        assert_eq!(token.len(), 64);
        let cookie = cookie(&token, true, 60);
        assert!(cookie.ends_with("; HttpOnly; SameSite=Strict; Max-Age=60; Secure"));
        let mut headers = HeaderMap::new();
        let sent = format!("a=b; {}", cookie.split(';').next().unwrap());
        headers.insert(header::COOKIE, sent.parse().unwrap());
        assert_eq!(of(&headers, true), Some(token.as_str()));
        assert_eq!(of(&headers, false), None, "another name over plain HTTP");
    }
}

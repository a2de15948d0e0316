//! Bodies from the server: read up to a limit, and shown in logs by their head.

use super::error::Failure;
use reqwest::Response;

/// Most bytes of a body that stand in a log line.
const HEAD_LEN_MAX: usize = 200;

/// Reads a body of at most `max` bytes; no more than that is ever held.
pub(super) async fn read(mut response: Response, max: usize) -> Result<Vec<u8>, Failure> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(unreached)? {
        if body.len() + chunk.len() > max {
            let room = HEAD_LEN_MAX.saturating_sub(body.len()).min(chunk.len());
            body.extend_from_slice(chunk.get(..room).unwrap_or_default());
            return Err(Failure::TooLong {
                max,
                head: head(&body),
            });
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

/// The first bytes of a body, with everything escaped that could disturb a terminal or a log.
pub(super) fn head(body: &[u8]) -> String {
    let head = body.get(..HEAD_LEN_MAX).unwrap_or(body);
    let more = if head.len() < body.len() { "…" } else { "" };
    format!("\"{}\"{more}", head.escape_ascii())
}

/// No answer came.
pub(super) fn unreached(err: reqwest::Error) -> Failure {
    Failure::Unreached(causes(err))
}

/// The whole chain of causes: reqwest's own message leaves the reason out.
pub(crate) fn causes(err: reqwest::Error) -> String {
    let err = err.without_url();
    let mut text = err.to_string();
    let mut cause = std::error::Error::source(&err);
    while let Some(err) = cause {
        text.push_str(": ");
        text.push_str(&err.to_string());
        cause = err.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn heads_are_short_and_harmless() {
        for (body, shown) in [
            (&b""[..], "\"\""),
            (b"<html>", "\"<html>\""),
            (b"\x1b[2J\r\n\0\"", "\"\\x1b[2J\\r\\n\\x00\\\"\""),
            ("站".as_bytes(), "\"\\xe7\\xab\\x99\""),
        ] {
            assert_eq!(head(body), shown);
        }
        let long = head(&[b'a'; 1_000]);
        assert_eq!(long.chars().filter(|c| *c == 'a').count(), 200);
        assert!(long.ends_with('…'));
    }
}

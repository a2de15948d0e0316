//! Envelopes as text: a prefix of their own, then base45 (RFC 9285).

use crate::{FormatError, Problem};

/// The envelope in a text of at most `most` characters that begins with `prefix`.
pub(crate) fn decode(
    what: &'static str,
    prefix: &'static str,
    most: usize,
    text: &[u8],
) -> Result<Vec<u8>, FormatError> {
    let error = |at, problem| FormatError {
        what,
        field: "text",
        at,
        problem,
    };
    if text.len() > most {
        let length = |len| u64::try_from(len).unwrap_or(u64::MAX);
        let (got, expected) = (length(text.len()), length(most));
        return Err(error(0, Problem::Length { got, expected }));
    }
    let body = text.strip_prefix(prefix.as_bytes()).ok_or_else(|| {
        let missing = format!("the text does not begin with {prefix}");
        error(0, Problem::Text(missing))
    })?;
    base45::decode(body)
        .map_err(|err| error(prefix.len(), Problem::Text(format!("not base45: {err}"))))
}

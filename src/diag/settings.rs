//! The configuration as others may see it.

use crate::trial;
use std::path::Path;
use toml::{Table, Value};

/// Stands in the place of what others need not know.
const HIDDEN: &str = "(not shown)";

/// Keys whose value is hidden: they name files with secrets.
const SECRETS: [&str; 2] = ["signing_key", "private_key"];

/// The configuration in canonical form: comments are gone, secrets' places and passwords hidden.
pub(super) fn without_secrets(path: &Path) -> String {
    let read = trial::in_force(path).map(|(text, _)| text);
    let read = match read {
        Ok(text) => Ok(text),
        // Also when it is no configuration: whoever mends it wants to see it.
        Err(_) => std::fs::read_to_string(path).map_err(|err| err.to_string()),
    };
    let table = read.and_then(|text| {
        text.parse::<Table>()
            .map_err(|err| err.message().to_owned())
    });
    match table {
        Ok(mut table) => {
            hide(&mut table);
            toml::to_string(&table).unwrap_or_else(|err| format!("# not written: {err}\n"))
        }
        Err(err) => format!("# cannot be read: {err}\n"),
    }
}

fn hide(table: &mut Table) {
    for (key, value) in table.iter_mut() {
        let secret = SECRETS.contains(&key.as_str());
        match value {
            Value::Table(inner) => hide(inner),
            Value::String(text) if secret => *text = HIDDEN.to_owned(),
            Value::String(text) => *text = without_password(text),
            Value::Integer(_)
            | Value::Float(_)
            | Value::Boolean(_)
            | Value::Datetime(_)
            | Value::Array(_) => {}
        }
    }
}

/// `https://(not shown)@host/` for `https://name:password@host/?token=…`.
fn without_password(text: &str) -> String {
    let Some((scheme, rest)) = text.split_once("://") else {
        return text.to_owned();
    };
    let rest = rest.split(['?', '#']).next().unwrap_or_default();
    let host = rest.split('/').next().unwrap_or_default();
    match host.rfind('@') {
        Some(at) => format!("{scheme}://{HIDDEN}@{}", &rest[at + 1..]),
        None => format!("{scheme}://{rest}"),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn secrets_passwords_and_comments_stay_at_home() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("gate.toml");
        let text = "# call Ann on 555\ngate = \"PGY-01\" # hers\n[keys]\nsigning_key = \"keys/a.key\"\n\
                    issuers = \"i.json\"\n[server]\nurl = \"https://u:hunter2@h.example:1/p?token=s3\"\n\
                    private_key = \"tls.key\"\n";
        std::fs::write(&path, text).unwrap();
        let shown = without_secrets(&path);
        for secret in ["Ann", "hers", "a.key", "tls.key", "hunter2", "u:", "s3"] {
            assert!(!shown.contains(secret), "{secret} in\n{shown}");
        }
        for kept in ["PGY-01", "i.json", "https://(not shown)@h.example:1/p\""] {
            assert!(shown.contains(kept), "no {kept} in\n{shown}");
        }
        assert!(without_secrets(&dir.path().join("none")).starts_with("# cannot be read"));
    }
}

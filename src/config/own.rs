//! What of a configuration is the gate's own: who it is, where its keys and its journal lie, which server it
//! believes, where it writes, what programs it starts. A configuration from the server must leave these as
//! they are: it could otherwise take the gate away from its owner, or from the server itself.

use super::problem::Problem;
use super::raw::{RawGate, default_player};
use std::ops::Range;

/// A value that only somebody at the gate may change.
struct Own {
    /// Its place in the file, for people.
    key: &'static str,
    /// What is written; nothing where it is left out.
    value: Option<String>,
    /// Where.
    span: Range<usize>,
}

/// Says for each of them that is another in `served` than in the gate's own file where that stands.
pub(super) fn changed(own: &RawGate, served: &RawGate, text: &str) -> Vec<Problem> {
    let pairs = values(own).into_iter().zip(values(served));
    let others = pairs.filter(|(own, served)| own.value != served.value);
    others
        .chain(player(own, served))
        .map(|(own, served)| {
            let key = own.key;
            let write = match own.value {
                Some(value) => format!("write {value}"),
                None => "leave it out".to_owned(),
            };
            let message = format!(
                "{key} is the gate's own, a server cannot change it; {write}, or change it at the gate"
            );
            Problem::at(text, served.span, message)
        })
        .collect()
}

/// All of them, in the same order for each file.
fn values(raw: &RawGate) -> Vec<Own> {
    let text = |key, value: &toml::Spanned<String>| Own {
        key,
        value: Some(format!("{:?}", value.get_ref())),
        span: value.span(),
    };
    let maybe = |key, value: Option<&toml::Spanned<String>>| {
        value.map_or_else(|| absent(key), |value| text(key, value))
    };
    let plain = |key, value: Option<&String>| Own {
        value: value.map(|value| format!("{value:?}")),
        ..absent(key)
    };
    let (location, server) = (raw.location.get_ref(), raw.server.as_ref());
    vec![
        text("gate", &raw.gate),
        text("location.station", &location.station),
        text("location.line", &location.line),
        text("keys.signing_key", &raw.keys.signing_key),
        text("keys.issuers", &raw.keys.issuers),
        text("keys.servers", &raw.keys.servers),
        text("journal.path", &raw.journal.path),
        maybe("server.url", server.map(|server| &server.url)),
        maybe("server.ca", server.map(|server| &server.ca)),
        maybe(
            "server.certificate",
            server.map(|server| &server.certificate),
        ),
        maybe(
            "server.private_key",
            server.map(|server| &server.private_key),
        ),
        plain("status.file", raw.status.file.as_ref()),
        plain("status.metrics", raw.status.metrics.as_ref()),
    ]
}

/// The program that speaks, where it is another. A voice may come and go.
fn player(own: &RawGate, served: &RawGate) -> Option<(Own, Own)> {
    let value = |player: &toml::Spanned<Vec<String>>| Own {
        key: "voice.player",
        value: Some(format!("{:?}", player.get_ref())),
        span: player.span(),
    };
    let served = value(&served.voice.as_ref()?.player);
    let own = match &own.voice {
        Some(voice) => value(&voice.player),
        None => value(&default_player()),
    };
    (own.value != served.value).then_some((own, served))
}

fn absent(key: &'static str) -> Own {
    Own {
        key,
        value: None,
        span: 0..0,
    }
}

//! Commands of the server's to let somebody through: handed on at once, kept nowhere, for they count half a minute.

use fare_protocol::wire::{Feed, FeedChange};
use fare_protocol::{GateId, LetThroughCommand};
use fare_rules::clock::SinceBoot;
use tokio::sync::watch;

/// A command, and until when it counts by a clock that nobody sets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HeardCommand {
    /// What the server wants.
    pub command: LetThroughCommand,
    /// First moment at which it counts no longer.
    pub until: SinceBoot,
}

/// The commands of a feed to this gate that counted when the server made the feed.
pub(super) fn commands(feed: &Feed, gate: GateId, heard: SinceBoot) -> Vec<HeardCommand> {
    let command = |change: &FeedChange| match change {
        FeedChange::LetThroughCommanded(command) if command.gate == gate => Some(*command),
        FeedChange::LetThroughCommanded(_)
        | FeedChange::JourneyOpened(_)
        | FeedChange::JourneyClosed { .. }
        | FeedChange::Denied { .. }
        | FeedChange::Cleared { .. }
        | FeedChange::KeyDenied { .. }
        | FeedChange::KeyCleared { .. }
        | FeedChange::ModeCommanded(_)
        | FeedChange::GateRevoked(_)
        | FeedChange::ConfigCommanded(_)
        | FeedChange::Unknown(_) => None,
    };
    let left_ms = |command: LetThroughCommand| command.until_ms.since(feed.as_of_ms);
    let heard_of = |command: LetThroughCommand| HeardCommand {
        command,
        until: SinceBoot(heard.0.saturating_add(left_ms(command))),
    };
    let commands = feed.changes.iter().filter_map(command);
    let commands = commands.filter(|command| left_ms(*command) > 0);
    commands.map(heard_of).collect()
}

/// Tells the lane of new ones; those that are over go.
pub(super) fn announce(
    to: &watch::Sender<Vec<HeardCommand>>,
    commands: Vec<HeardCommand>,
    now: SinceBoot,
) {
    if commands.is_empty() {
        return;
    }
    to.send_modify(|kept| {
        kept.retain(|heard| now < heard.until);
        kept.extend(commands);
    });
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use fare_protocol::{CommandId, Direction, UnixMs};

    fn command(n: u8, gate: &str, until_ms: i64) -> FeedChange {
        FeedChange::LetThroughCommanded(LetThroughCommand {
            id: CommandId([n; 16]),
            gate: gate.parse().unwrap(),
            direction: Direction::Exit,
            reason: "phone is dead".parse().unwrap(),
            until_ms: UnixMs(until_ms),
        })
    }

    #[test]
    fn only_this_gates_commands_that_still_count_are_handed_on() {
        let feed = Feed {
            as_of_ms: UnixMs(50_000),
            cursor: 3,
            snapshot: false,
            issuers: None,
            tariff: None,
            changes: vec![
                command(1, "PGY-01", 50_000),
                command(2, "PGY-02", 80_000),
                command(3, "PGY-01", 50_001),
                command(4, "PGY-01", 80_000),
            ],
        };
        // The server's clock need not be this box's.
        let heard = SinceBoot(7);
        let these = commands(&feed, "PGY-01".parse().unwrap(), heard);
        let until: Vec<_> = these
            .iter()
            .map(|it| (it.command.id.0[0], it.until.0))
            .collect();
        assert_eq!(until, [(3, 8), (4, 30_007)]);

        let (sender, seen) = watch::channel(Vec::new());
        announce(&sender, these.clone(), heard);
        announce(&sender, Vec::new(), heard);
        announce(&sender, vec![these[1]], SinceBoot(8));
        let kept: Vec<_> = seen.borrow().iter().map(|it| it.command.id.0[0]).collect();
        assert_eq!(kept, [4, 4], "the first is over");
    }
}

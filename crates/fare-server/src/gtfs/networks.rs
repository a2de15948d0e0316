//! Which network the gates belong to, and which leg rules are for it.

use super::Problems;
use super::csv::{Row, Table};
use std::collections::BTreeSet;

/// The network of the gates, when fares depend on networks at all.
pub(super) struct Networks {
    own: Option<String>,
    /// An empty network means any; else only those that no rule names.
    empty_is_any: bool,
    own_is_listed: bool,
}

impl Networks {
    /// `asked` is the network that was asked for; needed where rules name one and there are several.
    pub(super) fn read(
        (networks, routes): (&Table, &Table),
        legs: &Table,
        asked: Option<&str>,
    ) -> Result<Self, Problems> {
        let ids = networks.rows().chain(routes.rows());
        let mut known: BTreeSet<&str> = ids.map(|row| row.text("network_id")).collect();
        known.remove("");
        let naming = |row: &Row<'_>| row.get("network_id").is_some();
        for row in legs.rows().filter(naming) {
            let network = row.text("network_id");
            if !known.contains(network) {
                let what = format!("there is no network {network:?} in networks.txt or routes.txt");
                return Err(row.wrong("network_id", what).into());
            }
        }
        let all = || known.iter().copied().collect::<Vec<_>>().join(", ");
        let own = match asked {
            Some(asked) if known.contains(asked) => Some(asked),
            Some(asked) => {
                let what = format!("there is no network {asked:?}; there are: {}", all());
                return Err(networks.wrong(what).into());
            }
            None => match (legs.rows().find(naming), known.len()) {
                (None, _) => None,
                (Some(_), 1) => known.first().copied(),
                (Some(row), _) => {
                    let what = format!(
                        "this fare depends on the network; say whose gates these are with --network: {}",
                        all()
                    );
                    return Err(row.wrong("network_id", what).into());
                }
            },
        };
        let listed = |network: &str| legs.rows().any(|row| row.text("network_id") == network);
        Ok(Self {
            own: own.map(str::to_owned),
            empty_is_any: legs.has("rule_priority"),
            own_is_listed: own.is_some_and(listed),
        })
    }

    /// Whether a leg rule is for the gates' network.
    pub(super) fn has(&self, row: &Row<'_>) -> bool {
        match (&self.own, row.get("network_id")) {
            (None, _) => true,
            (Some(own), Some(network)) => *own == network.text,
            (Some(_), None) => self.empty_is_any || !self.own_is_listed,
        }
    }
}

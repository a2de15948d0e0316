//! What a tariff's hash is over; the form is documented at [`super::Tariff::hash`].

use super::network::Network;
use super::table::{Table, class_name};
use fare_protocol::{RiderClass, TariffHash};
use sha2::{Digest, Sha256};

pub(super) fn hash(table: &Table, network: &Network) -> TariffHash {
    let mut hash = [0; 16];
    hash.copy_from_slice(Sha256::digest(form(table, network)).split_at(16).0);
    TariffHash(hash)
}

/// No name holds a line break, so no two tariffs have the same form.
pub(super) fn form(table: &Table, network: &Network) -> String {
    let mut lines = vec![
        "faregate tariff 1".to_owned(),
        format!("name {}", table.name),
        format!("valid-from {}", table.valid_from),
        format!("currency {}", table.currency),
    ];
    let step = |step: &super::table::Step| format!("step {} {}", step.up_to_m, step.fare_minor);
    lines.extend(table.all_steps().map(step));
    lines.push(format!(
        "beyond {} {}",
        table.beyond.every_m, table.beyond.add_minor
    ));
    let class = |class| format!("class {} {}", class_name(class), table.percent.of(class));
    lines.extend(RiderClass::ALL.into_iter().map(class));
    lines.extend(network.ids().map(|id| format!("station {id}")));
    let mut links: Vec<_> = network.links().collect();
    links.sort_unstable();
    lines.extend(
        links
            .into_iter()
            .map(|(a, b, metres)| format!("link {a} {b} {metres}")),
    );
    lines.push(String::new());
    lines.join("\n")
}

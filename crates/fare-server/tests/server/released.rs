//! Tables of fares from draft to release, which one prices a journey, and days priced again.

use crate::gate::{Gate, MORNING, account};
use crate::site::{NOW, Site, settlement};
use fare_protocol::wire::TariffText;
use fare_protocol::{Direction, Money, TariffHash, UnixMs};
use fare_rules::Tariff;
use fare_server::correction::{Correction, correct};
use fare_server::fares::{Replay, difference, import, release, release_by_command, replay};
use fare_server::intake::close_ended;
use fare_server::staff::{Role, Roles};
use std::sync::Arc;

/// Beijing's fares, one yuan dearer, from a day on.
fn dearer(from: &str) -> TariffText {
    let mut text = settlement().tariff_text;
    for (fare, more) in [(500, 600), (400, 500), (300, 400)] {
        let (fare, more) = (
            format!("fare_minor = {fare}"),
            format!("fare_minor = {more}"),
        );
        text.tariff = text.tariff.replace(&fare, &more);
    }
    text.tariff = text
        .tariff
        .replace("\"beijing-2014-12-28\"", "\"draft\"")
        .replace(
            "valid_from = \"2014-12-28\"",
            &format!("valid_from = \"{from}\""),
        );
    text
}

fn imported(site: &mut Site, text: &TariffText) -> TariffHash {
    let done = site.database.write(|tx| import(tx, text, "Li", NOW));
    done.unwrap().0.hash
}

fn released(site: &mut Site, hash: TariffHash, by: &str) -> Result<bool, String> {
    let done = site.database.write(|tx| release(tx, hash, by, NOW));
    site.database
        .read(|tx| site.settlement.released.look(tx))
        .unwrap();
    done.map(|table| table.is_live())
        .map_err(|err| err.to_string())
}

fn ride(site: &mut Site, rider: u8) -> i64 {
    let (a, b) = (Gate::new("PGY-01", "PGY"), Gate::new("XDN-02", "XDN"));
    let before = site.sum("fare-revenue");
    site.send(
        &a,
        &a.passes(Direction::Entry, account(rider), 1).each_ref(),
    );
    site.send(
        &b,
        &b.passes(Direction::Exit, account(rider), 40).each_ref(),
    );
    site.sum("fare-revenue") - before
}

fn site() -> Site {
    Site::new(&[&Gate::new("PGY-01", "PGY"), &Gate::new("XDN-02", "XDN")])
}

#[test]
fn a_table_is_live_once_two_different_people_released_it() {
    let mut site = site();
    let hash = imported(&mut site, &dearer("2026-01-01"));
    assert_eq!(released(&mut site, hash, "Wang"), Ok(false));
    assert_eq!(
        site.settlement.tariff_at(UnixMs(MORNING)).name(),
        "beijing-2014-12-28"
    );
    for again in ["Wang", " wang "] {
        let got = released(&mut site, hash, again).unwrap_err();
        assert!(got.contains("has released this table already"), "{got}");
    }
    let got = released(&mut site, hash, "  ").unwrap_err();
    assert!(got.contains("the name has 0 characters"), "{got}");
    assert_eq!(released(&mut site, hash, "Chen"), Ok(true));
    assert_eq!(site.settlement.tariff_at(UnixMs(MORNING)).name(), "draft");
    assert_eq!(ride(&mut site, 1), 600);
    let unknown = released(&mut site, TariffHash([1; 16]), "Chen").unwrap_err();
    assert!(unknown.contains("there is no table"), "{unknown}");
}

#[test]
fn where_there_are_accounts_of_staff_commands_need_a_releaser() {
    let mut site = site();
    let hash = imported(&mut site, &dearer("2026-01-01"));
    let by = |site: &mut Site, name: &str| {
        let done = site.database.write(|tx| release_by_command(tx, hash, name, NOW));
        done.map(|table| table.is_live()).map_err(|err| err.to_string())
    };
    assert_eq!(by(&mut site, "Anybody"), Ok(false), "there are no accounts");
    let staff = [("Wang", Role::Releaser), ("Chen", Role::Finance)];
    let made = site.database.write(|tx| {
        staff.iter().try_for_each(|(name, role)| {
            let roles = Roles::of(&[*role]).unwrap();
            tx.put_staff(name, "a hash", &roles, NOW).map(|_| ())
        })
    });
    made.unwrap();
    for name in ["Chen", "Somebody"] {
        let got = by(&mut site, name).unwrap_err();
        assert!(got.contains("may not release tables"), "{got}");
    }
    assert_eq!(by(&mut site, "wang"), Ok(true));
}

#[test]
fn the_table_that_is_valid_on_the_day_of_the_entry_prices_it() {
    let mut site = site();
    // MORNING is 2026-11-23 in Beijing.
    for (from, until) in [("2026-11-24", ""), ("2026-01-01", "2026-11-22")] {
        let mut text = dearer(from);
        if !until.is_empty() {
            let first = format!("valid_from = \"{from}\"");
            let both = format!("{first}\nvalid_until = \"{until}\"");
            text.tariff = text.tariff.replace(&first, &both);
        }
        let hash = imported(&mut site, &text);
        released(&mut site, hash, "Wang").unwrap();
        assert_eq!(released(&mut site, hash, "Chen"), Ok(true));
    }
    assert_eq!(ride(&mut site, 1), 500, "neither is valid that day");
    let hash = imported(&mut site, &dearer("2026-11-23"));
    released(&mut site, hash, "Wang").unwrap();
    released(&mut site, hash, "Chen").unwrap();
    assert_eq!(ride(&mut site, 2), 600);
    let text = site.settlement.tariff_text_at(UnixMs(MORNING));
    assert_eq!(text, dearer("2026-11-23"), "what gates get");
}

#[test]
fn a_table_that_is_none_is_not_imported_and_the_same_one_only_once() {
    let mut site = site();
    let mut text = dearer("2026-01-01");
    let hash = imported(&mut site, &text);
    text.tariff.push_str("# a comment\n");
    let (again, new) = site
        .database
        .write(|tx| import(tx, &text, "Wang", NOW))
        .unwrap();
    assert_eq!(
        (again.hash, new, again.person.as_str()),
        (hash, false, "Li")
    );
    text.tariff = text.tariff.replace("[[step]]", "[[stepp]]");
    let got = site.database.write(|tx| import(tx, &text, "Li", NOW));
    let got = got.unwrap_err().to_string();
    assert!(
        got.contains("tariff, line") && got.contains("stepp"),
        "{got}"
    );
    assert_eq!(site.database.read(|tx| tx.fare_tables()).unwrap().len(), 1);
}

#[test]
fn two_tables_differ_in_their_lines_and_in_their_fares() {
    let first = Tariff::parse(&settlement().tariff_text).unwrap();
    let second = Tariff::parse(&dearer("2026-01-01")).unwrap();
    let found = difference(&first, &second);
    assert!(found.only_first.contains(&"step 22000 500".to_owned()));
    assert!(found.only_second.contains(&"step 22000 600".to_owned()));
    assert!(
        found
            .pairs
            .iter()
            .all(|(.., before, after)| *after == before + 100)
    );
    assert!(!found.pairs.is_empty());
    let none = difference(&first, &first);
    assert!(none.only_first.is_empty() && none.pairs.is_empty());
}

#[test]
fn real_days_are_priced_again_by_a_draft() {
    let mut site = site();
    assert_eq!((ride(&mut site, 1), ride(&mut site, 2)), (500, 500));
    let text = dearer("2026-01-01");
    let draft = Tariff::parse(&text).unwrap();
    let day = draft.service_day(UnixMs(MORNING));
    let again = |site: &mut Site, tariff: &Tariff, day: fare_rules::tariff::Day| {
        let (from, until) = (tariff.day_begins(day), tariff.day_begins(day.next()));
        site.database
            .read(|tx| replay(tx, tariff, from, until))
            .unwrap()
    };
    let found = again(&mut site, &draft, day);
    assert_eq!((found.journeys, found.unpriced), (2, 0));
    assert_eq!((found.paid_minor, found.would_minor), (1_000, 1_200));
    assert_eq!(found.accounts.len(), 2);
    assert!(found.accounts.iter().all(|account| account.more() == 100));
    assert_eq!(again(&mut site, &draft, day.next()), Replay::default());

    let mut capped = text;
    capped
        .tariff
        .push_str("[[cap]]\nid = \"daily\"\nspan = \"day\"\nmost_minor = 450\n");
    let capped = Tariff::parse(&capped).unwrap();
    let found = again(&mut site, &capped, day);
    assert_eq!(found.would_minor, 900);
    assert!(found.accounts.iter().all(|account| account.more() == -50));
    let same = Tariff::parse(&settlement().tariff_text).unwrap();
    assert!(again(&mut site, &same, day).accounts.is_empty());
    assert_eq!(site.sum("fare-revenue"), 1_000, "nothing was posted");

    // What people decided stays under any table.
    let entry = site.journeys()[0].entry;
    let correction = Correction {
        entry,
        fare: Money::new(200, draft.currency()),
        by: "Wang".to_owned(),
        reason: "a receipt".to_owned(),
    };
    let done = site.database.write(|tx| correct(tx, &correction, NOW));
    done.map_err(|err| err.to_string()).unwrap();
    let found = again(&mut site, &draft, day);
    assert_eq!((found.journeys, found.decided), (1, 1));
    assert_eq!((found.paid_minor, found.would_minor), (500, 600));
}

#[test]
fn a_draft_with_another_maximum_is_seen_in_replayed_days() {
    let mut site = site();
    let with = |minor: i64| {
        let mut text = settlement().tariff_text;
        text.tariff.push_str(&format!("[maximum]\nno_exit_minor = {minor}\n"));
        text
    };
    site.settlement.tariff = Arc::new(Tariff::parse(&with(900)).unwrap());
    let a = Gate::new("PGY-01", "PGY");
    site.send(&a, &a.passes(Direction::Entry, account(1), 1).each_ref());
    let over = site.settlement.tariff.day_ends(NOW);
    let settlement = &site.settlement;
    let closed = site.database.write(|tx| close_ended(settlement, tx, over));
    assert_eq!(closed.map_err(|err| err.to_string()).unwrap().len(), 1);
    let draft = Tariff::parse(&with(1_200)).unwrap();
    let day = draft.service_day(UnixMs(MORNING));
    let (from, until) = (draft.day_begins(day), draft.day_begins(day.next()));
    let found = site.database.read(|tx| replay(tx, &draft, from, until)).unwrap();
    assert_eq!((found.journeys, found.paid_minor, found.would_minor), (1, 900, 1_200));
}

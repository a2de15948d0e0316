//! A real gate whose server is not there yet: it lets so many riders in whom it does not know, and more once it has news.
#![allow(clippy::unwrap_used)]

mod common;

use common::lane::Lane;
use common::{Site, program, until};
use std::fs::OpenOptions;
use std::io::Write;
use std::net::TcpListener;

/// One ride from PGY at the dearest, and not two.
const ALONE: &str = "
[[alone]]
after_ms = 60000
entries_max = 9
first_rides_max_minor = 1000
";

#[tokio::test(flavor = "multi_thread")]
async fn a_gate_without_news_takes_so_many_new_riders_and_more_once_there_is_news() {
    let site = Site::new(61);
    let free = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = free.local_addr().unwrap();
    drop(free);
    let entry = site.entry(Some(address));
    site.register(&[&entry]);
    let mut config = OpenOptions::new().append(true).open(&entry.config).unwrap();
    config.write_all(ALONE.as_bytes()).unwrap();
    drop(config);
    let mut lane = Lane::open(&site, entry).await;
    lane.enters(1).await;

    let journal = rusqlite::Connection::open(&lane.files.journal).unwrap();
    let count = |sql: &str| -> i64 { journal.query_row(sql, [], |row| row.get(0)).unwrap() };
    let refused = "SELECT count(*) FROM events WHERE kind = 'refused' AND code = 'first-rides'";
    lane.crowd.show(lane.files.gate, 2).unwrap();
    let told = until(|| (count(refused) > 0).then_some(()));
    assert!(told.is_some(), "{:#?}", lane.daemon.log());
    lane.crowd.leave(lane.files.gate).unwrap();
    let one = until(|| (lane.records_made() == 2).then_some(()));
    assert!(one.is_some(), "nobody else came in");
    let says = |command: &str| {
        let mut faregate = program("faregate");
        let faregate = faregate.args([command, "--config"]).arg(&lane.files.config);
        String::from_utf8(faregate.output().unwrap().stdout).unwrap()
    };
    let (status, log) = (says("status"), says("log"));
    assert!(status.contains("new riders may cost CNY "), "{status}");
    assert!(log.contains("refused 58"), "{log}");

    let server = site.serve(Some(address));
    server.wait_for("listening");
    let heard = "SELECT (SELECT count(*) FROM feed) > (SELECT count(*) FROM first_rides)";
    let news = until(|| (count(heard) > 0).then_some(()));
    assert!(news.is_some(), "{:#?}", lane.daemon.log());
    lane.enters(2).await;
    let all = until(|| (lane.records_made() == 4).then_some(()));
    assert!(all.is_some(), "a confirmation and a passage of each");
}

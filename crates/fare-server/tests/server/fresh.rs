//! A new, empty database for one test, of either engine.

use fare_server::cluster::{Cluster, Scratch};
use fare_server::store::{Database, DatabaseUrl};
use std::sync::LazyLock;
use tempfile::TempDir;

static CLUSTER: LazyLock<Cluster> = LazyLock::new(|| Cluster::shared().unwrap());

/// Goes with its data when it is dropped.
pub(crate) struct Fresh {
    pub(crate) url: DatabaseUrl,
    kept: Kept,
}

enum Kept {
    Folder { _folder: TempDir },
    Scratch { scratch: Scratch<'static> },
}

pub(crate) fn sqlite() -> Fresh {
    let folder = tempfile::tempdir().unwrap();
    Fresh {
        url: (&folder.path().join("fares.sqlite3")).into(),
        kept: Kept::Folder { _folder: folder },
    }
}

pub(crate) fn postgres() -> Fresh {
    let scratch = CLUSTER.database().unwrap();
    Fresh {
        url: scratch.url.clone(),
        kept: Kept::Scratch { scratch },
    }
}

impl Fresh {
    /// Does something to the database behind the store's back.
    pub(crate) fn script(&self, sql: &str) {
        match (&self.url, &self.kept) {
            (DatabaseUrl::Sqlite(file), _) => {
                let connection = rusqlite::Connection::open(file).unwrap();
                connection.execute_batch(sql).unwrap();
            }
            (DatabaseUrl::Postgres(_), _) => self.try_script(sql).unwrap(),
        }
    }

    /// The same on PostgreSQL, where the database may refuse it, and says why.
    pub(crate) fn try_script(&self, sql: &str) -> Result<(), String> {
        let said = |err: ::postgres::Error| err.as_db_error().unwrap().to_string();
        self.client(|client| client.batch_execute(sql).map_err(said))
    }

    /// What PostgreSQL itself answers, in columns of text.
    pub(crate) fn ask(&self, sql: &str) -> Vec<Vec<String>> {
        let rows = self.client(|client| client.query(sql, &[]).unwrap());
        let texts = |row: ::postgres::Row| (0..row.len()).map(|n| row.get(n)).collect();
        rows.into_iter().map(texts).collect()
    }

    fn client<T: Send>(&self, work: impl FnOnce(&mut ::postgres::Client) -> T + Send) -> T {
        let Kept::Scratch { scratch } = &self.kept else {
            unreachable!("a database of PostgreSQL")
        };
        let config: ::postgres::Config = scratch.text.parse().unwrap();
        let work = || work(&mut config.connect(::postgres::NoTls).unwrap());
        std::thread::scope(|scope| scope.spawn(work).join().unwrap())
    }

    /// Does something that the database's own guards of a table would refuse.
    pub(crate) fn without_guards(&self, table: &str, sql: &str) {
        self.script(&match &self.url {
            DatabaseUrl::Sqlite(_) => format!("DROP TRIGGER {table}_update; {sql}"),
            DatabaseUrl::Postgres(_) => format!(
                "ALTER TABLE {table} DISABLE TRIGGER USER; {sql};
                 ALTER TABLE {table} ENABLE TRIGGER USER"
            ),
        });
    }

    /// As if a newer program had been at it.
    pub(crate) fn becomes_newer(&self) {
        self.script(match &self.url {
            DatabaseUrl::Sqlite(_) => "PRAGMA user_version = 999",
            DatabaseUrl::Postgres(_) => "UPDATE schema_version SET version = 999",
        });
    }

    /// Does something with the database, on a thread where that may block: also in asynchronous tests.
    pub(crate) fn with<T: Send>(&self, work: impl FnOnce(&mut Database) -> T + Send) -> T {
        let open = || work(&mut Database::open(&self.url).unwrap());
        std::thread::scope(|scope| scope.spawn(open).join().unwrap())
    }
}

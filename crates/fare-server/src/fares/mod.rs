//! Tables of fares from draft to release: who may make one live, which one prices a journey, how two
//! differ, and what a draft would have made of real days.

mod replay;

pub use replay::{Account, Replay, ReplayError, replay};

use crate::staff::May;
use crate::store::{FareTable, StaffRow, StoreError, Tx};
use fare_protocol::wire::TariffText;
use fare_protocol::{RiderClass, StationId, TariffHash, UnixMs};
use fare_rules::{Tariff, TariffError};
use std::collections::BTreeSet;
use std::sync::{Arc, PoisonError, RwLock};

/// Longest name of a person, in characters.
pub const PERSON_CHARS_MAX: usize = crate::inbox::PERSON_CHARS_MAX;

/// Why a table could not be imported or released.
#[derive(Debug, thiserror::Error)]
pub enum FaresError {
    /// The texts are no tariff.
    #[error("{0}")]
    Tariff(#[from] TariffError),
    /// There is no such table.
    #[error("there is no table {0}; `fareserver fares list` shows them")]
    NoTable(TariffHash),
    /// The same person again.
    #[error(
        "{person} has released this table already; it needs two different people: ask somebody else"
    )]
    SamePerson {
        /// Who.
        person: String,
    },
    /// Not one of the staff who may.
    #[error("{person} may not release tables; `fareserver staff list` shows who is releaser")]
    NotReleaser {
        /// Who.
        person: String,
    },
    /// No name, or too long a one.
    #[error("the name has {0} characters; write 1 to 80: who does this")]
    Person(usize),
    /// The store failed.
    #[error("{0}")]
    Store(#[from] StoreError),
}

/// A live table.
#[derive(Clone, Debug)]
pub struct Live {
    /// Ready to price.
    pub tariff: Arc<Tariff>,
    /// As gates get it.
    pub text: TariffText,
    /// When it became live.
    pub since: UnixMs,
}

/// The live tables as the server knows them; clones share them.
#[derive(Clone, Debug, Default)]
pub struct Released(Arc<RwLock<(u64, Vec<Live>)>>);

impl Released {
    /// Takes the live tables from the store, when there were releases since the last time; answers how
    /// many tables are live now if so.
    ///
    /// # Errors
    /// When the store fails. A table that cannot be read any more is logged and left out.
    pub fn look(&self, tx: &Tx<'_>) -> Result<Option<usize>, StoreError> {
        let releases = tx.releases()?;
        if self.read().0 == releases {
            return Ok(None);
        }
        let tables = tx.fare_tables()?.into_iter().filter(FareTable::is_live);
        let live: Vec<Live> = tables.filter_map(live).collect();
        let count = live.len();
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = (releases, live);
        Ok(Some(count))
    }

    /// The table that prices journeys which begin at this moment: of those that are valid then the one
    /// whose validity began last, of those the one that was released last.
    pub fn at(&self, entered: UnixMs) -> Option<Live> {
        let known = self.read();
        let valid = known
            .1
            .iter()
            .filter(|live| live.tariff.is_valid_at(entered));
        valid
            .max_by_key(|live| (live.tariff.valid_from(), live.since))
            .cloned()
    }

    /// All live tables.
    pub fn all(&self) -> Vec<Live> {
        self.read().1.clone()
    }

    fn read(&self) -> std::sync::RwLockReadGuard<'_, (u64, Vec<Live>)> {
        self.0.read().unwrap_or_else(PoisonError::into_inner)
    }
}

fn live(table: FareTable) -> Option<Live> {
    let since = table.releases.iter().map(|(_, at)| *at).max()?;
    match Tariff::parse(&table.text) {
        Ok(tariff) => Some(Live {
            tariff: Arc::new(tariff),
            text: table.text,
            since,
        }),
        Err(err) => {
            let name = table.name;
            tracing::error!(%err, name, "a released table of fares cannot be read: it is left out");
            None
        }
    }
}

/// A person's name without needless spaces.
fn person(name: &str) -> Result<String, FaresError> {
    let name = name.split_whitespace().collect::<Vec<_>>().join(" ");
    let length = name.chars().count();
    if (1..=PERSON_CHARS_MAX).contains(&length) {
        Ok(name)
    } else {
        Err(FaresError::Person(length))
    }
}

/// Keeps a table as a draft, in the caller's transaction; answers it, and whether it is new. The very
/// same fares under other comments are the same table.
///
/// # Errors
/// When the texts are no tariff, or the store fails.
pub fn import(
    tx: &Tx<'_>,
    text: &TariffText,
    by: &str,
    now: UnixMs,
) -> Result<(FareTable, bool), FaresError> {
    let tariff = Tariff::parse(text)?;
    let hash = tariff.hash();
    let new = tx.insert_fare_table((hash, tariff.name()), text, &person(by)?, now)?;
    let table = tx.fare_table(hash)?.ok_or(FaresError::NoTable(hash))?;
    Ok((table, new))
}

/// Notes that a person releases a table, in the caller's transaction; it is live once two have.
///
/// # Errors
/// When there is no such table, or the same person did so before.
pub fn release(
    tx: &Tx<'_>,
    hash: TariffHash,
    by: &str,
    now: UnixMs,
) -> Result<FareTable, FaresError> {
    let person = person(by)?;
    tx.fare_table(hash)?.ok_or(FaresError::NoTable(hash))?;
    if !tx.release_fare_table(hash, &person, now)? {
        return Err(FaresError::SamePerson { person });
    }
    tx.fare_table(hash)?.ok_or(FaresError::NoTable(hash))
}

/// The same by somebody who types a command: where this server keeps accounts of staff, only who is releaser by one of
/// them may.
///
/// # Errors
/// Those of [`release`], and when the person may not.
pub fn release_by_command(
    tx: &Tx<'_>,
    hash: TariffHash,
    by: &str,
    now: UnixMs,
) -> Result<FareTable, FaresError> {
    let person = person(by)?;
    let staff = tx.all_staff()?.into_iter();
    let staff: Vec<_> = staff.filter(|row| row.ended.is_none()).collect();
    let is_releaser = |row: &StaffRow| {
        row.person.to_lowercase() == person.to_lowercase() && row.roles.may(May::Release)
    };
    if !staff.is_empty() && !staff.iter().any(is_releaser) {
        return Err(FaresError::NotReleaser { person });
    }
    release(tx, hash, by, now)
}

/// How two tables differ.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Difference {
    /// Rules and fares that only the first has, in the words of its canonical form.
    pub only_first: Vec<String>,
    /// Those that only the second has.
    pub only_second: Vec<String>,
    /// Pairs of stations of both whose fare differs, without times: from, to, class, the first's and the
    /// second's minor units.
    pub pairs: Vec<(StationId, StationId, RiderClass, i64, i64)>,
}

/// What differs between two tables.
pub fn difference(first: &Tariff, second: &Tariff) -> Difference {
    let lines = |tariff: &Tariff| -> BTreeSet<String> {
        tariff.form().lines().map(str::to_owned).collect()
    };
    let (a, b) = (lines(first), lines(second));
    let only = |a: &BTreeSet<String>, b: &BTreeSet<String>| a.difference(b).cloned().collect();
    let mut pairs = Vec::new();
    for from in first.stations() {
        for to in first.stations() {
            for class in RiderClass::ALL {
                let minor = |tariff: &Tariff| tariff.quote(from.id, to.id, class).ok();
                let (Some(before), Some(after)) = (minor(first), minor(second)) else {
                    continue;
                };
                if before.fare != after.fare {
                    pairs.push((from.id, to.id, class, before.fare.minor, after.fare.minor));
                }
            }
        }
    }
    Difference {
        only_first: only(&a, &b),
        only_second: only(&b, &a),
        pairs,
    }
}

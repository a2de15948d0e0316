//! What goes into statements and comes out of rows: text, 64-bit integers, bytes, and our own types as
//! one of them.

use crate::store::StoreError;
use fare_protocol::{
    AccountId, ConflictId, Currency, GateId, JourneyId, LineId, ProductId, RecordHash, RecordId,
    Seq, StationId, TariffHash, UnixMs,
};

/// A value that owns what it holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Value {
    /// Nothing.
    Null,
    /// A number, a time, a truth value.
    Int(i64),
    /// Text.
    Text(String),
    /// An id, a hash, an envelope.
    Bytes(Vec<u8>),
}

/// A value on its way into a statement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Param<'v> {
    /// Nothing.
    Null,
    /// A number, a time, a truth value.
    Int(i64),
    /// Text.
    Text(&'v str),
    /// An id, a hash, an envelope.
    Bytes(&'v [u8]),
}

/// Whether a text that people write and others read cannot be kept with this in it: PostgreSQL refuses the first
/// of them, SQLite none.
pub fn is_unprintable(letter: char) -> bool {
    letter.is_control() && !matches!(letter, '\n' | '\r' | '\t')
}

/// What can be put into a statement.
pub(crate) trait Bind {
    /// As a statement takes it.
    fn bind(&self) -> Param<'_>;

    /// The same, to be kept until later.
    fn value(&self) -> Value {
        match self.bind() {
            Param::Null => Value::Null,
            Param::Int(number) => Value::Int(number),
            Param::Text(text) => Value::Text(text.to_owned()),
            Param::Bytes(bytes) => Value::Bytes(bytes.to_vec()),
        }
    }
}

/// What can be read from a row.
pub(crate) trait Column: Sized {
    /// What it is, for the message when it cannot be read.
    const WHAT: &'static str;

    /// Read from a value; none when the value is something else.
    fn read(value: &Value) -> Option<Self>;
}

/// One row of an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Row(pub(super) Vec<Value>);

impl Row {
    /// The column `n`, counted from 0.
    ///
    /// # Errors
    /// When what is stored is not what was written.
    pub(crate) fn get<T: Column>(&self, n: usize) -> Result<T, StoreError> {
        let value = self.0.get(n).and_then(T::read);
        value.ok_or(StoreError::Corrupt(T::WHAT))
    }

    /// All columns.
    pub(crate) fn into_values(self) -> Vec<Value> {
        self.0
    }

    /// The text or the bytes of column `n`, not copied.
    pub(crate) fn peek(&self, n: usize) -> Param<'_> {
        self.0.get(n).map_or(Param::Null, Bind::bind)
    }
}

impl Bind for Value {
    fn bind(&self) -> Param<'_> {
        match self {
            Self::Null => Param::Null,
            Self::Int(number) => Param::Int(*number),
            Self::Text(text) => Param::Text(text),
            Self::Bytes(bytes) => Param::Bytes(bytes),
        }
    }
}

impl Column for Value {
    const WHAT: &'static str = "a value";

    fn read(value: &Self) -> Option<Self> {
        Some(value.clone())
    }
}

impl<T: Bind + ?Sized> Bind for &T {
    fn bind(&self) -> Param<'_> {
        (*self).bind()
    }
}

impl<T: Bind> Bind for Option<T> {
    fn bind(&self) -> Param<'_> {
        self.as_ref().map_or(Param::Null, Bind::bind)
    }
}

impl<T: Column> Column for Option<T> {
    const WHAT: &'static str = T::WHAT;

    fn read(value: &Value) -> Option<Self> {
        match value {
            Value::Null => Some(None),
            Value::Int(_) | Value::Text(_) | Value::Bytes(_) => T::read(value).map(Some),
        }
    }
}

impl Bind for str {
    fn bind(&self) -> Param<'_> {
        Param::Text(self)
    }
}

impl Bind for String {
    fn bind(&self) -> Param<'_> {
        Param::Text(self)
    }
}

impl Column for String {
    const WHAT: &'static str = "a text";

    fn read(value: &Value) -> Option<Self> {
        match value {
            Value::Text(text) => Some(text.clone()),
            Value::Null | Value::Int(_) | Value::Bytes(_) => None,
        }
    }
}

impl Bind for [u8] {
    fn bind(&self) -> Param<'_> {
        Param::Bytes(self)
    }
}

impl Bind for Vec<u8> {
    fn bind(&self) -> Param<'_> {
        Param::Bytes(self)
    }
}

impl Column for Vec<u8> {
    const WHAT: &'static str = "bytes";

    fn read(value: &Value) -> Option<Self> {
        match value {
            Value::Bytes(bytes) => Some(bytes.clone()),
            Value::Null | Value::Int(_) | Value::Text(_) => None,
        }
    }
}

impl<const N: usize> Bind for [u8; N] {
    fn bind(&self) -> Param<'_> {
        Param::Bytes(self)
    }
}

impl<const N: usize> Column for [u8; N] {
    const WHAT: &'static str = "bytes of a fixed length";

    fn read(value: &Value) -> Option<Self> {
        match value {
            Value::Bytes(bytes) => bytes.as_slice().try_into().ok(),
            Value::Null | Value::Int(_) | Value::Text(_) => None,
        }
    }
}

impl Column for i64 {
    const WHAT: &'static str = "a number";

    fn read(value: &Value) -> Option<Self> {
        match value {
            Value::Int(number) => Some(*number),
            Value::Null | Value::Text(_) | Value::Bytes(_) => None,
        }
    }
}

impl Bind for bool {
    fn bind(&self) -> Param<'_> {
        Param::Int((*self).into())
    }
}

impl Column for bool {
    const WHAT: &'static str = "a truth value";

    fn read(value: &Value) -> Option<Self> {
        i64::read(value).map(|number| number != 0)
    }
}

/// Numbers. What is beyond 63 bits, which nothing here reaches, is as much as there is.
macro_rules! integers {
    ($($type:ty),*) => {$(
        impl Bind for $type {
            fn bind(&self) -> Param<'_> {
                Param::Int(i64::try_from(*self).unwrap_or(i64::MAX))
            }
        }
    )*};
}

integers!(i64, u32, u64, usize);

impl Column for u64 {
    const WHAT: &'static str = "a count";

    fn read(value: &Value) -> Option<Self> {
        i64::read(value).and_then(|number| number.try_into().ok())
    }
}

/// Ids and hashes: their bytes.
macro_rules! bytes {
    ($($type:ident: $what:literal),* $(,)?) => {$(
        impl Bind for $type {
            fn bind(&self) -> Param<'_> {
                Param::Bytes(&self.0)
            }
        }

        impl Column for $type {
            const WHAT: &'static str = $what;

            fn read(value: &Value) -> Option<Self> {
                Column::read(value).map(Self)
            }
        }
    )*};
}

bytes! {
    AccountId: "an account",
    ConflictId: "a conflict's id",
    JourneyId: "a journey's id",
    ProductId: "a product's id",
    TariffHash: "a tariff's hash",
    RecordHash: "a record's hash",
    RecordId: "a record's id",
}

/// Short codes: their text.
macro_rules! texts {
    ($($type:ident: $what:literal),* $(,)?) => {$(
        impl Bind for $type {
            fn bind(&self) -> Param<'_> {
                Param::Text(self.as_str())
            }
        }

        impl Column for $type {
            const WHAT: &'static str = $what;

            fn read(value: &Value) -> Option<Self> {
                match value {
                    Value::Text(text) => text.parse().ok(),
                    Value::Null | Value::Int(_) | Value::Bytes(_) => None,
                }
            }
        }
    )*};
}

texts! {
    Currency: "a currency",
    GateId: "a gate's id",
    LineId: "a line",
    StationId: "a station",
}

impl Bind for UnixMs {
    fn bind(&self) -> Param<'_> {
        Param::Int(self.0)
    }
}

impl Column for UnixMs {
    const WHAT: &'static str = "a time";

    fn read(value: &Value) -> Option<Self> {
        i64::read(value).map(Self)
    }
}

impl Bind for Seq {
    fn bind(&self) -> Param<'_> {
        Param::Int(i64::try_from(self.0).unwrap_or(i64::MAX))
    }
}

impl Column for Seq {
    const WHAT: &'static str = "a place in a chain";

    fn read(value: &Value) -> Option<Self> {
        u64::read(value).map(Self)
    }
}

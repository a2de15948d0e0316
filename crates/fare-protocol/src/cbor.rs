//! A CBOR array read field by field, each by name, so that an error says where it is.

use crate::ids::{CODE_LEN_MAX, IdError};
use crate::{Currency, FormatError, Money, Problem};
use minicbor::data::Type;
use minicbor::{Decoder, Encoder};
use std::convert::Infallible;
use std::str::FromStr;

/// Writes CBOR into a growing buffer. Writing to memory cannot fail.
pub(crate) struct Writer(Encoder<Vec<u8>>);

impl Writer {
    pub(crate) fn array(fields: u64) -> Self {
        let mut w = Self(Encoder::new(Vec::with_capacity(256)));
        w.nested(fields);
        w
    }

    /// Opens an array; a signed format writes its kind and version next.
    pub(crate) fn signed(kind: u64, version: u64, fields: u64) -> Self {
        let mut w = Self::array(fields.saturating_add(HEAD_FIELDS));
        w.uint(kind);
        w.uint(version);
        w
    }

    pub(crate) fn nested(&mut self, fields: u64) {
        written(self.0.array(fields));
    }

    pub(crate) fn uint(&mut self, value: u64) {
        written(self.0.u64(value));
    }

    pub(crate) fn int(&mut self, value: i64) {
        written(self.0.i64(value));
    }

    pub(crate) fn bytes(&mut self, value: &[u8]) {
        written(self.0.bytes(value));
    }

    pub(crate) fn text(&mut self, value: &str) {
        written(self.0.str(value));
    }

    pub(crate) fn null(&mut self) {
        written(self.0.null());
    }

    /// Two elements: minor units, currency.
    pub(crate) fn money(&mut self, money: Money) {
        self.nested(2);
        self.int(money.minor);
        self.text(money.currency.as_str());
    }

    pub(crate) fn empty_map(&mut self) {
        written(self.0.map(0));
    }

    pub(crate) fn finish(self) -> Vec<u8> {
        self.0.into_writer()
    }
}

fn written<T>(result: Result<T, minicbor::encode::Error<Infallible>>) {
    debug_assert!(result.is_ok(), "writing CBOR to memory cannot fail");
}

/// Kind and version.
const HEAD_FIELDS: u64 = 2;

/// Reads one array; the caller asks for its fields in order and ends with [`Reader::end`].
pub(crate) struct Reader<'b> {
    what: &'static str,
    dec: Decoder<'b>,
}

type Read<T> = Result<T, FormatError>;

impl<'b> Reader<'b> {
    /// Opens an array of exactly `fields` elements.
    pub(crate) fn array(what: &'static str, bytes: &'b [u8], fields: u64) -> Read<Self> {
        let mut r = Self {
            what,
            dec: Decoder::new(bytes),
        };
        r.nested("the whole", fields)?;
        Ok(r)
    }

    /// Opens a signed format: kind and version are checked, `fields` elements follow.
    pub(crate) fn signed(
        what: &'static str,
        bytes: &'b [u8],
        kind: u64,
        version: u64,
        fields: u64,
    ) -> Read<Self> {
        let mut r = Self {
            what,
            dec: Decoder::new(bytes),
        };
        let got = r.length("the whole")?;
        r.known("kind", kind)?;
        r.known("version", version)?;
        let expected = fields.saturating_add(HEAD_FIELDS);
        if got != expected {
            return Err(r.error("the whole", Problem::Length { got, expected }));
        }
        Ok(r)
    }

    /// The kind of a signed format, looked at before choosing how to read it.
    pub(crate) fn kind(what: &'static str, bytes: &'b [u8]) -> Read<u64> {
        let mut r = Self {
            what,
            dec: Decoder::new(bytes),
        };
        r.length("the whole")?;
        r.uint("kind")
    }

    /// The same with its version.
    pub(crate) fn kind_and_version(what: &'static str, bytes: &'b [u8]) -> Read<(u64, u64)> {
        let mut r = Self {
            what,
            dec: Decoder::new(bytes),
        };
        r.length("the whole")?;
        Ok((r.uint("kind")?, r.uint("version")?))
    }

    /// The error that `field`, at the present place, has `problem`.
    pub(crate) fn error(&self, field: &'static str, problem: Problem) -> FormatError {
        FormatError {
            what: self.what,
            field,
            at: self.dec.position(),
            problem,
        }
    }

    fn known(&mut self, field: &'static str, known: u64) -> Read<()> {
        let got = self.uint(field)?;
        if got == known {
            Ok(())
        } else {
            Err(self.error(field, Problem::Unknown { got, known }))
        }
    }

    fn checked<T>(
        &mut self,
        field: &'static str,
        expected: &'static str,
        read: impl FnOnce(&mut Decoder<'b>) -> Result<T, minicbor::decode::Error>,
    ) -> Read<T> {
        let start = self.dec.position();
        let got = self.dec.datatype();
        read(&mut self.dec).map_err(|err| {
            let problem = match got {
                Err(_) => Problem::Ends,
                Ok(_) if err.is_end_of_input() => Problem::Ends,
                Ok(got) if got.to_string() == expected => Problem::OutOfRange,
                Ok(got) => Problem::Type {
                    got: got.to_string(),
                    expected,
                },
            };
            FormatError {
                what: self.what,
                field,
                at: start,
                problem,
            }
        })
    }

    fn length(&mut self, field: &'static str) -> Read<u64> {
        let len = self.checked(field, "array", Decoder::array)?;
        len.ok_or_else(|| {
            let got = "an indefinite array".to_owned();
            self.error(
                field,
                Problem::Type {
                    got,
                    expected: "a definite array",
                },
            )
        })
    }

    pub(crate) fn nested(&mut self, field: &'static str, expected: u64) -> Read<()> {
        let got = self.length(field)?;
        if got == expected {
            Ok(())
        } else {
            Err(self.error(field, Problem::Length { got, expected }))
        }
    }

    /// An array of at most `most` elements; answers how many follow.
    pub(crate) fn list(&mut self, field: &'static str, most: u64) -> Read<u64> {
        let got = self.length(field)?;
        if got <= most {
            Ok(got)
        } else {
            Err(self.error(
                field,
                Problem::Length {
                    got,
                    expected: most,
                },
            ))
        }
    }

    pub(crate) fn uint(&mut self, field: &'static str) -> Read<u64> {
        self.checked(field, "an unsigned number", Decoder::u64)
    }

    pub(crate) fn int(&mut self, field: &'static str) -> Read<i64> {
        self.checked(field, "a number", Decoder::i64)
    }

    pub(crate) fn empty_map(&mut self, field: &'static str) -> Read<()> {
        match self.checked(field, "a map", Decoder::map)? {
            Some(0) => Ok(()),
            Some(got) => Err(self.error(field, Problem::Length { got, expected: 0 })),
            None => Err(self.error(field, Problem::OutOfRange)),
        }
    }

    fn narrow<T: TryFrom<u64>>(&mut self, field: &'static str) -> Read<T> {
        let value = self.uint(field)?;
        T::try_from(value).map_err(|_| self.error(field, Problem::OutOfRange))
    }

    pub(crate) fn u8(&mut self, field: &'static str) -> Read<u8> {
        self.narrow(field)
    }

    pub(crate) fn u16(&mut self, field: &'static str) -> Read<u16> {
        self.narrow(field)
    }

    pub(crate) fn u32(&mut self, field: &'static str) -> Read<u32> {
        self.narrow(field)
    }

    pub(crate) fn i32(&mut self, field: &'static str) -> Read<i32> {
        let value = self.int(field)?;
        i32::try_from(value).map_err(|_| self.error(field, Problem::OutOfRange))
    }

    pub(crate) fn bytes(&mut self, field: &'static str, most: usize) -> Read<&'b [u8]> {
        let bytes = self.checked(field, "a byte string", Decoder::bytes)?;
        self.at_most(field, bytes.len(), most)?;
        Ok(bytes)
    }

    pub(crate) fn exact<const N: usize>(&mut self, field: &'static str) -> Read<[u8; N]> {
        let bytes = self.checked(field, "a byte string", Decoder::bytes)?;
        let length = |n: usize| u64::try_from(n).unwrap_or(u64::MAX);
        bytes.try_into().map_err(|_| {
            let (got, expected) = (length(bytes.len()), length(N));
            self.error(field, Problem::Length { got, expected })
        })
    }

    pub(crate) fn text(&mut self, field: &'static str, most: usize) -> Read<&'b str> {
        let text = self.checked(field, "text", Decoder::str)?;
        self.at_most(field, text.len(), most)?;
        Ok(text)
    }

    fn at_most(&self, field: &'static str, got: usize, most: usize) -> Read<()> {
        if got <= most {
            return Ok(());
        }
        let length = |n: usize| u64::try_from(n).unwrap_or(u64::MAX);
        Err(self.error(
            field,
            Problem::Length {
                got: length(got),
                expected: length(most),
            },
        ))
    }

    pub(crate) fn code<T: FromStr<Err = IdError>>(&mut self, field: &'static str) -> Read<T> {
        let text = self.text(field, CODE_LEN_MAX)?;
        text.parse()
            .map_err(|err: IdError| self.error(field, Problem::Text(err.to_string())))
    }

    /// Two elements: minor units, currency.
    pub(crate) fn money(&mut self, field: &'static str) -> Read<Money> {
        self.nested(field, 2)?;
        let minor = self.int(field)?;
        let currency = self.text(field, 3)?.parse::<Currency>();
        let currency = currency.map_err(|err| self.error(field, Problem::Text(err.to_string())))?;
        Ok(Money { minor, currency })
    }

    /// `None` for CBOR null, else what `read` reads.
    pub(crate) fn optional<T>(
        &mut self,
        field: &'static str,
        read: impl FnOnce(&mut Self) -> Read<T>,
    ) -> Read<Option<T>> {
        let here = self.checked(field, "a value or null", |dec| dec.datatype())?;
        if here == Type::Null {
            self.checked(field, "null", Decoder::null)?;
            return Ok(None);
        }
        read(self).map(Some)
    }

    /// All fields are read; nothing may follow.
    pub(crate) fn end(self) -> Read<()> {
        let left = self.dec.input().len().saturating_sub(self.dec.position());
        if left == 0 {
            Ok(())
        } else {
            Err(self.error("the end", Problem::Trailing(left)))
        }
    }
}

//! The steps of a price as data: a stable code and its values. Each reader says them in the rider's language; the
//! English for staff is made here, from the sentence beside each code.
//!
//! In a voucher a step is the array `[code, minor units, values...]`, the values in the order of the fields below:
//! stations, names and words as text, numbers and minor units as integers, a rounding as `[word, minor units]`, and
//! null for what is not there. A code never changes its values; what has others is another code.

use crate::cbor::{Reader, Writer};
use crate::{Currency, FormatError, Money, Problem, RiderClass, StationId};
use serde::Serialize;

/// Longest text among a step's values, and longest sentence of a step in vouchers of version 1, in bytes.
pub const STEP_TEXT_LEN_MAX: usize = 120;

/// Most values of a step.
pub const STEP_VALUES_MAX: usize = 8;

const CODE_LEN_MAX: usize = 32;

/// One step of a price: what was looked at, and what it adds in minor units.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FareStep {
    /// What was looked at.
    pub reason: FareReason,
    /// Minor units of the fare's currency; may be negative.
    pub minor: i64,
}

/// How caps and discounts count time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FareSpan {
    /// One service day.
    Day,
    /// Monday to Sunday.
    Week,
    /// A calendar month.
    Month,
}

/// Which way a share is rounded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RoundingHow {
    /// In favour of the rider.
    Down,
    /// In favour of the operator.
    Up,
    /// Halves up.
    Nearest,
}

/// How a share was rounded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct StepRounding {
    /// Which way.
    pub how: RoundingHow,
    /// To multiples of this.
    pub to_minor: i64,
}

/// A value of a step. As JSON it is a text, a number, null or, for a rounding, an object.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum StepValue {
    /// A station by its id.
    Station(StationId),
    /// A name that an operator gave, or a whole sentence.
    Text(String),
    /// One of a few words of ours, such as a class or a span.
    Word(&'static str),
    /// Metres, minutes, per cent, or how many.
    Number(u32),
    /// Minor units of the fare's currency.
    Minor(i64),
    /// How a share was rounded.
    Rounding(StepRounding),
    /// Not there.
    Absent,
}

/// What a field of a step can be.
trait Field: Sized {
    fn value(&self) -> StepValue;
    fn read(field: &'static str, r: &mut Reader<'_>) -> Result<Self, FormatError>;
}

/// One list of all steps, from which everything about them is made: a code, the English sentence with the values
/// to fill in, and the values. What may be absent is `{, name}` and brings its comma.
macro_rules! reasons {
    ($($(#[$doc:meta])* $variant:ident $code:literal $english:literal
        { $($(#[$about:meta])* $field:ident: $kind:ty,)* })*) => {
        /// What one step of a price looked at.
        #[derive(Clone, Debug, PartialEq, Eq)]
        pub enum FareReason {
            $($(#[$doc])* $variant { $($(#[$about])* $field: $kind,)* },)*
        }

        impl FareReason {
            /// The codes of all reasons.
            pub const CODES: &'static [&'static str] = &[$($code),*];

            /// Its code, the same for ever.
            pub fn code(&self) -> &'static str {
                match self {
                    $(Self::$variant { .. } => $code,)*
                }
            }

            /// Its values by their names, in the order in which they are written.
            pub fn values(&self) -> Vec<(&'static str, StepValue)> {
                match self {
                    $(Self::$variant { $($field),* } => vec![$((stringify!($field), $field.value())),*],)*
                }
            }

            fn english(&self) -> &'static str {
                match self {
                    $(Self::$variant { .. } => $english,)*
                }
            }

            fn read(code: &str, r: &mut Reader<'_>) -> Result<Self, FormatError> {
                match code {
                    $($code => Ok(Self::$variant {
                        $($field: Field::read(stringify!($field), r)?,)*
                    }),)*
                    unknown => {
                        let problem = format!("this program knows no step {unknown:?}; a newer one wrote it");
                        Err(r.error("step, code", Problem::Text(problem)))
                    }
                }
            }
        }
    };
}

reasons! {
    /// The table's fare by distance.
    Distance "distance" "{from} to {to}, {metres} m: up to {up_to_m} m{, period}{, class}" {
        /// Where the way begins.
        from: StationId,
        /// Where it ends.
        to: StationId,
        /// How long it is.
        metres: u32,
        /// Up to where the fare holds.
        up_to_m: u32,
        /// The period that has this fare.
        period: Option<String>,
        /// The class that has this fare.
        class: Option<RiderClass>,
    }
    /// The same fare everywhere.
    Flat "flat" "{from} to {to}: the flat fare{, period}{, class}" {
        /// Where the way begins.
        from: StationId,
        /// Where it ends.
        to: StationId,
        /// The period that has this fare.
        period: Option<String>,
        /// The class that has this fare.
        class: Option<RiderClass>,
    }
    /// The fare from one zone to another.
    Zones "zones" "{from} to {to}: zone {from_zone} to {to_zone}{, period}{, class}" {
        /// Where the way begins.
        from: StationId,
        /// Where it ends.
        to: StationId,
        /// One zone.
        from_zone: String,
        /// The other.
        to_zone: String,
        /// The period that has this fare.
        period: Option<String>,
        /// The class that has this fare.
        class: Option<RiderClass>,
    }
    /// The fare of two stations.
    Pair "pair" "{from} to {to}{, period}{, class}" {
        /// Where the way begins.
        from: StationId,
        /// Where it ends.
        to: StationId,
        /// The period that has this fare.
        period: Option<String>,
        /// The class that has this fare.
        class: Option<RiderClass>,
    }
    /// What the way is longer than the table.
    Beyond "beyond" "{metres} m beyond: {times} x {every_m} m or part of it" {
        /// How much longer.
        metres: u32,
        /// How often that costs.
        times: u32,
        /// Each time so far.
        every_m: u32,
    }
    /// A period's share.
    PeriodShare "period-share" "{period}: {percent} %, {rounding}" {
        /// Which period.
        period: String,
        /// Of the fare so far.
        percent: u32,
        /// How that was rounded.
        rounding: StepRounding,
    }
    /// A class's share.
    ClassShare "class-share" "{class} pays {percent} %, {rounding}" {
        /// Whose.
        class: RiderClass,
        /// Of the fare so far.
        percent: u32,
        /// How that was rounded.
        rounding: StepRounding,
    }
    /// Out again where one came in.
    SameStation "same-station" "in and out at {at}" {
        /// Where.
        at: StationId,
    }
    /// The same, soon.
    SameStationWithin "same-station-within" "in and out at {at} within {minutes} minutes" {
        /// Where.
        at: StationId,
        /// How soon.
        minutes: u32,
    }
    /// The journey goes on from earlier ones.
    Transfer "transfer" "{rule}: goes on from {from}, {paid_minor} paid" {
        /// By which rule.
        rule: String,
        /// Where the first of them began.
        from: StationId,
        /// What they cost.
        paid_minor: i64,
    }
    /// The discount for who has paid much.
    DiscountPaid "discount-paid" "{paid_minor} paid this {span}: {percent} %, {rounding}" {
        /// What was paid.
        paid_minor: i64,
        /// In which span.
        span: FareSpan,
        /// Of the fare so far.
        percent: u32,
        /// How that was rounded.
        rounding: StepRounding,
    }
    /// The discount for who has travelled much.
    DiscountJourneys "discount-journeys" "{journeys} journeys this {span}: {percent} %, {rounding}" {
        /// How many journeys were made.
        journeys: u32,
        /// In which span.
        span: FareSpan,
        /// Of the fare so far.
        percent: u32,
        /// How that was rounded.
        rounding: StepRounding,
    }
    /// The supplement for who stays too long.
    OverTime "over-time" "inside for {minutes} min over {after_min}" {
        /// How much too long.
        minutes: u32,
        /// How long is allowed, in minutes.
        after_min: u32,
    }
    /// The most that journeys cost together.
    Cap "cap" "{rule}: {paid_minor} paid this {span}, at most {most_minor}" {
        /// Which cap.
        rule: String,
        /// What was paid.
        paid_minor: i64,
        /// In which span.
        span: FareSpan,
        /// The most.
        most_minor: i64,
    }
    /// The maximum fare without an exit.
    NoExit "no-exit" "no exit: the maximum for {class}" {
        /// Whose.
        class: RiderClass,
    }
    /// The maximum fare without an entry.
    NoEntry "no-entry" "no entry: the maximum for {class}" {
        /// Whose.
        class: RiderClass,
    }
    /// The gate's mode takes no fare.
    Waived "waived" "no fare is taken at this time" {}
    /// No more than what was paid for the paper code.
    PaperValue "paper-value" "no more than the ticket's value, {value_minor}" {
        /// What was paid for it.
        value_minor: i64,
    }
    /// The gate showed less, so no more is charged.
    AsShown "as-shown" "less, as the gate showed it" {}
    /// A pass covers it.
    Pass "pass" "{product}: pass" {
        /// What it was on sale as.
        product: String,
    }
    /// One journey of several that were paid together.
    MultiRide "multi-ride" "{product}: ride {nth} of {rides}" {
        /// What they were on sale as.
        product: String,
        /// Which of them.
        nth: u32,
        /// How many there are.
        rides: u32,
    }
    /// A coupon takes a part off.
    Coupon "coupon" "{product}: coupon {nth} of {uses}" {
        /// What it was on sale as.
        product: String,
        /// Which of its uses.
        nth: u32,
        /// How many there are.
        uses: u32,
    }
    /// A sentence of a voucher of version 1, which had no codes.
    Said "said" "{text}" {
        /// The sentence, English.
        text: String,
    }
}

impl FareStep {
    /// One short English sentence, for staff. Amounts are in the fare's `currency`.
    pub fn text(&self, currency: Currency) -> String {
        let values = self.reason.values();
        let mut text = String::new();
        let mut rest = self.reason.english();
        while let Some((before, from_blank)) = rest.split_once('{') {
            let (blank, after) = from_blank.split_once('}').unwrap_or((from_blank, ""));
            let name = blank.strip_prefix(", ");
            let comma = name.map_or("", |_| ", ");
            let named = |(of, _): &&(&str, StepValue)| *of == name.unwrap_or(blank);
            let said = values
                .iter()
                .find(named)
                .and_then(|(_, value)| value.said(currency));
            text.push_str(before);
            text.extend(said.map(|said| format!("{comma}{said}")));
            rest = after;
        }
        text.push_str(rest);
        text
    }

    pub(crate) fn write(&self, w: &mut Writer) {
        let values = self.reason.values();
        let length = u64::try_from(values.len()).unwrap_or(u64::MAX);
        w.nested(length.saturating_add(2));
        w.text(self.reason.code());
        w.int(self.minor);
        for (_, value) in values {
            value.write(w);
        }
    }

    pub(crate) fn read(r: &mut Reader<'_>) -> Result<Self, FormatError> {
        let got = r.list("step", STEP_VALUES_MAX as u64 + 2)?;
        let code = r.text("step, code", CODE_LEN_MAX)?;
        let minor = r.int("step, minor units")?;
        let reason = FareReason::read(code, r)?;
        let expected = u64::try_from(reason.values().len()).unwrap_or(u64::MAX);
        let expected = expected.saturating_add(2);
        if got != expected {
            return Err(r.error("step", Problem::Length { got, expected }));
        }
        Ok(Self { reason, minor })
    }
}

impl StepValue {
    /// As an English sentence says it; nothing when it is not there.
    fn said(&self, currency: Currency) -> Option<String> {
        Some(match self {
            Self::Station(station) => station.to_string(),
            Self::Text(text) => text.clone(),
            Self::Word(word) => (*word).to_owned(),
            Self::Number(number) => number.to_string(),
            Self::Minor(minor) => Money::new(*minor, currency).to_string(),
            Self::Rounding(rounding) => rounding.sentence(),
            Self::Absent => return None,
        })
    }

    fn write(&self, w: &mut Writer) {
        match self {
            Self::Station(station) => w.text(station.as_str()),
            Self::Text(text) => w.text(text),
            Self::Word(word) => w.text(word),
            Self::Number(number) => w.uint((*number).into()),
            Self::Minor(minor) => w.int(*minor),
            Self::Rounding(StepRounding { how, to_minor }) => {
                w.nested(2);
                w.text(how.word());
                w.int(*to_minor);
            }
            Self::Absent => w.null(),
        }
    }
}

impl FareSpan {
    /// All of them, with their words.
    pub const ALL: [(Self, &'static str); 3] = [
        (Self::Day, "day"),
        (Self::Week, "week"),
        (Self::Month, "month"),
    ];

    /// Its word.
    pub fn word(self) -> &'static str {
        match self {
            Self::Day => "day",
            Self::Week => "week",
            Self::Month => "month",
        }
    }
}

impl RoundingHow {
    /// All of them, with their words.
    pub const ALL: [(Self, &'static str); 3] = [
        (Self::Down, "down"),
        (Self::Up, "up"),
        (Self::Nearest, "nearest"),
    ];

    /// Its word.
    pub fn word(self) -> &'static str {
        match self {
            Self::Down => "down",
            Self::Up => "up",
            Self::Nearest => "nearest",
        }
    }
}

impl Serialize for RoundingHow {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.word())
    }
}

impl StepRounding {
    fn sentence(self) -> String {
        let how = match self.how {
            RoundingHow::Down => "rounded down",
            RoundingHow::Up => "rounded up",
            RoundingHow::Nearest => "rounded to the nearest",
        };
        match (self.to_minor, self.how) {
            (1, RoundingHow::Down | RoundingHow::Up) => how.to_owned(),
            (unit, RoundingHow::Down | RoundingHow::Up) => format!("{how} to {unit}"),
            (unit, RoundingHow::Nearest) => format!("{how} {unit}"),
        }
    }
}

/// One of a few words.
fn word<T: Copy>(
    field: &'static str,
    r: &mut Reader<'_>,
    all: impl IntoIterator<Item = (T, &'static str)>,
) -> Result<T, FormatError> {
    let got = r.text(field, CODE_LEN_MAX)?;
    let found = all.into_iter().find(|(_, word)| *word == got);
    let found = found.map(|(value, _)| value);
    found.ok_or_else(|| r.error(field, Problem::Text(format!("{got:?} is no word for it"))))
}

impl Field for StationId {
    fn value(&self) -> StepValue {
        StepValue::Station(*self)
    }

    fn read(field: &'static str, r: &mut Reader<'_>) -> Result<Self, FormatError> {
        r.code(field)
    }
}

impl Field for u32 {
    fn value(&self) -> StepValue {
        StepValue::Number(*self)
    }

    fn read(field: &'static str, r: &mut Reader<'_>) -> Result<Self, FormatError> {
        r.u32(field)
    }
}

impl Field for i64 {
    fn value(&self) -> StepValue {
        StepValue::Minor(*self)
    }

    fn read(field: &'static str, r: &mut Reader<'_>) -> Result<Self, FormatError> {
        r.int(field)
    }
}

impl Field for String {
    fn value(&self) -> StepValue {
        StepValue::Text(self.clone())
    }

    fn read(field: &'static str, r: &mut Reader<'_>) -> Result<Self, FormatError> {
        Ok(r.text(field, STEP_TEXT_LEN_MAX)?.to_owned())
    }
}

impl Field for RiderClass {
    fn value(&self) -> StepValue {
        StepValue::Word(self.word())
    }

    fn read(field: &'static str, r: &mut Reader<'_>) -> Result<Self, FormatError> {
        word(field, r, Self::ALL.map(|class| (class, class.word())))
    }
}

impl Field for FareSpan {
    fn value(&self) -> StepValue {
        StepValue::Word(self.word())
    }

    fn read(field: &'static str, r: &mut Reader<'_>) -> Result<Self, FormatError> {
        word(field, r, Self::ALL)
    }
}

impl Field for StepRounding {
    fn value(&self) -> StepValue {
        StepValue::Rounding(*self)
    }

    fn read(field: &'static str, r: &mut Reader<'_>) -> Result<Self, FormatError> {
        r.nested(field, 2)?;
        let how = word(field, r, RoundingHow::ALL)?;
        let to_minor = r.int(field)?;
        Ok(Self { how, to_minor })
    }
}

impl<T: Field> Field for Option<T> {
    fn value(&self) -> StepValue {
        self.as_ref().map_or(StepValue::Absent, Field::value)
    }

    fn read(field: &'static str, r: &mut Reader<'_>) -> Result<Self, FormatError> {
        r.optional(field, |r| T::read(field, r))
    }
}

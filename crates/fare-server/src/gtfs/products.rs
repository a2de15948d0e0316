//! Fare products: what they cost each class of riders.

use super::csv::{Row, Table};
use super::policy::Policy;
use super::{Choice, Problem, Problems, all};
use fare_protocol::{Currency, RiderClass};
use fare_rules::tariff::class_name;
use std::collections::{BTreeMap, BTreeSet};

/// One product's amounts in minor units, for riders by any medium that counts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Product {
    /// For whom no other amount stands here.
    anybody: Option<Amount>,
    class: BTreeMap<RiderClass, Amount>,
}

/// An amount, and whether it is that of the medium that was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Amount {
    minor: i64,
    by_medium: bool,
}

pub(super) struct Products {
    all: BTreeMap<String, Product>,
    /// The classes that the feed has categories for.
    classes: BTreeSet<RiderClass>,
}

/// By what the rows of products are read.
struct Reader<'t> {
    /// Nothing for those that are left out.
    categories: BTreeMap<String, Option<RiderClass>>,
    media: Vec<&'t str>,
    medium: Option<&'t str>,
    currency: Option<Currency>,
}

impl Products {
    /// Without a chosen medium all media must cost the same.
    pub(super) fn read(
        (categories, media, products): (&Table, &Table, &Table),
        choice: &Choice,
        policy: &Policy,
    ) -> Result<Self, Problems> {
        let known = all(categories.rows().map(|row| {
            let id = row.need("rider_category_id")?;
            Ok((id.text.clone(), category(&row, &id.text, choice)?))
        }))?;
        let reader = Reader {
            categories: known.into_iter().collect(),
            media: media.rows().map(|row| row.text("fare_media_id")).collect(),
            medium: choice.medium.as_deref(),
            currency: policy.currency,
        };
        let ids: BTreeSet<&str> = reader.categories.keys().map(String::as_str).collect();
        if let Some(unknown) = choice.classes.keys().find(|id| !ids.contains(id.as_str())) {
            let known = ids.into_iter().collect::<Vec<_>>().join(", ");
            let what = format!("there is no category {unknown:?} here; there are: {known}");
            return Err(categories.wrong(what).into());
        }
        let medium = choice.medium.as_deref();
        if let Some(medium) = medium
            && !reader.media.contains(&medium)
        {
            let known = reader.media.join(", ");
            let what = format!("there is no fare medium {medium:?} here; there are: {known}");
            return Err(media.wrong(what).into());
        }
        let mut found: BTreeMap<String, Product> = BTreeMap::new();
        all(products.rows().map(|row| reader.add(&mut found, &row)))?;
        Ok(Self {
            all: found,
            classes: reader.categories.into_values().flatten().collect(),
        })
    }

    pub(super) fn get(&self, id: &str) -> Option<&Product> {
        self.all.get(id)
    }

    /// The classes of which the feed says anything; what others pay is the policy's to say.
    pub(super) fn classes(&self) -> &BTreeSet<RiderClass> {
        &self.classes
    }
}

impl Reader<'_> {
    fn add(&self, found: &mut BTreeMap<String, Product>, row: &Row<'_>) -> Result<(), Problem> {
        let id = row.need("fare_product_id")?;
        let class = row.get("rider_category_id").map(|category| {
            let none = || {
                format!(
                    "there is no category {:?} in rider_categories.txt",
                    category.text
                )
            };
            let class = self.categories.get(&category.text).copied();
            class.ok_or_else(|| row.wrong("rider_category_id", none()))
        });
        let class = match class.transpose()? {
            Some(None) => return Ok(()),
            class => class.flatten(),
        };
        let new = Amount {
            minor: self.amount(row)?,
            by_medium: row.get("fare_media_id").is_some(),
        };
        let product = found.entry(id.text.clone()).or_default();
        if !self.counts(row)? {
            return Ok(());
        }
        let place = match class {
            None => &mut product.anybody,
            Some(class) => {
                let known = product.class.remove(&class);
                let now = self.of_both(row, known, new)?;
                product.class.insert(class, now);
                return Ok(());
            }
        };
        *place = Some(self.of_both(row, *place, new)?);
        Ok(())
    }

    /// Whether riders at the gates may have it by this row's medium.
    fn counts(&self, row: &Row<'_>) -> Result<bool, Problem> {
        let Some(medium) = row.get("fare_media_id") else {
            return Ok(true);
        };
        if !self.media.contains(&medium.text.as_str()) {
            let what = format!("there is no medium {:?} in fare_media.txt", medium.text);
            return Err(row.wrong("fare_media_id", what));
        }
        Ok(self.medium.is_none_or(|asked| asked == medium.text))
    }

    /// Of two amounts for the same riders that of the medium which was asked for counts.
    fn of_both(
        &self,
        row: &Row<'_>,
        known: Option<Amount>,
        new: Amount,
    ) -> Result<Amount, Problem> {
        let Some(known) = known.filter(|known| known.minor != new.minor) else {
            return Ok(new);
        };
        match (self.medium, known.by_medium, new.by_medium) {
            (Some(_), true, false) => Ok(known),
            (Some(_), false, true) => Ok(new),
            (_, _, _) => {
                let mut what =
                    "this product has another amount for the same riders above".to_owned();
                if self.medium.is_none() && !self.media.is_empty() {
                    let media = self.media.join(", ");
                    what = format!(
                        "{what}; say by which medium riders ride here with --medium: {media}"
                    );
                }
                Err(row.wrong("amount", what))
            }
        }
    }

    /// `2.40` in minor units of the policy's currency.
    fn amount(&self, row: &Row<'_>) -> Result<i64, Problem> {
        let currency = row.need("currency")?;
        let of: Currency = currency
            .text
            .parse()
            .map_err(|err: fare_protocol::MoneyError| row.wrong("currency", err.to_string()))?;
        if let Some(expected) = self.currency.filter(|expected| *expected != of) {
            let what =
                format!("got {of}, the policy's currency is {expected}: a table has one currency");
            return Err(row.wrong("currency", what));
        }
        let decimals = usize::from(of.decimals());
        let field = row.need("amount")?;
        let (sign, digits) = match field.text.strip_prefix('-') {
            Some(digits) => (-1, digits),
            None => (1, field.text.as_str()),
        };
        let (whole, part) = digits.split_once('.').unwrap_or((digits, ""));
        let plain = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
        let minor = (part.len() <= decimals && plain(whole) && plain(part))
            .then(|| format!("{whole}{part:0<decimals$}").parse::<i64>().ok())
            .flatten();
        let bad = || {
            let like = if decimals == 0 { "240" } else { "2.40" };
            let got = &field.text;
            format!("got {got:?}; write an amount like {like}: {of} has {decimals} decimals")
        };
        minor
            .map(|minor| sign * minor)
            .ok_or_else(|| row.wrong("amount", bad()))
    }
}

impl Product {
    /// What it costs riders of this class, and whether it says so of this class; nothing when they cannot have it.
    pub(super) fn of(&self, class: RiderClass) -> Option<(i64, bool)> {
        let own = self.class.get(&class).map(|amount| (amount.minor, true));
        own.or_else(|| self.anybody.map(|amount| (amount.minor, false)))
    }
}

/// The class of a category; nothing of one that is to be left out.
fn category(row: &Row<'_>, id: &str, choice: &Choice) -> Result<Option<RiderClass>, Problem> {
    if let Some(class) = choice.classes.get(id) {
        return Ok(*class);
    }
    if row.text("is_default_fare_category") == "1" {
        return Ok(Some(RiderClass::Adult));
    }
    let lower = id.to_ascii_lowercase();
    let found = RiderClass::ALL
        .into_iter()
        .find(|class| class_name(*class) == lower);
    found.map(Some).ok_or_else(|| {
        let words = RiderClass::ALL.map(class_name).join(", ");
        let what = format!(
            "{id:?} is none of our classes; say which it is with --class {id}=CLASS, one of {words}, or none to leave it out"
        );
        row.wrong("rider_category_id", what)
    })
}

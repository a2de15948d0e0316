//! Reads comma-separated values as RFC 4180 has them: fields may be quoted, and then hold commas,
//! line ends and doubled quotes. LF line ends are taken as well as CRLF.

use std::iter::Peekable;
use std::str::Chars;

/// One record and the line it starts on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Record {
    pub(super) line: usize,
    pub(super) fields: Vec<String>,
}

/// What is wrong, and on which line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct CsvError {
    pub(super) line: usize,
    pub(super) why: &'static str,
}

/// Splits a text into records. Empty lines are passed over.
pub(super) fn parse(text: &str) -> Result<Vec<Record>, CsvError> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut reader = Reader {
        chars: text.chars().peekable(),
        line: 1,
    };
    let mut records = Vec::new();
    while reader.chars.peek().is_some() {
        let record = reader.record()?;
        if record.fields != [""] {
            records.push(record);
        }
    }
    Ok(records)
}

struct Reader<'a> {
    chars: Peekable<Chars<'a>>,
    line: usize,
}

impl Reader<'_> {
    fn record(&mut self) -> Result<Record, CsvError> {
        let line = self.line;
        let mut fields = vec![self.field()?];
        loop {
            match self.chars.next() {
                Some(',') => fields.push(self.field()?),
                Some('\r') if self.chars.peek() == Some(&'\n') => {}
                Some('\n') => {
                    self.line += 1;
                    return Ok(Record { line, fields });
                }
                None => return Ok(Record { line, fields }),
                Some(_) => return Err(self.error("text follows a closing quote; expected a comma")),
            }
        }
    }

    fn field(&mut self) -> Result<String, CsvError> {
        if self.chars.next_if_eq(&'"').is_some() {
            return self.quoted();
        }
        let mut field = String::new();
        while let Some(c) = self.chars.next_if(|c| !matches!(c, ',' | '\r' | '\n')) {
            if c == '"' {
                return Err(self.error("a quote inside a field that does not begin with one"));
            }
            field.push(c);
        }
        Ok(field)
    }

    /// The rest of a quoted field, past its closing quote.
    fn quoted(&mut self) -> Result<String, CsvError> {
        let opened = self.line;
        let mut field = String::new();
        while let Some(c) = self.chars.next() {
            if c == '"' && self.chars.next_if_eq(&'"').is_none() {
                return Ok(field);
            }
            self.line += usize::from(c == '\n');
            field.push(c);
        }
        Err(CsvError {
            line: opened,
            why: "a quoted field is never closed",
        })
    }

    fn error(&self, why: &'static str) -> CsvError {
        CsvError {
            line: self.line,
            why,
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]

    use super::*;
    use proptest::prelude::*;

    fn fields(text: &str) -> Vec<Vec<String>> {
        parse(text)
            .unwrap()
            .into_iter()
            .map(|record| record.fields)
            .collect()
    }

    #[test]
    fn plain_and_quoted_fields() {
        for (text, want) in [
            ("a,b\r\n1,2\r\n", vec![vec!["a", "b"], vec!["1", "2"]]),
            ("a,b\n1,2", vec![vec!["a", "b"], vec!["1", "2"]]),
            ("\u{feff}a\n", vec![vec!["a"]]),
            ("a,,\n", vec![vec!["a", "", ""]]),
            ("\n\r\na\n\n", vec![vec!["a"]]),
            (
                "\"a,\"\"b\"\"\",\"x\r\ny\"\n",
                vec![vec!["a,\"b\"", "x\r\ny"]],
            ),
            (
                "\"[\"\"one\"\", \"\"two\"\"]\"",
                vec![vec!["[\"one\", \"two\"]"]],
            ),
            ("", vec![]),
        ] {
            assert_eq!(fields(text), want, "{text:?}");
        }
    }

    #[test]
    fn records_and_errors_carry_the_line() {
        let records = parse("a\n\"x\ny\"\nb\n").unwrap();
        assert_eq!(
            records.iter().map(|r| r.line).collect::<Vec<_>>(),
            [1, 2, 4]
        );
        for (text, line, why) in [
            ("a\nb,\"c\nd", 2, "a quoted field is never closed"),
            (
                "a\nb\"c\n",
                2,
                "a quote inside a field that does not begin with one",
            ),
            (
                "\"a\" ,b",
                1,
                "text follows a closing quote; expected a comma",
            ),
            ("a\rb", 1, "text follows a closing quote; expected a comma"),
        ] {
            assert_eq!(parse(text), Err(CsvError { line, why }), "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn what_is_written_quoted_is_read_back(
            table in prop::collection::vec(prop::collection::vec("[a\",\r\n é]{0,6}", 2..4), 0..6)
        ) {
            let quote = |field: &String| format!("\"{}\"", field.replace('"', "\"\""));
            let lines = table.iter().map(|row| row.iter().map(quote).collect::<Vec<_>>().join(","));
            let text = lines.collect::<Vec<_>>().join("\r\n");
            prop_assert_eq!(fields(&text), table);
        }

        #[test]
        fn no_text_makes_it_panic(text in "[a\",\r\n]{0,40}") {
            let _ = parse(&text);
        }
    }
}

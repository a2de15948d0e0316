//! Comma-separated values (RFC 4180) whose fields know where they stand.

use super::{Problem, Problems};
use std::collections::BTreeMap;

/// One field and the place of its first character, from 1.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Field {
    pub(super) text: String,
    pub(super) line: usize,
    pub(super) column: usize,
}

/// A file with a header.
pub(super) struct Table {
    file: &'static str,
    columns: BTreeMap<String, usize>,
    rows: Vec<Vec<Field>>,
}

/// One line of a file.
#[derive(Clone, Copy)]
pub(super) struct Row<'t> {
    table: &'t Table,
    fields: &'t [Field],
}

impl Table {
    /// Reads a file; one that is missing or empty has no rows.
    pub(super) fn read(file: &'static str, text: &str) -> Result<Self, Problems> {
        let mut rows = records(file, text.trim_start_matches('\u{feff}'))?.into_iter();
        let header = rows.next().unwrap_or_default();
        let columns = header.iter().enumerate();
        let columns = columns.map(|(n, field)| (field.text.trim().to_owned(), n));
        let table = Self {
            file,
            columns: columns.collect(),
            rows: rows.collect(),
        };
        let width = header.len();
        let ragged = table.rows.iter().find(|row| row.len() != width);
        match ragged.and_then(|row| Some((row.first()?, row.len()))) {
            Some((first, got)) => {
                let what = format!("this line has {got} fields, the header {width}");
                Err(table.problem(first, what).into())
            }
            None => Ok(table),
        }
    }

    pub(super) fn rows(&self) -> impl Iterator<Item = Row<'_>> {
        self.rows.iter().map(|fields| Row {
            table: self,
            fields: fields.as_slice(),
        })
    }

    pub(super) fn has(&self, column: &str) -> bool {
        self.columns.contains_key(column)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// Something that is wrong with the file as a whole.
    pub(super) fn wrong(&self, what: impl Into<String>) -> Problem {
        Problem {
            file: self.file.to_owned(),
            line: 1,
            column: 1,
            what: what.into(),
        }
    }

    fn problem(&self, at: &Field, what: String) -> Problem {
        Problem {
            file: self.file.to_owned(),
            line: at.line,
            column: at.column,
            what,
        }
    }
}

impl<'t> Row<'t> {
    /// The field of a column, unless it is empty.
    pub(super) fn get(&self, column: &str) -> Option<&'t Field> {
        let field = self.fields.get(*self.table.columns.get(column)?)?;
        (!field.text.is_empty()).then_some(field)
    }

    /// Its text, or nothing.
    pub(super) fn text(&self, column: &str) -> &'t str {
        self.get(column).map_or("", |field| field.text.as_str())
    }

    /// The field of a column that must not be empty.
    pub(super) fn need(&self, column: &str) -> Result<&'t Field, Problem> {
        self.get(column)
            .ok_or_else(|| self.wrong(column, format!("{column} is missing")))
    }

    /// A number that must stand there.
    pub(super) fn number<N: std::str::FromStr>(&self, column: &str) -> Result<N, Problem> {
        let field = self.need(column)?;
        let bad = || format!("{column} is {:?}, expected a number", field.text);
        field.text.parse().map_err(|_| self.wrong(column, bad()))
    }

    /// What is wrong with a field, or with its line when there is no such column.
    pub(super) fn wrong(&self, column: &str, what: impl Into<String>) -> Problem {
        let number = self.table.columns.get(column).copied().unwrap_or_default();
        match self.fields.get(number) {
            Some(field) => self.table.problem(field, what.into()),
            None => self.table.wrong(what),
        }
    }
}

/// The fields of one line.
pub(super) fn fields(file: &'static str, line: &str) -> Result<Vec<String>, Problem> {
    let record = records(file, line)?.into_iter().next();
    let fields = record.unwrap_or_default().into_iter();
    Ok(fields.map(|field| field.text).collect())
}

/// The records of a text; blank lines are none.
fn records(file: &'static str, text: &str) -> Result<Vec<Vec<Field>>, Problem> {
    let (mut records, mut record) = (Vec::new(), Vec::new());
    let (mut line, mut column) = (1_usize, 1_usize);
    let mut field = Field {
        text: String::new(),
        line,
        column,
    };
    let mut quoted = false;
    let mut chars = text.chars().filter(|c| *c != '\r').peekable();
    while let Some(c) = chars.next() {
        column += 1;
        match (c, quoted) {
            ('"', true) if chars.peek() == Some(&'"') => {
                chars.next();
                column += 1;
                field.text.push('"');
            }
            ('"', true) => quoted = false,
            ('"', false) if field.text.is_empty() => quoted = true,
            (',', false) | ('\n', false) => {
                if c == '\n' {
                    (line, column) = (line + 1, 1);
                }
                let next = Field {
                    text: String::new(),
                    line,
                    column,
                };
                record.push(std::mem::replace(&mut field, next));
                if c == '\n' {
                    end(&mut records, &mut record);
                }
            }
            (c, _) => {
                if c == '\n' {
                    (line, column) = (line + 1, 1);
                }
                field.text.push(c);
            }
        }
    }
    if quoted {
        return Err(Problem {
            file: file.to_owned(),
            line: field.line,
            column: field.column,
            what: "this quotation mark is never closed".to_owned(),
        });
    }
    record.push(field);
    end(&mut records, &mut record);
    Ok(records)
}

fn end(records: &mut Vec<Vec<Field>>, record: &mut Vec<Field>) {
    let record = std::mem::take(record);
    if record.len() > 1 || record.iter().any(|field| !field.text.is_empty()) {
        records.push(record);
    }
}

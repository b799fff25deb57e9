//! The hand-written file: one line per film, thirteen columns between tabs, values of a column between `; `.
//!
//! The reader is strict, so that a slip of the hand is found by its line and not by a strange graph.

use std::collections::BTreeSet;

/// The columns, in order.
pub(crate) const COLUMNS: [&str; 13] = [
    "title",
    "year",
    "directors",
    "cast",
    "writers",
    "composers",
    "cinematographers",
    "genres",
    "countries",
    "studios",
    "series",
    "sequel_of",
    "based_on",
];

/// The genres a film may have; a closed list keeps spellings together.
const GENRES: [&str; 21] = [
    "Action",
    "Adventure",
    "Animation",
    "Biography",
    "Comedy",
    "Crime",
    "Drama",
    "Family",
    "Fantasy",
    "Film noir",
    "History",
    "Horror",
    "Music",
    "Musical",
    "Mystery",
    "Romance",
    "Science fiction",
    "Sport",
    "Thriller",
    "War",
    "Western",
];

/// What is wrong with the facts, and in which line (from 1; 0 for the whole file).
#[derive(Debug, thiserror::Error)]
#[error("{line}: {reason}")]
pub(crate) struct Wrong {
    /// Line of the file.
    pub(crate) line: usize,
    /// What is wrong and what is allowed.
    pub(crate) reason: String,
}

impl Wrong {
    /// Something wrong in a line.
    pub(crate) fn new(line: usize, reason: impl Into<String>) -> Self {
        Self { line, reason: reason.into() }
    }
}

/// One film and what is known about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Film {
    /// Line in the file, from 1.
    pub(crate) line: usize,
    /// Title without the year.
    pub(crate) title: String,
    /// Year of first release.
    pub(crate) year: u16,
    /// Column (an index of [`COLUMNS`]) and value of every fact, in the order of the line.
    pub(crate) facts: Vec<(usize, String)>,
}

impl Film {
    /// Title and year, such as `The Godfather (1972)`: the name by which films refer to each other.
    pub(crate) fn label(&self) -> String {
        format!("{} ({})", self.title, self.year)
    }
}

/// Reads the whole file.
pub(crate) fn parse(text: &str) -> Result<Vec<Film>, Wrong> {
    let mut lines = text.lines();
    if lines.next() != Some(COLUMNS.join("\t").as_str()) {
        return Err(Wrong::new(1, format!("the first line must name the columns {}", COLUMNS.join(", "))));
    }
    let films = lines.enumerate().map(|(index, line)| film(index + 2, line)).collect::<Result<Vec<_>, _>>()?;
    check_order(&films)?;
    Ok(films)
}

fn film(line: usize, text: &str) -> Result<Film, Wrong> {
    let fields: Vec<_> = text.split('\t').collect();
    let [title, year, columns @ ..] = fields.as_slice() else {
        return Err(Wrong::new(line, "expected a title and a year"));
    };
    if fields.len() != COLUMNS.len() {
        return Err(Wrong::new(line, format!("expected {} columns, got {}", COLUMNS.len(), fields.len())));
    }
    check_value(line, "title", title)?;
    let year = year.parse().ok().filter(|y| (1888..2100).contains(y));
    let year = year.ok_or_else(|| Wrong::new(line, "the year must be a number of four digits"))?;
    let mut facts = Vec::new();
    for (column, field) in columns.iter().enumerate().map(|(index, field)| (index + 2, field)) {
        for value in values(line, column, field)? {
            facts.push((column, value.to_owned()));
        }
    }
    Ok(Film { line, title: (*title).to_owned(), year, facts })
}

/// The values of a field; none when it is empty.
fn values(line: usize, column: usize, field: &str) -> Result<Vec<&str>, Wrong> {
    let name = COLUMNS.get(column).copied().unwrap_or_default();
    let single = matches!(name, "series" | "sequel_of" | "based_on");
    let values: Vec<_> = match field {
        "" => Vec::new(),
        field if single => vec![field],
        field => field.split("; ").collect(),
    };
    for value in &values {
        check_value(line, name, value)?;
        if name == "genres" && !GENRES.contains(value) {
            return Err(Wrong::new(line, format!("genres: `{value}` is not one of {}", GENRES.join(", "))));
        }
    }
    if values.iter().collect::<BTreeSet<_>>().len() != values.len() {
        return Err(Wrong::new(line, format!("{name}: a value is given twice")));
    }
    Ok(values)
}

fn check_value(line: usize, name: &str, value: &str) -> Result<(), Wrong> {
    if value.is_empty() || value != value.trim() || value.contains(';') {
        return Err(Wrong::new(line, format!("{name}: `{value}`: values stand between `; `, without blanks around")));
    }
    Ok(())
}

/// Sorted by year and title, hence no film twice and small differences between versions.
fn check_order(films: &[Film]) -> Result<(), Wrong> {
    for (film, next) in films.iter().zip(films.iter().skip(1)) {
        if (film.year, &film.title) >= (next.year, &next.title) {
            let reason = format!("`{}` must stand before `{}`: sort by year, then title", next.label(), film.label());
            return Err(Wrong::new(next.line, reason));
        }
    }
    Ok(())
}

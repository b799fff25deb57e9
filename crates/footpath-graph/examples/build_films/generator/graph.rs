//! The facts as a graph: entities with readable ids, relations with a reading in both directions, triples.

use super::facts::{Film, Wrong};
use std::collections::BTreeMap;

/// A relation and how to read it.
pub(crate) struct Relation {
    /// Name and id.
    pub(crate) name: &'static str,
    /// From head to tail.
    pub(crate) forward: &'static str,
    /// From tail to head.
    pub(crate) inverse: &'static str,
    /// Type of every tail.
    pub(crate) tail: &'static str,
}

const fn relation(name: &'static str, forward: &'static str, inverse: &'static str, tail: &'static str) -> Relation {
    Relation { name, forward, inverse, tail }
}

/// The relations, in the order of the columns they come from; the last two have no column of their own.
pub(crate) const RELATIONS: [Relation; 13] = [
    relation("directed_by", "was directed by", "directed", "person"),
    relation("starring", "stars", "stars in", "person"),
    relation("written_by", "was written by", "wrote", "person"),
    relation("music_by", "has music by", "composed the music of", "person"),
    relation("shot_by", "was shot by", "shot", "person"),
    relation("has_genre", "has the genre", "is the genre of", "genre"),
    relation("from_country", "has the country of origin", "is the country of origin of", "country"),
    relation("produced_by", "was produced or released by", "produced or released", "company"),
    relation("part_of_series", "is part of the series", "is the series that includes", "series"),
    relation("sequel_of", "is the sequel to", "was followed by", "film"),
    relation("based_on", "is based on", "is the basis of", "work"),
    relation("remake_of", "is a remake of", "was remade as", "film"),
    relation("released_in", "was released in the", "is the release decade of", "decade"),
];

const FIRST_RELATION_COLUMN: usize = 2;
const BASED_ON: usize = 10;
const REMAKE_OF: usize = 11;
const RELEASED_IN: usize = 12;

/// An entity; a film is the entity of the same number.
pub(crate) struct Entity {
    /// Readable and stable: made from the type and the label alone.
    pub(crate) id: String,
    /// One of the tails of [`RELATIONS`].
    pub(crate) kind: &'static str,
    /// Name for people.
    pub(crate) label: String,
}

/// A fact about a film, by numbers.
pub(crate) struct Fact {
    /// The film, an index of [`Graph::entities`].
    pub(crate) head: usize,
    /// An index of [`RELATIONS`].
    pub(crate) relation: usize,
    /// An index of [`Graph::entities`].
    pub(crate) tail: usize,
}

/// Everything that is known about the films.
#[derive(Default)]
pub(crate) struct Graph {
    /// Year of each film.
    pub(crate) years: Vec<u16>,
    /// The films, in the order of the file, then everything else in the order it is first named.
    pub(crate) entities: Vec<Entity>,
    /// The facts, film by film.
    pub(crate) facts: Vec<Fact>,
    numbers: BTreeMap<String, usize>,
}

impl Graph {
    /// Turns films into a graph; refuses a sequel or remake of a film that is not there.
    pub(crate) fn new(films: &[Film]) -> Result<Self, Wrong> {
        let mut graph = Self::default();
        for film in films {
            graph.years.push(film.year);
            graph.entity(film.line, "film", &film.label())?;
        }
        if graph.entities.len() != films.len() {
            return Err(Wrong::new(0, "two films have the same id"));
        }
        for (head, film) in films.iter().enumerate() {
            graph.add(head, film)?;
        }
        Ok(graph)
    }

    fn add(&mut self, head: usize, film: &Film) -> Result<(), Wrong> {
        for (column, value) in &film.facts {
            self.fact(film.line, head, relation_of(*column, value), value)?;
        }
        self.fact(film.line, head, RELEASED_IN, &format!("{}0s", film.year / 10))
    }

    fn fact(&mut self, line: usize, head: usize, relation: usize, value: &str) -> Result<(), Wrong> {
        let kind = RELATIONS.get(relation).map(|r| r.tail);
        let kind = kind.ok_or_else(|| Wrong::new(line, format!("`{value}` is in a column without a relation")))?;
        let known = self.entities.len();
        let tail = self.entity(line, kind, value)?;
        if kind == "film" && (tail == known || tail == head) {
            return Err(Wrong::new(line, format!("there is no other film `{value}` in the file")));
        }
        self.facts.push(Fact { head, relation, tail });
        Ok(())
    }

    fn entity(&mut self, line: usize, kind: &'static str, label: &str) -> Result<usize, Wrong> {
        let id = id(kind, label).map_err(|reason| Wrong::new(line, reason))?;
        let number = *self.numbers.entry(id.clone()).or_insert(self.entities.len());
        match self.entities.get(number) {
            None => self.entities.push(Entity { id, kind, label: label.to_owned() }),
            Some(entity) if entity.label != label => {
                return Err(Wrong::new(line, format!("`{label}` and `{}` have the same id {id}", entity.label)));
            }
            Some(_) => {}
        }
        Ok(number)
    }
}

/// A film based on a film of the file, written `Title (Year)`, is a remake; any other earlier work has its kind in the
/// brackets.
fn relation_of(column: usize, value: &str) -> usize {
    let relation = column - FIRST_RELATION_COLUMN;
    let bracket = value.rsplit_once(" (").and_then(|(_, rest)| rest.strip_suffix(')')).unwrap_or_default();
    if relation == BASED_ON && bracket.parse::<u16>().is_ok() { REMAKE_OF } else { relation }
}

/// The id of an entity: its type (left out for films) and its label in lower-case ASCII.
fn id(kind: &str, label: &str) -> Result<String, String> {
    let mut id = if kind == "film" { String::new() } else { kind.to_owned() };
    let mut gap = !id.is_empty();
    for c in label.chars() {
        let plain = ascii(c).ok_or_else(|| format!("`{c}` in `{label}` has no ASCII spelling yet: add one"))?;
        if plain == "-" {
            gap = !id.is_empty();
        } else if !plain.is_empty() {
            id.push_str(if gap { "-" } else { "" });
            id.push_str(&plain);
            gap = false;
        }
    }
    Ok(id)
}

/// A letter for ids: `-` for anything that separates words, nothing for an apostrophe or a full stop.
fn ascii(c: char) -> Option<String> {
    let plain = match c {
        '\'' | '.' => "",
        'á' | 'à' | 'å' | 'ä' | 'ă' | 'Á' => "a",
        'ç' | 'č' => "c",
        'ð' => "d",
        'é' | 'è' | 'ë' | 'É' => "e",
        'í' | 'î' | 'ï' => "i",
        'ł' | 'Ł' => "l",
        'ñ' | 'ń' => "n",
        'ó' | 'ô' | 'ö' | 'ø' => "o",
        'ř' => "r",
        'ś' | 'š' => "s",
        'ß' => "ss",
        'ú' | 'ü' => "u",
        'Ż' => "z",
        '½' => "-and-a-half",
        '–' => "-",
        c if c.is_ascii_alphanumeric() => return Some(c.to_ascii_lowercase().to_string()),
        c if c.is_ascii() => "-",
        _ => return None,
    };
    Some(plain.to_owned())
}

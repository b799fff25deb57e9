//! Proposes which entity of a graph an item of a log is, by title and year.
//!
//! Titles are compared as [`Title`] reads them: without case, accents, punctuation, leading articles and what stands in
//! brackets at the end. First those that are the same; then, for items that are left, those that are nearest by the
//! share of characters that edits leave (Damerau–Levenshtein). Each proposal has a score, and nothing is decided where
//! two entities are equally near: that is said, with both.
//!
//! ```
//! use footpath_core::Context;
//! use footpath_graph::link::{self, Options, Outcome, Titled};
//!
//! let titled = |id: &str, title: &str| Titled { id: id.into(), title: title.into(), ..Titled::default() };
//! let items = [titled("2571", "Matrix, The (1999)")];
//! let entities = [titled("dbr:The_Matrix", "The Matrix"), titled("dbr:Matrix", "Matrix (mathematics)")];
//! let links = link::propose(&items, &entities, &Options::default(), &Context::default())?;
//! assert_eq!(links[0].outcome, Outcome::Ambiguous, "nothing says which of the two");
//! let films = Options { kinds: vec!["film".into()], ..Options::default() };
//! let entities = [Titled { kind: "film".into(), ..entities[0].clone() }, entities[1].clone()];
//! assert_eq!(link::propose(&items, &entities, &films, &Context::default())?[0].entities, [0]);
//! # Ok::<(), footpath_graph::Error>(())
//! ```

mod nearest;
mod title;

use crate::error::{Error, Result};
use footpath_core::Context;
use nearest::Nearest;
use rayon::prelude::*;
use serde::Serialize;
use std::collections::{HashMap, HashSet};
pub use title::Title;

/// Score for years that are one apart: releases differ by country.
const YEAR_APART: f64 = 0.95;
/// Score where the year of one is not known.
const YEAR_UNKNOWN: f64 = 0.97;
/// Score for another title of the item than its first.
const OTHER_TITLE: f64 = 0.97;
/// Entities that are named where nothing is decided.
const MAX_RIVALS: usize = 3;
/// Scores that differ by less are equal.
const EQUAL: f64 = 1e-9;

/// What has an id and a title.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Titled {
    /// Its id.
    pub id: String,
    /// Its type; empty where that is not known.
    pub kind: String,
    /// Its title or label.
    pub title: String,
    /// Its year, where a table has one; else that in the title counts.
    pub year: Option<i32>,
}

/// How to propose.
#[derive(Clone, Debug, PartialEq)]
pub struct Options {
    /// Only entities of these types; all, if there are none.
    pub kinds: Vec<String>,
    /// The lowest score of a proposal, in (0, 1].
    pub min_score: f64,
}

impl Default for Options {
    fn default() -> Self {
        Self { kinds: Vec::new(), min_score: 0.9 }
    }
}

/// What became of an item.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// An entity with the same title.
    Same,
    /// An entity with nearly the same title.
    Near,
    /// Several entities are equally near; none is proposed.
    Ambiguous,
    /// The entity is another item's, which is nearer.
    Taken,
    /// No entity is near enough.
    None,
}

impl Outcome {
    /// As tables write it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Same => "same",
            Self::Near => "near",
            Self::Ambiguous => "ambiguous",
            Self::Taken => "taken",
            Self::None => "none",
        }
    }
}

/// The proposal for an item.
#[derive(Clone, Debug, PartialEq)]
pub struct Link {
    /// What became of it.
    pub outcome: Outcome,
    /// How sure it is, in (0, 1]; 0 where there is no entity.
    pub score: f64,
    /// The entity that is proposed, as its place in the list; where none is, those that came closest, at most three.
    pub entities: Vec<usize>,
}

/// Proposes an entity for each item, in the order of the items. No entity is proposed twice. The same for any number of
/// threads.
///
/// Time grows with items × entities that share rare parts of their titles; memory with the titles of the entities.
///
/// # Errors
/// [`Error::Usage`] for options that make no sense; [`footpath_core::Error::Stopped`].
pub fn propose(items: &[Titled], entities: &[Titled], options: &Options, context: &Context) -> Result<Vec<Link>> {
    if !(options.min_score > 0.0 && options.min_score <= 1.0) {
        let reason = format!("{} is not above 0 and at most 1", options.min_score);
        return Err(Error::Usage { option: "min-score", reason });
    }
    refuse_absent_kinds(entities, &options.kinds)?;
    let known = Known::new(entities, options, context)?;
    let stage = context.stage("linking", Some(items.len() as u64), "items");
    let one = |item: &Titled| {
        stage.advance(1)?;
        Ok(known.link(&Title::new(&item.title, item.year)))
    };
    let mut links = context.run(|| items.par_iter().map(one).collect::<Result<Vec<Link>>>())??;
    settle_taken(&mut links);
    Ok(links)
}

/// Refuses types that no entity has.
fn refuse_absent_kinds(entities: &[Titled], kinds: &[String]) -> Result<()> {
    let there: HashSet<&str> = entities.iter().map(|entity| entity.kind.as_str()).collect();
    let Some(absent) = kinds.iter().find(|kind| !there.contains(kind.as_str())) else { return Ok(()) };
    let mut there: Vec<&str> = there.into_iter().filter(|kind| !kind.is_empty()).collect();
    there.sort_unstable();
    let reason = format!("no entity is of type `{absent}`; there are {}", there.join(", "));
    Err(Error::Usage { option: "type", reason })
}

/// Entities, as they are looked up.
struct Known {
    titles: Vec<Title>,
    /// Entities by the first reading of their titles.
    by_key: HashMap<String, Vec<usize>>,
    nearest: Nearest,
    min_score: f64,
}

impl Known {
    fn new(entities: &[Titled], options: &Options, context: &Context) -> Result<Self> {
        let counts = |entity: &Titled| options.kinds.is_empty() || options.kinds.contains(&entity.kind);
        let title = |entity: &Titled| {
            context.check()?;
            Ok(if counts(entity) { Title::new(&entity.title, entity.year) } else { Title::default() })
        };
        let titles = context.run(|| entities.par_iter().map(title).collect::<Result<Vec<Title>>>())??;
        let mut by_key: HashMap<String, Vec<usize>> = HashMap::new();
        for (place, title) in titles.iter().enumerate() {
            // What stands in the brackets of an entity's label tells it from others and is no name of it.
            if let Some(key) = title.keys.first() {
                by_key.entry(key.clone()).or_default().push(place);
            }
        }
        let nearest = Nearest::new(titles.iter().map(|title| title.keys.first().map_or("", String::as_str)), context)?;
        Ok(Self { titles, by_key, nearest, min_score: options.min_score })
    }

    fn link(&self, item: &Title) -> Link {
        let same = self.best(item, |key| {
            let found = self.by_key.get(key).map(Vec::as_slice).unwrap_or_default();
            found.iter().map(|&place| (place, 1.0)).collect()
        });
        let (outcome, mut best) = match same.is_empty() {
            false => (Outcome::Same, same),
            true => (Outcome::Near, self.best(item, |key| self.nearest.find(key, self.min_score))),
        };
        let Some(&(_, score)) = best.first() else {
            return Link { outcome: Outcome::None, score: 0.0, entities: Vec::new() };
        };
        best.retain(|(_, other)| score - other < EQUAL);
        let outcome = if best.len() > 1 { Outcome::Ambiguous } else { outcome };
        best.truncate(MAX_RIVALS);
        Link { outcome, score, entities: best.into_iter().map(|(place, _)| place).collect() }
    }

    /// Entities that score enough, the best first, of those that are found for the readings of a title.
    fn best(&self, item: &Title, find: impl Fn(&str) -> Vec<(usize, f64)>) -> Vec<(usize, f64)> {
        let mut scores: HashMap<usize, f64> = HashMap::new();
        for (number, key) in item.keys.iter().enumerate() {
            for (place, similarity) in find(key) {
                let Some(entity) = self.titles.get(place) else { continue };
                let reading = if number == 0 { 1.0 } else { OTHER_TITLE };
                let score = similarity * reading * years(item.year, entity.year);
                let known = scores.entry(place).or_default();
                *known = known.max(score);
            }
        }
        let mut best: Vec<(usize, f64)> = scores.into_iter().filter(|(_, score)| *score >= self.min_score).collect();
        best.sort_unstable_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
        best
    }
}

/// What two years say of whether the same is meant.
fn years(item: Option<i32>, entity: Option<i32>) -> f64 {
    match (item, entity) {
        (Some(a), Some(b)) => match a.abs_diff(b) {
            0 => 1.0,
            1 => YEAR_APART,
            _ => 0.0,
        },
        (None, None) => 1.0,
        _ => YEAR_UNKNOWN,
    }
}

/// Leaves each entity to the item that is nearest; of several, to the first.
fn settle_taken(links: &mut [Link]) {
    let is_proposed = |link: &Link| matches!(link.outcome, Outcome::Same | Outcome::Near);
    let mut order: Vec<usize> = (0..links.len()).filter(|&place| links.get(place).is_some_and(is_proposed)).collect();
    let score = |place: usize| links.get(place).map_or(0.0, |link| link.score);
    order.sort_by(|&a, &b| score(b).total_cmp(&score(a)).then(a.cmp(&b)));
    let mut taken = HashSet::new();
    for place in order {
        let Some(link) = links.get_mut(place) else { continue };
        if !link.entities.iter().all(|entity| taken.insert(*entity)) {
            link.outcome = Outcome::Taken;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn titled(id: &str, title: &str, year: Option<i32>) -> Titled {
        Titled { id: id.to_owned(), kind: "film".to_owned(), title: title.to_owned(), year }
    }

    fn outcomes(items: &[&str], entities: &[(&str, Option<i32>)]) -> Vec<(Outcome, Vec<usize>)> {
        let items: Vec<Titled> = items.iter().map(|title| titled(title, title, None)).collect();
        let entities: Vec<Titled> = entities.iter().map(|(title, year)| titled(title, title, *year)).collect();
        let links = propose(&items, &entities, &Options::default(), &Context::default()).expect("proposed");
        links.into_iter().map(|link| (link.outcome, link.entities)).collect()
    }

    #[test]
    fn years_decide_between_equal_titles() {
        let entities = [("Beauty and the Beast (1991 film)", None), ("Beauty and the Beast", Some(2017))];
        let items = ["Beauty and the Beast (1991)", "Beauty and the Beast (2017)", "Beauty and the Beast (1946)"];
        let expected = [(Outcome::Same, vec![0]), (Outcome::Same, vec![1]), (Outcome::None, vec![])];
        assert_eq!(outcomes(&items, &entities), expected);
        assert_eq!(outcomes(&["Beauty and the Beast"], &entities), [(Outcome::Ambiguous, vec![0, 1])]);
    }

    #[test]
    fn an_entity_goes_to_the_item_that_is_nearest() {
        let entities = [("Amélie", Some(2001))];
        let items = ["Amelie (2000)", "Amelie (2001)", "Amelia (2001)"];
        let expected = [(Outcome::Taken, vec![0]), (Outcome::Same, vec![0]), (Outcome::None, vec![])];
        assert_eq!(outcomes(&items, &entities), expected);
    }

    #[test]
    fn misspelt_titles_are_near_and_short_ones_must_be_the_same() {
        let entities = [("The Shawshank Redemption", None), ("Heat", None), ("Se7en", None)];
        let items = ["Shawshenk Redemption, The", "Meat", "Seven"];
        let expected = [(Outcome::Near, vec![0]), (Outcome::None, vec![]), (Outcome::None, vec![])];
        assert_eq!(outcomes(&items, &entities), expected);
    }

    #[test]
    fn scores_out_of_range_and_types_that_nothing_has_are_refused() {
        let entities = [titled("a", "A", None)];
        for options in [
            Options { min_score: 0.0, ..Options::default() },
            Options { min_score: f64::NAN, ..Options::default() },
            Options { kinds: vec!["book".to_owned()], ..Options::default() },
        ] {
            let refused = propose(&entities, &entities, &options, &Context::default());
            assert!(matches!(refused, Err(Error::Usage { .. })), "{options:?}");
        }
    }
}

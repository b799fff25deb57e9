//! Paths for models that are trained elsewhere: fresh draws for ever, as rows of tokens, and beside each token of a row
//! the other tokens that the graph allows there.
//!
//! ```no_run
//! use footpath::draws::Draws;
//! use footpath::pattern::Shape;
//! use footpath::sample::SampleSpec;
//! use footpath::{Context, Kg};
//!
//! # fn main() -> footpath::Result<()> {
//! let context = Context::default();
//! let kg = Kg::open("kg".as_ref(), &context)?;
//! let draws = Draws::new(&kg, &Shape::default(), &SampleSpec::training(), &context)?;
//! let rows = draws.rows(&[0, 1, 2], 0..10, &context)?;
//! let rivals = draws.rivals(&rows, 24, 0, &context)?;
//! assert_eq!(rivals.ends.len(), rows.len());
//! # Ok(())
//! # }
//! ```

use crate::artefacts::kg::Kg;
use crate::error::{Error, Result};
use crate::pattern::Shape;
use footpath_core::{Context, LegalSuccessors, Purpose, Stream, Vocabulary};
use footpath_graph::legal::Legal;
use footpath_graph::sample::{MixtureSampler, SampleSpec, Scratch};
use rayon::prelude::*;
use std::ops::Range;
use std::sync::{Arc, OnceLock};

/// Most rivals of a token.
pub const MAX_RIVALS: usize = 65_536;

/// Draws paths of users, and says what else was legal.
#[derive(Debug)]
pub struct Draws {
    kg: Kg,
    sampler: MixtureSampler,
    shape: Shape,
    seed: u64,
    /// Made when it is first asked for: drawing alone does without.
    legal: OnceLock<Legal>,
}

const _: () = {
    const fn is_shared_freely<T: Send + Sync + 'static>() {}
    is_shared_freely::<Draws>();
};

/// The legal alternatives to the tokens of some rows.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Rivals {
    /// Those of the first token of the first row, of the second, and so on.
    pub tokens: Vec<u32>,
    /// Where those of each token end in `tokens`; a padding has none, nor has a token that had no alternative.
    pub ends: Vec<u64>,
    /// Natural logarithm of how many tokens each rival of a token stands for; 0 where all are there.
    pub log_weights: Vec<f32>,
}

impl Draws {
    /// Prepares to draw paths of a shape by a law.
    ///
    /// # Errors
    /// A bad pattern or law, [`footpath_core::Error::Stopped`].
    pub fn new(kg: &Kg, shape: &Shape, spec: &SampleSpec, context: &Context) -> Result<Self> {
        let mixture = shape.mixture(kg)?;
        spec.validate(kg)?;
        let sampler = context.run(|| MixtureSampler::new(kg, &mixture, spec, context))??;
        Ok(Self { kg: kg.clone(), sampler, shape: shape.clone(), seed: spec.seed, legal: OnceLock::new() })
    }

    /// Tokens of a row.
    #[must_use]
    pub fn row_width(&self) -> usize {
        self.sampler.row_width()
    }

    /// The rows of these draws of each user, user after user; one who has no path has no row. A row is a function of
    /// the seed, the user and the number of the draw.
    ///
    /// `users` are numbers from 0, in the order of their ids.
    ///
    /// # Errors
    /// [`Error::Usage`] for a number that no user has; [`footpath_core::Error::Stopped`].
    pub fn rows(&self, users: &[u32], draws: Range<u64>, context: &Context) -> Result<Vec<u32>> {
        let all = self.kg.users();
        if let Some(number) = users.iter().find(|number| **number as usize >= all.len()) {
            let reason = format!("there is no user {number}; the graph has {}, counted from 0", all.len());
            return Err(Error::Usage { option: "users", reason });
        }
        let rows = |scratch: &mut Scratch, number: &u32| {
            context.check()?;
            let node = all.start + number;
            self.sampler.rows(node..node + 1, draws.clone(), scratch, context)
        };
        let drawn: Vec<Vec<u32>> = context.run(|| {
            let drawn = users.par_iter().map_init(Scratch::default, rows);
            drawn.collect::<footpath_graph::Result<_>>()
        })??;
        Ok(drawn.concat())
    }

    /// For every token of some rows the others that could have stood there on the way to an item that the user has not
    /// chosen: all of them where there are at most `count`, else a sample of about as many.
    ///
    /// `first` numbers the rows since training began, so that the draw depends on neither threads nor restarts.
    ///
    /// # Errors
    /// [`Error::Usage`] for a number of rivals that is 0 or above [`MAX_RIVALS`], and for rows of another width;
    /// [`footpath_core::Error::Stopped`].
    pub fn rivals(&self, rows: &[u32], count: usize, first: u64, context: &Context) -> Result<Rivals> {
        if !(1..=MAX_RIVALS).contains(&count) {
            let reason = format!("must be 1 to {MAX_RIVALS}, got {count}");
            return Err(Error::Usage { option: "rivals", reason });
        }
        if !rows.len().is_multiple_of(self.row_width()) {
            let reason = format!("{} tokens are no rows of {}", rows.len(), self.row_width());
            return Err(Error::Usage { option: "rows", reason });
        }
        let legal = self.legal(context)?;
        let of_row = |(number, row): (u64, &[u32])| {
            context.check()?;
            Ok(rivals_of(legal, row, count, &mut Stream::new(self.seed, Purpose::Negatives, 0, number)))
        };
        let numbered = || (first..).zip(rows.chunks(self.row_width())).collect::<Vec<_>>();
        let of_rows: Vec<Rivals> = context.run(|| numbered().into_par_iter().map(of_row).collect::<Result<_>>())??;
        let mut all = Rivals::default();
        for rivals in of_rows {
            let before = all.tokens.len() as u64;
            all.tokens.extend(rivals.tokens);
            all.ends.extend(rivals.ends.iter().map(|end| before + end));
            all.log_weights.extend(rivals.log_weights);
        }
        Ok(all)
    }

    fn legal(&self, context: &Context) -> Result<&Legal> {
        if let Some(legal) = self.legal.get() {
            return Ok(legal);
        }
        let pattern = self.shape.mixture(&self.kg)?.union().clone();
        let made = context.run(|| Legal::new(Arc::clone(self.kg.train()), pattern, context))??;
        Ok(self.legal.get_or_init(|| made))
    }
}

fn rivals_of(legal: &Legal, row: &[u32], count: usize, stream: &mut Stream) -> Rivals {
    let path = row.split(|&token| token == Vocabulary::PADDING.0).next().unwrap_or_default();
    let mut rivals = Rivals::default();
    for position in 0..row.len() {
        // The first token is the user, whom nobody has to guess.
        let weight = match (1..path.len()).contains(&position) {
            true => legal.siblings(path, position, count, stream, &mut rivals.tokens),
            false => None,
        };
        rivals.ends.push(rivals.tokens.len() as u64);
        rivals.log_weights.push(weight.unwrap_or(0.0));
    }
    rivals
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::import::{self, DatasetBuilder, Interaction, Item, Source, Triple};
    use footpath_core::Replace;

    /// Films that Ann and Bob chose among, imported from memory.
    fn graph() -> (tempfile::TempDir, Kg) {
        let options = import::Options::default();
        let mut records = DatasetBuilder::new(&options).expect("options");
        let here = Source::default();
        for (head, tail) in [("a", "x"), ("b", "x"), ("c", "x"), ("c", "y"), ("d", "y")] {
            let triple = Triple { head, relation: "by", tail, weight: None };
            records.triple(here, &triple).expect("a triple");
        }
        for id in ["a", "b", "c", "d"] {
            records.item(here, &Item { id, entity: Some(id), title: None }).expect("an item");
        }
        for (user, item) in [("ann", "a"), ("ann", "b"), ("bob", "a"), ("bob", "d")] {
            let interaction = Interaction { user, item, ..Interaction::default() };
            records.interaction(here, &interaction).expect("an interaction");
        }
        let root = tempfile::tempdir().expect("temporary directory");
        let (out, context) = (root.path().join("kg"), Context::default());
        let imported = import::from_records(records, &out, &options, Replace::No, &context).expect("imported");
        assert_eq!((imported.report.graph.num_triples, imported.report.graph.num_train), (5, 4));
        let kg = Kg::open(&out, &context).expect("opens");
        (root, kg)
    }

    fn draws(kg: &Kg) -> Draws {
        Draws::new(kg, &Shape::default(), &SampleSpec::default(), &Context::default()).expect("draws")
    }

    #[test]
    fn parts_of_the_draws_are_the_draws() {
        let (_root, kg) = graph();
        let (draws, context) = (draws(&kg), Context::default());
        let rows = |users: &[u32], numbers| draws.rows(users, numbers, &context).expect("rows");
        let whole = rows(&[0], 0..8);
        assert_eq!(whole.len(), 8 * draws.row_width());
        assert_eq!(whole, [rows(&[0], 0..3), rows(&[0], 3..8)].concat());
        assert_eq!(rows(&[0, 1], 0..8), [whole, rows(&[1], 0..8)].concat());
        assert!(matches!(draws.rows(&[2], 0..1, &context), Err(Error::Usage { option: "users", .. })));
    }

    #[test]
    fn rivals_are_what_the_graph_allows_instead() {
        let (_root, kg) = graph();
        let (draws, context) = (draws(&kg), Context::default());
        let words = kg.words();
        let token = |word: &str| u32::try_from(words.iter().position(|w| w == word).expect(word)).expect("small");
        let path = ["user:ann", "interacted", "item:a", "by", "entity:x", "~by", "item:b"].map(token);
        let rivals = draws.rivals(&path, 9, 0, &context).expect("rivals");
        assert_eq!((rivals.ends.len(), rivals.log_weights.clone()), (7, vec![0.0; 7]));
        let of = |place: usize| {
            let start = place.checked_sub(1).map_or(0, |before| rivals.ends[before]);
            let tokens = start..rivals.ends[place];
            tokens.map(|at| words[rivals.tokens[at as usize] as usize].as_str()).collect::<Vec<_>>()
        };
        assert_eq!((of(0), of(2), of(4), of(6)), (vec![], vec!["item:b"], vec![], vec!["item:c"]));
        for bad in [draws.rivals(&path[1..], 9, 0, &context), draws.rivals(&path, 0, 0, &context)] {
            assert!(matches!(bad, Err(Error::Usage { .. })));
        }
    }
}

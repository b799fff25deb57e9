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

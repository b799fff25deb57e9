//! The baselines that take no time worth speaking of.

use super::{Baseline, ItemKnn, PathCount, Popularity, Random};
use crate::error::Result;
use footpath_core::Context;
use footpath_graph::TrainKg;

/// The baselines every evaluation reports, with their default options.
///
/// # Errors
/// A stop.
pub fn standard<'a>(kg: &'a TrainKg, seed: u64, context: &Context) -> Result<Vec<Box<dyn Baseline + 'a>>> {
    Ok(vec![
        Box::new(Random::new(kg, seed)),
        Box::new(Popularity::new(kg)),
        Box::new(PathCount::new(kg)),
        Box::new(PathCount::tempered(kg)),
        Box::new(ItemKnn::new(kg, ItemKnn::DEFAULT_NUM_NEIGHBOURS, context)?),
    ])
}

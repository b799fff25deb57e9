//! Columns become rows of tokens.

use super::super::alias::Code;
use super::super::kernel::{Draw, Form};
use super::super::layers::Layers;
use super::Walks;
use super::levels::{Arrival, Levels, none};
use footpath_core::{NodeId, Vocabulary};

/// Rows that are written column after column before the next ones: they stay in the first cache.
const BLOCK: usize = 128;

impl<C: Code> Walks<C> {
    /// Writes the walks from `first` on, one for each of `draws`, into `rows`, which are all padding. Those that are no paths, or did not
    /// come to an end, have to be drawn by other means: they are returned.
    pub(in super::super) fn write(
        &self,
        layers: &Layers<C>,
        form: Form,
        first: usize,
        mut draws: impl Iterator<Item = Draw>,
        may_end: impl Fn(&[u32]) -> bool,
        rows: &mut [u32],
    ) -> Vec<Draw> {
        let Some(levels) = Levels::of(layers, form.vocabulary) else { return draws.collect() };
        let first_token = form.vocabulary.node(NodeId(0)).0;
        let mut again = Vec::new();
        for (rows, first) in rows.chunks_mut(BLOCK * form.width).zip((first..).step_by(BLOCK)) {
            let columns = self.columns.iter().map(|column| column.get(first..).unwrap_or_default());
            let arrived: Vec<(&Arrival, &[C])> = levels.arrivals.iter().zip(columns).collect();
            for (hop, (arrival, codes)) in arrived.iter().enumerate() {
                write_hop(arrival, codes, hop, first_token, rows.chunks_exact_mut(form.width));
            }
            for (index, (row, draw)) in rows.chunks_exact(form.width).zip(&mut draws).enumerate() {
                let path = path_of(row);
                if !comes_to_an_end(&arrived, index) || form.simple && meets_again(path) || !may_end(path) {
                    again.push(draw);
                }
            }
        }
        again.extend(draws);
        again
    }
}

/// Writes where a hop led; hop 0 leads to the start.
#[inline]
fn write_hop<'r, C: Code>(
    arrival: &Arrival,
    codes: &[C],
    hop: usize,
    first_token: u32,
    rows: impl Iterator<Item = &'r mut [u32]>,
) {
    for (row, &code) in rows.zip(codes).filter(|(_, code)| **code != none()) {
        let (node, class) = code.unpack(arrival.shift);
        if hop == 0 {
            row.iter_mut().take(1).for_each(|token| *token = first_token + node);
        } else if let (Some(to), Some(&relation)) =
            (row.get_mut(2 * hop - 1..=2 * hop), arrival.relations.get(class as usize))
        {
            // Stopping has no relation.
            to.copy_from_slice(&[relation, first_token + node]);
        }
    }
}

/// Whether every hop of a walk was drawn up to one that ends it. After a hop that was not drawn none was.
#[inline]
fn comes_to_an_end<C: Code>(arrived: &[(&Arrival, &[C])], walker: usize) -> bool {
    let drawn = |(arrival, codes): &(&Arrival, &[C])| {
        let code = codes.get(walker).copied().filter(|&code| code != none())?;
        Some(arrival.onward(code).is_none())
    };
    match arrived.last().and_then(drawn) {
        Some(is_end) => is_end,
        None => arrived.iter().map_while(drawn).any(|is_end| is_end),
    }
}

/// The tokens of a row without its padding.
#[inline]
fn path_of(row: &[u32]) -> &[u32] {
    let padding = row.iter().rev().take_while(|&&token| token == Vocabulary::PADDING.0).count();
    row.get(..row.len() - padding).unwrap_or_default()
}

/// Whether a node of a path comes twice.
#[inline]
fn meets_again(path: &[u32]) -> bool {
    let mut nodes = path.iter().step_by(2);
    while let Some(node) = nodes.next() {
        if nodes.clone().any(|other| other == node) {
            return true;
        }
    }
    false
}

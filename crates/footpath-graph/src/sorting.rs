//! Sorting that can be stopped.

use crate::error::Result;
use footpath_core::Context;
use rayon::slice::ParallelSliceMut;
use std::cmp::Ordering;
use std::sync::atomic::Ordering::Relaxed;

/// Sorts in parallel. Once somebody asks for the end, all things compare as equal: the rest of the sort runs through at
/// once, and the order, which is none then, goes with whatever was sorted.
///
/// # Errors
/// [`footpath_core::Error::Stopped`].
pub(crate) fn sort_by<T: Send>(
    things: &mut [T],
    context: &Context,
    compare: impl Fn(&T, &T) -> Ordering + Sync,
) -> Result<()> {
    // Every comparison looks at it, so it must be a load and no more.
    let is_stopped = context.stop().flag();
    things.par_sort_unstable_by(|a, b| match is_stopped.load(Relaxed) {
        true => Ordering::Equal,
        false => compare(a, b),
    });
    Ok(context.check()?)
}

/// As [`sort_by`], by a key.
///
/// # Errors
/// As there.
pub(crate) fn sort_by_key<T: Send, K: Ord>(
    things: &mut [T],
    context: &Context,
    key: impl Fn(&T) -> K + Sync,
) -> Result<()> {
    sort_by(things, context, |a, b| key(a).cmp(&key(b)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_stopped_ends_in_an_error_and_all_else_is_sorted() {
        let context = Context::default();
        let mut numbers: Vec<u64> = (0..10_000).map(|n| n * 7919 % 10_007).collect();
        sort_by_key(&mut numbers, &context, |n| *n).expect("nobody asked");
        assert!(numbers.is_sorted());
        context.stop().request();
        assert!(sort_by_key(&mut numbers, &context, |n| std::cmp::Reverse(*n)).is_err());
    }
}

//! Large tables for random access: memory on huge pages, and asking for a cache line before it is needed.
//!
//! A random read from a table larger than the cache costs a cache miss, and on 4 KiB pages a miss of the address
//! translation as well. Huge pages spare the second; many reads on their way at once hide most of the first.

#![expect(unsafe_code, reason = "prefetching takes an address")]

use crate::arrays::Element;
use crate::error::{Error, Result};
use std::marker::PhantomData;
use std::ops::{Deref, DerefMut};
use zerocopy::{FromBytes, IntoBytes};

/// A table of numbers, zero at first, on huge pages where the system has them.
#[derive(Debug)]
pub struct HugeArray<T> {
    bytes: Option<memmap2::MmapMut>,
    element: PhantomData<T>,
}

impl<T: Element> HugeArray<T> {
    /// `len` zeros.
    ///
    /// # Errors
    /// [`Error::OutOfMemory`] when the system has no room for them.
    pub fn zeroed(len: usize) -> Result<Self> {
        let no_room = || Error::OutOfMemory { bytes: (len as u64).saturating_mul(size_of::<T>() as u64) };
        if len == 0 {
            return Ok(Self { bytes: None, element: PhantomData });
        }
        let size = len.checked_mul(size_of::<T>()).ok_or_else(no_room)?;
        let bytes = memmap2::MmapMut::map_anon(size).map_err(|_| no_room())?;
        // Only a hint: without huge pages the table is slower and otherwise the same.
        #[cfg(target_os = "linux")]
        let _ = bytes.advise(memmap2::Advice::HugePage);
        Ok(Self { bytes: Some(bytes), element: PhantomData })
    }

    /// The pieces, one after the other.
    ///
    /// # Errors
    /// As [`HugeArray::zeroed`].
    pub fn concat(pieces: &[Vec<T>]) -> Result<Self> {
        let mut array = Self::zeroed(pieces.iter().map(Vec::len).sum())?;
        let mut rest: &mut [T] = &mut array;
        for piece in pieces {
            let Some((head, tail)) = rest.split_at_mut_checked(piece.len()) else { break };
            head.copy_from_slice(piece);
            rest = tail;
        }
        Ok(array)
    }
}

impl<T: Element> Deref for HugeArray<T> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        // The map is page-aligned and its length a multiple of the element's, so the view always exists.
        self.bytes.as_deref().and_then(|bytes| <[T]>::ref_from_bytes(bytes.as_bytes()).ok()).unwrap_or_default()
    }
}

impl<T: Element> DerefMut for HugeArray<T> {
    fn deref_mut(&mut self) -> &mut [T] {
        self.bytes.as_deref_mut().and_then(|bytes| <[T]>::mut_from_bytes(bytes).ok()).unwrap_or_default()
    }
}

/// Asks for the cache line of an element that will be read soon; nothing happens for one out of range.
#[inline]
pub fn prefetch<T>(values: &[T], index: usize) {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: a prefetch neither reads nor writes what the program can see, and no address makes it fault, so that the
    // index need not be compared; the pointer is computed by wrapping and never followed.
    unsafe {
        std::arch::x86_64::_mm_prefetch::<{ std::arch::x86_64::_MM_HINT_T0 }>(
            values.as_ptr().wrapping_add(index).cast(),
        );
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = (values, index);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_follow_one_another() {
        let array = HugeArray::concat(&[vec![1u32, 2], vec![], vec![3]]).expect("room");
        assert_eq!(&array[..], [1, 2, 3]);
        assert!(HugeArray::<u64>::concat(&[]).expect("room").is_empty());
    }

    #[test]
    fn large_tables_start_at_zero_and_keep_what_is_written() {
        let mut array = HugeArray::<u64>::zeroed(3 << 20).expect("room");
        assert!(array.iter().all(|&value| value == 0));
        let last = array.len() - 1;
        array[last] = 7;
        prefetch(&array, last);
        prefetch(&array, last + 1);
        assert_eq!(array[last], 7);
    }

    #[test]
    fn more_than_there_is_is_an_error() {
        assert!(matches!(HugeArray::<u64>::zeroed(usize::MAX / 16), Err(Error::OutOfMemory { .. })));
    }
}

//! The numbers of a table: read where they lie in a file, until somebody changes them.

use footpath_core::Array;
use std::ops::{Deref, DerefMut};

/// Numbers in memory or in a mapped file; the first change copies those of a file, which stays as it is.
#[derive(Clone, Debug)]
pub struct Numbers(Place);

#[derive(Clone, Debug)]
enum Place {
    Memory(Vec<f32>),
    File(Array<f32>),
}

impl Numbers {
    /// The numbers, copied if they are in a file.
    #[must_use]
    pub fn into_vec(self) -> Vec<f32> {
        match self.0 {
            Place::Memory(numbers) => numbers,
            Place::File(numbers) => numbers.to_vec(),
        }
    }
}

impl From<Vec<f32>> for Numbers {
    fn from(numbers: Vec<f32>) -> Self {
        Self(Place::Memory(numbers))
    }
}

impl From<Array<f32>> for Numbers {
    fn from(numbers: Array<f32>) -> Self {
        Self(Place::File(numbers))
    }
}

impl Deref for Numbers {
    type Target = [f32];

    fn deref(&self) -> &[f32] {
        match &self.0 {
            Place::Memory(numbers) => numbers,
            Place::File(numbers) => numbers,
        }
    }
}

impl DerefMut for Numbers {
    fn deref_mut(&mut self) -> &mut [f32] {
        if let Place::File(numbers) = &self.0 {
            self.0 = Place::Memory(numbers.to_vec());
        }
        match &mut self.0 {
            Place::Memory(numbers) => numbers,
            // Has just been turned into memory.
            Place::File(_) => &mut [],
        }
    }
}

impl PartialEq for Numbers {
    fn eq(&self, other: &Self) -> bool {
        **self == **other
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use footpath_core::{ArrayFile, ArrayWriter};

    #[test]
    fn a_change_is_not_seen_by_the_file_nor_by_a_copy() {
        let path = tempfile::tempdir().expect("a directory").keep().join("numbers.safetensors");
        let mut file = std::fs::File::create(&path).expect("a file");
        ArrayWriter::default().with("x", &[1.0f32, 2.0]).write(&mut file).expect("written");
        let read = || Numbers::from(ArrayFile::open(&path).expect("arrays").array::<f32>("x").expect("numbers"));
        let (mut changed, copy) = (read(), read());
        changed[1] = 3.0;
        assert_eq!((&changed[..], &copy[..], &read()[..]), (&[1.0, 3.0][..], &[1.0, 2.0][..], &[1.0, 2.0][..]));
        assert_eq!(changed.into_vec(), [1.0, 3.0]);
        assert!(copy == Numbers::from(vec![1.0, 2.0]));
    }
}

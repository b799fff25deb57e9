//! `sample`, `count`, `export`.

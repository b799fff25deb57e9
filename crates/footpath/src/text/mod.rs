//! Text in and out: tables read line by line, lists and paths in words.

pub mod formats;
pub(crate) mod lines;
pub mod render;
pub(crate) mod words;

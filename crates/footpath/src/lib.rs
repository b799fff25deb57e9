//! Footpath: from a knowledge graph and a log of who chose what to recommendations that explain themselves.
//!
//! One function for each verb; the command line, and whatever else comes, is a thin layer over these.
//!
//! ```no_run
//! use footpath::{Threads, import, recommend, train};
//! use std::path::Path;
//! use std::sync::atomic::AtomicBool;
//!
//! # fn main() -> footpath::Result<()> {
//! let (kg, model) = (Path::new("kg"), Path::new("model"));
//! import::run(Path::new("data/films"), kg, &import::Options::default(), Default::default(), &Default::default())?;
//! train::run(kg, model, &train::Options::default(), &mut |_| {}, &AtomicBool::new(false))?;
//! let session = recommend::Session::open(model, kg, "flex")?;
//! let user = session.kg().user("user-001")?;
//! for item in &session.recommend(&[user], recommend::Options::default(), &mut |_| {})[0].items {
//!     println!("{}  {}", item.label, item.text);
//! }
//! # Ok(())
//! # }
//! ```

pub mod adapt;
pub mod audit;
pub mod corpus;
pub mod corpus_report;
pub mod curve;
pub mod error;
pub mod evaluate;
pub mod evaluation_report;
pub mod experts;
pub mod formats;
pub mod guests;
pub mod hugging_face;
pub mod import;
mod lines;
pub mod logits;
pub mod metapaths;
pub mod paths;
pub mod plan;
pub mod plot;
pub mod recommend;
pub mod render;
pub mod rerank;
pub mod sample;
pub mod settings;
pub mod shape;
mod stored;
pub mod train;
pub mod tune;
mod vectors;
pub mod verify;
mod words;

pub use error::{Error, Result};
pub use footpath_core::{ErrorClass, Replace};
pub use footpath_graph::{Split, TrainKg};

/// How many threads to work with; results never depend on it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Threads(pub usize);

impl Threads {
    /// Most threads.
    pub const MAX: usize = 1024;

    /// How many that is: 0 stands for one for each core.
    #[must_use]
    pub fn number(self) -> usize {
        match self.0 {
            0 => std::thread::available_parallelism().map_or(1, usize::from),
            number => number,
        }
    }

    /// Runs `work` in a pool of this many threads; 0 means one for each core.
    ///
    /// # Errors
    /// [`Error::Usage`] when there are more than 1,024 or the system refuses them.
    pub fn run<T: Send>(self, work: impl FnOnce() -> T + Send) -> Result<T> {
        let usage = |reason: String| Error::Usage { option: "threads", reason };
        if self.0 > Self::MAX {
            return Err(usage(format!("must be at most {}", Self::MAX)));
        }
        let pool = rayon::ThreadPoolBuilder::new().num_threads(self.0).build().map_err(|e| usage(e.to_string()))?;
        Ok(pool.install(work))
    }
}

//! The ground every Footpath crate stands on: identifiers, paths, the counter-based generator, array files and
//! artefacts.
//!
//! ```
//! use footpath_core::{NodeId, Path, Purpose, RelationId, Stream};
//!
//! let path = Path { nodes: vec![NodeId(0), NodeId(7)], relations: vec![RelationId::INTERACTED] };
//! assert_eq!(path.num_hops(), 1);
//!
//! // Draw 3 of user 0 is the same number on every machine and for any number of threads.
//! let mut a = Stream::new(42, Purpose::SamplePath, 0, 3);
//! let mut b = Stream::new(42, Purpose::SamplePath, 0, 3);
//! assert_eq!(a.next_u64(), b.next_u64());
//! ```
//!
//! Nothing here prints, reads the clock, or asks the operating system for randomness. Only [`artefact`] creates files.

pub mod arrays;
pub mod artefact;
pub mod context;
pub mod corpus;
pub mod error;
pub mod ids;
pub mod last_words;
pub mod legal;
mod mapped;
pub mod memory;
mod node_set;
mod panics;
pub mod random;
pub mod vocabulary;

pub use arrays::{Array, ArrayFile, ArrayLayout, ArrayWriter};
pub use artefact::{Artefact, ArtefactKind, ArtefactWriter, Manifest, OpenOptions, Replace};
pub use context::{Context, Device, Progress, Stage, Stop, Threads};
pub use corpus::{Corpus, CorpusHeader, CorpusWriter};
pub use error::{Error, ErrorClass, Result};
pub use ids::{KindId, NodeId, Path, RelationId, TokenId, Triple, TypeId};
pub use legal::{Goal, LegalSuccessors, Successors};
pub use memory::HugeArray;
pub use node_set::NodeSet;
pub use panics::caught;
pub use random::{Purpose, QuickStream, QuickStreams, Stream, scaled, scaled_by_half};
pub use vocabulary::Vocabulary;

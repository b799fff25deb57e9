//! Turns the hand-written film facts into the bundled data set: `data/films`.
//!
//! ```text
//! cargo run -p footpath-graph --example build_films [FILMS_TSV] [OUTPUT_FOLDER]
//! ```
//!
//! Without arguments it reads `data/films/films.tsv` and writes the five files of a native dataset folder beside it:
//! `items.tsv`, `entities.tsv`, `relations.tsv`, `triples.tsv` (the facts) and `interactions.tsv` (simulated users).
//! The preference model of those users is written down in [`generator::simulate`] and in `data/films/README.md`.
//! The same input gives the same bytes everywhere.

mod generator;

use std::error::Error;
use std::path::PathBuf;

#[expect(clippy::print_stdout, reason = "a program, not a library: it says what it wrote")]
fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let input = arguments.next().map_or_else(|| PathBuf::from("data/films/films.tsv"), PathBuf::from);
    let folder = arguments.next().map_or_else(|| PathBuf::from("data/films"), PathBuf::from);
    let facts = std::fs::read_to_string(&input).map_err(|e| format!("{}: {e}", input.display()))?;
    let files = generator::generate(&facts).map_err(|e| format!("{}:{e}", input.display()))?;
    std::fs::create_dir_all(&folder).map_err(|e| format!("{}: {e}", folder.display()))?;
    for (name, content) in files {
        let path = folder.join(name);
        std::fs::write(&path, &content).map_err(|e| format!("{}: {e}", path.display()))?;
        println!("{}: {} rows", path.display(), content.lines().count().saturating_sub(1));
    }
    Ok(())
}

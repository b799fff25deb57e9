//! Opening a model and its graph, up to the first answer.

use super::BEAMS_OF_ONE;
use crate::generate::{Shape, write_folder};
use crate::harness::{Figure, Outcome};
use footpath::Replace;
use footpath::import::{self, SplitSpec};
use footpath::recommend::{Options, Session};
use footpath::train;
use footpath_core::NodeId;
use footpath_model::config::TrainingConfig;
use std::fs;
use std::path::Path;
use std::sync::atomic::AtomicBool;

const NUM_OPENINGS: usize = 40;
/// About as large as MovieLens ml-latest-small with what DBpedia says of its films.
const SHAPE: Shape = Shape {
    users: 610,
    items: 6_700,
    entities: 20_000,
    interactions: 73_400,
    item_facts: 110_000,
    entity_facts: 13_600,
    relations: [8, 4],
    seed: 1,
};

/// How long the first answer takes, files in memory: opening both, checking every rule, preparing the table of legal hops, ten items for one user; the median.
pub(crate) fn first_answer() -> Outcome<Figure> {
    let scratch = tempfile::tempdir()?;
    let [folder, kg, model] = ["data", "kg", "model"].map(|name| scratch.path().join(name));
    make(&folder, &kg, &model)?;
    let ours = |_: usize| {
        let session = Session::open(&model, &kg, "flex")?;
        let user = session.kg().users().next().map(NodeId).ok_or("no user")?;
        let options = Options { beams: BEAMS_OF_ONE, ..Options::default() };
        Ok(session.recommend(&[user], options, &mut |_| {}))
    };
    let theirs = |_: usize| Ok((read_all(&kg)?, read_all(&model)?));
    Figure::measure_waits(0.5, "reading the bytes of all its files", NUM_OPENINGS, ours, theirs)
}

/// The graph, and a model that has seen a path of each user.
fn make(folder: &Path, kg: &Path, model: &Path) -> Outcome<()> {
    write_folder(&SHAPE, folder)?;
    let options = import::Options { split: SplitSpec::None, ..import::Options::default() };
    import::run(folder, kg, &options, Replace::No, &footpath_core::Context::default())?;
    let training = TrainingConfig { epochs: 1, paths_per_user: 1, ..TrainingConfig::default() };
    let options = train::Options { training, ..train::Options::default() };
    train::run(kg, model, &options, &mut |_| (), &AtomicBool::new(false))?;
    Ok(())
}

fn read_all(directory: &Path) -> Outcome<Vec<Vec<u8>>> {
    fs::read_dir(directory)?.map(|entry| Ok(fs::read(entry?.path())?)).collect()
}

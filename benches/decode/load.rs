//! Opening a model and its graph, up to the first answer; and answering somebody new.

use super::BEAMS_OF_ONE;
use crate::generate::{Shape, write_folder};
use crate::harness::{Figure, Outcome};
use footpath::import::{self, SplitSpec};
use footpath::recommend::{List, NewUser, Options};
use footpath::train::{self, TrainingConfig};
use footpath::{Context, Kg, NodeId, Replace, Service};
use footpath_graph::legal::Legal;
use std::fs;
use std::path::Path;

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

/// Choices of somebody new.
const HISTORY: usize = 20;

/// How long the first answer takes, files in memory: opening both, checking every rule, preparing the table of legal
/// hops, ten items for one user, by a model of paths alone; the median.
pub(crate) fn first_answer() -> Outcome<Figure> {
    let scratch = tempfile::tempdir()?;
    let [folder, kg, model] = ["data", "kg", "model"].map(|name| scratch.path().join(name));
    artefacts(&folder, &kg, &model, paths_alone())?;
    let ours = |_: usize| {
        let service = Service::open(&model, &kg, &Context::default())?;
        let user = service.kg().users().next().map(NodeId).ok_or("no user")?;
        answer(&service, Vec::new(), Some(user))
    };
    let theirs = |_: usize| Ok((read_all(&kg)?, read_all(&model)?));
    Figure::measure_waits(0.5, "reading the bytes of all its files", NUM_OPENINGS, ours, theirs)
}

/// How long somebody whom the graph does not know waits for ten items, told by twenty that they chose, everything open:
/// the median, by a model of paths alone; against preparing the table of legal hops for each, as a service that does
/// not keep it has to.
pub(crate) fn guest() -> Outcome<Figure> {
    let scratch = tempfile::tempdir()?;
    let [folder, kg, model] = ["data", "kg", "model"].map(|name| scratch.path().join(name));
    artefacts(&folder, &kg, &model, paths_alone())?;
    let service = Service::open(&model, &kg, &Context::default())?;
    let history = |place: usize| {
        let items = service.kg().items().skip(place).step_by(service.kg().items().len() / HISTORY);
        let ids: Vec<&str> = items.take(HISTORY).map(|item| service.kg().id(NodeId(item))).collect();
        NewUser::from_list(&ids.join(","), service.kg())
    };
    let ours = |place: usize| answer(&service, vec![history(place)?], None);
    let theirs = |place: usize| {
        let (kg, pattern) = (service.kg().clone(), service.pattern().clone());
        let table = Legal::new(kg, pattern, &Context::default())?;
        Ok((table, answer(&service, vec![history(place)?], None)?))
    };
    Figure::measure_waits(0.5, "the same with a table of legal hops made for it", NUM_OPENINGS, ours, theirs)
}

/// The list of a user of the graph, or of the first new one.
fn answer(service: &Service, new_users: Vec<NewUser>, user: Option<NodeId>) -> Outcome<Vec<List>> {
    let request = service.request(new_users);
    let users = user.map_or_else(|| request.new_users(), |user| vec![user]);
    let options = Options { beams: BEAMS_OF_ONE, ..Options::default() };
    Ok(request.recommend(&users, options, &Context::default())?)
}

/// A model without a linear part, which on made-up choices takes minutes to choose and is not what is measured here.
fn paths_alone() -> train::Options {
    train::Options { linear: false, ..train::Options::default() }
}

/// The graph, and a model that has seen a path of each user.
pub(crate) fn artefacts(folder: &Path, kg: &Path, model: &Path, options: train::Options) -> Outcome<()> {
    write_folder(&SHAPE, folder)?;
    let context = Context::default();
    let importing = import::Options { split: SplitSpec::None, ..import::Options::default() };
    import::run(folder, kg, &importing, Replace::No, &context)?;
    let training = TrainingConfig { epochs: 1, paths_per_user: 1, ..TrainingConfig::default() };
    let options = train::Options { training, ..options };
    train::run(&Kg::open(kg, &context)?, model, &options, &mut |_| (), &context)?;
    Ok(())
}

fn read_all(directory: &Path) -> Outcome<Vec<Vec<u8>>> {
    fs::read_dir(directory)?.map(|entry| Ok(fs::read(entry?.path())?)).collect()
}

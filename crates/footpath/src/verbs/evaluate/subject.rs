//! Lists to judge: those of a model with their paths, or anybody's.

use super::options::{Given, Options};
use super::protocol::{ITEMS, Protocol, shown};
use super::source::{Excluded, Source};
use crate::artefacts::kg::Kg;
use crate::artefacts::model::{Model as OpenModel, StoredModel};
use crate::error::{Error, Result};
use crate::recommend::{Options as SearchOptions, RankedBy, Reranker, USERS_TOGETHER, Weights};
use crate::service::Service;
use footpath_core::NodeId;
use footpath_eval::{
    BadRows, Calibration, Explained, Recommendation, Recommendations, calibration, faithful, path_entropy,
};
use footpath_graph::pattern::Pattern;
use footpath_model::TrainingProgress;
use footpath_model::decode::{ScoredItem, UserList};
use std::collections::BTreeMap;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

/// Paths found that are looked at for each item.
const PATHS: usize = 5;
/// Bins of the reliability curve.
const BINS: usize = 10;

/// Lists without the known items, and what is known of them.
pub(super) struct Judged {
    pub(super) lists: Recommendations,
    pub(super) explained: Explained,
    /// What made the rank of the items that examples show, by user.
    pub(super) ranked_by: BTreeMap<NodeId, Vec<(NodeId, RankedBy)>>,
    pub(super) calibration: Option<Calibration>,
    pub(super) path_entropy: Option<f64>,
    pub(super) faithful: Option<f64>,
    pub(super) num_paths: usize,
    pub(super) model: Option<Model>,
    pub(super) excluded: Excluded,
    pub(super) source: Source,
}

/// The model that recommended.
pub(super) struct Model {
    pub(super) hash: String,
    pub(super) config: serde_json::Value,
    pub(super) parents: BTreeMap<String, String>,
    pub(super) log: Vec<TrainingProgress>,
    pub(super) pattern: Pattern,
    pub(super) service: Service,
    pub(super) search: SearchOptions,
}

pub(super) fn from_lists(path: &Path, protocol: &Protocol<'_>, bad_rows: BadRows) -> Result<Judged> {
    let (all, rows) = Recommendations::read_with(path, &protocol.train, bad_rows, protocol.context)?;
    Ok(Judged::of_lists(&all, rows, Source::of_file(path, protocol.context)?, protocol))
}

/// The hash is that of the file that the lists would be.
pub(super) fn from_given(given: &Given, protocol: &Protocol<'_>) -> Result<Judged> {
    let mut file = Vec::new();
    given.lists.write(&protocol.train, &mut file)?;
    let source = Source { path: given.name.clone(), hash: footpath_core::artefact::hash_bytes(&file) };
    Ok(Judged::of_lists(&given.lists, given.left_out.clone(), source, protocol))
}

impl Judged {
    fn of_lists(all: &Recommendations, rows: footpath_eval::Excluded, source: Source, protocol: &Protocol<'_>) -> Self {
        let lists = all.without(&protocol.known);
        let excluded = Excluded::of(protocol, all, &lists, rows);
        Self {
            lists,
            explained: Explained::new(),
            ranked_by: BTreeMap::new(),
            calibration: None,
            path_entropy: None,
            faithful: None,
            num_paths: 0,
            model: None,
            excluded,
            source,
        }
    }
}

pub(super) fn from_model(directory: &Path, kg: &Kg, options: &Options, protocol: &Protocol<'_>) -> Result<Judged> {
    let context = protocol.context;
    let stored = StoredModel::open(directory)?;
    let service = Service::of(OpenModel::of(Arc::clone(kg.train()), &stored, context)?, context)?;
    let search = search_options(protocol, options);
    service.check(&search)?;
    if options.random_paths.is_some() && !service.card().training.generates_paths() {
        let reason = "the model gives no paths that others could be compared with".to_owned();
        return Err(Error::Usage { option: "random-paths", reason });
    }
    let mut found = searched(&service, protocol, &protocol.users, search, options)?;
    let all = recommendations(&found);
    let lists = all.without(&protocol.known);
    keep_known_out(&mut found, protocol);
    let ranked_by = ranked_by(&service, &shown(protocol, &lists), &found, search, options.k);
    found.iter_mut().for_each(|list| list.items.truncate(options.k));
    let paths = found.iter().flat_map(|list| {
        list.items.iter().flat_map(|item| item.paths.iter().map(|p| (list.user, item.item, service.path(p))))
    });
    let faithfulness = faithful(service.kg(), paths, context)?;
    let explained = found.iter().map(|list| {
        (list.user, list.items.iter().map(|i| (i.item, i.paths.first().map(|p| service.path(p)))).collect())
    });
    let excluded = Excluded::of(protocol, &all, &lists, Default::default());
    Ok(Judged {
        explained: explained.collect(),
        ranked_by,
        calibration: Some(calibration(predictions(&found, protocol), BINS)),
        path_entropy: mean_entropy(&found),
        faithful: faithfulness.share(),
        num_paths: faithfulness.num_paths,
        model: Some(model(&stored, &service, search)?),
        // As long as those of the baselines, so that neither has more to show to the AUC.
        lists: lists.first(options.k),
        excluded,
        source: Source { path: directory.display().to_string(), hash: service.model_hash().to_owned() },
    })
}

/// The lists of some users, by their numbers, that [`from_model`] judges: no known items, `k` at most. Users who are
/// searched for together there are so here: they belong where the first of them does.
pub(super) fn lists(
    service: &Service,
    protocol: &Protocol<'_>,
    numbers: &Range<u32>,
    options: &Options,
) -> Result<Recommendations> {
    let search = search_options(protocol, options);
    service.check(&search)?;
    let first = service.kg().users().start;
    let is_meant = |user: &NodeId| numbers.contains(&user.0.wrapping_sub(first));
    let groups = protocol.users.chunks(USERS_TOGETHER as usize).filter(|group| group.first().is_some_and(is_meant));
    let users: Vec<NodeId> = groups.flatten().copied().collect();
    let found = searched(service, protocol, &users, search, options)?;
    Ok(recommendations(&found).without(&protocol.known).first(options.k))
}

fn search_options(protocol: &Protocol<'_>, options: &Options) -> SearchOptions {
    let most_known = protocol.known.by_user().values().map(Vec::len).max().unwrap_or(0);
    SearchOptions {
        // Room for the known items, which are taken out afterwards.
        k: options.k + most_known,
        beams: options.beams,
        direct: options.direct,
        linear: options.linear,
        fading: options.fading,
        popularity: options.popularity,
        path_count: options.path_count,
        recency: options.recency,
        paths_per_item: PATHS,
        optimise: options.optimise,
        ..SearchOptions::default()
    }
}

fn searched(
    service: &Service,
    protocol: &Protocol<'_>,
    users: &[NodeId],
    search: SearchOptions,
    options: &Options,
) -> Result<Vec<UserList>> {
    match options.optimise {
        None => service.request(Vec::new()).search(users, search, protocol.context),
        Some(weights) => optimised(service, protocol, users, weights, search, options.k),
    }
}

fn recommendations(found: &[UserList]) -> Recommendations {
    let recommendation = |item: &ScoredItem| Recommendation { item: item.item, score: item.score };
    found.iter().map(|list| (list.user, list.items.iter().map(recommendation).collect())).collect()
}

/// Lists of `k` items that are not known, chosen for better explanations.
fn optimised(
    service: &Service,
    protocol: &Protocol<'_>,
    users: &[NodeId],
    weights: Weights,
    search: SearchOptions,
    k: usize,
) -> Result<Vec<UserList>> {
    /// Users whose many paths are held at a time.
    const BATCH: usize = 64;
    let context = protocol.context;
    let (request, reranker) = (service.request(Vec::new()), Reranker::new(service.kg(), weights, context)?);
    let stage = context.stage("recommending", Some(users.len() as u64), "users");
    let mut lists = Vec::with_capacity(users.len());
    for users in users.chunks(BATCH) {
        let mut found = request.search_widely(users, search, &context.quietly())?;
        keep_known_out(&mut found, protocol);
        for list in found {
            let (mut list, _) = reranker.choose(list, k);
            list.items.iter_mut().for_each(|item| item.paths.truncate(PATHS));
            lists.push(list);
        }
        stage.advance(users.len() as u64)?;
    }
    Ok(lists)
}

/// What made the rank of the first items of some users, beside the first item that is not among the first `k`.
fn ranked_by(
    service: &Service,
    users: &[NodeId],
    found: &[UserList],
    search: SearchOptions,
    k: usize,
) -> BTreeMap<NodeId, Vec<(NodeId, RankedBy)>> {
    let request = service.request(Vec::new());
    let of_list = |list: &UserList| {
        let behind = list.items.get(k);
        let shown = list.items.iter().take(k.min(ITEMS));
        let rank = |item: &ScoredItem| Some((item.item, request.rank(list.user, item, behind, search)?));
        (list.user, shown.filter_map(rank).collect())
    };
    found.iter().filter(|list| users.contains(&list.user)).map(of_list).collect()
}

/// Leaves the items of each list that are not known.
fn keep_known_out(found: &mut [UserList], protocol: &Protocol<'_>) {
    let known = protocol.known.by_user();
    for list in found {
        let known = known.get(&list.user).map_or(&[][..], Vec::as_slice);
        list.items.retain(|item| known.binary_search(&item.item).is_err());
    }
}

/// The probability of each item shown, and the chance that a held-out item drawn uniformly is this one.
fn predictions(found: &[UserList], protocol: &Protocol<'_>) -> Vec<(f64, f64)> {
    let held_out = protocol.held_out.by_user();
    let of_user = |list: &UserList| {
        let relevant = held_out.get(&list.user).map_or(&[][..], Vec::as_slice);
        let share = 1.0 / relevant.len().max(1) as f64;
        let came_true = |item: &ScoredItem| if relevant.binary_search(&item.item).is_ok() { share } else { 0.0 };
        list.items.iter().map(|item| (item.log_probability.exp(), came_true(item))).collect::<Vec<_>>()
    };
    found.iter().flat_map(of_user).collect()
}

fn mean_entropy(found: &[UserList]) -> Option<f64> {
    let items = found.iter().flat_map(|list| &list.items);
    let entropies: Vec<f64> = items
        .map(|item| path_entropy(item.log_probability, item.paths.iter().map(|path| path.log_probability)))
        .collect();
    (!entropies.is_empty()).then(|| entropies.iter().sum::<f64>() / entropies.len() as f64)
}

fn model(stored: &StoredModel, service: &Service, search: SearchOptions) -> Result<Model> {
    // A log that another version wrote is no reason not to evaluate.
    let log = stored.log()?.iter().filter_map(|line| serde_json::from_str(line).ok()).collect();
    let config = serde_json::to_value(service.card()).unwrap_or_default();
    let (parents, pattern) = (stored.parents().clone(), service.pattern().clone());
    let (hash, service) = (service.model_hash().to_owned(), service.clone());
    Ok(Model { hash, config, parents, log, pattern, service, search })
}

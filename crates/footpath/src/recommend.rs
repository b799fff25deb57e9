//! `recommend` and `explain`: a model on its graph.

use crate::error::{Error, Result};
use crate::render::{self, Rendered};
use crate::train::ModelCard;
use footpath_core::{Artefact, Goal, NodeId, TokenId};
use footpath_graph::TrainKg;
use footpath_graph::legal::Legal;
use footpath_graph::pattern::Pattern;
use footpath_model::PathModel;
use footpath_model::decode::{Recommender, ScoredItem, ScoredPath, SearchOptions, Shortfall, UserList, WhenShort};
use serde::Serialize;
use std::path::Path;

/// Most items of a list.
pub const MAX_K: usize = 1_000;
/// Most beams.
pub const MAX_BEAMS: usize = 65_536;

/// How to recommend.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Options {
    /// Items for each user.
    pub k: usize,
    /// Prefixes kept for each user at each token.
    pub beams: usize,
    /// Paths shown for each item.
    pub paths_per_item: usize,
}

impl Default for Options {
    fn default() -> Self {
        Self { k: 10, beams: 400, paths_per_item: 1 }
    }
}

impl Options {
    /// Checks every number.
    ///
    /// # Errors
    /// [`Error::Usage`] naming the option.
    pub fn validate(&self) -> Result<()> {
        let rule = |holds: bool, option: &'static str, reason: String| {
            if holds { Ok(()) } else { Err(Error::Usage { option, reason }) }
        };
        rule((1..=MAX_K).contains(&self.k), "k", format!("must be 1 to {MAX_K}, got {}", self.k))?;
        rule((1..=MAX_BEAMS).contains(&self.beams), "beams", format!("must be 1 to {MAX_BEAMS}, got {}", self.beams))?;
        rule((1..=100).contains(&self.paths_per_item), "paths", "must be 1 to 100".to_owned())
    }
}

/// A path with its probability.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Explanation {
    /// Natural logarithm of the path's probability under the model.
    pub log_probability: f64,
    /// The path.
    #[serde(flatten)]
    pub path: Rendered,
}

/// A recommended item with the path that explains it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Item {
    /// Place in the list, from 1.
    pub rank: usize,
    /// The item's id.
    pub item: String,
    /// Its readable label.
    pub label: String,
    /// Natural logarithm of the probability of ending there, over all paths found.
    pub score: f64,
    /// Share of the best path in that probability, in (0, 1].
    pub confidence: f64,
    /// The best path.
    #[serde(flatten)]
    pub best: Rendered,
    /// Further paths, best first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub more_paths: Vec<Explanation>,
}

impl std::ops::Deref for Item {
    type Target = Rendered;

    fn deref(&self) -> &Rendered {
        &self.best
    }
}

/// The recommendations of one user.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct List {
    /// The user's id.
    pub user: String,
    /// At most k items, most probable first.
    pub items: Vec<Item>,
    /// Why there are fewer than k, if there are.
    pub reason: Option<String>,
    /// Probability of the prefixes that were not followed, in [0, 1]: no item's true probability is higher than its own plus this.
    pub unexplored: f64,
}

/// The answer to "why this item?".
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Why {
    /// The user's id.
    pub user: String,
    /// The item's id.
    pub item: String,
    /// The item's readable label.
    pub label: String,
    /// The most probable paths, best first; their probabilities are among the paths to this item.
    pub paths: Vec<Explanation>,
    /// Why there is none, if there is none.
    pub reason: Option<String>,
}

/// A model and its graph, loaded and checked to belong together.
#[derive(Debug)]
pub struct Session {
    kg: TrainKg,
    pattern: Pattern,
    model: PathModel,
    card: ModelCard,
    model_hash: String,
}

impl Session {
    /// Loads a model and its graph.
    ///
    /// # Errors
    /// [`footpath_core::Error::Mismatch`] when the model was made from another graph, and whatever opening them gives.
    pub fn open(model_dir: &Path, kg_dir: &Path, device: &str) -> Result<Self> {
        let kg = TrainKg::open(kg_dir)?;
        let artefact = open_model(model_dir)?;
        artefact.check_parent("kg", kg.content_hash())?;
        let card: ModelCard = serde_json::from_str(&artefact.read_text("model.json")?).map_err(|e| {
            let (section, expected) = ("model.json".to_owned(), "the description of a model".to_owned());
            footpath_core::Error::Corrupt { path: model_dir.to_owned(), section, expected, got: e.to_string() }
        })?;
        if card.vocabulary != kg.vocabulary() || card.model.num_tokens != card.vocabulary.len() {
            let (section, expected) = ("vocabulary".to_owned(), format!("{:?}", kg.vocabulary()));
            let got = format!("{:?}", card.vocabulary);
            return Err(footpath_core::Error::Corrupt { path: model_dir.to_owned(), section, expected, got }.into());
        }
        let pattern = check_card(&card, &kg).map_err(|(expected, got)| {
            let (path, section) = (model_dir.to_owned(), "model.json".to_owned());
            footpath_core::Error::Corrupt { path, section, expected: expected.to_owned(), got }
        })?;
        let weights = artefact.file("weights.safetensors")?;
        let model = PathModel::read(card.model.clone(), &weights, &footpath_model::device(device)?)?;
        Ok(Self { kg, pattern, model, card, model_hash: artefact.manifest().content_hash() })
    }

    /// The graph.
    #[must_use]
    pub fn kg(&self) -> &TrainKg {
        &self.kg
    }

    /// What is stored with the model.
    #[must_use]
    pub fn card(&self) -> &ModelCard {
        &self.card
    }

    /// Hash of the model's content.
    #[must_use]
    pub fn model_hash(&self) -> &str {
        &self.model_hash
    }

    /// The user with this id, who must have a train interaction.
    ///
    /// # Errors
    /// [`footpath_graph::Error::Unknown`], [`Error::ColdUser`].
    pub fn warm_user(&self, id: &str) -> Result<NodeId> {
        let user = self.kg.user(id)?;
        match self.kg.items_of(user) {
            [] => Err(Error::ColdUser { user: self.kg.node_name(user) }),
            _ => Ok(user),
        }
    }

    /// Recommends to each user, in the order given; `done` is told how many are finished.
    pub fn recommend(&self, users: &[NodeId], options: Options, done: &mut dyn FnMut(usize)) -> Vec<List> {
        let lists = self.search(users, options, done);
        lists.iter().map(|list| self.render(list, options)).collect()
    }

    /// As [`Session::recommend`], without rendering.
    pub fn search(&self, users: &[NodeId], options: Options, done: &mut dyn FnMut(usize)) -> Vec<UserList> {
        let legal = Legal::new(&self.kg, &self.pattern);
        let search = SearchOptions {
            k: options.k,
            beams: options.beams,
            paths_per_item: options.paths_per_item,
            goal: Goal::Unseen,
            when_short: WhenShort::Widen,
        };
        Recommender::new(&self.model, &legal).recommend(users, search, done)
    }

    /// The most probable paths from a user to an item.
    pub fn explain(&self, user: NodeId, item: NodeId, options: Options) -> Why {
        let legal = Legal::new(&self.kg, &self.pattern);
        let search = SearchOptions {
            k: 1,
            beams: options.beams,
            paths_per_item: options.paths_per_item,
            goal: Goal::Item(item),
            when_short: WhenShort::Widen,
        };
        let mut lists = Recommender::new(&self.model, &legal).recommend(&[user], search, &mut |_| {});
        let found = lists.pop().and_then(|mut list| list.items.pop());
        let paths: Vec<Explanation> = found.iter().flat_map(|f| &f.paths).map(|p| self.explanation(p)).collect();
        let reason = paths.is_empty().then(|| {
            format!(
                "no path of this pattern leads from {} to {}: {}",
                self.kg.node_name(user),
                self.kg.node_name(item),
                self.pattern.source()
            )
        });
        Why {
            user: self.kg.id(user).to_owned(),
            item: self.kg.id(item).to_owned(),
            label: self.kg.label(item).to_owned(),
            paths,
            reason,
        }
    }

    /// A list in the user's own strings.
    #[must_use]
    pub fn render(&self, list: &UserList, options: Options) -> List {
        let item = |(rank, found): (usize, &ScoredItem)| {
            let mut paths = found.paths.iter().map(|p| self.explanation(p));
            let best = paths.next().map_or_else(|| render::render(&self.kg, &Default::default()), |e| e.path);
            Item {
                rank,
                item: self.kg.id(found.item).to_owned(),
                label: self.kg.label(found.item).to_owned(),
                score: found.score,
                confidence: found.confidence,
                best,
                more_paths: paths.collect(),
            }
        };
        let reason = match list.shortfall {
            None => None,
            Some(_) if self.kg.items_of(list.user).is_empty() => Some("the user has no train interaction".to_owned()),
            Some(Shortfall::NoPath) => {
                Some("no path of the pattern leads to an item the user has not chosen".to_owned())
            }
            Some(Shortfall::FewerReachable) => Some(format!(
                "paths of the pattern reach only {} items the user has not chosen, {} were asked for",
                list.items.len(),
                options.k
            )),
        };
        List {
            user: self.kg.id(list.user).to_owned(),
            items: (1..).zip(&list.items).map(item).collect(),
            reason,
            unexplored: list.unexplored,
        }
    }

    /// The graph path of generated tokens.
    #[must_use]
    pub fn path(&self, path: &ScoredPath) -> footpath_core::Path {
        let tokens: Vec<TokenId> = path.tokens.iter().copied().map(TokenId).collect();
        self.kg.vocabulary().decode(&tokens).unwrap_or_default()
    }

    fn explanation(&self, path: &ScoredPath) -> Explanation {
        Explanation { log_probability: path.log_probability, path: render::render(&self.kg, &self.path(path)) }
    }
}

/// The pattern of a model whose description makes sense; otherwise what was expected, and what was found.
fn check_card(card: &ModelCard, kg: &TrainKg) -> std::result::Result<Pattern, (&'static str, String)> {
    card.model.validate().map_err(|e| ("the shape of a model", e.to_string()))?;
    let pattern = Pattern::parse(&card.pattern, kg).map_err(|e| ("a path pattern of the graph", e.to_string()))?;
    let (tokens, max_tokens) = (2 * pattern.max_hops() + 1, card.model.trunk.max_tokens);
    if tokens == max_tokens {
        Ok(pattern)
    } else {
        Err(("as many tokens as the longest path has", format!("{max_tokens} for {}", pattern.source())))
    }
}

fn open_model(directory: &Path) -> Result<Artefact> {
    const PICKLED: [&str; 7] = ["pt", "pth", "bin", "pkl", "h5", "npz", "onnx"];
    let extension = directory.extension().map(|e| e.to_string_lossy().to_lowercase()).unwrap_or_default();
    if PICKLED.contains(&extension.as_str()) {
        let reason = format!(
            "a .{extension} file may execute code when it is loaded and is not read; convert it to safetensors"
        );
        return Err(footpath_core::Error::NotAnArtefact { path: directory.to_owned(), kind: "model", reason }.into());
    }
    let unfinished = directory.with_file_name(format!(
        "{}.train",
        directory.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default()
    ));
    if !directory.exists() && unfinished.is_dir() {
        let reason = "its training is not finished; go on with `footpath train … --resume`".to_owned();
        return Err(footpath_core::Error::NotAnArtefact { path: directory.to_owned(), kind: "model", reason }.into());
    }
    Ok(Artefact::open(directory, "model")?)
}

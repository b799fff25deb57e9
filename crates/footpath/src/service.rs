//! A graph and a model of it, opened once: what answers any number of requests.

use crate::artefacts::model::Model;
use crate::artefacts::model_card::ModelCard;
use crate::error::{Error, Result};
use crate::recommend::Options;
use crate::text::render::Readings;
use footpath_core::{Context, LegalSuccessors, NodeId};
use footpath_graph::TrainKg;
use footpath_graph::legal::Legal;
use footpath_graph::pattern::Pattern;
use footpath_model::PathModel;
use footpath_model::data::Objective;
use footpath_model::decode::{Recommender, Rules, ScoredPath, Workspace};
use std::path::Path;
use std::sync::Arc;

/// Weight of what a model that has learned it says of an item from the user alone; see docs/experiments.md.
pub const DIRECT: f64 = 0.2;

/// A model, its graph, and the table of the paths that are legal there: opened, checked and prepared once.
///
/// A clone shares all three, so every thread, request or handler can have its own. Requests ([`Service::request`]) are
/// views that cost nothing but their histories.
#[derive(Clone, Debug)]
pub struct Service {
    model: Arc<Model>,
    legal: Legal,
    readings: Arc<Readings>,
    /// Tables of sums by item that pass from request to request.
    workspace: Workspace,
}

/// Handlers of a server and threads of a pool hold services and requests for as long as they like.
const _: () = {
    const fn is_shared_freely<T: Send + Sync + 'static>() {}
    is_shared_freely::<Service>();
};

impl Service {
    /// Opens a model and its graph, and prepares what depends on them alone.
    ///
    /// # Errors
    /// As [`Model::open`].
    pub fn open(model_dir: &Path, kg_dir: &Path, context: &Context) -> Result<Self> {
        Self::of(Model::open(model_dir, kg_dir, context)?, context)
    }

    /// The service of a model that is open. Preparing it looks once at every arc of the graph.
    ///
    /// # Errors
    /// [`footpath_core::Error::Stopped`].
    pub fn of(model: Model, context: &Context) -> Result<Self> {
        let (kg, pattern) = (Arc::clone(&model.kg), model.pattern.clone());
        let legal = context.run(|| Legal::new(kg, pattern, context))??;
        let (readings, workspace) = (Arc::default(), Workspace::default());
        Ok(Self { model: Arc::new(model), legal, readings, workspace })
    }

    /// The same service, reading relations aloud in other words than the graph's.
    #[must_use]
    pub fn with_readings(self, readings: Readings) -> Self {
        Self { readings: Arc::new(readings), ..self }
    }

    /// The graph.
    #[must_use]
    pub fn kg(&self) -> &Arc<TrainKg> {
        self.legal.kg()
    }

    /// What is stored with the model.
    #[must_use]
    pub fn card(&self) -> &ModelCard {
        &self.model.card
    }

    /// The model.
    #[must_use]
    pub fn model(&self) -> &PathModel {
        &self.model.paths
    }

    /// The model's linear part, if it has one.
    pub(crate) fn linear_part(&self) -> Option<&footpath_model::Linear> {
        self.model.linear.as_ref()
    }

    /// The pattern of the model's paths.
    #[must_use]
    pub fn pattern(&self) -> &Pattern {
        self.legal.pattern()
    }

    /// Hash of the model's content.
    #[must_use]
    pub fn model_hash(&self) -> &str {
        &self.model.hash
    }

    /// How relations are read aloud.
    pub(crate) fn readings(&self) -> &Readings {
        &self.readings
    }

    /// The paths that are legal, for the users of the graph.
    pub(crate) fn legal(&self) -> &Legal {
        &self.legal
    }

    /// What a user of the graph has chosen, in the order of time: the graph's choices, and then these.
    #[must_use]
    pub fn with_new_choices(&self, user: NodeId, choices: &[NodeId]) -> Vec<NodeId> {
        let first = self.kg().vocabulary().node(NodeId(0)).0;
        let known = self.legal.timeline(self.kg().vocabulary().node(user).0);
        known.into_iter().map(|token| NodeId(token - first)).chain(choices.iter().copied()).collect()
    }

    /// What searches along the legal paths of a request.
    pub(crate) fn recommender<'a>(&'a self, legal: &'a Legal, rules: &'a Rules) -> Recommender<'a, Legal> {
        let recommender = Recommender::new(&self.model.paths, legal).with_rules(rules);
        recommender.with_linear(self.model.linear.as_ref()).with_workspace(&self.workspace)
    }

    /// The user with this id, who must have a train interaction.
    ///
    /// # Errors
    /// [`footpath_graph::Error::Unknown`], [`Error::ColdUser`].
    pub fn warm_user(&self, id: &str) -> Result<NodeId> {
        let user = self.kg().user(id)?;
        match self.kg().items_of(user) {
            [] => Err(Error::ColdUser { user: self.kg().node_name(user) }),
            _ => Ok(user),
        }
    }

    /// Checks that the model has learned what generating like this takes.
    ///
    /// # Errors
    /// [`Error::Usage`] saying which objective is missing.
    pub fn check(&self, options: &Options) -> Result<()> {
        let training = &self.card().training;
        let learned = || training.objectives.iter().map(|o| o.kind.name()).collect::<Vec<_>>().join(", ");
        let missing = |option: &'static str, what: &str| {
            Err(Error::Usage { option, reason: format!("the model has learned {}; {what}", learned()) })
        };
        if options.fill_in && !training.objectives.iter().any(Objective::fills_in) {
            return missing("fill-in", "train one with the objective fill-in-the-middle");
        }
        if !options.fill_in && !training.generates_paths() && training.item_objective().is_none() {
            return missing("model", "to generate paths, train with the objective causal too");
        }
        if options.direct.is_some_and(|weight| weight > 0.0) && !training.learns_ends() {
            return missing("direct", "train one with the objective end beside others");
        }
        if options.linear.is_some_and(|weight| weight > 0.0) && self.model.linear.is_none() {
            return missing("linear", "it has no linear part; `footpath model info` says why");
        }
        if options.allow_seen && training.item_objective().is_some() {
            return missing("allow-seen", "such a model says which item is new and cannot be asked for others");
        }
        if options.optimise.is_some() && !training.generates_paths() {
            return missing("optimise", "it has no paths to choose among");
        }
        Ok(())
    }

    /// The weight of what the model says of an item from the user alone, unless another is asked for: the one chosen on
    /// valid, else [`DIRECT`] where it has learned that.
    #[must_use]
    pub fn direct(&self) -> f64 {
        let unchosen = if self.card().training.learns_ends() { DIRECT } else { 0.0 };
        self.card().weights.map_or(unchosen, |weights| weights.direct)
    }

    /// The weight of the model's linear part, unless another is asked for: the one chosen on valid.
    #[must_use]
    pub fn linear(&self) -> f64 {
        let chosen = self.card().weights.map_or(0.0, |weights| weights.linear);
        if self.model.linear.is_some() { chosen } else { 0.0 }
    }

    /// The weight of popularity, unless another is asked for: the one chosen on valid.
    #[must_use]
    pub fn popularity(&self) -> f64 {
        self.card().weights.map_or(0.0, |weights| weights.popularity)
    }

    /// The weight of counted paths, unless another is asked for: the one chosen on valid.
    #[must_use]
    pub fn path_count(&self) -> f64 {
        self.card().weights.map_or(0.0, |weights| weights.path_count)
    }

    /// How much the items that paths begin with count by when they were chosen, unless another is asked for: as chosen
    /// on valid.
    #[must_use]
    pub fn recency(&self) -> f64 {
        self.card().weights.map_or(0.0, |weights| weights.recency)
    }

    /// Options with the model's own weights where none are given.
    pub(crate) fn settled(&self, options: Options) -> Options {
        let direct = Some(options.direct.unwrap_or_else(|| self.direct()));
        let linear = Some(options.linear.unwrap_or_else(|| self.linear()));
        let popularity = Some(options.popularity.unwrap_or_else(|| self.popularity()));
        let path_count = Some(options.path_count.unwrap_or_else(|| self.path_count()));
        let recency = Some(options.recency.unwrap_or_else(|| self.recency()));
        Options { direct, linear, popularity, path_count, recency, ..options }
    }

    /// The graph path of generated tokens, which may begin with a new user.
    #[must_use]
    pub fn path(&self, path: &ScoredPath) -> footpath_core::Path {
        let vocabulary = self.kg().vocabulary();
        let mut tokens = path.tokens.clone();
        let first = path.tokens.first().map(|token| NodeId(token.0.wrapping_sub(vocabulary.node(NodeId(0)).0)));
        // New users are no words of the vocabulary; any user stands in for one while the rest is decoded.
        if let (Some(token), Some(user)) = (tokens.first_mut(), first)
            && user.index() >= self.kg().num_nodes()
        {
            *token = vocabulary.node(NodeId(0));
        }
        let mut path = vocabulary.decode(&tokens).unwrap_or_default();
        if let (Some(node), Some(user)) = (path.nodes.first_mut(), first) {
            *node = user;
        }
        path
    }
}

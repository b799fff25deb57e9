//! A graph, a model and the rules read against them: what one state of the server answers from.

use crate::api::{Fact, ModelName, NodeView, PathView};
use crate::hashes::Hashes;
use crate::metrics::Metrics;
use crate::problem::Problem;
use crate::rules::{Book, BookError, Configured, Lookup, visible_degree};
use crate::search::SearchIndex;
use footpath::text::render::{Evidence, Narrator, Readings, Rendered};
use footpath::{Context, Model, NodeId, NodeSet, Path, Service, StoredModel, TrainKg};
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};

/// Where the artefacts lie that are served.
#[derive(Clone, Debug)]
pub(crate) struct Places {
    pub(crate) kg: PathBuf,
    pub(crate) model: PathBuf,
    pub(crate) beside: Option<PathBuf>,
}

/// Why a graph and a model are not served.
#[derive(Debug, thiserror::Error)]
pub(crate) enum OpenError {
    #[error(transparent)]
    Footpath(#[from] footpath::Error),
    #[error(transparent)]
    Rules(#[from] BookError),
}

/// What requests are answered from, all of one state.
pub(crate) struct Snapshot {
    main: Service,
    /// The model to compare with, on the same graph.
    beside: Option<Service>,
    pub(crate) book: Book,
    readings: Readings,
    index: OnceLock<SearchIndex>,
    popular: OnceLock<Vec<NodeId>>,
}

impl Snapshot {
    /// Opens and verifies graph and model, and reads the rules against them.
    pub(crate) fn open(places: &Places, rules: &Configured, context: &Context) -> Result<Self, OpenError> {
        let main = Service::open(&places.model, &places.kg, context)?;
        let open = |path: &PathBuf| {
            let stored = StoredModel::open(path)?;
            Service::of(Model::of(Arc::clone(main.kg()), &stored, context)?, context)
        };
        let beside = places.beside.as_ref().map(open).transpose()?;
        let book = Book::new(rules, main.kg())?;
        let (readings, index, popular) = (Readings::default(), OnceLock::new(), OnceLock::new());
        Ok(Self { main, beside, book, readings, index, popular })
    }

    /// One of the models on the graph.
    pub(crate) fn service(&self, model: ModelName) -> Result<&Service, Problem> {
        match model {
            ModelName::Main => Ok(&self.main),
            ModelName::Beside => self.beside.as_ref().ok_or_else(|| {
                Problem::bad_request("there is no model beside").hint("start the server with --beside MODEL")
            }),
        }
    }

    /// What is served, by its hashes.
    pub(crate) fn hashes(&self) -> Hashes {
        Hashes {
            model: self.main.model_hash().to_owned(),
            beside: self.beside.as_ref().map(|service| service.model_hash().to_owned()),
            graph: self.kg().content_hash().to_owned(),
        }
    }

    /// The pattern of the paths of the model that answers unless another is asked for.
    pub(crate) fn pattern(&self) -> &str {
        self.main.pattern().source()
    }

    /// The graph.
    pub(crate) fn kg(&self) -> &Arc<TrainKg> {
        self.main.kg()
    }

    /// The index of labels, made when it is first asked for.
    pub(crate) fn index(&self) -> &SearchIndex {
        self.index.get_or_init(|| SearchIndex::new(self.kg()))
    }

    /// The items by falling number of those who chose them; ties by id.
    pub(crate) fn popular(&self) -> &[NodeId] {
        self.popular.get_or_init(|| {
            let kg = self.kg();
            let mut items: Vec<NodeId> = kg.items().map(NodeId).collect();
            items.sort_by_key(|&item| (std::cmp::Reverse(kg.popularity(item)), item));
            items
        })
    }

    /// What rules are looked up in; nobody waits for the index.
    pub(crate) fn lookup<'a>(&'a self, metrics: &'a Metrics) -> Lookup<'a> {
        Lookup { kg: self.kg(), index: self.index.get(), metrics }
    }

    /// What no answer may show.
    pub(crate) fn hidden(&self, metrics: &Metrics) -> Result<Option<Arc<NodeSet>>, Problem> {
        Ok(self.book.hidden(self.lookup(metrics))?)
    }

    /// The node with this name, unless it is hidden.
    pub(crate) fn node(&self, name: &str, hidden: Option<&NodeSet>) -> Result<NodeId, Problem> {
        let node = self.kg().node(name).ok().filter(|&node| !hidden.is_some_and(|hidden| hidden.contains(node)));
        node.ok_or_else(|| Problem::unknown("node", name).hint("write user:ID, item:ID or entity:ID"))
    }

    /// The item with this id, unless it is hidden.
    pub(crate) fn item(&self, id: &str, hidden: Option<&NodeSet>) -> Result<NodeId, Problem> {
        let item = self.kg().item(id).ok().filter(|&item| !hidden.is_some_and(|hidden| hidden.contains(item)));
        item.ok_or_else(|| Problem::unknown("item", id))
    }

    /// A node for people and programs, who are told nothing of its hidden neighbours.
    pub(crate) fn view(&self, node: NodeId, hidden: Option<&NodeSet>) -> NodeView {
        let kg = self.kg();
        let kind = kg.schema().types.get(kg.type_of(node).index()).map_or("", |kind| &kind.name);
        NodeView {
            node: kg.node_name(node),
            label: kg.label(node).to_owned(),
            kind: kind.to_owned(),
            degree: visible_degree(kg, node, hidden),
        }
    }

    /// A path of the graph for people and programs.
    pub(crate) fn path(&self, path: &Path, proof: bool) -> PathView {
        let rendered = Narrator::new(self.kg(), &self.readings, &[]).render(path);
        path_view(&rendered, None, proof)
    }
}

/// A path for people and programs.
pub(crate) fn path_view(path: &Rendered, log_probability: Option<f64>, proof: bool) -> PathView {
    PathView {
        text: path.text.clone(),
        log_probability,
        nodes: path.nodes.clone(),
        labels: path.labels.clone(),
        relations: path.relations.clone(),
        triples: proof.then(|| path.triples.iter().map(fact).collect()),
    }
}

fn fact(evidence: &Evidence) -> Fact {
    let Evidence { head, relation, tail, file, line } = evidence.clone();
    Fact { head, relation, tail, file: file_name(&file).to_owned(), line }
}

/// The last part of a file's name: folders of this machine are told to nobody.
pub(crate) fn file_name(file: &str) -> &str {
    file.rsplit(['/', '\\']).next().unwrap_or_default()
}

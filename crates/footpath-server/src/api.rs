//! What is asked and answered, as JSON.

use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

/// Most users and histories of a request.
pub(crate) const MAX_USERS: usize = 1_000;
/// Most ids of a list in a request.
pub(crate) const MAX_IDS: usize = 10_000;
/// Most bytes of an id.
pub(crate) const MAX_ID_BYTES: usize = 4 << 10;

/// One of the models that are served on the same graph.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum ModelName {
    /// The one that answers unless the other is asked for.
    #[default]
    Main,
    /// The one the server was started with beside it, if it was.
    Beside,
}

/// Which items lists may hold, and which nodes paths may touch.
#[derive(Clone, Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Recommend {
    /// Users of the graph, or of the events, by id.
    #[schema(max_items = 1000)]
    pub(crate) users: Vec<String>,
    /// Users nobody knows, by what they chose.
    #[schema(max_items = 1000)]
    pub(crate) histories: Vec<History>,
    /// The model that answers.
    pub(crate) model: ModelName,
    /// Items for each user: 1 to 1,000.
    #[schema(minimum = 1, maximum = 1000, default = 10)]
    pub(crate) k: Option<usize>,
    /// Prefixes kept for each user at each token: 1 to 65,536.
    #[schema(minimum = 1, maximum = 65536, default = 400)]
    pub(crate) beams: Option<usize>,
    /// Paths shown for each item: 1 to 100.
    #[schema(minimum = 1, maximum = 100, default = 1)]
    pub(crate) paths: Option<usize>,
    /// Whether to search on until the order is proven.
    pub(crate) exact: bool,
    /// Whether to name file and line of every fact.
    pub(crate) proof: bool,
    /// A rule that holds of the items lists may hold, such as `not genre:Horror and year >= 1980`.
    pub(crate) rules: Option<String>,
    /// The name of a rule set of the configuration.
    pub(crate) rule_set: Option<String>,
    /// A rule that holds of the nodes no path may touch, such as `type:user`.
    pub(crate) hide: Option<String>,
    /// Ids of items that lists may not hold.
    #[schema(max_items = 10000)]
    pub(crate) exclude: Vec<String>,
    /// Ids of the only items that lists may hold.
    #[schema(max_items = 10000)]
    pub(crate) only: Vec<String>,
}

/// What somebody chose.
#[derive(Clone, Debug, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct History {
    /// What to call them.
    #[serde(default)]
    pub(crate) id: Option<String>,
    /// Ids of items, the last chosen last.
    #[schema(max_items = 10000)]
    pub(crate) items: Vec<String>,
}

/// How to recommend to one user.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub(crate) struct RecommendQuery {
    /// The model that answers.
    pub(crate) model: ModelName,
    /// Items: 1 to 1,000.
    #[param(minimum = 1, maximum = 1000, default = 10)]
    pub(crate) k: Option<usize>,
    /// Prefixes kept at each token: 1 to 65,536.
    #[param(minimum = 1, maximum = 65536, default = 400)]
    pub(crate) beams: Option<usize>,
    /// Paths shown for each item: 1 to 100.
    #[param(minimum = 1, maximum = 100, default = 1)]
    pub(crate) paths: Option<usize>,
    /// Whether to search on until the order is proven.
    pub(crate) exact: Option<bool>,
    /// Whether to name file and line of every fact.
    pub(crate) proof: Option<bool>,
    /// A rule that holds of the items lists may hold.
    pub(crate) rules: Option<String>,
    /// The name of a rule set of the configuration.
    pub(crate) rule_set: Option<String>,
    /// A rule that holds of the nodes no path may touch.
    pub(crate) hide: Option<String>,
    /// Ids of items that the list may not hold, with commas between them.
    pub(crate) exclude: Option<String>,
    /// Ids of the only items that the list may hold, with commas between them.
    pub(crate) only: Option<String>,
}

/// Lists, in the order in which they were asked for: users, then histories.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(crate) struct Lists {
    /// Hash of the model that made them.
    pub(crate) model: String,
    /// Hash of the graph.
    pub(crate) graph: String,
    /// A list for each user.
    pub(crate) lists: Vec<UserList>,
}

/// What a list is based on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Basis {
    /// Paths of the graph, by the model: each item has its reason.
    Paths,
    /// The choices of everybody: nothing is known of this user.
    Popular,
}

/// The list of one user.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(crate) struct UserList {
    /// The user.
    pub(crate) user: String,
    /// What the list is based on.
    pub(crate) basis: Basis,
    /// At most k items, best first.
    pub(crate) items: Vec<RecommendedItem>,
    /// Why there are fewer than k, if there are.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) reason: Option<String>,
    /// Probability of the paths that were not looked at.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) unexplored: Option<f64>,
    /// Whether that cannot change which items these are, nor their order.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) proven: Option<bool>,
    /// Items the user is known to have chosen that the graph does not have.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) unknown_items: Vec<String>,
}

/// An item of a list.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(crate) struct RecommendedItem {
    /// Place in the list, from 1.
    pub(crate) rank: usize,
    /// Its id.
    pub(crate) item: String,
    /// Its readable label.
    pub(crate) label: String,
    /// Natural logarithm of what it is worth to the user; not of what is popular.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) score: Option<f64>,
    /// What the score is the sum of.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) parts: Option<Parts>,
    /// Share of the best path in the probability of all paths to the item.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) confidence: Option<f64>,
    /// Number of paths found to it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) num_paths: Option<usize>,
    /// Of what is popular: how many chose it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) popularity: Option<u64>,
    /// The reason: the most probable path.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) path: Option<PathView>,
    /// Further paths, best first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) more_paths: Vec<PathView>,
}

/// What the score of an item is the sum of.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
pub(crate) struct Parts {
    /// Natural logarithm of what its paths are worth.
    pub(crate) paths: f64,
    /// What the model says of the item beside paths: from the user alone, and from what others chose.
    pub(crate) beside_paths: f64,
}

/// A path.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(crate) struct PathView {
    /// The path read aloud.
    pub(crate) text: String,
    /// Natural logarithm of its probability, where a model has found it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) log_probability: Option<f64>,
    /// Nodes, as `user:ID`, `item:ID` or `entity:ID`.
    pub(crate) nodes: Vec<String>,
    /// Their readable labels.
    pub(crate) labels: Vec<String>,
    /// Relations, an inverse with a leading `~`.
    pub(crate) relations: Vec<String>,
    /// The facts behind it, where they were asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) triples: Option<Vec<Fact>>,
}

/// A fact as it was imported.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(crate) struct Fact {
    /// Head, as `user:ID`, `item:ID` or `entity:ID`.
    pub(crate) head: String,
    /// Relation.
    pub(crate) relation: String,
    /// Tail.
    pub(crate) tail: String,
    /// Name of the source file; `events` of what was told since.
    pub(crate) file: String,
    /// Line in it, from 1; 0 where unknown.
    pub(crate) line: u32,
}

/// Which items to explain.
#[derive(Clone, Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Explain {
    /// The user, with `item`.
    pub(crate) user: Option<String>,
    /// What somebody nobody knows has chosen, in place of the user.
    pub(crate) history: Option<History>,
    /// The item.
    pub(crate) item: Option<String>,
    /// Lists to explain, made by whomever; at most 1,000 items in all.
    pub(crate) lists: Vec<ListToExplain>,
    /// The model that answers.
    pub(crate) model: ModelName,
    /// Paths for each item: 1 to 100.
    #[schema(minimum = 1, maximum = 100, default = 3)]
    pub(crate) paths: Option<usize>,
    /// Prefixes kept at each token: 1 to 65,536.
    #[schema(minimum = 1, maximum = 65536, default = 400)]
    pub(crate) beams: Option<usize>,
    /// Whether to say what place the item has, or what keeps it out.
    pub(crate) why_not: bool,
    /// Whether to name file and line of every fact.
    pub(crate) proof: bool,
    /// The rules to ask of, as for recommendations.
    pub(crate) rules: Option<String>,
    /// The name of a rule set.
    pub(crate) rule_set: Option<String>,
    /// What no path may touch.
    pub(crate) hide: Option<String>,
}

/// A list to explain.
#[derive(Clone, Debug, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ListToExplain {
    /// The user.
    pub(crate) user: String,
    /// Ids of its items.
    pub(crate) items: Vec<String>,
}

/// Explanations, in the order in which they were asked for.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(crate) struct Explanations {
    /// One for each item.
    pub(crate) explanations: Vec<Explanation>,
}

/// Why an item suits a user.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(crate) struct Explanation {
    /// The user.
    pub(crate) user: String,
    /// The item.
    pub(crate) item: String,
    /// Its label.
    pub(crate) label: String,
    /// Whether the probabilities of the paths are those that rank; else they are among the paths to this item.
    pub(crate) is_ranked: bool,
    /// The most probable paths, best first.
    pub(crate) paths: Vec<PathView>,
    /// Why there is none, if there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) reason: Option<String>,
    /// What place it has, or what keeps it out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) standing: Option<Standing>,
}

/// What place an item has in the list of a user, or what keeps it out.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(crate) struct Standing {
    /// What decides.
    pub(crate) verdict: Verdict,
    /// The same in words.
    pub(crate) text: String,
    /// Its place among what the rules leave in, from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) rank: Option<usize>,
    /// Its place were there no rules.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) rank_without_rules: Option<usize>,
}

/// What decides on the place of an item.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Verdict {
    /// It has a place.
    Ranked,
    /// The user has chosen it.
    Seen,
    /// A rule leaves it out.
    Rule,
    /// The search found no path to it: there is none, or others were more probable from the start.
    NotFound,
    /// Nothing is known of the user.
    UnknownUser,
}

/// Which paths to look for.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct FindPaths {
    /// Where they start: `user:ID`, `item:ID` or `entity:ID`.
    pub(crate) from: String,
    /// Where they end.
    pub(crate) to: String,
    /// A pattern of them, such as `(:item)-[]-(:person)-[]-(:item)`.
    #[serde(default)]
    pub(crate) pattern: Option<String>,
    /// Most hops: 1 to 6.
    #[serde(default)]
    #[schema(minimum = 1, maximum = 6, default = 3)]
    pub(crate) max_hops: Option<usize>,
    /// Most paths: 1 to 1,000.
    #[serde(default)]
    #[schema(minimum = 1, maximum = 1000, default = 10)]
    pub(crate) n: Option<usize>,
    /// A rule that holds of the nodes no path may touch.
    #[serde(default)]
    pub(crate) hide: Option<String>,
    /// Whether to name file and line of every fact.
    #[serde(default)]
    pub(crate) proof: bool,
}

/// What connects two nodes.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(crate) struct FoundPaths {
    /// Where they start.
    pub(crate) from: NodeView,
    /// Where they end.
    pub(crate) to: NodeView,
    /// Paths: the shortest first, of equally long ones those through what has few edges.
    pub(crate) paths: Vec<PathView>,
    /// Whether everything was looked at that could be among them.
    pub(crate) complete: bool,
}

/// A node.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(crate) struct NodeView {
    /// `user:ID`, `item:ID` or `entity:ID`.
    pub(crate) node: String,
    /// Its readable label.
    pub(crate) label: String,
    /// Its type.
    #[serde(rename = "type")]
    pub(crate) kind: String,
    /// Number of its edges.
    pub(crate) degree: usize,
}

/// How many similar ones.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub(crate) struct SimilarQuery {
    /// The model that answers.
    pub(crate) model: ModelName,
    /// How many: 1 to 1,000.
    #[param(minimum = 1, maximum = 1000, default = 10)]
    pub(crate) k: Option<usize>,
    /// A rule that holds of the items the list may hold; not for users.
    pub(crate) rules: Option<String>,
    /// The name of a rule set; not for users.
    pub(crate) rule_set: Option<String>,
}

/// What is like a node.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(crate) struct SimilarNodes {
    /// The node.
    pub(crate) to: NodeView,
    /// What is like it, best first.
    pub(crate) similar: Vec<SimilarNode>,
}

/// A node that is like another.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(crate) struct SimilarNode {
    /// The node.
    #[serde(flatten)]
    pub(crate) node: NodeView,
    /// Cosine of the angle between the vectors of the two.
    pub(crate) similarity: f64,
    /// What the graph says they share: up to three paths of two hops.
    pub(crate) shared: Vec<PathView>,
}

/// Which neighbours.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub(crate) struct NodeQuery {
    /// Only those along this relation, an inverse with a leading `~`.
    pub(crate) relation: Option<String>,
    /// Neighbours of each relation to skip.
    #[param(minimum = 0)]
    pub(crate) offset: Option<usize>,
    /// Neighbours of each relation: 1 to 1,000.
    #[param(minimum = 1, maximum = 1000, default = 20)]
    pub(crate) limit: Option<usize>,
}

/// A node and its neighbours.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(crate) struct Neighbourhood {
    /// The node.
    #[serde(flatten)]
    pub(crate) node: NodeView,
    /// Its neighbours by relation.
    pub(crate) relations: Vec<Neighbours>,
}

/// The neighbours along one relation.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(crate) struct Neighbours {
    /// The relation, an inverse with a leading `~`.
    pub(crate) relation: String,
    /// How it is read.
    pub(crate) reading: String,
    /// How many there are.
    pub(crate) count: usize,
    /// Some of them.
    pub(crate) neighbours: Vec<Neighbour>,
    /// Where to go on, if there are more.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) next_offset: Option<usize>,
}

/// A neighbour, and where the fact stands.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(crate) struct Neighbour {
    /// The node.
    #[serde(flatten)]
    pub(crate) node: NodeView,
    /// Name of the source file.
    pub(crate) file: String,
    /// Line in it, from 1; 0 where unknown.
    pub(crate) line: u32,
}

/// What to look for.
#[derive(Clone, Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct SearchQuery {
    /// Words of the label or id; the last may be begun, and a letter or two may be wrong.
    pub(crate) q: String,
    /// Only nodes of this type.
    #[serde(rename = "type")]
    pub(crate) kind: Option<String>,
    /// How many: 1 to 100.
    #[param(minimum = 1, maximum = 100, default = 10)]
    pub(crate) limit: Option<usize>,
}

/// Nodes that were found, best first.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(crate) struct SearchHits {
    /// The nodes.
    pub(crate) hits: Vec<NodeView>,
}

/// What is served, in figures.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(crate) struct Summary {
    /// Hash of the model.
    pub(crate) model: String,
    /// Hash of the model beside it, if there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) beside: Option<String>,
    /// Hash of the graph.
    pub(crate) graph: String,
    /// The pattern of the model's paths.
    pub(crate) pattern: String,
    /// Types of nodes, and how many of each there are.
    pub(crate) types: Vec<Count>,
    /// Relations, and how many facts each has.
    pub(crate) relations: Vec<Count>,
    /// Number of nodes.
    pub(crate) nodes: usize,
    /// Number of facts and interactions.
    pub(crate) facts: usize,
    /// Names of the rule sets.
    pub(crate) rule_sets: Vec<String>,
    /// Number of events told since, where they are taken.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) events: Option<u64>,
}

/// How many of something there are.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(crate) struct Count {
    /// Its name.
    pub(crate) name: String,
    /// How many.
    pub(crate) count: u64,
}

/// What was chosen.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewEvents {
    /// The events, in the order in which they happened; 1 to 1,000.
    #[schema(min_items = 1, max_items = 1000)]
    pub(crate) events: Vec<NewEvent>,
}

/// A choice.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewEvent {
    /// Id of the user, whether the graph has them or not.
    pub(crate) user: String,
    /// Id of the item, whether the graph has it or not.
    pub(crate) item: String,
    /// How much it counts; 0 is seen and not liked.
    #[serde(default)]
    #[schema(minimum = 0, default = 1)]
    pub(crate) weight: Option<f64>,
    /// When, in seconds since 1970; now, if it is not said.
    #[serde(default)]
    pub(crate) time: Option<f64>,
}

/// What was taken.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(crate) struct Accepted {
    /// How many events are on the disk.
    pub(crate) accepted: usize,
    /// Items among them that the graph does not have: they are kept for the next import.
    pub(crate) unknown_items: Vec<String>,
}

/// What was forgotten.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(crate) struct Forgotten {
    /// Events that are gone.
    pub(crate) events: u64,
    /// Whether graph and model were made with choices of this user, which only a new import and training change.
    pub(crate) in_graph: bool,
}

/// Which graph and model are served now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Reloaded {
    /// Hash of the model.
    pub model: String,
    /// Hash of the model beside it, if there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub beside: Option<String>,
    /// Hash of the graph.
    pub graph: String,
    /// Whether they are others than before.
    pub changed: bool,
}

/// How the server is.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(crate) struct Health {
    /// `live` or `ready`.
    pub(crate) status: &'static str,
}

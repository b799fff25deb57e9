//! The graph as [petgraph](https://docs.rs/petgraph) sees it, so that its algorithms run on a [`TrainKg`] as it is,
//! mapped file included.
//!
//! ```
//! use footpath_graph::{Dataset, build::build, petgraph::facts};
//! use petgraph::algo::{connected_components, dijkstra, tarjan_scc};
//!
//! let mut data = Dataset::default();
//! data.fact("Alien", "directed_by", "Ridley Scott");
//! data.fact("Blade Runner", "directed_by", "Ridley Scott");
//! data.interact("ann", "film 7");
//! let kg = build(data)?.train_kg()?;
//!
//! assert_eq!(connected_components(&kg), 2);
//! let (alien, runner) = (kg.node("entity:Alien")?, kg.node("entity:Blade Runner")?);
//! let hops = dijkstra(&kg, alien, None, |edge| if edge.is_stated() { 1 } else { 2 });
//! assert_eq!(hops[&runner], 3);
//! // As stated, facts lead in one direction.
//! assert_eq!(tarjan_scc(&facts(&kg)).len(), kg.num_nodes());
//! # Ok::<(), footpath_graph::Error>(())
//! ```
//!
//! `&kg` is a directed graph in which **every arc is an edge**: each fact, train interactions included, is there twice,
//! as stated and as its inverse. So what can be reached does not depend on how a relation is put. [`facts`] is the same
//! graph with **each fact once**, as stated. Nodes are [`NodeId`]s, their weight is their type; an edge is named by its
//! [`Triple`], its weight is the directed relation. Incoming edges cost as much as outgoing ones.
//!
//! [`from_petgraph`] goes the other way.

use crate::dataset::{Dataset, NONE, RawInteraction, RawTriple};
use crate::error::{Error, Result, show};
use crate::heldout::Split;
use crate::kg::{Arcs, INTERACTED, TrainKg};
use ::petgraph::visit::{
    Data, EdgeCount, EdgeFiltered, EdgeRef, GraphBase, GraphProp, IntoEdgeReferences, IntoEdges, IntoEdgesDirected,
    IntoNeighbors, IntoNeighborsDirected, IntoNodeIdentifiers, IntoNodeReferences, NodeCompactIndexable, NodeCount,
    NodeIndexable, NodeRef, VisitMap, Visitable,
};
use ::petgraph::{Directed, Direction};
use footpath_core::{NodeId, RelationId, Triple, TypeId};
use std::iter::{Map, Zip};
use std::ops::Range;
use std::slice::Iter;

/// The graph with each fact once, as stated.
pub type Facts<'a> = EdgeFiltered<&'a TrainKg, fn(Edge) -> bool>;

/// The graph with each fact once, as stated.
#[must_use]
pub fn facts(kg: &TrainKg) -> Facts<'_> {
    EdgeFiltered(kg, |edge| edge.is_stated())
}

/// An edge of the graph.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Edge(pub Triple);

impl Edge {
    /// Whether the data states it in this direction, so that it is not an inverse.
    #[must_use]
    pub fn is_stated(self) -> bool {
        !self.0.relation.is_inverse()
    }
}

impl EdgeRef for Edge {
    type NodeId = NodeId;
    type EdgeId = Triple;
    type Weight = RelationId;

    fn source(&self) -> NodeId {
        self.0.head
    }

    fn target(&self) -> NodeId {
        self.0.tail
    }

    fn weight(&self) -> &RelationId {
        &self.0.relation
    }

    fn id(&self) -> Triple {
        self.0
    }
}

/// A node and its type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Node {
    id: NodeId,
    kind: TypeId,
}

impl NodeRef for Node {
    type NodeId = NodeId;
    type Weight = TypeId;

    fn id(&self) -> NodeId {
        self.id
    }

    fn weight(&self) -> &TypeId {
        &self.kind
    }
}

/// The edges that leave or enter a node, sorted by the relation as seen from the node, then by the other end.
#[derive(Clone, Debug)]
pub struct Edges<'a> {
    node: NodeId,
    direction: Direction,
    arcs: Zip<Iter<'a, u16>, Iter<'a, u32>>,
}

impl<'a> Edges<'a> {
    fn new(node: NodeId, direction: Direction, arcs: Arcs<'a>) -> Self {
        Self { node, direction, arcs: arcs.relations.iter().zip(arcs.tails) }
    }
}

impl Iterator for Edges<'_> {
    type Item = Edge;

    fn next(&mut self) -> Option<Edge> {
        let (&relation, &other) = self.arcs.next()?;
        let (relation, other) = (RelationId(relation), NodeId(other));
        Some(Edge(match self.direction {
            Direction::Outgoing => Triple { head: self.node, relation, tail: other },
            // The inverse of what leaves the node enters it.
            Direction::Incoming => Triple { head: other, relation: relation.inverse(), tail: self.node },
        }))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.arcs.size_hint()
    }
}

/// The other ends of the arcs of a node; a node is named once for each arc.
#[derive(Clone, Debug)]
pub struct Neighbors<'a>(Iter<'a, u32>);

impl Iterator for Neighbors<'_> {
    type Item = NodeId;

    fn next(&mut self) -> Option<NodeId> {
        self.0.next().map(|&node| NodeId(node))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.0.size_hint()
    }
}

/// All edges, by head.
#[derive(Clone, Debug)]
pub struct EdgeReferences<'a> {
    kg: &'a TrainKg,
    heads: Range<u32>,
    edges: Edges<'a>,
}

impl Iterator for EdgeReferences<'_> {
    type Item = Edge;

    fn next(&mut self) -> Option<Edge> {
        loop {
            if let Some(edge) = self.edges.next() {
                return Some(edge);
            }
            self.edges = self.kg.edges(NodeId(self.heads.next()?));
        }
    }
}

/// All nodes with their types, by id.
#[derive(Clone, Debug)]
pub struct NodeReferences<'a> {
    kg: &'a TrainKg,
    nodes: Range<u32>,
}

impl Iterator for NodeReferences<'_> {
    type Item = Node;

    fn next(&mut self) -> Option<Node> {
        let id = NodeId(self.nodes.next()?);
        Some(Node { id, kind: self.kg.type_of(id) })
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.nodes.size_hint()
    }
}

/// A set of nodes, a bit for each.
#[derive(Clone, Debug, Default)]
pub struct Visited(Vec<u64>);

impl Visited {
    fn new(num_nodes: usize) -> Self {
        Self(vec![0; num_nodes.div_ceil(64)])
    }

    fn set(&mut self, node: NodeId, to: bool) -> bool {
        let bit = 1 << (node.0 % 64);
        let Some(word) = self.0.get_mut(node.index() / 64) else { return false };
        let before = *word & bit != 0;
        *word = if to { *word | bit } else { *word & !bit };
        before
    }
}

impl VisitMap<NodeId> for Visited {
    fn visit(&mut self, node: NodeId) -> bool {
        !self.set(node, true)
    }

    fn is_visited(&self, node: &NodeId) -> bool {
        self.0.get(node.index() / 64).is_some_and(|word| word & (1 << (node.0 % 64)) != 0)
    }

    fn unvisit(&mut self, node: NodeId) -> bool {
        self.set(node, false)
    }
}

fn all_nodes(kg: &TrainKg) -> Range<u32> {
    0..u32::try_from(kg.num_nodes()).unwrap_or(u32::MAX)
}

impl GraphBase for TrainKg {
    type NodeId = NodeId;
    type EdgeId = Triple;
}

impl GraphProp for TrainKg {
    type EdgeType = Directed;
}

impl Data for TrainKg {
    type NodeWeight = TypeId;
    type EdgeWeight = RelationId;
}

impl NodeCount for TrainKg {
    fn node_count(&self) -> usize {
        self.num_nodes()
    }
}

impl EdgeCount for TrainKg {
    /// Arcs: two for each fact.
    fn edge_count(&self) -> usize {
        self.num_arcs()
    }
}

impl NodeIndexable for TrainKg {
    fn node_bound(&self) -> usize {
        self.num_nodes()
    }

    fn to_index(&self, node: NodeId) -> usize {
        node.index()
    }

    fn from_index(&self, index: usize) -> NodeId {
        NodeId(u32::try_from(index).unwrap_or(u32::MAX))
    }
}

impl NodeCompactIndexable for TrainKg {}

impl Visitable for TrainKg {
    type Map = Visited;

    fn visit_map(&self) -> Visited {
        Visited::new(self.num_nodes())
    }

    fn reset_map(&self, map: &mut Visited) {
        *map = self.visit_map();
    }
}

impl IntoNodeIdentifiers for &TrainKg {
    type NodeIdentifiers = Map<Range<u32>, fn(u32) -> NodeId>;

    fn node_identifiers(self) -> Self::NodeIdentifiers {
        all_nodes(self).map(NodeId)
    }
}

impl<'a> IntoNodeReferences for &'a TrainKg {
    type NodeRef = Node;
    type NodeReferences = NodeReferences<'a>;

    fn node_references(self) -> NodeReferences<'a> {
        NodeReferences { kg: self, nodes: all_nodes(self) }
    }
}

impl<'a> IntoNeighbors for &'a TrainKg {
    type Neighbors = Neighbors<'a>;

    fn neighbors(self, node: NodeId) -> Neighbors<'a> {
        Neighbors(self.arcs(node).tails.iter())
    }
}

impl<'a> IntoNeighborsDirected for &'a TrainKg {
    type NeighborsDirected = Neighbors<'a>;

    /// The same in both directions: every edge has its inverse.
    fn neighbors_directed(self, node: NodeId, _: Direction) -> Neighbors<'a> {
        self.neighbors(node)
    }
}

impl<'a> IntoEdgeReferences for &'a TrainKg {
    type EdgeRef = Edge;
    type EdgeReferences = EdgeReferences<'a>;

    fn edge_references(self) -> EdgeReferences<'a> {
        let none = Arcs { relations: &[], tails: &[], first: 0 };
        EdgeReferences { kg: self, heads: all_nodes(self), edges: Edges::new(NodeId(0), Direction::Outgoing, none) }
    }
}

impl<'a> IntoEdges for &'a TrainKg {
    type Edges = Edges<'a>;

    fn edges(self, node: NodeId) -> Edges<'a> {
        self.edges_directed(node, Direction::Outgoing)
    }
}

impl<'a> IntoEdgesDirected for &'a TrainKg {
    type EdgesDirected = Edges<'a>;

    fn edges_directed(self, node: NodeId, direction: Direction) -> Edges<'a> {
        Edges::new(node, direction, self.arcs(node))
    }
}

/// What a node of another graph is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NodeKind {
    /// A user with this id.
    User(String),
    /// An item with this id.
    Item(String),
    /// An entity.
    Entity {
        /// Its id.
        id: String,
        /// Its type.
        kind: String,
    },
}

/// What an edge of another graph is.
#[derive(Clone, Debug, PartialEq)]
pub enum EdgeKind {
    /// A user chose an item.
    Interaction {
        /// Rating; NaN where there is none.
        rating: f32,
        /// Time or position; 0 where there is none.
        time: i64,
    },
    /// A fact of this relation between items and entities.
    Fact(String),
}

/// A data set from any graph of petgraph. `node` and `edge` say what its nodes and edges are;
/// [`build`](crate::build::build) makes a graph of it.
///
/// Ids of nodes are unique among users, among items, and among entities. An edge leads from source to target, in an
/// undirected graph as well. All interactions are in train; lines, which tell where a fact was read, count the edges
/// from 2 as in a file with a header. Whether there are ratings and times shows from the interactions.
///
/// # Errors
/// [`Error::Usage`] for an id that occurs twice or is empty, a relation that is called `interacted` or starts with `~`,
/// an interaction that does not lead from a user to an item, and a fact with a user.
pub fn from_petgraph<G>(
    graph: G,
    mut node: impl FnMut(G::NodeId, &G::NodeWeight) -> NodeKind,
    mut edge: impl FnMut(G::EdgeId, &G::EdgeWeight) -> EdgeKind,
) -> Result<Dataset>
where
    G: IntoNodeReferences + IntoEdgeReferences + NodeIndexable,
{
    let mut import = Import { ends: vec![End::Entity(NONE); graph.node_bound()], ..Import::default() };
    for reference in graph.node_references() {
        let end = import.node(node(reference.id(), reference.weight()))?;
        if let Some(slot) = import.ends.get_mut(graph.to_index(reference.id())) {
            *slot = end;
        }
    }
    for (line, reference) in (2..).zip(graph.edge_references()) {
        let [source, target] = [reference.source(), reference.target()].map(|id| graph.to_index(id));
        import.edge(source, target, edge(reference.id(), reference.weight()), line)?;
    }
    Ok(import.data)
}

/// A node of the other graph in the data set.
#[derive(Clone, Copy, Debug)]
enum End {
    User(u32),
    /// Number of the item, and of the entity that is one node with it.
    Item(u32, u32),
    Entity(u32),
}

/// Another graph while it is read.
#[derive(Default)]
struct Import {
    data: Dataset,
    ends: Vec<End>,
}

impl Import {
    fn node(&mut self, kind: NodeKind) -> Result<End> {
        let (end, before, after) = match &kind {
            NodeKind::User(id) => {
                let before = self.data.users.len();
                (End::User(self.data.users.intern(id).0), before, self.data.users.len())
            }
            NodeKind::Item(id) => {
                let before = self.data.items.len();
                let item = self.data.item(id);
                // A control character keeps it apart from all entities: no id of one has any.
                let name = format!("\u{1}{id}");
                let entity = self.data.entity(&name, "item");
                if let Some(link) = self.data.links.get_mut(item as usize) {
                    *link = entity;
                }
                (End::Item(item, entity), before, self.data.items.len())
            }
            NodeKind::Entity { id, kind } => {
                let before = self.data.entities.len();
                (End::Entity(self.data.entity(id, kind)), before, self.data.entities.len())
            }
        };
        let (NodeKind::User(id) | NodeKind::Item(id) | NodeKind::Entity { id, .. }) = &kind;
        if before == after {
            return Err(usage("node", format!("two nodes of a kind have the id `{}`", show(id.as_bytes()))));
        }
        check_name("node", id)?;
        if let NodeKind::Entity { kind, .. } = &kind {
            check_name("node type", kind)?;
            if ["user", "item"].contains(&kind.as_str()) {
                return Err(usage(
                    "node type",
                    format!("`{kind}` is the graph's own; call the entity type something else"),
                ));
            }
        }
        Ok(end)
    }

    fn edge(&mut self, source: usize, target: usize, kind: EdgeKind, line: u32) -> Result<()> {
        let end = |index: usize| self.ends.get(index).copied().unwrap_or(End::Entity(NONE));
        match (kind, end(source), end(target)) {
            (EdgeKind::Interaction { rating, time }, End::User(user), End::Item(item, _)) => {
                self.data.has_ratings |= !rating.is_nan();
                self.data.has_times |= time != 0;
                self.data.interactions.push(RawInteraction { user, item, rating, time, line, split: Split::Train });
                Ok(())
            }
            (EdgeKind::Interaction { .. }, ..) => {
                Err(usage("edge", "an interaction leads from a user to an item".to_owned()))
            }
            (EdgeKind::Fact(name), End::Item(_, head) | End::Entity(head), End::Item(_, tail) | End::Entity(tail)) => {
                check_name("relation", &name)?;
                if name == INTERACTED || name.starts_with('~') {
                    let reason = format!(
                        "`{}`: `{INTERACTED}` and names with a leading `~` are the graph's own",
                        show(name.as_bytes())
                    );
                    return Err(usage("relation", reason));
                }
                let relation = self.data.relation(&name);
                self.data.triples.push(RawTriple { head, relation, tail, line });
                Ok(())
            }
            (EdgeKind::Fact(name), ..) => {
                let reason = format!("`{}` has a user at one end; users only have interactions", show(name.as_bytes()));
                Err(usage("edge", reason))
            }
        }
    }
}

fn check_name(what: &'static str, name: &str) -> Result<()> {
    let fits = !name.is_empty() && name.len() <= crate::import::MAX_NAME_BYTES && !name.contains(char::is_control);
    let shown = || format!("`{}` is empty, longer than 4 KiB, or has control characters", show(name.as_bytes()));
    if fits { Ok(()) } else { Err(usage(what, shown())) }
}

fn usage(option: &'static str, reason: String) -> Error {
    Error::Usage { option, reason }
}

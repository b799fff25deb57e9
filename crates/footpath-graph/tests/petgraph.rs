//! petgraph's algorithms on the store give what they give on petgraph's own graph with the same edges.

use footpath_core::{NodeId, RelationId, Triple};
use footpath_graph::build::build;
use footpath_graph::petgraph::{EdgeKind, NodeKind, facts, from_petgraph};
use footpath_graph::{Dataset, Error, TrainKg};
use petgraph::algo::{connected_components, dijkstra, is_cyclic_directed, kosaraju_scc, page_rank, tarjan_scc};
use petgraph::graph::{DiGraph, Graph, NodeIndex};
use petgraph::visit::{
    Bfs, Dfs, EdgeCount, EdgeRef, IntoEdgeReferences, IntoEdgesDirected, IntoNeighborsDirected, IntoNodeReferences,
    NodeRef,
};
use petgraph::{Direction, Undirected};
use proptest::prelude::*;
use std::collections::BTreeMap;

/// Facts and interactions as numbers.
#[derive(Clone, Debug)]
struct Statements {
    facts: Vec<(u8, u8, u8)>,
    interactions: Vec<(u8, u8)>,
}

fn statements() -> impl Strategy<Value = Statements> {
    let facts = prop::collection::vec((0..12u8, 0..3u8, 0..12u8), 1..25);
    let interactions = prop::collection::vec((0..4u8, 0..6u8), 1..10);
    (facts, interactions).prop_map(|(facts, interactions)| Statements { facts, interactions })
}

impl Statements {
    /// Every other item is an entity, too.
    fn kg(&self) -> TrainKg {
        let mut data = Dataset::default();
        (0..3).for_each(|n| data.link(&format!("i{}", 2 * n), &format!("e{n}")));
        for (head, relation, tail) in &self.facts {
            data.fact(&format!("e{head}"), &format!("r{relation}"), &format!("e{tail}"));
        }
        for (user, item) in &self.interactions {
            data.interact(&format!("u{user}"), &format!("i{item}"));
        }
        build(data).expect("built").train_kg().expect("valid")
    }
}

/// petgraph's own graph of the arcs, or of those that are stated.
fn own(kg: &TrainKg, stated: bool) -> DiGraph<(), RelationId> {
    let mut graph = DiGraph::new();
    for _ in 0..kg.num_nodes() {
        graph.add_node(());
    }
    for head in 0..kg.num_nodes() {
        for (relation, tail) in kg.arcs(NodeId(head as u32)).iter().filter(|(r, _)| !stated || !r.is_inverse()) {
            graph.add_edge(NodeIndex::new(head), NodeIndex::new(tail.index()), relation);
        }
    }
    graph
}

fn cost(relation: &RelationId) -> u32 {
    1 + u32::from(relation.0) * 7 % 5
}

fn sorted(mut components: Vec<Vec<usize>>) -> Vec<Vec<usize>> {
    components.iter_mut().for_each(|c| c.sort_unstable());
    components.sort();
    components
}

/// Compares everything on a view of the store and on petgraph's own graph.
macro_rules! check_alike {
    ($kg:expr, $view:expr, $own:expr) => {{
        let (kg, view, own) = ($kg, $view, $own);
        prop_assert_eq!(connected_components(view), connected_components(own));
        prop_assert_eq!(is_cyclic_directed(view), is_cyclic_directed(own));
        let nodes = |components: Vec<Vec<NodeId>>| {
            sorted(components.iter().map(|c| c.iter().map(|n| n.index()).collect()).collect())
        };
        let indices = |components: Vec<Vec<NodeIndex>>| {
            sorted(components.iter().map(|c| c.iter().map(|n| n.index()).collect()).collect())
        };
        prop_assert_eq!(nodes(kosaraju_scc(view)), indices(kosaraju_scc(own)));
        prop_assert_eq!(nodes(tarjan_scc(view)), indices(tarjan_scc(own)));
        let (ranks, own_ranks) = (page_rank(view, 0.85_f64, 10), page_rank(own, 0.85_f64, 10));
        prop_assert!(
            ranks.iter().zip(&own_ranks).all(|(a, b)| (a - b).abs() < 1e-12) && ranks.len() == own_ranks.len()
        );
        for start in 0..kg.num_nodes() {
            let (node, index) = (NodeId(start as u32), NodeIndex::new(start));
            let scores: BTreeMap<usize, u32> =
                dijkstra(view, node, None, |e| cost(e.weight())).iter().map(|(n, s)| (n.index(), *s)).collect();
            let own_scores: BTreeMap<usize, u32> =
                dijkstra(own, index, None, |e| cost(e.weight())).iter().map(|(n, s)| (n.index(), *s)).collect();
            prop_assert_eq!(scores, own_scores);
            for direction in [Direction::Outgoing, Direction::Incoming] {
                let mut edges: Vec<_> = view
                    .edges_directed(node, direction)
                    .map(|e| (e.source().index(), e.target().index(), *e.weight()))
                    .collect();
                let mut own_edges: Vec<_> = own
                    .edges_directed(index, direction)
                    .map(|e| (e.source().index(), e.target().index(), *e.weight()))
                    .collect();
                edges.sort();
                own_edges.sort();
                prop_assert_eq!(edges, own_edges);
                let mut neighbors: Vec<_> = view.neighbors_directed(node, direction).map(|n| n.index()).collect();
                let mut own_neighbors: Vec<_> = own.neighbors_directed(index, direction).map(|n| n.index()).collect();
                neighbors.sort_unstable();
                own_neighbors.sort_unstable();
                prop_assert_eq!(neighbors, own_neighbors);
            }
            let (mut bfs, mut own_bfs) = (Bfs::new(view, node), Bfs::new(own, index));
            let (mut dfs, mut own_dfs) = (Dfs::new(view, node), Dfs::new(own, index));
            let reached =
                [std::iter::from_fn(|| bfs.next(view)).count(), std::iter::from_fn(|| dfs.next(view)).count()];
            prop_assert_eq!(
                reached,
                [std::iter::from_fn(|| own_bfs.next(own)).count(), std::iter::from_fn(|| own_dfs.next(own)).count()]
            );
        }
    }};
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn algorithms_agree_with_petgraphs_own_graph(statements in statements()) {
        let kg = statements.kg();
        let (all, stated) = (own(&kg, false), own(&kg, true));
        prop_assert_eq!((kg.edge_count(), (&kg).edge_references().count()), (all.edge_count(), all.edge_count()));
        check_alike!(&kg, &kg, &all);
        check_alike!(&kg, &facts(&kg), &stated);
        let types: Vec<_> = (&kg).node_references().map(|n| (n.id(), *n.weight())).collect();
        let expected: Vec<_> = (0..kg.num_nodes() as u32).map(|n| (NodeId(n), kg.type_of(NodeId(n)))).collect();
        prop_assert_eq!(types, expected);
        let found = |e: footpath_graph::petgraph::Edge| {
            let triple = Triple { head: e.source(), relation: *e.weight(), tail: e.target() };
            kg.find(e.id()).is_some() && e.id() == triple
        };
        prop_assert!((&kg).edge_references().all(found));
    }

    /// A store becomes a graph of petgraph and a store again.
    #[test]
    fn a_graph_of_petgraph_becomes_a_store(statements in statements()) {
        let kg = statements.kg();
        let stated = own(&kg, true);
        let node = |index: NodeIndex, (): &()| {
            let node = NodeId(index.index() as u32);
            let id = kg.id(node).to_owned();
            match kg.type_of(node).0 {
                0 => NodeKind::User(id),
                1 => NodeKind::Item(id),
                kind => NodeKind::Entity { id, kind: kg.schema().types[usize::from(kind)].name.clone() },
            }
        };
        let edge = |_, relation: &RelationId| match *relation {
            RelationId::INTERACTED => EdgeKind::Interaction { rating: f32::NAN, time: 0 },
            relation => EdgeKind::Fact(kg.relation_name(relation)),
        };
        let data = from_petgraph(&stated, node, edge).expect("a data set");
        let back = build(data).expect("built").train_kg().expect("valid");
        prop_assert_eq!(&back.schema().types, &kg.schema().types);
        prop_assert_eq!(&back.schema().relations, &kg.schema().relations);
        for n in (0..kg.num_nodes() as u32).map(NodeId) {
            prop_assert_eq!((back.arcs(n).relations, back.arcs(n).tails), (kg.arcs(n).relations, kg.arcs(n).tails));
            prop_assert_eq!(back.node_name(n), kg.node_name(n));
        }
    }
}

#[test]
fn any_kind_of_graph_is_taken_with_ratings_and_times() {
    let mut graph: Graph<&str, &str, Undirected> = Graph::new_undirected();
    let [ann, alien, scott] = ["ann", "Alien", "Ridley Scott"].map(|name| graph.add_node(name));
    graph.extend_with_edges([(ann, alien, "saw"), (alien, scott, "directed_by")]);
    let node = |_, name: &&str| match *name {
        "ann" => NodeKind::User((*name).to_owned()),
        "Alien" => NodeKind::Item((*name).to_owned()),
        _ => NodeKind::Entity { id: (*name).to_owned(), kind: "person".to_owned() },
    };
    let edge = |_, name: &&str| match *name {
        "saw" => EdgeKind::Interaction { rating: 4.5, time: 17 },
        name => EdgeKind::Fact(name.to_owned()),
    };
    let kg = build(from_petgraph(&graph, node, edge).expect("a data set")).expect("built").train_kg().expect("valid");
    assert!(kg.schema().has_ratings && kg.schema().has_times);
    assert_eq!(kg.times_of(kg.user("ann").expect("ann")), [17]);
    let fact = Triple {
        head: kg.item("Alien").expect("Alien"),
        relation: kg.relation("directed_by").expect("a relation"),
        tail: kg.node("entity:Ridley Scott").expect("Ridley Scott"),
    };
    assert_eq!(kg.source(fact), Some(("triples.tsv", 3)));
}

#[test]
fn what_makes_no_graph_is_refused() {
    let entity = |id: &str| NodeKind::Entity { id: id.to_owned(), kind: "thing".to_owned() };
    let (user, item) = (|| NodeKind::User("u".to_owned()), || NodeKind::Item("i".to_owned()));
    let fact = |name: &str| EdgeKind::Fact(name.to_owned());
    let chose = || EdgeKind::Interaction { rating: f32::NAN, time: 0 };
    let cases: Vec<([NodeKind; 2], EdgeKind)> = vec![
        ([user(), entity("a")], fact("likes")),
        ([user(), entity("a")], chose()),
        ([item(), user()], chose()),
        ([entity("a"), entity("a")], fact("likes")),
        ([entity("a"), entity("")], fact("likes")),
        ([entity("a"), entity("\u{1}i")], fact("likes")),
        ([entity("a"), NodeKind::Entity { id: "b".to_owned(), kind: "user".to_owned() }], fact("likes")),
        ([entity("a"), entity("b")], fact("interacted")),
        ([entity("a"), entity("b")], fact("~likes")),
        ([entity("a"), entity("b")], fact("")),
    ];
    for (nodes, kind) in cases {
        let mut graph = DiGraph::<NodeKind, EdgeKind>::new();
        let [a, b] = nodes.map(|node| graph.add_node(node));
        graph.add_edge(a, b, kind);
        let refused = from_petgraph(&graph, |_, node| node.clone(), |_, edge| edge.clone());
        assert!(matches!(refused, Err(Error::Usage { .. })), "{graph:?}");
    }
}

//! petgraph's algorithms on the bundled films, on the store as it is and on a part of it: `cargo run --release -p
//! footpath-examples --example petgraph_films`.

use footpath_core::{NodeId, RelationId, TypeId};
use footpath_graph::TrainKg;
use footpath_graph::build::build;
use footpath_graph::import::{self, Options};
use footpath_graph::petgraph::{Edge, EdgeKind, NodeKind, facts, from_petgraph};
use petgraph::algo::{connected_components, dijkstra, page_rank};
use petgraph::graph::DiGraph;
use petgraph::visit::{EdgeFiltered, EdgeRef, IntoEdges};
use std::collections::BTreeMap;
use std::error::Error;
use std::io::Write;
use std::path::Path;

fn main() -> Result<(), Box<dyn Error>> {
    films(&mut std::io::stdout())
}

fn films(out: &mut impl Write) -> Result<(), Box<dyn Error>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../data/films");
    let kg = import::import(&folder, &Options::default(), &Default::default())?.built.train_kg()?;

    let knowledge = EdgeFiltered::from_fn(&kg, |edge: Edge| edge.weight().0 > RelationId::INTERACTED_BY.0);
    writeln!(out, "{} nodes in {} piece(s)", kg.num_nodes(), connected_components(&kg))?;
    writeln!(out, "without the users' choices: {} pieces", connected_components(&knowledge))?;

    // A hop costs more the more arcs it could have been: what a film shares with few others says more.
    let user = kg.user("user-001")?;
    let cost = |edge: Edge| (1.0 + kg.degree(edge.target()) as f64).ln();
    let distances = dijkstra(&kg, user, None, cost);
    let new = |film: &NodeId| kg.items_of(user).binary_search(&film.0).is_err();
    writeln!(out, "\nnearest to user-001 among the films they have not chosen:")?;
    for (film, distance) in best(kg.items().map(NodeId).filter(new), |film| -distances[&film]) {
        writeln!(out, "  {:<44} {:.2} away", kg.label(film), -distance)?;
    }

    // petgraph's page rank takes time in nodes × edges, so it runs on a small graph: the user's films and what is said
    // of them.
    let small = build(from_petgraph(&around(&kg, user), |_, &node| kind(&kg, node), |_, &fact| statement(&kg, fact))?)?;
    let small = small.train_kg()?;
    let ranks = page_rank(&facts(&small), 0.85, 20);
    let entities = (small.items().end..u32::try_from(small.num_nodes())?).map(NodeId);
    writeln!(out, "\nwhat the films of user-001 lead to, by page rank:")?;
    for (entity, rank) in best(entities, |entity| ranks[entity.index()]) {
        let entity = kg.node(&small.node_name(entity))?;
        writeln!(out, "  {:<44} {rank:.4} ({})", kg.label(entity), type_name(&kg, entity))?;
    }
    Ok(())
}

/// A graph of petgraph: a user's choices and the facts of the films chosen.
fn around(kg: &TrainKg, user: NodeId) -> DiGraph<NodeId, RelationId> {
    let mut graph = DiGraph::new();
    let mut indices = BTreeMap::new();
    let films = kg.items_of(user).iter().map(|&film| NodeId(film));
    let edges = films.flat_map(|film| (&facts(kg)).edges(film).collect::<Vec<_>>());
    for edge in (&facts(kg)).edges(user).chain(edges) {
        let [from, to] =
            [edge.source(), edge.target()].map(|node| *indices.entry(node).or_insert_with(|| graph.add_node(node)));
        graph.add_edge(from, to, *edge.weight());
    }
    graph
}

fn kind(kg: &TrainKg, node: NodeId) -> NodeKind {
    let id = kg.id(node).to_owned();
    match kg.type_of(node) {
        TypeId::USER => NodeKind::User(id),
        TypeId::ITEM => NodeKind::Item(id),
        _ => NodeKind::Entity { id, kind: type_name(kg, node).to_owned() },
    }
}

fn statement(kg: &TrainKg, relation: RelationId) -> EdgeKind {
    match relation {
        RelationId::INTERACTED => EdgeKind::Interaction { rating: f32::NAN, time: 0 },
        relation => EdgeKind::Fact(kg.relation_name(relation)),
    }
}

/// The five nodes with the highest scores.
fn best(nodes: impl Iterator<Item = NodeId>, score: impl Fn(NodeId) -> f64) -> Vec<(NodeId, f64)> {
    let mut scored: Vec<_> = nodes.map(|node| (node, score(node))).collect();
    scored.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
    scored.truncate(5);
    scored
}

fn type_name(kg: &TrainKg, node: NodeId) -> &str {
    kg.schema().types.get(kg.type_of(node).index()).map_or("", |kind| &kind.name)
}

#[test]
fn nearest_films_are_new_and_ranks_fall() {
    let mut out = Vec::new();
    films(&mut out).expect("the example runs");
    let text = String::from_utf8(out).expect("text");
    assert!(text.contains(" nodes in 1 piece(s)"), "{text}");
    let rows = |word: &str| text.lines().filter(|line| line.starts_with("  ") && line.contains(word)).count();
    assert_eq!((rows(" away"), rows("(")), (5, 10), "{text}");
}

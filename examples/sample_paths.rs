//! Builds a graph in memory and draws paths from it: `cargo run -p footpath-examples --example sample_paths`.

use footpath_core::{Context, Path, RelationId};
use footpath_graph::Dataset;
use footpath_graph::build::build;
use footpath_graph::pattern::Pattern;
use footpath_graph::sample::{EndSet, Law, SampleSpec, Sampler};
use std::error::Error;
use std::io::Write;

fn main() -> Result<(), Box<dyn Error>> {
    draw(&mut std::io::stdout())
}

fn draw(out: &mut impl Write) -> Result<(), Box<dyn Error>> {
    let mut data = Dataset::default();
    for (film, relation, person) in [
        ("Alien", "directed_by", "Ridley Scott"),
        ("Blade Runner", "directed_by", "Ridley Scott"),
        ("Blade Runner", "starring", "Harrison Ford"),
        ("Witness", "starring", "Harrison Ford"),
    ] {
        data.link(film, film);
        data.fact(film, relation, person);
    }
    data.interact("ann", "Alien");
    data.interact("bob", "Alien");
    data.interact("bob", "Witness");
    let kg = build(data)?.train_kg()?;

    // Items that Ann has not chosen, three hops away: every path there is equally likely.
    let pattern = Pattern::parse("(:user)-[:interacted]->(:item)-[]-()-[]-(:item)", &kg)?;
    let spec = SampleSpec { law: Law::UniformPath, ends: EndSet::Unseen, seed: 7, ..SampleSpec::default() };
    let context = Context::default();
    let sampler = Sampler::new(&kg, &pattern, &spec, &context)?;
    let tables = sampler.tables(kg.user("ann")?, &context)?;
    writeln!(out, "{} paths, of which five draws:", tables.num_paths()?.paths)?;
    let mut path = Path::default();
    for number in 0..5 {
        if tables.draw(number, &mut path)? {
            let name = |relation: &RelationId| format!(" {} ", kg.relation_name(*relation));
            let relations = path.relations.iter().map(name).chain([String::new()]);
            let words = path.nodes.iter().zip(relations).map(|(node, relation)| kg.node_name(*node) + &relation);
            writeln!(out, "  {}", words.collect::<String>())?;
        }
    }
    Ok(())
}

#[test]
fn all_draws_are_the_two_paths_there_are() {
    let mut out = Vec::new();
    draw(&mut out).expect("the example runs");
    let text = String::from_utf8(out).expect("text");
    assert!(text.starts_with("2 paths"), "{text}");
    let known = [
        "  user:ann interacted item:Alien directed_by entity:Ridley Scott ~directed_by item:Blade Runner",
        "  user:ann interacted item:Alien ~interacted user:bob interacted item:Witness",
    ];
    assert!(text.lines().skip(1).count() == 5 && text.lines().skip(1).all(|line| known.contains(&line)), "{text}");
}

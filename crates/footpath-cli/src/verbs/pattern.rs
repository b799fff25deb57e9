//! `footpath pattern check` and `footpath pattern list`

use crate::args::{MadePatternArgs, one_pattern};
use crate::failure::Failure;
use crate::text::{self, thousands};
use crate::work::Work;
use clap::{Args, Subcommand};
use footpath::pattern::{self, Checked, Hop, PRESETS, Pattern, kind_names, kinds_in_words, relations_in_words};
use footpath::{Kg, RelationId, TrainKg};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

pub(crate) const EXAMPLES: &str = "Examples:
  footpath pattern check '(:user)-[:interacted]->(:item)-[]-(:person)-[]-(:item)' --kg kg
  footpath pattern list --kg kg";

/// Most steps of an automaton printed for people.
const MAX_STEPS_SHOWN: usize = 100;

#[derive(Debug, Subcommand)]
pub(crate) enum PatternCommand {
    /// Explain in words what paths a pattern has in a graph, and show its automaton
    Check(CheckArgs),
    /// List the labels and presets that patterns are made of
    List(ListArgs),
}

#[derive(Debug, Args)]
#[command(group = one_pattern().required(true), after_help = "Examples:
  footpath pattern check '(:user)-[:interacted]->(:item)(-[]-(:!user)-[]-(:item)){1,2}' --kg kg
  footpath pattern check --pattern-preset pgpr --kg kg --dot - | dot -Tsvg > pgpr.svg")]
pub(crate) struct CheckArgs {
    /// A path pattern
    pattern: Option<String>,
    #[command(flatten)]
    made: MadePatternArgs,
    /// The knowledge graph
    #[arg(long, value_name = "KG")]
    kg: PathBuf,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
    /// Draw the automaton for Graphviz into a file; `-` is standard output, with nothing else there
    #[arg(long, value_name = "FILE")]
    dot: Option<PathBuf>,
    /// Replace the file of the drawing if it exists
    #[arg(long, requires = "dot")]
    force: bool,
}

#[derive(Debug, Args)]
#[command(after_help = "Example:
  footpath pattern list --kg kg")]
pub(crate) struct ListArgs {
    /// The knowledge graph
    #[arg(long, value_name = "KG")]
    kg: PathBuf,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(command: &PatternCommand, work: &Work) -> Result<(), Failure> {
    match command {
        PatternCommand::Check(args) => check(args, work),
        PatternCommand::List(args) => list(args, work),
    }
}

fn check(args: &CheckArgs, work: &Work) -> Result<(), Failure> {
    let kg = Kg::open(&args.kg, work.context())?;
    let checked = pattern::check(&kg, &args.made.shape(args.pattern.as_ref()).unwrap_or_default())?;
    let to_stdout = args.dot.as_deref() == Some(Path::new("-"));
    if let Some(path) = &args.dot {
        let dot = checked.mixture.union().automaton().to_dot(kg.schema());
        let path = (!to_stdout).then_some(path.as_path());
        let replace = crate::args::replace(args.force);
        work.to_file_or_stdout(path, replace, |out| out.write_all(dot.as_bytes()))?;
    }
    match (to_stdout, args.json) {
        (true, _) => Ok(()),
        (false, true) => work.json(&checked_json(&checked, &kg)),
        (false, false) => work.tell(|out| print_checked(out, &checked, &kg)),
    }
}

/// `all`, `some` or `none` of the paths of a pattern meet another user.
fn collaborative(pattern: &Pattern) -> &'static str {
    match (pattern.collaborative(), pattern.knowledge()) {
        (None, _) => "none",
        (Some(_), None) => "all",
        (Some(_), Some(_)) => "some",
    }
}

fn print_checked(out: &mut dyn Write, checked: &Checked, kg: &TrainKg) -> io::Result<()> {
    let Checked { mixture, hops } = checked;
    let several = mixture.parts().len() > 1;
    for (part, hops) in mixture.parts().iter().zip(hops) {
        if several {
            writeln!(out, "{:.1} % of the paths: {}", part.weight * 100.0, part.name)?;
        }
        print_pattern(out, &part.pattern, hops, kg)?;
        writeln!(out)?;
    }
    if several {
        writeln!(out, "All of them together")?;
        writeln!(out, " hops            {}", hops_in_words(mixture.union()))?;
    }
    print_automaton(out, mixture.union(), kg)
}

fn hops_in_words(pattern: &Pattern) -> String {
    match (pattern.min_hops(), pattern.max_hops()) {
        (min, max) if min == max => min.to_string(),
        (min, max) => format!("{min} to {max}"),
    }
}

fn print_pattern(out: &mut dyn Write, pattern: &Pattern, hops: &[Hop], kg: &TrainKg) -> io::Result<()> {
    writeln!(out, " paths           {}", pattern.source())?;
    writeln!(out, " hops            {}", hops_in_words(pattern))?;
    let meet = match collaborative(pattern) {
        "none" => "no path meets another user",
        "all" => "every path meets another user",
        _ => "some paths meet another user, some do not",
    };
    writeln!(out, " collaborative   {meet}")?;
    for (number, hop) in (1..).zip(hops) {
        let schema = kg.schema();
        let (from, to) = (kinds_in_words(&hop.from, schema), kinds_in_words(&hop.to, schema));
        let end = match (hop.may_end, number == hops.len()) {
            (true, false) => "; a path may end there",
            _ => "",
        };
        writeln!(out, " {:<15} from {from} to {to} along {}{end}", format!("hop {number}"), along(&hop.relations, kg))?;
    }
    Ok(())
}

/// Relations with their readings, where there are few.
fn along(relations: &BTreeSet<RelationId>, kg: &TrainKg) -> String {
    const MAX_READINGS: usize = 4;
    if relations.len() > MAX_READINGS {
        return relations_in_words(relations, kg.schema());
    }
    let name = |&relation: &RelationId| match (kg.relation_name(relation), kg.reading(relation)) {
        (name, reading) if name == reading => name,
        (name, reading) => format!("{name} (“{reading}”)"),
    };
    relations.iter().map(name).collect::<Vec<_>>().join(" or ")
}

fn print_automaton(out: &mut dyn Write, pattern: &Pattern, kg: &TrainKg) -> io::Result<()> {
    let (automaton, schema) = (pattern.automaton(), kg.schema());
    let mut table = text::table(&["state", "along", "to a node of type", "state after"], 4);
    let steps = automaton.states().flat_map(|state| automaton.steps_from(state));
    let mut num_steps = 0usize;
    for step in steps.take(MAX_STEPS_SHOWN + 1) {
        num_steps += 1;
        if num_steps > MAX_STEPS_SHOWN {
            break;
        }
        let end = if automaton.is_accepting(step.to) { " (end)" } else { "" };
        table.add_row([
            step.from.0.to_string(),
            relations_in_words(&step.relations, schema),
            kinds_in_words(&step.kinds, schema),
            format!("{}{end}", step.to.0),
        ]);
    }
    let ends = automaton.states().filter(|&state| automaton.is_accepting(state)).count();
    // States after a user's first choice are kept apart from others, so that fewer might do where there are several.
    let fewest = if automaton.states_of_first_items().len() > 1 { "" } else { ", no fewer would do" };
    writeln!(out, " automaton       {} states{fewest}; {ends} may end a path", automaton.num_states())?;
    text::print(out, &table)?;
    if num_steps > MAX_STEPS_SHOWN {
        writeln!(out, " … and more: --json and --dot give all steps")?;
    }
    Ok(())
}

fn checked_json(checked: &Checked, kg: &TrainKg) -> Value {
    let Checked { mixture, hops } = checked;
    let parts = mixture.parts().iter().zip(hops).map(|(part, hops)| {
        let mut value = pattern_json(&part.pattern);
        if let Some(object) = value.as_object_mut() {
            object.insert("name".to_owned(), part.name.as_str().into());
            object.insert("weight".to_owned(), part.weight.into());
            object.insert("hops".to_owned(), hops.iter().map(|hop| hop_json(hop, kg)).collect());
        }
        value
    });
    let mut value = pattern_json(mixture.union());
    let automaton = mixture.union().automaton();
    let states = automaton.states().map(|state| {
        let steps = automaton.steps_from(state).into_iter().map(|step| {
            let relations = relation_names(&step.relations, kg);
            json!({ "relations": relations, "types": kind_names(&step.kinds, kg.schema()), "to": step.to.0 })
        });
        json!({ "state": state.0, "end": automaton.is_accepting(state), "steps": steps.collect::<Vec<_>>() })
    });
    if let Some(object) = value.as_object_mut() {
        object.insert("parts".to_owned(), parts.collect());
        object.insert("states".to_owned(), states.collect());
    }
    value
}

fn pattern_json(pattern: &Pattern) -> Value {
    json!({
        "pattern": pattern.source(),
        "min_hops": pattern.min_hops(),
        "max_hops": pattern.max_hops(),
        "num_states": pattern.automaton().num_states(),
        "collaborative": collaborative(pattern),
    })
}

fn hop_json(hop: &Hop, kg: &TrainKg) -> Value {
    json!({
        "from": kind_names(&hop.from, kg.schema()),
        "relations": relation_names(&hop.relations, kg),
        "to": kind_names(&hop.to, kg.schema()),
        "may_end": hop.may_end,
    })
}

fn relation_names(relations: &BTreeSet<RelationId>, kg: &TrainKg) -> Vec<String> {
    relations.iter().map(|&relation| kg.relation_name(relation)).collect()
}

fn list(args: &ListArgs, work: &Work) -> Result<(), Failure> {
    let kg = Kg::open(&args.kg, work.context())?;
    if args.json {
        return work.json(&list_json(&kg));
    }
    work.tell(|out| print_list(out, &kg))
}

fn print_list(out: &mut dyn Write, kg: &TrainKg) -> io::Result<()> {
    let mut table = text::table(&["node label", "nodes"], 1);
    let types = &kg.schema().types;
    let count = |kind: &pattern::NodeType| u64::from(kind.end - kind.start);
    for kind in types {
        table.add_row([kind.name.clone(), thousands(count(kind))]);
    }
    if types.iter().all(|kind| kind.name != "entity") {
        table.add_row([
            "entity (all but user and item)".to_owned(),
            thousands(types.iter().skip(2).map(count).sum::<u64>()),
        ]);
    }
    for (name, nodes) in kg.schema().count_further() {
        table.add_row([format!("{name} (further type)"), thousands(nodes)]);
    }
    text::print(out, &table)?;
    writeln!(out)?;
    let mut table = text::table(&["edge label", "-[:label]-> reads", "<-[:label]- reads", "facts"], 3);
    for relation in &kg.schema().relations {
        let facts = thousands(relation.num_triples);
        table.add_row([relation.name.clone(), relation.forward.clone(), relation.inverse.clone(), facts]);
    }
    text::print(out, &table)?;
    writeln!(out)?;
    for preset in PRESETS {
        writeln!(out, " --pattern-preset {:<15} {}\n   {}", preset.name, preset.about, preset.text)?;
    }
    Ok(())
}

fn list_json(kg: &TrainKg) -> Value {
    let types = kg.schema().types.iter().map(|kind| json!({ "label": kind.name, "num_nodes": kind.end - kind.start }));
    let relations = kg.schema().relations.iter().map(|relation| {
        json!({
            "label": relation.name,
            "num_facts": relation.num_triples,
            "forward": relation.forward,
            "inverse": relation.inverse,
        })
    });
    let presets = PRESETS.map(|preset| json!({ "name": preset.name, "pattern": preset.text, "about": preset.about }));
    let mut list =
        json!({ "nodes": types.collect::<Vec<_>>(), "edges": relations.collect::<Vec<_>>(), "presets": presets });
    let further = kg.schema().count_further().into_iter();
    let further: Vec<Value> = further.map(|(name, nodes)| json!({ "label": name, "num_nodes": nodes })).collect();
    if let Some(object) = list.as_object_mut().filter(|_| !further.is_empty()) {
        object.insert("further_types".to_owned(), further.into());
    }
    list
}

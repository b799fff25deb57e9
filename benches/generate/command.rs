//! `footpath-bench generate`: a made-up graph as a dataset folder, or as N-Triples.

use super::{Shape, write_folder, write_ntriples};
use crate::harness::Outcome;
use std::path::PathBuf;

pub(crate) const USAGE: &str = "generate DIR (--edges N | --preset walks) [--form tables|ntriples] [--users N] \
    [--items N] [--entities N] [--seed N]";

/// What is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum DataForm {
    Tables,
    NTriples,
}

/// Writes the folder that the arguments after `generate` ask for; a line about it.
pub(crate) fn run(arguments: &[String]) -> Outcome<String> {
    let (folder, shape, form) = parse(arguments)?;
    let bytes = match form {
        DataForm::Tables => write_folder(&shape, &folder),
        DataForm::NTriples => write_ntriples(&shape, &folder),
    }?;
    let Shape { users, items, entities, .. } = shape;
    let edges = shape.edges();
    Ok(format!("{edges} triples of {users} users, {items} items and {entities} entities, {bytes} bytes"))
}

fn parse(arguments: &[String]) -> Outcome<(PathBuf, Shape, DataForm)> {
    let (mut folder, mut shape, mut form) = (None, None, DataForm::Tables);
    let mut changes: Vec<(&str, u64)> = Vec::new();
    let mut rest = arguments.iter().map(String::as_str);
    while let Some(argument) = rest.next() {
        let Some(flag) = argument.strip_prefix("--") else {
            folder = Some(PathBuf::from(argument));
            continue;
        };
        let value = rest.next().ok_or_else(|| format!("--{flag} needs a value"))?;
        match (flag, value) {
            ("form", "tables") => form = DataForm::Tables,
            ("form", "ntriples") => form = DataForm::NTriples,
            ("preset", "walks") => shape = Some(Shape::walks(1)),
            ("edges", edges) => shape = Some(Shape::of_edges(number(flag, edges)?, 1)),
            ("users" | "items" | "entities" | "seed", value) => changes.push((flag, number(flag, value)?)),
            _ => return Err(format!("--{flag} {value}: {USAGE}").into()),
        }
    }
    let (Some(folder), Some(mut shape)) = (folder, shape) else { return Err(USAGE.into()) };
    for (flag, value) in changes {
        match flag {
            "users" => shape.users = value,
            "items" => shape.items = value,
            "entities" => shape.entities = value,
            _ => shape.seed = value,
        }
    }
    Ok((folder, shape, form))
}

fn number(flag: &str, text: &str) -> Outcome<u64> {
    text.parse().map_err(|_| format!("--{flag} {text}: not a number").into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_change_the_shape() {
        let parse = |text: &str| parse(&text.split(' ').map(str::to_owned).collect::<Vec<_>>());
        let shape = Shape { users: 9_000, ..Shape::of_edges(100_000, 7) };
        let parsed = parse("out --users 9000 --edges 100000 --seed 7").expect("arguments");
        assert_eq!(parsed, (PathBuf::from("out"), shape, DataForm::Tables));
        let parsed = parse("out --form ntriples --users 9000 --edges 100000 --seed 7").expect("arguments");
        assert_eq!(parsed, (PathBuf::from("out"), shape, DataForm::NTriples));
        assert_eq!(parse("out --preset walks").expect("arguments").1, Shape::walks(1));
        let wrong = [
            "out",
            "--edges 5",
            "out --edges",
            "out --edges x",
            "out --preset x",
            "out --edges 5 --what 3",
            "out --edges 5 --form x",
        ];
        assert!(wrong.iter().all(|text| parse(text).is_err()));
    }
}

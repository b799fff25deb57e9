//! `footpath-bench generate`: a made-up graph as a dataset folder.

use super::{Shape, write_folder};
use crate::harness::Outcome;
use std::path::{Path, PathBuf};

pub(crate) const USAGE: &str =
    "generate DIR (--edges N | --preset walks) [--users N] [--items N] [--entities N] [--seed N]";

/// Writes the folder that the arguments after `generate` ask for; a line about it.
pub(crate) fn run(arguments: &[String]) -> Outcome<String> {
    let (folder, shape) = parse(arguments)?;
    let bytes = write_folder(&shape, Path::new(&folder))?;
    let Shape { users, items, entities, .. } = shape;
    let edges = shape.edges();
    Ok(format!("{edges} triples of {users} users, {items} items and {entities} entities, {bytes} bytes"))
}

fn parse(arguments: &[String]) -> Outcome<(PathBuf, Shape)> {
    let (mut folder, mut shape) = (None, None);
    let mut changes: Vec<(&str, u64)> = Vec::new();
    let mut rest = arguments.iter().map(String::as_str);
    while let Some(argument) = rest.next() {
        let Some(flag) = argument.strip_prefix("--") else {
            folder = Some(PathBuf::from(argument));
            continue;
        };
        let value = rest.next().ok_or_else(|| format!("--{flag} needs a value"))?;
        match (flag, value) {
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
    Ok((folder, shape))
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
        let (folder, shape) = parse("out --users 9000 --edges 100000 --seed 7").expect("arguments");
        assert_eq!(folder, Path::new("out"));
        assert_eq!(shape, Shape { users: 9_000, ..Shape::of_edges(100_000, 7) });
        assert_eq!(parse("out --preset walks").expect("arguments").1, Shape::walks(1));
        let wrong = ["out", "--edges 5", "out --edges", "out --edges x", "out --preset x", "out --edges 5 --what 3"];
        assert!(wrong.iter().all(|text| parse(text).is_err()));
    }
}

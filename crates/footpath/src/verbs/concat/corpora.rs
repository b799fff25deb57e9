//! The corpus whose parts were sampled apart.

use super::no_whole;
use crate::error::{Error, Result};
use footpath_core::{Artefact, ArtefactKind, Context, Corpus, CorpusHeader, CorpusWriter, Manifest, Replace, artefact};
use footpath_graph::sample::{Numbers, Sampling, Shard, UserRange};
use serde::Serialize;
use std::path::{Path, PathBuf};

/// What was published.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Concatenated {
    /// Parts that it was made of.
    pub num_parts: usize,
    /// Paths of all of them.
    pub num_paths: u64,
    /// Content hash of the whole.
    pub hash: String,
}

/// Publishes the corpus that was sampled in parts, by shards or by ranges of users, given in any order: byte for byte
/// what would have been sampled at once.
///
/// No more is held in memory than a window on one part. Every part is verified before it is read.
///
/// # Errors
/// [`Error::Parts`] naming parts of another graph, another law, seed or quota, or made by another version, parts that
/// have the same users, and parts between which users are missing; an output that exists; parts that are no corpora or
/// damaged; a disk that refuses; [`footpath_core::Error::Stopped`]. Nothing is left behind then.
pub fn corpora(parts: &[PathBuf], out: &Path, replace: Replace, context: &Context) -> Result<Concatenated> {
    artefact::refuse_existing(out, ArtefactKind::Corpus, replace)?;
    let mut parts = parts.iter().map(|path| Part::describe(path)).collect::<Result<Vec<_>>>()?;
    let Some((first, others)) = parts.split_first() else {
        return Err(Error::Usage { option: "parts", reason: "give at least one".to_owned() });
    };
    others.iter().try_for_each(|other| first.refuse_other(other))?;
    place(&mut parts)?;
    let Some(first) = parts.first() else { return Err(no_whole([], "no part is left")) };
    let whole = Sampling {
        numbers: parts.iter().filter_map(|part| part.sampling.numbers).max_by_key(|n| *n == Numbers::F64),
        range: None,
        shard: Some(Shard::default()),
        ..first.sampling.clone()
    };
    let mut writer = CorpusWriter::create(out, first.header.width, replace)?;
    let num_paths = parts.iter().map(|part| part.header.num_paths).sum::<u64>();
    let row_bytes = 4 * first.header.width as u64;
    let stage = context.stage("copying", Some(num_paths.saturating_mul(row_bytes)), "bytes");
    for part in &parts {
        let corpus = context.run(|| Corpus::open(&part.path, &context.quietly()))??;
        if corpus.artefact().manifest() != &part.manifest {
            return Err(no_whole([part.path.as_path()], "changed while it was looked at"));
        }
        writer.append_all(&corpus, |bytes| stage.advance(bytes))?;
    }
    let manifest = writer.publish(first.kg().to_owned(), first.header.vocabulary, whole.to_json()?)?;
    Ok(Concatenated { num_parts: parts.len(), num_paths, hash: manifest.content_hash() })
}

/// A part as its manifest describes it.
struct Part {
    path: PathBuf,
    manifest: Manifest,
    header: CorpusHeader,
    sampling: Sampling,
}

impl Part {
    fn describe(path: &Path) -> Result<Self> {
        let manifest = Artefact::describe(path, ArtefactKind::Corpus)?;
        let header = CorpusHeader::of(&manifest, path)?;
        let sampling = serde_json::from_value(header.sampling.clone()).map_err(|error| {
            no_whole([path], format!("its manifest does not say how its paths were sampled: {error}"))
        })?;
        Ok(Self { path: path.to_owned(), manifest, header, sampling })
    }

    /// Hash of the graph.
    fn kg(&self) -> &str {
        self.manifest.parents.get("kg").map_or("", String::as_str)
    }

    /// Refuses a part that was not made as this one was.
    fn refuse_other(&self, other: &Self) -> Result<()> {
        let differs = |what: &str, own: String, others: String| {
            Err(no_whole([self.path.as_path(), &other.path], format!("{what} differs: {own} and {others}")))
        };
        if self.kg() != other.kg() {
            return differs("the graph", self.kg().to_owned(), other.kg().to_owned());
        }
        let (own, others) = (&self.manifest, &other.manifest);
        if own.tool_version != others.tool_version {
            return differs("the version of footpath", own.tool_version.clone(), others.tool_version.clone());
        }
        let (own, others) = (self.sampling.to_json()?, other.sampling.to_json()?);
        for (what, keys) in ALIKE {
            let of = |sampling: &serde_json::Value| {
                keys.iter().fold(sampling.clone(), |value, key| value.get(key).cloned().unwrap_or_default())
            };
            let [own, others] = [&own, &others].map(of);
            if own != others {
                return differs(what, own.to_string(), others.to_string());
            }
        }
        let shapes = [self, other].map(|part| (part.header.width, part.header.vocabulary));
        match shapes {
            [own, others] if own != others => differs("the form", format!("{own:?}"), format!("{others:?}")),
            _ => Ok(()),
        }
    }
}

/// What all parts have in common, by its name for people and by where it stands, the plainest first.
const ALIKE: [(&str, &[&str]); 6] = [
    ("the seed", &["spec", "seed"]),
    ("the pattern", &["pattern"]),
    ("the mixture of patterns", &["parts"]),
    ("the law", &["spec"]),
    ("the number of paths", &["quota"]),
    ("whether a path may come twice", &["replacement"]),
];

/// Puts parts in the order of their users.
///
/// # Errors
/// [`Error::Parts`] where users are missing, or there twice.
fn place(parts: &mut [Part]) -> Result<()> {
    let num_users = num_users(parts)?;
    let place_of = |part: &Part| Place::of(part, num_users);
    parts.iter().try_for_each(|part| place_of(part).map(drop))?;
    parts.sort_by(|a, b| match (place_of(a), place_of(b)) {
        (Ok(a), Ok(b)) => a.first.cmp(&b.first).then(a.end.cmp(&b.end)),
        _ => std::cmp::Ordering::Equal,
    });
    let mut before: Option<(&Part, Place)> = None;
    for part in &*parts {
        let place = place_of(part)?;
        let done = before.as_ref().map_or(Bound::START, |(_, place)| place.end);
        let paths: Vec<&Path> = before.iter().map(|(part, _)| *part).chain([part]).map(|p| p.path.as_path()).collect();
        if place.first < done {
            let reason = format!("the same users are in both: {} and {}", said(before.map(|b| b.1)), place.said());
            return Err(no_whole(paths, reason));
        }
        if place.first > done {
            let there = said(before.map(|b| b.1));
            return Err(no_whole(paths, format!("users are missing between them: {there} and then {}", place.said())));
        }
        before = Some((part, place));
    }
    match before {
        Some((part, place)) if place.end != Bound::END => {
            Err(no_whole([part.path.as_path()], format!("users are missing behind the last part, {}", place.said())))
        }
        _ => Ok(()),
    }
}

fn said(place: Option<Place>) -> String {
    place.map_or_else(|| "the beginning".to_owned(), |place| place.said())
}

/// How many users there are in all, as far as a part says so.
fn num_users(parts: &[Part]) -> Result<Option<u32>> {
    let mut said: Option<(&Part, u32)> = None;
    for part in parts {
        let Some(UserRange { of, .. }) = part.sampling.range else { continue };
        match said {
            Some((other, others)) if others != of => {
                let reason = format!("the number of users differs: {others} and {of}");
                return Err(no_whole([other.path.as_path(), &part.path], reason));
            }
            _ => said = Some((part, of)),
        }
    }
    Ok(said.map(|(_, of)| of))
}

/// Which users a part has, as a stretch of them all.
#[derive(Clone, Copy)]
struct Place {
    first: Bound,
    end: Bound,
    stated: Stated,
}

#[derive(Clone, Copy)]
enum Stated {
    Shard(Shard),
    Range(UserRange),
}

impl Place {
    fn of(part: &Part, num_users: Option<u32>) -> Result<Self> {
        let nonsense = || no_whole([part.path.as_path()], "its manifest names users that there cannot be");
        match (part.sampling.range, part.sampling.shard) {
            (Some(range), _) if range.first <= range.end && range.end <= range.of => {
                let bound = |number: u32| Bound { users: number, of: range.of.max(1) };
                let end = if range.end == range.of { Bound::END } else { bound(range.end) };
                Ok(Self { first: bound(range.first), end, stated: Stated::Range(range) })
            }
            (None, Some(shard)) if shard.index < shard.of => {
                let bounds = match num_users {
                    // Among ranges a shard is the range that it comes to.
                    Some(of) => {
                        let users = shard.users(of)?;
                        [users.start, users.end].map(|users| Bound { users, of: of.max(1) })
                    }
                    None => [shard.index, shard.index + 1].map(|users| Bound { users, of: shard.of }),
                };
                let [first, end] = bounds;
                let end = if shard.index + 1 == shard.of { Bound::END } else { end };
                Ok(Self { first, end, stated: Stated::Shard(shard) })
            }
            _ => Err(nonsense()),
        }
    }

    fn said(&self) -> String {
        match self.stated {
            Stated::Shard(Shard { index, of }) => format!("shard {index}/{of}"),
            Stated::Range(UserRange { first, end, of }) => format!("users {first}..{end} of {of}"),
        }
    }
}

/// A place among all users: so many parts of so many lie before it.
#[derive(Clone, Copy, Debug)]
struct Bound {
    users: u32,
    of: u32,
}

impl Bound {
    const START: Self = Self { users: 0, of: 1 };
    const END: Self = Self { users: 1, of: 1 };
}

impl Ord for Bound {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (u64::from(self.users) * u64::from(other.of)).cmp(&(u64::from(other.users) * u64::from(self.of)))
    }
}

impl PartialOrd for Bound {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Bound {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Bound {}

#[cfg(test)]
mod tests {
    use super::*;
    use footpath_core::Vocabulary;
    use footpath_graph::sample::{Quota, Replacement, SampleSpec, SampledPart};
    use std::collections::BTreeMap;

    fn part(name: &str, shard: Option<Shard>, range: Option<UserRange>) -> Part {
        let pattern = "(:user)-[]-{3}(:item)".to_owned();
        let sampling = Sampling {
            numbers: None,
            parts: vec![SampledPart { pattern: pattern.clone(), weight: 1.0 }],
            paths_per_user: None,
            pattern,
            quota: Some(Quota::PerUser(1)),
            range,
            replacement: Some(Replacement::With),
            shard,
            spec: SampleSpec::default(),
        };
        let vocabulary = Vocabulary { num_relations: 2, num_nodes: 3 };
        let header = CorpusHeader { width: 7, num_paths: 0, vocabulary, sampling: serde_json::Value::Null };
        let manifest = Manifest {
            kind: ArtefactKind::Corpus,
            format_version: 2,
            tool_version: "1".to_owned(),
            files: BTreeMap::new(),
            parents: BTreeMap::new(),
            config: serde_json::Value::Null,
            seal: String::new(),
        };
        Part { path: name.into(), manifest, header, sampling }
    }

    fn shard(index: u32, of: u32) -> Part {
        part(&format!("{index}/{of}"), Some(Shard { index, of }), None)
    }

    fn range(first: u32, end: u32, of: u32) -> Part {
        part(&format!("{first}..{end}"), None, Some(UserRange { first, end, of }))
    }

    /// The order in which parts are put, or what is wrong with them.
    fn placed(mut parts: Vec<Part>) -> std::result::Result<String, String> {
        place(&mut parts).map_err(|error| error.to_string())?;
        Ok(parts.iter().map(|part| part.path.display().to_string()).collect::<Vec<_>>().join(" "))
    }

    #[test]
    fn parts_are_put_in_the_order_of_their_users() {
        let cases = [
            (vec![shard(0, 1)], "0/1"),
            (vec![shard(2, 3), shard(0, 3), shard(1, 3)], "0/3 1/3 2/3"),
            (vec![shard(3, 4), shard(0, 2), shard(2, 4)], "0/2 2/4 3/4"),
            (vec![range(7, 10, 10), range(0, 7, 10)], "0..7 7..10"),
            (vec![range(5, 5, 5), range(0, 5, 5), range(0, 0, 5)], "0..0 0..5 5..5"),
            // Of 5 users the first of two shards has 2.
            (vec![range(2, 5, 5), shard(0, 2)], "0/2 2..5"),
            // Shards of fewer users than there are shards have nobody.
            (vec![shard(0, 3), shard(1, 3), shard(2, 3), range(1, 1, 1)], "0/3 1/3 2/3 1..1"),
            (vec![range(0, 0, 0)], "0..0"),
        ];
        for (parts, expected) in cases {
            assert_eq!(placed(parts).as_deref(), Ok(expected));
        }
    }

    #[test]
    fn gaps_overlaps_and_nonsense_are_refused_by_name() {
        let cases = [
            (vec![shard(0, 3), shard(2, 3)], "0/3, 2/3: users are missing between them"),
            (vec![shard(1, 2)], "1/2: users are missing between them: the beginning and then shard 1/2"),
            (vec![shard(0, 2)], "0/2: users are missing behind the last part, shard 0/2"),
            (vec![shard(0, 2), shard(0, 2), shard(1, 2)], "0/2, 0/2: the same users are in both"),
            (vec![range(0, 6, 10), range(5, 10, 10)], "0..6, 5..10: the same users are in both: users 0..6 of 10"),
            (vec![range(0, 6, 10), range(6, 9, 9)], "0..6, 6..9: the number of users differs: 10 and 9"),
            (vec![range(3, 2, 10)], "3..2: its manifest names users that there cannot be"),
            (vec![shard(2, 2)], "2/2: its manifest names users that there cannot be"),
            (vec![part("walks", None, None)], "walks: its manifest names users that there cannot be"),
        ];
        for (parts, expected) in cases {
            let error = placed(parts).expect_err(expected);
            assert!(error.starts_with(expected), "{error}");
        }
    }

    #[test]
    fn whatever_differs_is_named() {
        let one = shard(0, 2);
        let change = |change: &dyn Fn(&mut Part)| {
            let mut other = shard(1, 2);
            change(&mut other);
            one.refuse_other(&other).map_err(|error| error.to_string())
        };
        assert_eq!(change(&|_| ()), Ok(()));
        type Change = dyn Fn(&mut Part);
        let cases: [(&Change, &str); 7] = [
            (&|part| drop(part.manifest.parents.insert("kg".to_owned(), "x".to_owned())), "the graph differs:  and x"),
            (&|part| part.manifest.tool_version = "2".to_owned(), "the version of footpath differs: 1 and 2"),
            (&|part| part.sampling.spec.seed = 9, "the seed differs: 1 and 9"),
            (&|part| part.sampling.spec.causal = true, "the law differs: {"),
            (&|part| part.sampling.quota = Some(Quota::PerUser(2)), "the number of paths differs: {\"per-user\":1}"),
            (&|part| part.sampling.replacement = None, "whether a path may come twice differs"),
            (&|part| part.header.width = 5, "the form differs"),
        ];
        for (of, expected) in cases {
            let error = change(of).expect_err(expected);
            assert!(error.starts_with(&format!("0/2, 1/2: {expected}")), "{error}");
        }
    }
}

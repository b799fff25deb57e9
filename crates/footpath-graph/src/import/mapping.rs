//! How a graph of nodes and edges of any kind is read as items, entities and interactions: a file in TOML.

use crate::error::{Error, Result, show};
use percent_encoding::percent_decode_str;
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Longest mapping file, in bytes.
pub const MAX_MAPPING_BYTES: u64 = 1 << 20;

/// What stands before a name that is no IRI, where a graph is written as RDF.
pub const PLAIN_NAMES: &str = "urn:footpath:";

/// Namespaces that need not be said.
const NAMESPACES: [(&str, &str); 13] = [
    ("dbo", "http://dbpedia.org/ontology/"),
    ("dbp", "http://dbpedia.org/property/"),
    ("dbr", "http://dbpedia.org/resource/"),
    ("dct", "http://purl.org/dc/terms/"),
    ("foaf", "http://xmlns.com/foaf/0.1/"),
    ("owl", "http://www.w3.org/2002/07/owl#"),
    ("rdf", "http://www.w3.org/1999/02/22-rdf-syntax-ns#"),
    ("rdfs", "http://www.w3.org/2000/01/rdf-schema#"),
    ("schema", "http://schema.org/"),
    ("skos", "http://www.w3.org/2004/02/skos/core#"),
    ("wd", "http://www.wikidata.org/entity/"),
    ("wdt", "http://www.wikidata.org/prop/direct/"),
    ("xsd", "http://www.w3.org/2001/XMLSchema#"),
];

/// How a graph is read; every part has a default.
///
/// Names of classes and relations may be written with the namespaces of `namespaces` or well-known ones: `dbo:director`
/// is `http://dbpedia.org/ontology/director`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Mapping {
    /// Short names of namespaces, which shorten the ids of entities: `dbr = "http://dbpedia.org/resource/"`.
    pub namespaces: BTreeMap<String, String>,
    /// What relative IRIs are relative to.
    pub base: Option<String>,
    /// Which nodes are items.
    pub items: Items,
    /// Where interactions are.
    pub interactions: Interactions,
    /// Where labels are.
    pub labels: Labels,
    /// Where types are.
    pub types: Types,
    /// Which relations are read, and what they are called.
    pub relations: Relations,
    /// Which values are entities.
    pub literals: Literals,
    /// Ids that begin like this are names, not IRIs: what follows, with percent signs and two digits read as bytes.
    /// [`PLAIN_NAMES`] where the graph was written by us.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub plain_names: Option<String>,
    /// Whether facts about nodes without a name are kept; otherwise they are counted and left out.
    pub keep_blank_nodes: bool,
    /// The file it was read from.
    #[serde(skip)]
    pub path: PathBuf,
}

/// Which nodes are items. A table wins over a class, and both over a prefix.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Items {
    /// Table with `item_id`, and in `entity_id` or `iri` which node it is; RecBole's `.link` is one.
    pub table: Option<PathBuf>,
    /// A table of attributes of items, as `--attributes` names one.
    pub attributes: Option<PathBuf>,
    /// What the table says of a node.
    #[serde(rename = "match")]
    pub matched_by: MatchedBy,
    /// All nodes of one of these classes.
    pub class: Vec<String>,
    /// All nodes whose id begins like this.
    pub prefix: Option<String>,
    /// Id of an item by class or prefix.
    pub id: ItemId,
}

/// By what a table names nodes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum MatchedBy {
    /// Its id.
    #[default]
    #[serde(rename = "id")]
    Id,
    /// What stands behind the last slash or hash of its id.
    #[serde(rename = "local")]
    Local,
    /// Its label, which no other node may have.
    #[serde(rename = "label")]
    Label,
    /// Its type, a colon, and its label: `movie:Alien (1979)`.
    #[serde(rename = "type:label")]
    TypeAndLabel,
}

/// The id of an item that is found by class or prefix.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ItemId {
    /// That of its node.
    #[default]
    Id,
    /// What stands behind the last slash or hash of it.
    Local,
}

/// Where interactions are.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Interactions {
    /// A table, as `--interactions` names one.
    pub table: Option<PathBuf>,
    /// Relations from users to items.
    pub relation: Vec<String>,
    /// Property of such an edge that is the rating, where edges have properties.
    pub rating: Option<String>,
    /// Property that is the time.
    pub time: Option<String>,
}

/// Where labels are.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Labels {
    /// Relations or properties with labels, the best first.
    pub from: Vec<String>,
    /// Languages, the best first; an empty one is a label without a language. Others come last.
    pub languages: Vec<String>,
}

impl Default for Labels {
    fn default() -> Self {
        let from = ["rdfs:label", "skos:prefLabel", "schema:name", "foaf:name", "name", "title", "label"];
        Self { from: from.map(str::to_owned).to_vec(), languages: vec!["en".to_owned(), String::new()] }
    }
}

/// Where types are.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Types {
    /// Relations with types.
    pub from: Vec<String>,
    /// Of several types of a node the first of these is its type; without one, that of most nodes.
    pub prefer: Vec<String>,
    /// Types that nodes keep beside their own, as sets that patterns can name; `*` is every type of a node but that
    /// chosen for it. Left out, it is `*` for a property graph, and nothing for RDF.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub further: Option<Vec<String>>,
    /// What types are called.
    pub rename: BTreeMap<String, String>,
}

impl Default for Types {
    fn default() -> Self {
        Self { from: vec!["rdf:type".to_owned()], prefer: Vec::new(), further: None, rename: BTreeMap::new() }
    }
}

/// Which relations are read.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Relations {
    /// These and no others; empty means all.
    pub keep: Vec<String>,
    /// Not these.
    pub drop: Vec<String>,
    /// What relations are called.
    pub rename: BTreeMap<String, String>,
    /// How relations read from head to tail, and from tail to head, by what they are called.
    pub readings: BTreeMap<String, [String; 2]>,
}

/// Which values are entities.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Literals {
    /// Relations whose values are entities as they stand.
    pub entities: Vec<String>,
    /// Relations whose values, of items, are attributes: numbers, dates, or truth values.
    pub attributes: Vec<String>,
    /// Relations whose values are dates or years, which become decades such as `1990s`.
    pub decades: Vec<String>,
}

impl Mapping {
    /// Reads a file. Paths in it are relative to its folder.
    ///
    /// # Errors
    /// [`Error::Config`] for a file that is none; [`Error::Core`] when it cannot be read.
    pub fn read(path: &Path) -> Result<Self> {
        let bytes = std::fs::metadata(path).map_err(footpath_core::Error::io(path))?.len();
        if bytes > MAX_MAPPING_BYTES {
            let (what, max) = ("bytes of a mapping", MAX_MAPPING_BYTES);
            return Err(footpath_core::Error::Limit { what, max, got: bytes }.into());
        }
        let text = std::fs::read_to_string(path).map_err(footpath_core::Error::io(path))?;
        let mut mapping: Self = toml::from_str(&text).map_err(|error| {
            let before = error.span().map_or(0, |span| span.start);
            let line = text.bytes().take(before).filter(|&b| b == b'\n').count() as u64 + 1;
            Error::Config { path: path.to_owned(), line, reason: error.message().to_owned() }
        })?;
        let folder = path.parent().unwrap_or(Path::new("")).to_owned();
        let Self { items, interactions, .. } = &mut mapping;
        for table in [&mut items.table, &mut items.attributes, &mut interactions.table].into_iter().flatten() {
            *table = folder.join(&*table);
        }
        path.clone_into(&mut mapping.path);
        mapping.expand_all();
        Ok(mapping)
    }

    /// The whole name of what may be written with a namespace.
    #[must_use]
    pub fn expand<'a>(&'a self, name: &'a str) -> Cow<'a, str> {
        let Some((prefix, local)) = name.split_once(':').filter(|(_, local)| !local.starts_with("//")) else {
            return Cow::Borrowed(name);
        };
        let own = self.namespaces.get(prefix).map(String::as_str);
        let known = || NAMESPACES.iter().find(|(known, _)| *known == prefix).map(|(_, iri)| *iri);
        own.or_else(known).map_or(Cow::Borrowed(name), |iri| Cow::Owned([iri, local].concat()))
    }

    /// An id with its namespace as a short name, if the mapping gives it one.
    #[must_use]
    pub fn shorten<'a>(&self, id: &'a str) -> Cow<'a, str> {
        if let Some(name) = self.plain_names.as_ref().and_then(|start| id.strip_prefix(start.as_str())) {
            return percent_decode_str(name).decode_utf8_lossy();
        }
        let of = |(short, iri): (&String, &String)| id.strip_prefix(iri.as_str()).map(|local| (short.clone(), local));
        // The longest namespace says most.
        let found = self.namespaces.iter().filter_map(of).min_by_key(|(_, local)| local.len());
        match found.filter(|(_, local)| !local.is_empty()) {
            Some((short, local)) => Cow::Owned([short.as_str(), ":", local].concat()),
            None => Cow::Borrowed(id),
        }
    }

    /// Writes all names in full.
    fn expand_all(&mut self) {
        let plain = self.clone();
        let lists = [
            &mut self.items.class,
            &mut self.interactions.relation,
            &mut self.labels.from,
            &mut self.types.from,
            &mut self.types.prefer,
            &mut self.relations.keep,
            &mut self.relations.drop,
            &mut self.literals.entities,
            &mut self.literals.decades,
            &mut self.literals.attributes,
        ];
        for name in lists.into_iter().flatten().chain(self.types.further.iter_mut().flatten()) {
            *name = plain.expand(name).into_owned();
        }
        for renamed in [&mut self.types.rename, &mut self.relations.rename] {
            *renamed =
                std::mem::take(renamed).into_iter().map(|(name, to)| (plain.expand(&name).into_owned(), to)).collect();
        }
        if let Some(prefix) = &mut self.items.prefix {
            *prefix = plain.expand(prefix).into_owned();
        }
    }

    /// The default with all names in full.
    #[must_use]
    pub fn expanded_default() -> Self {
        let mut mapping = Self::default();
        mapping.expand_all();
        mapping
    }
}

/// The names that are nearest to one that is not there, to show.
pub(super) fn nearest<'a>(wanted: &str, names: impl Iterator<Item = &'a str>) -> String {
    let mut all: Vec<(usize, &str)> = names.map(|name| (distance(wanted, name), name)).collect();
    all.sort_unstable();
    all.truncate(3);
    match all.is_empty() {
        true => "there is none at all".to_owned(),
        false => {
            let shown: Vec<String> = all.iter().map(|(_, name)| format!("`{}`", show(name.as_bytes()))).collect();
            format!("the nearest are {}", shown.join(", "))
        }
    }
}

/// Edits that make one name the other, of long ones by their last 64 characters.
fn distance(a: &str, b: &str) -> usize {
    let tail = |text: &str| {
        let all: Vec<char> = text.chars().collect();
        all.get(all.len().saturating_sub(64)..).unwrap_or_default().to_vec()
    };
    let (a, b) = (tail(a), tail(b));
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.iter().enumerate() {
        let mut diagonal = i;
        let mut left = i + 1;
        for (place, y) in row.iter_mut().skip(1).zip(&b) {
            let best = (diagonal + usize::from(x != y)).min(left + 1).min(*place + 1);
            diagonal = *place;
            *place = best;
            left = best;
        }
        if let Some(first) = row.first_mut() {
            *first = i + 1;
        }
    }
    row.last().copied().unwrap_or(a.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_written_in_full_and_ids_shortened() {
        let text = "[namespaces]\nx = \"http://x.org/\"\nxa = \"http://x.org/a/\"\n\
                    [relations]\ndrop = [\"x:r\", \"dbo:director\", \"KNOWS\", \"http://y.org/z\"]";
        let mut mapping: Mapping = toml::from_str(text).expect("a mapping");
        mapping.expand_all();
        let expected = ["http://x.org/r", "http://dbpedia.org/ontology/director", "KNOWS", "http://y.org/z"];
        assert_eq!(mapping.relations.drop, expected);
        for (id, short) in [
            ("http://x.org/b", "x:b"),
            ("http://x.org/a/b", "xa:b"),
            ("http://x.org/", "http://x.org/"),
            ("http://y.org/b", "http://y.org/b"),
        ] {
            assert_eq!(mapping.shorten(id), short);
        }
        assert!(toml::from_str::<Mapping>("[item]\nclass = []").is_err(), "a misspelt part is refused");
    }

    #[test]
    fn the_nearest_names_come_first() {
        assert_eq!((distance("kitten", "sitting"), distance("", "abc"), distance("abc", "abc")), (3, 3, 0));
        let names = ["http://x/Movie", "http://x/Person", "http://x/Film", "http://x/Company"];
        assert!(nearest("http://x/movie", names.into_iter()).starts_with("the nearest are `http://x/Movie`, "));
    }
}

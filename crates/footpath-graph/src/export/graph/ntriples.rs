//! RDF in N-Triples, with what RDF has no place for beside it.
//!
//! ```text
//! graph.nt           facts, types and labels; the further types of a node are types too
//! items.tsv          which node is which item, and titles; further types once more, also of items without facts
//! interactions.tsv   the log, with the part that each interaction belongs to
//! attributes.tsv     attributes of items, where there are any
//! mapping.toml       what is what; `import graph.nt --mapping mapping.toml` makes the same graph again
//! ```
//!
//! A name that is an IRI is written as it is, and any other behind `urn:footpath:`, with what IRIs cannot hold as
//! percent signs and two digits.

use super::format::GraphFormat;
use super::rows::TableForm;
use super::tables;
use super::whole::Whole;
use crate::error::Result;
use crate::import::{Mapping, PLAIN_NAMES};
use footpath_core::{ArtefactWriter, NodeId};
use oxrdf::vocab::{rdf, rdfs};
use oxrdf::{LiteralRef, NamedNode, NamedNodeRef, TermRef, TripleRef};
use oxrdfio::{RdfFormat, RdfSerializer, WriterQuadSerializer};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use std::collections::BTreeSet;
use std::io::{self, Write};
use std::path::PathBuf;

/// What an IRI cannot hold, or means something in it, in the names of nodes, types and relations.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~').remove(b':');

/// Writes the files.
pub(super) fn write(whole: &Whole<'_>, folder: &mut ArtefactWriter) -> Result<()> {
    let (kg, format) = (whole.kg, GraphFormat::Ntriples);
    whole.refuse(format, kg.has_weights(), "how much a fact weighs")?;
    whole.refuse(format, !whole.held_out_ends.is_empty(), "which facts are held out")?;
    whole.refuse(format, kg.schema().users_have_facts, "which node is which user")?;
    let of_users = kg.users().map(NodeId).any(|user| kg.further_types(user).next().is_some());
    whole.refuse(format, of_users, "which types a user has")?;
    let mut mapping = Mapping { plain_names: Some(PLAIN_NAMES.to_owned()), ..Mapping::default() };
    folder.add("graph.nt", |out| graph(whole, &mut mapping, out))?;
    if !kg.items().is_empty() {
        tables::item_list(whole, TableForm::Tsv, folder)?;
        mapping.items.table = Some(PathBuf::from("items.tsv"));
    }
    if !kg.users().is_empty() {
        tables::log(whole, TableForm::Tsv, folder)?;
        mapping.interactions.table = Some(PathBuf::from("interactions.tsv"));
    }
    if kg.attributes().next().is_some() {
        tables::attribute_table(whole, TableForm::Tsv, folder)?;
        mapping.items.attributes = Some(PathBuf::from("attributes.tsv"));
    }
    let text = toml::to_string(&mapping).map_err(io::Error::other).map_err(footpath_core::Error::io("mapping.toml"))?;
    Ok(folder.add("mapping.toml", |out| out.write_all(text.as_bytes()))?)
}

/// Writes facts, types and labels, and enters in the mapping what types and relations are called.
fn graph(whole: &Whole<'_>, mapping: &mut Mapping, out: &mut dyn Write) -> io::Result<()> {
    let mut triples = Triples(RdfSerializer::from_format(RdfFormat::NTriples).for_writer(out));
    whole.each(0..whole.kg.items().end, |node| {
        if !whole.has_facts(node) {
            return Ok(());
        }
        let subject = iri(&whole.name(node));
        whole.kg.further_types(node).try_for_each(|name| triples.further(whole, &subject, name))?;
        triples.label(&subject, whole.label(node))
    })?;
    let mut kinds = BTreeSet::new();
    whole.each(whole.entities(), |node| {
        let (subject, kind) = (iri(whole.kg.id(node)), whole.kind(node));
        // A node that nothing else is said of is there by its type.
        kinds.insert(kind);
        triples.add(&subject, rdf::TYPE, named("type", kind).as_ref())?;
        whole.kg.further_types(node).try_for_each(|name| triples.further(whole, &subject, name))?;
        triples.label(&subject, whole.label(node))
    })?;
    let mut relations = BTreeSet::new();
    whole.each_fact(|fact| {
        let [head, tail] = [fact.triple.head, fact.triple.tail].map(|node| iri(&whole.name(node)));
        relations.insert(fact.triple.relation);
        let relation = named("relation", &whole.kg.relation_name(fact.triple.relation));
        triples.add(&head, relation.as_ref(), tail.as_ref())
    })?;
    if whole.has_further() {
        // Of the types of a node its own is the one that is preferred.
        mapping.types.prefer = kinds.iter().map(|kind| named("type", kind).into_string()).collect();
        let further = whole.kg.schema().further_types.iter();
        mapping.types.further = Some(further.clone().map(|name| further_iri(whole, name).into_string()).collect());
        mapping.types.rename = further.map(|name| (further_iri(whole, name).into_string(), name.clone())).collect();
    }
    let own = kinds.into_iter().map(|kind| (named("type", kind).into_string(), kind.to_owned()));
    mapping.types.rename.extend(own);
    for relation in relations {
        let name = whole.kg.relation_name(relation);
        mapping.relations.rename.insert(named("relation", &name).into_string(), name.clone());
        if let Some(known) = whole.kg.schema().relations.get(relation.index() / 2) {
            mapping.relations.readings.insert(name, [known.forward.clone(), known.inverse.clone()]);
        }
    }
    triples.0.finish().map(drop)
}

struct Triples<'a>(WriterQuadSerializer<&'a mut dyn Write>);

impl Triples<'_> {
    fn add<'t>(
        &mut self,
        head: &'t NamedNode,
        relation: NamedNodeRef<'t>,
        tail: impl Into<TermRef<'t>>,
    ) -> io::Result<()> {
        self.0.serialize_triple(TripleRef::new(head, relation, tail))
    }

    fn further(&mut self, whole: &Whole<'_>, node: &NamedNode, name: &str) -> io::Result<()> {
        self.add(node, rdf::TYPE, further_iri(whole, name).as_ref())
    }

    fn label(&mut self, node: &NamedNode, label: &str) -> io::Result<()> {
        if label.is_empty() { Ok(()) } else { self.add(node, rdfs::LABEL, LiteralRef::new_simple_literal(label)) }
    }
}

/// The IRI of a node: its name, if that is one.
fn iri(name: &str) -> NamedNode {
    let is_absolute =
        name.split_once("://").is_some_and(|(scheme, _)| scheme.bytes().all(|b| b.is_ascii_alphanumeric()));
    let own = if is_absolute { NamedNode::new(name).ok() } else { None };
    own.unwrap_or_else(|| NamedNode::new_unchecked([PLAIN_NAMES, &encoded(name)].concat()))
}

/// The IRI of a further type, which is another one than that of the type of the same name: a node has one type of its
/// own, and by its IRI that is known.
fn further_iri(whole: &Whole<'_>, name: &str) -> NamedNode {
    let is_type = whole.kg.schema().types.iter().any(|of| of.name == name);
    named(if is_type { "further_type" } else { "type" }, name)
}

/// The IRI of a type or relation.
fn named(what: &str, name: &str) -> NamedNode {
    NamedNode::new_unchecked([PLAIN_NAMES, what, "/", &encoded(name)].concat())
}

fn encoded(name: &str) -> String {
    utf8_percent_encode(name, ENCODED).to_string()
}

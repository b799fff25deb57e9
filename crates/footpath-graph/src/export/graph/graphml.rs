//! GraphML (Brandes et al. 2002, <http://graphml.graphdrawing.org>): nodes and edges with attributes, for networkx,
//! igraph, Gephi and others.

use super::whole::{Edge, Whole};
use std::borrow::Cow;
use std::io::{self, Write};

/// The attributes: of what, name, type.
const KEYS: [(&str, &str, &str); 8] = [
    ("node", "type", "string"),
    ("node", "id", "string"),
    ("node", "label", "string"),
    ("edge", "relation", "string"),
    ("edge", "split", "string"),
    ("edge", "weight", "float"),
    ("edge", "rating", "float"),
    ("edge", "time", "long"),
];

/// The key of the further types of a node, parted by semicolons; only in a graph that has some.
const FURTHER: &str = "node_further_types";

/// Writes every node with its type, id and label, and every fact and interaction with the part it belongs to.
pub(super) fn write(whole: &Whole<'_>, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>")?;
    writeln!(out, "<graphml xmlns=\"http://graphml.graphdrawing.org/xmlns\">")?;
    for (of, name, kind) in KEYS {
        writeln!(out, "<key id=\"{of}_{name}\" for=\"{of}\" attr.name=\"{name}\" attr.type=\"{kind}\"/>")?;
    }
    if whole.has_further() {
        writeln!(out, "<key id=\"{FURTHER}\" for=\"node\" attr.name=\"further_types\" attr.type=\"string\"/>")?;
    }
    writeln!(out, "<graph edgedefault=\"directed\">")?;
    whole.each(whole.all_nodes(), |node| {
        write!(out, "<node id=\"n{}\">", node.0)?;
        data(out, "node_type", whole.kind(node))?;
        data(out, "node_id", whole.kg.id(node))?;
        data(out, "node_label", whole.kg.label(node))?;
        let further = whole.further(node);
        if !further.is_empty() {
            data(out, FURTHER, &further)?;
        }
        writeln!(out, "</node>")
    })?;
    whole.each_edge(|Edge { head, tail, about }| {
        write!(out, "<edge source=\"n{}\" target=\"n{}\">", head.0, tail.0)?;
        data(out, "edge_relation", about.relation)?;
        data(out, "edge_split", about.split.name())?;
        let numbers = [("edge_weight", about.weight), ("edge_rating", about.rating)];
        for (key, number) in numbers.into_iter().filter_map(|(key, number)| Some((key, number?))) {
            data(out, key, &number.to_string())?;
        }
        about.time.map_or(Ok(()), |time| data(out, "edge_time", &time.to_string()))?;
        writeln!(out, "</edge>")
    })?;
    writeln!(out, "</graph>\n</graphml>")
}

fn data(out: &mut dyn Write, key: &str, text: &str) -> io::Result<()> {
    write!(out, "<data key=\"{key}\">{}</data>", escaped(text))
}

/// A text as XML has it. The two characters that XML cannot have, and which Unicode keeps free, become U+FFFD.
fn escaped(text: &str) -> Cow<'_, str> {
    if !text.contains(['&', '<', '>', '\u{fffe}', '\u{ffff}']) {
        return Cow::Borrowed(text);
    }
    let mut escaped = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '\u{fffe}' | '\u{ffff}' => escaped.push('\u{fffd}'),
            c => escaped.push(c),
        }
    }
    Cow::Owned(escaped)
}

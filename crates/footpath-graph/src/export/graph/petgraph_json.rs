//! JSON as petgraph's serde reads it: `serde_json::from_reader::<_, petgraph::Graph<Node, Edge>>(file)`.
//!
//! ```text
//! {"nodes": [{"type": "user", "id": "ann", "label": "Ann"}, …], "node_holes": [], "edge_property": "directed",
//!  "edges": [[0, 7, {"relation": "interacted", "split": "train"}], …]}
//! ```

use super::whole::{Edge, Whole};
use std::io::{self, Write};

/// Writes every node with its type, id and label, and every fact and interaction with the part it belongs to.
pub(super) fn write(whole: &Whole<'_>, out: &mut dyn Write) -> io::Result<()> {
    write!(out, "{{\"nodes\":[")?;
    let mut separator = "\n";
    whole.each(whole.all_nodes(), |node| {
        out.write_all(std::mem::replace(&mut separator, ",\n").as_bytes())?;
        let (kind, id, label) = (whole.kind(node), whole.kg.id(node), whole.kg.label(node));
        let mut value = serde_json::json!({ "type": kind, "id": id, "label": label });
        let further: Vec<&str> = whole.kg.further_types(node).collect();
        if let Some(object) = value.as_object_mut().filter(|_| !further.is_empty()) {
            object.insert("further_types".to_owned(), further.into());
        }
        Ok(serde_json::to_writer(&mut *out, &value)?)
    })?;
    write!(out, "],\n\"node_holes\":[],\"edge_property\":\"directed\",\"edges\":[")?;
    separator = "\n";
    whole.each_edge(|Edge { head, tail, about }| {
        out.write_all(std::mem::replace(&mut separator, ",\n").as_bytes())?;
        Ok(serde_json::to_writer(&mut *out, &(head.0, tail.0, about))?)
    })?;
    writeln!(out, "]}}")
}

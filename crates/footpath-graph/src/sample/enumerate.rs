//! All legal paths of a user, one after the other.

use super::dag::Dag;
use footpath_core::{Context, NodeId, Path, RelationId, Result};
use std::ops::Range;

/// Some or all legal paths of a user.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Enumeration {
    /// The paths, in the order of a depth-first search over nodes and relations ascending.
    pub paths: Vec<Path>,
    /// Whether these are all.
    pub complete: bool,
}

/// Arcs between two looks at whether to stop.
const CHECK: u64 = 1 << 14;

/// Calls `each` with every walk from slot 0 to a stop, or every simple one, until it says no or `max_steps` arcs were
/// looked at. Returns whether all paths were visited.
///
/// # Errors
/// [`footpath_core::Error::Stopped`].
pub(super) fn visit(
    dag: &Dag,
    simple: bool,
    max_steps: u64,
    context: &Context,
    mut each: impl FnMut(&Path) -> bool,
) -> Result<bool> {
    context.check()?;
    let alive = alive(dag);
    let is_alive = |slot: u32| alive.get(slot as usize).copied().unwrap_or(false);
    let Some(&start) = dag.nodes.first().filter(|_| is_alive(0)) else { return Ok(true) };
    let mut path = Path { nodes: vec![NodeId(start)], relations: Vec::new() };
    let mut open: Vec<Range<usize>> = vec![dag.range(0)];
    let mut steps = 0;
    while let Some(arcs) = open.last_mut() {
        let Some(index) = arcs.next() else {
            open.pop();
            path.nodes.pop();
            path.relations.pop();
            continue;
        };
        steps += 1;
        if steps > max_steps {
            return Ok(false);
        }
        if steps % CHECK == 0 {
            context.check()?;
        }
        let arc = dag.arc(index);
        if !is_alive(arc.target) || (simple && path.nodes.contains(&NodeId(arc.node))) {
            continue;
        }
        path.nodes.push(NodeId(arc.node));
        path.relations.push(RelationId(arc.relation));
        if dag.stops.get(arc.target as usize) == Some(&true) && !each(&path) {
            return Ok(false);
        }
        open.push(dag.range(arc.target));
    }
    Ok(true)
}

/// For each slot, whether a stop can be reached from it.
fn alive(dag: &Dag) -> Vec<bool> {
    let mut alive = dag.stops.clone();
    for &slot in dag.layers.iter().rev().flatten() {
        let reaches = dag.range(slot).any(|arc| alive.get(dag.arc(arc).target as usize) == Some(&true));
        if let Some(flag) = alive.get_mut(slot as usize) {
            *flag |= reaches;
        }
    }
    alive
}

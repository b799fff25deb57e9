//! Users of the graph, by their ids or by shards.

use super::options::USERS_TOGETHER;
use crate::error::Result;
use crate::service::Service;
use crate::text::lines;
use footpath_core::NodeId;
use footpath_graph::TrainKg;
use footpath_graph::sample::Shard;
use std::path::Path;

/// Most users of a file of ids: 40 MB of node ids.
pub const MAX_USERS: usize = 10_000_000;
/// Most bytes of a line of such a file.
const MAX_LINE_BYTES: usize = 1 << 20;

/// The users of a shard, with or without train interactions: whole groups of [`USERS_TOGETHER`], so that the lists of
/// all shards, one after the other, are those of all users.
///
/// # Errors
/// [`footpath_graph::Error::Usage`] for a shard that there is not.
pub fn users_of_shard(kg: &TrainKg, shard: Shard) -> Result<Vec<NodeId>> {
    let users = kg.users();
    let groups = shard.users((users.end - users.start).div_ceil(USERS_TOGETHER))?;
    let place = |group: u32| users.end.min(users.start + group * USERS_TOGETHER);
    Ok((place(groups.start)..place(groups.end)).map(NodeId).collect())
}

/// Reads users of the graph, one id on each line; empty lines are skipped.
///
/// # Errors
/// [`footpath_graph::Error::Unknown`] and [`Error::ColdUser`](crate::Error::ColdUser) for the first that gets no list;
/// [`Error::BadFile`](crate::Error::BadFile) for a line that is no UTF-8 or over 1 MiB, and for more than
/// [`MAX_USERS`]; [`footpath_core::Error::Io`].
pub fn read_users(path: &Path, service: &Service) -> Result<Vec<NodeId>> {
    let mut users = Vec::new();
    lines::each(path, MAX_LINE_BYTES, |number, id| {
        if id.is_empty() {
            return Ok(());
        }
        if users.len() == MAX_USERS {
            return Err(lines::bad(path, number, &format!("more than {MAX_USERS} users; cut the file into parts")));
        }
        users.push(service.warm_user(id)?);
        Ok(())
    })?;
    Ok(users)
}

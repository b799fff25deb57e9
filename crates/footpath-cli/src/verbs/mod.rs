//! One file for each verb.

pub(crate) mod adapt;
pub(crate) mod audit;
pub(crate) mod check;
pub(crate) mod completions;
pub(crate) mod corpus;
pub(crate) mod count;
pub(crate) mod demo;
pub(crate) mod evaluate;
pub(crate) mod explain;
pub(crate) mod export;
pub(crate) mod export_graph;
pub(crate) mod import;
pub(crate) mod info;
pub(crate) mod mcp;
pub(crate) mod model;
pub(crate) mod pattern;
pub(crate) mod patterns;
pub(crate) mod recommend;
pub(crate) mod recs;
pub(crate) mod reference;
pub(crate) mod report;
pub(crate) mod sample;
pub(crate) mod serve;
pub(crate) mod train;
pub(crate) mod tune;
pub(crate) mod verify;

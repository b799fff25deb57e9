//! A module for each verb.

pub mod adapt;
pub mod audit;
#[cfg(feature = "parquet")]
pub mod build;
pub mod check;
pub mod concat;
pub mod corpus;
pub mod draws;
pub mod evaluate;
pub mod export_graph;
pub mod hugging_face;
pub mod import;
pub mod link;
pub mod logits;
pub mod metapaths;
pub mod paths;
pub mod pattern;
pub mod recommend;
pub mod replay;
pub mod sample;
pub mod similar;
pub mod train;
pub mod tune;
pub mod verify;

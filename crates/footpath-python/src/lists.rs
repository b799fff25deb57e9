//! Recommendations, and lists of others.

use crate::batches::{Batches, ROWS, batch};
use crate::call::json;
use crate::columns::{Texts, named, numbers};
use crate::errors::{input, raised};
use crate::paths::list_builder;
use crate::stream;
use arrow_array::builder::{Float64Builder, Int64Builder, StringBuilder};
use arrow_array::cast::AsArray;
use arrow_array::{Array, ArrayRef, RecordBatch, RecordBatchReader};
use arrow_schema::DataType;
use footpath::evaluate::{BadRows, Given, ListsBuilder, Recommendations};
use footpath::recommend::{Explanation, Item, List};
use footpath::text::render::Rendered;
use pyo3::prelude::*;
use std::collections::BTreeMap;
use std::sync::Arc;

/// What a model recommended: a list for each user, with its paths.
#[pyclass(frozen, module = "footpath._native")]
pub(crate) struct Lists {
    pub(crate) lists: Arc<Vec<List>>,
}

#[pymethods]
impl Lists {
    fn __len__(&self) -> usize {
        self.lists.len()
    }

    /// The list of a place, as JSON.
    fn list(&self, place: usize) -> Option<String> {
        self.lists.get(place).map(|list| json(&list))
    }

    /// A row for each item: user, rank, item, label, score, confidence, because, nodes, relations.
    fn batches(&self, py: Python<'_>) -> Batches {
        py.detach(|| table(&self.lists))
    }
}

fn table(lists: &[List]) -> Batches {
    let rows = lists.iter().flat_map(|list| list.items.iter().map(move |item| (list, item)));
    let rows: Vec<(&List, &Item)> = rows.collect();
    let parts = rows.chunks(ROWS).map(part).collect::<Vec<_>>();
    Batches::of_parts(if parts.is_empty() { vec![part(&[])] } else { parts })
}

fn part(rows: &[(&List, &Item)]) -> RecordBatch {
    let [mut users, mut items, mut labels, mut because] = [(); 4].map(|()| StringBuilder::new());
    let (mut ranks, mut scores, mut confidences) = (Int64Builder::new(), Float64Builder::new(), Float64Builder::new());
    let [mut nodes, mut relations] = [(); 2].map(|()| list_builder());
    for (list, item) in rows {
        users.append_value(&list.user);
        ranks.append_value(i64::try_from(item.rank).unwrap_or(i64::MAX));
        items.append_value(&item.item);
        labels.append_value(&item.label);
        scores.append_value(item.score);
        confidences.append_value(item.confidence);
        because.append_value(&item.text);
        for (builder, names) in [(&mut nodes, &item.nodes), (&mut relations, &item.relations)] {
            names.iter().for_each(|name| builder.values().append_value(name));
            builder.append(true);
        }
    }
    batch(vec![
        ("user", Arc::new(users.finish())),
        ("rank", Arc::new(ranks.finish())),
        ("item", Arc::new(items.finish())),
        ("label", Arc::new(labels.finish())),
        ("score", Arc::new(scores.finish())),
        ("confidence", Arc::new(confidences.finish())),
        ("because", Arc::new(because.finish())),
        ("nodes", Arc::new(nodes.finish())),
        ("relations", Arc::new(relations.finish())),
    ])
}

/// Lists to be judged, as rows of user, rank, item, score.
pub(crate) fn judged(lists: &Recommendations, kg: &footpath::Kg) -> Batches {
    let [mut users, mut items] = [(); 2].map(|()| StringBuilder::new());
    let (mut ranks, mut scores) = (Int64Builder::new(), Float64Builder::new());
    for (user, list) in lists.iter() {
        for (rank, recommended) in (1..).zip(list) {
            users.append_value(kg.id(user));
            ranks.append_value(rank);
            items.append_value(kg.id(recommended.item));
            scores.append_value(recommended.score);
        }
    }
    Batches::of_parts(vec![batch(vec![
        ("user", Arc::new(users.finish())),
        ("rank", Arc::new(ranks.finish())),
        ("item", Arc::new(items.finish())),
        ("score", Arc::new(scores.finish())),
    ])])
}

/// A row of somebody's lists.
pub(crate) struct Row {
    number: u64,
    user: String,
    item: String,
    rank: Option<i64>,
    score: f64,
    confidence: f64,
    nodes: Vec<String>,
    relations: Vec<String>,
}

/// Takes all rows of a frame of lists. `user` and `item` must be there; without ranks the order of a user's rows is
/// that of the list.
///
/// # Errors
/// `InputError`, with the row where there is one.
pub(crate) fn rows(py: Python<'_>, frame: &Bound<'_, PyAny>) -> PyResult<Vec<Row>> {
    let stream = stream::take("lists", frame)?;
    py.detach(|| read(stream)).map_err(|message| input(py, message))
}

/// Users and items of a frame, in the order of its rows.
///
/// # Errors
/// As [`rows`].
pub(crate) fn pairs(py: Python<'_>, frame: &Bound<'_, PyAny>) -> PyResult<Vec<(String, String)>> {
    Ok(rows(py, frame)?.into_iter().map(|row| (row.user, row.item)).collect())
}

fn read(stream: impl RecordBatchReader) -> Result<Vec<Row>, String> {
    let names = stream.schema().fields().iter().map(|field| format!("`{}`", field.name())).collect::<Vec<_>>();
    let mut rows = Vec::new();
    for batch in stream {
        take(&batch.map_err(|e| format!("lists: {e}"))?, &names.join(", "), &mut rows)?;
    }
    if rows.iter().any(|row| row.rank.is_none()) && rows.iter().any(|row| row.rank.is_some()) {
        return Err("lists: some ranks are null; give all or none".to_owned());
    }
    Ok(rows)
}

fn take(batch: &RecordBatch, there: &str, rows: &mut Vec<Row>) -> Result<(), String> {
    let column = |names: &[&str]| {
        let missing = || format!("lists: no column `{}`; there are {there}", names.first().unwrap_or(&""));
        let column = named(batch, names).ok_or_else(missing)?;
        Texts::of(column).map_err(|reason| format!("lists: column `{}` {reason}", names.first().unwrap_or(&"")))
    };
    let (users, items) = (column(&["user", "user_id"])?, column(&["item", "item_id"])?);
    let number = |name: &str| {
        let numbers = batch.column_by_name(name).map(numbers).transpose();
        numbers.map_err(|reason| format!("lists: column `{name}` {reason}"))
    };
    let (ranks, scores, confidences) = (number("rank")?, number("score")?, number("confidence")?);
    let (nodes, relations) = (batch.column_by_name("nodes"), batch.column_by_name("relations"));
    let before = rows.len();
    for row in 0..batch.num_rows() {
        let place = before + row + 1;
        let null = |name: &str| format!("lists: row {place}: `{name}` is null");
        let at = |numbers: &Option<Vec<Option<f64>>>| numbers.as_ref().map(|n| n.get(row).copied().flatten());
        let rank = match at(&ranks) {
            None => None,
            #[expect(clippy::cast_possible_truncation, reason = "whole and small")]
            Some(Some(rank)) if rank.fract() == 0.0 && rank.abs() < 1e15 => Some(rank as i64),
            Some(Some(rank)) => return Err(format!("lists: row {place}: {rank} is no rank")),
            Some(None) => return Err(null("rank")),
        };
        let score = match at(&scores) {
            // Without scores the order is all there is.
            None => 0.0,
            Some(score) => score.ok_or_else(|| null("score"))?,
        };
        rows.push(Row {
            number: place as u64,
            user: users.get(row).ok_or_else(|| null("user"))?.into_owned(),
            item: items.get(row).ok_or_else(|| null("item"))?.into_owned(),
            rank,
            score,
            confidence: at(&confidences).flatten().unwrap_or(1.0),
            nodes: names(nodes, row)?,
            relations: names(relations, row)?,
        });
    }
    Ok(())
}

/// The names in a row of a column of lists; none without the column.
fn names(column: Option<&ArrayRef>, row: usize) -> Result<Vec<String>, String> {
    let Some(column) = column.filter(|column| column.is_valid(row)) else { return Ok(Vec::new()) };
    let values = match column.data_type() {
        DataType::List(_) => column.as_list::<i32>().value(row),
        DataType::LargeList(_) => column.as_list::<i64>().value(row),
        DataType::ListView(_) => column.as_list_view::<i32>().value(row),
        DataType::LargeListView(_) => column.as_list_view::<i64>().value(row),
        DataType::FixedSizeList(..) => column.as_fixed_size_list().value(row),
        other => return Err(format!("lists: columns of paths are lists of names, not {other}")),
    };
    let texts = Texts::of(&values)?;
    Ok((0..values.len()).filter_map(|at| texts.get(at).map(std::borrow::Cow::into_owned)).collect())
}

/// Rows of each user together, users in the order in which they come, by rank.
fn by_user(rows: Vec<Row>) -> Vec<Vec<Row>> {
    let mut places: BTreeMap<String, usize> = BTreeMap::new();
    let mut lists: Vec<Vec<Row>> = Vec::new();
    for row in rows {
        let place = *places.entry(row.user.clone()).or_insert(lists.len());
        match lists.get_mut(place) {
            Some(list) => list.push(row),
            None => lists.push(vec![row]),
        }
    }
    lists.iter_mut().for_each(|list| list.sort_by_key(|row| row.rank));
    lists
}

/// Rows as lists to judge, checked as those of a file are.
///
/// # Errors
/// `InputError` with everything wrong.
pub(crate) fn given(py: Python<'_>, rows: Vec<Row>, kg: &footpath::Kg, bad_rows: BadRows) -> PyResult<Given> {
    let mut builder = ListsBuilder::new("lists", kg, bad_rows);
    for list in by_user(rows) {
        for (place, row) in (1..).zip(list) {
            let (rank, score) = (row.rank.unwrap_or(place).to_string(), format!("{:?}", row.score));
            builder.row(row.number, [&row.user, &rank, &row.item, &score]);
        }
    }
    let (lists, left_out) = builder.finish().map_err(|e| raised(py, footpath::Error::from(e)))?;
    Ok(Given { name: "lists".to_owned(), lists, left_out })
}

/// Rows as lists with their paths.
pub(crate) fn lists(rows: Vec<Row>) -> Vec<List> {
    let item = |(place, row): (usize, Row)| Item {
        rank: row.rank.and_then(|rank| usize::try_from(rank).ok()).unwrap_or(place),
        item: row.item,
        label: String::new(),
        score: row.score,
        confidence: row.confidence,
        num_paths: 1,
        ranked_by: None,
        best: Explanation {
            log_probability: row.score,
            path: Rendered { nodes: row.nodes, relations: row.relations, ..Rendered::default() },
        },
        more_paths: Vec::new(),
    };
    let list = |rows: Vec<Row>| List {
        user: rows.first().map(|row| row.user.clone()).unwrap_or_default(),
        history: Vec::new(),
        items: (1..).zip(rows).map(item).collect(),
        reason: None,
        unexplored: 0.0,
        proven: false,
        given_up: None,
        allows_seen: false,
    };
    by_user(rows).into_iter().map(list).collect()
}

//! What users choose, told as it happens.

use crate::answers::check_id;
use crate::api::{Accepted, Forgotten, NewEvent, NewEvents};
use crate::events::{Event, Events, NotWritten};
use crate::extract::{Answer, Input, Name};
use crate::problem::{Problem, Refusals};
use crate::shared::{Server, Shared};
use axum::extract::State;
use axum::http::StatusCode;
use std::sync::Arc;

/// Events of a request at most.
const MAX_EVENTS: usize = 1_000;

/// Tells what users have chosen. It is on the disk when this is answered, and counts from the next request on.
#[utoipa::path(
    post, path = "/v1/events", tag = "events", request_body = NewEvents,
    responses(
        (status = 200, description = "The events are on the disk", body = Accepted),
        Refusals,
    )
)]
pub(super) async fn add(State(shared): Server, Input(ask): Input<NewEvents>) -> Result<Answer<Accepted>, Problem> {
    let log = log(&shared)?;
    if !(1..=MAX_EVENTS).contains(&ask.events.len()) {
        let detail = format!("events must be 1 to {MAX_EVENTS}, got {}", ask.events.len());
        return Err(Problem::bad_request(detail));
    }
    let events = ask.events.into_iter().map(checked).collect::<Result<Vec<Event>, Problem>>()?;
    let snapshot = shared.snapshot();
    let unknown = |event: &&Event| snapshot.kg().item(&event.item).is_err();
    let mut unknown_items: Vec<String> = events.iter().filter(unknown).map(|event| event.item.clone()).collect();
    unknown_items.sort();
    unknown_items.dedup();
    let accepted = events.len();
    log.add(events).await.map_err(refused)?;
    Ok(Answer(Accepted { accepted, unknown_items }))
}

/// Forgets what was told of a user since graph and model were made.
#[utoipa::path(
    delete, path = "/v1/users/{id}", tag = "events",
    params(("id" = String, Path, description = "Id of the user")),
    responses(
        (status = 200, description = "What was told is gone from memory and disk", body = Forgotten),
        Refusals,
    )
)]
pub(super) async fn forget(State(shared): Server, Name(id): Name) -> Result<Answer<Forgotten>, Problem> {
    check_id("a user", &id)?;
    let log = log(&shared)?;
    let in_graph = shared.snapshot().kg().user(&id).is_ok();
    let events = log.forget(id).await.map_err(refused)?;
    Ok(Answer(Forgotten { events, in_graph }))
}

fn log(shared: &Arc<Shared>) -> Result<Arc<Events>, Problem> {
    shared.events().map(Arc::clone).ok_or_else(|| {
        let title = "Events are not taken here";
        let problem =
            Problem::new(StatusCode::NOT_FOUND, "no-events", title, "the server was started without a folder");
        problem.hint("start it with --events DIR")
    })
}

fn checked(event: NewEvent) -> Result<Event, Problem> {
    let NewEvent { user, item, weight, time } = event;
    check_id("a user", &user)?;
    check_id("an item", &item)?;
    let weight = weight.unwrap_or(1.0);
    if !(0.0..=1e6).contains(&weight) {
        return Err(Problem::bad_request("weight: must be 0 to 1,000,000"));
    }
    if time.is_some_and(|time| !(-1e12..=1e12).contains(&time)) {
        return Err(Problem::bad_request("time: must be seconds since 1970"));
    }
    Ok(Event { user, item, weight, time })
}

fn refused(error: NotWritten) -> Problem {
    let detail = match error {
        NotWritten::Busy => "too much waits for the disk".to_owned(),
        NotWritten::Refused(reason) => reason,
    };
    let title = "Nothing was written down";
    let problem = Problem::new(StatusCode::SERVICE_UNAVAILABLE, "events-refused", title, detail);
    Problem { retry_after: Some(1), ..problem }.hint("send the same again later")
}

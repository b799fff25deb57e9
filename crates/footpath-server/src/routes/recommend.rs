//! Items for users, with reasons.

use crate::answers::{self, How, Subject, check_id};
use crate::api::{
    Explain, Explanation, Explanations, ListToExplain, Lists, MAX_IDS, MAX_USERS, Recommend, RecommendQuery,
    SimilarNodes, SimilarQuery, UserList,
};
use crate::extract::{Answer, Input, Name, Query};
use crate::problem::{Problem, Refusals};
use crate::rules::Asked;
use crate::shared::{Server, Shared};
use axum::extract::State;
use std::sync::Arc;
use tokio::task::JoinSet;
use tracing::Instrument;

/// Users whose lists one thread makes before others have their turn.
const USERS_AT_ONCE: usize = 16;
/// Items explained in one request at most.
const MAX_EXPLANATIONS: usize = 1_000;

/// Recommends to one user.
#[utoipa::path(
    get, path = "/v1/users/{id}/recommendations", tag = "recommendations",
    params(("id" = String, Path, description = "Id of the user"), RecommendQuery),
    responses(
        (status = 200, description = "The list, of what is popular where the user is not known", body = UserList),
        Refusals,
    )
)]
pub(super) async fn of_user(
    State(shared): Server,
    Name(id): Name,
    Query(query): Query<RecommendQuery>,
) -> Result<Answer<UserList>, Problem> {
    let _place = shared.admit()?;
    let subject = Subject::User(id);
    subject.check()?;
    let ids = |list: Option<String>| -> Vec<String> {
        let list = list.unwrap_or_default();
        list.split(',').map(str::trim).filter(|id| !id.is_empty()).map(str::to_owned).collect()
    };
    let RecommendQuery { model, k, beams, paths, exact, proof, rules, rule_set, hide, exclude, only } = query;
    let asked = Asked { rules, rule_set, hide, exclude: ids(exclude), only: ids(only) };
    let (exact, proof) = (exact.unwrap_or(false), proof.unwrap_or(false));
    let how = How { model, k, beams, paths, exact, proof, asked };
    let lists = shared.search(move |sources, context| answers::recommend(&[subject], &how, sources, context)).await?;
    lists.into_iter().next().map(Answer).ok_or_else(Problem::internal)
}

/// Recommends to users and to people nobody knows, up to 1,000 at a time.
#[utoipa::path(
    post, path = "/v1/recommendations", tag = "recommendations", request_body = Recommend,
    responses(
        (status = 200, description = "A list for each user, then for each history", body = Lists),
        Refusals,
    )
)]
pub(super) async fn of_many(State(shared): Server, Input(ask): Input<Recommend>) -> Result<Answer<Lists>, Problem> {
    let _place = shared.admit()?;
    let Recommend { users, histories, model, k, beams, paths, exact, proof, rules, rule_set, hide, exclude, only } =
        ask;
    let number = users.len() + histories.len();
    if !(1..=MAX_USERS).contains(&number) {
        let detail = format!("users and histories must be 1 to {MAX_USERS} together, got {number}");
        return Err(Problem::bad_request(detail));
    }
    if exclude.len() > MAX_IDS || only.len() > MAX_IDS {
        return Err(Problem::bad_request(format!("exclude and only have at most {MAX_IDS} ids each")));
    }
    let subjects: Vec<Subject> =
        users.into_iter().map(Subject::User).chain(histories.into_iter().map(Subject::History)).collect();
    subjects.iter().try_for_each(Subject::check)?;
    let asked = Asked { rules, rule_set, hide, exclude, only };
    let how = Arc::new(How { model, k, beams, paths, exact, proof, asked });
    let snapshot = shared.snapshot();
    let (model, graph) = (snapshot.service(model)?.model_hash().to_owned(), snapshot.kg().content_hash().to_owned());
    let parts = subjects.chunks(USERS_AT_ONCE).map(|part| {
        let (part, how) = (part.to_vec(), Arc::clone(&how));
        move |sources: &answers::Sources, context: &footpath::Context| answers::recommend(&part, &how, sources, context)
    });
    let lists = in_parts(&shared, parts).await?;
    Ok(Answer(Lists { model, graph, lists: lists.into_iter().flatten().collect() }))
}

/// Does the parts of a request, as many at a time as there are threads, so that others have their turn between them.
/// Whatever ends the request early stops the parts.
async fn in_parts<T: Send + 'static, W>(shared: &Arc<Shared>, parts: impl Iterator<Item = W>) -> Result<Vec<T>, Problem>
where
    W: FnOnce(&answers::Sources, &footpath::Context) -> Result<T, Problem> + Send + 'static,
{
    let mut parts = parts.enumerate();
    let mut made: Vec<(usize, T)> = Vec::new();
    let mut working = JoinSet::new();
    loop {
        while working.len() < shared.pool.workers()
            && let Some((place, part)) = parts.next()
        {
            let shared = Arc::clone(shared);
            let work = async move { shared.search(part).await.map(|made| (place, made)) };
            working.spawn(work.in_current_span());
        }
        match working.join_next().await {
            None => break,
            Some(part) => made.push(part.map_err(|_| Problem::internal())??),
        }
    }
    made.sort_unstable_by_key(|(place, _)| *place);
    Ok(made.into_iter().map(|(_, made)| made).collect())
}

/// Explains items: to a user, to somebody nobody knows, or those of lists that anybody made.
#[utoipa::path(
    post, path = "/v1/explanations", tag = "recommendations", request_body = Explain,
    responses(
        (status = 200, description = "An explanation for each item", body = Explanations),
        Refusals,
    )
)]
pub(super) async fn explanations(
    State(shared): Server,
    Input(ask): Input<Explain>,
) -> Result<Answer<Explanations>, Problem> {
    let _place = shared.admit()?;
    let Explain { user, history, item, lists, model, paths, beams, why_not, proof, rules, rule_set, hide } = ask;
    let asked = Asked { rules, rule_set, hide, ..Asked::default() };
    let how = Arc::new(How { model, k: None, beams, paths, exact: false, proof, asked });
    let pairs = pairs(user, history, item, lists)?;
    let parts = pairs.into_iter().map(|(subject, item)| {
        let how = Arc::clone(&how);
        move |sources: &answers::Sources, context: &footpath::Context| -> Result<Explanation, Problem> {
            answers::explain(&subject, &item, &how, why_not, sources, context)
        }
    });
    Ok(Answer(Explanations { explanations: in_parts(&shared, parts).await? }))
}

/// Whom to explain what.
fn pairs(
    user: Option<String>,
    history: Option<crate::api::History>,
    item: Option<String>,
    lists: Vec<ListToExplain>,
) -> Result<Vec<(Subject, String)>, Problem> {
    let one = match (user, history) {
        (Some(_), Some(_)) => return Err(Problem::bad_request("give a user or a history, not both")),
        (Some(user), None) => Some(Subject::User(user)),
        (None, history) => history.map(Subject::History),
    };
    let mut pairs = match (one, item) {
        (Some(subject), Some(item)) => vec![(subject, item)],
        (None, None) => Vec::new(),
        _ => return Err(Problem::bad_request("give a user or a history, and the item to explain")),
    };
    for ListToExplain { user, items } in lists {
        pairs.extend(items.into_iter().map(|item| (Subject::User(user.clone()), item)));
    }
    if !(1..=MAX_EXPLANATIONS).contains(&pairs.len()) {
        let detail = format!("items to explain must be 1 to {MAX_EXPLANATIONS}, got {}", pairs.len());
        return Err(Problem::bad_request(detail));
    }
    for (subject, item) in &pairs {
        subject.check()?;
        check_id("an item", item)?;
    }
    Ok(pairs)
}

/// Items the model takes for like this one.
#[utoipa::path(
    get, path = "/v1/items/{id}/similar", tag = "recommendations",
    params(("id" = String, Path, description = "Id of the item"), SimilarQuery),
    responses(
        (status = 200, description = "Items, the most like it first", body = SimilarNodes),
        Refusals,
    )
)]
pub(super) async fn similar_items(
    State(shared): Server,
    Name(id): Name,
    Query(query): Query<SimilarQuery>,
) -> Result<Answer<SimilarNodes>, Problem> {
    let _place = shared.admit()?;
    shared.search(move |sources, context| answers::similar_items(&id, &query, sources, context)).await.map(Answer)
}

/// Users the model takes for like this one.
#[utoipa::path(
    get, path = "/v1/users/{id}/similar", tag = "recommendations",
    params(("id" = String, Path, description = "Id of the user"), SimilarQuery),
    responses(
        (status = 200, description = "Users, the most like them first", body = SimilarNodes),
        Refusals,
    )
)]
pub(super) async fn similar_users(
    State(shared): Server,
    Name(id): Name,
    Query(query): Query<SimilarQuery>,
) -> Result<Answer<SimilarNodes>, Problem> {
    let _place = shared.admit()?;
    shared.search(move |sources, context| answers::similar_users(&id, &query, sources, context)).await.map(Answer)
}

//! The item that comes next after a history, among all items: what models that learned histories can tell. There is no
//! path to it.

use super::{ItemPrior, Rules, ScoredItem, Shortfall, UserList};
use crate::data::objective::ObjectiveKind;
use crate::data::{Objective, Text};
use crate::error::Result;
use crate::layout::{Layout, UNSEEN};
use crate::legal_softmax::score;
use crate::path_model::PathModel;
use footpath_core::{Context, LegalSuccessors, NodeId, Stop, TokenId, Vocabulary};
use rayon::prelude::*;

/// Users that go through the trunk together.
const USERS_AT_ONCE: usize = 64;

/// The `k` most probable next items of each user among those they have not chosen, by a model that learned `objective`
/// ([`Objective::predicts_items`]) and that the rules leave in. Probabilities are normalised over all they have not
/// chosen.
///
/// # Errors
/// [`footpath_core::Error::Stopped`].
pub fn next_items<L: LegalSuccessors>(
    model: &PathModel,
    legal: &L,
    objective: &Objective,
    users: &[NodeId],
    k: usize,
    rules: &Rules,
    context: &Context,
) -> Result<Vec<UserList>> {
    let stage = context.stage("searching", Some(users.len() as u64), "users");
    let mut lists = Vec::with_capacity(users.len());
    for users in users.chunks(USERS_AT_ONCE) {
        let queries: Vec<Query> = users.iter().map(|&user| Query::new(model, legal, objective, user)).collect();
        let width = model.config.d_table();
        let hidden = read(model, &queries, context.stop())?;
        let of_user = |((query, h), &user): ((&Query, &[f32]), &NodeId)| {
            let seen = legal.history(legal.vocabulary().node(user).0);
            best(model, legal, &h[(query.inputs.len() - 1) * width..][..width], user, seen, k, rules)
        };
        let rows = hidden.par_chunks(hidden.len() / users.len().max(1));
        lists.extend(queries.par_iter().zip(rows).zip(users).map(of_user).collect::<Vec<_>>());
        stage.advance(users.len() as u64)?;
    }
    Ok(lists)
}

/// A history, arranged so that its last token asks for the next item.
struct Query {
    /// Node ids of items that stand for the user, where they are no text.
    history: Vec<u32>,
    inputs: Vec<u32>,
    ranks: Vec<u32>,
    reaches: Vec<u32>,
}

impl Query {
    fn new<L: LegalSuccessors>(model: &PathModel, legal: &L, objective: &Objective, user: NodeId) -> Self {
        let user = legal.vocabulary().node(user).0;
        if objective.text == Text::Ends {
            let known = if (user as usize) < model.config.num_tokens { user } else { Vocabulary::ANY_USER.0 };
            let history = legal.history(user).to_vec();
            return Self { history, inputs: vec![known], ranks: vec![0], reaches: vec![0] };
        }
        let items = legal.timeline(user);
        let first = items.len().saturating_sub(objective.max_items());
        let known = if (user as usize) < model.config.num_tokens { user } else { Vocabulary::ANY_USER.0 };
        let mut inputs: Vec<u32> = std::iter::once(known).chain(items.into_iter().skip(first)).collect();
        let places = |len: usize| (0u32..).take(len).collect::<Vec<_>>();
        let len = inputs.len();
        let (mut ranks, mut reaches) = match objective.kind {
            ObjectiveKind::Masked | ObjectiveKind::Rearranged => (vec![0; len], vec![0; len]),
            _ => (places(len), places(len)),
        };
        if matches!(objective.kind, ObjectiveKind::Masked | ObjectiveKind::Rearranged | ObjectiveKind::Permuted) {
            inputs.push(Vocabulary::MASK.0);
            ranks.push(if objective.kind == ObjectiveKind::Permuted { UNSEEN } else { 0 });
            reaches.push(reaches.last().copied().unwrap_or_default());
        }
        Self { history: Vec::new(), inputs, ranks, reaches }
    }
}

/// Hidden vectors of all queries: `[queries, tokens of the longest, d_table]`.
fn read(model: &PathModel, queries: &[Query], stop: &Stop) -> Result<Vec<f32>> {
    let tokens = queries.iter().map(|q| q.inputs.len()).max().unwrap_or(1);
    let mut layout = Layout::of_width(tokens);
    let mut inputs = Vec::with_capacity(queries.len() * tokens);
    for query in queries {
        inputs.extend(&query.inputs);
        inputs.resize((layout.rows + 1) * tokens, Vocabulary::PADDING.0);
        let positions = (0u32..).take(query.inputs.len()).collect();
        layout.push(positions, query.ranks.clone(), query.reaches.clone());
    }
    let shape = [layout.rows, tokens, model.config.d_table()];
    let mut vectors = model.embed(&inputs);
    for (query, of_row) in queries.iter().zip(vectors.chunks_exact_mut(shape[1] * shape[2])) {
        let first = &mut of_row[..shape[2]];
        model.begin(TokenId(query.inputs.first().copied().unwrap_or_default()), first);
        model.add_history(&query.history, first);
    }
    Ok(model.engine().forward(vectors, &layout, stop)?)
}

fn best<L: LegalSuccessors>(
    model: &PathModel,
    legal: &L,
    h: &[f32],
    user: NodeId,
    seen: &[u32],
    k: usize,
    rules: &Rules,
) -> UserList {
    let first = legal.vocabulary().node(NodeId(0)).0;
    let unseen = legal.items().filter(|token| seen.binary_search(&(token - first)).is_err());
    let mut scored: Vec<(f32, u32)> =
        unseen.map(|token| (score(h, model.output(), &model.bias, TokenId(token)), token - first)).collect();
    let largest = scored.iter().map(|(z, _)| *z).fold(f32::NEG_INFINITY, f32::max);
    let sum: f64 = scored.iter().map(|(z, _)| f64::from(z - largest).exp()).sum();
    let rules = rules.of(user);
    if !(rules.touch_all() && rules.list_all()) {
        scored.retain(|&(_, item)| rules.touch(NodeId(item)) && rules.list(NodeId(item)));
    }
    let better = |a: &(f32, u32), b: &(f32, u32)| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1));
    if scored.len() > k {
        scored.select_nth_unstable_by(k, better);
        scored.truncate(k);
    }
    scored.sort_unstable_by(better);
    let item = |&(z, item): &(f32, u32)| {
        let log_probability = f64::from(z - largest) - sum.ln();
        let item = NodeId(item);
        let (prior, paths) = (ItemPrior::default(), Vec::new());
        ScoredItem { item, score: log_probability, log_probability, confidence: 0.0, prior, num_paths: 0, paths }
    };
    let items: Vec<ScoredItem> = scored.iter().map(item).collect();
    let shortfall = (items.len() < k).then_some(Shortfall::FewerReachable);
    UserList { user, items, behind: None, unexplored: 0.0, proven: true, shortfall }
}

//! Why this item, and why not.

use super::people::{People, Person};
use super::recommend::rules_of;
use super::{How, Sources, Subject};
use crate::api::{Explanation, Standing, Verdict};
use crate::problem::Problem;
use crate::snapshot::path_view;
use footpath::recommend::{Options, Request, Rules};
use footpath::{Context, NodeId};

/// Explains an item to a subject.
pub(crate) fn explain(
    subject: &Subject,
    item: &str,
    how: &How,
    why_not: bool,
    sources: &Sources,
    context: &Context,
) -> Result<Explanation, Problem> {
    let options = how.options(3)?;
    let snapshot = &sources.snapshot;
    let service = snapshot.service(how.model)?;
    service.check(&options)?;
    let hidden = snapshot.hidden(&sources.metrics)?;
    let node = snapshot.item(item, hidden.as_deref())?;
    let People { people, request } = People::of(std::slice::from_ref(subject), service, sources);
    let rules = rules_of(&people, how, sources)?;
    let person = people.into_iter().next().ok_or_else(Problem::internal)?;
    // What somebody may not see is not there for them.
    if snapshot.book.denied(&person.id).binary_search(&node).is_ok() {
        return Err(Problem::unknown("item", item));
    }
    let label = snapshot.kg().label(node).to_owned();
    let Some(user) = person.node else {
        let text = "nothing is known of this user, so there is no path to explain".to_owned();
        let standing =
            Standing { verdict: Verdict::UnknownUser, text: text.clone(), rank: None, rank_without_rules: None };
        return Ok(Explanation {
            user: person.id,
            item: item.to_owned(),
            label,
            is_ranked: false,
            paths: Vec::new(),
            reason: Some(text),
            standing: why_not.then_some(standing),
        });
    };
    let ruled = request.clone().with_rules(rules.clone());
    let why = ruled.explain(user, node, options, context)?;
    let asking = Asking { how, options, sources, context };
    let standing = if why_not { Some(asking.standing(&person, user, node, &request, &ruled)?) } else { None };
    Ok(Explanation {
        user: person.id,
        item: why.item,
        label,
        is_ranked: why.is_ranked,
        paths: why.paths.iter().map(|path| path_view(&path.path, Some(path.log_probability), how.proof)).collect(),
        reason: why.reason,
        standing,
    })
}

/// What does not change from one search for a place to the next.
struct Asking<'a> {
    how: &'a How,
    options: Options,
    sources: &'a Sources,
    context: &'a Context,
}

impl Asking<'_> {
    /// What place an item has in the list of a user, or what keeps it out. `ruled` is the request with its rules.
    fn standing(
        &self,
        person: &Person,
        user: NodeId,
        item: NodeId,
        request: &Request,
        ruled: &Request,
    ) -> Result<Standing, Problem> {
        let standing =
            |verdict, text: String, rank, rank_without_rules| Ok(Standing { verdict, text, rank, rank_without_rules });
        if person.seen.contains(&item) {
            return standing(Verdict::Seen, "the user has chosen or seen it".to_owned(), None, None);
        }
        let place_in = |request: &Request| request.place_of(user, item, self.options, self.context);
        if let Some(place) = place_in(ruled)? {
            return standing(Verdict::Ranked, format!("it has place {place}"), Some(place), None);
        }
        let snapshot = &self.sources.snapshot;
        let id = snapshot.kg().id(item);
        let lookup = snapshot.lookup(&self.sources.metrics);
        let by = snapshot.book.keeps_out(&self.how.asked, (item, id), lookup)?;
        // Rules about paths can take all paths to an item that they do not name.
        let without = place_in(&request.clone().with_rules(Rules::default()))?;
        match (by, without) {
            (Some(rule), Some(place)) => {
                standing(Verdict::Rule, format!("{rule} leaves it out; without, it has place {place}"), None, without)
            }
            (Some(rule), None) => standing(Verdict::Rule, format!("{rule} leaves it out"), None, None),
            (None, Some(place)) => {
                let text = format!("rules leave out all paths to it that were found; without, it has place {place}");
                standing(Verdict::Rule, text, None, without)
            }
            (None, None) => {
                let text = "the search found no path to it: there is none, or others were more probable early on";
                standing(Verdict::NotFound, text.to_owned(), None, None)
            }
        }
    }
}

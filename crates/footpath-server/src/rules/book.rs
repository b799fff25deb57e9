//! The rules of a configuration, read against a graph, and those of a request beside them.

use super::{Expression, RuleError, World, parse};
use crate::attributes::{Attributes, read_bounded};
use crate::clock::now;
use crate::metrics::Metrics;
use crate::problem::Problem;
use crate::search::SearchIndex;
use footpath::recommend::Rules;
use footpath::{NodeId, NodeSet, TrainKg};
use serde::Deserialize;
use std::collections::{BTreeMap, HashMap};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

/// Most bytes of a table of denials.
const MAX_DENIALS_BYTES: u64 = 1 << 30;
/// Rules whose nodes are remembered.
const MAX_REMEMBERED: usize = 256;

/// What a configuration says of rules.
#[derive(Clone, Debug, Default, Deserialize)]
pub(crate) struct Configured {
    /// Holds of whatever a list may hold.
    pub(crate) rules: Option<String>,
    /// Holds of what no path and no list may touch, nor any other answer.
    pub(crate) hide: Option<String>,
    /// Rules with a name, of which a request may choose one.
    pub(crate) rule_sets: BTreeMap<String, String>,
    /// Table of attributes of items.
    pub(crate) attributes: Option<PathBuf>,
    /// Table of what some users may not see.
    pub(crate) denials: Option<PathBuf>,
}

/// Why a configuration's rules are refused.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BookError {
    #[error("{name}: {error}{}", error.help.as_ref().map(|help| format!("; {help}")).unwrap_or_default())]
    Rule { name: String, error: RuleError },
    #[error("{}: {reason}", path.display())]
    File { path: PathBuf, reason: String },
}

/// What rules are looked up in.
#[derive(Clone, Copy)]
pub(crate) struct Lookup<'a> {
    pub(crate) kg: &'a TrainKg,
    /// The labels, where they are indexed by now.
    pub(crate) index: Option<&'a SearchIndex>,
    pub(crate) metrics: &'a Metrics,
}

/// What a request asks to be left out or in.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Asked {
    /// Holds of what lists may hold.
    pub(crate) rules: Option<String>,
    /// Name of a rule set of the configuration.
    pub(crate) rule_set: Option<String>,
    /// Holds of what paths may not touch.
    pub(crate) hide: Option<String>,
    /// Ids of items that lists may not hold.
    pub(crate) exclude: Vec<String>,
    /// Ids of the only items that lists may hold; empty is all.
    pub(crate) only: Vec<String>,
}

/// The rules of a configuration.
#[derive(Debug)]
pub(crate) struct Book {
    attributes: Attributes,
    rules: Option<Rule>,
    hide: Option<Rule>,
    sets: BTreeMap<String, Rule>,
    denials: HashMap<String, Arc<[NodeId]>>,
    remembered: Mutex<HashMap<Remembered, Arc<NodeSet>>>,
}

/// What the nodes of a rule are remembered by.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Remembered {
    text: String,
    author: Author,
    /// The second in which they were looked up, where that matters.
    second: u64,
}

/// Who wrote a rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Author {
    /// The configuration, which knows the whole graph.
    Server,
    /// A request, for which there is nothing but what is not hidden: else rules would tell of what is.
    Request,
}

/// A rule, read.
#[derive(Debug)]
struct Rule {
    text: String,
    author: Author,
    expression: Expression,
    /// Whether what it holds of changes with time.
    asks_time: bool,
}

impl Rule {
    fn read(text: &str, author: Author) -> Result<Self, RuleError> {
        let expression = parse(text)?;
        let asks_time = asks_time(&expression);
        Ok(Self { text: text.to_owned(), author, expression, asks_time })
    }

    /// A rule of a request.
    fn asked(text: &str) -> Result<Self, RuleError> {
        Self::read(text, Author::Request)
    }
}

/// Whether `now` is compared with anything.
fn asks_time(rule: &Expression) -> bool {
    match rule {
        Expression::Any(parts) | Expression::All(parts) => parts.iter().any(asks_time),
        Expression::Not(part) => asks_time(part),
        Expression::Has(..) => false,
        Expression::Compare(_, _, value) => value.text == "now",
    }
}

impl Book {
    /// Reads the rules of a configuration, which must all have a meaning in this graph.
    pub(crate) fn new(configured: &Configured, kg: &TrainKg) -> Result<Self, BookError> {
        let of_file = |path: &PathBuf| {
            let path = path.clone();
            move |reason| BookError::File { path, reason }
        };
        let attributes = match &configured.attributes {
            Some(path) => Attributes::of(kg).with_table(path, kg).map_err(of_file(path))?,
            None => Attributes::of(kg),
        };
        let denials = match &configured.denials {
            Some(path) => read_denials(path, kg).map_err(of_file(path))?,
            None => HashMap::new(),
        };
        let world = World { kg, attributes: &attributes, index: None, now: now(), hidden: None };
        let read = |name: &str, text: &str| {
            let rule = Rule::read(text, Author::Server).and_then(|rule| world.nodes(&rule.expression).map(|_| rule));
            rule.map_err(|error| BookError::Rule { name: name.to_owned(), error })
        };
        let one = |name: &str, text: &Option<String>| text.as_deref().map(|text| read(name, text)).transpose();
        let rules = one("rules", &configured.rules)?;
        let hide = one("hide", &configured.hide)?;
        let named = |(name, text): (&String, &String)| Ok((name.clone(), read(&format!("rule_sets.{name}"), text)?));
        let sets = configured.rule_sets.iter().map(named).collect::<Result<_, BookError>>()?;
        Ok(Self { attributes, rules, hide, sets, denials, remembered: Mutex::default() })
    }

    /// The names of the rule sets.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.sets.keys().map(String::as_str)
    }

    /// What no answer may show.
    pub(crate) fn hidden(&self, by: Lookup<'_>) -> Result<Option<Arc<NodeSet>>, RuleError> {
        self.hide.as_ref().map(|rule| self.nodes(rule, by)).transpose()
    }

    /// The rules for these users, by node and id.
    pub(crate) fn of<'u>(
        &self,
        asked: &Asked,
        users: impl IntoIterator<Item = (NodeId, &'u str)>,
        by: Lookup<'_>,
    ) -> Result<Rules, Problem> {
        let denied = |(node, id): (NodeId, &str)| Some((node, Arc::clone(self.denials.get(id)?)));
        Ok(Rules {
            unlisted: self.unlisted(asked, by)?,
            hidden: self.hidden_for(asked, by)?,
            denied: users.into_iter().filter_map(denied).collect(),
        })
    }

    /// What a user may not see, ascending.
    pub(crate) fn denied(&self, user: &str) -> &[NodeId] {
        self.denials.get(user).map_or(&[], |denied| denied)
    }

    /// The first rule that keeps a node out of lists, if one does.
    pub(crate) fn keeps_out(
        &self,
        asked: &Asked,
        (node, id): (NodeId, &str),
        by: Lookup<'_>,
    ) -> Result<Option<String>, Problem> {
        let named = asked.rule_set.as_ref().and_then(|name| self.sets.get(name));
        let [own, own_hide] = [&asked.rules, &asked.hide].map(|text| text.as_deref().map(Rule::asked).transpose());
        let (own, own_hide) = (own?, own_hide?);
        let rules = self.rules.iter().chain(named).chain(&own).map(|rule| (rule, true));
        for (rule, should_hold) in rules.chain(self.hide.iter().chain(&own_hide).map(|rule| (rule, false))) {
            if self.nodes(rule, by)?.contains(node) != should_hold {
                let hidden = self.hide.as_ref().is_some_and(|hide| std::ptr::eq(hide, rule));
                // What the configuration hides is not to be found out by asking.
                return Ok(Some(if hidden {
                    "a rule of the server".to_owned()
                } else {
                    format!("the rule {}", rule.text)
                }));
            }
        }
        let named = |ids: &[String]| ids.iter().any(|other| other == id);
        if named(&asked.exclude) || (!asked.only.is_empty() && !named(&asked.only)) {
            return Ok(Some("the request".to_owned()));
        }
        Ok(None)
    }

    fn hidden_for(&self, asked: &Asked, by: Lookup<'_>) -> Result<Option<Arc<NodeSet>>, Problem> {
        let hidden = self.hidden(by)?;
        let Some(hide) = &asked.hide else { return Ok(hidden) };
        let asked = self.nodes(&Rule::asked(hide)?, by)?;
        let Some(hidden) = hidden else { return Ok(Some(asked)) };
        let mut both = (*hidden).clone();
        both.add(&asked);
        Ok(Some(Arc::new(both)))
    }

    fn unlisted(&self, asked: &Asked, by: Lookup<'_>) -> Result<Option<Arc<NodeSet>>, Problem> {
        let named = match &asked.rule_set {
            Some(name) => Some(self.sets.get(name).ok_or_else(|| {
                let names: Vec<&str> = self.names().take(50).collect();
                Problem::bad_request(format!("there is no rule set `{name}`")).hint(format!("there are {names:?}"))
            })?),
            None => None,
        };
        let own = asked.rules.as_deref().map(Rule::asked).transpose()?;
        let rules: Vec<&Rule> = self.rules.iter().chain(named).chain(&own).collect();
        if rules.is_empty() && asked.exclude.is_empty() && asked.only.is_empty() {
            return Ok(None);
        }
        let Lookup { kg, index, .. } = by;
        let world = World { kg, attributes: &self.attributes, index, now: now(), hidden: None };
        let mut listed = world.none();
        match asked.only.as_slice() {
            [] => listed.invert(&world.all()),
            // Ids of items that are new since the graph was made are nothing to be had here.
            only => only.iter().filter_map(|id| kg.item(id).ok()).for_each(|item| listed.insert(item)),
        }
        for rule in rules {
            listed.keep(&*self.nodes(rule, by)?);
        }
        listed.invert(&world.all());
        asked.exclude.iter().filter_map(|id| kg.item(id).ok()).for_each(|item| listed.insert(item));
        Ok(Some(Arc::new(listed)))
    }

    /// The nodes that a rule holds of, remembered from request to request.
    fn nodes(&self, rule: &Rule, by: Lookup<'_>) -> Result<Arc<NodeSet>, RuleError> {
        let Lookup { kg, index, metrics } = by;
        let now = now();
        let hide = self.hide.as_ref().filter(|_| rule.author == Author::Request);
        let asks_time = rule.asks_time || hide.is_some_and(|hide| hide.asks_time);
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "seconds since 1970")]
        let second = if asks_time { now as u64 } else { 0 };
        let key = Remembered { text: rule.text.clone(), author: rule.author, second };
        let lock = || self.remembered.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = lock().get(&key) {
            Metrics::one(&metrics.rules_cached);
            return Ok(Arc::clone(known));
        }
        Metrics::one(&metrics.rules_evaluated);
        let hidden = hide.map(|hide| self.nodes(hide, by)).transpose()?;
        let world = World { kg, attributes: &self.attributes, index, now, hidden: hidden.as_deref() };
        let nodes = Arc::new(world.nodes(&rule.expression)?);
        let mut remembered = lock();
        // What is asked again is soon here again, so nobody keeps account of who was asked last.
        if remembered.len() >= MAX_REMEMBERED {
            remembered.clear();
        }
        remembered.insert(key, Arc::clone(&nodes));
        Ok(nodes)
    }
}

/// Reads what users may not see: a table with the columns `user_id` and `node`, parted by tabs. Nodes the graph does
/// not have are skipped.
fn read_denials(path: &std::path::Path, kg: &TrainKg) -> Result<HashMap<String, Arc<[NodeId]>>, String> {
    let text = read_bounded(path, MAX_DENIALS_BYTES)?;
    let mut lines = text.lines().enumerate();
    if lines.next().map(|(_, line)| line) != Some("user_id\tnode") {
        return Err("line 1: expected the header user_id and node, parted by a tab".to_owned());
    }
    let mut denials: HashMap<String, Vec<NodeId>> = HashMap::new();
    for (number, line) in lines.filter(|(_, line)| !line.is_empty()) {
        let bad = || format!("line {}: expected a user and a node such as item:ID, parted by a tab", number + 1);
        let (user, name) = line.split_once('\t').ok_or_else(bad)?;
        if !["item:", "entity:", "user:"].iter().any(|kind| name.starts_with(kind)) {
            return Err(bad());
        }
        let of_user = denials.entry(user.to_owned()).or_default();
        of_user.extend(kg.node(name));
    }
    let in_order = |(user, mut nodes): (String, Vec<NodeId>)| {
        nodes.sort_unstable();
        (user, nodes.into())
    };
    Ok(denials.into_iter().map(in_order).collect())
}

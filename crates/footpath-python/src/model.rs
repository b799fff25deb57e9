//! Models: opened once, they recommend and explain.

use crate::batches::Batches;
use crate::call::{Call, json, parsed};
use crate::errors::raised;
use crate::frames::replace;
use crate::graph::Kg;
use crate::judging::Evaluation;
use crate::lists::{self, Lists};
use crate::options::{self, Search, ShapeText};
use footpath::recommend::{MAX_NEW_USERS, NewUser};
use footpath::{Error, NodeId, Service, StoredModel, evaluate, hugging_face};
use pyo3::prelude::*;
use std::path::PathBuf;
use std::sync::Arc;

/// A model with its graph.
#[pyclass(frozen, module = "footpath._native")]
pub(crate) struct Model {
    service: Service,
    directory: PathBuf,
}

/// Users whom the graph does not know, each with what they chose.
type Histories = Vec<(String, Vec<String>)>;

#[pymethods]
impl Model {
    /// Opens the model at a directory, which must be one of this graph.
    #[staticmethod]
    fn open(py: Python<'_>, directory: PathBuf, kg: &Kg, call: Call) -> PyResult<Self> {
        let (kg, place) = (kg.kg.clone(), directory.clone());
        let service = call.wait(py, move |context| {
            let stored = StoredModel::open(&place)?;
            Service::of(footpath::Model::of(Arc::clone(kg.train()), &stored, context)?, context)
        })?;
        Ok(Self { service, directory })
    }

    /// Where it was opened.
    fn directory(&self) -> PathBuf {
        self.directory.clone()
    }

    /// Hash of its content.
    fn content_hash(&self) -> String {
        self.service.model_hash().to_owned()
    }

    /// What is stored beside its weights, as JSON.
    fn card(&self) -> String {
        json(self.service.card())
    }

    /// Recommends: to users of the graph, to new ones by their histories, or to all that have a train interaction.
    fn recommend(
        &self,
        py: Python<'_>,
        users: Option<Vec<String>>,
        histories: Option<Histories>,
        search: &str,
        call: Call,
    ) -> PyResult<Lists> {
        let asked = parsed::<Search>(py, "options", search)?;
        let options = asked.options(py)?;
        let service = self.service.clone();
        service.check(&options).map_err(|e| raised(py, e))?;
        let lists = call.wait(py, move |context| {
            let rules = asked.rules(&service)?;
            let new = histories.map(|histories| new_users(&service, &histories)).transpose()?;
            let request = service.request(new.unwrap_or_default()).with_rules(rules);
            let users = match (users, request.new_users()) {
                (Some(users), _) => users.iter().map(|user| service.warm_user(user)).collect::<Result<_, _>>()?,
                (None, new) if !new.is_empty() => new,
                (None, _) => warm(&service),
            };
            request.recommend(&users, options, context)
        })?;
        Ok(Lists { lists: Arc::new(lists) })
    }

    /// Recommends to all users of the graph with these numbers, as the program does to all: one who has no train
    /// interaction has a list without an item.
    fn recommend_range(&self, py: Python<'_>, users: (u32, u32), search: &str, call: Call) -> PyResult<Lists> {
        let asked = parsed::<Search>(py, "options", search)?;
        let options = asked.options(py)?;
        let service = self.service.clone();
        service.check(&options).map_err(|e| raised(py, e))?;
        let lists = call.wait(py, move |context| {
            let (all, num_users) = (service.kg().users(), users.1.saturating_sub(users.0));
            let users: Vec<NodeId> = all.skip(users.0 as usize).take(num_users as usize).map(NodeId).collect();
            service.request(Vec::new()).with_rules(asked.rules(&service)?).recommend(&users, options, context)
        })?;
        Ok(Lists { lists: Arc::new(lists) })
    }

    /// The lists that an evaluation judges, of the users with these numbers: rows of user, rank, item, score.
    fn judged(&self, py: Python<'_>, kg: &Kg, users: (u32, u32), options: &str, call: Call) -> PyResult<Batches> {
        let asked: Evaluation = parsed(py, "options", options)?;
        let (service, kg) = (self.service.clone(), kg.kg.clone());
        call.wait(py, move |context| {
            let lists = evaluate::lists(&service, &kg, &(users.0..users.1), &asked.options(), context)?;
            Ok(lists::judged(&lists, &kg))
        })
    }

    /// Why an item suits a user, of the graph or with this history, as JSON; and what becomes of the item without a
    /// choice, if one is given: an empty text is the choice that the first path begins with.
    #[expect(clippy::too_many_arguments, reason = "one for each of the face")]
    fn explain(
        &self,
        py: Python<'_>,
        user: String,
        item: String,
        history: Option<Vec<String>>,
        without: Option<String>,
        search: &str,
        call: Call,
    ) -> PyResult<String> {
        let asked = parsed::<Search>(py, "options", search)?;
        let options = asked.options(py)?;
        let service = self.service.clone();
        service.check(&options).map_err(|e| raised(py, e))?;
        call.wait(py, move |context| {
            let item = service.kg().item(&item)?;
            let new = history.map(|history| new_users(&service, &[(user.clone(), history)])).transpose()?;
            let request = service.request(new.unwrap_or_default());
            let user = match request.new_users().first() {
                Some(&new) => new,
                None => service.warm_user(&user)?,
            };
            let mut why = request.explain(user, item, options, context)?;
            if let Some(choice) =
                without.map(|choice| why.choice_to_remove(&choice, service.kg())).transpose()?.flatten()
            {
                why.without = Some(request.place_without([user, item, choice], asked.seed(), options, context)?);
            }
            Ok(json(&why))
        })
    }

    /// Writes the model as a directory of Hugging Face transformers; what was written, as JSON.
    fn to_huggingface(&self, py: Python<'_>, out: PathBuf, force: bool, call: Call) -> PyResult<String> {
        let (kg, directory, replace) = (Arc::clone(self.service.kg()), self.directory.clone(), replace(force));
        call.wait(py, move |context| {
            footpath::artefact::refuse_overlap(&out, &[&directory])?;
            let model = footpath::Model::of(kg, &StoredModel::open(&directory)?, context)?;
            Ok(json(&hugging_face::export(&model, &out, replace, context)?))
        })
    }
}

/// Makes a model of a graph from a directory of Hugging Face transformers; its description, as JSON.
#[pyfunction]
pub(crate) fn from_huggingface(
    py: Python<'_>,
    source: PathBuf,
    kg: &Kg,
    shape: ShapeText,
    out: PathBuf,
    force: bool,
    call: Call,
) -> PyResult<String> {
    let (shape, kg, replace) = (options::shape(py, shape)?, kg.kg.clone(), replace(force));
    call.wait(py, move |_| {
        footpath::artefact::refuse_overlap(&out, &[&source])?;
        Ok(json(&hugging_face::import(&source, &kg, &shape, &out, replace)?))
    })
}

/// The users of the graph with a train interaction.
fn warm(service: &Service) -> Vec<NodeId> {
    let kg = service.kg();
    kg.users().map(NodeId).filter(|user| !kg.items_of(*user).is_empty()).collect()
}

fn new_users(service: &Service, histories: &[(String, Vec<String>)]) -> footpath::Result<Vec<NewUser>> {
    if histories.is_empty() || histories.len() > MAX_NEW_USERS {
        let reason = format!("give 1 to {MAX_NEW_USERS} users, got {}", histories.len());
        return Err(Error::Usage { option: "histories", reason });
    }
    let new_user = |(user, items): &(String, Vec<String>)| {
        let place = format!("the history of {user}");
        let mut new = NewUser::of_items(user, items.iter().map(String::as_str), &place, service.kg())?;
        "(history)".clone_into(&mut new.file);
        Ok(new)
    };
    histories.iter().map(new_user).collect()
}

//! The settings of a linear model: a climb from where most data are at home, one setting at a time, as long as it leads
//! upward. So a setting that is best at an edge is no edge.

use super::{LinearModel, LinearSettings, Order, Together, solved};
use crate::baselines::BaselineName;
use crate::error::Result;
use footpath_core::Context;
use std::sync::Arc;
use std::time::Duration;

/// Most models that are solved for one search, and fewest where a model takes long.
const SOLVED: [usize; 2] = [40, 6];
/// Items of all models of a search together, beyond which fewer are solved.
const WORK: usize = 1_000_000;
/// Smallest and largest λ.
const LAMBDAS: [f32; 2] = [0.1, 1e5];
/// Largest weight of knowledge; the smallest above 0 is a quarter.
const MAX_KNOWLEDGE: f32 = 256.0;
/// Shares of what is chosen together without regard to the order.
const ALIKE: [f32; 7] = [0.0, 0.05, 0.1, 0.2, 0.35, 0.5, 0.75];
/// Shares of the choices left out of what is read.
const DROPOUTS: [f32; 5] = [0.0, 0.1, 0.2, 0.35, 0.5];
/// Widths of a window.
const WIDTHS: [f32; 9] = [1.0, 1.5, 2.0, 3.0, 5.0, 8.0, 13.0, 21.0, 34.0];
/// What fades how fast at a cut: past and future.
const CUTS: [[f32; 2]; 6] = [[1.0, 2.0], [2.0, 3.0], [3.0, 5.0], [5.0, 10.0], [10.0, 20.0], [20.0, 40.0]];

/// Where a search looks.
#[derive(Clone, Debug, PartialEq)]
pub struct Space {
    /// What it is called.
    pub id: BaselineName,
    /// Orders to begin with; that one is gone on with which is best at the beginning.
    pub orders: Vec<Order>,
    /// Whether knowledge may have a weight.
    pub knowledge: bool,
    /// Whether choices may count without regard to their order; where all of them do, they always may.
    pub alike: bool,
    /// Whether some choices may be left out of what is read.
    pub dropout: bool,
    /// Fadings to read each model with.
    pub fadings: Vec<f32>,
    /// When no further model is begun with, by the clock of the context; never where there is none.
    pub until: Option<Duration>,
}

impl Space {
    /// Where a search begins.
    fn starts(&self, together: &Together<'_>) -> Vec<LinearSettings> {
        let knowledge = self.knowledge && together.has_knowledge();
        let start = |&order: &Order| {
            let settings = LinearSettings::of(order);
            let alike = if self.alike || order == Order::Alike { settings.alike } else { 0.0 };
            LinearSettings { knowledge: if knowledge { settings.knowledge } else { 0.0 }, alike, ..settings }
        };
        self.orders.iter().map(start).collect()
    }
}

/// Settings that were tried.
#[derive(Clone, Debug, PartialEq)]
pub struct Found {
    /// The settings.
    pub settings: LinearSettings,
    /// What each user makes of them.
    pub of_users: Vec<f64>,
}

impl Found {
    /// The mean over the users.
    #[must_use]
    pub fn mean(&self) -> f64 {
        self.of_users.iter().sum::<f64>() / crate::metrics::count(self.of_users.len().max(1))
    }
}

/// What came of a search.
#[derive(Clone, Debug)]
pub struct Chosen<'a> {
    /// The model with the best settings.
    pub model: LinearModel<'a>,
    /// These settings.
    pub best: Found,
    /// All that were tried, in order; with each of a model's fadings.
    pub tried: Vec<Found>,
}

/// Searches for the settings that `judge` finds best, a figure for each user; of equal ones the first.
///
/// # Errors
/// A stop, and whatever `judge` gives.
pub fn choose<'a>(
    together: &Together<'a>,
    space: &Space,
    judge: &dyn Fn(&LinearModel<'_>) -> Result<Vec<f64>>,
    context: &Context,
) -> Result<Option<Chosen<'a>>> {
    let stage = context.stage("solving linear models", None, "settings");
    let mut climb = Climb { together, space, judge, context, mixture: None, tried: Vec::new(), best: None, solved: 0 };
    for start in space.starts(together) {
        climb.look(start, &space.fadings)?;
        stage.advance(1)?;
    }
    let mut goes_on = true;
    while goes_on {
        goes_on = false;
        for coordinate in Coordinate::ALL {
            for up in [true, false] {
                while let Some(next) = climb.next(coordinate, up) {
                    stage.advance(1)?;
                    if !climb.look(next, &[next.fading])? {
                        break;
                    }
                    goes_on = true;
                }
            }
        }
        goes_on |= climb.read_again()?;
    }
    let Climb { tried, best, .. } = climb;
    Ok(best.map(|(best, model)| Chosen { model, best, tried }))
}

/// What is changed in one step.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Coordinate {
    Lambda,
    Knowledge,
    Alike,
    Reach,
    Dropout,
}

impl Coordinate {
    const ALL: [Self; 5] = [Self::Lambda, Self::Knowledge, Self::Alike, Self::Reach, Self::Dropout];
}

/// The model that a mixture was solved to, so that only λ has to change.
struct Mixture {
    of: (Order, f32, f32),
    mixed: super::together::Mixed,
}

struct Climb<'a, 's> {
    together: &'s Together<'a>,
    space: &'s Space,
    judge: &'s dyn Fn(&LinearModel<'_>) -> Result<Vec<f64>>,
    context: &'s Context,
    mixture: Option<Mixture>,
    tried: Vec<Found>,
    best: Option<(Found, LinearModel<'a>)>,
    solved: usize,
}

impl<'a> Climb<'a, '_> {
    /// Solves a model, reads it with some fadings, and says whether that was better than all before.
    fn look(&mut self, settings: LinearSettings, fadings: &[f32]) -> Result<bool> {
        let model = self.solve(&settings)?;
        self.solved += 1;
        self.read(&model, settings, fadings)
    }

    /// Reads the best model with the fadings that it was not read with, and says whether one is better.
    fn read_again(&mut self) -> Result<bool> {
        let Some((best, model)) = self.best.clone() else { return Ok(false) };
        let is_known = |fading: f32| {
            let settings = LinearSettings { fading, ..best.settings };
            self.tried.iter().any(|found| found.settings == settings)
        };
        let fadings: Vec<f32> = self.space.fadings.iter().copied().filter(|&fading| !is_known(fading)).collect();
        self.read(&model, best.settings, &fadings)
    }

    fn read(&mut self, model: &LinearModel<'a>, settings: LinearSettings, fadings: &[f32]) -> Result<bool> {
        let mut is_better = false;
        for &fading in fadings {
            let model = model.with_fading(fading);
            let found = Found { settings: LinearSettings { fading, ..settings }, of_users: (self.judge)(&model)? };
            if self.best.as_ref().is_none_or(|(best, _)| found.mean() > best.mean()) {
                self.best = Some((found.clone(), model));
                is_better = true;
            }
            self.tried.push(found);
        }
        Ok(is_better)
    }

    fn solve(&mut self, settings: &LinearSettings) -> Result<LinearModel<'a>> {
        let LinearSettings { order, alike, knowledge, fading, .. } = *settings;
        let of = (order, alike, knowledge);
        if self.mixture.as_ref().is_none_or(|mixture| mixture.of != of) {
            self.mixture = None;
            let mixed = self.together.mixed(order, alike, knowledge, self.context)?;
            self.mixture = Some(Mixture { of, mixed });
        }
        let rows = match &self.mixture {
            Some(mixture) => solved(self.together, &mixture.mixed, settings, self.context)?,
            None => Vec::new(),
        };
        Ok(LinearModel { kg: self.together.kg, id: self.space.id, rows: Arc::new(rows), fading })
    }

    /// One step from the best, if there is one that was not taken before.
    fn next(&self, coordinate: Coordinate, up: bool) -> Option<LinearSettings> {
        let [most, fewest] = SOLVED;
        let may_solve = (WORK / self.together.work().max(1)).clamp(fewest, most);
        let is_over = self.context.now().zip(self.space.until).is_some_and(|(now, until)| now >= until);
        let (best, _) = self.best.as_ref().filter(|_| self.solved < may_solve && !is_over)?;
        let knowledge = self.space.knowledge && self.together.has_knowledge();
        let is_open = match coordinate {
            Coordinate::Knowledge => knowledge,
            Coordinate::Alike => self.space.alike,
            Coordinate::Dropout => self.space.dropout,
            Coordinate::Lambda | Coordinate::Reach => true,
        };
        let next = step(best.settings, coordinate, up).filter(|_| is_open)?;
        let without_fading = |settings: &LinearSettings| LinearSettings { fading: 0.0, ..*settings };
        let is_new = self.tried.iter().all(|found| without_fading(&found.settings) != without_fading(&next));
        is_new.then_some(next)
    }
}

/// The next settings along a coordinate, where there are any.
fn step(settings: LinearSettings, coordinate: Coordinate, up: bool) -> Option<LinearSettings> {
    let factor = if up { 2.0 } else { 0.5 };
    match coordinate {
        Coordinate::Lambda => {
            let lambda = settings.lambda * factor;
            (LAMBDAS[0]..=LAMBDAS[1]).contains(&lambda).then_some(LinearSettings { lambda, ..settings })
        }
        Coordinate::Knowledge => {
            let knowledge = match settings.knowledge * factor {
                0.0 if up => 1.0,
                small if small < 0.25 => 0.0,
                other => other,
            };
            let moves = knowledge <= MAX_KNOWLEDGE && knowledge != settings.knowledge;
            moves.then_some(LinearSettings { knowledge, ..settings })
        }
        Coordinate::Dropout => {
            let dropout = *neighbour(&DROPOUTS, |dropout| *dropout == settings.dropout, up)?;
            Some(LinearSettings { dropout, ..settings })
        }
        Coordinate::Alike if settings.order == Order::Alike => None,
        Coordinate::Alike => {
            neighbour(&ALIKE, |alike| *alike == settings.alike, up).map(|&alike| LinearSettings { alike, ..settings })
        }
        Coordinate::Reach => {
            let order = match settings.order {
                Order::Alike => return None,
                Order::Window { width } => Order::Window { width: *neighbour(&WIDTHS, |w| *w == width, up)? },
                Order::Ahead { past, future } => {
                    let &[past, future] = neighbour(&CUTS, |cut| *cut == [past, future], up)?;
                    Order::Ahead { past, future }
                }
            };
            Some(LinearSettings { order, ..settings })
        }
    }
}

/// What stands beside a value of a list; nothing where the value is not in it.
fn neighbour<T>(list: &[T], is_value: impl Fn(&T) -> bool, up: bool) -> Option<&T> {
    let at = list.iter().position(is_value)?;
    list.get(if up { at + 1 } else { at.checked_sub(1)? })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::baselines::Baseline;
    use crate::baselines::testing::random_graph;

    /// A judge who likes one point of the space, and the less the further away a model is.
    fn space(knowledge: bool) -> Space {
        let orders = vec![Order::Alike, Order::Window { width: 3.0 }, Order::Ahead { past: 2.0, future: 3.0 }];
        Space {
            id: BaselineName::WindowEase,
            orders,
            knowledge,
            alike: true,
            dropout: true,
            fadings: vec![0.0, 1.0],
            until: None,
        }
    }

    #[test]
    fn a_climb_ends_where_no_step_leads_upward() {
        let kg = random_graph(2);
        let context = Context::default();
        let together = Together::new(&kg, &context).expect("small");
        // The smaller the sum of all weights the better: that is the largest λ there is.
        let judge = |model: &LinearModel<'_>| {
            let sum: f32 = model.rows().iter().flatten().map(|(_, weight)| weight.abs()).sum();
            Ok(vec![f64::from(1.0 - sum)])
        };
        let chosen = choose(&together, &space(true), &judge, &context).expect("searched").expect("found");
        let best = chosen.best.settings;
        assert!(best.lambda > 1e4 && best.fading == 0.0, "{best:?}: the grid grows, and of equal fadings the first");
        assert!(chosen.tried.iter().all(|found| found.mean() <= chosen.best.mean()));
        assert_eq!(chosen.model.id(), BaselineName::WindowEase);
        let again = LinearModel::new(&together, BaselineName::WindowEase, &best, &context).expect("small");
        assert_eq!(chosen.model.rows(), again.rows());
        assert!(chosen.tried.len() <= 2 * (SOLVED[0] + 1));
        let chosen = choose(&together, &space(false), &judge, &context).expect("searched").expect("found");
        assert!(chosen.tried.iter().all(|found| found.settings.knowledge == 0.0));
    }

    #[test]
    fn steps_go_there_and_back() {
        for order in space(true).orders {
            let start = LinearSettings::of(order);
            for coordinate in Coordinate::ALL {
                if let Some(next) = step(start, coordinate, true) {
                    assert_ne!(next, start);
                    assert_eq!(step(next, coordinate, false), Some(start), "{coordinate:?} of {order:?}");
                }
            }
        }
    }
}

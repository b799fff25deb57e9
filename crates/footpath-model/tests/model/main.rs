//! The path model on a toy graph small enough to enumerate.

mod checkpoints;
mod designs;
mod generation;
mod host;
mod hugging_face;
mod objectives;
mod reference;
mod time;
mod toy;

use footpath_core::{Context, Goal, LegalSuccessors, NodeId, Stop, Successors, TokenId, Vocabulary};
use footpath_model::checkpoint::Checkpoints;
use footpath_model::config::{ModelConfig, Preset, TrainingConfig};
use footpath_model::data::{Objective, PathSource};
use footpath_model::decode::{Mode, Recommender, Sampling, Score, SearchOptions, Shortfall, UserList, WhenShort};
use footpath_model::layout::Layout;
use footpath_model::model::Trunk;
use footpath_model::{Device, Ending, Observer, PathModel, Trainer, TrainingProgress, Workspace};
use std::collections::{BTreeMap, BTreeSet};
use toy::{NUM_ITEMS, NUM_USERS, Toy};

/// All paths of all users, each epoch, in so many portions.
struct AllPaths {
    rows: Vec<u32>,
    num_portions: u64,
}

impl PathSource for AllPaths {
    fn width(&self) -> usize {
        7
    }

    fn num_portions(&self) -> u64 {
        self.num_portions
    }

    fn portion(
        &self,
        _: u64,
        portion: u64,
        context: &Context,
    ) -> Result<Vec<u32>, Box<dyn std::error::Error + Send + Sync>> {
        context.check()?;
        let rows = self.rows.chunks(self.width()).skip(portion as usize).step_by(self.num_portions as usize);
        Ok(rows.collect::<Vec<_>>().concat())
    }
}

/// Where a run is stopped.
#[derive(Clone, Copy, Debug, PartialEq)]
enum StopAt {
    Step(u64),
    /// In the validation after this step.
    Validation(u64),
}

/// Sees the losses; its figures on valid only grow.
#[derive(Default)]
struct Log {
    losses: Vec<f64>,
    validations: Vec<TrainingProgress>,
    stop_at: Option<StopAt>,
    stop: Stop,
}

impl Observer for Log {
    fn validate(&mut self, _: &PathModel) -> footpath_model::Result<Option<(f64, Option<f64>)>> {
        if self.stop_at == Some(StopAt::Validation(self.losses.len() as u64 + 1)) {
            self.stop.request();
        }
        self.stop.check()?;
        Ok(Some((self.losses.len() as f64, None)))
    }

    fn progress(&mut self, progress: &TrainingProgress) {
        self.losses.push(progress.loss);
        self.validations.extend(progress.validation.map(|_| progress.clone()));
        if self.stop_at == Some(StopAt::Step(progress.step)) {
            self.stop.request();
        }
    }
}

/// The CPU.
fn cpu() -> Device {
    footpath_model::device(&footpath_core::Device::default()).expect("flex")
}

/// burn's tensors on the CPU.
fn burn() -> Device {
    footpath_model::device(&footpath_core::Device::named("burn-flex")).expect("in every build")
}

/// The same model, computed by burn.
fn by_burn(model: &PathModel) -> PathModel {
    PathModel { trunk: Trunk::new(model.trunk.weights().clone(), &burn()), ..model.clone() }
}

/// The hidden vectors of one sequence, read from end to end.
fn hidden(model: &PathModel, inputs: Vec<f32>) -> Vec<f32> {
    let layout = Layout::causal(1, inputs.len() / model.config.d_table());
    model.engine().forward(inputs, &layout, &Stop::default()).expect("nobody stops it")
}

fn numbers(tokens: &[TokenId]) -> Vec<u32> {
    tokens.iter().map(|token| token.0).collect()
}

fn config(toy: &Toy) -> ModelConfig {
    ModelConfig::preset(Preset::Tiny, toy.vocabulary().len(), NUM_USERS..NUM_USERS + NUM_ITEMS, 7)
}

fn model(toy: &Toy) -> PathModel {
    let mut model = PathModel::new(config(toy), 5, &cpu()).expect("a model");
    // Far from uniform, so that an error in the search would show.
    scale_output(&mut model, 8.0);
    model
}

fn scale_output(model: &mut PathModel, factor: f32) {
    let output = model.own_output.as_mut().expect("a table of its own");
    output.values.iter_mut().for_each(|v| *v *= factor);
}

fn search(beams: usize, k: usize) -> SearchOptions {
    SearchOptions { k, beams, paths_per_item: 10, ..SearchOptions::default() }
}

fn recommend(model: &PathModel, toy: &Toy, users: &[u32], options: SearchOptions) -> Vec<UserList> {
    let users: Vec<NodeId> = users.iter().copied().map(NodeId).collect();
    Recommender::new(model, toy).recommend(&users, options, &Context::default()).expect("nobody stops it")
}

/// The vectors of a prefix: the user by what they chose, the rest by their tokens.
fn embedded(model: &PathModel, toy: &Toy, tokens: &[u32]) -> Vec<f32> {
    let mut vectors = model.prompt(TokenId(tokens[0]), toy.history(tokens[0]));
    vectors.extend(model.embed(&tokens[1..]));
    vectors
}

/// The probability of a path, every prefix computed from scratch by burn.
fn probability_from_scratch(model: &PathModel, toy: &Toy, tokens: &[u32]) -> f64 {
    let (model, width) = (by_burn(model), model.config.d_table());
    (1..tokens.len())
        .map(|position| {
            let hidden = hidden(&model, embedded(&model, toy, &tokens[..position]));
            let last = &hidden[(position - 1) * width..];
            let mut legal = Successors::default();
            toy.successors(&tokens[..position], Goal::Unseen, &mut legal);
            let z =
                |t: u32| f64::from(footpath_model::legal_softmax::score(last, model.output(), &model.bias, TokenId(t)));
            let sum: f64 = legal.continuing.iter().chain(&legal.ending).map(|&t| z(t).exp()).sum();
            z(tokens[position]).exp() / sum
        })
        .product()
}

#[test]
fn wide_search_is_exact() {
    let toy = Toy::new();
    let model = model(&toy);
    for list in recommend(&model, &toy, &[0, 1, 2], search(1000, 10)) {
        assert_eq!(list.unexplored, 0.0);
        let total: f64 = list.items.iter().map(|i| i.score.exp()).sum();
        assert!((total - 1.0).abs() < 1e-5, "user {:?}: the probabilities sum to {total}", list.user);
        let found: BTreeSet<Vec<u32>> = list.items.iter().flat_map(|i| &i.paths).map(|p| numbers(&p.tokens)).collect();
        let expected: BTreeSet<Vec<u32>> = toy.all_paths(list.user.0).into_iter().map(|p| toy.tokens(p)).collect();
        assert_eq!(found, expected, "every legal path is found, and nothing else");
        for path in list.items.iter().flat_map(|i| &i.paths) {
            let expected = probability_from_scratch(&model, &toy, &numbers(&path.tokens));
            assert!((path.log_probability.exp() - expected).abs() < 1e-5, "with and without cache");
        }
        for item in &list.items {
            let of_item =
                list.items.iter().flat_map(|i| &i.paths).filter(|p| p.tokens[6] == toy.vocabulary().node(item.item));
            let sum: f64 = of_item.map(|p| p.log_probability.exp()).sum();
            assert!((item.score.exp() - sum).abs() < 1e-9, "an item's score is the sum over its paths");
            assert!((item.confidence - item.paths[0].log_probability.exp() / sum).abs() < 1e-9);
        }
    }
}

#[test]
fn users_do_not_influence_each_other() {
    let toy = Toy::new();
    let model = model(&toy);
    // Users 0 and 1 share item 3 and differ in what they have seen: the case in which a shared cache gives wrong masks.
    let together = recommend(&model, &toy, &[0, 1, 2, 0, 1], search(2, 10));
    for (list, user) in together.iter().zip([0, 1, 2, 0, 1]) {
        let alone = &recommend(&model, &toy, &[user], search(2, 10))[0];
        assert_eq!(list.items.len(), alone.items.len());
        for (a, b) in list.items.iter().zip(&alone.items) {
            assert_eq!((a.item, a.paths.len()), (b.item, b.paths.len()));
            assert!((a.score - b.score).abs() < 1e-5);
        }
        let seen = &toy.chosen[&user];
        assert!(
            list.items.iter().all(|i| !seen.contains(&i.item.0)),
            "no item is recommended that the user has chosen"
        );
    }
}

#[test]
fn narrow_search_is_widened_until_the_slots_are_filled() {
    let toy = Toy::new();
    let model = model(&toy);
    for list in recommend(&model, &toy, &[0, 1, 2], search(1, 2)) {
        let reachable: BTreeSet<u32> = toy.all_paths(list.user.0).iter().map(|p| p[3]).collect();
        assert_eq!(list.items.len(), reachable.len().min(2));
        assert_eq!(list.shortfall, (reachable.len() < 2).then_some(Shortfall::FewerReachable));
    }
    let narrow = SearchOptions { when_short: WhenShort::Accept, ..search(1, 10) };
    for list in recommend(&model, &toy, &[0], narrow) {
        let found: f64 = list.items.iter().map(|i| i.score.exp()).sum();
        assert!((found + list.unexplored - 1.0).abs() < 1e-5, "what was cut is accounted for");
    }
}

#[test]
fn an_exact_search_proves_the_order_of_a_wide_one() {
    let toy = Toy::new();
    let model = model(&toy);
    for score in [Score::Marginal, Score::Max, Score::Mean] {
        for k in 1..4 {
            let wide = recommend(&model, &toy, &[0, 1, 2], SearchOptions { score, ..search(1000, k) });
            let exact = recommend(&model, &toy, &[0, 1, 2], SearchOptions { score, mode: Mode::Exact, ..search(1, k) });
            for (wide, exact) in wide.iter().zip(&exact) {
                assert!(wide.proven && exact.proven);
                let items = |list: &UserList| list.items.iter().map(|i| i.item).collect::<Vec<_>>();
                assert_eq!(items(wide), items(exact), "{score:?}, k = {k}");
                let within = |(w, e): (&footpath_model::decode::ScoredItem, &footpath_model::decode::ScoredItem)| {
                    let missing = w.score.exp() - e.score.exp();
                    (-1e-6..=exact.unexplored + 1e-6).contains(&missing)
                };
                assert!(wide.items.iter().zip(&exact.items).all(within), "{score:?}, k = {k}");
            }
        }
    }
}

#[test]
fn a_narrow_search_that_claims_a_proof_is_right() {
    let toy = Toy::new();
    let mut proven = 0;
    for seed in 0..40 {
        let mut model = PathModel::new(config(&toy), seed, &cpu()).expect("a model");
        scale_output(&mut model, 12.0);
        for beams in 1..6 {
            let narrow = SearchOptions { when_short: WhenShort::Accept, ..search(beams, 2) };
            let wide = recommend(&model, &toy, &[0, 1], search(1000, 2));
            for (narrow, wide) in recommend(&model, &toy, &[0, 1], narrow).iter().zip(&wide) {
                let items = |list: &UserList| list.items.iter().map(|i| i.item).collect::<Vec<_>>();
                if narrow.proven && narrow.unexplored > 0.0 {
                    proven += 1;
                    assert_eq!(items(narrow), items(wide), "seed {seed}, {beams} beams");
                }
            }
        }
    }
    assert!(proven > 20, "only {proven} searches claimed anything");
}

#[test]
fn diverse_groups_and_draws_find_true_paths_at_their_true_probability() {
    let toy = Toy::new();
    let model = model(&toy);
    let draws = |draws, seed| Mode::Sample(Sampling { draws, seed, ..Sampling::default() });
    let modes = [
        Mode::Diverse { groups: 1, penalty: 0.0 },
        Mode::Diverse { groups: 3, penalty: 0.5 },
        Mode::Diverse { groups: 4, penalty: 100.0 },
        draws(5, 1),
        draws(5, 2),
        draws(5_000, 1),
    ];
    for mode in modes {
        let options = SearchOptions { mode, when_short: WhenShort::Accept, ..search(4, 10) };
        for list in recommend(&model, &toy, &[0, 1, 2], options) {
            let legal: BTreeSet<Vec<u32>> = toy.all_paths(list.user.0).into_iter().map(|p| toy.tokens(p)).collect();
            let paths: Vec<Vec<u32>> = list.items.iter().flat_map(|i| &i.paths).map(|p| numbers(&p.tokens)).collect();
            assert!(!paths.is_empty());
            assert!(paths.iter().all(|path| legal.contains(path)), "{mode:?}");
            let distinct: BTreeSet<_> = paths.iter().collect();
            assert_eq!(distinct.len(), paths.len(), "{mode:?}: no path twice");
            for path in list.items.iter().flat_map(|i| &i.paths) {
                let expected = probability_from_scratch(&model, &toy, &numbers(&path.tokens));
                assert!((path.log_probability.exp() - expected).abs() < 1e-5, "{mode:?}");
            }
            let found: f64 = list.items.iter().map(|i| i.score.exp()).sum();
            assert!((found + list.unexplored - 1.0).abs() < 1e-3, "{mode:?}: what was left out is accounted for");
        }
    }
    let lists = |mode| recommend(&model, &toy, &[0, 1, 2], SearchOptions { mode, ..search(4, 2) });
    assert_eq!(lists(draws(5, 1)), lists(draws(5, 1)), "the same seed gives the same draws");
    // Enough draws find all that can be found.
    let many = recommend(&model, &toy, &[0], SearchOptions { mode: draws(100_000, 3), ..search(4, 10) });
    assert_eq!(many[0].items.iter().map(|i| i.num_paths).sum::<usize>(), toy.all_paths(0).len());
}

#[test]
fn settings_of_a_search_out_of_range_are_refused() {
    let sample = |s: Sampling| SearchOptions { mode: Mode::Sample(s), ..SearchOptions::default() };
    let diverse =
        |groups, penalty| SearchOptions { mode: Mode::Diverse { groups, penalty }, ..SearchOptions::default() };
    let bad = [
        SearchOptions { k: 0, ..SearchOptions::default() },
        SearchOptions { k: 1_001, ..SearchOptions::default() },
        SearchOptions { beams: 0, ..SearchOptions::default() },
        SearchOptions { paths_per_item: 0, ..SearchOptions::default() },
        diverse(0, 1.0),
        diverse(65, 1.0),
        diverse(3, f64::NAN),
        SearchOptions { beams: 2, ..diverse(3, 1.0) },
        sample(Sampling { draws: 0, ..Sampling::default() }),
        sample(Sampling { temperature: 0.0, ..Sampling::default() }),
        sample(Sampling { top_p: 0.0, ..Sampling::default() }),
        sample(Sampling { top_p: f64::NAN, ..Sampling::default() }),
    ];
    assert!(bad.iter().all(|options| options.validate().is_err()));
    assert!(SearchOptions::default().validate().is_ok() && diverse(4, 0.5).validate().is_ok());
}

#[test]
fn what_a_user_chose_is_part_of_the_prompt() {
    let toy = Toy::new();
    let model = model(&toy);
    // A user the model does not know and one it knows as nobody in particular are the same, given the same choices.
    let (stranger, nobody) = (TokenId(1_000), Vocabulary::ANY_USER);
    assert_eq!(model.prompt(stranger, &[3, 4]), model.prompt(nobody, &[3, 4]));
    assert_ne!(model.prompt(stranger, &[3, 4]), model.prompt(stranger, &[3, 5]));
    let sum: Vec<f32> = (0..48).map(|d| model.history.values[d] + model.history.values[48 + d]).collect();
    let expected = model.input.row(nobody.0).iter().zip(sum).map(|(any, sum)| any + sum * 2f32.sqrt() / 2.0);
    assert!(model.prompt(nobody, &[3, 4]).iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-6));
}

#[test]
fn one_item_can_be_asked_for() {
    let toy = Toy::new();
    let model = model(&toy);
    let options = SearchOptions { goal: Goal::Item(NodeId(7)), ..search(100, 1) };
    let list = &recommend(&model, &toy, &[0], options)[0];
    let expected = toy.all_paths(0).iter().filter(|p| p[3] == 7).count();
    assert_eq!((list.items.len(), list.items[0].item, list.items[0].paths.len()), (1, NodeId(7), expected));
    let nothing = &recommend(&model, &toy, &[2], SearchOptions { goal: Goal::Item(NodeId(4)), ..search(100, 1) })[0];
    assert_eq!((nothing.items.len(), nothing.shortfall), (0, Some(Shortfall::NoPath)));
}

#[test]
fn a_token_sees_only_what_came_before() {
    let toy = Toy::new();
    for config in designs::designs(&toy) {
        sees_only_what_came_before(&toy, &PathModel::new(config, 5, &cpu()).expect("a model"));
    }
}

fn sees_only_what_came_before(toy: &Toy, model: &PathModel) {
    let slow = by_burn(model);
    let hidden = |tokens: &[u32]| hidden(&slow, embedded(model, toy, tokens));
    let (a, b) = (hidden(&[12, 8, 15, 10, 21]), hidden(&[12, 8, 15, 11, 20]));
    let width = model.config.d_table();
    assert_eq!(a[..3 * width], b[..3 * width], "the first three vectors do not depend on the last two tokens");
    assert!(a[3 * width..4 * width] != b[3 * width..4 * width]);
    let mut stepper = model.engine().begin();
    for (position, token) in [12, 8, 15, 10, 21].into_iter().enumerate() {
        let inputs = match position {
            0 => embedded(model, toy, &[token]),
            _ => model.embed(&[token]),
        };
        let parents = (position > 0).then_some(&[0][..]);
        let step = stepper.step(inputs, parents, &[], &Stop::default()).expect("nobody stops it");
        let full = &a[position * width..][..width];
        assert!(step.iter().zip(full).all(|(x, y)| (x - y).abs() < 1e-4), "the cached step gives the same vector");
    }
}

fn training(epochs: u64) -> TrainingConfig {
    TrainingConfig {
        epochs,
        batch_size: 4,
        learning_rate: 1e-2,
        user_dropout: 0.3,
        validations_per_epoch: 1,
        ..TrainingConfig::default()
    }
}

fn all_paths(toy: &Toy) -> AllPaths {
    let rows = (0..NUM_USERS).flat_map(|u| toy.all_paths(u)).flat_map(|p| toy.tokens(p)).collect();
    AllPaths { rows, num_portions: 1 }
}

#[test]
fn one_path_for_each_user_is_learned_by_heart() {
    let toy = Toy::new();
    // Each architecture, each kind of tables, with and without projections and kinds.
    designs::designs(&toy).into_iter().step_by(5).for_each(|config| learns_by_heart(&toy, config));
}

fn learns_by_heart(toy: &Toy, mut config: ModelConfig) {
    let paths: Vec<[u32; 4]> = (0..NUM_USERS).filter_map(|u| toy.all_paths(u).into_iter().next()).collect();
    let source = AllPaths { rows: paths.iter().flat_map(|&p| toy.tokens(p)).collect(), num_portions: 1 };
    config.trunk.dropout = 0.0;
    let model = PathModel::new(config.clone(), 1, &cpu()).expect("a model");
    let objectives = vec![Objective::default()];
    let training = TrainingConfig { user_dropout: 0.0, weight_decay: 0.0, objectives, ..training(150) };
    let mut trainer = Trainer::new(model, training).expect("a trainer");
    let root = tempfile::tempdir().expect("temporary directory");
    let checkpoints = Checkpoints::new(root.path().to_owned(), BTreeMap::new());
    let mut log = Log::default();
    trainer.run(toy, &source, &checkpoints, &mut log, &Context::default()).expect("trained");
    let last = log.losses.last().copied().expect("steps");
    assert!(last < 0.05, "the loss is still {last}: {config:?}");
    let model = trainer.model;
    for (user, path) in (0..).zip(&paths) {
        let best = numbers(&recommend(&model, toy, &[user], search(100, 1))[0].items[0].paths[0].tokens);
        assert_eq!(best, toy.tokens(*path));
    }
}

#[test]
fn resumed_training_gives_the_same_bits() {
    let toy = Toy::new();
    designs::designs(&toy).into_iter().for_each(|config| resumes(&toy, &config, 1));
    // Portions that end within a step, and more of them than rows.
    [3, 100].into_iter().for_each(|num_portions| resumes(&toy, &config(&toy), num_portions));
}

fn resumes(toy: &Toy, config: &ModelConfig, num_portions: u64) {
    let source = AllPaths { num_portions, ..all_paths(toy) };
    let device = cpu();
    let fresh =
        || Trainer::new(PathModel::new(config.clone(), 1, &device).expect("a model"), training(4)).expect("a trainer");
    let root = tempfile::tempdir().expect("temporary directory");
    let run = |trainer: &mut Trainer, name: &str, stop_at: Option<StopAt>| {
        let stop = Stop::default();
        let first = trainer.position.step - u64::from(trainer.position.unvalidated.is_some());
        let losses = vec![0.0; usize::try_from(first).expect("few")];
        let mut log = Log { losses, stop_at, stop: stop.clone(), ..Log::default() };
        let checkpoints = Checkpoints::new(root.path().join(name), BTreeMap::new());
        let context = Context::default().with_stop(stop);
        (trainer.run(toy, &source, &checkpoints, &mut log, &context).expect("trained"), log.validations)
    };
    let mut whole = fresh();
    let (ending, validations) = run(&mut whole, "whole", None);
    assert_eq!(ending, Ending::Finished);
    let bytes = |trainer: &Trainer| {
        let mut bytes = Vec::new();
        trainer.model.write(&mut bytes).expect("written");
        bytes
    };
    let num_steps = whole.position.step;
    assert!(num_steps > 6);
    let validated: Vec<u64> = validations.iter().map(|progress| progress.step).collect();
    assert!(validated.len() > 3 && validated.last() == Some(&num_steps), "{validated:?}");
    // Other designs differ in what is stored, not in when.
    let stops: Vec<StopAt> = if *config == self::config(toy) {
        (1..num_steps).map(StopAt::Step).chain(validated.into_iter().map(StopAt::Validation)).collect()
    } else {
        vec![StopAt::Step(num_steps / 2)]
    };
    for stop in stops {
        let name = format!("stopped-{stop:?}");
        let (ending, mut seen) = run(&mut fresh(), &name, Some(stop));
        assert_eq!(ending, Ending::Interrupted);
        let checkpoints = Checkpoints::new(root.path().join(&name), BTreeMap::new());
        let mut resumed = checkpoints.latest(&device).expect("readable").expect("a checkpoint");
        let (StopAt::Step(step) | StopAt::Validation(step)) = stop;
        assert_eq!(resumed.position.step, step);
        let (ending, rest) = run(&mut resumed, &name, None);
        assert_eq!(ending, Ending::Finished);
        assert_eq!(resumed.position, whole.position);
        seen.extend(rest);
        assert_eq!(seen.len(), validations.len(), "stopped at {stop:?}: every validation comes once");
        assert!(seen.iter().zip(&validations).all(|(a, b)| (a.step, a.validation) == (b.step, b.validation)));
        assert!(bytes(&resumed) == bytes(&whole), "stopped at {stop:?}, the weights differ: {config:?}");
    }
}

#[test]
fn a_loss_that_is_no_number_ends_the_run() {
    let toy = Toy::new();
    let device = cpu();
    let mut model = PathModel::new(config(&toy), 1, &device).expect("a model");
    model.bias.values.iter_mut().for_each(|b| *b = f32::NAN);
    let mut trainer = Trainer::new(model, training(1)).expect("a trainer");
    let root = tempfile::tempdir().expect("temporary directory");
    let checkpoints = Checkpoints::new(root.path().to_owned(), BTreeMap::new());
    let ended = trainer.run(&toy, &all_paths(&toy), &checkpoints, &mut Log::default(), &Context::default());
    assert!(matches!(ended, Err(footpath_model::Error::Diverged { step: 0, .. })), "{ended:?}");
}

/// A run on one thread, which the loader needs as well.
#[test]
fn one_thread_is_enough_to_train() {
    let toy = Toy::new();
    let context = Context::default().with_threads(footpath_core::Threads::new(1).expect("one"));
    let root = tempfile::tempdir().expect("temporary directory");
    for (epochs, expected) in [(3, Ok(Ending::Finished)), (1_000, Err(()))] {
        let mut model = PathModel::new(config(&toy), 1, &cpu()).expect("a model");
        if expected.is_err() {
            model.bias.values.iter_mut().for_each(|b| *b = f32::NAN);
        }
        let mut trainer = Trainer::new(model, training(epochs)).expect("a trainer");
        let checkpoints = Checkpoints::new(root.path().join(epochs.to_string()), BTreeMap::new());
        let run = || trainer.run(&toy, &all_paths(&toy), &checkpoints, &mut Log::default(), &context);
        assert_eq!(context.run(run).expect("a thread").map_err(|_| ()), expected);
    }
}

#[test]
fn a_search_that_is_stopped_says_so() {
    let toy = Toy::new();
    let model = model(&toy);
    let stop = Stop::default();
    stop.request();
    let context = Context::default().with_stop(stop);
    let users: Vec<NodeId> = [0, 1, 2].map(NodeId).to_vec();
    let recommender = Recommender::new(&model, &toy);
    let modes = [Mode::Beam, Mode::Exact, Mode::Diverse { groups: 2, penalty: 1.0 }, Mode::Sample(Sampling::default())];
    for mode in modes {
        let ended = recommender.recommend(&users, SearchOptions { mode, ..search(100, 10) }, &context);
        assert!(ended.is_err_and(|error| error.is_stop()), "{mode:?}");
    }
    assert!(recommender.item_priors(&users, &context).is_err_and(|error| error.is_stop()));
}

#[test]
fn a_workspace_serves_one_search_after_another() {
    let (toy, workspace) = (Toy::new(), Workspace::default());
    let model = model(&toy);
    let users: Vec<NodeId> = [0, 1, 2].map(NodeId).to_vec();
    let list = |recommender: Recommender<'_, Toy>| {
        recommender.recommend(&users, search(100, 10), &Context::default()).expect("nobody stops it")
    };
    let fresh = list(Recommender::new(&model, &toy));
    assert!((0..3).all(|_| list(Recommender::new(&model, &toy).with_workspace(&workspace)) == fresh));
}

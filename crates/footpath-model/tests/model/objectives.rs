//! Every objective: what it hides, what it asks, what it costs, and that it can be learned.

use crate::reference::Reference;
use crate::toy::{NUM_ITEMS, NUM_USERS, Toy};
use footpath_core::{LegalSuccessors, NodeId, Vocabulary};
use footpath_model::config::{ModelConfig, Preset, Softmax, TrainingConfig};
use footpath_model::data::objective::ObjectiveKind;
use footpath_model::data::{Batch, Batcher, CandidateSet, Objective, Text};
use footpath_model::{PathModel, Trainer};

const KINDS: [ObjectiveKind; 7] = [
    ObjectiveKind::Causal,
    ObjectiveKind::Prefix,
    ObjectiveKind::Masked,
    ObjectiveKind::Permuted,
    ObjectiveKind::Unified,
    ObjectiveKind::FillInTheMiddle,
    ObjectiveKind::Rearranged,
];

fn every_objective() -> impl Iterator<Item = Objective> {
    let of_both =
        KINDS.into_iter().flat_map(|kind| [Text::Paths, Text::Histories].map(|text| Objective::of(kind, text)));
    of_both.chain([Objective::of(ObjectiveKind::Causal, Text::Ends)])
}

fn training(objective: Objective, softmax: Softmax) -> TrainingConfig {
    TrainingConfig {
        objectives: vec![objective],
        softmax,
        user_dropout: 0.0,
        weight_decay: 0.0,
        batch_size: 4,
        learning_rate: 1e-2,
        ..TrainingConfig::default()
    }
}

fn new_model(toy: &Toy, training: &TrainingConfig) -> PathModel {
    let items = NUM_USERS..NUM_USERS + NUM_ITEMS;
    let mut config = ModelConfig::preset(Preset::Tiny, toy.vocabulary().len(), items, training.num_positions(7));
    config.trunk.dropout = 0.0;
    let mut model = PathModel::new(config, 3, &crate::cpu()).expect("a model");
    // Nobody is told by their history, so that a text is all there is.
    model.history.values.iter_mut().for_each(|v| *v = 0.0);
    model
}

fn paths(toy: &Toy) -> Vec<Vec<u32>> {
    (0..NUM_USERS).flat_map(|user| toy.all_paths(user)).map(|path| toy.tokens(path)).collect()
}

/// The loss of four tokens, user and three items, in nested loops: of each objective from its definition, not from its
/// layout.
#[test]
fn losses_are_those_of_the_definitions() {
    let mut toy = Toy::new();
    toy.chosen.insert(0, vec![3, 4, 7]);
    let first = toy.vocabulary().node(NodeId(0)).0;
    // User, then the items in the order of time; see `Toy::timeline`.
    let text = [first, first + 7, first + 4, first + 3];
    let items: Vec<u32> = toy.items().collect();
    let all: Vec<u32> = (0..u32::try_from(toy.vocabulary().len()).expect("small")).collect();
    let (mask, end, prefix, suffix, middle, rearranged) = (3, 1, 4, 5, 6, 7);
    for (softmax, candidates) in [(Softmax::Legal, &items), (Softmax::Typed, &items), (Softmax::Full, &all)] {
        for kind in KINDS {
            let training = training(Objective::of(kind, Text::Histories), softmax);
            let model = new_model(&toy, &training);
            let reference = Reference::of(&model);
            let trainer = Trainer::new(model, training.clone()).expect("a trainer");
            for number in 0..30 {
                let batch = Batcher::new(&toy, &training, 50).batch(&[&text], number);
                let loss = trainer.loss(&batch).expect("finite");
                let input = &batch.inputs;
                let masked: Vec<usize> =
                    (1..4).filter(|&t| batch.targets.iter().any(|q| q.answer == text[t])).collect();
                let sequential = |len: usize| (0u32..).take(len).collect::<Vec<_>>();
                let ask = |hidden: &[f64], answer: u32| reference.nll(hidden, answer, candidates, 1.0);
                let mean = |losses: Vec<f64>| losses.iter().sum::<f64>() / losses.len() as f64;
                let causal = |len: usize| {
                    let hidden = reference.hidden(&text[..3], &sequential(3), &|i, j| j <= i);
                    mean((len..4).map(|t| ask(&hidden[t - 1], text[t])).collect())
                };
                let together = |len: usize| {
                    let hidden = reference.hidden(&text[..3], &sequential(3), &|i, j| j < len || j <= i);
                    mean((len..4).map(|t| ask(&hidden[t - 1], text[t])).collect())
                };
                let cloze = |tokens: &[u32]| {
                    let hidden = reference.hidden(tokens, &sequential(4), &|_, _| true);
                    masked.iter().map(|&t| ask(&hidden[t], text[t])).collect::<Vec<_>>()
                };
                let is_cloze = |tokens: &[u32]| {
                    // What is not asked for is as it was; what is asked for is hidden, an item, or as it was.
                    tokens.len() == 4
                        && !masked.is_empty()
                        && (0..4).all(|t| {
                            tokens[t] == text[t]
                                || (masked.contains(&t) && (tokens[t] == mask || items.contains(&tokens[t])))
                        })
                };
                let expected = match kind {
                    ObjectiveKind::Causal => causal(1),
                    ObjectiveKind::Prefix => together(4 - batch.targets.len()),
                    ObjectiveKind::Masked => {
                        assert!(is_cloze(input), "{input:?}");
                        mean(cloze(input))
                    }
                    ObjectiveKind::Unified if input.len() == 4 => mean(cloze(input)),
                    ObjectiveKind::Unified => together(4 - batch.targets.len()),
                    ObjectiveKind::Permuted => {
                        // One token of three is asked for: the last of the order, so it is told all others.
                        assert_eq!((input.len(), &input[..4], masked.len()), (5, &text[..], 1));
                        let last = masked[0];
                        let mut tokens = text;
                        tokens[last] = mask;
                        let order = &batch.layout.ranks;
                        let sees = |i: usize, j: usize| i == last || order[j] <= order[i];
                        let hidden = reference.hidden(&tokens, &sequential(4), &|i, j| j != last && sees(i, j));
                        ask(&hidden[last], text[last])
                    }
                    ObjectiveKind::FillInTheMiddle => {
                        let hidden = reference.hidden(input, &sequential(input.len()), &|i, j| j <= i);
                        let at = |token: u32| input.iter().position(|&t| t == token).expect("a mark");
                        let (p, s, m) = (at(prefix), at(suffix), at(middle));
                        assert!(p == 0 && s < m);
                        let suffix: Vec<u32> = input[s + 1..m].to_vec();
                        let others = (1..input.len()).filter(|place| !(s..=m).contains(place));
                        let learned: Vec<usize> = others.collect();
                        let parts = [learned.iter().map(|&place| input[place]).collect(), suffix.clone()];
                        assert_eq!(parts.concat(), text, "prefix, middle and suffix are the text");
                        // All but the user; and that the middle ends, which is told apart from the items that do not
                        // come next.
                        let mut losses: Vec<f64> =
                            learned.iter().skip(1).map(|&place| ask(&hidden[place - 1], input[place])).collect();
                        let rivals: Vec<u32> = match softmax {
                            Softmax::Legal => items.iter().copied().filter(|t| *t != suffix[0]).chain([end]).collect(),
                            _ => all.clone(),
                        };
                        losses.push(reference.nll(hidden.last().expect("tokens"), end, &rivals, 1.0));
                        mean(losses)
                    }
                    ObjectiveKind::Rearranged => {
                        let intact = batch.targets[0].answer == end;
                        let hidden = reference.hidden(input, &sequential(4), &|_, _| true);
                        let label = reference.nll(&hidden[0], batch.targets[0].answer, &[end, rearranged], 1.0);
                        if intact {
                            assert!(is_cloze(input));
                            mean(cloze(input).into_iter().chain([label]).collect())
                        } else {
                            let sorted = |tokens: &[u32]| {
                                let mut tokens = tokens.to_vec();
                                tokens.sort_unstable();
                                tokens
                            };
                            assert!(input[..] != text && sorted(input) == sorted(&text) && input[0] == text[0]);
                            label
                        }
                    }
                };
                assert!((loss - expected).abs() < 2e-5, "{kind:?}, {softmax:?}, text {number}: {loss}, not {expected}");
            }
        }
    }
}

/// The end of a path from the user alone; what stands for the user does not tell it.
#[test]
fn an_end_is_told_apart_from_all_items() {
    let toy = Toy::new();
    let training = training(Objective::of(ObjectiveKind::Causal, Text::Ends), Softmax::Legal);
    let model = new_model(&toy, &training);
    let reference = Reference::of(&model);
    let trainer = Trainer::new(model, training.clone()).expect("a trainer");
    let items: Vec<u32> = toy.items().collect();
    for path in paths(&toy) {
        let batch = Batcher::new(&toy, &training, 50).batch(&[&path], 0);
        let hidden = reference.hidden(&path[..1], &[0], &|_, _| false);
        let expected = reference.nll(&hidden[0], path[6], &items, 1.0);
        assert!((trainer.loss(&batch).expect("finite") - expected).abs() < 2e-5);
        let end = path[6] - toy.vocabulary().node(NodeId(0)).0;
        assert!(!batch.history.is_empty() && !batch.history.contains(&end));
    }
    assert!(Objective::of(ObjectiveKind::Masked, Text::Ends).validate().is_err());
}

/// A token given and not predicted costs nothing.
#[test]
fn a_prompt_is_not_counted() {
    let toy = Toy::new();
    let path = &paths(&toy)[0];
    let asked = |prompt: Option<usize>| {
        let objective = Objective { prompt, ..Objective::default() };
        let training = training(objective, Softmax::Full);
        let batch = Batcher::new(&toy, &training, 50).batch(&[path], 0);
        batch.targets.iter().map(|t| t.position).collect::<Vec<_>>()
    };
    assert_eq!(asked(None), [0, 1, 2, 3, 4, 5]);
    assert_eq!(asked(Some(3)), [2, 3, 4, 5]);
}

/// A hidden vector changes with an input if and only if the layout says that it sees it.
#[test]
fn a_token_sees_what_its_objective_lets_it_see() {
    let toy = Toy::new();
    let paths = paths(&toy);
    for objective in every_objective() {
        let training = training(objective.clone(), Softmax::Legal);
        let model = crate::by_burn(&new_model(&toy, &training));
        // One layer: with two, what a token sees is seen through it.
        assert_eq!(model.config.trunk.num_layers, 1);
        let rows: Vec<&[u32]> = paths.iter().map(Vec::as_slice).collect();
        let batch = Batcher::new(&toy, &training, 50).batch(&rows, 7);
        let (size, width) = (batch.layout.tokens, model.config.trunk.d_model);
        let run = |inputs: &[f32]| {
            let hidden = model.engine().forward(inputs.to_vec(), &batch.layout, &footpath_core::Stop::default());
            hidden.expect("nobody stops it")
        };
        let inputs = model.input.gather(&batch.inputs);
        let before = run(&inputs);
        for moved in 0..size {
            let mut inputs = inputs.clone();
            for row in 0..batch.layout.rows {
                inputs[(row * size + moved) * width..][..width].iter_mut().for_each(|v| *v += 0.5);
                inputs[(row * size + moved) * width] += 3.0;
            }
            let after = run(&inputs);
            for row in 0..batch.layout.rows {
                for token in 0..size {
                    let at = (row * size + token) * width;
                    let same = before[at..at + width] == after[at..at + width];
                    let rank = batch.layout.ranks[row * size + moved];
                    let sees = token == moved || rank <= batch.layout.reaches[row * size + token];
                    assert_eq!(same, !sees, "{objective:?}: row {row}, token {token} and {moved}");
                }
            }
        }
    }
}

/// What is asked for is never told: no answer stands where its question can see it, but for the tenth that `masked`
/// leaves as it was.
#[test]
fn no_answer_is_told() {
    let toy = Toy::new();
    let paths = paths(&toy);
    let rows: Vec<&[u32]> = paths.iter().map(Vec::as_slice).collect();
    let of_both = [Text::Paths, Text::Histories];
    let hiding =
        [ObjectiveKind::Causal, ObjectiveKind::Prefix, ObjectiveKind::Permuted, ObjectiveKind::FillInTheMiddle];
    for objective in hiding.into_iter().flat_map(|kind| of_both.map(|text| Objective::of(kind, text))) {
        let training = training(objective.clone(), Softmax::Full);
        for number in 0..50 {
            let batch = Batcher::new(&toy, &training, 50).batch(&rows, number * 100);
            assert!(!batch.targets.is_empty());
            let Batch { layout, inputs, targets, .. } = &batch;
            for target in targets.iter().filter(|t| t.answer != Vocabulary::END.0) {
                let (asker, row) = (target.position as usize, target.position as usize / layout.tokens);
                let of_row = row * layout.tokens..(row + 1) * layout.tokens;
                let sees = |j: usize| j == asker || layout.ranks[j] <= layout.reaches[asker];
                // Relations may come twice in a path; nodes do not.
                let is_node = target.answer >= toy.vocabulary().node(NodeId(0)).0;
                let told = of_row.filter(|&j| sees(j)).any(|j| inputs[j] == target.answer);
                assert!(!(is_node && told), "{objective:?}: token {} of {inputs:?}", target.answer);
            }
        }
    }
}

/// Every objective, with each softmax, can learn one batch by heart.
#[test]
fn every_objective_overfits_one_batch() {
    let toy = Toy::new();
    let paths = paths(&toy);
    let rows: Vec<&[u32]> = paths.iter().take(4).map(Vec::as_slice).collect();
    for softmax in [Softmax::Legal, Softmax::Typed, Softmax::Full] {
        for objective in every_objective() {
            let training = training(objective.clone(), softmax);
            // A batch that has something to learn.
            let batch = (0..)
                .map(|number| Batcher::new(&toy, &training, 50).batch(&rows, number * 10))
                .find(|batch| !batch.targets.is_empty())
                .expect("a batch with a choice");
            let mut trainer = Trainer::new(new_model(&toy, &training), training.clone()).expect("a trainer");
            let before = trainer.loss(&batch).expect("finite");
            let floor = floor(&batch);
            for _ in 0..200 {
                trainer.learn(&batch, 1e-2).expect("finite");
            }
            let after = trainer.loss(&batch).expect("finite");
            assert!(
                after - floor < 0.1 * (before - floor) + 0.02,
                "{objective:?}, {softmax:?}: {before} to {after}, floor {floor}"
            );
        }
    }
}

/// Two texts that differ in nothing the question can see and want different answers cannot both be learned: the least
/// possible loss, with questions told apart by all they see.
fn floor(batch: &Batch) -> f64 {
    use std::collections::BTreeMap;
    let Batch { layout, inputs, targets, .. } = batch;
    type Seen = Vec<(u32, u32, u32)>;
    let mut answers: BTreeMap<Seen, BTreeMap<u32, f64>> = BTreeMap::new();
    for target in targets {
        let asker = target.position as usize;
        let row = asker / layout.tokens;
        let seen = (row * layout.tokens..(row + 1) * layout.tokens)
            .filter(|&j| j == asker || layout.ranks[j] <= layout.reaches[asker])
            .map(|j| (layout.positions[j], inputs[j], u32::from(j == asker)))
            .collect();
        *answers.entry(seen).or_default().entry(target.answer).or_default() += f64::from(target.weight);
    }
    let weight: f64 = targets.iter().map(|t| f64::from(t.weight)).sum();
    let cost = |counts: &BTreeMap<u32, f64>| {
        let all: f64 = counts.values().sum();
        counts.values().map(|n| -n * (n / all).ln()).sum::<f64>()
    };
    answers.values().map(cost).sum::<f64>() / weight
}

/// Each objective of a mixture gets its share of the texts.
#[test]
fn a_mixture_keeps_its_weights() {
    let toy = Toy::new();
    let path = &paths(&toy)[0];
    let weighted = |kind, weight| Objective { weight, ..Objective::of(kind, Text::Paths) };
    let objectives = vec![weighted(ObjectiveKind::Causal, 3.0), weighted(ObjectiveKind::FillInTheMiddle, 1.0)];
    let training = TrainingConfig { objectives, ..training(Objective::default(), Softmax::Legal) };
    let rows: Vec<&[u32]> = vec![path; 4_000];
    let batch = Batcher::new(&toy, &training, 50).batch(&rows, 0);
    let cut = batch.inputs.chunks(batch.layout.tokens).filter(|row| row[0] == Vocabulary::PREFIX.0).count();
    assert!((900..1_100).contains(&cut), "{cut} of 4,000");
}

/// Averaging the gradients of small batches is the gradient of the large one.
#[test]
fn small_batches_add_up_to_a_large_one() {
    let toy = Toy::new();
    let paths = paths(&toy);
    let rows: Vec<&[u32]> = paths.iter().map(Vec::as_slice).collect();
    let weights = |batch_size: usize, accumulate: usize| {
        let config = TrainingConfig { batch_size, accumulate, ..training(Objective::default(), Softmax::Legal) };
        let mut trainer = Trainer::new(new_model(&toy, &config), config).expect("a trainer");
        let losses: Vec<f64> = (0..5).map(|_| trainer.step(&toy, &rows, 5).expect("finite").loss).collect();
        (losses, trainer.model.output().values.to_vec())
    };
    let (whole, parts) = (weights(rows.len(), 1), weights(3, rows.len().div_ceil(3)));
    assert!(!rows.len().is_multiple_of(3), "the last part is smaller");
    assert!(whole.0.iter().zip(&parts.0).all(|(a, b)| (a - b).abs() < 1e-4), "{:?} {:?}", whole.0, parts.0);
    assert!(whole.1.iter().zip(&parts.1).all(|(a, b)| (a - b).abs() < 1e-3));
}

/// With the legal softmax a rival is never the answer, and every answer has one.
#[test]
fn rivals_are_others() {
    let toy = Toy::new();
    let paths = paths(&toy);
    let rows: Vec<&[u32]> = paths.iter().map(Vec::as_slice).collect();
    for objective in every_objective() {
        let training = training(objective, Softmax::Legal);
        let batch = Batcher::new(&toy, &training, 50).batch(&rows, 0);
        for target in &batch.targets {
            let CandidateSet::Listed(places) = &target.candidates else { panic!("legal rivals are listed") };
            let (answer, rivals) = batch.candidates[places.clone()].split_first().expect("the answer");
            assert_eq!(*answer, target.answer);
            assert!(!rivals.is_empty() && rivals.iter().all(|rival| rival != answer));
        }
    }
}

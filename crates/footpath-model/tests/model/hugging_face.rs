//! Models in the form of Hugging Face and back. That the form is theirs is tested end to end, with logits that their
//! code computed.

use crate::designs::designs;
use crate::toy::{NUM_USERS, Toy};
use footpath_core::{LegalSuccessors, NodeId, Purpose, Stream, TokenId};
use footpath_model::config::{ModelConfig, Preset};
use footpath_model::hugging_face::{Exported, ImportTarget, export, import};
use footpath_model::{Error, PathModel, Result};
use std::ops::Range;

/// A model in which nothing is 0 or 1.
fn noisy(config: ModelConfig) -> PathModel {
    let mut model = PathModel::new(config, 4, &crate::cpu()).expect("a model");
    let mut stream = Stream::new(9, Purpose::Initialise, 0, 0);
    if model.config.has_bias() {
        model.bias.values.iter_mut().for_each(|b| *b = stream.normal() as f32);
    }
    for parameter in model.trunk.weights_mut().parameters_mut() {
        parameter.values.iter_mut().for_each(|v| *v += stream.normal() as f32 * 0.2);
    }
    model
}

/// The tokens of the users.
fn users(toy: &Toy) -> Range<u32> {
    toy.vocabulary().node(NodeId(0)).0..toy.vocabulary().node(NodeId(NUM_USERS)).0
}

fn exported(toy: &Toy, model: &PathModel) -> Exported {
    let starts: Vec<f32> = users(toy).flat_map(|token| model.prompt(TokenId(token), toy.history(token))).collect();
    export(model, &starts)
}

fn imported(toy: &Toy, exported: &Exported, config: &str) -> Result<PathModel> {
    let file = tempfile::NamedTempFile::new().expect("temporary file");
    exported.write(&mut file.as_file()).expect("written");
    let rows: Vec<u32> = (0u32..).take(toy.vocabulary().len()).collect();
    let starts: Vec<u32> = (rows.len() as u32..).take(NUM_USERS as usize).collect();
    let target = ImportTarget { items: 3..9, max_tokens: 7, rows: &rows, users: users(toy), starts: &starts };
    import(config, file.path(), &target)
}

/// The logits along a path of a user with this history.
fn logits(model: &PathModel, history: &[u32], tokens: &[u32]) -> Vec<Vec<f32>> {
    let mut inputs = model.prompt(TokenId(tokens[0]), history);
    inputs.extend(model.embed(&tokens[1..]));
    model.logits(inputs)
}

#[test]
fn what_is_exported_and_imported_has_the_same_logits() {
    let toy = Toy::new();
    // Another user stands where the others have an entity, and the same one once more at the end.
    let paths = [[1, 5, 10, 7], [1, 5, 0, 1]].map(|path| toy.tokens(path));
    for preset in [Preset::Tiny, Preset::Small, Preset::Base] {
        for design in designs(&toy) {
            let size = ModelConfig::preset(preset, design.num_tokens, 3..9, 7).trunk;
            let factorised = design.trunk.factorised;
            let architecture = design.trunk.architecture;
            let mut config = design.clone();
            config.trunk = footpath_model::model::TrunkConfig { architecture, factorised, ..size.clone() };
            let model = noisy(config);
            let exported = exported(&toy, &model);
            let again = imported(&toy, &exported, &exported.config.to_string()).expect("imported");
            for path in &paths {
                // The model that comes back has histories in its users' vectors already.
                let (before, after) = (logits(&model, toy.history(path[0]), path), logits(&again, &[], path));
                let pairs = before.iter().flatten().zip(after.iter().flatten());
                let worst = pairs.map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
                let size = before.iter().flatten().map(|z| z.abs()).fold(0.0, f32::max);
                assert!(worst < 1e-5 * size.max(1.0), "{worst} of {size}: {preset:?} {design:?}");
                assert_eq!((before.len(), before[0].len()), (7, toy.vocabulary().len()));
            }
        }
    }
}

#[test]
fn other_shapes_than_stated_are_refused() {
    let toy = Toy::new();
    for design in designs(&toy) {
        let exported = exported(&toy, &noisy(design));
        let good = &exported.config;
        let is_gpt2 = good["model_type"] == "gpt2";
        let [width, layers, positions] = if is_gpt2 {
            ["n_embd", "n_layer", "n_positions"]
        } else {
            ["hidden_size", "num_hidden_layers", "max_position_embeddings"]
        };
        for (field, value) in [(width, 24), (layers, 2), (layers, 0), (positions, 5), ("vocab_size", 20)] {
            let mut config = good.clone();
            config[field] = value.into();
            let refused = imported(&toy, &exported, &config.to_string());
            assert!(matches!(refused, Err(Error::Foreign { .. } | Error::Config { .. })), "{field}: {refused:?}");
        }
    }
}

#[test]
fn surplus_and_missing_arrays_are_refused() {
    let toy = Toy::new();
    let config = designs(&toy).swap_remove(0);
    let mut larger = config.clone();
    larger.trunk.num_layers += 1;
    let (small, large) = (exported(&toy, &noisy(config)), exported(&toy, &noisy(larger)));
    for (arrays, config, words) in [
        (&small, &large.config, "there is no array `transformer.h.1."),
        (&large, &small.config, "for which our models have no place"),
    ] {
        let error = imported(&toy, arrays, &config.to_string()).expect_err("refused").to_string();
        assert!(error.contains(words), "{error}");
    }
}

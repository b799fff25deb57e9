//! Architectures and kinds of tables, on the toy graph.

use crate::toy::{NUM_ITEMS, NUM_USERS, Toy};
use footpath_core::LegalSuccessors;
use footpath_model::config::{Design, ModelConfig, Preset, Tables, TrainingConfig};
use footpath_model::data::{Batch, Batcher};
use footpath_model::embeddings::Table;
use footpath_model::model::Architecture;
use footpath_model::{PathModel, Trainer};

/// Every architecture with every kind of tables, and each with other vectors for users where a path begins.
pub(crate) fn designs(toy: &Toy) -> Vec<ModelConfig> {
    let size = ModelConfig::preset(Preset::Tiny, toy.vocabulary().len(), NUM_USERS..NUM_USERS + NUM_ITEMS, 7);
    let mut designs = Vec::new();
    for architecture in [Architecture::GPT2, Architecture::LLAMA] {
        for tables in [Tables::Apart, Tables::Tied] {
            for factorised in [None, Some(12)] {
                let design = size.clone().designed(Design { architecture, tables, factorised });
                designs.push(design.clone());
                // Specials, relations, users, items, entities.
                designs.push(design.with_kinds(vec![0, 8, 12, 15, 21]));
            }
        }
        let kinds =
            size.clone().designed(Design { architecture, ..Design::default() }).with_kinds(vec![0, 8, 12, 15, 21]);
        designs.push(kinds.with_starts(12..15));
    }
    designs
}

#[test]
fn as_many_numbers_are_stored_as_counted() {
    let toy = Toy::new();
    for config in designs(&toy) {
        let model = PathModel::new(config.clone(), 1, &crate::cpu()).expect("a model");
        let file = tempfile::NamedTempFile::new().expect("temporary file");
        model.write(&mut file.as_file()).expect("written");
        let arrays = footpath_core::ArrayFile::open(file.path()).expect("arrays");
        let stored: u64 = arrays.shapes().map(|(_, shape)| shape.iter().product::<u64>()).sum();
        assert_eq!(stored, config.num_parameters() as u64, "{config:?}");
    }
}

/// The first step of Adam moves every number against the sign of its derivative.
#[test]
fn every_table_is_moved_down_the_loss() {
    let toy = Toy::new();
    let training = TrainingConfig { user_dropout: 0.0, weight_decay: 0.0, ..TrainingConfig::default() };
    let paths: Vec<Vec<u32>> =
        (0..NUM_USERS).flat_map(|user| toy.all_paths(user)).map(|path| toy.tokens(path)).collect();
    let rows: Vec<&[u32]> = paths.iter().map(Vec::as_slice).collect();
    for mut config in designs(&toy) {
        config.trunk.dropout = 0.0;
        let batch = Batcher::new(&toy, &training, config.history).batch(&rows, 0);
        let model = PathModel::new(config, 3, &crate::cpu()).expect("a model");
        let trainer = Trainer::new(model, training.clone()).expect("a trainer");
        moves_down_the_loss(trainer, &batch);
    }
}

type Choice = fn(&mut PathModel) -> Option<&mut Table>;

fn moves_down_the_loss(mut trainer: Trainer, batch: &Batch) {
    let tables: [Choice; 5] = [
        |m| Some(&mut m.input),
        |m| m.own_output.as_mut(),
        |m| m.kinds.as_mut(),
        |m| Some(&mut m.history),
        |m| m.starts.as_mut(),
    ];
    let mut slopes = Vec::new();
    for (which, table) in tables.into_iter().enumerate() {
        let len = table(&mut trainer.model).map_or(0, |table| table.values.len());
        for index in (0..len).step_by(13) {
            let mut at = |change: f32| {
                let value = &mut table(&mut trainer.model).expect("a table").values[index];
                let before = std::mem::replace(value, *value + change);
                let loss = trainer.loss(batch).expect("finite");
                table(&mut trainer.model).expect("a table").values[index] = before;
                loss
            };
            slopes.push((which, index, (at(1e-2) - at(-1e-2)) / 2e-2));
        }
    }
    let mut before = trainer.model.clone();
    trainer.learn(batch, 1e-3).expect("finite");
    let mut steep = 0;
    for (which, index, slope) in slopes {
        let value = |model: &mut PathModel| tables[which](model).expect("a table").values[index];
        let moved = value(&mut trainer.model) - value(&mut before);
        if slope.abs() > 2e-4 {
            assert!(f64::from(moved) * slope < 0.0, "table {which}, {index}: {moved} at a slope of {slope}");
            steep += 1;
        }
    }
    assert!(steep > 5, "{steep} slopes are steep");
}

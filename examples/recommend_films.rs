//! From the bundled films to recommendations with reasons:
//! `cargo run --release -p footpath-examples --example recommend_films`.
//!
//! The model is small and learns for seconds, so that the example is quick; `footpath demo` trains a better one.

use footpath::train::{self, Preset, TrainingConfig};
use footpath::{Context, Kg, Replace, Service, import, recommend};
use std::error::Error;
use std::io::Write;
use std::path::Path;

fn main() -> Result<(), Box<dyn Error>> {
    films(&mut std::io::stdout())
}

fn films(out: &mut impl Write) -> Result<(), Box<dyn Error>> {
    let scratch = tempfile::tempdir()?;
    let (kg_dir, model_dir) = (scratch.path().join("kg"), scratch.path().join("model"));
    let films = Path::new(env!("CARGO_MANIFEST_DIR")).join("../data/films");
    let context = Context::default();

    import::run(&films, &kg_dir, &import::Options::default(), Replace::No, &context)?;
    let training = TrainingConfig { epochs: 1, paths_per_user: 20, ..TrainingConfig::default() };
    let options = train::Options { preset: Preset::Tiny, training, validation_users: 20, ..train::Options::default() };
    train::run(&Kg::open(&kg_dir, &context)?, &model_dir, &options, &mut |_| {}, &context)?;

    let service = Service::open(&model_dir, &kg_dir, &context)?;
    let user = service.warm_user("user-001")?;
    let options = recommend::Options { k: 3, ..recommend::Options::default() };
    for list in service.request(Vec::new()).recommend(&[user], options, &context)? {
        for item in &list.items {
            writeln!(out, "{}. {} ({:.0} %)", item.rank, item.label, item.score.exp() * 100.0)?;
            writeln!(out, "   {}", item.text)?;
        }
    }
    Ok(())
}

#[test]
fn every_recommendation_has_a_reason_that_starts_at_the_user() {
    let mut out = Vec::new();
    films(&mut out).expect("the example runs");
    let text = String::from_utf8(out).expect("text");
    let (reasons, items): (Vec<&str>, Vec<&str>) = text.lines().partition(|line| line.starts_with("   "));
    assert_eq!((items.len(), reasons.len()), (3, 3), "{text}");
    assert!(reasons.iter().all(|reason| reason.starts_with("   user-001 ")), "{text}");
}

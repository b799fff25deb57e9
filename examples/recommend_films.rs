//! From the bundled films to recommendations with reasons: `cargo run --release -p footpath-examples --example recommend_films`.
//!
//! The model is small and learns for seconds, so that the example is quick; `footpath demo` trains a better one.

use footpath::{Replace, import, recommend, train};
use footpath_model::config::{Preset, TrainingConfig};
use std::error::Error;
use std::io::Write;
use std::path::Path;
use std::sync::atomic::AtomicBool;

fn main() -> Result<(), Box<dyn Error>> {
    films(&mut std::io::stdout())
}

fn films(out: &mut impl Write) -> Result<(), Box<dyn Error>> {
    let scratch = tempfile::tempdir()?;
    let (kg, model) = (scratch.path().join("kg"), scratch.path().join("model"));
    let films = Path::new(env!("CARGO_MANIFEST_DIR")).join("../data/films");

    import::run(&films, &kg, &import::Options::default(), Replace::No, &Default::default())?;
    let training = TrainingConfig { epochs: 1, paths_per_user: 20, ..TrainingConfig::default() };
    let options = train::Options { preset: Preset::Tiny, training, validation_users: 20, ..train::Options::default() };
    train::run(&kg, &model, &options, &mut |_| {}, &AtomicBool::new(false))?;

    let session = recommend::Session::open(&model, &kg, "flex")?;
    let user = session.warm_user("user-001")?;
    let options = recommend::Options { k: 3, ..recommend::Options::default() };
    for list in session.recommend(&[user], options, &mut |_| {}) {
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

//! Imports a data set, tunes every baseline on valid, and prints what each reaches on test.
//!
//! ```text
//! cargo run --release -p footpath-eval --example baselines -- data/films [NAME…]
//! ```

#![expect(clippy::print_stdout, reason = "an example shows what it found")]

use footpath_core::Context;
use footpath_eval::baselines::{BaselineName, tune};
use footpath_eval::evaluate;
use footpath_graph::HeldOut;
use footpath_graph::import::{Options, import};
use std::error::Error;
use std::time::Instant;

const K: usize = 10;

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let folder = arguments.next().ok_or("give a folder")?;
    let named: Vec<String> = arguments.collect();
    let built = import(folder.as_ref(), &Options::default(), &|_| ())?.built;
    let kg = built.train_kg()?;
    let [valid, test] = [&built.valid, &built.test].map(|part| HeldOut::from(part.as_slice()));
    println!(
        "{} users, {} items, {} train, {} valid, {} test",
        kg.users().len(),
        kg.items().len(),
        kg.num_train(),
        valid.len(),
        test.len()
    );
    println!("baseline\tndcg@{K}\trecall@{K}\thr@{K}\tmrr@{K}\tvalid ndcg@{K}\tseconds\tsetting");
    let context = Context::default();
    let is_wanted = |name: &&BaselineName| named.is_empty() || named.iter().any(|n| n == name.name());
    for &name in BaselineName::ALL.iter().filter(is_wanted) {
        let start = Instant::now();
        let tuned = context.run(|| tune(name, &kg, &valid, K, 1, &context))??;
        let lists = context.run(|| tuned.baseline.recommend_all_except(K, &valid, &context))??;
        let m = evaluate(&lists, &test, &kg, K, &context)?.metrics;
        let seconds = start.elapsed().as_secs_f64();
        let (chosen, on_valid) = (&tuned.chosen.setting, tuned.chosen.valid_ndcg);
        println!(
            "{}\t{:.4}\t{:.4}\t{:.4}\t{:.4}\t{on_valid:.4}\t{seconds:.1}\t{chosen}",
            name.name(),
            m.ndcg,
            m.recall,
            m.hr,
            m.mrr
        );
        if !named.is_empty() {
            tuned.tried.iter().for_each(|trial| println!("  {:.4}\t{}", trial.valid_ndcg, trial.setting));
        }
    }
    Ok(())
}

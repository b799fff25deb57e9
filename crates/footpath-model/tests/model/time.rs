//! Runs by the clock: a budget of time, and checkpoints every two minutes.

use super::toy::Toy;
use super::{Log, StopAt, all_paths, config, cpu, training};
use footpath_core::Context;
use footpath_model::checkpoint::Checkpoints;
use footpath_model::config::TrainingConfig;
use footpath_model::{Ending, Observer, PathModel, Trainer, TrainingProgress};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// A clock that goes on by a tenth of a second whenever it is looked at: a step takes as long, a validation too.
fn with_slow_clock(context: Context) -> Context {
    let looks = AtomicU64::new(0);
    context.with_clock(move || Duration::from_millis(100 * looks.fetch_add(1, Ordering::Relaxed)))
}

#[test]
fn a_run_ends_in_time_and_its_learning_rate_with_it() {
    let toy = Toy::new();
    let run = |budget: Option<u64>, stop_at: Option<StopAt>, root: &Path| {
        let checkpoints = Checkpoints::new(root.to_owned(), BTreeMap::new());
        let resumed = checkpoints.latest(&cpu()).expect("readable");
        let mut trainer = resumed.unwrap_or_else(|| {
            Trainer::new(PathModel::new(config(&toy), 1, &cpu()).expect("a model"), training(60)).expect("a trainer")
        });
        trainer.budget = budget.map(Duration::from_millis);
        let first = usize::try_from(trainer.position.step).expect("few");
        let first = first - usize::from(trainer.position.unvalidated.is_some());
        let mut log = Log { losses: vec![0.0; first], stop_at, ..Log::default() };
        let context = with_slow_clock(Context::default().with_stop(log.stop.clone()));
        let ending = trainer.run(&toy, &all_paths(&toy), &checkpoints, &mut log, &context).expect("trained");
        (trainer, ending, log.validations)
    };
    let root = tempfile::tempdir().expect("temporary directory");
    let at = |name: &str| root.path().join(name);
    let bytes = |trainer: &Trainer| {
        let mut bytes = Vec::new();
        trainer.model.write(&mut bytes).expect("written");
        bytes
    };
    let (long, _, validations) = run(None, None, &at("without"));
    assert!(long.position.step > 100 && long.position.planned.is_none() && validations.len() == 60);
    // An ample budget changes nothing.
    let (ample, ..) = run(Some(1_000_000), None, &at("ample"));
    assert!(bytes(&ample) == bytes(&long));
    // Six seconds: 58 steps, and a validation at the end, for an epoch has one.
    let (short, ending, validations) = run(Some(6_000), None, &at("short"));
    assert_eq!(ending, Ending::Finished);
    assert!((50..60).contains(&short.position.step) && short.position.spent_ms <= 6_000, "{:?}", short.position);
    let last = validations.last().expect("a validation");
    // One at the end of the first epoch, before there was a plan.
    assert_eq!((last.step, validations.len()), (short.position.step, 2));
    assert!(last.learning_rate < 0.06 * training(60).learning_rate, "the learning rate came to its end: {last:?}");
    // Stopped anywhere and gone on with, it is the same run.
    for stop in [StopAt::Step(3), StopAt::Step(20), StopAt::Validation(short.position.step)] {
        let name = format!("{stop:?}");
        assert_eq!(run(Some(6_000), Some(stop), &at(&name)).1, Ending::Interrupted);
        let (resumed, ending, _) = run(Some(6_000), None, &at(&name));
        assert_eq!((ending, resumed.position.step), (Ending::Finished, short.position.step), "{name}");
        assert!(bytes(&resumed) == bytes(&short), "{name}");
    }
}

/// A run that is killed loses two minutes at most, however seldom it is validated.
#[test]
fn between_validations_a_run_is_saved_by_time() {
    struct Watch {
        root: PathBuf,
        saved: BTreeSet<u64>,
        validated: u64,
    }
    impl Observer for Watch {
        fn validate(&mut self, _: &PathModel) -> footpath_model::Result<Option<(f64, Option<f64>)>> {
            self.validated += 1;
            Ok(None)
        }

        fn progress(&mut self, _: &TrainingProgress) {
            let steps = fs::read_dir(&self.root).into_iter().flatten().flatten();
            let step = |name: String| name.strip_prefix("step-").and_then(|step| step.parse::<u64>().ok());
            self.saved.extend(steps.filter_map(|entry| step(entry.file_name().into_string().ok()?)));
        }
    }
    let toy = Toy::new();
    let run = |seconds_a_step: u64, root: &Path| {
        let settings = TrainingConfig { batch_size: 1, ..training(1) };
        let mut trainer =
            Trainer::new(PathModel::new(config(&toy), 1, &cpu()).expect("a model"), settings).expect("a trainer");
        let looks = AtomicU64::new(0);
        let look = move || looks.fetch_add(1, Ordering::Relaxed);
        let context = Context::default().with_clock(move || Duration::from_secs(seconds_a_step * look()));
        let mut watch = Watch { root: root.to_owned(), saved: BTreeSet::new(), validated: 0 };
        let checkpoints = Checkpoints::new(root.to_owned(), BTreeMap::new());
        trainer.run(&toy, &all_paths(&toy), &checkpoints, &mut watch, &context).expect("trained");
        let mut bytes = Vec::new();
        trainer.model.write(&mut bytes).expect("written");
        (watch, trainer.position.step, bytes)
    };
    let root = tempfile::tempdir().expect("temporary directory");
    let (slow, steps, weights) = run(50, &root.path().join("slow"));
    assert!(steps > 6, "{steps}");
    // Every third step passes two minutes; the last is the end of the epoch.
    let expected: Vec<u64> = (1..steps).filter(|step| step % 3 == 0).collect();
    assert_eq!((slow.validated, slow.saved.into_iter().collect::<Vec<_>>()), (1, expected));
    let (fast, _, same) = run(0, &root.path().join("fast"));
    assert!(fast.saved.is_empty() && same == weights);
}

//! The settings of a trial.

use super::records::Record;
use super::settings::Settings;
use super::space::{Method, Range, Space};
use footpath_core::{Purpose, Stream};

/// Trials drawn at random before the estimator has a say.
const NUM_STARTUP: u64 = 10;

/// The settings of a trial: a function of the space and the number of the trial, and by [`Method::Tpe`] also of what
/// came of the trials before it.
pub(super) fn draw<'a>(space: &Space, trial: u64, done: impl Iterator<Item = &'a Record> + Clone) -> Settings {
    let earlier = done.filter(|record| record.trial < trial);
    let guided = is_guided(space, trial);
    let of = |(number, (name, range)): (u32, (&String, &Range))| {
        let mut stream = Stream::new(space.seed, Purpose::Settings, number, trial);
        let told =
            earlier.clone().filter_map(|record| Some((range.place_of(record.settings.get(name)?)?, record.figure)));
        let place = if guided { estimated(range, told, &mut stream) } else { None };
        (name.clone(), range.at(place.unwrap_or_else(|| stream.unit())))
    };
    (0..).zip(&space.space).map(of).collect()
}

/// Whether the settings of a trial depend on what came of those before it.
pub(super) fn is_guided(space: &Space, trial: u64) -> bool {
    space.method == Method::Tpe && trial >= NUM_STARTUP
}

/// The place in [0, 1) that the estimator proposes: it is asked for each setting by itself, as in the paper.
fn estimated(range: &Range, told: impl Iterator<Item = (f64, Option<f64>)>, stream: &mut Stream) -> Option<f64> {
    let (estimator, domain, scale) = match range {
        Range::Choices(values) => {
            let scale = values.len();
            (tpe::histogram_estimator(), tpe::categorical_range(scale).ok()?, scale)
        }
        _ => (tpe::parzen_estimator(), tpe::range(0.0, 1.0).ok()?, 1),
    };
    #[expect(clippy::cast_precision_loss, reason = "few choices")]
    let scale = scale as f64;
    let mut optimizer = tpe::TpeOptimizer::new(estimator, domain);
    for (place, figure) in told {
        // It looks for the least; a trial that failed is worse than all others.
        optimizer.tell(place * scale, figure.map_or(f64::INFINITY, |figure| -figure)).ok()?;
    }
    optimizer.ask(stream).ok().map(|asked| (asked / scale).clamp(0.0, 1.0 - f64::EPSILON))
}

impl Range {
    /// The middle of the places in [0, 1) that give a value; `None` for a value that the range does not have.
    #[expect(clippy::cast_precision_loss, reason = "settings are far below 2^53")]
    fn place_of(&self, value: &serde_json::Value) -> Option<f64> {
        let number = || value.as_f64();
        let place = match self {
            Self::Choices(values) => {
                let index = values.iter().position(|choice| choice == value)?;
                (index as f64 + 0.5) / values.len() as f64
            }
            Self::Uniform([low, high]) => (number()? - low) / (high - low),
            Self::Log([low, high]) => (number()? / low).ln() / (high / low).ln(),
            Self::Int([low, high]) => (number()? - *low as f64 + 0.5) / (high - low + 1) as f64,
            Self::LogInt([low, high]) => {
                let (from, to) = (*low as f64 - 0.5, *high as f64 + 0.5);
                (number()? / from).ln() / (to / from).ln()
            }
        };
        Some(place.clamp(0.0, 1.0 - f64::EPSILON))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;
    use std::collections::BTreeMap;

    fn ranges() -> Vec<Range> {
        vec![
            Range::Choices(vec![json!("a"), json!(2), json!(0.5)]),
            Range::Uniform([-1.0, 3.0]),
            Range::Log([1e-4, 1e-1]),
            Range::Int([-2, 5]),
            Range::LogInt([1, 300]),
        ]
    }

    #[test]
    fn every_place_gives_a_value_of_the_range_and_back() {
        for range in ranges() {
            for step in 0..2_000 {
                let value = range.at(f64::from(step) / 2_000.0);
                let back = range.place_of(&value).expect("a value of the range");
                assert!((0.0..1.0).contains(&back), "{range:?}: {value}");
                assert_eq!(range.at(back), value, "{range:?}: {value} and back");
            }
            let ends = [range.at(0.0), range.at(1.0 - 1e-9)];
            let expected = match &range {
                Range::Choices(values) => [values[0].clone(), values[2].clone()],
                Range::Uniform([low, high]) | Range::Log([low, high]) => [json!(low), json!(high)],
                Range::Int([low, high]) | Range::LogInt([low, high]) => [json!(low), json!(high)],
            };
            assert_eq!(ends, expected, "{range:?}");
        }
    }

    #[test]
    fn integers_and_choices_come_alike_and_logarithms_evenly() {
        let shares = |range: Range| {
            let mut numbers = BTreeMap::new();
            for draw in 0..30_000 {
                let value = range.at(Stream::new(1, Purpose::Settings, 0, draw).unit());
                *numbers.entry(value.to_string()).or_insert(0.0) += 1.0 / 30_000.0;
            }
            numbers
        };
        for range in [Range::Int([1, 3]), Range::Choices(vec![json!(1), json!(2), json!(3)])] {
            let shares = shares(range.clone());
            assert!(
                shares.len() == 3 && shares.values().all(|share: &f64| (share - 1.0 / 3.0).abs() < 0.015),
                "{range:?}"
            );
        }
        let below = |range: &Range| {
            let draws = (0..30_000).map(|draw| range.at(Stream::new(1, Purpose::Settings, 0, draw).unit()));
            draws.filter(|value| value.as_f64().expect("a number") < 1e-2).count()
        };
        assert!(below(&Range::Log([1e-3, 1e-1])).abs_diff(15_000) < 450);
        assert!(below(&Range::Uniform([0.0, 0.1])).abs_diff(3_000) < 270);
    }

    /// The estimator must look where figures were good, and still give each trial the same settings twice.
    #[test]
    fn the_estimator_looks_where_figures_were_good() {
        let space = Space::from_toml(
            "method = \"tpe\"\ntrials = 60\n\
             [space]\nlearning_rate = { log = [1e-4, 1e-1] }\nend_siblings = [8, 24, 96]",
            std::path::Path::new("space.toml"),
        )
        .expect("a space");
        let mut done: Vec<Record> = Vec::new();
        while let Some(job) = space.next(&done, 200) {
            assert_eq!(space.next(&done, 200).as_ref(), Some(&job));
            let rate = job.settings["learning_rate"].as_f64().expect("a number");
            let siblings: f64 = if job.settings["end_siblings"] == json!(24) { 0.0 } else { -0.3 };
            done.push(Record::of(&job, (rate > 5e-4).then_some(siblings - f64::abs((rate / 3e-3).ln()))));
        }
        let near = |records: &[Record]| {
            let is_near = |r: &&Record| {
                let rate = r.settings["learning_rate"].as_f64().expect("a number");
                (1e-3..=9e-3).contains(&rate) && r.settings["end_siblings"] == json!(24)
            };
            records.iter().filter(is_near).count() as f64 / records.len() as f64
        };
        let (first, last) = done.split_at(30);
        assert!(
            near(last) > 0.5 && near(last) > 1.5 * near(&first[..10]),
            "{} then {}",
            near(&first[..10]),
            near(last)
        );
    }
}

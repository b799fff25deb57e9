//! Timing two things in turn.

use serde::Serialize;
use std::error::Error;
use std::hint::black_box;
use std::time::{Duration, Instant};

pub(crate) type Outcome<T> = Result<T, Box<dyn Error>>;

/// What a round of work came to.
pub(crate) struct Done {
    /// Units of work.
    pub(crate) amount: f64,
    /// How long they took, in seconds.
    pub(crate) seconds: f64,
}

/// A figure of a benchmark.
pub(crate) struct Figure {
    /// Units of work in a second: the median of the rounds. Or a wait.
    value: f64,
    unit: &'static str,
    /// `value` over the rate of what ran beside it: the median over the rounds, since load of the machine meets both of
    /// a round alike. Of waits, theirs over ours. More is better.
    ratio: f64,
    /// What ran beside it.
    against: &'static str,
    /// The ratio to reach, where one is set.
    goal: Option<f64>,
    /// Processor time of all rounds in seconds, ours and theirs, where the system tells it.
    cpu_seconds: [Option<f64>; 2],
}

/// What programs read.
#[derive(Serialize)]
struct Line<'a> {
    bench: &'a str,
    value: f64,
    unit: &'a str,
    ratio: f64,
    against: &'a str,
    goal: Option<f64>,
    cpu_seconds: Option<f64>,
    cpu_seconds_against: Option<f64>,
}

impl Figure {
    /// Runs ours and theirs in turn, `rounds` times.
    pub(crate) fn measure(
        unit: &'static str,
        against: &'static str,
        goal: Option<f64>,
        rounds: usize,
        mut ours: impl FnMut() -> Outcome<Done>,
        mut theirs: impl FnMut() -> Outcome<Done>,
    ) -> Outcome<Self> {
        let (mut rates, mut ratios, mut cpu) = (Vec::new(), Vec::new(), [Some(0.0); 2]);
        for _ in 0..rounds {
            let begun = cpu_seconds();
            let our = ours()?;
            let between = cpu_seconds();
            let their = theirs()?;
            let end = cpu_seconds();
            let rate = our.amount / our.seconds;
            rates.push(rate);
            ratios.push(rate / (their.amount / their.seconds));
            let spent = [(begun, between), (between, end)].map(|(from, to)| Some(to? - from?));
            cpu = [0, 1].map(|i| Some(cpu[i]? + spent[i]?));
        }
        Ok(Self { value: median(rates), unit, ratio: median(ratios), against, goal, cpu_seconds: cpu })
    }

    /// Does ours and theirs in turn, each `num` times, told which time it is. The value is a quantile of how long ours
    /// took, in milliseconds.
    pub(crate) fn measure_waits<T, U>(
        quantile: f64,
        against: &'static str,
        num: usize,
        mut ours: impl FnMut(usize) -> Outcome<T>,
        mut theirs: impl FnMut(usize) -> Outcome<U>,
    ) -> Outcome<Self> {
        let (mut waits, mut cpu) = ([Vec::new(), Vec::new()], [Some(0.0); 2]);
        for place in 0..num {
            let both = [wait(|| ours(place))?, wait(|| theirs(place))?];
            for (side, (seconds, spent)) in both.into_iter().enumerate() {
                waits[side].push(1e3 * seconds);
                cpu[side] = cpu[side].zip(spent).map(|(sum, spent)| sum + spent);
            }
        }
        let [ours, theirs] = waits.map(|waits| at_quantile(waits, quantile));
        Ok(Self { value: ours, unit: "ms", ratio: theirs / ours, against, goal: None, cpu_seconds: cpu })
    }

    /// As [`Figure::measure_waits`], of waits that were taken before.
    pub(crate) fn of_waits(quantile: f64, against: &'static str, ours: &[Duration], theirs: &[Duration]) -> Self {
        let waits = |side: &[Duration]| side.iter().map(|wait| 1e3 * wait.as_secs_f64()).collect();
        let [ours, theirs] = [ours, theirs].map(|side| at_quantile(waits(side), quantile));
        Self { value: ours, unit: "ms", ratio: theirs / ours, against, goal: None, cpu_seconds: [None; 2] }
    }

    /// Memory in MiB, against what it was before.
    pub(crate) fn of_memory(value: f64, before: f64, against: &'static str) -> Self {
        Self { value, unit: "MiB", ratio: before / value, against, goal: None, cpu_seconds: [None; 2] }
    }

    /// One object on one line.
    pub(crate) fn json(&self, bench: &str) -> Outcome<String> {
        let [cpu_seconds, cpu_seconds_against] = self.cpu_seconds.map(|s| s.map(|s| (s * 100.0).round() / 100.0));
        let &Self { value, unit, ratio, against, goal, .. } = self;
        let line = Line { bench, value, unit, ratio, against, goal, cpu_seconds, cpu_seconds_against };
        Ok(serde_json::to_string(&line)?)
    }

    /// One line for people.
    pub(crate) fn line(&self, bench: &str) -> String {
        let [cpu, cpu_against] = self.cpu_seconds.map(|s| s.map_or("?".to_owned(), |s| format!("{s:.1}")));
        let goal = self.goal.map_or(String::new(), |goal| format!(", goal {goal}"));
        let Self { value, unit, ratio, against, .. } = self;
        format!(
            "{bench:<26} {value:>12.4e} {unit:<9} {ratio:>8.2} times {against}{goal} (CPU {cpu} s, {cpu_against} s)"
        )
    }
}

/// How long a piece of work took, and its processor time, in seconds.
fn wait<T>(work: impl FnOnce() -> Outcome<T>) -> Outcome<(f64, Option<f64>)> {
    let (cpu, begun) = (cpu_seconds(), Instant::now());
    black_box(work()?);
    let seconds = begun.elapsed().as_secs_f64();
    Ok((seconds, cpu_seconds().zip(cpu).map(|(end, begun)| end - begun)))
}

/// Times a piece of work, which says how much it was.
pub(crate) fn time(work: impl FnOnce() -> Outcome<f64>) -> Outcome<Done> {
    let begun = Instant::now();
    let amount = work()?;
    Ok(Done { amount, seconds: begun.elapsed().as_secs_f64() })
}

/// Times a piece of work by the processor time of all threads, to a hundredth of a second; so the rate is that of one
/// core, whatever else runs on the machine.
pub(crate) fn cpu_time(work: impl FnOnce() -> Outcome<f64>) -> Outcome<Done> {
    let now = || cpu_seconds().ok_or("the system does not tell the processor time");
    let begun = now()?;
    let amount = work()?;
    Ok(Done { amount, seconds: (now()? - begun).max(0.01) })
}

fn median(values: Vec<f64>) -> f64 {
    at_quantile(values, 0.5)
}

/// The value below which this share of the values is.
fn at_quantile(mut values: Vec<f64>, quantile: f64) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get((values.len() as f64 * quantile) as usize).copied().unwrap_or(f64::NAN)
}

/// Processor time of this process so far, all threads together, to a hundredth of a second.
pub(crate) fn cpu_seconds() -> Option<f64> {
    let status = std::fs::read_to_string("/proc/self/stat").ok()?;
    // The name of the program, in brackets, may have blanks; user and system time are fields 12 and 13 after it.
    let fields: Vec<&str> = status.rsplit_once(')')?.1.split_whitespace().collect();
    let ticks = |index: usize| fields.get(index)?.parse::<f64>().ok();
    Some((ticks(11)? + ticks(12)?) / 100.0)
}

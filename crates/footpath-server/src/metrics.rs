//! Figures for Prometheus, in its text format.

use crate::hashes::Hashes;
use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// Upper ends of the buckets of latencies, in milliseconds.
const BUCKETS_MS: [u64; 12] = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000, 2_000, 5_000];

/// What is counted while the server runs.
#[derive(Default)]
pub(crate) struct Metrics {
    requests: Mutex<BTreeMap<(String, String), Of>>,
    /// Requests that are being answered.
    pub(crate) in_flight: AtomicU64,
    /// Requests refused because the queue was full.
    pub(crate) refused: AtomicU64,
    /// Lists recommended, by what they are based on.
    pub(crate) lists_of_paths: AtomicU64,
    /// Lists of what is popular.
    pub(crate) lists_of_popular: AtomicU64,
    /// Rules that were evaluated, and those that had been before.
    pub(crate) rules_evaluated: AtomicU64,
    /// Rules that were found in the cache.
    pub(crate) rules_cached: AtomicU64,
    /// Graphs and models that took the place of those before.
    pub(crate) reloads: AtomicU64,
    /// Graphs and models that were refused.
    pub(crate) reloads_refused: AtomicU64,
}

/// Requests of one method and route.
#[derive(Default)]
struct Of {
    statuses: BTreeMap<u16, u64>,
    buckets: [u64; BUCKETS_MS.len()],
    count: u64,
    sum_seconds: f64,
}

/// Figures that others hold.
pub(crate) struct Gauges<'a> {
    pub(crate) waiting: usize,
    pub(crate) workers: usize,
    pub(crate) events: Option<u64>,
    pub(crate) hashes: &'a Hashes,
}

impl Metrics {
    /// Counts one.
    pub(crate) fn one(counter: &AtomicU64) {
        counter.fetch_add(1, Ordering::Relaxed);
    }

    /// Counts a request that was answered.
    pub(crate) fn request(&self, method: &str, route: &str, status: u16, took: Duration) {
        let mut requests = self.requests.lock().unwrap_or_else(PoisonError::into_inner);
        let of = requests.entry((method.to_owned(), route.to_owned())).or_default();
        *of.statuses.entry(status).or_default() += 1;
        let ms = took.as_millis();
        for (bucket, _) in of.buckets.iter_mut().zip(BUCKETS_MS).filter(|(_, end)| ms < u128::from(*end)) {
            *bucket += 1;
        }
        of.count += 1;
        of.sum_seconds += took.as_secs_f64();
    }

    /// All of it as text.
    pub(crate) fn text(&self, gauges: &Gauges<'_>) -> String {
        let mut text = String::new();
        self.write(gauges, &mut text).unwrap_or_default();
        text
    }

    fn write(&self, gauges: &Gauges<'_>, text: &mut String) -> std::fmt::Result {
        let requests = self.requests.lock().unwrap_or_else(PoisonError::into_inner);
        head(text, "footpath_requests_total", "counter", "Requests answered; 499: the client had gone.")?;
        for ((method, route), of) in &*requests {
            for (status, count) in &of.statuses {
                let labels = format!("method=\"{method}\",route=\"{route}\",status=\"{status}\"");
                writeln!(text, "footpath_requests_total{{{labels}}} {count}")?;
            }
        }
        head(text, "footpath_request_seconds", "histogram", "How long requests took.")?;
        for ((method, route), of) in &*requests {
            let labels = format!("method=\"{method}\",route=\"{route}\"");
            for (end, count) in BUCKETS_MS.iter().zip(of.buckets) {
                let le = Duration::from_millis(*end).as_secs_f64();
                writeln!(text, "footpath_request_seconds_bucket{{{labels},le=\"{le}\"}} {count}")?;
            }
            writeln!(text, "footpath_request_seconds_bucket{{{labels},le=\"+Inf\"}} {}", of.count)?;
            writeln!(text, "footpath_request_seconds_sum{{{labels}}} {}", of.sum_seconds)?;
            writeln!(text, "footpath_request_seconds_count{{{labels}}} {}", of.count)?;
        }
        drop(requests);
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let counters = [
            ("footpath_refused_total", &self.refused, "Requests refused because the queue was full."),
            ("footpath_rules_evaluated_total", &self.rules_evaluated, "Rules looked up on the graph."),
            ("footpath_rules_cached_total", &self.rules_cached, "Rules found in the cache."),
            ("footpath_reloads_total", &self.reloads, "Graphs and models taken over."),
            ("footpath_reloads_refused_total", &self.reloads_refused, "Graphs and models refused."),
        ];
        for (name, counter, help) in counters {
            head(text, name, "counter", help)?;
            writeln!(text, "{name} {}", read(counter))?;
        }
        head(text, "footpath_lists_total", "counter", "Lists recommended, by what they are based on.")?;
        writeln!(text, "footpath_lists_total{{basis=\"paths\"}} {}", read(&self.lists_of_paths))?;
        writeln!(text, "footpath_lists_total{{basis=\"popular\"}} {}", read(&self.lists_of_popular))?;
        let in_flight = read(&self.in_flight);
        let mut gauge = |name: &str, value: u64, help: &str| {
            head(text, name, "gauge", help)?;
            writeln!(text, "{name} {value}")
        };
        gauge("footpath_in_flight", in_flight, "Requests being answered.")?;
        gauge("footpath_queue", gauges.waiting as u64, "Searches that no thread has begun.")?;
        gauge("footpath_workers", gauges.workers as u64, "Threads that search.")?;
        if let Some(events) = gauges.events {
            gauge("footpath_events", events, "Events in the log.")?;
        }
        head(text, "footpath_model_info", "gauge", "The hashes of each model and its graph.")?;
        let Hashes { model, beside, graph } = gauges.hashes;
        for (name, hash) in [("main", Some(model)), ("beside", beside.as_ref())] {
            let Some(hash) = hash else { continue };
            writeln!(text, "footpath_model_info{{name=\"{name}\",model=\"{hash}\",graph=\"{graph}\"}} 1")?;
        }
        Ok(())
    }
}

fn head(text: &mut String, name: &str, kind: &str, help: &str) -> std::fmt::Result {
    writeln!(text, "# HELP {name} {help}\n# TYPE {name} {kind}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buckets_hold_all_that_is_faster() {
        let metrics = Metrics::default();
        for ms in [0, 3, 3, 7_000] {
            metrics.request("GET", "/v1/search", 200, Duration::from_millis(ms));
        }
        let hashes = Hashes { model: "m".to_owned(), beside: Some("n".to_owned()), graph: "g".to_owned() };
        let gauges = Gauges { waiting: 2, workers: 1, events: Some(5), hashes: &hashes };
        let text = metrics.text(&gauges);
        for line in [
            "footpath_requests_total{method=\"GET\",route=\"/v1/search\",status=\"200\"} 4",
            "footpath_request_seconds_bucket{method=\"GET\",route=\"/v1/search\",le=\"0.001\"} 1",
            "footpath_request_seconds_bucket{method=\"GET\",route=\"/v1/search\",le=\"0.005\"} 3",
            "footpath_request_seconds_bucket{method=\"GET\",route=\"/v1/search\",le=\"5\"} 3",
            "footpath_request_seconds_bucket{method=\"GET\",route=\"/v1/search\",le=\"+Inf\"} 4",
            "footpath_queue 2",
            "footpath_events 5",
            "footpath_model_info{name=\"main\",model=\"m\",graph=\"g\"} 1",
            "footpath_model_info{name=\"beside\",model=\"n\",graph=\"g\"} 1",
        ] {
            assert!(text.lines().any(|found| found == line), "no {line} in {text}");
        }
    }
}

//! The course of a search as a picture: figures by training with the best so far, and a panel for each setting.

use super::records::{Record, cell, columns};
use super::space::{Range, Space};
use plotters::coord::Shift;
use plotters::prelude::*;

/// Panels in a row.
const ACROSS: usize = 3;
const WIDTH: u32 = 900;
const TOP: u32 = 320;
const PANEL: u32 = 220;
const BLUE: RGBColor = RGBColor(31, 98, 171);
const ORANGE: RGBColor = RGBColor(214, 104, 18);

type Outcome = Result<(), Box<dyn std::error::Error>>;
type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;

/// Draws a search as SVG.
///
/// # Errors
/// The plotting library's message; it can only fail on text it cannot lay out.
pub(super) fn svg(space: &Space, records: &[Record]) -> Result<String, String> {
    let mut picture = String::new();
    draw(space, records, &mut picture).map_err(|e| e.to_string())?;
    Ok(picture)
}

fn draw(space: &Space, records: &[Record], picture: &mut String) -> Outcome {
    let names = columns(records);
    let rows = u32::try_from(names.len().div_ceil(ACROSS))?;
    let root = SVGBackend::with_string(picture, (WIDTH, TOP + rows * PANEL)).into_drawing_area();
    root.fill(&WHITE)?;
    let (course, panels) = root.split_vertically(TOP);
    let heights = heights(records);
    draw_course(space, records, &heights, &course)?;
    for (name, panel) in names.iter().zip(panels.split_evenly((rows.max(1) as usize, ACROSS))) {
        if let Some(range) = space.space.get(*name) {
            draw_setting(space, name, range, records, &heights, &panel)?;
        }
    }
    root.present()?;
    Ok(())
}

/// The figures with some room around them.
fn heights(records: &[Record]) -> std::ops::Range<f64> {
    let figures = || records.iter().filter_map(|record| record.figure);
    let (low, high) = (figures().fold(f64::INFINITY, f64::min), figures().fold(0.0, f64::max));
    let room = ((high - low) * 0.08).max(1e-3);
    if low.is_finite() { low - room..high + room } else { 0.0..1.0 }
}

/// Figures in the order of the trainings; those of the last rung are filled, and the line is the best of these so far.
fn draw_course(space: &Space, records: &[Record], heights: &std::ops::Range<f64>, area: &Area<'_>) -> Outcome {
    let points: Vec<(f64, f64, bool)> = (1u32..)
        .zip(records)
        .filter_map(|(number, record)| Some((f64::from(number), record.figure?, is_last(space, record))))
        .collect();
    let mut best: Vec<(f64, f64)> = Vec::new();
    for &(number, figure, _) in points.iter().filter(|point| point.2) {
        best.push((number, best.last().map_or(figure, |last| last.1.max(figure))));
    }
    let last = f64::from(u32::try_from(records.len())?).max(1.0) + 0.5;
    let mut chart = ChartBuilder::on(area)
        .margin(12)
        .x_label_area_size(40)
        .y_label_area_size(60)
        .caption("Search", ("sans-serif", 18))
        .build_cartesian_2d(0.5..last, heights.clone())?;
    let whole = |number: &f64| format!("{number:.0}");
    chart
        .configure_mesh()
        .x_desc("training")
        .y_desc("NDCG@10 on valid")
        .x_label_formatter(&whole)
        .light_line_style(WHITE)
        .draw()?;
    chart
        .draw_series(LineSeries::new(best, ORANGE.stroke_width(2)))?
        .label("best so far")
        .legend(|(x, y)| PathElement::new([(x, y), (x + 16, y)], ORANGE.stroke_width(2)));
    for (last, name) in [(true, "last rung"), (false, "earlier rung")] {
        let of_rung = points.iter().filter(|point| point.2 == last).map(|&(x, y, _)| dot((x, y), last));
        if of_rung.clone().next().is_some() {
            let legend = move |(x, y)| Circle::new((x + 8, y), 3, style(last));
            chart.draw_series(of_rung)?.label(name).legend(legend);
        }
    }
    chart.configure_series_labels().border_style(BLACK.mix(0.2)).background_style(WHITE.mix(0.8)).draw()?;
    Ok(())
}

/// Figures by the values of one setting.
fn draw_setting(
    space: &Space,
    name: &str,
    range: &Range,
    records: &[Record],
    heights: &std::ops::Range<f64>,
    area: &Area<'_>,
) -> Outcome {
    let logarithmic = matches!(range, Range::Log(_) | Range::LogInt(_));
    let across = |record: &Record| {
        let value = record.settings.get(name)?;
        match range {
            Range::Choices(values) => values.iter().position(|choice| choice == value).map(place),
            _ if logarithmic => value.as_f64().map(f64::log10),
            _ => value.as_f64(),
        }
    };
    let ends = match range {
        Range::Choices(values) => -0.5..place(values.len()) - 0.5,
        Range::Uniform([low, high]) => *low..*high,
        Range::Log([low, high]) => low.log10()..high.log10(),
        #[expect(clippy::cast_precision_loss, reason = "settings are far below 2^53")]
        Range::Int([low, high]) => *low as f64..*high as f64,
        #[expect(clippy::cast_precision_loss, reason = "settings are far below 2^53")]
        Range::LogInt([low, high]) => (*low as f64).log10()..(*high as f64).log10(),
    };
    let label = |at: &f64| match range {
        Range::Choices(values) => {
            let chosen = values.iter().enumerate().find(|(index, _)| (place(*index) - at).abs() < 0.01);
            chosen.map_or_else(String::new, |(_, value)| cell(Some(value)))
        }
        _ if logarithmic => short(10f64.powf(*at)),
        _ => short(*at),
    };
    let mut chart = ChartBuilder::on(area)
        .margin(10)
        .x_label_area_size(26)
        .y_label_area_size(48)
        .caption(name, ("sans-serif", 14))
        .build_cartesian_2d(ends, heights.clone())?;
    let num_labels = if let Range::Choices(values) = range { 2 * values.len() + 1 } else { 4 };
    chart
        .configure_mesh()
        .x_labels(num_labels)
        .y_labels(5)
        .x_label_formatter(&label)
        .light_line_style(WHITE)
        .disable_x_mesh()
        .draw()?;
    let points = records.iter().filter_map(|r| Some(dot((across(r)?, r.figure?), is_last(space, r))));
    chart.draw_series(points)?;
    Ok(())
}

fn dot(at: (f64, f64), last: bool) -> Circle<(f64, f64), i32> {
    Circle::new(at, 3, style(last))
}

fn style(last: bool) -> ShapeStyle {
    if last { BLUE.filled() } else { BLUE.mix(0.45).stroke_width(1) }
}

fn is_last(space: &Space, record: &Record) -> bool {
    record.rung + 1 == space.rungs
}

/// A number in few characters.
fn short(number: f64) -> String {
    let plain = format!("{number:.2}");
    match number.abs() {
        0.0 => "0".to_owned(),
        size if !(0.01..10_000.0).contains(&size) => format!("{number:.0e}"),
        size if size >= 10.0 => format!("{number:.0}"),
        _ => plain.trim_end_matches('0').trim_end_matches('.').to_owned(),
    }
}

#[expect(clippy::cast_precision_loss, reason = "few choices")]
fn place(index: usize) -> f64 {
    index as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tune::Job;
    use std::path::Path;

    #[test]
    fn every_training_has_a_point_in_every_panel() {
        let text = "method = \"halving\"\ntrials = 9\nrungs = 2\n[space]\n\
                    learning_rate = { log = [1e-4, 1e-2] }\nuser_dropout = { uniform = [0.5, 1] }\n\
                    preset = [\"tiny\", \"small\"]\nbatch_size = { int = [64, 512] }\nsiblings = { log_int = [4, 64] }";
        let space = Space::from_toml(text, Path::new("space.toml")).expect("a space");
        let mut done: Vec<Record> = Vec::new();
        while let Some(job) = space.next(&done, 90) {
            let Job { trial, .. } = job;
            done.push(Record::of(&job, (trial != 2).then_some(0.1 + trial as f64 / 100.0)));
        }
        assert_eq!(done.len(), 12);
        let svg = svg(&space, &done).expect("a picture");
        // One of twelve failed; the course, five panels, and two in the legend.
        assert_eq!(svg.matches("<circle").count(), 11 * 6 + 2);
        assert!(space.space.keys().all(|name| svg.contains(name)) && svg.contains("tiny") && svg.contains("NDCG@10"));
        assert!(!super::svg(&space, &[]).expect("a picture").contains("NaN"));
    }
}

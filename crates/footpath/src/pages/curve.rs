//! The course of a training run as a picture.

use footpath_model::TrainingProgress;
use plotters::prelude::*;

/// Draws training loss and, where there are any, validation figures over the steps, as SVG.
///
/// # Errors
/// The plotting library's message; it can only fail on text it cannot lay out.
pub(crate) fn svg(log: &[TrainingProgress]) -> Result<String, String> {
    let mut picture = String::new();
    draw(log, &mut picture).map_err(|e| e.to_string())?;
    Ok(picture)
}

fn draw(log: &[TrainingProgress], picture: &mut String) -> Result<(), Box<dyn std::error::Error>> {
    let losses: Vec<(f64, f64)> = log.iter().map(|p| (p.step as f64, p.loss)).collect();
    let figures: Vec<(f64, f64)> = log.iter().filter_map(|p| Some((p.step as f64, p.validation?))).collect();
    let last = log.last().map_or(1.0, |p| p.step as f64).max(1.0);
    let top = |points: &[(f64, f64)]| points.iter().map(|p| p.1).fold(0.0, f64::max).max(1e-6) * 1.05;
    let root = SVGBackend::with_string(picture, (800, 420)).into_drawing_area();
    root.fill(&WHITE)?;
    let mut chart = ChartBuilder::on(&root)
        .margin(12)
        .x_label_area_size(40)
        .y_label_area_size(56)
        .right_y_label_area_size(56)
        .caption("Training", ("sans-serif", 18))
        .build_cartesian_2d(0.0..last, 0.0..top(&losses))?
        .set_secondary_coord(0.0..last, 0.0..top(&figures));
    chart.configure_mesh().x_desc("step").y_desc("loss (nats per token)").light_line_style(WHITE).draw()?;
    chart.configure_secondary_axes().y_desc("NDCG@10 on valid").draw()?;
    let blue = RGBColor(31, 98, 171);
    let orange = RGBColor(214, 104, 18);
    chart
        .draw_series(LineSeries::new(losses, blue.stroke_width(2)))?
        .label("training loss (left)")
        .legend(move |(x, y)| PathElement::new([(x, y), (x + 16, y)], blue.stroke_width(2)));
    chart
        .draw_secondary_series(LineSeries::new(figures.clone(), orange.stroke_width(2)))?
        .label("NDCG@10 on valid (right)")
        .legend(move |(x, y)| PathElement::new([(x, y), (x + 16, y)], orange.stroke_width(2)));
    chart.draw_secondary_series(figures.into_iter().map(|point| Circle::new(point, 3, orange.filled())))?;
    chart.configure_series_labels().border_style(BLACK.mix(0.2)).background_style(WHITE.mix(0.8)).draw()?;
    root.present()?;
    Ok(())
}

/// Smallest p that passes.
pub(crate) const ALPHA: f64 = 1e-6;

/// p of Pearson's test; cells with less than 5 expected are pooled. Draws outside the cells give p = 0.
pub(crate) fn p_value(observed: &[u64], probabilities: &[f64], draws: u64) -> f64 {
    if observed.iter().sum::<u64>() != draws {
        return 0.0;
    }
    let mut pooled = (0.0, 0.0);
    let mut cells: Vec<(f64, f64)> = Vec::new();
    for (&seen, probability) in observed.iter().zip(probabilities) {
        let expected = probability * draws as f64;
        if expected < 5.0 {
            pooled = (pooled.0 + seen as f64, pooled.1 + expected);
        } else {
            cells.push((seen as f64, expected));
        }
    }
    match cells.first_mut() {
        Some(first) if pooled.1 < 5.0 => *first = (first.0 + pooled.0, first.1 + pooled.1),
        _ => cells.push(pooled),
    }
    let chi2: f64 = cells.iter().map(|(seen, expected)| (seen - expected).powi(2) / expected).sum();
    if cells.len() < 2 { 1.0 } else { upper_gamma((cells.len() - 1) as f64 / 2.0, chi2 / 2.0) }
}

/// Total variation between what was drawn and a law: half the sum of the differences.
pub(crate) fn total_variation(observed: &[u64], probabilities: &[f64], draws: u64) -> f64 {
    let difference = |(&seen, p): (&u64, &f64)| (seen as f64 / draws as f64 - p).abs();
    observed.iter().zip(probabilities).map(difference).sum::<f64>() / 2.0
}

/// What the total variation of draws that follow their law exceeds with a probability of at most [`ALPHA`]: its mean is
/// at most √((cells − 1) / draws) / 2 by Cauchy and Schwarz, and above that by t with probability exp(−2 t² draws) by
/// McDiarmid.
pub(crate) fn total_variation_bound(cells: usize, draws: u64) -> f64 {
    let mean = (cells.saturating_sub(1) as f64 / draws as f64).sqrt() / 2.0;
    mean + (-ALPHA.ln() / (2.0 * draws as f64)).sqrt()
}

/// Regularised upper incomplete gamma function: series below a + 1, continued fraction above.
fn upper_gamma(a: f64, x: f64) -> f64 {
    if x <= 0.0 {
        return 1.0;
    }
    let scale = (a * x.ln() - x - ln_gamma(a)).exp();
    if x < a + 1.0 {
        let (mut term, mut sum, mut n) = (1.0 / a, 1.0 / a, a);
        while term > sum * 1e-15 {
            n += 1.0;
            term *= x / n;
            sum += term;
        }
        return 1.0 - sum * scale;
    }
    let mut b = x + 1.0 - a;
    let (mut c, mut d) = (1e300, 1.0 / b);
    let mut h = d;
    for i in 1..10_000 {
        let an = -f64::from(i) * (f64::from(i) - a);
        b += 2.0;
        d = 1.0 / (an * d + b);
        c = b + an / c;
        h *= d * c;
        if (d * c - 1.0).abs() < 1e-14 {
            break;
        }
    }
    scale * h
}

/// By Stirling's series, after shifting the argument above 10.
fn ln_gamma(mut x: f64) -> f64 {
    let mut shift = 0.0;
    while x < 10.0 {
        shift += x.ln();
        x += 1.0;
    }
    let series = 1.0 / (12.0 * x) - 1.0 / (360.0 * x.powi(3)) + 1.0 / (1260.0 * x.powi(5));
    (x - 0.5) * x.ln() - x + 0.5 * std::f64::consts::TAU.ln() + series - shift
}

#[test]
fn known_quantiles() {
    // Tables of the χ² distribution: (degrees of freedom, quantile, upper tail).
    for (df, quantile, p) in
        [(1.0, 3.841_459, 0.05), (10.0, 18.307_04, 0.05), (6.0, 38.258, 1e-6), (100.0, 149.449, 0.001)]
    {
        let got = upper_gamma(df / 2.0, quantile / 2.0);
        assert!((got / p - 1.0).abs() < 1e-3, "{df} {quantile}: {got}");
    }
}

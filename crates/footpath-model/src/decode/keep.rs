//! Which continuations of a user's prefixes stay, for each [`Mode`](super::Mode).

use super::Sampling;
use footpath_core::{Purpose, Stop, Stream};
use hashbrown::HashMap;

/// A continuation of a prefix.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Candidate {
    /// Probability of the path so far, this token included.
    pub(super) probability: f64,
    /// The prefix, by its place in the batch.
    pub(super) row: u32,
    pub(super) token: u32,
    /// Whose it is: how many draws, or a bit for each group.
    pub(super) share: u64,
}

/// Most probable first; equal ones in the order of their prefixes and tokens.
fn order(a: &Candidate, b: &Candidate) -> std::cmp::Ordering {
    b.probability.total_cmp(&a.probability).then((a.row, a.token).cmp(&(b.row, b.token)))
}

/// The most probable few, in order, and the probabilities of the others.
pub(super) fn most_probable(mut open: Vec<Candidate>, beams: usize) -> (Vec<Candidate>, Vec<f64>) {
    let mut lost = Vec::new();
    if open.len() > beams {
        open.select_nth_unstable_by(beams, order);
        lost = open.drain(beams..).map(|c| c.probability).collect();
    }
    open.sort_unstable_by(order);
    (open, lost)
}

/// What the groups choose, each from what follows its own prefixes, and the probabilities of what none chose.
///
/// A prefix chosen by several groups is followed once. Cost: groups × candidates.
pub(super) fn diverse(
    mut open: Vec<Candidate>,
    beams: usize,
    groups: usize,
    penalty: f64,
    stop: &Stop,
) -> (Vec<Candidate>, Vec<f64>) {
    open.sort_unstable_by(order);
    let mut chosen = vec![0u64; open.len()];
    let mut times: HashMap<u32, f64> = HashMap::new();
    for group in (0..groups).take_while(|_| !stop.is_requested()) {
        // The first groups are larger by one where the beams cannot be shared out evenly.
        let size = beams / groups + usize::from(group < beams % groups);
        let worth = |c: &Candidate| c.probability.ln() - penalty * times.get(&c.token).copied().unwrap_or_default();
        let mut own: Vec<(f64, usize)> =
            open.iter().enumerate().filter(|(_, c)| c.share >> group & 1 == 1).map(|(i, c)| (worth(c), i)).collect();
        let better = |a: &(f64, usize), b: &(f64, usize)| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1));
        if own.len() > size {
            own.select_nth_unstable_by(size, better);
            own.truncate(size);
        }
        for (_, index) in own {
            chosen[index] |= 1 << group;
            *times.entry(open[index].token).or_default() += 1.0;
        }
    }
    let mut lost = Vec::new();
    let mut kept = Vec::with_capacity(beams);
    for (candidate, share) in open.into_iter().zip(chosen) {
        match share {
            0 => lost.push(candidate.probability),
            _ => kept.push(Candidate { share, ..candidate }),
        }
    }
    (kept, lost)
}

/// How often each continuation of a prefix is drawn; `shares` are their probabilities and sum to 1.
///
/// The draws are a function of the seed, the user and the prefix.
pub(super) fn draw(shares: &[f64], draws: u64, sampling: &Sampling, user: u32, prefix: &[u32]) -> Vec<u64> {
    let weights = tempered(shares, sampling);
    let mut cumulative: Vec<f64> = weights
        .iter()
        .scan(0.0, |sum, weight| {
            *sum += weight;
            Some(*sum)
        })
        .collect();
    let total = cumulative.last().copied().unwrap_or_default();
    // Rounding must not lead past the last that can be drawn.
    if let Some(last) = weights.iter().rposition(|&w| w > 0.0) {
        cumulative[last..].fill(f64::INFINITY);
    }
    let mut stream = Stream::new(sampling.seed, Purpose::Generate, user, fingerprint(prefix));
    let mut counts = vec![0; shares.len()];
    for _ in 0..draws {
        let at = stream.unit() * total;
        if let Some(count) = counts.get_mut(cumulative.partition_point(|&sum| sum <= at)) {
            *count += 1;
        }
    }
    counts
}

/// Weights after temperature, top-k and top-p; those that are out have 0.
fn tempered(shares: &[f64], sampling: &Sampling) -> Vec<f64> {
    let mut weights: Vec<f64> = shares.iter().map(|share| share.powf(1.0 / sampling.temperature)).collect();
    let total: f64 = weights.iter().sum();
    let mut ranked: Vec<usize> = (0..weights.len()).collect();
    ranked.sort_by(|&a, &b| weights[b].total_cmp(&weights[a]).then(a.cmp(&b)));
    let by_count = if sampling.top_k == 0 { ranked.len() } else { sampling.top_k.min(ranked.len()) };
    let mut sum = 0.0;
    let by_mass = ranked.iter().take_while(|&&i| {
        let wanted = sum < sampling.top_p * total || sampling.top_p >= 1.0;
        sum += weights[i];
        wanted
    });
    let within = by_mass.count().min(by_count);
    for &out in &ranked[within..] {
        weights[out] = 0.0;
    }
    weights
}

/// A number for a prefix, the same on every machine (FNV-1a).
fn fingerprint(prefix: &[u32]) -> u64 {
    prefix.iter().fold(0xcbf2_9ce4_8422_2325, |hash, &token| (hash ^ u64::from(token)).wrapping_mul(0x0100_0000_01b3))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn candidates(probabilities: &[f64]) -> Vec<Candidate> {
        let candidate = |(row, &probability)| Candidate { probability, row, token: row % 3, share: u64::MAX };
        (0u32..).zip(probabilities).map(candidate).collect()
    }

    #[test]
    fn the_most_probable_stay_and_the_rest_is_told() {
        let (kept, lost) = most_probable(candidates(&[0.1, 0.4, 0.2, 0.2, 0.05]), 3);
        assert_eq!(
            kept.iter().map(|c| c.row).collect::<Vec<_>>(),
            [1, 2, 3],
            "equal ones in the order of their prefixes"
        );
        assert!((lost.iter().sum::<f64>() - 0.15).abs() < 1e-12);
    }

    #[test]
    fn groups_avoid_what_earlier_groups_chose() {
        // Tokens are 0, 1, 2, 0, 1, 2.
        let open = || candidates(&[0.3, 0.1, 0.05, 0.29, 0.09, 0.04]);
        let rows = |kept: &[Candidate]| kept.iter().map(|c| c.row).collect::<Vec<_>>();
        let (kept, lost) = diverse(open(), 4, 2, 0.0, &Stop::default());
        assert_eq!(rows(&kept), [0, 3], "without a penalty both groups choose alike, and a prefix is followed once");
        assert_eq!(lost.len(), 4);
        let (kept, _) = diverse(open(), 4, 2, 100.0, &Stop::default());
        assert_eq!(rows(&kept), [0, 3, 1, 4], "the second group leaves token 0 to the first");
        assert_eq!(kept.iter().map(|c| c.share).collect::<Vec<_>>(), [1, 1, 2, 2]);
        let (kept, _) = diverse(kept, 4, 2, 0.0, &Stop::default());
        assert_eq!(kept.iter().map(|c| c.share).collect::<Vec<_>>(), [1, 1, 2, 2], "a group follows its own");
    }

    #[test]
    fn draws_follow_the_probabilities() {
        let shares = [0.5, 0.3, 0.2];
        let counts = |sampling: Sampling| draw(&shares, 100_000, &sampling, 1, &[1, 2]);
        let near = |counts: &[u64], expected: [f64; 3]| {
            let close = |(&n, e): (&u64, f64)| (n as f64 / 1e5 - e).abs() < 0.01;
            assert!(counts.iter().zip(expected).all(close), "{counts:?}, expected {expected:?}");
        };
        let plain = Sampling::default();
        near(&counts(plain), shares);
        near(&counts(Sampling { temperature: 0.5, ..plain }), [0.25 / 0.38, 0.09 / 0.38, 0.04 / 0.38]);
        near(&counts(Sampling { top_k: 2, ..plain }), [0.625, 0.375, 0.0]);
        near(&counts(Sampling { top_p: 0.6, ..plain }), [0.625, 0.375, 0.0]);
        near(&counts(Sampling { top_p: 0.01, ..plain }), [1.0, 0.0, 0.0]);
        assert_eq!(counts(plain), counts(plain));
        assert_ne!(counts(plain), counts(Sampling { seed: 2, ..plain }));
    }
}

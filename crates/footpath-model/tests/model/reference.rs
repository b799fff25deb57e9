//! The transformer written out in nested loops, as in Radford et al. 2019 with pre-norm blocks: what the real one is
//! compared with.

use footpath_core::ArrayFile;
use footpath_model::PathModel;
use footpath_model::config::ModelConfig;

/// Weights as written to disk.
pub(crate) struct Reference {
    file: ArrayFile,
    config: ModelConfig,
}

type Matrix = Vec<Vec<f64>>;

impl Reference {
    pub(crate) fn of(model: &PathModel) -> Self {
        let file = tempfile::NamedTempFile::new().expect("temporary file");
        model.write(&mut file.as_file()).expect("written");
        Self { file: ArrayFile::open(file.path()).expect("weights"), config: model.config.clone() }
    }

    fn array(&self, name: &str) -> Vec<f64> {
        self.file.array::<f32>(name).expect(name).iter().map(|&v| f64::from(v)).collect()
    }

    fn row(&self, table: &str, row: usize) -> Vec<f64> {
        let width = self.config.trunk.d_model;
        self.array(table)[row * width..][..width].to_vec()
    }

    fn linear(&self, x: &Matrix, name: &str) -> Matrix {
        let (weight, bias) = (self.array(&format!("{name}.weight")), self.array(&format!("{name}.bias")));
        let out = bias.len();
        x.iter()
            .map(|x| {
                (0..out).map(|o| bias[o] + (0..x.len()).map(|i| x[i] * weight[i * out + o]).sum::<f64>()).collect()
            })
            .collect()
    }

    fn norm(&self, x: &Matrix, name: &str) -> Matrix {
        let (gamma, beta) = (self.array(&format!("{name}.gamma")), self.array(&format!("{name}.beta")));
        let normed = |x: &Vec<f64>| {
            let mean = x.iter().sum::<f64>() / x.len() as f64;
            let variance = x.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / x.len() as f64;
            (0..x.len()).map(|i| gamma[i] * (x[i] - mean) / (variance + 1e-5).sqrt() + beta[i]).collect()
        };
        x.iter().map(normed).collect()
    }

    /// Hidden vectors of tokens at positions, each seeing those that `sees` says.
    pub(crate) fn hidden(&self, tokens: &[u32], positions: &[u32], sees: &dyn Fn(usize, usize) -> bool) -> Matrix {
        let embed = |(&token, &position): (&u32, &u32)| {
            let place = self.row("trunk.positions", position as usize);
            self.row("input", token as usize).iter().zip(place).map(|(a, b)| a + b).collect()
        };
        let mut x: Matrix = tokens.iter().zip(positions).map(embed).collect();
        let heads = self.config.trunk.num_heads;
        let width = self.config.trunk.d_model;
        let size = width / heads;
        for layer in 0..self.config.trunk.num_layers {
            let name = |part: &str| format!("trunk.blocks.{layer}.{part}");
            let qkv = self.linear(&self.norm(&x, &name("attention_norm")), &name("query_key_value"));
            let mut mixed = vec![vec![0.0; width]; x.len()];
            for head in 0..heads {
                let at = |token: usize, which: usize, d: usize| qkv[token][which * width + head * size + d];
                for (i, mixed) in mixed.iter_mut().enumerate() {
                    let score =
                        |j: usize| (0..size).map(|d| at(i, 0, d) * at(j, 1, d)).sum::<f64>() / (size as f64).sqrt();
                    let seen: Vec<(usize, f64)> =
                        (0..x.len()).filter(|&j| i == j || sees(i, j)).map(|j| (j, score(j).exp())).collect();
                    let sum: f64 = seen.iter().map(|(_, e)| e).sum();
                    for d in 0..size {
                        mixed[head * size + d] = seen.iter().map(|&(j, e)| e / sum * at(j, 2, d)).sum();
                    }
                }
            }
            add(&mut x, self.linear(&mixed, &name("attention_out")));
            let mut inner = self.linear(&self.norm(&x, &name("feed_forward_norm")), &name("expand"));
            inner.iter_mut().flatten().for_each(|v| *v = gelu(*v));
            add(&mut x, self.linear(&inner, &name("contract")));
        }
        self.norm(&x, "trunk.norm")
    }

    /// −ln p of a token among candidates that hold it, each of the others counted `weight` times.
    pub(crate) fn nll(&self, hidden: &[f64], answer: u32, candidates: &[u32], weight: f64) -> f64 {
        let bias = self.array("bias");
        let z = |token: u32| {
            bias[token as usize]
                + hidden.iter().zip(self.row("output", token as usize)).map(|(h, o)| h * o).sum::<f64>()
        };
        let others: f64 = candidates.iter().filter(|c| **c != answer).map(|&c| weight * z(c).exp()).sum();
        (z(answer).exp() + others).ln() - z(answer)
    }
}

fn add(x: &mut Matrix, y: Matrix) {
    x.iter_mut().flatten().zip(y.into_iter().flatten()).for_each(|(x, y)| *x += y);
}

/// x Φ(x), with the integral of the normal density by Simpson's rule.
fn gelu(x: f64) -> f64 {
    let density = |t: f64| (-t * t / 2.0).exp() / std::f64::consts::TAU.sqrt();
    let steps = 200;
    let h = x / f64::from(steps);
    let weight = |i: i32| {
        if i == 0 || i == steps {
            1.0
        } else if i % 2 == 1 {
            4.0
        } else {
            2.0
        }
    };
    let integral = (0..=steps).map(|i| weight(i) * density(h * f64::from(i))).sum::<f64>() * h / 3.0;
    x * (0.5 + integral)
}

//! Binomial probabilities for exact sums: one row at a time, or all rows up to a size.

use super::{exp, ln_prefix};

/// The probabilities of 0, 1, …, n successes among `n`, each with probability `p` in [0, 1].
///
/// The most probable count by the saddle-point form of Loader (2000), the others from it by ratios; relative error
/// below 1e-12 for n up to 1,000 wherever the probability is a normal number.
pub(crate) fn binomial_row(n: u32, p: f64) -> Vec<f64> {
    let size = n as usize;
    let mut row = vec![0.0; size + 1];
    if p <= 0.0 || p >= 1.0 {
        row[if p <= 0.0 { 0 } else { size }] = 1.0;
        return row;
    }
    let (count, q) = (f64::from(n), 1.0 - p);
    let mode = ((count + 1.0) * p).min(count) as usize;
    let (successes, failures) = (mode as f64, count - mode as f64);
    row[mode] = exp(ln_prefix(successes + 1.0, failures + 1.0, p, q)) / ((count + 1.0) * p * q);
    let odds = p / q;
    for k in mode..size {
        row[k + 1] = row[k] * odds * (count - k as f64) / (k as f64 + 1.0);
    }
    for k in (0..mode).rev() {
        row[k] = row[k + 1] / odds * (k as f64 + 1.0) / (count - k as f64);
    }
    row
}

/// The probabilities of more than 0, more than 1, …, more than n: sums from the far end, so that small ones keep
/// their digits.
pub(crate) fn upper_tails(row: &[f64]) -> Vec<f64> {
    let mut tails = vec![0.0; row.len()];
    let mut sum = 0.0;
    for k in (1..row.len()).rev() {
        sum += row[k];
        tails[k - 1] = sum;
    }
    tails
}

/// Rows for n = 0, 1, 2, …, each from the one before: only sums of positive products, so that the relative error
/// stays below n rounding errors.
#[derive(Debug, Clone)]
pub(crate) struct Rows {
    p: f64,
    rows: Vec<Vec<f64>>,
    tails: Vec<Vec<f64>>,
}

impl Rows {
    pub(crate) fn new(p: f64) -> Self {
        Self { p, rows: vec![vec![1.0]], tails: vec![vec![0.0]] }
    }

    /// Makes the rows up to `n`.
    pub(crate) fn extend_to(&mut self, n: u32) {
        let q = 1.0 - self.p;
        while self.rows.len() <= n as usize {
            let before = &self.rows[self.rows.len() - 1];
            let mut row = Vec::with_capacity(before.len() + 1);
            row.push(before[0] * q);
            row.extend(before.windows(2).map(|pair| pair[0] * self.p + pair[1] * q));
            row.push(before[before.len() - 1] * self.p);
            self.tails.push(upper_tails(&row));
            self.rows.push(row);
        }
    }

    /// The probabilities of each count among n.
    pub(crate) fn row(&self, n: u32) -> &[f64] {
        &self.rows[n as usize]
    }

    /// The probabilities of more than each count among n.
    pub(crate) fn tails(&self, n: u32) -> &[f64] {
        &self.tails[n as usize]
    }
}

//! Isotonic regression: the non-decreasing sequence nearest to given values.

/// The non-decreasing sequence with the least weighted sum of squares from `values`, by pooling adjacent violators.
///
/// `weights` are positive and as many as `values`. Source: Barlow RE et al. Statistical Inference under Order
/// Restrictions. Wiley 1972, section 1.2.
///
/// ```
/// use posology_design::numeric::isotonic;
/// assert_eq!(isotonic(&[0.1, 0.4, 0.2], &[1.0, 1.0, 3.0]), [0.1, 0.25, 0.25]);
/// ```
pub fn isotonic(values: &[f64], weights: &[f64]) -> Vec<f64> {
    // Blocks of pooled neighbours: weighted mean, weight, length.
    let mut blocks: Vec<(f64, f64, usize)> = Vec::with_capacity(values.len());
    for (&value, &weight) in values.iter().zip(weights) {
        let mut block = (value, weight, 1);
        while let Some(&(mean, before, length)) = blocks.last() {
            if mean <= block.0 {
                break;
            }
            blocks.pop();
            let pooled = before + block.1;
            block = ((mean * before + block.0 * block.1) / pooled, pooled, length + block.2);
        }
        blocks.push(block);
    }
    blocks.into_iter().flat_map(|(mean, _, length)| std::iter::repeat_n(mean, length)).collect()
}

/// The matrix, non-decreasing along each row and each column, with the least weighted sum of squares from `values`: for
/// two agents, or a grid of levels and schedules. Row by row, `columns` to a row.
///
/// `weights` are positive and as many as `values`, a multiple of `columns`; else the answer is empty. By minimum lower
/// sets: of the staircases in the lowest corner the one with the least mean is a block of the answer, then the same
/// among the rest; the least mean is found by Dinkelbach's iteration over a recursion on the rows. It ends after
/// finitely many steps, exact but for rounding (relative error below 1e-12), where alternating projections only
/// converge. Source: Robertson T, Wright FT, Dykstra RL. Order Restricted Statistical Inference. Wiley 1988, chapter 1.
///
/// ```
/// use posology_design::numeric::isotonic_grid;
/// // The second row and column contradict the first: 0.4 is pooled with 0.2 to the right and 0.3 below.
/// let fitted = isotonic_grid(&[0.4, 0.2, 0.3, 0.6], &[1.0; 4], 2);
/// assert!(fitted.iter().zip([0.3, 0.3, 0.3, 0.6]).all(|(got, expected)| (got - expected).abs() < 1e-15));
/// ```
pub fn isotonic_grid(values: &[f64], weights: &[f64], columns: usize) -> Vec<f64> {
    if columns == 0 || !values.len().is_multiple_of(columns) || weights.len() != values.len() {
        return Vec::new();
    }
    let rows = values.len() / columns;
    let mut fitted = vec![0.0; values.len()];
    // How many of each row's columns are done; never more than in the row before.
    let mut done = vec![0_usize; rows];
    while done.iter().any(|done| *done < columns) {
        let mut block = vec![columns; rows];
        let mut mean = mean_of(values, weights, columns, &done, &block);
        // Each step lowers the mean, of which there are finitely many.
        while let Some(lower) = lower_set(values, weights, columns, &done, mean) {
            let next = mean_of(values, weights, columns, &done, &lower);
            if next.is_nan() || next >= mean - 1e-15 * mean.abs() {
                break;
            }
            (block, mean) = (lower, next);
        }
        for (row, (from, to)) in done.iter_mut().zip(&block).enumerate() {
            fitted[row * columns + *from..row * columns + *to].fill(mean);
            *from = *to;
        }
    }
    fitted
}

/// The weighted mean of the cells from `done` to `to` in each row; NaN when there is none.
fn mean_of(values: &[f64], weights: &[f64], columns: usize, done: &[usize], to: &[usize]) -> f64 {
    let (mut sum, mut total) = (0.0, 0.0);
    for (row, (&from, &to)) in done.iter().zip(to).enumerate() {
        for cell in row * columns + from..row * columns + to {
            sum += weights[cell] * values[cell];
            total += weights[cell];
        }
    }
    sum / total
}

/// The staircase beyond `done` whose weighted sum of differences from `mean` is least, if that is below 0.
fn lower_set(
    values: &[f64],
    weights: &[f64],
    columns: usize,
    done: &[usize],
    mean: f64,
) -> Option<Vec<usize>> {
    let rows = done.len();
    // For each row and number of columns taken there: the least sum over this row and those after it, and how many
    // columns the next row takes then.
    let mut best = vec![(0.0_f64, 0_usize); (rows + 1) * (columns + 1)];
    for row in (0..rows).rev() {
        let mut sum = 0.0;
        let mut tried = done.get(row + 1).copied().unwrap_or(0);
        let (mut least, mut least_at) = (best[(row + 1) * (columns + 1) + tried].0, tried);
        for taken in 0..=columns {
            if taken > done[row] {
                let cell = row * columns + taken - 1;
                sum += weights[cell] * (values[cell] - mean);
            }
            while row + 1 < rows && tried < taken {
                tried += 1;
                let next = best[(row + 1) * (columns + 1) + tried].0;
                if next < least {
                    (least, least_at) = (next, tried);
                }
            }
            best[row * (columns + 1) + taken] = (sum + least, least_at);
        }
    }
    let first = (done[0]..=columns).min_by(|a, b| best[*a].0.total_cmp(&best[*b].0))?;
    if best[first].0 >= 0.0 {
        return None;
    }
    let mut taken = vec![first; rows];
    for row in 1..rows {
        taken[row] = best[(row - 1) * (columns + 1) + taken[row - 1]].1;
    }
    Some(taken)
}

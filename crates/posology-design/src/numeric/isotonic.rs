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

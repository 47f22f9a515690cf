//! Nodes and weights for integrals.

use libm::cos;

/// Nodes and weights of Gauss-Legendre quadrature on [-1, 1], the lowest node first; exact for polynomials of
/// degree 2 `points` - 1. Nodes by Newton's method on the Legendre recurrence, to the last bit or two.
///
/// ```
/// let rule = posology_design::numeric::gauss_legendre(5);
/// let integral: f64 = rule.iter().map(|(x, weight)| weight * x.powi(8)).sum();
/// assert!((integral - 2.0 / 9.0).abs() < 1e-15);
/// ```
pub fn gauss_legendre(points: usize) -> Vec<(f64, f64)> {
    let degree = points as f64;
    let mut rule: Vec<(f64, f64)> = (0..points)
        .map(|index| {
            let mut x = cos(std::f64::consts::PI * (index as f64 + 0.75) / (degree + 0.5));
            let mut slope = 1.0;
            for _ in 0..100 {
                let (value, derivative) = legendre(points, x);
                slope = derivative;
                let step = value / derivative;
                x -= step;
                if step.abs() <= 1e-16 {
                    slope = legendre(points, x).1;
                    break;
                }
            }
            (x, 2.0 / ((1.0 - x * x) * slope * slope))
        })
        .collect();
    rule.reverse();
    rule
}

/// The Legendre polynomial of this degree and its derivative.
fn legendre(degree: usize, x: f64) -> (f64, f64) {
    let (mut before, mut value) = (0.0, 1.0);
    for k in 1..=degree {
        let k = k as f64;
        (before, value) = (value, ((2.0 * k - 1.0) * x * value - (k - 1.0) * before) / k);
    }
    let derivative = degree as f64 * (x * value - before) / (x * x - 1.0);
    (value, derivative)
}

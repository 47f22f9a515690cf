//! Special functions for exact statistics, and the exact binomial interval.
//!
//! The accuracy stated is checked against values computed with 60 digits. All build on `libm`, so that every
//! machine gives the same bits. Outside its domain a function returns NaN.

mod binomial;
mod isotonic;
mod quadrature;

use libm::{exp, lgamma, log, log1p, sqrt};

pub(crate) use binomial::{Rows, binomial_row, upper_tails};
pub use isotonic::{isotonic, isotonic_grid};
pub use quadrature::gauss_legendre;

const LN_SQRT_2_PI: f64 = 0.918_938_533_204_672_7;

/// ln of the gamma function at `x` > 0; relative error below 1e-13.
///
/// ```
/// assert!((posology_design::numeric::ln_gamma(5.0) - 24.0_f64.ln()).abs() < 1e-14);
/// ```
pub fn ln_gamma(x: f64) -> f64 {
    if x > 0.0 { lgamma(x) } else { f64::NAN }
}

/// The probability that a standard normal variable is at most `x`; relative error below 1e-13, in the tail too.
pub fn normal_probability(x: f64) -> f64 {
    0.5 * libm::erfc(-x * std::f64::consts::FRAC_1_SQRT_2)
}

/// The standard normal quantile of `probability` in (0, 1); relative error below 1e-13.
///
/// Newton steps on the error function from a rational start (Abramowitz and Stegun 26.2.23).
///
/// ```
/// assert!((posology_design::numeric::normal_quantile(0.975) - 1.959_963_984_540_054).abs() < 1e-14);
/// ```
pub fn normal_quantile(probability: f64) -> f64 {
    if !(probability > 0.0 && probability < 1.0) {
        return f64::NAN;
    }
    // The lower half is solved; in the upper half 1 - p is exact.
    let upper = probability > 0.5;
    let tail = if upper { 1.0 - probability } else { probability };
    let t = sqrt(-2.0 * log(tail));
    let numerator = 2.515_517 + t * (0.802_853 + t * 0.010_328);
    let denominator = 1.0 + t * (1.432_788 + t * (0.189_269 + t * 0.001_308));
    let mut z = numerator / denominator - t;
    let from_half = 0.5 - tail;
    for _ in 0..6 {
        let density = exp(-0.5 * z * z - LN_SQRT_2_PI);
        let step = if tail > 0.25 {
            // Near the median the distance from one half keeps the digits that the tail loses.
            (0.5 * libm::erf(-z * std::f64::consts::FRAC_1_SQRT_2) - from_half) / -density
        } else {
            let reached = normal_probability(z);
            log(reached / tail) * reached / density
        };
        z -= step;
        if step.abs() <= 1e-16 * z.abs() {
            break;
        }
    }
    if upper { -z } else { z }
}

/// The regularised incomplete beta function I_x(a, b): the probability that a Beta(a, b) variable is at most `x`.
///
/// For a, b > 0 and x in [0, 1]; relative error below 1e-12 for a + b up to 3,000, and at most
/// 1.1e-13 at the values of the test. Above the mean the result
/// is one minus the other tail: ask for [`incomplete_beta_upper`] where that tail is what matters.
///
/// A continued fraction (Press et al., Numerical Recipes, section 6.4, by Lentz's method) behind a prefix in
/// saddle-point form: Loader C. Fast and accurate computation of binomial probabilities, 2000.
///
/// ```
/// let half = posology_design::numeric::incomplete_beta(2.0, 2.0, 0.5);
/// assert!((half - 0.5).abs() < 1e-15);
/// ```
pub fn incomplete_beta(a: f64, b: f64, x: f64) -> f64 {
    tails(a, b, x).lower
}

/// The upper tail 1 - I_x(a, b), computed as such: one minus the lower has no digits left at 1e-17.
pub fn incomplete_beta_upper(a: f64, b: f64, x: f64) -> f64 {
    tails(a, b, x).upper
}

/// The x at which I_x(a, b) is `probability` in [0, 1]; relative error below 1e-12.
///
/// ```
/// let median = posology_design::numeric::inverse_incomplete_beta(3.0, 3.0, 0.5);
/// assert!((median - 0.5).abs() < 1e-15);
/// ```
pub fn inverse_incomplete_beta(a: f64, b: f64, probability: f64) -> f64 {
    if !(a > 0.0 && b > 0.0 && a.is_finite() && b.is_finite() && (0.0..=1.0).contains(&probability)) {
        return f64::NAN;
    }
    if probability == 0.0 || probability == 1.0 {
        return probability;
    }
    // The smaller of x and 1 - x is sought, in logarithms, from the smaller of the two tails.
    let q = 1.0 - probability;
    if tails(a, b, 0.5).lower >= probability {
        smaller_root(a, b, probability, q)
    } else {
        1.0 - smaller_root(b, a, q, probability)
    }
}

/// The probabilities of 0, 1, …, `n` successes among `n`, each with probability `p` in [0, 1]; relative error about
/// n times the machine's.
///
/// ```
/// let three = posology_design::numeric::binomial_probabilities(3, 0.5);
/// assert_eq!(three, [0.125, 0.375, 0.375, 0.125]);
/// ```
pub fn binomial_probabilities(n: u32, p: f64) -> Vec<f64> {
    let (size, q) = (n as usize, 1.0 - p);
    if n > 500 && p > 0.0 && q > 0.0 {
        // Products of so many factors leave the range of a double.
        let all = ln_gamma(f64::from(n) + 1.0);
        let term = |y: u32| {
            let (y, z) = (f64::from(y), f64::from(n - y));
            exp(all - ln_gamma(y + 1.0) - ln_gamma(z + 1.0) + y * log(p) + z * log1p(-p))
        };
        return (0..=n).map(term).collect();
    }
    let mut falling = vec![1.0; size + 1];
    for failures in 1..=size {
        falling[failures] = falling[failures - 1] * q;
    }
    let (mut ways, mut rising) = (1.0, 1.0);
    (0..=size)
        .map(|successes| {
            if successes > 0 {
                ways = ways * (size - successes + 1) as f64 / successes as f64;
                rising *= p;
            }
            ways * rising * falling[size - successes]
        })
        .collect()
}

/// The sine integral Si(x), the integral of sin(t)/t from 0 to x; absolute error below 1e-14.
///
/// A Taylor series up to 6; beyond it the continued fraction of the exponential integral of an imaginary argument
/// (Abramowitz and Stegun 5.1.22, by Lentz's method).
///
/// ```
/// let gibbs = posology_design::numeric::sine_integral(std::f64::consts::PI);
/// assert!((gibbs - 1.851_937_051_982_466).abs() < 1e-14);
/// ```
pub fn sine_integral(x: f64) -> f64 {
    let t = x.abs();
    if t.is_nan() {
        return f64::NAN;
    }
    let value = if t <= 6.0 {
        let (mut term, mut sum) = (t, t);
        for k in 1..60_u32 {
            let odd = f64::from(2 * k + 1);
            term *= -t * t / ((odd - 1.0) * odd);
            sum += term / odd;
            if term.abs() < 1e-18 {
                break;
            }
        }
        sum
    } else if t > 1e15 {
        std::f64::consts::FRAC_PI_2
    } else {
        // E_1(i t) = exp(-i t) / (1 + i t - 1 / (3 + i t - 4 / (5 + i t - …))), a complex number as (real, imaginary).
        let inverse = |(re, im): (f64, f64)| {
            let square = re * re + im * im;
            (re / square, -im / square)
        };
        let mut b = (1.0, t);
        let mut d = inverse(b);
        let (mut c, mut fraction) = ((1e300, 0.0), d);
        for k in 1..1_000_u32 {
            let a = -f64::from(k) * f64::from(k);
            b.0 += 2.0;
            d = inverse((a * d.0 + b.0, a * d.1 + b.1));
            let shrunk = inverse(c);
            c = (b.0 + a * shrunk.0, b.1 + a * shrunk.1);
            let step = (c.0 * d.0 - c.1 * d.1, c.0 * d.1 + c.1 * d.0);
            fraction = (fraction.0 * step.0 - fraction.1 * step.1, fraction.0 * step.1 + fraction.1 * step.0);
            if (step.0 - 1.0).abs() + step.1.abs() < 1e-16 {
                break;
            }
        }
        let (sin, cos) = libm::sincos(t);
        std::f64::consts::FRAC_PI_2 + cos * fraction.1 - sin * fraction.0
    };
    if x < 0.0 { -value } else { value }
}

/// The exact two-sided interval for a probability after `successes` among `n`: lower and upper bound.
///
/// Each tail has probability (1 - `confidence`) / 2; with no success the lower bound is 0, with no failure the upper
/// bound is 1. There is no interval when n is 0, `successes` exceeds n, or `confidence` is not between 0 and 1.
/// Source: Clopper CJ, Pearson ES. Biometrika 1934;26:404-413, doi:10.1093/biomet/26.4.404.
///
/// ```
/// let (lower, upper) = posology_design::numeric::clopper_pearson(0, 6, 0.95).unwrap();
/// assert_eq!(lower, 0.0);
/// assert!((upper - 0.459_258_126_439_900).abs() < 1e-14);
/// ```
pub fn clopper_pearson(successes: u32, n: u32, confidence: f64) -> Option<(f64, f64)> {
    if n == 0 || successes > n || !(confidence > 0.0 && confidence < 1.0) {
        return None;
    }
    let tail = 0.5 * (1.0 - confidence);
    let (y, failures) = (f64::from(successes), f64::from(n - successes));
    let lower = if successes == 0 { 0.0 } else { inverse_incomplete_beta(y, failures + 1.0, tail) };
    let upper = if successes == n { 1.0 } else { 1.0 - inverse_incomplete_beta(failures, y + 1.0, tail) };
    Some((lower, upper))
}

struct Tails {
    lower: f64,
    upper: f64,
}

fn tails(a: f64, b: f64, x: f64) -> Tails {
    if !(a > 0.0 && b > 0.0 && a.is_finite() && b.is_finite() && (0.0..=1.0).contains(&x)) {
        return Tails { lower: f64::NAN, upper: f64::NAN };
    }
    if x == 0.0 {
        return Tails { lower: 0.0, upper: 1.0 };
    }
    if x == 1.0 {
        return Tails { lower: 1.0, upper: 0.0 };
    }
    let y = 1.0 - x;
    let prefix = exp(ln_prefix(a, b, x, y));
    if x < (a + 1.0) / (a + b + 2.0) {
        let lower = prefix / a * continued_fraction(a, b, x);
        Tails { lower, upper: 1.0 - lower }
    } else {
        let upper = prefix / b * continued_fraction(b, a, y);
        Tails { lower: 1.0 - upper, upper }
    }
}

/// ln of x^a y^b / B(a, b), written so that large a and b do not cancel.
pub(crate) fn ln_prefix(a: f64, b: f64, x: f64, y: f64) -> f64 {
    let n = a + b;
    stirling_error(n) - stirling_error(a) - stirling_error(b) - deviance(a, n * x) - deviance(b, n * y)
        + 0.5 * (log(a) + log(b) - log(n))
        - LN_SQRT_2_PI
}

/// ln z! less Stirling's formula for it.
fn stirling_error(z: f64) -> f64 {
    if z < 16.0 {
        return lgamma(z + 1.0) - (z + 0.5) * log(z) + z - LN_SQRT_2_PI;
    }
    // Coefficients B_2k / (2k (2k - 1)) with the Bernoulli numbers B_2k.
    const SERIES: [f64; 7] = [
        1.0 / 12.0,
        -1.0 / 360.0,
        1.0 / 1260.0,
        -1.0 / 1680.0,
        1.0 / 1188.0,
        -691.0 / 360_360.0,
        1.0 / 156.0,
    ];
    let square = 1.0 / (z * z);
    SERIES.iter().rev().fold(0.0, |sum, term| sum * square + term) / z
}

/// x ln(x / m) + m - x, by a series where x is near m.
fn deviance(x: f64, m: f64) -> f64 {
    let v = (x - m) / (x + m);
    if v.abs() >= 0.1 {
        return x * log(x / m) + m - x;
    }
    let mut sum = (x - m) * v;
    let mut power = 2.0 * x * v;
    for k in 1..200_u32 {
        power *= v * v;
        let next = sum + power / f64::from(2 * k + 1);
        if next == sum {
            break;
        }
        sum = next;
    }
    sum
}

fn continued_fraction(a: f64, b: f64, x: f64) -> f64 {
    const TINY: f64 = 1e-300;
    let guard = |value: f64| if value.abs() < TINY { TINY } else { value };
    let mut c = 1.0;
    let mut d = 1.0 / guard(1.0 - (a + b) * x / (a + 1.0));
    let mut fraction = d;
    for m in 1..100_000_u32 {
        let m = f64::from(m);
        let even = m * (b - m) * x / ((a + 2.0 * m - 1.0) * (a + 2.0 * m));
        d = 1.0 / guard(1.0 + even * d);
        c = guard(1.0 + even / c);
        fraction *= d * c;
        let odd = -(a + m) * (a + b + m) * x / ((a + 2.0 * m) * (a + 2.0 * m + 1.0));
        d = 1.0 / guard(1.0 + odd * d);
        c = guard(1.0 + odd / c);
        fraction *= d * c;
        if (d * c - 1.0).abs() < 1e-16 {
            break;
        }
    }
    fraction
}

/// The root x <= 1/2 of I_x(a, b) = p, where q = 1 - p: Newton steps in ln x, kept in a shrinking bracket.
fn smaller_root(a: f64, b: f64, p: f64, q: f64) -> f64 {
    let (mut low, mut high) = (log(f64::MIN_POSITIVE), -std::f64::consts::LN_2);
    // Near 0, I_x(a, b) is about x^a / (a B(a, b)).
    let ln_beta = lgamma(a) + lgamma(b) - lgamma(a + b);
    let start = (log(p) + log(a) + ln_beta) / a;
    let mut u = start.clamp(low, high);
    for _ in 0..2_000 {
        let x = exp(u);
        let reached = tails(a, b, x);
        // Positive when x is too large; its slope in ln x is density * x over the tail used.
        let (excess, tail) = if p <= q {
            (log(reached.lower) - log(p), reached.lower)
        } else {
            (log(q) - log(reached.upper), reached.upper)
        };
        if excess > 0.0 {
            high = u;
        } else {
            low = u;
        }
        let slope = exp(ln_prefix(a, b, x, 1.0 - x) - log1p(-x)) / tail;
        let newton = u - excess / slope;
        // A step halves the exponent of the error: after one this small nothing is left to gain.
        if (newton - u).abs() < 1e-9 {
            u = newton;
            break;
        }
        u = if newton > low && newton < high { newton } else { 0.5 * (low + high) };
    }
    exp(u)
}

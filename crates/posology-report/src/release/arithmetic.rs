//! What percentages can and cannot be: which denominators give one, which parts add up, which totals nest.

use rust_decimal::{Decimal, RoundingStrategy};

/// A percentage as printed: its value and its decimals.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Printed {
    /// The value.
    pub value: Decimal,
    /// Decimals printed.
    pub decimals: u32,
}

impl Printed {
    /// A percentage as its digits stand in the text.
    #[must_use]
    pub fn new(value: Decimal) -> Self {
        Self { value, decimals: value.scale() }
    }

    /// Whether x of n rounds to it, half up.
    ///
    /// ```
    /// use posology_report::release::Printed;
    /// let printed = Printed::new("57".parse().unwrap());
    /// assert!(printed.is_of(13, 23)); // 56.52
    /// assert!(!printed.is_of(4, 8));
    /// ```
    #[must_use]
    pub fn is_of(self, x: u32, n: u32) -> bool {
        share(x, n).is_some_and(|share| {
            share.round_dp_with_strategy(self.decimals, RoundingStrategy::MidpointAwayFromZero) == self.value
        })
    }

    /// Whether x of n cut off gives it where rounding does not: a weaker finding.
    #[must_use]
    pub fn is_cut_off_from(self, x: u32, n: u32) -> bool {
        !self.is_of(x, n)
            && share(x, n).is_some_and(|share| share.trunc_with_scale(self.decimals) == self.value)
    }

    /// The x of n that gives it, if one does.
    #[must_use]
    pub fn numerator(self, n: u32) -> Option<u32> {
        (0..=n).find(|x| self.is_of(*x, n))
    }

    /// The numbers of patients up to a limit that can give it.
    ///
    /// ```
    /// use posology_report::release::Printed;
    /// let can = |text: &str, most| Printed::new(text.parse().unwrap()).denominators(most);
    /// assert_eq!(can("57", 30), [7, 14, 21, 23, 28, 30]);
    /// assert_eq!(can("30", 30), [10, 20, 23, 27, 30]);
    /// ```
    #[must_use]
    pub fn denominators(self, most: u32) -> Vec<u32> {
        (1..=most).filter(|n| self.numerator(*n).is_some()).collect()
    }

    /// Half a unit of the last decimal: how far the true value may lie off.
    #[must_use]
    pub fn half_unit(self) -> Decimal {
        Decimal::new(5, self.decimals + 1)
    }
}

fn share(x: u32, n: u32) -> Option<Decimal> {
    if n == 0 {
        return None;
    }
    Decimal::from(x).checked_mul(Decimal::ONE_HUNDRED)?.checked_div(n.into())
}

/// Whether printed parts can add up to a printed whole: each may be off by half a unit of its last decimal.
#[must_use]
pub fn adds_up(parts: &[Printed], whole: Printed) -> bool {
    let sum: Decimal = parts.iter().map(|part| part.value).sum();
    let slack: Decimal = parts.iter().map(|part| part.half_unit()).sum::<Decimal>() + whole.half_unit();
    (sum - whole.value).abs() <= slack
}

/// Whether printed parts exclude each other: more than all of the patients cannot be in them.
#[must_use]
pub fn exceeds_all(parts: &[Printed]) -> bool {
    let sum: Decimal = parts.iter().map(|part| part.value).sum();
    let slack: Decimal = parts.iter().map(|part| part.half_unit()).sum();
    sum > Decimal::ONE_HUNDRED + slack
}

/// The edits between two words: letters put in, left out or exchanged.
#[must_use]
pub fn edits(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().take(200).collect(), b.chars().take(200).collect());
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, one) in a.iter().enumerate() {
        let mut before = i;
        if let Some(first) = row.first_mut() {
            *first = i + 1;
        }
        for (j, other) in b.iter().enumerate() {
            let above = row.get(j + 1).copied().unwrap_or(0);
            let left = row.get(j).copied().unwrap_or(0);
            let best = (before + usize::from(one != other)).min(above + 1).min(left + 1);
            before = above;
            if let Some(cell) = row.get_mut(j + 1) {
                *cell = best;
            }
        }
    }
    row.last().copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn printed(text: &str) -> Printed {
        Printed::new(text.parse().unwrap())
    }

    #[test]
    fn the_denominators_of_a_printed_percentage_are_those_worked_out_by_hand() {
        assert_eq!(printed("57.1").denominators(40), [7, 14, 21, 28, 35]);
        assert_eq!(printed("33").denominators(24), [3, 6, 9, 12, 15, 18, 21, 24]);
        assert_eq!(printed("38").denominators(30), [8, 13, 16, 21, 24, 26, 29]);
        assert_eq!(printed("80").denominators(41), [5, 10, 15, 20, 25, 30, 35, 40, 41]);
        assert_eq!(printed("46").denominators(30), [13, 24, 26, 28]);
        assert_eq!(printed("100").denominators(3), [1, 2, 3]);
    }

    #[test]
    fn a_figure_that_was_cut_off_is_told_apart_from_a_rounded_one() {
        assert!(!printed("42.8").is_of(3, 7) && printed("42.8").is_cut_off_from(3, 7));
        assert!(printed("42.9").is_of(3, 7));
    }

    #[test]
    fn parts_may_miss_the_whole_by_their_rounding_and_no_more() {
        let third = printed("33");
        assert!(adds_up(&[third, third, third], printed("100")));
        assert!(!adds_up(&[printed("50"), printed("42")], printed("100")));
        assert!(exceeds_all(&[printed("60"), printed("50")]));
        assert!(!exceeds_all(&[printed("67"), printed("33")]));
    }

    #[test]
    fn edits_count_letters() {
        assert_eq!(edits("biopharma", "biofarma"), 2);
        assert_eq!(edits("northlake", "northlake"), 0);
        assert_eq!(edits("cellectar", "cellecter"), 1);
    }
}

//! Who is allocated to which arm: permuted blocks within strata, computed from a seed.
//!
//! Start at [`Place::next`]. The protocol states the seed's SHA-256 and who holds it, never the seed: whoever enrols sees one
//! allocation at a time, after it was made, and afterwards anyone with the seed can check them all ([`unlike`]). Pure: the seed
//! comes in, nothing is drawn from elsewhere.
//!
//! The list of a stratum: key = the first 64 bits of SHA-256 of trial, seed and the stratum's number (from 0), a line each; the
//! uniforms of block b are those of `numpy.random.Philox(key=[key, 0], counter=[0, 0, b, 0])`. The first chooses the length
//! among the protocol's block lengths; the arms, equally often and in order, are then shuffled from the last place down
//! (Fisher and Yates; Durstenfeld R. Commun ACM 1964;7:420).

use posology_design::random::Stream;
use posology_design::randomised::Settings;

use crate::event::{Randomisation, sha256};
use crate::protocol::Protocol;

/// A place of the list: which block, which place in it, which arm.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// Block within the stratum, from 1.
    pub block: u32,
    /// Place within the block, from 1.
    pub position: u32,
    /// The arm, from 0, in the order of the settings.
    pub arm: usize,
}

/// The number of a stratum, from 0: the last factor changes fastest. None where a category is not one of its factor.
///
/// ```
/// use posology_design::randomised::{Settings, Stratum};
/// use posology_trial::randomisation::stratum_number;
/// let factor = |name: &str, categories: [&str; 2]| Stratum {
///     name: name.into(),
///     categories: categories.map(String::from).into(),
/// };
/// let strata = vec![factor("Earlier lines", ["1-2", "3 or more"]), factor("Age", ["under 70", "70 or more"])];
/// let settings = Settings { strata, ..Settings::default() };
/// let number = |lines: &str, age: &str| stratum_number(&settings, &[lines.to_owned(), age.to_owned()]);
/// assert_eq!((number("1-2", "70 or more"), number("3 or more", "under 70")), (Some(1), Some(2)));
/// assert_eq!(number("3", "under 70"), None);
/// ```
#[must_use]
pub fn stratum_number(settings: &Settings, categories: &[String]) -> Option<u64> {
    if categories.len() != settings.strata.len() {
        return None;
    }
    settings.strata.iter().zip(categories).try_fold(0_u64, |number, (factor, category)| {
        let place = u64::try_from(factor.categories.iter().position(|known| known == category)?).ok()?;
        number.checked_mul(u64::try_from(factor.categories.len()).ok()?)?.checked_add(place)
    })
}

/// The arms of one block of a stratum, in order of allocation; empty without block lengths.
#[must_use]
pub fn block(trial: &str, seed: &str, settings: &Settings, stratum: u64, block: u32) -> Vec<usize> {
    let digest = sha256(format!("{trial}\n{seed}\n{stratum}").as_bytes());
    let key = digest.get(..16).and_then(|first| u64::from_str_radix(first, 16).ok()).unwrap_or_default();
    let mut stream = Stream::new(key, u64::from(block), 0);
    let chosen = below(stream.uniform(), settings.block_sizes.len());
    let length = settings.block_sizes.get(chosen).map_or(0, |length| *length as usize);
    let arms = settings.arms.len().max(1);
    let mut order: Vec<usize> = (0..length).map(|place| place % arms).collect();
    for last in (1..length).rev() {
        order.swap(last, below(stream.uniform(), last + 1));
    }
    order
}

/// A whole number below `most`, from a uniform in [0, 1).
fn below(uniform: f64, most: usize) -> usize {
    ((uniform * most as f64) as usize).min(most.saturating_sub(1))
}

impl Place {
    /// The place that follows so many allocations in a stratum; none without block lengths.
    ///
    /// ```
    /// use posology_design::randomised::Settings;
    /// use posology_trial::randomisation::Place;
    /// let arms = vec!["R1".to_owned(), "R2".to_owned()];
    /// let settings = Settings { arms, block_sizes: vec![4], ..Settings::default() };
    /// let places: Vec<Place> = (0..8).filter_map(|taken| Place::next("T", "a seed", &settings, 0, taken)).collect();
    /// assert_eq!(places.iter().filter(|place| place.arm == 0).count(), 4); // two in each block of four
    /// assert_eq!((places[4].block, places[4].position), (2, 1));
    /// ```
    #[must_use]
    pub fn next(trial: &str, seed: &str, settings: &Settings, stratum: u64, taken: u32) -> Option<Self> {
        let mut before = 0_u32;
        for number in 1..=taken.saturating_add(1) {
            let order = block(trial, seed, settings, stratum, number);
            let length = u32::try_from(order.len()).ok().filter(|length| *length > 0)?;
            if taken < before.saturating_add(length) {
                let place = taken - before;
                let arm = order.get(usize::try_from(place).ok()?).copied()?;
                return Some(Self { block: number, position: place + 1, arm });
            }
            before = before.saturating_add(length);
        }
        None
    }
}

/// The allocations that the seed does not give, each with what it gives instead; those of a stratum in their order.
#[must_use]
pub fn unlike(protocol: &Protocol, seed: &str, made: &[&Randomisation]) -> Vec<String> {
    let Some(randomised) = &protocol.randomised else { return Vec::new() };
    let settings = &randomised.comparison;
    let mut unlike = Vec::new();
    for (index, one) in made.iter().enumerate() {
        let earlier = made.iter().take(index).filter(|other| other.stratum == one.stratum).count();
        let place = stratum_number(settings, &one.stratum).and_then(|stratum| {
            Place::next(&protocol.trial.id, seed, settings, stratum, u32::try_from(earlier).ok()?)
        });
        let arm = place.and_then(|place| settings.arms.get(place.arm));
        let same = place.is_some_and(|place| (place.block, place.position) == (one.block, one.position))
            && arm == Some(&one.arm);
        if !same {
            let given = place.zip(arm).map_or_else(
                || "none".to_owned(),
                |(place, arm)| format!("arm {arm}, block {}, place {}", place.block, place.position),
            );
            unlike.push(format!(
                "{}: recorded arm {}, block {}, place {}; the seed gives {given}",
                one.subject, one.arm, one.block, one.position
            ));
        }
    }
    unlike
}

/// What the protocol states of a seed: the SHA-256 of its text without white space around it.
#[must_use]
pub fn seed_sha256(seed: &str) -> String {
    sha256(seed.trim().as_bytes())
}

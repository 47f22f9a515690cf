//! The levels a design may choose between, in rising order, and what a file may say about them.

use std::fmt;
use std::num::NonZeroU32;

use serde::{Deserialize, Serialize};

/// The greatest number of levels a ladder may have.
pub const LEVELS_MAX: u32 = 100;

/// A place on the ladder, counted from 1, the lowest.
///
/// ```
/// use posology_design::Level;
/// let level = Level::new(2).unwrap();
/// assert_eq!((level.number(), level.index()), (2, 1));
/// assert_eq!(Level::new(0), None);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Level(NonZeroU32);

impl Level {
    /// The lowest level.
    pub const FIRST: Self = Self(NonZeroU32::MIN);

    /// The level with this number; none for 0.
    pub fn new(number: u32) -> Option<Self> {
        NonZeroU32::new(number).map(Self)
    }

    /// The level at this place of a list that begins with the lowest level at 0.
    pub fn at_index(index: usize) -> Self {
        let above_first = u32::try_from(index).unwrap_or(u32::MAX);
        Self(NonZeroU32::MIN.saturating_add(above_first))
    }

    /// Its number, from 1.
    pub fn number(self) -> u32 {
        self.0.get()
    }

    /// Its place in a list that begins with the lowest level at 0.
    pub fn index(self) -> usize {
        self.number() as usize - 1
    }

    /// The next level up, whether or not the ladder has it.
    #[must_use]
    pub fn above(self) -> Self {
        Self(self.0.saturating_add(1))
    }
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.number().fmt(f)
    }
}

/// The setting `doses`: how many levels there are, or what each is called, from the lowest up.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(untagged, expecting = "expected the number of levels, or a list of their labels")]
pub enum Doses {
    /// The number of levels.
    Count(u32),
    /// One label a level.
    Labels(Vec<String>),
}

impl Doses {
    /// The number of levels.
    pub fn levels(&self) -> u32 {
        match self {
            Self::Count(count) => *count,
            Self::Labels(labels) => u32::try_from(labels.len()).unwrap_or(u32::MAX),
        }
    }
}

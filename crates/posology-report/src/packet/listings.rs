//! Listings: a row a record, sorted by level, subject and date.

use super::{Review, exposure, laboratory, response};
use crate::document::Block;

/// Fractions, the course of each blood count and each response assessment, under their heading.
pub(super) fn blocks(review: Review<'_>) -> Vec<Block> {
    let analysis = review.analysis;
    let mut blocks = vec![
        Block::section(1, "listings", "Listings"),
        Block::Table { table: exposure::listing(analysis), landscape: true },
    ];
    blocks.extend(laboratory::listings(analysis));
    blocks.push(Block::Table { table: response::listing(analysis), landscape: true });
    blocks
}

//! How wide a text will be, so that nothing is clipped and nothing overlaps.
//!
//! Advances are those of the bundled Source Sans 3 without kerning (which only ever tightens); characters outside ASCII
//! get a width that is enough for the Latin and Greek letters and signs of that font.

/// Weight of a text, as the bundled fonts have it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Weight {
    Regular,
    SemiBold,
}

/// Advances of U+0020 to U+007E in thousandths of the font size, from the font's `hmtx` table.
const REGULAR: [u16; 95] = [
    200, 289, 426, 497, 497, 824, 609, 249, 303, 303, 418, 497, 249, 311, 249, 350, 497, 497, 497, 497, 497,
    497, 497, 497, 497, 497, 249, 249, 497, 497, 497, 425, 847, 543, 588, 571, 615, 527, 494, 617, 652, 263,
    479, 579, 486, 727, 647, 664, 566, 664, 569, 534, 536, 645, 515, 786, 513, 476, 539, 303, 350, 303, 497,
    500, 542, 504, 553, 456, 555, 496, 292, 504, 544, 246, 247, 495, 255, 829, 547, 542, 555, 555, 347, 419,
    338, 544, 467, 719, 446, 467, 425, 303, 241, 303, 497,
];
const SEMI_BOLD: [u16; 95] = [
    200, 315, 482, 513, 513, 841, 639, 275, 324, 324, 438, 513, 275, 322, 275, 344, 513, 513, 513, 513, 513,
    513, 513, 513, 513, 513, 275, 275, 513, 513, 513, 444, 875, 558, 597, 576, 625, 538, 510, 628, 663, 282,
    494, 597, 502, 745, 657, 674, 582, 674, 592, 545, 546, 655, 536, 800, 541, 501, 540, 324, 344, 324, 513,
    500, 549, 516, 563, 462, 564, 507, 317, 520, 558, 262, 263, 522, 271, 843, 560, 549, 564, 564, 373, 431,
    361, 556, 495, 748, 481, 495, 443, 324, 255, 324, 513,
];

/// Width of `text` at `size`, in the unit of `size`.
pub(crate) fn width(text: &str, size: f64, weight: Weight) -> f64 {
    let table = if weight == Weight::Regular { &REGULAR } else { &SEMI_BOLD };
    let thousandths: u32 = text
        .chars()
        .map(|character| {
            let place = (character as usize).wrapping_sub(0x20);
            table.get(place).map_or_else(|| beyond_ascii(character), |&advance| u32::from(advance))
        })
        .sum();
    f64::from(thousandths) * size / 1000.0
}

fn beyond_ascii(character: char) -> u32 {
    match character {
        '·' | '‘' | '’' => 275,
        '²' | '³' | '⁰' | '¹' => 372,
        '–' | '−' | '≥' | '≤' | '×' | '±' | '‡' | '†' => 513,
        '→' | 'µ' | 'μ' => 619,
        '…' => 964,
        _ if (character as u32) < 0x0600 => 860,
        _ => 1100,
    }
}

/// `text`, cut with an ellipsis so that it is at most `room` wide.
pub(crate) fn fit(text: &str, room: f64, size: f64, weight: Weight) -> String {
    if width(text, size, weight) <= room {
        return text.to_owned();
    }
    let mut kept = String::new();
    for character in text.chars() {
        let longer = format!("{kept}{character}");
        if width(&longer, size, weight) + width("…", size, weight) > room {
            break;
        }
        kept = longer;
    }
    format!("{}…", kept.trim_end())
}

/// `text` broken at spaces into lines at most `room` wide; a word too long for a line is cut.
pub(crate) fn wrap(text: &str, room: f64, size: f64, weight: Weight) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        let word = fit(word, room, size, weight);
        match lines.last_mut() {
            Some(line)
                if width(line, size, weight) + width(" ", size, weight) + width(&word, size, weight)
                    <= room =>
            {
                line.push(' ');
                line.push_str(&word);
            }
            _ => lines.push(word),
        }
    }
    lines
}

/// Moves `wanted` positions (in any order) apart so that neighbours are at least `gap` from each other and all lie
/// within `low` to `high`, moving the whole as little as possible (least squares, by pooling neighbours). If they cannot
/// all fit, they are spaced evenly.
pub(crate) fn spread(wanted: &[f64], gap: f64, low: f64, high: f64) -> Vec<f64> {
    if wanted.is_empty() {
        return Vec::new();
    }
    let last = (wanted.len() - 1) as f64;
    let gap = if last > 0.0 { gap.min((high - low) / last) } else { gap };
    let mut order: Vec<usize> = (0..wanted.len()).collect();
    order.sort_by(|&a, &b| wanted[a].total_cmp(&wanted[b]).then(a.cmp(&b)));
    // Positions less the room that those before need: to keep apart is then to be nondecreasing.
    let mut blocks: Vec<(f64, usize)> = Vec::new();
    for (rank, &index) in order.iter().enumerate() {
        let mut block = (wanted[index] - gap * rank as f64, 1);
        while let Some(&(mean, count)) = blocks.last() {
            if mean <= block.0 {
                break;
            }
            blocks.pop();
            let total = count + block.1;
            block = ((mean * count as f64 + block.0 * block.1 as f64) / total as f64, total);
        }
        blocks.push(block);
    }
    let highest = (high - gap * last).max(low);
    let level = blocks.iter().flat_map(|&(mean, count)| std::iter::repeat_n(mean.clamp(low, highest), count));
    let mut placed = vec![0.0; wanted.len()];
    for ((rank, &index), start) in order.iter().enumerate().zip(level) {
        placed[index] = start + gap * rank as f64;
    }
    placed
}

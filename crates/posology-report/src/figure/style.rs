//! The one palette, and what each mark means in all figures.
//!
//! Hues are those of Okabe and Ito (Color Universal Design, 2008), ordered so that neighbours also differ in
//! lightness: in grey the order of depth of response remains, and hatching tells MR from SD.

pub(crate) const INK: &str = "#1c1f23";
pub(crate) const SOFT: &str = "#59616b";
pub(crate) const AXIS: &str = "#7d858f";
pub(crate) const RULE: &str = "#c9ced4";
pub(crate) const FAINT: &str = "#edf0f3";
pub(crate) const WHITE: &str = "#ffffff";

pub(crate) const BLUE: &str = "#0072b2";
pub(crate) const VERMILLION: &str = "#d55e00";
pub(crate) const GREEN: &str = "#009e73";
pub(crate) const SKY: &str = "#56b4e9";
pub(crate) const YELLOW: &str = "#f0e442";
pub(crate) const PURPLE: &str = "#cc79a7";
pub(crate) const ORANGE: &str = "#e69f00";
const NAVY: &str = "#12334f";
const SILVER: &str = "#c3c8ce";

/// A fill, with hatching of a second colour where lightness alone would not tell it apart.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Fill {
    pub(crate) colour: &'static str,
    pub(crate) hatch: Option<&'static str>,
}

const fn plain(colour: &'static str) -> Fill {
    Fill { colour, hatch: None }
}

/// Response codes from deepest to none, with their fills: those of myeloma, and of criteria that share the words.
const RESPONSES: [(&str, Fill); 9] = [
    ("sCR", plain(NAVY)),
    ("CR", plain(BLUE)),
    ("VGPR", plain(GREEN)),
    ("PR", plain(SKY)),
    ("MR", Fill { colour: YELLOW, hatch: Some(ORANGE) }),
    ("SD", plain(SILVER)),
    ("PD", Fill { colour: VERMILLION, hatch: Some(WHITE) }),
    ("NE", Fill { colour: WHITE, hatch: Some(SILVER) }),
    ("", plain(FAINT)),
];

/// How a response is filled; a code outside the list is purple and told apart by its label.
pub(crate) fn response(code: &str) -> Fill {
    RESPONSES.iter().find(|(name, _)| *name == code).map_or(plain(PURPLE), |(_, fill)| *fill)
}

/// The different codes among `found`, deepest response first, others after in order of appearance.
pub(crate) fn responses_in_order<'a>(found: impl Iterator<Item = &'a str>) -> Vec<&'a str> {
    let mut codes: Vec<&str> = Vec::new();
    for code in found {
        if !codes.contains(&code) {
            codes.push(code);
        }
    }
    codes.sort_by_key(|code| RESPONSES.iter().position(|(name, _)| name == code).unwrap_or(RESPONSES.len()));
    codes
}

/// Line colours and dashes: a series beyond the colours takes them again with the next dash.
const LINES: [&str; 7] = [BLUE, VERMILLION, GREEN, INK, ORANGE, PURPLE, SKY];
const DASHES: [&str; 4] = ["", "5 2.5", "1.5 2", "7 2 1.5 2"];

pub(crate) fn line(index: usize) -> (&'static str, &'static str) {
    (LINES[index % LINES.len()], DASHES[(index / LINES.len() + index) % DASHES.len()])
}

/// Colour of the `index`th of `count` levels: light to dark, so that the order survives a grey print.
pub(crate) fn level(index: usize, count: usize) -> String {
    const STOPS: [(f64, f64, f64); 4] =
        [(158.0, 196.0, 226.0), (86.0, 152.0, 200.0), (0.0, 104.0, 162.0), (12.0, 40.0, 68.0)];
    let place = if count > 1 { index as f64 / (count - 1) as f64 * 3.0 } else { 2.0 };
    let stop = (place.floor() as usize).min(2);
    let share = (place - stop as f64).clamp(0.0, 1.0);
    let (a, b) = (STOPS[stop], STOPS[stop + 1]);
    let mix = |a: f64, b: f64| (a + (b - a) * share).round() as u8;
    format!("#{:02x}{:02x}{:02x}", mix(a.0, b.0), mix(a.1, b.1), mix(a.2, b.2))
}

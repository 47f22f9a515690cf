//! Marks on paper: the SVG writer. Everything drawn passes through here, so that numbers are printed one way, text is
//! escaped, and labels stand above all marks.

use std::fmt::Write;

use super::style::{AXIS, Fill, INK, SOFT, WHITE};
use super::text::{self, Weight};

/// Width of every figure in its own unit of a quarter millimetre: 160 mm.
pub(crate) const WIDTH: f64 = 640.0;

const FONTS: &str = "'Source Sans 3','Source Sans Pro','Helvetica Neue',Arial,sans-serif";

/// Keeps a text legible above lines.
const RIM: &str = " stroke=\"#ffffff\" stroke-width=\"2\" stroke-linejoin=\"round\" paint-order=\"stroke\"";

/// Which point of a text its position names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Anchor {
    Start,
    Middle,
    End,
}

/// How a text is set.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Type {
    pub(crate) size: f64,
    pub(crate) weight: Weight,
    pub(crate) colour: &'static str,
}

pub(crate) const TITLE: Type = Type { size: 11.0, weight: Weight::SemiBold, colour: INK };
pub(crate) const BODY: Type = Type { size: 10.5, weight: Weight::Regular, colour: INK };
pub(crate) const STRONG: Type = Type { size: 10.0, weight: Weight::SemiBold, colour: INK };
pub(crate) const SMALL: Type = Type { size: 9.5, weight: Weight::Regular, colour: INK };
pub(crate) const NOTE: Type = Type { size: 9.0, weight: Weight::Regular, colour: SOFT };

impl Type {
    pub(crate) fn width(&self, content: &str) -> f64 {
        text::width(content, self.size, self.weight)
    }

    pub(crate) fn fit(&self, content: &str, room: f64) -> String {
        text::fit(content, room, self.size, self.weight)
    }

    /// Widest of `contents`; 0 for none.
    pub(crate) fn widest<'a>(&self, contents: impl IntoIterator<Item = &'a str>) -> f64 {
        contents.into_iter().map(|content| self.width(content)).fold(0.0, f64::max)
    }
}

/// Shapes that stand for a fact, all drawn as paths.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Symbol {
    Disc,
    Ring,
    /// A circle of which this share, clockwise from the top, is filled.
    Share(f64),
    /// A circle filled in its left half.
    Half,
    Cross,
    HollowCross,
    Up,
    Down,
    HollowDown,
    Right,
    Square,
    Diamond,
    HollowDiamond,
}

/// Free space at both sides of a label, so that two of them do not read as one.
const WORD_GAP: f64 = 3.0;

#[derive(Clone, Copy, Debug)]
struct Area {
    left: f64,
    top: f64,
    right: f64,
    bottom: f64,
}

/// A picture being drawn: marks below, labels above.
#[derive(Debug, Default)]
pub(crate) struct Canvas {
    marks: String,
    labels: String,
    taken: Vec<Area>,
    has_links: bool,
}

impl Canvas {
    /// A straight line; `dash` is empty for a full one.
    pub(crate) fn line(&mut self, from: (f64, f64), to: (f64, f64), colour: &str, width: f64, dash: &str) {
        self.path(&[from, to], colour, width, dash);
    }

    /// An open line through `points`.
    pub(crate) fn path(&mut self, points: &[(f64, f64)], colour: &str, width: f64, dash: &str) {
        if points.len() < 2 {
            return;
        }
        let dash = if dash.is_empty() { String::new() } else { format!(" stroke-dasharray=\"{dash}\"") };
        let _ = writeln!(
            self.marks,
            "<path d=\"{}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"{}\" stroke-linejoin=\"round\"{dash}/>",
            outline(points),
            number(width)
        );
    }

    /// A filled polygon; `opacity` from 0 to 1.
    pub(crate) fn polygon(&mut self, points: &[(f64, f64)], colour: &str, opacity: f64) {
        let opacity =
            if opacity < 1.0 { format!(" fill-opacity=\"{}\"", number(opacity)) } else { String::new() };
        let _ = writeln!(self.marks, "<path d=\"{}Z\" fill=\"{colour}\"{opacity}/>", outline(points));
    }

    pub(crate) fn rect(&mut self, left: f64, top: f64, width: f64, height: f64, colour: &str) {
        let _ = writeln!(
            self.marks,
            "<rect x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\" fill=\"{colour}\"/>",
            number(left),
            number(top),
            number(width.max(0.0)),
            number(height.max(0.0))
        );
    }

    /// A rectangle with its hatching, and a thin outline where its fill is as light as the paper.
    pub(crate) fn bar(&mut self, left: f64, top: f64, width: f64, height: f64, fill: Fill) {
        self.rect(left, top, width, height, fill.colour);
        if let Some(hatch) = fill.hatch {
            let (right, bottom) = (left + width, top + height);
            // Lines x + y = c, each cut at the sides of the rectangle.
            let mut sum = left + top + 2.0;
            while sum < right + bottom {
                let from = if sum - left <= bottom { (left, sum - left) } else { (sum - bottom, bottom) };
                let to = if sum - top <= right { (sum - top, top) } else { (right, sum - right) };
                self.line(from, to, hatch, 0.9, "");
                sum += 5.0;
            }
        }
        if fill.colour == WHITE {
            let corners = [
                (left, top),
                (left + width, top),
                (left + width, top + height),
                (left, top + height),
                (left, top),
            ];
            self.path(&corners, AXIS, 0.6, "");
        }
    }

    /// `symbol` centred at (`x`, `y`), reaching `radius` to each side.
    pub(crate) fn symbol(&mut self, symbol: Symbol, x: f64, y: f64, radius: f64, colour: &str) {
        let r = radius;
        match symbol {
            Symbol::Disc => self.circle(x, y, r, colour, colour),
            Symbol::Ring => self.circle(x, y, r - 0.4, WHITE, colour),
            Symbol::Share(share) => {
                self.circle(x, y, r - 0.4, WHITE, colour);
                self.sector(x, y, r - 0.4, share, colour);
            }
            Symbol::Half => {
                self.circle(x, y, r - 0.4, WHITE, colour);
                let r = r - 0.4;
                let _ = writeln!(
                    self.marks,
                    "<path d=\"M{x},{top}A{r},{r} 0 0 0 {x},{bottom}Z\" fill=\"{colour}\"/>",
                    x = number(x),
                    top = number(y - r),
                    bottom = number(y + r),
                    r = number(r)
                );
            }
            Symbol::Cross => self.polygon(&cross(x, y, r), colour, 1.0),
            Symbol::HollowCross => self.outlined(&cross(x, y, r), colour),
            Symbol::Up => {
                self.polygon(&[(x, y - r), (x + r, y + 0.8 * r), (x - r, y + 0.8 * r)], colour, 1.0)
            }
            Symbol::Down => {
                self.polygon(&[(x, y + r), (x + r, y - 0.8 * r), (x - r, y - 0.8 * r)], colour, 1.0)
            }
            Symbol::HollowDown => {
                self.outlined(&[(x, y + r), (x + r, y - 0.8 * r), (x - r, y - 0.8 * r)], colour)
            }
            Symbol::Right => {
                self.polygon(&[(x + r, y), (x - 0.8 * r, y + r), (x - 0.8 * r, y - r)], colour, 1.0)
            }
            Symbol::Square => {
                let s = 0.85 * r;
                self.polygon(&[(x - s, y - s), (x + s, y - s), (x + s, y + s), (x - s, y + s)], colour, 1.0);
            }
            Symbol::Diamond => self.polygon(&[(x, y - r), (x + r, y), (x, y + r), (x - r, y)], colour, 1.0),
            Symbol::HollowDiamond => self.outlined(&[(x, y - r), (x + r, y), (x, y + r), (x - r, y)], colour),
        }
    }

    fn circle(&mut self, x: f64, y: f64, radius: f64, fill: &str, stroke: &str) {
        let _ = writeln!(
            self.marks,
            "<circle cx=\"{}\" cy=\"{}\" r=\"{}\" fill=\"{fill}\" stroke=\"{stroke}\" stroke-width=\"0.9\"/>",
            number(x),
            number(y),
            number(radius)
        );
    }

    fn sector(&mut self, x: f64, y: f64, radius: f64, share: f64, colour: &str) {
        if share.is_nan() || share <= 0.0 {
            return;
        }
        let turn = share.min(0.9999) * std::f64::consts::TAU;
        let _ = writeln!(
            self.marks,
            "<path d=\"M{x},{y}L{x},{top}A{r},{r} 0 {large} 1 {end_x},{end_y}Z\" fill=\"{colour}\"/>",
            x = number(x),
            y = number(y),
            top = number(y - radius),
            r = number(radius),
            large = i32::from(share > 0.5),
            end_x = number(x + radius * turn.sin()),
            end_y = number(y - radius * turn.cos())
        );
    }

    fn outlined(&mut self, points: &[(f64, f64)], colour: &str) {
        let _ = writeln!(
            self.marks,
            "<path d=\"{}Z\" fill=\"{WHITE}\" stroke=\"{colour}\" stroke-width=\"1\" stroke-linejoin=\"round\"/>",
            outline(points)
        );
    }

    /// Draws marks as one, named by `words` on hover; with `href` they are a link, named so to screen readers, too.
    /// `target` (left, top, width, height) is what the pointer has to meet.
    pub(crate) fn named(
        &mut self,
        words: &str,
        href: Option<&str>,
        target: (f64, f64, f64, f64),
        draw: impl FnOnce(&mut Self),
    ) {
        let words = escaped(words);
        let tag = if href.is_some() { "a" } else { "g" };
        let _ = match href {
            Some(href) => {
                self.has_links = true;
                write!(self.marks, "<a href=\"{}\" aria-label=\"{words}\">", escaped(href))
            }
            None => write!(self.marks, "<g>"),
        };
        let (left, top, width, height) = target;
        let _ = writeln!(
            self.marks,
            "<title>{words}</title><rect x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\" fill=\"{WHITE}\" fill-opacity=\"0\"/>",
            number(left),
            number(top),
            number(width.max(0.0)),
            number(height.max(0.0))
        );
        draw(self);
        let _ = writeln!(self.marks, "</{tag}>");
    }

    /// A line that ends at (`x`, `y`) in an arrow head pointing right.
    pub(crate) fn arrow_right(&mut self, from: f64, x: f64, y: f64, colour: &str) {
        self.line((from, y), (x - 3.0, y), colour, 1.1, "");
        self.polygon(&[(x, y), (x - 5.0, y - 3.0), (x - 5.0, y + 3.0)], colour, 1.0);
    }

    /// `content` with its baseline at `y`, above all marks.
    pub(crate) fn text(&mut self, x: f64, y: f64, anchor: Anchor, how: Type, content: &str) {
        self.taken.push(area(x, y, anchor, how, content));
        self.write(x, y, anchor, how, content, "");
    }

    /// `content` read from below, its baseline at `x`; `y` is its lower (start) or upper (end) limit.
    pub(crate) fn text_upward(&mut self, x: f64, y: f64, anchor: Anchor, how: Type, content: &str) {
        let turn = format!(" transform=\"rotate(-90 {} {})\"", number(x), number(y));
        self.write(x, y, anchor, how, content, &format!("{turn}{RIM}"));
    }

    fn write(&mut self, x: f64, y: f64, anchor: Anchor, how: Type, content: &str, also: &str) {
        let anchor = match anchor {
            Anchor::Start => "",
            Anchor::Middle => " text-anchor=\"middle\"",
            Anchor::End => " text-anchor=\"end\"",
        };
        let weight = if how.weight == Weight::SemiBold { " font-weight=\"600\"" } else { "" };
        let _ = writeln!(
            self.labels,
            "<text x=\"{}\" y=\"{}\" font-size=\"{}\" fill=\"{}\"{anchor}{weight}{also}>{}</text>",
            number(x),
            number(y),
            number(how.size),
            how.colour,
            escaped(content)
        );
    }

    /// Keeps free labels ([`Canvas::label`]) off a mark.
    pub(crate) fn occupy(&mut self, left: f64, top: f64, right: f64, bottom: f64) {
        self.taken.push(Area { left, top, right, bottom });
    }

    /// Keeps free labels off an open line.
    pub(crate) fn occupy_path(&mut self, points: &[(f64, f64)]) {
        for pair in points.windows(2) {
            let ((x0, y0), (x1, y1)) = (pair[0], pair[1]);
            let parts = ((x1 - x0).abs().max((y1 - y0).abs()) / 3.0).ceil().clamp(1.0, 400.0);
            for part in 0..=parts as usize {
                let share = part as f64 / parts;
                let (x, y) = (x0 + (x1 - x0) * share, y0 + (y1 - y0) * share);
                self.occupy(x - 1.2, y - 1.2, x + 1.2, y + 1.2);
            }
        }
    }

    /// Writes `content` at the first of `places` where it covers no other text or occupied mark, with a white rim;
    /// whether one was found.
    pub(crate) fn label(&mut self, places: &[(f64, f64, Anchor)], how: Type, content: &str) -> bool {
        for &(x, y, anchor) in places {
            let wanted = area(x, y, anchor, how, content);
            let on_paper = wanted.left >= 0.0 && wanted.right <= WIDTH && wanted.top >= 0.0;
            let apart = Area { left: wanted.left - WORD_GAP, right: wanted.right + WORD_GAP, ..wanted };
            if on_paper && !self.taken.iter().any(|other| overlaps(&apart, other)) {
                self.taken.push(wanted);
                self.write(x, y, anchor, how, content, RIM);
                return true;
            }
        }
        false
    }

    /// The whole document, `height` high.
    pub(crate) fn finish(self, id: &str, title: &str, alt: &str, height: f64) -> String {
        // Within an image nothing can be followed: a drawing with links is a group of them.
        let role = if self.has_links { "group" } else { "img" };
        let id: String = id.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect();
        format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {w} {h}\" width=\"{mm_w}mm\" height=\"{mm_h}mm\" \
             role=\"{role}\" aria-labelledby=\"{id}-title {id}-desc\" font-family=\"{FONTS}\">\n\
             <title id=\"{id}-title\">{title}</title>\n<desc id=\"{id}-desc\">{alt}</desc>\n\
             <rect width=\"{w}\" height=\"{h}\" fill=\"{WHITE}\"/>\n{marks}{labels}</svg>\n",
            w = number(WIDTH),
            h = number(height),
            mm_w = number(WIDTH / 4.0),
            mm_h = number(height / 4.0),
            title = escaped(title),
            alt = escaped(alt),
            marks = self.marks,
            labels = self.labels
        )
    }
}

fn cross(x: f64, y: f64, r: f64) -> [(f64, f64); 12] {
    let (a, b) = (0.95 * r, 0.38 * r);
    let inner = a - b;
    [
        (x - a, y - inner),
        (x - inner, y - a),
        (x, y - b),
        (x + inner, y - a),
        (x + a, y - inner),
        (x + b, y),
        (x + a, y + inner),
        (x + inner, y + a),
        (x, y + b),
        (x - inner, y + a),
        (x - a, y + inner),
        (x - b, y),
    ]
}

/// The paper a text covers, a little tighter than its line, so that lines may be set close.
fn area(x: f64, y: f64, anchor: Anchor, how: Type, content: &str) -> Area {
    let width = how.width(content);
    let left = match anchor {
        Anchor::Start => x,
        Anchor::Middle => x - width / 2.0,
        Anchor::End => x - width,
    };
    Area { left, top: y - 0.74 * how.size, right: left + width, bottom: y + 0.22 * how.size }
}

fn overlaps(a: &Area, b: &Area) -> bool {
    a.left < b.right && b.left < a.right && a.top < b.bottom && b.top < a.bottom
}

fn outline(points: &[(f64, f64)]) -> String {
    let mut path = String::new();
    for (index, &(x, y)) in points.iter().enumerate() {
        path.push(if index == 0 { 'M' } else { 'L' });
        let _ = write!(path, "{},{}", number(x), number(y));
    }
    path
}

/// At most two decimals, no trailing zeros, no negative zero: the same on every machine.
pub(crate) fn number(value: f64) -> String {
    if !value.is_finite() {
        return "0".to_owned();
    }
    let printed = format!("{value:.2}");
    let trimmed = printed.trim_end_matches('0').trim_end_matches('.');
    if trimmed == "-0" { "0".to_owned() } else { trimmed.to_owned() }
}

fn escaped(content: &str) -> String {
    content
        .chars()
        .map(|character| match character {
            '&' => "&amp;".to_owned(),
            '<' => "&lt;".to_owned(),
            '>' => "&gt;".to_owned(),
            '"' => "&quot;".to_owned(),
            '\t' | '\n' | '\r' => " ".to_owned(),
            // XML 1.0 has no place for these, escaped or not.
            c if c.is_control() || matches!(c, '\u{fffe}' | '\u{ffff}') => "\u{fffd}".to_owned(),
            c => c.to_string(),
        })
        .collect()
}

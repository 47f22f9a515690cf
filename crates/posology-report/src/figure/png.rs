//! From SVG to PNG, with the bundled font alone: the same bytes on every machine.

use std::sync::Arc;

use resvg::{tiny_skia, usvg};
use thiserror::Error;

/// Source Sans 3, regular and semibold (SIL Open Font License 1.1).
const FONTS: [&[u8]; 2] = [
    include_bytes!("../../fonts/SourceSans3_400Regular.ttf"),
    include_bytes!("../../fonts/SourceSans3_600SemiBold.ttf"),
];

/// The widest picture written, in pixels.
pub const WIDTH_MAX: u32 = 8_000;

/// Why a picture could not be written.
#[derive(Debug, Error)]
pub enum BadPicture {
    /// The width is 0 or above [`WIDTH_MAX`], or the height that follows from it is 0 or above four times that.
    #[error(
        "a picture of {width} by {height} pixels: expected 1 to 8000 wide and 1 to 32000 high; choose another width"
    )]
    Size {
        /// Width in pixels, as asked for.
        width: u32,
        /// Height in pixels, as it follows from the drawing.
        height: u32,
    },
    /// The text is no SVG document.
    #[error("not an SVG document: {0}")]
    Svg(#[from] usvg::Error),
    /// The PNG could not be encoded.
    #[error("the PNG could not be written: {0}")]
    Encode(String),
}

/// Draws `svg` on white, `width` pixels wide and as high as its shape asks. For print at 300 dots an inch, a figure of
/// 160 mm takes 1890.
///
/// # Errors
/// A width out of range, text that is no SVG, or an encoder that fails; see [`BadPicture`].
///
/// ```
/// let svg = r#"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 4 2"><rect width="4" height="2"/></svg>"#;
/// let bytes = posology_report::figure::png::write(svg, 40)?;
/// assert!(bytes.starts_with(b"\x89PNG"));
/// # Ok::<(), posology_report::figure::png::BadPicture>(())
/// ```
pub fn write(svg: &str, width: u32) -> Result<Vec<u8>, BadPicture> {
    let tree = parse(svg)?;
    let scale = width as f32 / tree.size().width();
    let height = (tree.size().height() * scale).round() as u32;
    let bad_size = BadPicture::Size { width, height };
    if width > WIDTH_MAX || height > 4 * WIDTH_MAX {
        return Err(bad_size);
    }
    let mut paper = tiny_skia::Pixmap::new(width, height).ok_or(bad_size)?;
    paper.fill(tiny_skia::Color::WHITE);
    resvg::render(&tree, tiny_skia::Transform::from_scale(scale, scale), &mut paper.as_mut());
    paper.encode_png().map_err(|cause| BadPicture::Encode(cause.to_string()))
}

/// `svg` as a tree of shapes with text laid out in the bundled font.
pub(super) fn parse(svg: &str) -> Result<usvg::Tree, usvg::Error> {
    let mut fonts = usvg::fontdb::Database::new();
    for font in FONTS {
        fonts.load_font_source(usvg::fontdb::Source::Binary(Arc::new(font)));
    }
    let options = usvg::Options {
        fontdb: Arc::new(fonts),
        font_family: "Source Sans 3".to_owned(),
        ..Default::default()
    };
    usvg::Tree::from_str(svg, &options)
}

//! All that the typesetter can reach: one template, the files given to it, the fonts of this crate.

use std::collections::BTreeMap;

use typst::diag::{FileError, FileResult};
use typst::foundations::{Bytes, Datetime, Duration};
use typst::layout::Abs;
use typst::syntax::{FileId, RootedPath, Source, VirtualPath, VirtualRoot};
use typst::text::{Font, FontBook, FontInstance, FontVariant, FontVariations};
use typst::utils::LazyHash;
use typst::{Library, LibraryExt};

use super::PdfError;

const FONT_FILES: [(&str, &[u8]); 3] = [
    ("Source Sans 3 Regular", include_bytes!("../../fonts/SourceSans3_400Regular.ttf")),
    ("Source Sans 3 Italic", include_bytes!("../../fonts/SourceSans3_400Regular_Italic.ttf")),
    ("Source Sans 3 SemiBold", include_bytes!("../../fonts/SourceSans3_600SemiBold.ttf")),
];

/// Marks that allow or forbid a break; the typesetter obeys them and draws nothing.
const INVISIBLE: [char; 2] = ['\u{200b}', '\u{2060}'];

/// The fonts of this crate, read.
pub(super) struct Fonts {
    regular: FontInstance,
    all: Vec<Font>,
}

impl Fonts {
    pub(super) fn read() -> Result<Self, PdfError> {
        let read = |(name, bytes): (&'static str, &'static [u8])| {
            Font::new(Bytes::new(bytes), 0).ok_or(PdfError::Font(name))
        };
        let all = FONT_FILES.into_iter().map(read).collect::<Result<Vec<_>, _>>()?;
        let regular = all.first().cloned().ok_or(PdfError::Font("Source Sans 3 Regular"))?;
        let regular = regular.instantiate(FontVariant::default(), Abs::pt(8.0), &FontVariations::default());
        Ok(Self { regular, all })
    }

    /// Width of a character in ems; digits as set in tables, all of one width.
    pub(super) fn advance(&self, character: char) -> f64 {
        if INVISIBLE.contains(&character) {
            return 0.0;
        }
        let glyph = self.regular.ttf().glyph_index(character);
        glyph.and_then(|glyph| self.regular.x_advance(glyph.0)).map_or(0.5, |advance| advance.get())
    }

    /// The text with each character that a font lacks, or that no page can hold, written as its code point.
    pub(super) fn printable(&self, text: &str) -> String {
        let mut printable = String::with_capacity(text.len());
        for character in text.chars() {
            match character {
                '\n' | ' '..='~' => printable.push(character),
                _ if INVISIBLE.contains(&character) => printable.push(character),
                '\t' | '\r' => printable.push(' '),
                _ if !character.is_control()
                    && self.all.iter().all(|font| font.info().coverage.contains(character.into())) =>
                {
                    printable.push(character);
                }
                _ => printable.push_str(&format!("[U+{:04X}]", u32::from(character))),
            }
        }
        printable
    }
}

/// Files by their name.
#[derive(Default)]
pub(super) struct Files(BTreeMap<String, Bytes>);

impl Files {
    pub(super) fn add(&mut self, name: String, bytes: Vec<u8>) {
        self.0.insert(name, Bytes::new(bytes));
    }
}

/// The closed world of one document.
pub(super) struct World {
    library: LazyHash<Library>,
    book: LazyHash<FontBook>,
    fonts: Vec<Font>,
    main: Source,
    files: Files,
}

impl World {
    pub(super) fn new(template: &str, files: Files, fonts: Fonts) -> Result<Self, PdfError> {
        let name = VirtualPath::new("document.typ").map_err(|error| PdfError::Typeset(error.to_string()))?;
        let main = RootedPath::new(VirtualRoot::Project, name).intern();
        let features = [typst::Feature::A11yExtras].into_iter().collect();
        Ok(Self {
            library: LazyHash::new(Library::builder().with_features(features).build()),
            book: LazyHash::new(FontBook::from_fonts(&fonts.all)),
            fonts: fonts.all,
            main: Source::new(main, template.to_owned()),
            files,
        })
    }
}

impl typst::World for World {
    fn library(&self) -> &LazyHash<Library> {
        &self.library
    }

    fn book(&self) -> &LazyHash<FontBook> {
        &self.book
    }

    fn main(&self) -> FileId {
        self.main.id()
    }

    fn source(&self, id: FileId) -> FileResult<Source> {
        if id == self.main.id() { Ok(self.main.clone()) } else { Err(FileError::AccessDenied) }
    }

    fn file(&self, id: FileId) -> FileResult<Bytes> {
        let path = id.get();
        let given = match path.root() {
            VirtualRoot::Project => self.files.0.get(path.vpath().get_without_slash()),
            VirtualRoot::Package(_) => None,
        };
        given.cloned().ok_or(FileError::AccessDenied)
    }

    fn font(&self, index: usize) -> Option<Font> {
        self.fonts.get(index).cloned()
    }

    fn today(&self, _: Option<Duration>) -> Option<Datetime> {
        None
    }
}

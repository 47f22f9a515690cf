//! A packet as the files that are written, bound by their hashes, and handed to the committee.

use super::Packet;
use crate::document::Document;
use crate::figure::png::BadPicture;
use crate::{ard, figure, html};

/// Width of a figure as PNG, pixels.
const PNG_WIDTH: u32 = 1600;

/// Analysis results under `ard`, a row a line, with the notice that every file carries.
fn ard_lines(document: &Document) -> Vec<u8> {
    let rows = ard::rows(document);
    let lines: Vec<String> = rows.iter().filter_map(|row| serde_json::to_string(row).ok()).collect();
    let notice = serde_json::json!(document.notice);
    format!("{{\"notice\": {notice},\n\"ard\": [\n{}\n]}}\n", lines.join(",\n")).into_bytes()
}

/// A packet that cannot be written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NotWritten {
    /// A figure.
    #[error(transparent)]
    Picture(#[from] BadPicture),
    /// The typesetter.
    #[cfg(feature = "pdf")]
    #[error(transparent)]
    Pdf(#[from] crate::pdf::PdfError),
    /// A thread that came to no end.
    #[error("a figure could not be drawn")]
    Figure,
}

impl Packet {
    /// Its files by name: `packet.html`, `packet.json`, `ard.json`, with the feature `pdf` `packet.pdf`, and each figure as SVG and
    /// PNG. The same packet gives the same bytes.
    ///
    /// # Errors
    /// [`NotWritten`].
    pub fn files(&self) -> Result<Vec<(String, Vec<u8>)>, NotWritten> {
        std::thread::scope(|scope| {
            let drawn = scope.spawn(|| self.drawn());
            let mut files = vec![
                ("packet.html".to_owned(), html::write(&self.document).into_bytes()),
                ("packet.json".to_owned(), format!("{:#}\n", self.json()).into_bytes()),
                ("ard.json".to_owned(), ard_lines(&self.document)),
            ];
            #[cfg(feature = "pdf")]
            files.push(("packet.pdf".to_owned(), crate::pdf::write(&self.document)?));
            files.extend(drawn.join().map_err(|_| NotWritten::Figure)??);
            Ok(files)
        })
    }

    fn drawn(&self) -> Result<Vec<(String, Vec<u8>)>, NotWritten> {
        let mut files = Vec::new();
        for one in &self.figures {
            let png = figure::png::write(one.svg(), PNG_WIDTH)?;
            files.push((format!("figures/{}.svg", one.id), one.svg().as_bytes().to_vec()));
            files.push((format!("figures/{}.png", one.id), png));
        }
        Ok(files)
    }
}

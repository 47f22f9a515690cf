//! XML written: elements, each on its line, with everything escaped that has to be.

use std::io::{self, Write};

/// Elements on their way out.
pub(super) struct Markup<W: Write> {
    out: W,
    open: Vec<&'static str>,
}

/// Attributes of an element, in their order.
pub(super) type Attributes<'a> = &'a [(&'static str, &'a str)];

impl<W: Write> Markup<W> {
    pub(super) fn new(mut out: W) -> io::Result<Self> {
        out.write_all(b"<?xml version=\"1.0\" encoding=\"UTF-8\"?>")?;
        Ok(Self { out, open: Vec::new() })
    }

    fn start(&mut self, name: &str, attributes: Attributes<'_>) -> io::Result<()> {
        write!(self.out, "\n{:depth$}<{name}", "", depth = self.open.len())?;
        for (key, value) in attributes {
            write!(self.out, " {key}=\"")?;
            self.escaped(value, true)?;
            self.out.write_all(b"\"")?;
        }
        Ok(())
    }

    /// An element with elements in it, up to the matching [`close`](Self::close).
    pub(super) fn open(&mut self, name: &'static str, attributes: Attributes<'_>) -> io::Result<()> {
        self.start(name, attributes)?;
        self.open.push(name);
        self.out.write_all(b">")
    }

    /// An element without content.
    pub(super) fn empty(&mut self, name: &str, attributes: Attributes<'_>) -> io::Result<()> {
        self.start(name, attributes)?;
        self.out.write_all(b"/>")
    }

    /// An element that holds a text.
    pub(super) fn text(&mut self, name: &str, attributes: Attributes<'_>, text: &str) -> io::Result<()> {
        self.start(name, attributes)?;
        self.out.write_all(b">")?;
        self.escaped(text, false)?;
        write!(self.out, "</{name}>")
    }

    /// An element that holds a text in English: `Question`, `Description`, `Decode`, `Symbol`.
    pub(super) fn translated(&mut self, name: &'static str, text: &str) -> io::Result<()> {
        self.open(name, &[])?;
        self.text("TranslatedText", &[("xml:lang", "en")], text)?;
        self.close()
    }

    /// The end of the innermost open element.
    pub(super) fn close(&mut self) -> io::Result<()> {
        match self.open.pop() {
            Some(name) => write!(self.out, "\n{:depth$}</{name}>", "", depth = self.open.len()),
            None => Ok(()),
        }
    }

    /// The end of the file.
    pub(super) fn finish(mut self) -> io::Result<()> {
        while !self.open.is_empty() {
            self.close()?;
        }
        self.out.write_all(b"\n")?;
        self.out.flush()
    }

    /// A reader of XML turns line ends and tabs of an attribute into blanks unless they are written as numbers.
    fn escaped(&mut self, text: &str, attribute: bool) -> io::Result<()> {
        let mut from = 0;
        for (place, byte) in text.bytes().enumerate() {
            let escape: &[u8] = match byte {
                b'&' => b"&amp;",
                b'<' => b"&lt;",
                b'>' => b"&gt;",
                b'"' if attribute => b"&quot;",
                b'\n' if attribute => b"&#10;",
                b'\t' if attribute => b"&#9;",
                b'\r' => b"&#13;",
                _ => continue,
            };
            self.out.write_all(text.as_bytes().get(from..place).unwrap_or_default())?;
            self.out.write_all(escape)?;
            from = place + 1;
        }
        self.out.write_all(text.as_bytes().get(from..).unwrap_or_default())
    }
}

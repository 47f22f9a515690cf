//! XML written: elements in the order in which they are told, text escaped, nothing that XML 1.0 has no place for.

/// A document while it is written.
pub(crate) struct Xml {
    text: String,
    open: Vec<String>,
}

impl Xml {
    /// A document, shown by a stylesheet beside it where one is named.
    pub(crate) fn new(stylesheet: Option<&str>) -> Self {
        let mut text = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n".to_owned();
        if let Some(stylesheet) = stylesheet {
            text.push_str(&format!("<?xml-stylesheet type=\"text/xsl\" href=\"{stylesheet}\"?>\n"));
        }
        Self { text, open: Vec::new() }
    }

    fn begin(&mut self, name: &str, attributes: &[(&str, &str)]) {
        for _ in 0..self.open.len() {
            self.text.push_str("  ");
        }
        self.text.push('<');
        self.text.push_str(name);
        for (name, value) in attributes {
            self.text.push(' ');
            self.text.push_str(name);
            self.text.push_str("=\"");
            self.escape(value, true);
            self.text.push('"');
        }
    }

    /// Begins an element with others in it.
    pub(crate) fn open(&mut self, name: &str, attributes: &[(&str, &str)]) {
        self.begin(name, attributes);
        self.text.push_str(">\n");
        self.open.push(name.to_owned());
    }

    /// Ends the element begun last.
    pub(crate) fn close(&mut self) {
        let Some(name) = self.open.pop() else { return };
        for _ in 0..self.open.len() {
            self.text.push_str("  ");
        }
        self.text.push_str("</");
        self.text.push_str(&name);
        self.text.push_str(">\n");
    }

    /// An element with nothing in it.
    pub(crate) fn empty(&mut self, name: &str, attributes: &[(&str, &str)]) {
        self.begin(name, attributes);
        self.text.push_str("/>\n");
    }

    /// An element with text in it.
    pub(crate) fn text(&mut self, name: &str, attributes: &[(&str, &str)], text: &str) {
        self.begin(name, attributes);
        self.text.push('>');
        self.escape(text, false);
        self.text.push_str("</");
        self.text.push_str(name);
        self.text.push_str(">\n");
    }

    fn escape(&mut self, text: &str, attribute: bool) {
        for c in text.chars() {
            match c {
                '&' => self.text.push_str("&amp;"),
                '<' => self.text.push_str("&lt;"),
                '>' => self.text.push_str("&gt;"),
                '"' if attribute => self.text.push_str("&quot;"),
                '\n' | '\t' | '\r' if attribute => self.text.push_str(&format!("&#{};", u32::from(c))),
                '\r' => self.text.push_str("&#13;"),
                '\n' | '\t' => self.text.push(c),
                // XML 1.0 cannot say a control character at all.
                c if c.is_control() || matches!(c, '\u{fffe}' | '\u{ffff}') => self.text.push('\u{fffd}'),
                c => self.text.push(c),
            }
        }
    }

    /// The document.
    pub(crate) fn finish(mut self) -> String {
        while !self.open.is_empty() {
            self.close();
        }
        self.text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_xml_reserves_is_escaped_and_what_it_cannot_say_is_marked() {
        let mut xml = Xml::new(None);
        xml.open("a", &[("b", "<\"&\n>")]);
        xml.text("c", &[], "1 < 2 & \u{0} \u{1f600}");
        let text = xml.finish();
        assert!(
            text.ends_with(
                "<a b=\"&lt;&quot;&amp;&#10;&gt;\">\n  <c>1 &lt; 2 &amp; \u{fffd} \u{1f600}</c>\n</a>\n"
            ),
            "{text}"
        );
    }
}

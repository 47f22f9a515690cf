//! Parts of a workbook as events of XML, with entities resolved and none of its own allowed.

use std::borrow::Cow;

use quick_xml::XmlVersion;
use quick_xml::events::{BytesStart, Event};
use quick_xml::reader::Reader;

use crate::problem::Problem;

/// Elements within each other at most.
const DEEPEST: usize = 100;

/// The text of `t` elements between two takings, those of phonetic hints left out.
#[derive(Default)]
pub(super) struct Texts {
    text: String,
    in_text: bool,
    in_hint: bool,
}

impl Texts {
    pub(super) fn hear(&mut self, event: &Told<'_>) {
        match event {
            Told::Start(element) => match element.local_name().as_ref() {
                "t" => self.in_text = true,
                "rPh" => self.in_hint = true,
                "si" | "is" => self.text.clear(),
                _ => {}
            },
            Told::End("t") => self.in_text = false,
            Told::End("rPh") => self.in_hint = false,
            Told::Text(piece) if self.in_text && !self.in_hint => self.text.push_str(piece),
            _ => {}
        }
    }

    pub(super) fn take(&mut self) -> String {
        std::mem::take(&mut self.text)
    }
}

/// An event of XML, its text with entities resolved.
pub(super) enum Told<'e> {
    Start(&'e BytesStart<'e>),
    Empty(&'e BytesStart<'e>),
    /// End of the element of this local name.
    End(&'e str),
    Text(&'e str),
}

/// Gives each event of a part in turn; a type of document, which could define entities, is refused.
pub(super) fn each_event(
    file: &str,
    text: &str,
    mut each: impl FnMut(Told<'_>) -> Result<(), [String; 2]>,
) -> Result<(), Problem> {
    let refuse = |[expected, found]: [String; 2]| {
        Problem::in_file(
            file,
            expected,
            found,
            "save the workbook again as .xlsx, or fetch it again from its source",
        )
    };
    let damaged = |found: String| refuse(["an undamaged workbook".to_owned(), found]);
    let mut reader = Reader::from_str(text);
    let mut depth = 0_usize;
    loop {
        let event = reader.read_event().map_err(|error| damaged(error.to_string()))?;
        let told = match &event {
            Event::Eof if depth == 0 => return Ok(()),
            Event::Eof => return Err(damaged("an end in the middle".to_owned())),
            Event::DocType(_) => return Err(damaged("a DOCTYPE".to_owned())),
            Event::Start(element) => {
                depth += 1;
                if depth > DEEPEST {
                    return Err(damaged(format!("more than {DEEPEST} elements within each other")));
                }
                each(Told::Start(element))
            }
            Event::Empty(element) => each(Told::Empty(element)),
            Event::End(element) => {
                depth = depth.saturating_sub(1);
                each(Told::End(element.local_name().as_ref()))
            }
            Event::Text(text) => each(Told::Text(&text.xml10_content())),
            Event::CData(text) => each(Told::Text(&text.xml10_content())),
            Event::GeneralRef(entity) => {
                let character = entity.resolve_char_ref().map_err(|error| damaged(error.to_string()))?;
                match character.map(String::from).or_else(|| {
                    quick_xml::escape::resolve_predefined_entity(entity.as_ref()).map(str::to_owned)
                }) {
                    Some(text) => each(Told::Text(&text)),
                    None => return Err(damaged("an entity of its own".to_owned())),
                }
            }
            Event::Decl(_) | Event::PI(_) | Event::Comment(_) => Ok(()),
        };
        told.map_err(refuse)?;
    }
}

/// The value of an attribute by its local name.
pub(super) fn attribute(element: &BytesStart<'_>, name: &str) -> Option<String> {
    let mut attributes = element.attributes();
    let mut attributes = attributes.with_checks(false).filter_map(Result::ok);
    let found = attributes.find(|attribute| attribute.key.local_name().as_ref() == name)?;
    found.normalized_value(XmlVersion::Implicit1_0).ok().map(Cow::into_owned)
}

pub(super) fn is_true(text: Option<String>) -> bool {
    matches!(text.as_deref(), Some("1" | "true"))
}

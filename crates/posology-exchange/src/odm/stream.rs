//! XML as a stream of elements of one namespace, each judged by the grammar of ODM, each with its line.
//!
//! Nothing is expanded: a document type, and with it every entity but the five of XML itself, is refused. Elements and
//! attributes of other namespaces, where vendors keep what is theirs, are passed over whole. Depth, attributes of an
//! element, bytes of an element and of the file have limits.

use std::io::{BufReader, Read};

use quick_xml::events::{BytesStart, Event};
use quick_xml::name::ResolveResult;
use quick_xml::{NsReader, XmlVersion};

use super::grammar::{self, Fault, Progress};
use crate::limits::{Guarded, Limits, problem_of_io};
use crate::problem::{Problem, quoted};

/// Namespace of ODM 1.3.
pub(super) const NAMESPACE: &str = "http://www.cdisc.org/ns/odm/v1.3";
/// Elements within elements at most, vendors' own included.
const MAX_DEPTH: usize = 100;
/// Attributes of one element at most.
const MAX_ATTRIBUTES: usize = 200;

/// An element opened.
#[derive(Debug)]
pub(super) struct Element {
    pub(super) name: String,
    attributes: Vec<(String, String)>,
    pub(super) line: u64,
}

impl Element {
    /// An attribute's value.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.attributes.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// An attribute that the grammar requires, as an owned text.
    pub(super) fn own(&self, name: &str) -> String {
        self.get(name).unwrap_or_default().to_owned()
    }
}

/// What comes next in a file.
#[derive(Debug)]
pub(super) enum Node {
    Open(Element),
    /// An element closed, with the text it held.
    Close(String),
}

struct Open {
    name: String,
    progress: Progress,
    text: String,
}

/// The elements of a file.
pub(super) struct Xml<R: Read> {
    file: String,
    reader: NsReader<BufReader<Guarded<R>>>,
    buffer: Vec<u8>,
    line: u64,
    open: Vec<Open>,
    /// How many elements of other namespaces are open.
    foreign: usize,
    /// The element just opened was an empty one.
    empty: bool,
    rooted: bool,
}

/// What was read, free of the buffer.
enum Piece {
    Open { element: Element, namespace: Option<String>, dataset_xml: bool, empty: bool },
    Close,
    Text(String),
    Nothing,
    End,
}

impl<R: Read> Xml<R> {
    pub(super) fn open(file: &str, source: R, limits: Limits) -> Result<Self, Problem> {
        let guarded = Guarded::open(source, false, limits).map_err(|error| problem_of_io(file, &error))?;
        let mut reader = NsReader::from_reader(BufReader::new(guarded));
        reader.config_mut().check_end_names = true;
        Ok(Self {
            file: file.to_owned(),
            reader,
            buffer: Vec::new(),
            line: 1,
            open: Vec::new(),
            foreign: 0,
            empty: false,
            rooted: false,
        })
    }

    /// A fault on a line of the file.
    pub(super) fn problem(
        &self,
        line: u64,
        expected: impl Into<String>,
        found: impl Into<String>,
        mend: impl Into<String>,
    ) -> Problem {
        let mut problem = Problem::in_file(&self.file, expected, found, mend);
        problem.place.line = Some(line);
        problem
    }

    fn against_schema(&self, line: u64, fault: Fault) -> Problem {
        self.problem(
            line,
            fault.expected,
            fault.found,
            "export the file again so that it is valid against the schema of ODM 1.3.2",
        )
    }

    /// The next element opened or closed; `None` at the end.
    pub(super) fn next(&mut self) -> Result<Option<Node>, Problem> {
        if std::mem::take(&mut self.empty) {
            return self.close().map(Some);
        }
        loop {
            let line = self.line;
            match self.read()? {
                Piece::Nothing => {}
                Piece::Text(text) => self.take_text(line, &text)?,
                Piece::Close if self.foreign > 0 => self.foreign -= 1,
                Piece::Close => return self.close().map(Some),
                Piece::Open { empty, namespace, .. }
                    if self.foreign > 0
                        || !self.open.is_empty() && namespace.as_deref() != Some(NAMESPACE) =>
                {
                    // An element of another namespace, or anything within one.
                    if !empty {
                        self.foreign += 1;
                        self.check_depth(line)?;
                    }
                }
                Piece::Open { element, namespace, dataset_xml, empty } => {
                    if self.open.is_empty() {
                        self.check_root(&element, namespace.as_deref(), dataset_xml)?;
                    }
                    self.enter(&element)?;
                    self.empty = empty;
                    return Ok(Some(Node::Open(element)));
                }
                Piece::End if !self.rooted => {
                    return Err(self.problem(line, "an element ODM", "none", "give an ODM-XML file"));
                }
                Piece::End if !self.open.is_empty() || self.foreign > 0 => {
                    let open = self.open.last().map(|open| open.name.clone()).unwrap_or_default();
                    let found = format!("the end of the file within {open}");
                    return Err(self.problem(
                        line,
                        "a whole file",
                        found,
                        "the file was cut off: fetch it again",
                    ));
                }
                Piece::End => return Ok(None),
            }
        }
    }

    fn check_depth(&self, line: u64) -> Result<(), Problem> {
        if self.open.len() + self.foreign <= MAX_DEPTH {
            return Ok(());
        }
        Err(self.problem(
            line,
            format!("elements within elements at most {MAX_DEPTH} deep"),
            "more",
            "look for elements that are never closed",
        ))
    }

    fn check_root(
        &mut self,
        element: &Element,
        namespace: Option<&str>,
        dataset_xml: bool,
    ) -> Result<(), Problem> {
        let expected = format!("ODM 1.3.2: one element ODM of namespace {NAMESPACE}");
        let line = element.line;
        if self.rooted {
            return Err(self.problem(
                line,
                expected,
                format!("a second element {}", element.name),
                "split the file",
            ));
        }
        self.rooted = true;
        let found = match namespace {
            Some(NAMESPACE) if element.name == "ODM" && dataset_xml => "a Dataset-XML file".to_owned(),
            Some(NAMESPACE) if element.name == "ODM" => return Ok(()),
            Some("http://www.cdisc.org/ns/odm/v2.0") => "ODM 2.0".to_owned(),
            Some(other) => format!("element {} of namespace {}", quoted(&element.name), quoted(other)),
            None => format!("element {} of no namespace", quoted(&element.name)),
        };
        let mend = if dataset_xml {
            "write the data sets as Dataset-JSON or SAS transport files, which replaced Dataset-XML"
        } else {
            "export the file as ODM-XML 1.3.2"
        };
        Err(self.problem(line, expected, found, mend))
    }

    fn enter(&mut self, element: &Element) -> Result<(), Problem> {
        let rule = grammar::of(&element.name).ok_or_else(|| {
            let within = self.open.last().map_or("the file", |open| open.name.as_str());
            self.against_schema(
                element.line,
                Fault {
                    found: format!("element {} in {within}", quoted(&element.name)),
                    expected: "an element of ODM 1.3.2".to_owned(),
                },
            )
        })?;
        if let Some(parent) = self.open.last_mut()
            && let Err(fault) = parent.progress.take(&parent.name, &element.name)
        {
            return Err(self.against_schema(element.line, fault));
        }
        rule.attributes(&element.name, &element.attributes)
            .map_err(|fault| self.against_schema(element.line, fault))?;
        self.open.push(Open {
            name: element.name.clone(),
            progress: Progress::of(rule),
            text: String::new(),
        });
        Ok(())
    }

    fn close(&mut self) -> Result<Node, Problem> {
        let line = self.line;
        let Some(open) = self.open.pop() else {
            return Err(self.problem(line, "the end of an open element", "another", "fetch the file again"));
        };
        open.progress.end(&open.name).map_err(|fault| self.against_schema(line, fault))?;
        Ok(Node::Close(open.text))
    }

    fn take_text(&mut self, line: u64, text: &str) -> Result<(), Problem> {
        if self.foreign > 0 {
            return Ok(());
        }
        match self.open.last_mut() {
            Some(open) if open.progress.holds_text() => open.text.push_str(text),
            _ if text.chars().all(|c| c.is_ascii_whitespace() || c == '\u{feff}') => {}
            open => {
                let within = open.map_or_else(|| "the file".to_owned(), |open| open.name.clone());
                let blank = text.len() - text.trim_start().len();
                let before = text.get(..blank).unwrap_or_default().matches('\n').count() as u64;
                let fault = Fault {
                    found: format!("text {}", quoted(text.trim())),
                    expected: format!("elements in {within}"),
                };
                return Err(self.against_schema(line + before, fault));
            }
        }
        Ok(())
    }

    /// Reads one piece, and counts the lines in it.
    fn read(&mut self) -> Result<Piece, Problem> {
        self.buffer.clear();
        self.reader.get_mut().get_mut().start_row();
        let line = self.line;
        let file = &self.file;
        let ill = |found: String| {
            let mut problem = Problem::in_file(
                file,
                "well-formed XML in UTF-8",
                found,
                "the file is damaged or was edited by hand: fetch it again from its source",
            );
            problem.place.line = Some(line);
            problem
        };
        let entity = |name: &str| {
            let mut problem = Problem::in_file(
                file,
                "no entities but those of XML itself",
                format!("entity {}", quoted(name)),
                "write the text itself in place of the entity",
            );
            problem.place.line = Some(line);
            problem
        };
        let read = match self.reader.read_resolved_event_into(&mut self.buffer) {
            Ok((namespace, Event::Start(start))) => opened(namespace, &start, line, false),
            Ok((namespace, Event::Empty(start))) => opened(namespace, &start, line, true),
            Ok((_, Event::End(_))) => Ok(Piece::Close),
            Ok((_, Event::Text(text))) => lawful(text.xml10_content().into_owned()).map(Piece::Text),
            Ok((_, Event::CData(text))) => lawful(text.xml10_content().into_owned()).map(Piece::Text),
            Ok((_, Event::GeneralRef(name))) => match name.resolve_char_ref() {
                Ok(Some(c)) => lawful(c.to_string()).map(Piece::Text),
                Ok(None) => match quick_xml::escape::resolve_predefined_entity(&name) {
                    Some(text) => Ok(Piece::Text(text.to_owned())),
                    None => return Err(entity(&name)),
                },
                Err(error) => Err(error.to_string()),
            },
            Ok((_, Event::Decl(declared))) => match declared.encoding() {
                Some(Ok(name))
                    if !["utf-8", "us-ascii", "ascii", "utf8"].contains(&name.to_lowercase().as_str()) =>
                {
                    Err(format!("encoding {}", quoted(&name)))
                }
                _ => Ok(Piece::Nothing),
            },
            Ok((_, Event::DocType(_))) => {
                let mut problem = Problem::in_file(
                    file,
                    "no document type: ODM needs none, and entities can swell without bound",
                    "<!DOCTYPE",
                    "remove the document type and write the text of its entities",
                );
                problem.place.line = Some(line);
                return Err(problem);
            }
            Ok((_, Event::Comment(_) | Event::PI(_))) => Ok(Piece::Nothing),
            Ok((_, Event::Eof)) => Ok(Piece::End),
            Err(quick_xml::Error::Io(error)) => return Err(problem_of_io(file, &error)),
            Err(error) => Err(error.to_string()),
        };
        let read = read.map_err(ill)?;
        self.line += self.buffer.iter().filter(|byte| **byte == b'\n').count() as u64;
        Ok(read)
    }
}

/// Refuses characters that XML 1.0 does not have.
fn lawful(text: String) -> Result<String, String> {
    match text.chars().find(|c| !super::items::is_of_xml(*c)) {
        None => Ok(text),
        Some(c) => Err(format!("the character U+{:04X}, which XML does not have", u32::from(c))),
    }
}

fn opened(
    namespace: ResolveResult<'_>,
    start: &BytesStart<'_>,
    line: u64,
    empty: bool,
) -> Result<Piece, String> {
    let namespace = match namespace {
        ResolveResult::Bound(namespace) => Some(namespace.0.to_owned()),
        ResolveResult::Unbound => None,
        ResolveResult::Unknown(prefix) => return Err(format!("prefix {} of no namespace", quoted(&prefix))),
    };
    let mut attributes: Vec<(String, String)> = Vec::new();
    let mut dataset_xml = false;
    for (number, attribute) in start.attributes().with_checks(false).enumerate() {
        let attribute = attribute.map_err(|error| error.to_string())?;
        if number >= MAX_ATTRIBUTES {
            return Err(format!("more than {MAX_ATTRIBUTES} attributes of one element"));
        }
        let key = attribute.key.as_ref();
        dataset_xml |= key.ends_with(":DatasetXMLVersion");
        // What has a prefix belongs to a vendor or to XML itself.
        if key.contains(':') || key == "xmlns" {
            continue;
        }
        if attributes.iter().any(|(earlier, _)| earlier == key) {
            return Err(format!("attribute {key} twice"));
        }
        let value = attribute.normalized_value(XmlVersion::Implicit1_0).map_err(|error| error.to_string())?;
        attributes.push((key.to_owned(), lawful(value.into_owned())?));
    }
    let name = start.local_name().as_ref().to_owned();
    Ok(Piece::Open { element: Element { name, attributes, line }, namespace, dataset_xml, empty })
}

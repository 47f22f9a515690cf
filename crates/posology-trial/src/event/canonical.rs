//! Canonical JSON (RFC 8785) written straight from a value: the bytes over which hashes and signatures run.
//!
//! Start at [`canonical`]. An object is written in the order in which its members come and put in order of its keys
//! once, at its end, so that nothing is built in between: a record of 100,000 events is written, or checked byte for
//! byte, in a fraction of a second. Left out of RFC 8785: numbers with a fraction or an exponent, which are refused
//! (decimals are text).

use std::borrow::Cow;
use std::cmp::Ordering;

use serde::ser::{self, Serialize};

use super::BadRecord;

/// Canonical JSON (RFC 8785) of a value that holds no floating-point number: keys in order of their UTF-16 code units,
/// no white space, the shortest escapes.
///
/// # Errors
/// [`BadRecord::Unwritable`] where the value has no JSON form, names a key twice or holds a floating-point number.
///
/// ```
/// use std::collections::BTreeMap;
/// use posology_trial::event::canonical;
/// let value = BTreeMap::from([("level", "L2"), ("cohort", "C1")]);
/// assert_eq!(canonical(&value)?, r#"{"cohort":"C1","level":"L2"}"#);
/// assert!(canonical(&0.1).is_err());
/// # Ok::<(), posology_trial::event::BadRecord>(())
/// ```
pub fn canonical(value: &impl Serialize) -> Result<String, BadRecord> {
    let mut writer = Writer { text: String::with_capacity(512), ..Writer::default() };
    value.serialize(&mut writer).map_err(|error| BadRecord::Unwritable(error.0))?;
    Ok(writer.text)
}

/// Text so far, and the members of the objects that are not yet closed, innermost last.
#[derive(Default)]
struct Writer {
    text: String,
    members: Vec<Member>,
    scratch: String,
}

/// A member of an open object: its key, and where `"key":value` stands in the text.
struct Member {
    key: Cow<'static, str>,
    from: usize,
    to: usize,
}

#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct Unwritable(String);

impl ser::Error for Unwritable {
    fn custom<T: std::fmt::Display>(message: T) -> Self {
        Self(message.to_string())
    }
}

impl Writer {
    fn string(&mut self, string: &str) {
        self.text.push('"');
        let mut from = 0;
        for (place, byte) in string.bytes().enumerate() {
            let escape = match byte {
                b'"' => "\\\"",
                b'\\' => "\\\\",
                0x08 => "\\b",
                b'\t' => "\\t",
                b'\n' => "\\n",
                0x0c => "\\f",
                b'\r' => "\\r",
                0x00..0x20 => "\\u00",
                _ => continue,
            };
            self.text.push_str(string.get(from..place).unwrap_or_default());
            self.text.push_str(escape);
            if escape == "\\u00" {
                self.text.push(if byte < 0x10 { '0' } else { '1' });
                self.text.push(char::from_digit(u32::from(byte & 15), 16).unwrap_or('0'));
            }
            from = place + 1;
        }
        self.text.push_str(string.get(from..).unwrap_or_default());
        self.text.push('"');
    }

    fn object(&mut self) -> Object<'_> {
        self.text.push('{');
        let (from, first) = (self.text.len(), self.members.len());
        Object { writer: self, from, first, key: None, closes: "}" }
    }

    fn array(&mut self, closes: &'static str) -> Array<'_> {
        self.text.push('[');
        let from = self.text.len();
        Array { writer: self, from, closes }
    }

    /// `{"variant":`, to be closed by `}` after the value.
    fn variant(&mut self, variant: &str) {
        self.text.push('{');
        self.string(variant);
        self.text.push(':');
    }
}

/// RFC 8785, section 3.2.3: by UTF-16 code units.
fn by_utf_16(a: &str, b: &str) -> Ordering {
    if a.is_ascii() && b.is_ascii() { a.cmp(b) } else { a.encode_utf16().cmp(b.encode_utf16()) }
}

struct Array<'a> {
    writer: &'a mut Writer,
    from: usize,
    closes: &'static str,
}

impl Array<'_> {
    fn item<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Unwritable> {
        if self.writer.text.len() > self.from {
            self.writer.text.push(',');
        }
        value.serialize(&mut *self.writer)
    }

    fn close(self) {
        self.writer.text.push_str(self.closes);
    }
}

struct Object<'a> {
    writer: &'a mut Writer,
    /// Where its first member stands in the text.
    from: usize,
    /// Where its members begin among all open ones.
    first: usize,
    /// A key whose value is still to come.
    key: Option<Cow<'static, str>>,
    closes: &'static str,
}

impl Object<'_> {
    fn member<T: Serialize + ?Sized>(&mut self, key: Cow<'static, str>, value: &T) -> Result<(), Unwritable> {
        if self.writer.text.len() > self.from {
            self.writer.text.push(',');
        }
        let from = self.writer.text.len();
        self.writer.string(&key);
        self.writer.text.push(':');
        value.serialize(&mut *self.writer)?;
        let to = self.writer.text.len();
        self.writer.members.push(Member { key, from, to });
        Ok(())
    }

    /// Puts the members in the order of their keys.
    fn close(self) -> Result<(), Unwritable> {
        let Writer { text, members, scratch } = self.writer;
        let own = members.get_mut(self.first..).unwrap_or_default();
        if !own.is_sorted_by(|a, b| by_utf_16(&a.key, &b.key).is_lt()) {
            own.sort_by(|a, b| by_utf_16(&a.key, &b.key));
            if let Some([twice, ..]) = own.windows(2).find(|pair| matches!(pair, [a, b] if a.key == b.key)) {
                return Err(Unwritable(format!("the key {:?} twice in one object", twice.key)));
            }
            scratch.clear();
            for member in &*own {
                if !scratch.is_empty() {
                    scratch.push(',');
                }
                scratch.push_str(text.get(member.from..member.to).unwrap_or_default());
            }
            text.truncate(self.from);
            text.push_str(scratch);
        }
        members.truncate(self.first);
        text.push_str(self.closes);
        Ok(())
    }
}

macro_rules! whole_numbers {
    ($($method:ident: $kind:ty,)+) => {
        $(fn $method(self, value: $kind) -> Result<(), Unwritable> {
            use std::fmt::Write as _;
            write!(self.text, "{value}").map_err(ser::Error::custom)
        })+
    };
}

impl<'a> ser::Serializer for &'a mut Writer {
    type Ok = ();
    type Error = Unwritable;
    type SerializeSeq = Array<'a>;
    type SerializeTuple = Array<'a>;
    type SerializeTupleStruct = Array<'a>;
    type SerializeTupleVariant = Array<'a>;
    type SerializeMap = Object<'a>;
    type SerializeStruct = Object<'a>;
    type SerializeStructVariant = Object<'a>;

    whole_numbers! {
        serialize_i8: i8, serialize_i16: i16, serialize_i32: i32, serialize_i64: i64,
        serialize_u8: u8, serialize_u16: u16, serialize_u32: u32, serialize_u64: u64,
    }

    fn serialize_bool(self, value: bool) -> Result<(), Unwritable> {
        self.text.push_str(if value { "true" } else { "false" });
        Ok(())
    }

    fn serialize_f32(self, value: f32) -> Result<(), Unwritable> {
        self.serialize_f64(f64::from(value))
    }

    fn serialize_f64(self, value: f64) -> Result<(), Unwritable> {
        Err(Unwritable(format!("the floating-point number {value}; write a decimal as text")))
    }

    fn serialize_char(self, value: char) -> Result<(), Unwritable> {
        self.string(value.encode_utf8(&mut [0; 4]));
        Ok(())
    }

    fn serialize_str(self, value: &str) -> Result<(), Unwritable> {
        self.string(value);
        Ok(())
    }

    fn serialize_bytes(self, value: &[u8]) -> Result<(), Unwritable> {
        value.serialize(self)
    }

    fn serialize_none(self) -> Result<(), Unwritable> {
        self.serialize_unit()
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<(), Unwritable> {
        value.serialize(self)
    }

    fn serialize_unit(self) -> Result<(), Unwritable> {
        self.text.push_str("null");
        Ok(())
    }

    fn serialize_unit_struct(self, _name: &'static str) -> Result<(), Unwritable> {
        self.serialize_unit()
    }

    fn serialize_unit_variant(
        self,
        _name: &'static str,
        _index: u32,
        variant: &'static str,
    ) -> Result<(), Unwritable> {
        self.string(variant);
        Ok(())
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        _name: &'static str,
        value: &T,
    ) -> Result<(), Unwritable> {
        value.serialize(self)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _name: &'static str,
        _index: u32,
        variant: &'static str,
        value: &T,
    ) -> Result<(), Unwritable> {
        self.variant(variant);
        value.serialize(&mut *self)?;
        self.text.push('}');
        Ok(())
    }

    fn serialize_seq(self, _length: Option<usize>) -> Result<Array<'a>, Unwritable> {
        Ok(self.array("]"))
    }

    fn serialize_tuple(self, _length: usize) -> Result<Array<'a>, Unwritable> {
        Ok(self.array("]"))
    }

    fn serialize_tuple_struct(self, _name: &'static str, _length: usize) -> Result<Array<'a>, Unwritable> {
        Ok(self.array("]"))
    }

    fn serialize_tuple_variant(
        self,
        _name: &'static str,
        _index: u32,
        variant: &'static str,
        _length: usize,
    ) -> Result<Array<'a>, Unwritable> {
        self.variant(variant);
        Ok(self.array("]}"))
    }

    fn serialize_map(self, _length: Option<usize>) -> Result<Object<'a>, Unwritable> {
        Ok(self.object())
    }

    fn serialize_struct(self, _name: &'static str, _length: usize) -> Result<Object<'a>, Unwritable> {
        Ok(self.object())
    }

    fn serialize_struct_variant(
        self,
        _name: &'static str,
        _index: u32,
        variant: &'static str,
        _length: usize,
    ) -> Result<Object<'a>, Unwritable> {
        self.variant(variant);
        Ok(Object { closes: "}}", ..self.object() })
    }
}

macro_rules! arrays {
    ($($kind:ident::$method:ident,)+) => {
        $(impl ser::$kind for Array<'_> {
            type Ok = ();
            type Error = Unwritable;

            fn $method<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Unwritable> {
                self.item(value)
            }

            fn end(self) -> Result<(), Unwritable> {
                self.close();
                Ok(())
            }
        })+
    };
}

arrays! {
    SerializeSeq::serialize_element,
    SerializeTuple::serialize_element,
    SerializeTupleStruct::serialize_field,
    SerializeTupleVariant::serialize_field,
}

macro_rules! objects {
    ($($kind:ident,)+) => {
        $(impl ser::$kind for Object<'_> {
            type Ok = ();
            type Error = Unwritable;

            fn serialize_field<T: Serialize + ?Sized>(
                &mut self,
                key: &'static str,
                value: &T,
            ) -> Result<(), Unwritable> {
                self.member(Cow::Borrowed(key), value)
            }

            fn end(self) -> Result<(), Unwritable> {
                self.close()
            }
        })+
    };
}

objects! {
    SerializeStruct,
    SerializeStructVariant,
}

impl ser::SerializeMap for Object<'_> {
    type Ok = ();
    type Error = Unwritable;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), Unwritable> {
        let key = serde_json::to_value(key).map_err(ser::Error::custom)?;
        let serde_json::Value::String(key) = key else {
            return Err(Unwritable(format!("the key {key}; a key is text")));
        };
        self.key = Some(Cow::Owned(key));
        Ok(())
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Unwritable> {
        let key = self.key.take().ok_or_else(|| Unwritable("a value without a key".to_owned()))?;
        self.member(key, value)
    }

    fn end(self) -> Result<(), Unwritable> {
        self.close()
    }
}

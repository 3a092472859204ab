//! Compact JSON into memory, byte for byte what `serde_json` writes, in a third of its time on connection lines:
//! these are two hundred short fields each, and `serde_json` scans every key for characters to escape and writes
//! each piece through a writer. Held equal to `serde_json` by a test and by the golden files.

use std::fmt::Display;
use std::io::Write as _;

use serde::ser::{self, Error as _, Serialize};
use serde_json::Error;

/// Appends `value` to `out`.
///
/// # Errors
/// What a value's own `Serialize` says; a map key that is no string.
pub fn append<T: Serialize + ?Sized>(out: &mut Vec<u8>, value: &T) -> Result<(), Error> {
    value.serialize(Compact { out })
}

/// Writes one value.
struct Compact<'a> {
    out: &'a mut Vec<u8>,
}

/// Writes the parts of a list, an object, or an object behind the name of its variant.
struct Parts<'a> {
    out: &'a mut Vec<u8>,
    first: bool,
    close: &'static str,
}

impl<'a> Parts<'a> {
    fn new(out: &'a mut Vec<u8>, open: &str, close: &'static str) -> Self {
        out.extend_from_slice(open.as_bytes());
        Self { out, first: true, close }
    }

    #[inline(always)]
    fn comma(&mut self) {
        if !std::mem::take(&mut self.first) {
            self.out.push(b',');
        }
    }

    /// A field's name is an identifier: nothing in it needs an escape. Inlined, its length is known, and copying it
    /// costs a move or two.
    #[inline(always)]
    fn field<T: Serialize + ?Sized>(&mut self, key: &'static str, value: &T) -> Result<(), Error> {
        self.out.reserve(key.len() + 4);
        self.comma();
        self.out.push(b'"');
        self.out.extend_from_slice(key.as_bytes());
        self.out.extend_from_slice(b"\":");
        value.serialize(Compact { out: self.out })
    }

    fn element<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Error> {
        self.comma();
        value.serialize(Compact { out: self.out })
    }

    fn finish(self) -> Result<(), Error> {
        self.out.extend_from_slice(self.close.as_bytes());
        Ok(())
    }
}

fn string(out: &mut Vec<u8>, text: &str) -> Result<(), Error> {
    if is_odd(text.as_bytes()) {
        return serde_json::to_writer(out, text);
    }
    out.reserve(text.len() + 2);
    out.push(b'"');
    out.extend_from_slice(text.as_bytes());
    out.push(b'"');
    Ok(())
}

/// Whether something in the text needs an escape. Looks at every byte, which the compiler turns into a few wide steps.
fn is_odd(text: &[u8]) -> bool {
    text.iter().fold(false, |odd, b| odd | (*b < 0x20) | (*b == b'"') | (*b == b'\\'))
}

macro_rules! integers {
    ($($name:ident: $type:ty),+) => {
        $(#[inline]
        fn $name(self, value: $type) -> Result<(), Error> {
            self.out.extend_from_slice(itoa::Buffer::new().format(value).as_bytes());
            Ok(())
        })+
    };
}

impl<'a> ser::Serializer for Compact<'a> {
    type Ok = ();
    type Error = Error;
    type SerializeSeq = Parts<'a>;
    type SerializeTuple = Parts<'a>;
    type SerializeTupleStruct = Parts<'a>;
    type SerializeTupleVariant = Parts<'a>;
    type SerializeMap = Parts<'a>;
    type SerializeStruct = Parts<'a>;
    type SerializeStructVariant = Parts<'a>;

    integers! {
        serialize_i8: i8, serialize_i16: i16, serialize_i32: i32, serialize_i64: i64,
        serialize_u8: u8, serialize_u16: u16, serialize_u32: u32, serialize_u64: u64
    }

    fn serialize_bool(self, value: bool) -> Result<(), Error> {
        self.out.extend_from_slice(if value { b"true" } else { b"false" });
        Ok(())
    }

    fn serialize_f32(self, value: f32) -> Result<(), Error> {
        serde_json::to_writer(self.out, &value)
    }

    fn serialize_f64(self, value: f64) -> Result<(), Error> {
        serde_json::to_writer(self.out, &value)
    }

    fn serialize_char(self, value: char) -> Result<(), Error> {
        string(self.out, value.encode_utf8(&mut [0; 4]))
    }

    fn serialize_str(self, value: &str) -> Result<(), Error> {
        string(self.out, value)
    }

    /// What prints itself, without a text of its own in between.
    fn collect_str<T: Display + ?Sized>(self, value: &T) -> Result<(), Error> {
        let at = self.out.len();
        self.out.push(b'"');
        write!(self.out, "{value}").map_err(Error::custom)?;
        let text = self.out.get(at + 1..).unwrap_or_default();
        if is_odd(text) {
            let text = String::from_utf8_lossy(text).into_owned();
            self.out.truncate(at);
            return string(self.out, &text);
        }
        self.out.push(b'"');
        Ok(())
    }

    fn serialize_bytes(self, value: &[u8]) -> Result<(), Error> {
        serde_json::to_writer(self.out, value)
    }

    fn serialize_none(self) -> Result<(), Error> {
        self.serialize_unit()
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<(), Error> {
        value.serialize(self)
    }

    fn serialize_unit(self) -> Result<(), Error> {
        self.out.extend_from_slice(b"null");
        Ok(())
    }

    fn serialize_unit_struct(self, _: &'static str) -> Result<(), Error> {
        self.serialize_unit()
    }

    /// The name of a variant is a word: nothing in it needs an escape.
    #[inline]
    fn serialize_unit_variant(self, _: &'static str, _: u32, variant: &'static str) -> Result<(), Error> {
        self.out.reserve(variant.len() + 2);
        self.out.push(b'"');
        self.out.extend_from_slice(variant.as_bytes());
        self.out.push(b'"');
        Ok(())
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        value: &T,
    ) -> Result<(), Error> {
        value.serialize(self)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        value: &T,
    ) -> Result<(), Error> {
        let mut parts = Parts::new(self.out, "{", "}");
        parts.field(variant, value)?;
        parts.finish()
    }

    fn serialize_seq(self, _: Option<usize>) -> Result<Parts<'a>, Error> {
        Ok(Parts::new(self.out, "[", "]"))
    }

    fn serialize_tuple(self, _: usize) -> Result<Parts<'a>, Error> {
        Ok(Parts::new(self.out, "[", "]"))
    }

    fn serialize_tuple_struct(self, _: &'static str, _: usize) -> Result<Parts<'a>, Error> {
        Ok(Parts::new(self.out, "[", "]"))
    }

    fn serialize_tuple_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        _: usize,
    ) -> Result<Parts<'a>, Error> {
        Ok(Parts::new(self.out, &format!("{{\"{variant}\":["), "]}"))
    }

    fn serialize_map(self, _: Option<usize>) -> Result<Parts<'a>, Error> {
        Ok(Parts::new(self.out, "{", "}"))
    }

    fn serialize_struct(self, _: &'static str, _: usize) -> Result<Parts<'a>, Error> {
        Ok(Parts::new(self.out, "{", "}"))
    }

    fn serialize_struct_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        _: usize,
    ) -> Result<Parts<'a>, Error> {
        Ok(Parts::new(self.out, &format!("{{\"{variant}\":{{"), "}}"))
    }
}

impl ser::SerializeMap for Parts<'_> {
    type Ok = ();
    type Error = Error;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), Error> {
        self.comma();
        let at = self.out.len();
        key.serialize(Compact { out: self.out })?;
        match self.out.get(at) {
            Some(b'"') => Ok(()),
            _ => Err(Error::custom("a key must be a string")),
        }
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Error> {
        self.out.push(b':');
        value.serialize(Compact { out: self.out })
    }

    fn end(self) -> Result<(), Error> {
        self.finish()
    }
}

macro_rules! lists {
    ($($trait:ident: $method:ident),+) => {
        $(impl ser::$trait for Parts<'_> {
            type Ok = ();
            type Error = Error;

            fn $method<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Error> {
                self.element(value)
            }

            fn end(self) -> Result<(), Error> {
                self.finish()
            }
        })+
    };
}

lists! {
    SerializeSeq: serialize_element, SerializeTuple: serialize_element,
    SerializeTupleStruct: serialize_field, SerializeTupleVariant: serialize_field
}

macro_rules! objects {
    ($($trait:ident),+) => {
        $(impl ser::$trait for Parts<'_> {
            type Ok = ();
            type Error = Error;

            #[inline(always)]
            fn serialize_field<T: Serialize + ?Sized>(&mut self, key: &'static str, value: &T) -> Result<(), Error> {
                self.field(key, value)
            }

            fn end(self) -> Result<(), Error> {
                self.finish()
            }
        })+
    };
}

objects! { SerializeStruct, SerializeStructVariant }

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde::Serialize;

    use super::append;

    #[derive(Serialize)]
    enum Kind {
        Unit,
        New(u8),
        Tuple(i64, bool),
        Struct { a: Option<f64> },
    }

    #[derive(Serialize)]
    #[serde(tag = "type")]
    enum Tagged<'a> {
        Line(&'a All),
    }

    #[derive(Serialize)]
    struct All {
        text: Vec<&'static str>,
        kinds: Vec<Kind>,
        map: BTreeMap<String, (char, ())>,
        numbers: (i8, u64, f64, f32),
        none: Option<u8>,
    }

    #[test]
    fn the_bytes_are_those_of_serde_json() {
        let all = All {
            text: vec![
                "",
                "plain",
                "ünï",
                "a\"b",
                "back\\slash",
                "line\nbreak",
                "\u{1}\u{7f}",
                "10.0.0.1:80",
            ],
            kinds: vec![Kind::Unit, Kind::New(3), Kind::Tuple(-4, true), Kind::Struct { a: Some(0.82) }],
            map: BTreeMap::from([("k\"".into(), ('x', ())), ("l".into(), ('\n', ()))]),
            numbers: (-1, u64::MAX, 1e300, 0.5),
            none: None,
        };
        let mut bytes = Vec::new();
        append(&mut bytes, &Tagged::Line(&all)).expect("strings are keys");
        assert_eq!(
            String::from_utf8(bytes).expect("UTF-8"),
            serde_json::to_string(&Tagged::Line(&all)).expect("JSON")
        );
    }
}

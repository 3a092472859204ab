//! The small values of the document: times, spans, words, and lists written without being built.

use std::borrow::Cow;
use std::fmt::Display;
use std::marker::PhantomData;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Serialize, Serializer};

use crate::output::time;
use crate::report::Word;
use crate::tcp::{Duration, Timestamp};

/// A point in time as `"2026-11-22T10:00:00.123456789Z"`.
#[derive(Clone, Copy, Debug)]
pub struct Time(
    /// The time.
    pub Timestamp,
);

impl Serialize for Time {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let text = time::rfc3339(self.0);
        serializer.serialize_str(std::str::from_utf8(&text).unwrap_or_default())
    }
}

impl JsonSchema for Time {
    fn schema_name() -> Cow<'static, str> {
        "Time".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "Capture time, RFC 3339 in UTC with nine digits.",
            "type": "string",
            "format": "date-time",
            "pattern": r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z$",
        })
    }
}

/// A span as integer nanoseconds.
#[derive(Clone, Copy, Debug, Serialize, JsonSchema)]
#[serde(transparent)]
#[schemars(inline)]
pub struct Ns(i64);

impl From<Duration> for Ns {
    fn from(span: Duration) -> Self {
        Self(span.0)
    }
}

/// One word out of a fixed list.
#[derive(Clone, Copy, Debug)]
pub struct OneOf<T>(
    /// The value.
    pub T,
);

impl<T: Word> Serialize for OneOf<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_unit_variant(T::LIST, 0, self.0.word())
    }
}

impl<T: Word> JsonSchema for OneOf<T> {
    fn schema_name() -> Cow<'static, str> {
        T::LIST.into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let words: Vec<_> = T::ALL.iter().map(|v| v.word()).collect();
        json_schema!({ "type": "string", "enum": words })
    }
}

/// Whatever prints itself, as a string.
#[derive(Clone, Copy, Debug)]
pub struct Text<T>(
    /// What is printed.
    pub T,
);

impl<T: Display> Serialize for Text<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

impl<T> JsonSchema for Text<T> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Text".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string" })
    }
}

/// A list of `D`, each made from one `S` while it is written.
#[derive(Clone, Copy, Debug)]
pub struct Each<'a, S, D>(&'a [S], PhantomData<D>);

impl<'a, S, D> From<&'a [S]> for Each<'a, S, D> {
    fn from(list: &'a [S]) -> Self {
        Self(list, PhantomData)
    }
}

impl<'a, S, D: From<&'a S> + Serialize> Serialize for Each<'a, S, D> {
    fn serialize<T: Serializer>(&self, serializer: T) -> Result<T::Ok, T::Error> {
        serializer.collect_seq(self.0.iter().map(D::from))
    }
}

impl<S, D: JsonSchema> JsonSchema for Each<'_, S, D> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        Vec::<D>::schema_name()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        Vec::<D>::json_schema(generator)
    }
}

impl From<&Timestamp> for Time {
    fn from(at: &Timestamp) -> Self {
        Self(*at)
    }
}

impl<T: Word> From<&T> for OneOf<T> {
    fn from(value: &T) -> Self {
        Self(*value)
    }
}

/// One value for each end.
#[derive(Clone, Copy, Debug, Serialize, JsonSchema)]
#[schemars(inline)]
pub struct Ends<T> {
    /// The client's.
    pub client: T,
    /// The server's.
    pub server: T,
}

impl<T: Copy> Ends<OneOf<T>> {
    /// The words of both ends.
    pub fn words(ends: &crate::track::Ends<T>) -> Self {
        Self { client: OneOf(ends.client), server: OneOf(ends.server) }
    }
}

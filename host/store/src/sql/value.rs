//! Values of parameters and columns.

use std::sync::Arc;

use crate::sql::{Error, Result};

/// A value, as both databases hold it. Truth is 1 or 0, a time is milliseconds since 1970.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ValueRef<'v> {
    /// Absent.
    Null,
    /// A whole number.
    Integer(i64),
    /// Text.
    Text(&'v str),
    /// Bytes.
    Blob(&'v [u8]),
}

/// What can be a parameter.
pub trait ToSql {
    /// Its value.
    fn value(&self) -> ValueRef<'_>;
}

impl<T: ToSql + ?Sized> ToSql for &T {
    fn value(&self) -> ValueRef<'_> {
        (**self).value()
    }
}

impl<T: ToSql> ToSql for Option<T> {
    fn value(&self) -> ValueRef<'_> {
        self.as_ref().map_or(ValueRef::Null, ToSql::value)
    }
}

impl ToSql for str {
    fn value(&self) -> ValueRef<'_> {
        ValueRef::Text(self)
    }
}

impl ToSql for String {
    fn value(&self) -> ValueRef<'_> {
        ValueRef::Text(self)
    }
}

impl ToSql for Arc<str> {
    fn value(&self) -> ValueRef<'_> {
        ValueRef::Text(self)
    }
}

impl ToSql for [u8] {
    fn value(&self) -> ValueRef<'_> {
        ValueRef::Blob(self)
    }
}

impl ToSql for Vec<u8> {
    fn value(&self) -> ValueRef<'_> {
        ValueRef::Blob(self)
    }
}

/// Makes parameters and columns of numbers that fit into 64 bits.
macro_rules! numbers {
    ($($number:ty),*) => {$(
        impl ToSql for $number {
            fn value(&self) -> ValueRef<'_> {
                ValueRef::Integer(i64::from(*self))
            }
        }
    )*};
}
numbers!(bool, i16, i32, i64, u8, u16, u32);

/// What can be read from a column.
pub trait FromSql<'v>: Sized {
    /// Reads it; absent where the value is of another kind.
    fn from_value(value: ValueRef<'v>) -> Option<Self>;
}

impl<'v> FromSql<'v> for ValueRef<'v> {
    fn from_value(value: ValueRef<'v>) -> Option<Self> {
        Some(value)
    }
}

impl<'v, T: FromSql<'v>> FromSql<'v> for Option<T> {
    fn from_value(value: ValueRef<'v>) -> Option<Self> {
        match value {
            ValueRef::Null => Some(None),
            value => T::from_value(value).map(Some),
        }
    }
}

impl<'v> FromSql<'v> for &'v str {
    fn from_value(value: ValueRef<'v>) -> Option<Self> {
        match value {
            ValueRef::Text(text) => Some(text),
            _ => None,
        }
    }
}

impl<'v> FromSql<'v> for String {
    fn from_value(value: ValueRef<'v>) -> Option<Self> {
        <&str>::from_value(value).map(str::to_owned)
    }
}

impl<'v> FromSql<'v> for Vec<u8> {
    fn from_value(value: ValueRef<'v>) -> Option<Self> {
        match value {
            ValueRef::Blob(bytes) => Some(bytes.to_vec()),
            _ => None,
        }
    }
}

impl<'v, const N: usize> FromSql<'v> for [u8; N] {
    fn from_value(value: ValueRef<'v>) -> Option<Self> {
        match value {
            ValueRef::Blob(bytes) => bytes.try_into().ok(),
            _ => None,
        }
    }
}

impl<'v> FromSql<'v> for bool {
    fn from_value(value: ValueRef<'v>) -> Option<Self> {
        i64::from_value(value).map(|number| number != 0)
    }
}

impl<'v> FromSql<'v> for i64 {
    fn from_value(value: ValueRef<'v>) -> Option<Self> {
        match value {
            ValueRef::Integer(number) => Some(number),
            _ => None,
        }
    }
}

/// Reads smaller numbers, where they fit.
macro_rules! smaller_numbers {
    ($($number:ty),*) => {$(
        impl<'v> FromSql<'v> for $number {
            fn from_value(value: ValueRef<'v>) -> Option<Self> {
                i64::from_value(value).and_then(|number| number.try_into().ok())
            }
        }
    )*};
}
smaller_numbers!(i16, i32, u8, u16, u32, u64);

/// The parameters of a statement.
pub trait Params {
    /// Gives them to `use_them`.
    fn pass<T>(self, use_them: impl FnOnce(&[&dyn ToSql]) -> T) -> T;
}

impl Params for &[&dyn ToSql] {
    fn pass<T>(self, use_them: impl FnOnce(&[&dyn ToSql]) -> T) -> T {
        use_them(self)
    }
}

impl<V: ToSql, const N: usize> Params for [V; N] {
    fn pass<T>(self, use_them: impl FnOnce(&[&dyn ToSql]) -> T) -> T {
        let references: [&dyn ToSql; N] = std::array::from_fn(|at| &self[at] as &dyn ToSql);
        use_them(&references)
    }
}

/// The parameters of a statement, of different kinds.
macro_rules! params {
    ($($parameter:expr),* $(,)?) => {
        &[$(&$parameter as &dyn crate::sql::ToSql),*] as &[&dyn crate::sql::ToSql]
    };
}
pub(crate) use params;

/// Whether as many parameters are given as a statement has.
pub fn check_count(expected: usize, given: usize) -> Result<()> {
    if expected == given { Ok(()) } else { Err(Error::Parameters { expected, given }) }
}

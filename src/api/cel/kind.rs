//! The types that the server tells apart before an expression is evaluated, and how they agree: `internalIsAssignable`,
//! cel-go/checker.
//! Knows no function and no variable.

use crate::value::{Node, Text};
use std::rc::Rc;

/// The type of an expression.
#[derive(Clone, Debug)]
pub enum Kind<'s> {
    /// Nothing is known before it is evaluated.
    Any,
    /// `null_type`
    Null,
    /// `bool`
    Bool,
    /// `int`
    Int,
    /// `uint`
    Uint,
    /// `double`
    Double,
    /// `string`
    Text,
    /// `bytes`
    Bytes,
    /// `google.protobuf.Duration`
    Duration,
    /// `google.protobuf.Timestamp`
    Time,
    /// `list(A)`
    List(Rc<Kind<'s>>),
    /// `map(A, B)`
    Map(Rc<(Kind<'s>, Kind<'s>)>),
    /// `optional_type(A)`
    Optional(Rc<Kind<'s>>),
    /// `type(A)`
    Type(Rc<Kind<'s>>),
    /// What a library brings: `kubernetes.Quantity`.
    Library(&'static str),
    /// A message that is written out: `Object.spec`.
    Message(Text),
    /// An object whose fields are known.
    Object(Object<'s>),
    /// What is still to be found.
    Open(usize),
}

/// An object whose fields are known.
#[derive(Clone, Debug)]
pub enum Object<'s> {
    /// By the schema of a custom kind; whether it has the metadata of an object.
    Schema(&'s Node, bool),
    /// What rules can see of an object's metadata.
    Metadata,
    /// Each by itself.
    Fields(Rc<Vec<(Text, Kind<'s>)>>),
}

impl Kind<'_> {
    /// A list of some type.
    #[must_use]
    pub fn list(of: Self) -> Self {
        Self::List(Rc::new(of))
    }

    /// A map of some types.
    #[must_use]
    pub fn map(key: Self, value: Self) -> Self {
        Self::Map(Rc::new((key, value)))
    }

    /// An optional value of some type.
    #[must_use]
    pub fn optional(of: Self) -> Self {
        Self::Optional(Rc::new(of))
    }

    /// Whether it may be null though it is something else.
    const fn may_be_null(&self) -> bool {
        matches!(
            self,
            Self::Null
                | Self::Duration
                | Self::Time
                | Self::Object(_)
                | Self::Message(_)
                | Self::Library(_)
                | Self::Optional(_)
        )
    }

    /// Whether two types are one and the same.
    #[must_use]
    pub fn is(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Any, Self::Any)
            | (Self::Null, Self::Null)
            | (Self::Bool, Self::Bool)
            | (Self::Int, Self::Int)
            | (Self::Uint, Self::Uint)
            | (Self::Double, Self::Double)
            | (Self::Text, Self::Text)
            | (Self::Bytes, Self::Bytes)
            | (Self::Duration, Self::Duration)
            | (Self::Time, Self::Time) => true,
            (Self::List(one), Self::List(other))
            | (Self::Optional(one), Self::Optional(other))
            | (Self::Type(one), Self::Type(other)) => one.is(other),
            (Self::Map(one), Self::Map(other)) => one.0.is(&other.0) && one.1.is(&other.1),
            (Self::Library(one), Self::Library(other)) => one == other,
            (Self::Message(one), Self::Message(other)) => one == other,
            (Self::Object(one), Self::Object(other)) => one.is(other),
            (Self::Open(one), Self::Open(other)) => one == other,
            _ => false,
        }
    }

    /// The one of two types that agree which stands for both: `mostGeneral`.
    #[must_use]
    pub fn of_both(self, other: Self) -> Self {
        if self.says_no_more_than(&other) { self } else { other }
    }

    /// Whether it says no more than another: `isEqualOrLessSpecific`.
    fn says_no_more_than(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Any | Self::Open(_), _) | (Self::Type(_), Self::Type(_)) => true,
            (_, Self::Any | Self::Open(_)) => false,
            (Self::List(one), Self::List(other)) | (Self::Optional(one), Self::Optional(other)) => {
                one.says_no_more_than(other)
            }
            (Self::Map(one), Self::Map(other)) => {
                one.0.says_no_more_than(&other.0) && one.1.says_no_more_than(&other.1)
            }
            _ => self.is(other),
        }
    }
}

impl Object<'_> {
    fn is(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Schema(one, _), Self::Schema(other, _)) => std::ptr::eq(*one, *other),
            (Self::Fields(one), Self::Fields(other)) => Rc::ptr_eq(one, other),
            (Self::Metadata, Self::Metadata) => true,
            _ => false,
        }
    }
}

/// What was found of open types, by their number.
#[derive(Clone, Debug, Default)]
pub struct Found<'s> {
    kinds: Vec<Option<Kind<'s>>>,
}

impl<'s> Found<'s> {
    /// A new open type.
    pub fn open(&mut self) -> Kind<'s> {
        self.kinds.push(None);
        Kind::Open(self.kinds.len() - 1)
    }

    /// How many open types there are.
    #[must_use]
    pub const fn count(&self) -> usize {
        self.kinds.len()
    }

    fn of(&self, number: usize) -> Option<&Kind<'s>> {
        self.kinds.get(number)?.as_ref()
    }

    /// A type with all that was found put in. What is still open is anything, if that is asked.
    #[must_use]
    pub fn put_in(&self, kind: &Kind<'s>, closed: bool) -> Kind<'s> {
        match kind {
            Kind::Open(number) => match self.of(*number) {
                Some(found) => self.put_in(found, closed),
                None if closed => Kind::Any,
                None => kind.clone(),
            },
            Kind::List(of) => Kind::list(self.put_in(of, closed)),
            Kind::Optional(of) => Kind::optional(self.put_in(of, closed)),
            Kind::Type(of) => Kind::Type(Rc::new(self.put_in(of, closed))),
            Kind::Map(of) => Kind::map(self.put_in(&of.0, closed), self.put_in(&of.1, closed)),
            _ => kind.clone(),
        }
    }

    /// Whether a value of one type may stand where another is wanted. What that tells of open types is noted; if it may
    /// not, anything may be.
    pub fn agrees(&mut self, one: &Kind<'s>, other: &Kind<'s>) -> bool {
        if let Kind::Open(number) = other {
            let (valid, known) = self.fills(one, *number);
            if valid || known {
                return valid;
            }
        }
        if let Kind::Open(number) = one {
            return self.fills(other, *number).0;
        }
        match (one, other) {
            (Kind::Any, _) | (_, Kind::Any) | (Kind::Type(_), Kind::Type(_)) => true,
            (Kind::Null, other) | (other, Kind::Null) => other.may_be_null(),
            (Kind::List(one), Kind::List(other)) | (Kind::Optional(one), Kind::Optional(other)) => {
                let (one, other) = (one.clone(), other.clone());
                self.agrees(&one, &other)
            }
            (Kind::Map(one), Kind::Map(other)) => {
                let (one, other) = (one.clone(), other.clone());
                self.agrees(&one.0, &other.0) && self.agrees(&one.1, &other.1)
            }
            _ => one.is(other),
        }
    }

    /// The same for several; nothing is noted if they do not agree.
    pub fn all_agree(&mut self, given: &[Kind<'s>], wanted: &[Kind<'s>]) -> bool {
        let before = self.clone();
        let agree = given.len() == wanted.len() && given.iter().zip(wanted).all(|(one, other)| self.agrees(one, other));
        if !agree {
            *self = before;
        }
        agree
    }

    /// Whether a type may be what an open one stands for, and whether that was known: `isValidTypeSubstitution`.
    fn fills(&mut self, kind: &Kind<'s>, open: usize) -> (bool, bool) {
        if matches!(kind, Kind::Open(number) if *number == open) {
            return (true, true);
        }
        if let Some(known) = self.of(open).cloned() {
            if kind.is(&known) {
                return (true, true);
            }
            if !self.agrees(kind, &known) {
                return (false, true);
            }
            let wider = kind.clone().of_both(known);
            if !self.mentions(&wider, open) {
                self.kinds[open] = Some(wider);
            }
            return (true, true);
        }
        if self.mentions(kind, open) {
            return (false, false);
        }
        self.kinds[open] = Some(kind.clone());
        (true, false)
    }

    /// Whether an open type is part of another.
    fn mentions(&self, kind: &Kind<'s>, open: usize) -> bool {
        match kind {
            Kind::Open(number) => *number == open || self.of(*number).is_some_and(|found| self.mentions(found, open)),
            Kind::List(of) | Kind::Optional(of) | Kind::Type(of) => self.mentions(of, open),
            Kind::Map(of) => self.mentions(&of.0, open) || self.mentions(&of.1, open),
            _ => false,
        }
    }
}

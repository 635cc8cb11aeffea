//! An expression in CEL as a tree. Evaluates nothing.

use crate::value::Text;

/// A part of an expression.
#[derive(Debug)]
pub(crate) enum Tree {
    /// A value that is written there.
    Literal(Literal),
    /// `self`
    Name(Text),
    /// `a.b`; `a.?b`
    Field {
        /// What has it.
        of: Box<Tree>,
        /// Its name.
        field: Text,
        /// Whether it may be missing.
        optional: bool,
    },
    /// `has(a.b)`
    Has {
        /// What has it.
        of: Box<Tree>,
        /// Its name.
        field: Text,
        /// Whether it was written `a.?b`.
        optional: bool,
    },
    /// `a[b]`; `a[?b]`
    Index {
        /// What has it.
        of: Box<Tree>,
        /// Which.
        index: Box<Tree>,
        /// Whether it may be missing.
        optional: bool,
    },
    /// `f(a)`, `a.f(b)`
    Call {
        /// Its name; of functions in a library with the library's: `sets.contains`.
        function: Text,
        /// What it is called on.
        of: Option<Box<Tree>>,
        /// What it is given.
        arguments: Vec<Tree>,
    },
    /// `[a, ?b]`
    List(Vec<(Tree, bool)>),
    /// `{a: b, ?c: d}`
    Map(Vec<(Tree, Tree, bool)>),
    /// `Object.spec{a: b, ?c: d}`
    Message {
        /// Its type.
        name: Text,
        /// Its fields.
        fields: Vec<(Text, Tree, bool)>,
    },
    /// `!a`
    Not(Box<Tree>),
    /// `-a`
    Negative(Box<Tree>),
    /// `a && b && c`
    All(Vec<Tree>),
    /// `a || b || c`
    Any(Vec<Tree>),
    /// `a ? b : c`
    If(Box<[Tree; 3]>),
    /// `a + b`
    Binary(Operator, Box<[Tree; 2]>),
    /// `a.all(b, c)` and the like.
    Fold(Box<Fold>),
}

/// A value that is written in an expression.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Literal {
    /// `null`
    Null,
    /// `true`
    Bool(bool),
    /// `1`
    Int(i64),
    /// `1u`
    Uint(u64),
    /// `1.0`
    Double(f64),
    /// `'a'`
    Text(Text),
    /// `b'a'`
    Bytes(Vec<u8>),
}

/// What joins two values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Operator {
    Equal,
    Unequal,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    In,
    Add,
    Subtract,
    Multiply,
    Divide,
    Remainder,
}

/// An expression for each item of a list, or each entry of a map.
#[derive(Debug)]
pub(crate) struct Fold {
    /// What is made of the results.
    pub kind: Kind,
    /// The items.
    pub of: Tree,
    /// The name of an item; with `second` that of its place or key.
    pub first: Text,
    /// The name of an item, where the other is that of its place or key.
    pub second: Option<Text>,
    /// The condition, or what is made of an item.
    pub body: Tree,
    /// What is made of an item for which `body` is true, where that is a condition.
    pub result: Option<Tree>,
}

/// What is made of the results of a fold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// `all`
    All,
    /// `exists`
    Exists,
    /// `exists_one`
    One,
    /// `map`, `transformList`
    List,
    /// `filter`
    Filter,
    /// `transformMap`
    Map,
    /// `transformMapEntry`
    Entries,
    /// `sortBy`
    Sort,
    /// `optMap`: of what is inside an optional value.
    Inside,
    /// `optFlatMap`: the same, where the result is optional itself.
    Flat,
}

/// So deep an expression may nest.
pub(crate) const DEEPEST: usize = 100;

//! CEL, the language of rules in schemas and policies: read, and evaluated over objects, by our own hands. The crates that do so count no
//! costs, so that a rule could run for hours, and weigh more than all that is judged here. Knows no rule.

mod call;
pub mod check;
mod evaluate;
pub mod kind;
mod net;
mod read;
mod signature;
mod text;
pub mod tree;
pub mod value;

use crate::k8s::version::Version;
use check::Declared;
use kind::Kind;
use std::fmt;
use tree::Tree;
use value::Value;

/// Words that name nothing.
pub const RESERVED: [&str; 17] = [
    "as",
    "break",
    "const",
    "continue",
    "else",
    "for",
    "function",
    "if",
    "import",
    "let",
    "loop",
    "package",
    "namespace",
    "return",
    "var",
    "void",
    "while",
];

/// Whether a word cannot name a field or a variable: it is reserved, a literal or an operator.
#[must_use]
pub fn is_keyword(word: &str) -> bool {
    matches!(word, "true" | "false" | "null" | "in") || RESERVED.contains(&word)
}

/// An expression that was read.
#[derive(Debug)]
pub struct Program {
    tree: Tree,
}

/// Why a text is no expression that we can read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unread {
    /// It is none.
    Syntax(String),
    /// It nests deeper than we go. Whether the server goes so deep is another question.
    Deep,
}

impl fmt::Display for Unread {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Syntax(why) => out.write_str(why),
            Self::Deep => out.write_str("it nests too deep"),
        }
    }
}

impl From<String> for Unread {
    fn from(why: String) -> Self {
        Self::Syntax(why)
    }
}

impl From<&str> for Unread {
    fn from(why: &str) -> Self {
        Self::Syntax(why.to_owned())
    }
}

/// Why an expression comes to nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// As the server says it: `no such key: a`.
    Said(String),
    /// Values of other types than it takes.
    NoOverload,
    /// It costs more than it may.
    Costly,
    /// What we do not know: a name, a function, a time zone.
    Unknown(String),
}

impl Fault {
    /// A fault in the server's words.
    #[must_use]
    pub const fn said(words: String) -> Self {
        Self::Said(words)
    }

    /// Whether a condition beside it can still decide.
    const fn can_be_absorbed(&self) -> bool {
        matches!(self, Self::Said(_) | Self::NoOverload)
    }
}

impl Program {
    /// Reads an expression.
    ///
    /// # Errors
    /// When it is none that we can read: why.
    pub fn read(written: &str) -> Result<Self, Unread> {
        Ok(Self { tree: read::read(written)? })
    }

    /// The type that it comes to, with these names declared.
    ///
    /// # Errors
    /// When the server would not take it: its words.
    pub fn check<'s>(&self, names: &[Declared<'s>], version: Version) -> Result<Kind<'s>, String> {
        check::check(&self.tree, names, version)
    }

    /// Whether it looks at a name.
    #[must_use]
    pub fn uses(&self, name: &str) -> bool {
        uses(&self.tree, name)
    }

    /// Evaluates it with some names. What it costs is taken from `left`.
    ///
    /// # Errors
    /// When it comes to nothing.
    pub fn evaluate<'v>(&'v self, names: &[(&'v str, Value<'v>)], left: &mut u64) -> Result<Value<'v>, Fault> {
        evaluate::evaluate(&self.tree, names, left)
    }
}

fn uses(tree: &Tree, name: &str) -> bool {
    let any = |trees: &[Tree]| trees.iter().any(|tree| uses(tree, name));
    match tree {
        Tree::Literal(_) => false,
        Tree::Name(known) => known == name,
        Tree::Field { of, .. } | Tree::Has { of, .. } | Tree::Not(of) | Tree::Negative(of) => uses(of, name),
        Tree::Index { of, index, .. } => uses(of, name) || uses(index, name),
        Tree::Call { of, arguments, .. } => of.as_ref().is_some_and(|of| uses(of, name)) || any(arguments),
        Tree::List(items) => items.iter().any(|(item, _)| uses(item, name)),
        Tree::Map(entries) => entries.iter().any(|(key, value, _)| uses(key, name) || uses(value, name)),
        Tree::Message { fields, .. } => fields.iter().any(|(_, value, _)| uses(value, name)),
        Tree::All(parts) | Tree::Any(parts) => any(parts),
        Tree::If(parts) => any(&parts[..]),
        Tree::Binary(_, parts) => any(&parts[..]),
        Tree::Fold(fold) => uses(&fold.of, name) || uses(&fold.body, name) || fold.result.as_ref().is_some_and(|result| uses(result, name)),
    }
}

#[cfg(test)]
mod tests;

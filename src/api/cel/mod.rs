//! CEL, the language of rules in schemas and policies: read, and evaluated over objects, by our own hands. The crates
//! that do so count no costs, so that a rule could run for hours, and weigh more than all that is judged here. Knows no
//! rule.

mod call;
pub mod check;
mod evaluate;
pub mod kind;
mod net;
mod read;
mod signature;
mod text;
pub(crate) mod tree;
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

    /// Whether it looks at a field of a name, or at all of what the name stands for.
    #[must_use]
    pub fn selects(&self, name: &str, field: &str) -> bool {
        selects(&self.tree, name, field)
    }

    /// What is wrong where a part of an object that it makes is called otherwise than the field that it stands in:
    /// `CheckTypeNamesMatchFieldPathNames`, k8s.io/apiserver/pkg/cel/mutation/dynamic.
    #[must_use]
    pub fn misnamed(&self) -> Option<String> {
        misnamed(&self.tree)
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
    matches!(tree, Tree::Name(known) if known == name) || parts(tree).into_iter().any(|part| uses(part, name))
}

fn selects(tree: &Tree, name: &str, field: &str) -> bool {
    match tree {
        Tree::Name(known) => known == name,
        Tree::Field { of, field: selected, .. } | Tree::Has { of, field: selected, .. } if matches!(&**of, Tree::Name(known) if known == name) => {
            selected == field
        }
        _ => parts(tree).into_iter().any(|part| selects(part, name, field)),
    }
}

fn misnamed(tree: &Tree) -> Option<String> {
    let own = match tree {
        Tree::Message { name: holder, fields } if holder.starts_with("Object") => {
            fields.iter().find_map(|(field, value, _)| miscalled(&format!("{holder}.{field}"), value))
        }
        _ => None,
    };
    own.or_else(|| parts(tree).into_iter().find_map(misnamed))
}

fn miscalled(wanted: &str, value: &Tree) -> Option<String> {
    match value {
        Tree::Message { name, .. } => (name != wanted).then(|| {
            format!(
                "unexpected type name \"{name}\", expected \"{wanted}\", which matches field name path from root Object \
                 type"
            )
        }),
        Tree::List(items) => items.iter().find_map(|(item, _)| miscalled(wanted, item)),
        _ => None,
    }
}

/// What an expression is made of.
fn parts(tree: &Tree) -> Vec<&Tree> {
    match tree {
        Tree::Literal(_) | Tree::Name(_) => Vec::new(),
        Tree::Field { of, .. } | Tree::Has { of, .. } | Tree::Not(of) | Tree::Negative(of) => vec![of],
        Tree::Index { of, index, .. } => vec![of, index],
        Tree::Call { of, arguments, .. } => of.iter().map(|of| &**of).chain(arguments).collect(),
        Tree::List(items) => items.iter().map(|(item, _)| item).collect(),
        Tree::Map(entries) => entries.iter().flat_map(|(key, value, _)| [key, value]).collect(),
        Tree::Message { fields, .. } => fields.iter().map(|(_, value, _)| value).collect(),
        Tree::All(parts) | Tree::Any(parts) => parts.iter().collect(),
        Tree::If(parts) => parts.iter().collect(),
        Tree::Binary(_, parts) => parts.iter().collect(),
        Tree::Fold(fold) => [&fold.of, &fold.body].into_iter().chain(&fold.result).collect(),
    }
}

#[cfg(test)]
mod tests;

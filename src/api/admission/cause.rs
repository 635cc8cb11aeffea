//! Field paths and causes, in the API server's own words (apimachinery's `field.Path` and `field.Error`).

use crate::diagnostic::Refusal;
use crate::value::{Data, Node};
use std::fmt;

/// A field path that lives on the stack: a step and what is above it. Costs nothing until a cause is written.
#[derive(Clone, Copy, Debug)]
pub struct Path<'a> {
    parent: Option<&'a Path<'a>>,
    step: Step<'a>,
}

#[derive(Clone, Copy, Debug)]
enum Step<'a> {
    Root,
    Field(&'a str),
    Index(usize),
    Key(&'a str),
}

impl<'a> Path<'a> {
    /// The empty path.
    pub const ROOT: Path<'static> = Path { parent: None, step: Step::Root };

    /// A path of one field; may itself hold dots (`spec.template.spec`).
    #[must_use]
    pub const fn new(field: &'a str) -> Self {
        Self { parent: None, step: Step::Field(field) }
    }

    /// Whether nothing is above.
    #[must_use]
    pub const fn is_root(&self) -> bool {
        matches!(self.step, Step::Root)
    }

    /// `.field`
    #[must_use]
    pub const fn child(&'a self, field: &'a str) -> Self {
        Self { parent: Some(self), step: Step::Field(field) }
    }

    /// `[3]`
    #[must_use]
    pub const fn index(&'a self, index: usize) -> Self {
        Self { parent: Some(self), step: Step::Index(index) }
    }

    /// `[key]`
    #[must_use]
    pub const fn key(&'a self, key: &'a str) -> Self {
        Self { parent: Some(self), step: Step::Key(key) }
    }
}

impl fmt::Display for Path<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let above = self.parent.filter(|parent| !matches!(parent.step, Step::Root));
        if let Some(parent) = above {
            parent.fmt(out)?;
        }
        match self.step {
            Step::Root => Ok(()),
            Step::Field(field) if above.is_some() => write!(out, ".{field}"),
            Step::Field(field) => out.write_str(field),
            Step::Index(index) => write!(out, "[{index}]"),
            Step::Key(key) => write!(out, "[{key}]"),
        }
    }
}

/// What the rules of one object came to.
#[derive(Clone, Debug, Default)]
pub struct Causes {
    /// Why it is refused; empty when it is not.
    pub refusals: Vec<Refusal>,
    /// What the server warns of.
    pub warnings: Vec<Warning>,
    /// Why the request itself makes no sense, whatever the rules say of its object.
    pub bad_request: Option<&'static str>,
}

/// What the server warns of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Warning {
    /// The field that it is about; empty where it names none.
    pub field: String,
    /// In its own words, which begin with the field.
    pub text: String,
    /// What it is about, where others speak of the same.
    pub topic: Option<Topic>,
}

/// Matters of which a warning of the server is not the only word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Topic {
    /// A port's name that an earlier container of the pod has too.
    PortName,
    /// A volume that is to be wiped and used again.
    Recycling,
    /// An annotation that nothing reads any more.
    DeadAnnotation,
    /// A storage class in an annotation.
    ClassAnnotation,
}

impl Warning {
    /// Words about a field.
    pub fn at(field: impl fmt::Display, words: impl fmt::Display) -> Self {
        let field = field.to_string();
        Self { text: format!("{field}: {words}"), field, topic: None }
    }
}

impl Causes {
    /// Any cause, by its type.
    pub fn add(&mut self, path: &Path<'_>, kind: &'static str, detail: impl Into<String>) {
        self.refusals.push(Refusal { field: path.to_string(), kind, detail: detail.into() });
    }

    /// The value is not allowed.
    pub fn invalid(&mut self, path: &Path<'_>, detail: impl Into<String>) {
        self.add(path, "FieldValueInvalid", detail);
    }

    /// The value is missing.
    pub fn required(&mut self, path: &Path<'_>, detail: impl Into<String>) {
        self.add(path, "FieldValueRequired", detail);
    }

    /// The value may not be set here.
    pub fn forbidden(&mut self, path: &Path<'_>, detail: impl Into<String>) {
        self.add(path, "FieldValueForbidden", detail);
    }

    /// The value is there already.
    pub fn duplicate(&mut self, path: &Path<'_>) {
        self.add(path, "FieldValueDuplicate", "");
    }

    /// The value names something that is not there.
    pub fn not_found(&mut self, path: &Path<'_>) {
        self.add(path, "FieldValueNotFound", "");
    }

    /// The value is none of a few.
    pub fn not_supported(&mut self, path: &Path<'_>, known: &[&str]) {
        let list: Vec<String> = known.iter().map(|value| format!("\"{value}\"")).collect();
        self.add(path, "FieldValueNotSupported", format!("supported values: {}", list.join(", ")));
    }

    /// The value must be one of a few.
    pub fn one_of(&mut self, value: &str, known: &[&str], path: &Path<'_>) {
        if !known.contains(&value) {
            self.not_supported(path, known);
        }
    }

    /// The value must be there, and one of a few.
    pub fn required_one_of(&mut self, value: &str, known: &[&str], path: &Path<'_>) {
        if value.is_empty() {
            self.required(path, "");
        } else {
            self.one_of(value, known, path);
        }
    }

    /// The value has more than `most` bytes.
    pub fn too_long(&mut self, path: &Path<'_>, most: usize) {
        self.add(path, "FieldValueTooLong", format!("may not be more than {most} bytes"));
    }

    /// The list has more than `most` items.
    pub fn too_many(&mut self, path: &Path<'_>, most: usize) {
        self.add(
            path,
            "FieldValueTooMany",
            format!("must have at most {most} item{}", if most == 1 { "" } else { "s" }),
        );
    }

    /// The value is of the wrong type, found late.
    pub fn type_invalid(&mut self, path: &Path<'_>, detail: impl Into<String>) {
        self.add(path, "FieldValueTypeInvalid", detail);
    }

    /// The value is not allowed, for each of several reasons.
    pub fn each_invalid(&mut self, path: &Path<'_>, faults: Vec<String>) {
        for fault in faults {
            self.invalid(path, fault);
        }
    }

    /// The number may not be below zero.
    pub fn not_negative(&mut self, number: i64, path: &Path<'_>) {
        if number < 0 {
            self.invalid(path, "must be greater than or equal to 0");
        }
    }

    /// The number must be above zero.
    pub fn positive(&mut self, number: i64, path: &Path<'_>) {
        if number <= 0 {
            self.invalid(path, "must be greater than zero");
        }
    }

    /// A Warning header that names no field.
    pub fn warn(&mut self, text: impl Into<String>) {
        self.warnings.push(Warning { field: String::new(), text: text.into(), topic: None });
    }

    /// A Warning header about a field.
    pub fn warn_at(&mut self, field: impl fmt::Display, words: impl fmt::Display) {
        self.warnings.push(Warning::at(field, words));
    }

    /// A Warning header about a matter of which others speak too.
    pub fn warn_of(&mut self, topic: Topic, field: impl fmt::Display, words: impl fmt::Display) {
        self.warnings.push(Warning { topic: Some(topic), ..Warning::at(field, words) });
    }
}

/// A text field as Go sees it: absent, null and empty are one.
#[must_use]
pub(crate) fn text<'n>(node: &'n Node, key: &str) -> &'n str {
    node.get(key).and_then(Node::as_str).unwrap_or_default()
}

/// A list field as Go sees it: absent, null and empty are one.
#[must_use]
pub(crate) fn list<'n>(node: &'n Node, key: &str) -> &'n [Node] {
    node.get(key).and_then(Node::as_list).unwrap_or_default()
}

/// A field that is there and not null.
#[must_use]
pub(crate) fn some<'n>(node: &'n Node, key: &str) -> Option<&'n Node> {
    node.get(key).filter(|value| !matches!(value.data, Data::Null))
}

/// A number field as Go sees it: absent, null and zero are one.
#[must_use]
pub(crate) fn number(node: &Node, key: &str) -> i64 {
    node.get(key).and_then(Node::as_int).unwrap_or_default()
}

/// A truth field as Go sees it: absent, null and false are one.
#[must_use]
pub(crate) fn flag(node: &Node, key: &str) -> bool {
    node.get(key).and_then(Node::as_bool).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_as_the_server_writes_them() {
        let spec = Path::new("spec.template.spec");
        let containers = spec.child("containers");
        let first = containers.index(0);
        let labels = Path::ROOT;
        let metadata = labels.child("metadata");
        let map = metadata.child("labels");
        assert_eq!(first.child("name").to_string(), "spec.template.spec.containers[0].name");
        assert_eq!(map.key("a/b").to_string(), "metadata.labels[a/b]");
    }
}

//! Whether a manifest has the type that a server-side apply asks for: every field known, every value of its type, every
//! item told from the others. Says it in the server's words, and where it is.
//!
//! Follows `sigs.k8s.io/structured-merge-diff/v6/typed/validate.go`.

use super::kind::{Atom, Kind, ListKind, MapKind, Plain};
use crate::api::admission::cause::Path;
use crate::value::{Data, Map, Node};
use std::collections::BTreeSet;
use std::fmt::{self, Write as _};

/// One thing that is wrong.
#[derive(Clone, Debug)]
pub(crate) struct Misfit {
    /// Where it is in the manifest: `spec.containers[0].env[1]`.
    pub field: String,
    /// Where it is, as the server says it: `.spec.containers[name="app"].env`.
    pub path: String,
    /// `duplicate entries for key [name="A"]`
    pub message: String,
    /// What sort of fault it is.
    pub fault: Fault,
}

impl fmt::Display for Misfit {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.path.is_empty() { out.write_str(&self.message) } else { write!(out, "{}: {}", self.path, self.message) }
    }
}

/// What sort of fault it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// There is no such field.
    Unknown,
    /// A value of the wrong type.
    Type,
    /// Two items of one key.
    Duplicate,
    /// An item that nothing tells from others.
    Keyless,
}

/// All that is wrong with a manifest's types.
#[must_use]
pub(crate) fn misfits(manifest: &Node, kind: Kind<'_>) -> Vec<Misfit> {
    let mut found = Vec::new();
    node(manifest, kind, &Path::ROOT, &mut String::new(), &mut found);
    found
}

fn node(value: &Node, kind: Kind<'_>, field: &Path<'_>, path: &mut String, found: &mut Vec<Misfit>) {
    let mut wrong = |message: String| {
        found.push(Misfit { field: field.to_string(), path: path.clone(), message, fault: Fault::Type });
    };
    match (kind.atom(Some(value)), &value.data) {
        (_, Data::Null)
        | (Atom::Plain(Plain::Text), Data::Text(_))
        | (Atom::Plain(Plain::Bool), Data::Bool(_))
        | (Atom::Plain(Plain::Number), Data::Int(_) | Data::Float(_))
        | (Atom::Plain(Plain::Any), Data::Int(_) | Data::Float(_) | Data::Text(_) | Data::Bool(_)) => {}
        (Atom::Map(inner), Data::Map(map)) => fields(map, inner, field, path, found),
        (Atom::List(list), Data::List(items)) => self::items(items, list, field, path, found),
        (Atom::Map(_), _) => wrong(format!("expected map, got {}", go(value))),
        (Atom::List(_), _) => wrong(format!("expected list, got {}", go(value))),
        (Atom::Plain(Plain::Text), _) => wrong(format!("expected string, got {}", go(value))),
        (Atom::Plain(Plain::Bool), _) => wrong(format!("expected boolean, got {}", go(value))),
        (Atom::Plain(Plain::Number), _) => wrong(format!("expected numeric (int or float), got {}", type_of(value))),
        (Atom::Plain(Plain::Any), _) => wrong(format!("expected any scalar, got {}", go(value))),
    }
}

fn fields(map: &Map, kind: MapKind<'_>, field: &Path<'_>, path: &mut String, found: &mut Vec<Misfit>) {
    let length = path.len();
    for (key, value) in map.iter() {
        let inner = if kind.names(&key.name) { field.child(&key.name) } else { field.key(&key.name) };
        path.push('.');
        path.push_str(&key.name);
        match kind.inside(&key.name) {
            Some(type_of) => node(value, type_of, &inner, path, found),
            None => found.push(Misfit {
                field: field.child(&key.name).to_string(),
                path: path.clone(),
                message: "field not declared in schema".into(),
                fault: Fault::Unknown,
            }),
        }
        path.truncate(length);
    }
}

fn items(items: &[Node], kind: ListKind<'_>, field: &Path<'_>, path: &mut String, found: &mut Vec<Misfit>) {
    let length = path.len();
    let mut seen = BTreeSet::new();
    for (index, item) in items.iter().enumerate() {
        let inner = field.index(index);
        if kind.is_atomic() {
            _ = write!(path, "[{index}]");
        } else {
            let step = match kind.step(item) {
                Ok(step) => step,
                Err(why) => {
                    let message = format!("element {index}: {why}");
                    found.push(Misfit { field: inner.to_string(), path: path.clone(), message, fault: Fault::Keyless });
                    return;
                }
            };
            let word = step.to_string();
            if !seen.insert(step) {
                let message = format!("duplicate entries for key {word}");
                found.push(Misfit { field: inner.to_string(), path: path.clone(), message, fault: Fault::Duplicate });
            }
            path.push_str(&word);
        }
        node(item, kind.item, &inner, path, found);
        path.truncate(length);
    }
}

/// A value as Go prints it.
fn go(value: &Node) -> String {
    format!("&value.valueUnstructured{{Value:{}}}", crate::json::from_node(value))
}

const fn type_of(value: &Node) -> &'static str {
    match value.data {
        Data::Null => "<nil>",
        Data::Bool(_) => "bool",
        Data::Int(_) => "int64",
        Data::Float(_) => "float64",
        Data::Text(_) => "string",
        Data::List(_) => "[]interface {}",
        Data::Map(_) => "map[string]interface {}",
    }
}

//! Sets of fields, as managers of objects own them: `f:spec`, `k:{"name":"app"}`, `v:"finalizer"`. Knows no type.
//!
//! Follows `sigs.k8s.io/structured-merge-diff/v6/fieldpath: Set, PathElement`.

use crate::json;
use crate::value::{Data, Node, Text};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

/// One step on the way to a field.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Step {
    /// A field of a struct or an entry of a map.
    Field(Text),
    /// The item of a list with these keys, sorted by their names.
    Key(Vec<(Text, Scalar)>),
    /// An item of a set.
    Value(Scalar),
}

/// A value that tells an item from others.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Scalar {
    /// A whole number.
    Int(i64),
    /// Text.
    Text(Text),
    /// Anything else, as JSON.
    Json(String),
}

/// Some fields of an object. That a field is in it says nothing of those around or within it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Paths {
    members: BTreeSet<Step>,
    within: BTreeMap<Step, Self>,
}

impl Scalar {
    /// The value of a node.
    #[must_use]
    pub fn of(node: &Node) -> Self {
        match &node.data {
            Data::Int(value) => Self::Int(*value),
            Data::Text(text) => Self::Text(text.clone()),
            _ => Self::Json(json::from_node(node).to_string()),
        }
    }

    fn of_json(value: &serde_json::Value) -> Self {
        match value {
            serde_json::Value::String(text) => Self::Text(text.as_str().into()),
            _ => value.as_i64().map_or_else(|| Self::Json(value.to_string()), Self::Int),
        }
    }
}

impl fmt::Display for Scalar {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Int(value) => write!(out, "{value}"),
            Self::Text(text) => write!(out, "{}", serde_json::Value::from(text.as_str())),
            Self::Json(text) => out.write_str(text),
        }
    }
}

impl fmt::Display for Step {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Field(name) => write!(out, ".{name}"),
            Self::Key(parts) => {
                out.write_str("[")?;
                for (index, (name, value)) in parts.iter().enumerate() {
                    write!(out, "{}{name}={value}", if index == 0 { "" } else { "," })?;
                }
                out.write_str("]")
            }
            Self::Value(value) => write!(out, "[={value}]"),
        }
    }
}

impl Step {
    /// A step as `managedFields` write it; nothing for those that no server writes.
    fn read(text: &str) -> Option<Self> {
        let (kind, rest) = text.split_once(':')?;
        let value = || serde_json::from_str::<serde_json::Value>(rest).ok();
        match kind {
            "f" => Some(Self::Field(rest.into())),
            "v" => Some(Self::Value(Scalar::of_json(&value()?))),
            "k" => {
                let parts = value()?;
                let parts =
                    parts.as_object()?.iter().map(|(name, value)| (name.as_str().into(), Scalar::of_json(value)));
                let mut parts: Vec<(Text, Scalar)> = parts.collect();
                parts.sort_by(|one, other| one.0.cmp(&other.0));
                Some(Self::Key(parts))
            }
            _ => None,
        }
    }
}

impl Paths {
    /// The fields that an entry of `managedFields` lists under `fieldsV1`.
    #[must_use]
    pub fn read(fields: &Node) -> Self {
        let mut read = Self::default();
        for (key, inner) in fields.entries() {
            let Some(step) = Step::read(&key.name) else { continue };
            let nested = Self::read(inner);
            if inner.get(".").is_some() || nested.is_empty() {
                read.members.insert(step.clone());
            }
            read.put(step, nested);
        }
        read
    }

    /// Whether it is empty.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.members.is_empty() && self.within.is_empty()
    }

    /// Takes a field in.
    pub fn insert(&mut self, step: Step) {
        self.members.insert(step);
    }

    /// Takes in what is within a field.
    pub fn put(&mut self, step: Step, within: Self) {
        if !within.is_empty() {
            match self.within.get_mut(&step) {
                Some(known) => known.add(&within),
                None => drop(self.within.insert(step, within)),
            }
        }
    }

    /// Whether a field is in it.
    #[must_use]
    pub fn has(&self, step: &Step) -> bool {
        self.members.contains(step)
    }

    /// The fields of this level.
    pub fn members(&self) -> impl Iterator<Item = &Step> {
        self.members.iter()
    }

    /// What is in it of what is within a field.
    #[must_use]
    pub fn within(&self, step: &Step) -> Option<&Self> {
        self.within.get(step)
    }

    /// The steps behind which there is something.
    pub fn steps_within(&self) -> impl Iterator<Item = (&Step, &Self)> {
        self.within.iter()
    }

    /// The fields of both.
    #[must_use]
    pub fn union(&self, other: &Self) -> Self {
        let mut all = self.clone();
        all.add(other);
        all
    }

    /// Adds the fields of another set.
    pub fn add(&mut self, other: &Self) {
        self.members.extend(other.members.iter().cloned());
        for (step, inner) in &other.within {
            match self.within.get_mut(step) {
                Some(known) => known.add(inner),
                None => drop(self.within.insert(step.clone(), inner.clone())),
            }
        }
    }

    /// The fields that are in both.
    #[must_use]
    pub fn intersection(&self, other: &Self) -> Self {
        let mut both =
            Self { members: self.members.intersection(&other.members).cloned().collect(), ..Self::default() };
        for (step, inner) in &self.within {
            if let Some(others) = other.within.get(step) {
                both.put(step.clone(), inner.intersection(others));
            }
        }
        both
    }

    /// The fields that are not in the other.
    #[must_use]
    pub fn without(&self, other: &Self) -> Self {
        let mut left = Self { members: self.members.difference(&other.members).cloned().collect(), ..Self::default() };
        for (step, inner) in &self.within {
            match other.within.get(step) {
                Some(others) => left.put(step.clone(), inner.without(others)),
                None => drop(left.within.insert(step.clone(), inner.clone())),
            }
        }
        left
    }

    /// Takes out a field, with all that is within it.
    pub fn cut(&mut self, step: &Step) {
        self.members.remove(step);
        self.within.remove(step);
    }

    /// Takes out some fields within a field, but not what is within those.
    pub fn cut_within(&mut self, step: &Step, inner: &[Step]) {
        if let Some(nested) = self.within.get_mut(step) {
            nested.members.retain(|member| !inner.contains(member));
            if nested.is_empty() {
                self.within.remove(step);
            }
        }
    }

    /// All fields, as the server writes them: `.spec.replicas`. Those of a level come before those within it.
    #[must_use]
    pub fn written(&self) -> Vec<String> {
        let mut found = Vec::new();
        self.write(&mut String::new(), &mut found);
        found
    }

    fn write(&self, path: &mut String, found: &mut Vec<String>) {
        found.extend(self.members.iter().map(|step| format!("{path}{step}")));
        let length = path.len();
        for (step, inner) in &self.within {
            path.push_str(&step.to_string());
            inner.write(path, found);
            path.truncate(length);
        }
    }
}

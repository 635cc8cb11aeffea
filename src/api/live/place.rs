//! Where a field is in an object, by the keys that tell its items apart, as managers own it.

use crate::api::server_side::paths::{Paths, Scalar, Step};
use crate::value::{Node, Text};
use std::fmt;

/// The way to a field.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place(pub Vec<Step>);

impl Place {
    /// The value there.
    #[must_use]
    pub fn of<'n>(&self, object: &'n Node) -> Option<&'n Node> {
        self.0.iter().try_fold(object, |node, step| inside(node, step))
    }

    /// The nearest value on the way there that an object has.
    #[must_use]
    pub fn nearest<'n>(&self, object: &'n Node) -> &'n Node {
        let mut node = object;
        for step in &self.0 {
            let Some(inner) = inside(node, step) else { break };
            node = inner;
        }
        node
    }

    /// Whether it begins with these fields.
    #[must_use]
    pub fn is_within(&self, fields: &[&str]) -> bool {
        fields.len() <= self.0.len()
            && fields.iter().zip(&self.0).all(|(field, step)| matches!(step, Step::Field(name) if name == field))
    }

    /// Whether another is the same or behind it.
    #[must_use]
    pub fn holds(&self, other: &Self) -> bool {
        other.0.starts_with(&self.0)
    }

    /// Whether a set of fields has it.
    #[must_use]
    pub fn is_in(&self, fields: &Paths) -> bool {
        let Some((last, way)) = self.0.split_last() else { return false };
        way.iter().try_fold(fields, |fields, step| fields.within(step)).is_some_and(|fields| fields.has(last))
    }

    /// Whether a set of fields has it, or something behind it.
    #[must_use]
    pub fn is_touched_by(&self, fields: &Paths) -> bool {
        self.is_in(fields) || self.0.iter().try_fold(fields, |fields, step| fields.within(step)).is_some()
    }

    /// All fields of a set, those of a level before those within it.
    #[must_use]
    pub fn all(fields: &Paths) -> Vec<Self> {
        let mut found = Vec::new();
        gather(fields, &mut Vec::new(), &mut found);
        found
    }

    /// The first fields of a set on each way: what is behind them goes without saying.
    #[must_use]
    pub fn outermost(fields: &Paths) -> Vec<Self> {
        let mut found: Vec<Self> = Self::all(fields);
        found.sort();
        let mut kept: Vec<Self> = Vec::with_capacity(found.len());
        for place in found {
            if kept.last().is_none_or(|last| !last.holds(&place)) {
                kept.push(place);
            }
        }
        kept
    }
}

fn gather(fields: &Paths, way: &mut Vec<Step>, found: &mut Vec<Place>) {
    for step in fields.members() {
        let mut place = way.clone();
        place.push(step.clone());
        found.push(Place(place));
    }
    for (step, inner) in fields.steps_within() {
        way.push(step.clone());
        gather(inner, way, found);
        way.pop();
    }
}

/// The value behind one step.
fn inside<'n>(node: &'n Node, step: &Step) -> Option<&'n Node> {
    match step {
        Step::Field(name) => node.get(name),
        Step::Key(parts) => {
            let says = |item: &Node, (name, value): &(Text, Scalar)| {
                item.get(name).is_none_or(|own| Scalar::of(own) == *value)
            };
            let is_it = |item: &&Node| {
                parts.iter().all(|part| says(item, part)) && parts.iter().any(|(name, _)| item.get(name).is_some())
            };
            node.items().find(is_it)
        }
        Step::Value(value) => node.items().find(|item| Scalar::of(item) == *value),
    }
}

impl fmt::Display for Place {
    /// As reviews write it: `spec.template.spec.containers[web].image`.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, step) in self.0.iter().enumerate() {
            match step {
                Step::Field(name) if name.contains('.') => write!(out, "[{name}]")?,
                Step::Field(name) => write!(out, "{}{name}", if position == 0 { "" } else { "." })?,
                Step::Key(parts) => match &parts[..] {
                    [(_, Scalar::Text(value))] => write!(out, "[{value}]")?,
                    parts => {
                        let parts: Vec<String> = parts.iter().map(|(name, value)| format!("{name}={value}")).collect();
                        write!(out, "[{}]", parts.join(","))?;
                    }
                },
                Step::Value(Scalar::Text(value)) => write!(out, "[{value}]")?,
                Step::Value(value) => write!(out, "[{value}]")?,
            }
        }
        Ok(())
    }
}

//! What a value was before a change: the server correlates old and new by the schema, and lets stay as it is what has
//! not changed (`CorrelatedObject`, k8s.io/apiserver/pkg/cel/common). Judges nothing.

use super::schema::{ListType, Schema};
use crate::value::{Data, Node, Text};
use std::collections::BTreeMap;

/// The old value that belongs to a new one, and the schema of both.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Old<'a> {
    /// What it was.
    pub value: &'a Node,
    schema: &'a Schema,
}

impl<'a> Old<'a> {
    /// The old value of a whole object.
    #[must_use]
    pub(crate) const fn new(value: &'a Node, schema: &'a Schema) -> Self {
        Self { value, schema }
    }

    /// What a field was.
    #[must_use]
    pub(crate) fn field(self, name: &str) -> Option<Self> {
        Some(Self { value: self.value.get(name)?, schema: self.schema.field(name)? })
    }

    /// The old items by their keys, where items have keys.
    #[must_use]
    pub(crate) fn keyed(self) -> Option<Keyed<'a>> {
        (self.schema.list_type == ListType::Map).then_some(())?;
        Keyed::new(self.value.as_list()?, self.schema)
    }

    /// Whether a value is what it was. Items with keys may have changed places.
    #[must_use]
    pub(crate) fn equals(self, new: &Node) -> bool {
        match (&self.value.data, &new.data) {
            (Data::Null, Data::Null) => true,
            (Data::List(before), Data::List(now)) => {
                if before.len() != now.len() {
                    return false;
                }
                match self.keyed() {
                    Some(keyed) => now.iter().all(|item| keyed.find(item).is_some_and(|old| old.equals(item))),
                    None => before == now,
                }
            }
            (Data::Map(before), Data::Map(now)) => {
                before.len() == now.len()
                    && now.iter().all(|(key, value)| self.field(&key.name).is_some_and(|old| old.equals(value)))
            }
            (before, now) => before == now,
        }
    }
}

/// Items of a list, found by their keys.
#[derive(Debug)]
pub(crate) struct Keyed<'a> {
    list: &'a Schema,
    items: &'a Schema,
    found: BTreeMap<Vec<Text>, &'a Node>,
}

impl<'a> Keyed<'a> {
    /// The items of a list whose schema says by which fields they are told apart.
    #[must_use]
    pub(crate) fn new(values: &'a [Node], list: &'a Schema) -> Option<Self> {
        let items = list.items.as_deref()?;
        let mut found = BTreeMap::new();
        for value in values {
            if let Some(key) = key(value, list, items) {
                found.entry(key).or_insert(value);
            }
        }
        Some(Self { list, items, found })
    }

    /// The item that has the keys of another.
    #[must_use]
    pub(crate) fn find(&self, item: &Node) -> Option<Old<'a>> {
        let value = self.found.get(&key(item, self.list, self.items)?).copied()?;
        Some(Old { value, schema: self.items })
    }
}

/// What tells an item apart; where a key is not there, its default stands for it.
fn key(item: &Node, list: &Schema, items: &Schema) -> Option<Vec<Text>> {
    item.as_map()?;
    let part = |name: &Text| {
        let value = item.get(name).or_else(|| items.property(name).and_then(|property| property.default.as_ref()));
        value.map_or_else(|| Text::new_static("-"), |value| format!("={}", crate::json::from_node(value)).into())
    };
    Some(list.map_keys.iter().map(part).collect())
}

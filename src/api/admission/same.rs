//! Whether two parts of objects are the same to the server: what is absent equals what is empty, and 1Gi equals 1024Mi.

use crate::k8s::quantity::Quantity;
use crate::value::{Data, Map, Node};

/// The fields that are compared in their own way, by name, wherever they stand.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct FieldRules {
    /// To be absent and to be empty are two things.
    pub optional: &'static [&'static str],
    /// Maps of free keys: a key with an empty value is there.
    pub free: &'static [&'static str],
    /// Quantities, and maps whose values are quantities.
    pub amounts: &'static [&'static str],
}

impl FieldRules {
    /// Whether two values are the same.
    #[must_use]
    pub(crate) fn same(&self, one: Option<&Node>, other: Option<&Node>) -> bool {
        match (one, other) {
            (Some(one), Some(other)) => match (&one.data, &other.data) {
                (Data::Map(one), Data::Map(other)) => self.same_maps(one, other),
                (Data::List(one), Data::List(other)) => {
                    one.len() == other.len()
                        && one.iter().zip(other).all(|(one, other)| self.same(Some(one), Some(other)))
                }
                (one_data, other_data) => one_data == other_data || (self.is_empty(one) && self.is_empty(other)),
            },
            (Some(one), None) | (None, Some(one)) => self.is_empty(one),
            (None, None) => true,
        }
    }

    fn same_maps(&self, one: &Map, other: &Map) -> bool {
        let covers = |one: &Map, other: &Map, twice: bool| {
            one.iter().all(|(key, value)| match other.get(&key.name) {
                Some(there) => twice || self.same_fields(&key.name, Some(value), Some(there)),
                None => self.same_fields(&key.name, Some(value), None),
            })
        };
        covers(one, other, false) && covers(other, one, true)
    }

    /// Whether two values of one field are the same.
    #[must_use]
    pub(crate) fn same_fields(&self, key: &str, one: Option<&Node>, other: Option<&Node>) -> bool {
        let is_there = |node: Option<&Node>| node.is_some_and(|node| !node.is_null());
        if self.optional.contains(&key) && is_there(one) != is_there(other) {
            return false;
        }
        if self.free.contains(&key) {
            return same_keys(one, other, |one, other| one == other);
        }
        if self.amounts.contains(&key) {
            let is_map = |node: Option<&Node>| node.is_some_and(|node| node.as_map().is_some());
            if !is_map(one) && !is_map(other) {
                return Quantity::stored(one) == Quantity::stored(other);
            }
            return same_keys(one, other, |one, other| Quantity::stored(Some(one)) == Quantity::stored(Some(other)));
        }
        self.same(one, other)
    }

    /// Whether a value says nothing.
    fn is_empty(&self, node: &Node) -> bool {
        match &node.data {
            Data::Null | Data::Bool(false) | Data::Int(0) => true,
            Data::Text(text) => text.is_empty(),
            Data::List(items) => items.is_empty(),
            Data::Map(map) => map.iter().all(|(key, value)| self.same_fields(&key.name, Some(value), None)),
            Data::Bool(true) | Data::Int(_) | Data::Float(_) => false,
        }
    }
}

fn same_keys(one: Option<&Node>, other: Option<&Node>, same: impl Fn(&Node, &Node) -> bool) -> bool {
    let empty = Map::new();
    let [one, other] = [one, other].map(|node| node.and_then(Node::as_map).unwrap_or(&empty));
    one.len() == other.len()
        && one.iter().all(|(key, value)| other.get(&key.name).is_some_and(|there| same(value, there)))
}

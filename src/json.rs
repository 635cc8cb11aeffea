//! Nodes as JSON values and back, for what speaks JSON. Knows no file and no report.

use crate::source::At;
use crate::value::{Data, Map, Node};
use serde_json::Value;

/// A node without its places.
#[must_use]
pub fn from_node(node: &Node) -> Value {
    match &node.data {
        Data::Null => Value::Null,
        Data::Bool(value) => Value::Bool(*value),
        Data::Int(value) => Value::from(*value),
        Data::Float(value) => Value::from(*value),
        Data::Text(text) => Value::from(text.as_str()),
        Data::List(items) => Value::Array(items.iter().map(from_node).collect()),
        Data::Map(map) => {
            Value::Object(map.iter().map(|(key, value)| (key.name.to_string(), from_node(value))).collect())
        }
    }
}

/// A node, all of it at one place.
#[must_use]
pub fn to_node(json: &Value, at: At) -> Node {
    match json {
        Value::Null => Node::null(at),
        Value::Bool(truth) => Node::bool(*truth, at),
        Value::Number(number) => match number.as_i64() {
            Some(whole) => Node::int(whole, at),
            None => Node::new(Data::number(number.as_f64().unwrap_or_default()), at),
        },
        Value::String(text) => Node::text(text.as_str(), at),
        Value::Array(items) => Node::list(items.iter().map(|item| to_node(item, at)).collect(), at),
        Value::Object(entries) => {
            let mut map = Map::new();
            for (key, entry) in entries {
                map.put(key.as_str(), to_node(entry, at));
            }
            Node::map(map, at)
        }
    }
}

/// A number as it stands in JSON.
#[must_use]
pub fn number(value: f64) -> String {
    let plain = (1e-6..1e21).contains(&value.abs());
    if plain {
        return value.to_string();
    }
    let text = format!("{value:e}");
    if text.contains("e-") { text } else { text.replace('e', "e+") }
}

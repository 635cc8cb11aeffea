//! Values of manifests as texts of a spec: two braces are no expression there, and a number that is text may be written
//! as one.

use crate::source::At;
use crate::value::{Data, Map, Node, Text};
use crate::yaml::in_order;

/// The same value in a spec, with keys in canonical order: texts that hold two braces are kept from being expressions.
pub(super) fn literal(node: &Node) -> Node {
    let data = match &node.data {
        Data::Text(text) if text.contains("{{") => Data::Text(escaped(text)),
        Data::List(items) => Data::List(items.iter().map(literal).collect()),
        Data::Map(map) => Data::Map(in_order(map).into_iter().map(|(key, value)| (key, literal(&value))).collect()),
        other => other.clone(),
    };
    Node::new(data, node.at)
}

/// A text with each pair of braces said as a text of an expression.
fn escaped(text: &str) -> Text {
    text.replace("{{", "{{ '{{' }}").into()
}

/// A map of texts in a spec: numbers and truth values need no quotes there.
pub(super) fn literal_map(map: &Map, at: At) -> Node {
    Node::map(in_order(map).into_iter().map(|(key, value)| (key, scalar(&value))).collect(), at)
}

/// A text that a spec may also say as the number or truth value that is written the same.
pub(super) fn scalar(node: &Node) -> Node {
    let Data::Text(text) = &node.data else { return literal(node) };
    let data = match text.parse::<i64>() {
        Ok(number) if number.to_string() == *text && text.len() < 16 => Data::Int(number),
        _ => match &**text {
            "true" => Data::Bool(true),
            "false" => Data::Bool(false),
            _ => return literal(node),
        },
    };
    Node::new(data, node.at)
}

/// A list of words.
pub(super) fn words(node: &Node) -> Node {
    Node::list(node.items().map(scalar).collect(), node.at)
}

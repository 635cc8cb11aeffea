//! How the API server writes objects of its own kinds: what it leaves out, what it always writes, and how fine its
//! amounts are. Knows no rule and no default.

use super::quantity::Quantity;
use super::shape::{Form, Omitted, Shape};
use crate::source::At;
use crate::value::{Data, Key, Map, Node};

/// A stored object as the server sends it: without what is empty, where the server does not tell that from absent; and
/// with what it always writes.
#[must_use]
pub fn written(object: &Node, shape: Shape) -> Node {
    let mut object = object.clone();
    let at = object.at;
    if let Some(map) = object.as_map_mut() {
        settle_fields(map, shape);
        complete_fields(map, shape, at);
    }
    object
}

fn settle_as(node: &mut Node, form: &Form) {
    match (&mut node.data, form) {
        (Data::List(items), Form::List(item)) => items.iter_mut().for_each(|node| settle_as(node, item)),
        (Data::Map(map), Form::Struct(link)) => {
            if let Some(shape) = link.shape() {
                settle_fields(map, shape);
            }
        }
        (Data::Map(map), Form::Map(value)) if matches!(**value, Form::Quantity) => {
            map.iter_mut().for_each(|(_, node)| coarsen(node));
        }
        (Data::Map(map), Form::Map(value)) => map.iter_mut().for_each(|(_, node)| settle_as(node, value)),
        _ => {}
    }
}

fn settle_fields(map: &mut Map, shape: Shape) {
    map.retain(|key, node| {
        let Some(field) = shape.field(&key.name) else { return true };
        settle_as(node, &field.form);
        !(matches!(field.omitted, Omitted::Empty | Omitted::Never) && is_zero(node, &field.form))
    });
}

/// Amounts of resources are kept no finer than a thousandth.
fn coarsen(node: &mut Node) {
    let Some(quantity) = node.as_str().and_then(|text| text.parse::<Quantity>().ok()) else { return };
    let coarse = quantity.in_thousandths();
    if coarse != quantity {
        node.data = Data::Text(coarse.to_string().into());
    }
}

fn is_zero(node: &Node, form: &Form) -> bool {
    match &node.data {
        Data::Null => true,
        Data::Bool(value) => !value,
        Data::Int(value) => *value == 0,
        Data::Float(value) => *value == 0.0,
        Data::Text(text) => match form {
            Form::Quantity => text == "0",
            Form::IntOrText => false,
            _ => text.is_empty(),
        },
        Data::List(items) => items.is_empty(),
        Data::Map(map) => map.is_empty(),
    }
}

/// What stands where nothing was said.
fn zero(form: &Form, at: At) -> Node {
    match form {
        Form::Text => Node::text("", at),
        Form::Bool => Node::bool(false, at),
        Form::Int32 | Form::Int64 | Form::Float | Form::IntOrText => Node::int(0, at),
        Form::Quantity => Node::text("0", at),
        Form::Struct(_) => Node::map(Map::new(), at),
        _ => Node::null(at),
    }
}

fn complete_as(node: &mut Node, form: &Form) {
    let at = node.at;
    match (&mut node.data, form) {
        (Data::List(items), Form::List(item)) => items.iter_mut().for_each(|node| complete_as(node, item)),
        (Data::Map(map), Form::Struct(link)) => {
            if let Some(shape) = link.shape() {
                complete_fields(map, shape, at);
            }
        }
        (Data::Map(map), Form::Map(value)) => map.iter_mut().for_each(|(_, node)| complete_as(node, value)),
        _ => {}
    }
}

fn complete_fields(map: &mut Map, shape: Shape, at: At) {
    for field in shape.fields() {
        if !map.has(field.name) {
            let node = match field.omitted {
                Omitted::Empty | Omitted::Null => continue,
                Omitted::Never => zero(&field.form, at),
                Omitted::NeverNull => Node::null(at),
            };
            map.set(Key { name: field.name.into(), at }, node);
        }
        if let Some(node) = map.get_mut(field.name) {
            complete_as(node, &field.form);
        }
    }
}

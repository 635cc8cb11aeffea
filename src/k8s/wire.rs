//! How the API server holds and writes objects of its own kinds: what it tells from absent, and how it spells amounts. Knows no rule
//! and no default.

use super::quantity::Quantity;
use super::shape::{Form, Omitted, Shape};
use crate::source::At;
use crate::value::{Data, Key, Map, Node};

/// Leaves of an object what the server sees of it: no nulls, nothing empty that it does not tell from absent, amounts spelt its way.
pub fn settle(object: &mut Node, shape: Shape) {
    if let Some(map) = object.as_map_mut() {
        settle_fields(map, shape);
    }
}

/// Makes of a settled object what the server sends back: with the fields that it always writes.
pub fn complete(object: &mut Node, shape: Shape) {
    let at = object.at;
    if let Some(map) = object.as_map_mut() {
        complete_fields(map, shape, at);
    }
}

fn settle_as(node: &mut Node, form: &Form) {
    match (&mut node.data, form) {
        (Data::List(items), Form::List(item)) => items.iter_mut().for_each(|node| settle_as(node, item)),
        (Data::Map(map), Form::Struct(link)) => {
            if let Some(shape) = link.shape() {
                settle_fields(map, shape);
            }
        }
        (Data::Map(map), Form::Map(value)) => settle_values(map, value),
        (_, Form::Quantity) => settle_quantity(node, false),
        _ => {}
    }
}

fn settle_fields(map: &mut Map, shape: Shape) {
    map.retain(|key, node| {
        let Some(field) = shape.field(&key.name) else { return true };
        if node.is_null() {
            return matches!(field.form, Form::Any | Form::Raw);
        }
        settle_as(node, &field.form);
        field.omitted != Omitted::Empty || !is_zero(node)
    });
}

fn settle_values(map: &mut Map, value: &Form) {
    for (_, node) in map.iter_mut() {
        if node.is_null() {
            *node = zero(value, node.at);
        } else if matches!(value, Form::Quantity) {
            settle_quantity(node, true);
        } else {
            settle_as(node, value);
        }
    }
}

/// The server keeps amounts of resources no finer than a thousandth.
fn settle_quantity(node: &mut Node, rounded: bool) {
    let read = match &node.data {
        Data::Text(text) => text.trim_matches(' ').parse::<Quantity>(),
        Data::Int(number) => Ok(Quantity::whole(*number)),
        Data::Float(number) => number.to_string().parse(),
        _ => return,
    };
    let Ok(mut quantity) = read else { return };
    if rounded
        && let Ok(coarse) = format!("{}m", quantity.milli()).parse::<Quantity>()
        && quantity.milli().unsigned_abs() < 1 << 50
        && coarse != quantity
    {
        quantity = coarse;
    }
    node.data = Data::Text(quantity.to_string().into());
}

fn is_zero(node: &Node) -> bool {
    match &node.data {
        Data::Null => true,
        Data::Bool(value) => !value,
        Data::Int(value) => *value == 0,
        Data::Float(value) => *value == 0.0,
        Data::Text(text) => text.is_empty(),
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

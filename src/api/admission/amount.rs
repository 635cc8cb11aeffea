//! Quantities as they stand in manifests: text or bare numbers. Knows no field.
//!
//! Follows `pkg/apis/core/validation/validation.go: ValidateNonnegativeQuantity`, and
//! `pkg/apis/core/validation/validation.go: validateBasicResource`.

use crate::k8s::quantity::{Quantity, QuantityError};
use crate::value::{Data, Node};

/// Reads what the server would read: text with spaces around it, a number, or null, which is nothing.
///
/// # Errors
/// When it is no quantity, in the server's words.
pub fn quantity(node: &Node) -> Result<Quantity, QuantityError> {
    match &node.data {
        Data::Null => Ok(Quantity::ZERO),
        Data::Text(text) => text.trim_matches(' ').parse(),
        Data::Int(value) => Ok(Quantity::whole(*value)),
        Data::Float(value) => number(*value).parse(),
        Data::Bool(_) | Data::List(_) | Data::Map(_) => Err(QuantityError::Format),
    }
}

/// A quantity of an object that was decoded already; where it is absent or unreadable it counts as nothing.
#[must_use]
pub fn decoded(node: Option<&Node>) -> Quantity {
    node.and_then(|node| quantity(node).ok()).unwrap_or(Quantity::ZERO)
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

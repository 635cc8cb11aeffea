//! Counts that may be a number or a share: `1`, `25%`. Knows no field.
//!
//! Follows `pkg/apis/apps/validation/validation.go: ValidatePositiveIntOrPercent, IsNotMoreThan100Percent`.

use super::cause::{Causes, Path};
use crate::k8s::name;
use crate::value::{Data, Node};

/// A number that is not negative, or a share.
/// `ValidatePositiveIntOrPercent`, pkg/apis/apps/validation.
pub(crate) fn number_or_percent(node: &Node, path: &Path<'_>, causes: &mut Causes) {
    match &node.data {
        Data::Text(text) => causes.each_invalid(path, name::percent(text)),
        Data::Int(number) => causes.not_negative(*number, path),
        _ => {}
    }
}

/// A share may not be more than all.
/// `IsNotMoreThan100Percent`, pkg/apis/apps/validation.
pub(crate) fn not_above_hundred(node: &Node, path: &Path<'_>, causes: &mut Causes) {
    if node.as_str().is_some_and(|text| name::percent(text).is_empty()) && value(node) > 100 {
        causes.invalid(path, "must not be greater than 100%");
    }
}

/// Its number, be it a share or not.
#[must_use]
pub(crate) fn value(node: &Node) -> i64 {
    match &node.data {
        Data::Int(number) => *number,
        Data::Text(text) => {
            let digits = text.strip_suffix('%').filter(|_| name::percent(text).is_empty()).unwrap_or(text);
            // A number too large to read is the largest.
            digits.parse().unwrap_or(if !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit()) {
                i64::MAX
            } else {
                0
            })
        }
        _ => 0,
    }
}

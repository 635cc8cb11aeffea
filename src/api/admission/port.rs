//! Ports by number or by name, and protocols. Knows no kind.
//!
//! Follows `pkg/apis/core/validation/validation.go: validateContainerPorts`.

use super::cause::{Causes, Path};
use crate::k8s::name;
use crate::value::{Data, Node};

/// The protocols that Services and policies know.
pub(crate) const PROTOCOLS: [&str; 3] = ["SCTP", "TCP", "UDP"];

/// A port that is a number or a name; one that is absent is the number zero.
/// `ValidatePortNumOrName`, pkg/apis/core/validation.
pub(crate) fn number_or_name(port: Option<&Node>, path: &Path<'_>, causes: &mut Causes) {
    let faults = match port.map(|port| &port.data) {
        Some(Data::Text(text)) => name::port_name(text),
        Some(Data::Int(number)) => name::port_number(*number),
        _ => name::port_number(0),
    };
    causes.each_invalid(path, faults);
}

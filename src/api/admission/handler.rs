//! Probes and lifecycle hooks: what they do, and how long. Knows nothing of the container around them.
//!
//! Follows `pkg/apis/core/validation/validation.go: validateHandler, validateLifecycle, validateProbe`.

use super::cause::{Causes, Path, list, number, some, text};
use super::pod::Pod;
use super::port;
use crate::k8s::name;
use crate::value::Node;

/// Which probe it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Probe {
    /// Restarts the container when it fails.
    Liveness,
    /// Takes the pod out of its Services when it fails.
    Readiness,
    /// Holds the other two back until it succeeds.
    Startup,
}

impl Probe {
    /// All of them, in the server's order.
    pub(crate) const ALL: [Self; 3] = [Self::Liveness, Self::Readiness, Self::Startup];

    /// Its field.
    #[must_use]
    pub(crate) const fn field(self) -> &'static str {
        match self {
            Self::Liveness => "livenessProbe",
            Self::Readiness => "readinessProbe",
            Self::Startup => "startupProbe",
        }
    }
}

/// All probes of a container.
/// `validateLivenessProbe`, `validateReadinessProbe` and `validateStartupProbe`, pkg/apis/core/validation.
pub(crate) fn probes(container: &Node, pod: &Pod<'_>, path: &Path<'_>, causes: &mut Causes) {
    for kind in Probe::ALL {
        if let Some(node) = some(container, kind.field()) {
            probe(node, kind, pod, &path.child(kind.field()), causes);
        }
    }
}

/// `lifecycle` of a container.
/// `validateLifecycle`, pkg/apis/core/validation.
pub(crate) fn lifecycle(node: &Node, pod: &Pod<'_>, path: &Path<'_>, causes: &mut Causes) {
    for hook in ["postStart", "preStop"] {
        if let Some(node) = some(node, hook) {
            handler(node, &HOOK_ACTIONS, pod, &path.child(hook), causes);
        }
    }
}

type Check = fn(&Node, &Pod<'_>, &Path<'_>, &mut Causes);

const PROBE_ACTIONS: [(&str, Check); 4] =
    [("exec", exec), ("httpGet", http_get), ("tcpSocket", tcp_socket), ("grpc", grpc)];
const HOOK_ACTIONS: [(&str, Check); 4] =
    [("exec", exec), ("httpGet", http_get), ("tcpSocket", tcp_socket), ("sleep", sleep)];

/// `validateProbe` and `validateReadinessProbe`, pkg/apis/core/validation.
fn probe(node: &Node, kind: Probe, pod: &Pod<'_>, path: &Path<'_>, causes: &mut Causes) {
    handler(node, &PROBE_ACTIONS, pod, path, causes);
    for field in ["initialDelaySeconds", "timeoutSeconds", "periodSeconds", "successThreshold", "failureThreshold"] {
        causes.not_negative(number(node, field), &path.child(field));
    }
    if let Some(seconds) = node.get("terminationGracePeriodSeconds").and_then(Node::as_int) {
        let path = path.child("terminationGracePeriodSeconds");
        if seconds <= 0 {
            causes.invalid(&path, "must be greater than 0");
        }
        if kind == Probe::Readiness {
            causes.invalid(&path, "must not be set for readinessProbes");
        }
    }
    if kind != Probe::Readiness && number(node, "successThreshold") != 1 {
        causes.invalid(&path.child("successThreshold"), "must be 1");
    }
}

/// Exactly one action; the first counts, the others are too many.
fn handler(node: &Node, actions: &[(&str, Check)], pod: &Pod<'_>, path: &Path<'_>, causes: &mut Causes) {
    let mut found = false;
    for (field, check) in actions {
        let Some(action) = some(node, field) else { continue };
        let path = path.child(field);
        if found {
            causes.forbidden(&path, "may not specify more than 1 handler type");
        } else {
            found = true;
            check(action, pod, &path, causes);
        }
    }
    if !found {
        causes.required(path, "must specify a handler type");
    }
}

/// `validateExecAction`, pkg/apis/core/validation.
fn exec(node: &Node, _: &Pod<'_>, path: &Path<'_>, causes: &mut Causes) {
    if list(node, "command").is_empty() {
        causes.required(&path.child("command"), "");
    }
}

/// `validateHTTPGetAction`, pkg/apis/core/validation.
fn http_get(node: &Node, _: &Pod<'_>, path: &Path<'_>, causes: &mut Causes) {
    if text(node, "path").is_empty() {
        causes.required(&path.child("path"), "");
    }
    port::number_or_name(node.get("port"), &path.child("port"), causes);
    causes.one_of(text(node, "scheme"), &["HTTP", "HTTPS"], &path.child("scheme"));
    for header in list(node, "httpHeaders") {
        causes.each_invalid(&path.child("httpHeaders"), name::http_header(text(header, "name")));
    }
}

/// `validateTCPSocketAction`, pkg/apis/core/validation.
fn tcp_socket(node: &Node, _: &Pod<'_>, path: &Path<'_>, causes: &mut Causes) {
    port::number_or_name(node.get("port"), &path.child("port"), causes);
}

/// `validateGRPCAction`, pkg/apis/core/validation.
fn grpc(node: &Node, _: &Pod<'_>, path: &Path<'_>, causes: &mut Causes) {
    causes.each_invalid(&path.child("port"), name::port_number(number(node, "port")));
}

/// `validateSleepAction`, pkg/apis/core/validation.
fn sleep(node: &Node, pod: &Pod<'_>, path: &Path<'_>, causes: &mut Causes) {
    let Some(grace) = pod.grace else { return };
    let seconds = number(node, "seconds");
    let least = i64::from(!pod.rules.zero_sleep);
    if seconds < least || seconds > grace {
        let lower = if pod.rules.zero_sleep { "non-negative" } else { "greater than 0" };
        causes.invalid(path, format!("must be {lower} and less than terminationGracePeriodSeconds ({grace})"));
    }
}

//! What the server says to a NetworkPolicy.
//!
//! Follows `pkg/apis/networking/validation/validation.go: ValidateNetworkPolicy, ValidateNetworkPolicyUpdate`.

use super::cause::{Causes, Path, list, some, text};
use super::meta::Naming;
use super::port::{self, PROTOCOLS};
use super::{Kind, selector, unchanged};
use crate::api::defaults;
use crate::k8s::gate;
use crate::k8s::ip::{self, Range};
use crate::k8s::name;
use crate::k8s::version::Version;
use crate::value::Node;

/// A NetworkPolicy.
pub(crate) static KIND: Kind = Kind {
    group: "networking.k8s.io",
    version: "v1",
    kind: "NetworkPolicy",
    namespaced: true,
    naming: Naming::Subdomain,
    counts_generations: true,
    default: defaults::policy::network_policy,
    prepare: unchanged,
    create,
    update,
};

const SPEC: Path<'static> = Path::new("spec");
/// From this version on the server warns of them.
const WARNS: Version = Version::minor(33);
/// The two directions, and what the peers of each are called.
const DIRECTIONS: [(&str, &str); 2] = [("ingress", "from"), ("egress", "to")];

/// What an update forgives, because the stored policy has it.
struct Leniency<'n> {
    selectors: bool,
    ranges: Vec<&'n str>,
    version: Version,
}

/// `ValidateNetworkPolicy`, pkg/apis/networking/validation.
fn create(object: &Node, version: Version, causes: &mut Causes) {
    judge(object, &Leniency { selectors: false, ranges: Vec::new(), version }, causes);
}

/// `ValidateNetworkPolicyUpdate`, pkg/apis/networking/validation.
fn update(object: &Node, stored: &Node, version: Version, causes: &mut Causes) {
    let mut found = Causes::default();
    selector::selector(stored.find(&["spec", "podSelector"]), &Path::ROOT, &mut found);
    let mut ranges = Vec::new();
    for block in stored.get("spec").into_iter().flat_map(peers).filter_map(|peer| some(peer, "ipBlock")) {
        ranges.push(text(block, "cidr"));
        ranges.extend(list(block, "except").iter().filter_map(Node::as_str));
    }
    judge(object, &Leniency { selectors: !found.refusals.is_empty(), ranges, version }, causes);
}

fn peers(spec: &Node) -> impl Iterator<Item = &Node> {
    DIRECTIONS
        .iter()
        .flat_map(move |(direction, peers)| list(spec, direction).iter().flat_map(move |rule| list(rule, peers)))
}

/// `ValidateNetworkPolicySpec`, pkg/apis/networking/validation.
fn judge(object: &Node, leniency: &Leniency<'_>, causes: &mut Causes) {
    let Some(spec) = object.get("spec") else { return };
    labels(some(spec, "podSelector"), leniency, &SPEC.child("podSelector"), causes);
    for (direction, peer_field) in DIRECTIONS {
        let path = SPEC.child(direction);
        for (index, rule) in list(spec, direction).iter().enumerate() {
            let path = path.index(index);
            let ports = path.child("ports");
            for (index, port) in list(rule, "ports").iter().enumerate() {
                port_rule(port, &ports.index(index), causes);
            }
            let peers = path.child(peer_field);
            for (index, peer) in list(rule, peer_field).iter().enumerate() {
                peer_rule(peer, leniency, &peers.index(index), causes);
            }
        }
    }
    let types = list(spec, "policyTypes");
    let path = SPEC.child("policyTypes");
    if types.len() > 2 {
        return causes.invalid(&path, "may not specify more than two policyTypes");
    }
    for (index, kind) in types.iter().enumerate() {
        if !matches!(kind.as_str(), Some("Ingress" | "Egress")) {
            causes.not_supported(&path.index(index), &["Ingress", "Egress"]);
        }
    }
}

/// `ValidateLabelSelector`, k8s.io/apimachinery/pkg/apis/meta/v1/validation.
fn labels(node: Option<&Node>, leniency: &Leniency<'_>, path: &Path<'_>, causes: &mut Causes) {
    if leniency.selectors {
        selector::lenient_selector(node, path, causes);
    } else {
        selector::selector(node, path, causes);
    }
}

/// `ValidateNetworkPolicyPort`, pkg/apis/networking/validation.
fn port_rule(port: &Node, path: &Path<'_>, causes: &mut Causes) {
    if some(port, "protocol").is_some_and(|protocol| !PROTOCOLS.contains(&protocol.as_str().unwrap_or_default())) {
        causes.not_supported(&path.child("protocol"), &["TCP", "UDP", "SCTP"]);
    }
    let end = some(port, "endPort").map(|end| end.as_int().unwrap_or_default());
    let end_path = path.child("endPort");
    let Some(number) = some(port, "port") else {
        if end.is_some() {
            causes.invalid(&end_path, "may not be specified when `port` is not specified");
        }
        return;
    };
    match (number.as_int(), end) {
        (Some(number), Some(end)) => {
            if end < number {
                causes.invalid(&end_path, "must be greater than or equal to `port`");
            }
            causes.each_invalid(&end_path, name::port_number(end));
        }
        (None, Some(_)) => causes.invalid(&end_path, "may not be specified when `port` is non-numeric"),
        _ => {}
    }
    port::number_or_name(Some(number), &path.child("port"), causes);
}

/// `ValidateNetworkPolicyPeer`, pkg/apis/networking/validation.
fn peer_rule(peer: &Node, leniency: &Leniency<'_>, path: &Path<'_>, causes: &mut Causes) {
    let selectors = ["podSelector", "namespaceSelector"].map(|field| (field, some(peer, field)));
    for (field, node) in selectors {
        labels(node, leniency, &path.child(field), causes);
    }
    let selects = selectors.iter().any(|(_, node)| node.is_some());
    match some(peer, "ipBlock") {
        Some(block) => {
            block_rule(block, leniency, &path.child("ipBlock"), causes);
            if selects {
                causes.forbidden(path, "may not specify both ipBlock and another peer");
            }
        }
        None if !selects => causes.required(path, "must specify a peer"),
        None => {}
    }
}

/// `ValidateIPBlock`, pkg/apis/networking/validation.
fn block_rule(block: &Node, leniency: &Leniency<'_>, path: &Path<'_>, causes: &mut Causes) {
    let mut judge = |range: &str, path: &Path<'_>| {
        if !leniency.ranges.contains(&range)
            && let Some(fault) = ip::range_fault(range, gate::STRICT_IP_CIDR_VALIDATION.is_on(leniency.version))
        {
            causes.invalid(path, fault);
        }
        for warning in ip::range_warnings(range).into_iter().filter(|_| leniency.version >= WARNS) {
            causes.warn_at(path, warning);
        }
    };
    let whole = text(block, "cidr");
    let cidr_path = path.child("cidr");
    if whole.is_empty() {
        return causes.required(&cidr_path, "");
    }
    judge(whole, &cidr_path);
    let Some(whole) = Range::read(whole) else { return };
    let except_path = path.child("except");
    for (index, except) in list(block, "except").iter().enumerate() {
        let except = except.as_str().unwrap_or_default();
        judge(except, &except_path.index(index));
    }
    for (index, except) in list(block, "except").iter().enumerate() {
        if Range::read(except.as_str().unwrap_or_default()).is_some_and(|except| !whole.strictly_contains(except)) {
            causes.invalid(&except_path.index(index), "must be a strict subset of `cidr`");
        }
    }
}

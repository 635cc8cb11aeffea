//! The addresses and node ports that the server gives a Service, and what it carries over from the stored one before it
//! asks any rule.
//!
//! Which addresses a cluster has is not known here, so any address of any family is free. What is picked where the
//! manifest leaves it open is the first of the usual range; another cluster would pick another one.
//!
//! Follows `pkg/registry/core/service/storage/alloc.go: allocateCreate, allocateUpdate`.

use super::cause::{Causes, Path, list, number, some, text};
use super::service;
use crate::k8s::gate;
use crate::k8s::ip;
use crate::k8s::version::Version;
use crate::value::{Node, Text};
use std::collections::{BTreeMap, BTreeSet};
use std::ops::RangeInclusive;

/// What stands in `clusterIP` of a Service without an address.
pub(super) const HEADLESS: &str = "None";
const SPEC: Path<'static> = Path::new("spec");
const NODE_PORTS: RangeInclusive<i64> = 30_000..=32_767;

/// The four fields that are about addresses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Addresses {
    pub(super) ip: Text,
    pub(super) ips: Vec<Text>,
    pub(super) families: Vec<Text>,
    pub(super) policy: Option<Text>,
}

impl Addresses {
    pub(super) fn of(spec: &Node) -> Self {
        let texts =
            |key: &str| list(spec, key).iter().map(|item| Text::new(item.as_str().unwrap_or_default())).collect();
        Self {
            ip: text(spec, "clusterIP").into(),
            ips: texts("clusterIPs"),
            families: texts("ipFamilies"),
            policy: some(spec, "ipFamilyPolicy").map(|policy| policy.as_str().unwrap_or_default().into()),
        }
    }

    pub(super) fn is_headless(&self) -> bool {
        matches!(self.ips.as_slice(), [only] if only == HEADLESS)
    }

    fn is_single(&self) -> bool {
        self.policy.as_deref() == Some("SingleStack")
    }

    fn write(self, spec: &mut Node) {
        let at = spec.at;
        let texts = |list: Vec<Text>| Node::list(list.into_iter().map(|text| Node::text(text, at)).collect(), at);
        let empty = |list: &[Text]| list.is_empty();
        put(spec, "clusterIP", (!self.ip.is_empty()).then(|| Node::text(self.ip, at)));
        put(spec, "clusterIPs", (!empty(&self.ips)).then(|| texts(self.ips)));
        put(spec, "ipFamilies", (!empty(&self.families)).then(|| texts(self.families)));
        put(spec, "ipFamilyPolicy", self.policy.map(|policy| Node::text(policy, at)));
    }
}

/// Whether a Service can be reached from outside the cluster.
pub(super) fn is_reachable_from_outside(spec: &Node) -> bool {
    match text(spec, "type") {
        "LoadBalancer" | "NodePort" => true,
        "ClusterIP" => !list(spec, "externalIPs").is_empty(),
        _ => false,
    }
}

/// Whether a load balancer must ask the nodes whether they have a pod.
pub(super) fn needs_health_check(spec: &Node) -> bool {
    text(spec, "type") == "LoadBalancer" && text(spec, "externalTrafficPolicy") == "Local"
}

/// Everything that happens to a Service between its defaults and its rules.
/// `allocateCreate` and `allocateUpdate`, pkg/registry/core/service/storage.
pub(super) fn prepare(object: &mut Node, stored: Option<&Node>, version: Version, causes: &mut Causes) {
    let strict = gate::STRICT_IP_CIDR_VALIDATION.is_on(version);
    let Some(spec) = object.get_mut("spec") else { return };
    let old = stored.and_then(|stored| stored.get("spec"));
    if let Some(old) = old {
        keep_allocated(spec, old);
    }
    let mut addresses = Addresses::of(spec);
    let before = old.map(Addresses::of);
    normalize(&mut addresses, before.as_ref());
    let found = choose_families(spec, &mut addresses, old, strict, causes) && {
        allocate_addresses(spec, &mut addresses, old);
        addresses.clone().write(spec);
        allocate_ports(spec, old, causes)
    };
    if let (true, Some(old)) = (found, old) {
        drop_what_the_type_has_not(spec, old);
    }
}

/// What a client does not repeat is carried over.
fn keep_allocated(spec: &mut Node, old: &Node) {
    if has_address(spec) && has_address(old) {
        for (field, silent) in
            [("clusterIP", text(spec, "clusterIP").is_empty()), ("clusterIPs", list(spec, "clusterIPs").is_empty())]
        {
            if silent && let Some(value) = some(old, field) {
                put(spec, field, Some(value.clone()));
            }
        }
    }
    if wants_node_ports(spec) && wants_node_ports(old) {
        let used =
            |spec: &Node| list(spec, "ports").iter().map(|port| number(port, "nodePort")).collect::<BTreeSet<_>>();
        let both: BTreeSet<i64> = used(old).intersection(&used(spec)).copied().filter(|port| *port != 0).collect();
        let by_name: BTreeMap<&str, i64> =
            list(old, "ports").iter().map(|port| (text(port, "name"), number(port, "nodePort"))).collect();
        for port in
            spec.get_mut("ports").into_iter().flat_map(Node::items_mut).filter(|port| number(port, "nodePort") == 0)
        {
            match by_name.get(text(port, "name")) {
                Some(known) if *known != 0 && !both.contains(known) => set_number(port, "nodePort", *known),
                _ => {}
            }
        }
    }
    if needs_health_check(spec) && needs_health_check(old) && number(spec, "healthCheckNodePort") == 0 {
        set_number(spec, "healthCheckNodePort", number(old, "healthCheckNodePort"));
    }
}

/// Brings `clusterIPs` in line with `clusterIP`, for clients that know only one of them.
fn normalize(new: &mut Addresses, old: Option<&Addresses>) {
    let Some(old) = old else {
        if !new.ip.is_empty() && new.ips.is_empty() {
            new.ips = vec![new.ip.clone()];
        }
        return;
    };
    if !old.ips.is_empty() && new.ips.is_empty() && old.ip == new.ip {
        new.ips.clone_from(&old.ips);
    }
    if old.ip != new.ip && old.ips == new.ips {
        new.ips = if new.ip.is_empty() { Vec::new() } else { vec![new.ip.clone()] };
    }
}

/// Settles families and policy. Whether that succeeded; if not, the causes say why.
/// `initIPFamilyFields`, pkg/registry/core/service/storage.
fn choose_families(spec: &Node, new: &mut Addresses, stored: Option<&Node>, strict: bool, causes: &mut Causes) -> bool {
    let old = stored.map(Addresses::of);
    if !has_address(spec) || keeps_preferring_both(spec, new, stored, old.as_ref()) {
        return true;
    }
    let selects_nothing = some(spec, "selector").is_none_or(|selector| selector.entries().next().is_none());
    let selectorless = new.ip == HEADLESS && selects_nothing;
    if new.policy.is_none() {
        let kept = old.as_ref().and_then(|old| old.policy.clone());
        new.policy =
            Some(kept.unwrap_or_else(|| if selectorless { "RequireDualStack".into() } else { "SingleStack".into() }));
    }
    service::address_rules(text(spec, "type"), new, stored, strict, causes);
    if !causes.refusals.is_empty() {
        return false;
    }
    if let Some(old) = &old {
        shrink(new, old, causes);
    }
    let policy = SPEC.child("ipFamilyPolicy");
    for (many, noun) in [(new.ips.len() == 2, "cluster IPs"), (new.families.len() == 2, "IP families")] {
        if new.is_single() && many {
            causes.invalid(
                &policy,
                format!("must be 'RequireDualStack' or 'PreferDualStack' when multiple {noun} are specified"),
            );
        }
    }
    if !causes.refusals.is_empty() {
        return false;
    }
    for ip in new.ips.iter().skip(new.families.len()).filter(|ip| *ip != HEADLESS).cloned().collect::<Vec<_>>() {
        new.families.push(if ip::is_ipv6(&ip) { "IPv6".into() } else { "IPv4".into() });
    }
    if new.families.is_empty() {
        new.families.push("IPv4".into());
    }
    let wants_both = new.policy.as_deref() == Some("RequireDualStack") || (selectorless && !new.is_single());
    if let ([only], true) = (new.families.as_slice(), wants_both) {
        let other = if only == "IPv4" { "IPv6" } else { "IPv4" };
        new.families.push(other.into());
    }
    true
}

/// Going back to one family, or one address.
/// `initIPFamilyFields`, pkg/registry/core/service/storage.
fn shrink(new: &mut Addresses, old: &Addresses, causes: &mut Causes) {
    if new.is_single() {
        if new.ips == old.ips {
            new.ips.truncate(1);
        }
        if new.families == old.families {
            new.families.truncate(1);
        }
        return;
    }
    let policy = SPEC.child("ipFamilyPolicy");
    if !new.ips.is_empty() && new.ips.len() < old.ips.len() {
        causes.invalid(&policy, "must be 'SingleStack' to release the secondary cluster IP");
    }
    if !new.families.is_empty() && new.families.len() < old.families.len() {
        causes.invalid(&policy, "must be 'SingleStack' to release the secondary IP family");
    }
}

/// Whether nothing about addresses changes in a Service that would take two families where it can.
fn keeps_preferring_both(spec: &Node, new: &Addresses, stored: Option<&Node>, old: Option<&Addresses>) -> bool {
    let prefers = |policy: Option<&str>| policy == Some("PreferDualStack");
    stored.zip(old).is_some_and(|(stored, old)| {
        text(stored, "type") == text(spec, "type")
            && matches!(text(spec, "type"), "ClusterIP" | "NodePort" | "LoadBalancer")
            && prefers(new.policy.as_deref())
            && (old.policy.is_none() || prefers(old.policy.as_deref()))
            && new.ips == old.ips
            && new.families == old.families
    })
}

/// Gives each family an address that has none yet.
fn allocate_addresses(spec: &Node, new: &mut Addresses, stored: Option<&Node>) {
    let was_headless =
        stored.is_some_and(|stored| list(stored, "clusterIPs").first().and_then(Node::as_str) == Some(HEADLESS));
    if !has_address(spec) || new.ips.first().is_some_and(|ip| ip == HEADLESS) || was_headless {
        return;
    }
    for index in new.ips.len()..new.families.len() {
        new.ips.push(if new.families[index] == "IPv6" { "fd00:10:96::a".into() } else { "10.96.0.10".into() });
    }
    if let Some(first) = new.ips.first() {
        new.ip = first.clone();
    }
}

/// The node ports that are taken, as far as this Service is concerned.
struct NodePorts {
    taken: BTreeSet<i64>,
    /// Stated in the manifest: not to be given to another port of it.
    stated: BTreeSet<i64>,
}

impl NodePorts {
    /// Takes a port that the manifest names.
    fn reserve(&mut self, port: i64) -> Result<(), String> {
        if !NODE_PORTS.contains(&port) {
            let (first, last) = (NODE_PORTS.start(), NODE_PORTS.end());
            return Err(format!("provided port is not in the valid range. The range of valid ports is {first}-{last}"));
        }
        if self.taken.insert(port) { Ok(()) } else { Err("provided port is already allocated".into()) }
    }

    /// Picks a free one.
    fn pick(&mut self) -> i64 {
        let free = NODE_PORTS
            .into_iter()
            .find(|port| !self.taken.contains(port) && !self.stated.contains(port))
            .unwrap_or_default();
        self.taken.insert(free);
        free
    }
}

/// Node ports for the ports and for the health check. Whether that succeeded.
/// `txnAllocNodePorts` and `allocHealthCheckNodePort`, pkg/registry/core/service/storage.
fn allocate_ports(spec: &mut Node, old: Option<&Node>, causes: &mut Causes) -> bool {
    let stated_in = |spec: &Node| {
        let ports = list(spec, "ports").iter().map(|port| number(port, "nodePort"));
        ports.chain([number(spec, "healthCheckNodePort")]).filter(|port| *port != 0).collect::<BTreeSet<_>>()
    };
    let mut pool = NodePorts { taken: old.map(stated_in).unwrap_or_default(), stated: stated_in(spec) };
    if matches!(text(spec, "type"), "NodePort" | "LoadBalancer") {
        let allocates = wants_node_ports(spec);
        let outcome = if old.is_some() {
            renew_ports(spec, allocates, &mut pool)
        } else {
            first_ports(spec, allocates, &mut pool)
        };
        if let Err((index, fault)) = outcome {
            let ports = SPEC.child("ports");
            causes.invalid(&ports.index(index).child("nodePort"), fault);
            return false;
        }
    }
    if needs_health_check(spec) && !old.is_some_and(needs_health_check) {
        match number(spec, "healthCheckNodePort") {
            0 => set_number(spec, "healthCheckNodePort", pool.pick()),
            stated => {
                if let Err(fault) = pool.reserve(stated) {
                    causes.add(
                        &Path::ROOT,
                        "InternalError",
                        format!("failed to allocate requested HealthCheck NodePort {stated}: {fault}"),
                    );
                    return false;
                }
            }
        }
    }
    true
}

/// For a new Service: ports of one number share one node port.
fn first_ports(spec: &mut Node, allocates: bool, pool: &mut NodePorts) -> Result<(), (usize, String)> {
    let mut wanted = BTreeMap::new();
    for port in list(spec, "ports").iter().rev().filter(|port| number(port, "nodePort") != 0) {
        wanted.insert(number(port, "port"), number(port, "nodePort"));
    }
    let mut shared: BTreeMap<i64, i64> = BTreeMap::new();
    for (index, port) in spec.get_mut("ports").into_iter().flat_map(Node::items_mut).enumerate() {
        let (inside, on_node) = (number(port, "port"), number(port, "nodePort"));
        if on_node == 0 && !allocates {
            continue;
        }
        match shared.get(&inside).copied() {
            None => {
                let chosen = match wanted.get(&inside) {
                    Some(wanted) => pool.reserve(*wanted).map(|()| *wanted).map_err(|fault| (index, fault))?,
                    None => pool.pick(),
                };
                shared.insert(inside, chosen);
                set_number(port, "nodePort", chosen);
            }
            Some(chosen) if on_node == 0 => set_number(port, "nodePort", chosen),
            Some(chosen) if chosen != on_node => pool.reserve(on_node).map_err(|fault| (index, fault))?,
            Some(_) => {}
        }
    }
    Ok(())
}

/// For a changed Service: what it had is its own, the rest is new.
fn renew_ports(spec: &mut Node, allocates: bool, pool: &mut NodePorts) -> Result<(), (usize, String)> {
    let mut own = pool.taken.clone();
    for (index, port) in spec.get_mut("ports").into_iter().flat_map(Node::items_mut).enumerate() {
        match number(port, "nodePort") {
            0 if allocates => set_number(port, "nodePort", pool.pick()),
            0 => {}
            stated if own.contains(&stated) => {}
            stated => {
                pool.reserve(stated).map_err(|fault| (index, fault))?;
                own.insert(stated);
            }
        }
    }
    Ok(())
}

/// A change of type takes away what only the old type had, as long as the manifest does not change it in the same
/// breath.
fn drop_what_the_type_has_not(spec: &mut Node, old: &Node) {
    if has_address(old) && !has_address(spec) {
        let (new, before) = (Addresses::of(spec), Addresses::of(old));
        if new.ip == before.ip && new.ips == before.ips {
            put(spec, "clusterIP", None);
            put(spec, "clusterIPs", None);
        }
        if new.families == before.families {
            put(spec, "ipFamilies", None);
        }
        if new.policy.unwrap_or_default() == before.policy.unwrap_or_default() {
            put(spec, "ipFamilyPolicy", None);
        }
        if some(spec, "internalTrafficPolicy") == some(old, "internalTrafficPolicy") {
            put(spec, "internalTrafficPolicy", None);
        }
    }
    let has_node_ports = |spec: &Node| matches!(text(spec, "type"), "NodePort" | "LoadBalancer");
    if has_node_ports(old) && !has_node_ports(spec) {
        let before: BTreeSet<i64> = list(old, "ports").iter().map(|port| number(port, "nodePort")).collect();
        if list(spec, "ports")
            .iter()
            .map(|port| number(port, "nodePort"))
            .all(|port| port == 0 || before.contains(&port))
        {
            spec.get_mut("ports").into_iter().flat_map(Node::items_mut).for_each(|port| put(port, "nodePort", None));
        }
    }
    let same_health = number(old, "healthCheckNodePort") == number(spec, "healthCheckNodePort");
    if needs_health_check(old) && !needs_health_check(spec) && same_health {
        put(spec, "healthCheckNodePort", None);
    }
    if text(old, "type") == "LoadBalancer" && text(spec, "type") != "LoadBalancer" {
        let (field, allocates) = ("allocateLoadBalancerNodePorts", some(spec, "allocateLoadBalancerNodePorts"));
        if allocates.is_some() && allocates == some(old, field) {
            put(spec, field, None);
        }
        if some(spec, "loadBalancerClass") == some(old, "loadBalancerClass") {
            put(spec, "loadBalancerClass", None);
        }
    }
    let same_policy = text(old, "externalTrafficPolicy") == text(spec, "externalTrafficPolicy");
    if is_reachable_from_outside(old) && !is_reachable_from_outside(spec) && same_policy {
        put(spec, "externalTrafficPolicy", None);
    }
}

fn has_address(spec: &Node) -> bool {
    text(spec, "type") != "ExternalName"
}

/// Whether ports without a node port get one.
fn wants_node_ports(spec: &Node) -> bool {
    match text(spec, "type") {
        "NodePort" => true,
        "LoadBalancer" => some(spec, "allocateLoadBalancerNodePorts").and_then(Node::as_bool) != Some(false),
        _ => false,
    }
}

fn put(node: &mut Node, key: &str, value: Option<Node>) {
    if let Some(map) = node.as_map_mut() {
        match value {
            Some(value) => drop(map.put(key, value)),
            None => drop(map.remove(key)),
        }
    }
}

fn set_number(node: &mut Node, key: &str, number: i64) {
    let at = node.at;
    put(node, key, Some(Node::int(number, at)));
}

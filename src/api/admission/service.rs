//! What the server says to a Service: its type, ports, addresses and traffic policies. What it allocates is in
//! `allocation`.
//!
//! Follows `pkg/apis/core/validation/validation.go: ValidateServiceCreate, ValidateServiceUpdate`.

use super::allocation::{self, Addresses, HEADLESS};
use super::cause::{Causes, Path, list, number, some, text};
use super::meta::{self, Naming};
use super::port::{self, PROTOCOLS};
use super::{Kind, selector};
use crate::api::defaults;
use crate::k8s::gate;
use crate::k8s::version::Version;
use crate::k8s::{ip, name};
use crate::value::Node;
use std::collections::BTreeSet;

/// A Service.
pub(crate) static KIND: Kind = Kind {
    group: "",
    version: "v1",
    kind: "Service",
    namespaced: true,
    naming: Naming::Service,
    counts_generations: false,
    default: defaults::service::service,
    prepare: allocation::prepare,
    create,
    update,
};

const SPEC: Path<'static> = Path::new("spec");
/// From this version on each source range is judged by itself.
const ONE_BY_ONE: Version = Version::minor(30);
/// The most seconds that a client may keep its pod.
const AFFINITY_LIMIT: i64 = 86_400;
const TOPOLOGY_HINTS: &str = "service.kubernetes.io/topology-aware-hints";
const TOPOLOGY_MODE: &str = "service.kubernetes.io/topology-mode";
const SOURCE_RANGES: &str = "service.beta.kubernetes.io/load-balancer-source-ranges";

/// A Service and how it is compared with the stored one.
struct Service<'n> {
    object: &'n Node,
    spec: &'n Node,
    stored: Option<&'n Node>,
    kind: &'n str,
    addresses: Addresses,
    strict: bool,
}

/// `ValidateServiceCreate`, pkg/apis/core/validation.
fn create(object: &Node, version: Version, causes: &mut Causes) {
    if let Some(service) = Service::new(object, None, version) {
        service.judge(version, causes);
    }
}

/// `ValidateServiceUpdate`, pkg/apis/core/validation.
fn update(object: &Node, stored: &Node, version: Version, causes: &mut Causes) {
    let (Some(service), Some(before)) = (Service::new(object, Some(stored), version), stored.get("spec")) else {
        return;
    };
    let old = Addresses::of(before);
    if version < Version::minor(34) {
        // `ValidateServiceUpdate` went through all rules for new ones, their names too.
        meta::names_again(object, KIND.naming.at(version), causes);
    }
    if service.kind != "ExternalName" && text(before, "type") != "ExternalName" {
        address_changes(&service.addresses, &old, causes);
        family_changes(&service.addresses, &old, causes);
    }
    if service.kind == "LoadBalancer" && text(before, "type") == "LoadBalancer" {
        let class = |spec| some(spec, "loadBalancerClass").and_then(Node::as_str);
        if class(service.spec) != class(before) {
            causes.invalid(&SPEC.child("loadBalancerClass"), "may not change once set");
        }
    }
    // The server checks this once for the change and once for the object.
    service.load_balancer_class(causes);
    let health = |spec: &Node| allocation::needs_health_check(spec).then(|| number(spec, "healthCheckNodePort"));
    if health(service.spec).zip(health(before)).is_some_and(|(now, then)| now != then) {
        causes.forbidden(&SPEC.child("healthCheckNodePort"), "field is immutable");
    }
    service.judge(version, causes);
}

impl<'n> Service<'n> {
    fn new(object: &'n Node, stored: Option<&'n Node>, version: Version) -> Option<Self> {
        let spec = object.get("spec")?;
        let addresses = Addresses::of(spec);
        Some(Self {
            object,
            spec,
            stored,
            kind: text(spec, "type"),
            addresses,
            strict: gate::STRICT_IP_CIDR_VALIDATION.is_on(version),
        })
    }

    fn annotation(&self, key: &str) -> Option<&'n str> {
        annotation(self.object, key)
    }

    /// All rules that a Service must keep by itself.
    /// `validateService`, pkg/apis/core/validation.
    fn judge(&self, version: Version, causes: &mut Causes) {
        self.topology(causes);
        self.kind_rules(causes);
        self.ports(causes);
        self.kubelet_port(version, causes);
        selector::labels(some(self.spec, "selector"), &SPEC.child("selector"), causes);
        self.session_affinity(causes);
        let stored_spec = self.stored.and_then(|stored| stored.get("spec"));
        address_rules(self.kind, &self.addresses, stored_spec, self.strict, causes);
        self.external_addresses(stored_spec, causes);
        if !matches!(self.kind, "ClusterIP" | "NodePort" | "LoadBalancer" | "ExternalName") {
            causes.not_supported(&SPEC.child("type"), &["ClusterIP", "ExternalName", "LoadBalancer", "NodePort"]);
        }
        self.port_collisions(causes);
        self.source_ranges(version, causes);
        self.load_balancer(causes);
        self.traffic_policies(version, causes);
        self.warn(version, causes);
    }

    fn topology(&self, causes: &mut Causes) {
        if let (Some(mode), Some(hints)) = (self.annotation(TOPOLOGY_MODE), self.annotation(TOPOLOGY_HINTS))
            && mode != hints
        {
            let path = Path::new("metadata.annotations");
            causes.invalid(
                &path.key(TOPOLOGY_MODE),
                format!("must match annotations[{TOPOLOGY_HINTS}] when both are specified"),
            );
        }
    }

    /// `validateService`, pkg/apis/core/validation.
    fn kind_rules(&self, causes: &mut Causes) {
        let headless = self.addresses.is_headless();
        if list(self.spec, "ports").is_empty() && !headless && self.kind != "ExternalName" {
            causes.required(&SPEC.child("ports"), "");
        }
        match self.kind {
            "LoadBalancer" | "NodePort" if headless => {
                let path = SPEC.child("clusterIPs");
                causes.invalid(&path.index(0), format!("may not be set to 'None' for {} services", self.kind));
            }
            "ExternalName" => self.external_name(causes),
            _ => {}
        }
    }

    /// `validateService`, pkg/apis/core/validation.
    fn external_name(&self, causes: &mut Causes) {
        let stated = [
            ("clusterIPs", !self.addresses.ips.is_empty()),
            ("ipFamilies", !self.addresses.families.is_empty()),
            ("ipFamilyPolicy", self.addresses.policy.is_some()),
        ];
        for (field, _) in stated.into_iter().filter(|(_, stated)| *stated) {
            causes.forbidden(&SPEC.child(field), "may not be set for ExternalName services");
        }
        let external = text(self.spec, "externalName");
        let path = SPEC.child("externalName");
        match external.strip_suffix('.').unwrap_or(external) {
            "" => causes.required(&path, ""),
            name => causes.each_invalid(&path, name::dns_subdomain(name)),
        }
    }

    /// `validateServicePort`, pkg/apis/core/validation.
    fn ports(&self, causes: &mut Causes) {
        let ports = list(self.spec, "ports");
        let path = SPEC.child("ports");
        let mut names = BTreeSet::new();
        for (index, port) in ports.iter().enumerate() {
            let path = path.index(index);
            match text(port, "name") {
                "" if ports.len() > 1 => causes.required(&path.child("name"), ""),
                "" => {}
                name => {
                    causes.each_invalid(&path.child("name"), name::dns_label(name));
                    if !names.insert(name) {
                        causes.duplicate(&path.child("name"));
                    }
                }
            }
            causes.each_invalid(&path.child("port"), name::port_number(number(port, "port")));
            if !PROTOCOLS.contains(&text(port, "protocol")) {
                causes.not_supported(&path.child("protocol"), &PROTOCOLS);
            }
            port::number_or_name(port.get("targetPort"), &path.child("targetPort"), causes);
            if let Some(protocol) = some(port, "appProtocol") {
                causes.each_invalid(&path.child("appProtocol"), name::label_key(protocol.as_str().unwrap_or_default()));
            }
        }
    }

    /// Older servers kept the kubelet's own port inside.
    /// `validateServicePort`, pkg/apis/core/validation.
    fn kubelet_port(&self, version: Version, causes: &mut Causes) {
        if version >= Version::minor(33) || self.kind != "LoadBalancer" {
            return;
        }
        let path = SPEC.child("ports");
        for (index, _) in list(self.spec, "ports").iter().enumerate().filter(|(_, port)| number(port, "port") == 10_250)
        {
            causes.invalid(&path.index(index), "may not expose port 10250 externally since it is used by kubelet");
        }
    }

    /// `validateService`, pkg/apis/core/validation.
    fn port_collisions(&self, causes: &mut Causes) {
        let path = SPEC.child("ports");
        let (mut on_nodes, mut inside) = (BTreeSet::new(), BTreeSet::new());
        for (index, port) in list(self.spec, "ports").iter().enumerate() {
            let path = path.index(index);
            let (protocol, on_node) = (text(port, "protocol"), number(port, "nodePort"));
            if on_node != 0 {
                if self.kind == "ClusterIP" {
                    causes.forbidden(&path.child("nodePort"), "may not be used when `type` is 'ClusterIP'");
                }
                if !on_nodes.insert((protocol, on_node)) {
                    causes.duplicate(&path.child("nodePort"));
                }
            }
            if !inside.insert((protocol, number(port, "port"))) {
                causes.duplicate(&path);
            }
        }
    }

    /// `validateClientIPAffinityConfig`, pkg/apis/core/validation.
    fn session_affinity(&self, causes: &mut Causes) {
        let path = SPEC.child("sessionAffinityConfig");
        let config = some(self.spec, "sessionAffinityConfig");
        match text(self.spec, "sessionAffinity") {
            "ClientIP" => {
                let words = "when session affinity type is ClientIP";
                let Some(config) = config else { return causes.required(&path, words) };
                let path = path.child("clientIP");
                let Some(client) = some(config, "clientIP") else { return causes.required(&path, words) };
                let path = path.child("timeoutSeconds");
                let Some(seconds) = some(client, "timeoutSeconds") else { return causes.required(&path, words) };
                if !(1..=AFFINITY_LIMIT).contains(&seconds.as_int().unwrap_or_default()) {
                    causes.invalid(&path, format!("must be greater than 0 and less than {AFFINITY_LIMIT}"));
                }
            }
            "None" if config.is_some() => causes.forbidden(&path, "must not be set when session affinity is None"),
            "None" => {}
            _ => causes.not_supported(&SPEC.child("sessionAffinity"), &["ClientIP", "None"]),
        }
    }

    /// `validateService`, pkg/apis/core/validation.
    fn external_addresses(&self, stored: Option<&Node>, causes: &mut Causes) {
        let path = SPEC.child("externalIPs");
        let known = stored.map(|stored| list(stored, "externalIPs")).unwrap_or_default();
        for (index, address) in list(self.spec, "externalIPs").iter().enumerate() {
            let path = path.index(index);
            let address = address.as_str().unwrap_or_default();
            let fault = if contains(known, address) { None } else { ip::address_fault(address, self.strict) };
            match fault {
                Some(fault) => causes.invalid(&path, fault),
                None => causes.each_invalid(&path, ip::endpoint_faults(address)),
            }
        }
    }

    /// `validateService`, pkg/apis/core/validation.
    fn source_ranges(&self, version: Version, causes: &mut Causes) {
        let only = "may only be used when `type` is 'LoadBalancer'";
        let ranges = list(self.spec, "loadBalancerSourceRanges");
        if !ranges.is_empty() {
            let path = SPEC.child("LoadBalancerSourceRanges");
            if self.kind != "LoadBalancer" {
                causes.forbidden(&path, only);
            }
            if version < ONE_BY_ONE {
                let faulty = |range: &Node| ip::range_fault(range.as_str().unwrap_or_default().trim(), false).is_some();
                if ranges.iter().any(faulty) {
                    causes.invalid(&path, "must be a list of IP ranges. For example, 10.240.0.0/24,10.250.0.0/24 ");
                }
                return;
            }
            let stored = self.stored.and_then(|stored| stored.get("spec"));
            let known = stored.map(|stored| list(stored, "loadBalancerSourceRanges")).unwrap_or_default();
            for (index, range) in ranges.iter().enumerate() {
                let range = range.as_str().unwrap_or_default().trim();
                let is_known = known.iter().any(|known| known.as_str().is_some_and(|known| known.trim() == range));
                if let Some(fault) = ip::range_fault(range, self.strict).filter(|_| !is_known) {
                    causes.invalid(&path.index(index), fault);
                }
            }
        } else if let Some(value) = self.annotation(SOURCE_RANGES) {
            let annotations = Path::new("metadata.annotations");
            let path = annotations.key(SOURCE_RANGES);
            if self.kind != "LoadBalancer" {
                causes.forbidden(&path, only);
            }
            let changed = self.stored.and_then(|stored| annotation(stored, SOURCE_RANGES)) != Some(value);
            if changed && !value.trim().is_empty() {
                for fault in value.trim().split(',').filter_map(|range| ip::range_fault(range.trim(), self.strict)) {
                    causes.invalid(&path, fault);
                }
            }
        }
    }

    /// `validateService`, pkg/apis/core/validation.
    fn load_balancer(&self, causes: &mut Causes) {
        if self.kind != "LoadBalancer" && some(self.spec, "allocateLoadBalancerNodePorts").is_some() {
            causes.forbidden(
                &SPEC.child("allocateLoadBalancerNodePorts"),
                "may only be used when `type` is 'LoadBalancer'",
            );
        }
        if self.kind == "LoadBalancer" && some(self.spec, "allocateLoadBalancerNodePorts").is_none() {
            causes.required(&Path::new("allocateLoadBalancerNodePorts"), "");
        }
        self.load_balancer_class(causes);
    }

    /// `validateLoadBalancerClassField`, pkg/apis/core/validation.
    fn load_balancer_class(&self, causes: &mut Causes) {
        let Some(class) = some(self.spec, "loadBalancerClass") else { return };
        let path = SPEC.child("loadBalancerClass");
        if self.kind == "LoadBalancer" {
            causes.each_invalid(&path, name::label_key(class.as_str().unwrap_or_default()));
        } else {
            causes.forbidden(&path, "may only be used when `type` is 'LoadBalancer'");
        }
    }

    /// `validateServiceExternalTrafficPolicy` and `validateServiceInternalTrafficFieldsValue`,
    /// pkg/apis/core/validation.
    fn traffic_policies(&self, version: Version, causes: &mut Causes) {
        let path = SPEC.child("externalTrafficPolicy");
        match (allocation::is_reachable_from_outside(self.spec), text(self.spec, "externalTrafficPolicy")) {
            (false, "") | (true, "Cluster" | "Local") => {}
            (false, _) => causes.invalid(&path, "may only be set for externally-accessible services"),
            (true, "") => causes.required(&path, ""),
            (true, _) => causes.not_supported(&path, &["Cluster", "Local"]),
        }
        let path = SPEC.child("healthCheckNodePort");
        match (allocation::needs_health_check(self.spec), number(self.spec, "healthCheckNodePort")) {
            (false, 0) => {}
            (false, _) => {
                causes.invalid(
                    &path,
                    "may only be set when `type` is 'LoadBalancer' and `externalTrafficPolicy` is 'Local'",
                );
            }
            (true, 0) => causes.required(&path, ""),
            (true, port) => causes.each_invalid(&path, name::port_number(port)),
        }
        let path = SPEC.child("internalTrafficPolicy");
        match some(self.spec, "internalTrafficPolicy") {
            None if matches!(self.kind, "ClusterIP" | "NodePort" | "LoadBalancer") => causes.required(&path, ""),
            Some(policy) if !matches!(policy.as_str(), Some("Cluster" | "Local")) => {
                causes.not_supported(&path, &["Cluster", "Local"]);
            }
            _ => {}
        }
        if let Some(distribution) = some(self.spec, "trafficDistribution") {
            let known: &[&str] = if gate::PREFER_SAME_TRAFFIC_DISTRIBUTION.is_on(version) {
                &["PreferClose", "PreferSameZone", "PreferSameNode"]
            } else {
                &["PreferClose"]
            };
            if !known.contains(&distribution.as_str().unwrap_or_default()) {
                causes.not_supported(&SPEC.child("trafficDistribution"), known);
            }
        }
    }

    /// `GetWarningsForService`, pkg/api/service.
    fn warn(&self, version: Version, causes: &mut Causes) {
        if self.annotation(TOPOLOGY_HINTS).is_some() {
            causes.warn(format!("annotation {TOPOLOGY_HINTS} is deprecated, please use {TOPOLOGY_MODE} instead"));
        }
        if self.kind != "ExternalName" && !matches!(self.addresses.ip.as_str(), "" | HEADLESS) {
            warn_of_addresses("clusterIPs", self.addresses.ips.iter().map(crate::value::Text::as_str), causes);
        }
        let outside = list(self.spec, "externalIPs");
        let balancer = text(self.spec, "loadBalancerIP");
        let headless = self.kind == "ClusterIP" && self.addresses.ip == HEADLESS;
        if headless && version >= Version::minor(34) {
            if !balancer.is_empty() {
                causes.warn("spec.loadBalancerIP is ignored for headless services");
            }
            if !outside.is_empty() {
                causes.warn("spec.externalIPs is ignored for headless services");
            }
            if text(self.spec, "sessionAffinity") != "None" {
                causes.warn("spec.SessionAffinity is ignored for headless services");
            }
        }
        warn_of_addresses("externalIPs", outside.iter().map(|address| address.as_str().unwrap_or_default()), causes);
        if !outside.is_empty() && !headless && self.kind != "ExternalName" && self.strict {
            causes.warn("spec.externalIPs is deprecated and may no longer be implemented in some clusters");
        }
        if let Some(warning) = ip::address_warning(balancer) {
            causes.warn_at("spec.loadBalancerIP", warning);
        }
        for (index, range) in list(self.spec, "loadBalancerSourceRanges").iter().enumerate() {
            for warning in ip::range_warnings(range.as_str().unwrap_or_default()) {
                causes.warn_at(format!("spec.loadBalancerSourceRanges[{index}]"), warning);
            }
        }
        if self.kind == "ExternalName" && !outside.is_empty() {
            causes.warn("spec.externalIPs is ignored when spec.type is \"ExternalName\"");
        }
        if self.kind != "ExternalName" && !text(self.spec, "externalName").is_empty() {
            causes.warn("spec.externalName is ignored when spec.type is not \"ExternalName\"");
        }
        if text(self.spec, "trafficDistribution") == "PreferClose" && version >= Version::minor(35) {
            causes.warn_at("spec.trafficDistribution", "\"PreferClose\" is deprecated; use \"PreferSameZone\"");
        }
    }
}

/// `GetWarningsForService`, pkg/api/service.
fn warn_of_addresses<'a>(field: &str, addresses: impl Iterator<Item = &'a str>, causes: &mut Causes) {
    for (index, address) in addresses.enumerate() {
        if let Some(warning) = ip::address_warning(address) {
            causes.warn_at(format!("spec.{field}[{index}]"), warning);
        }
    }
}

fn annotation<'n>(object: &'n Node, key: &str) -> Option<&'n str> {
    object.find(&["metadata", "annotations", key]).map(|value| value.as_str().unwrap_or_default())
}

fn contains(list: &[Node], text: &str) -> bool {
    list.iter().any(|item| item.as_str() == Some(text))
}

/// The rules that tie `clusterIP`, `clusterIPs`, `ipFamilies` and `ipFamilyPolicy` together. The server asks them
/// twice: before it allocates, and with the other rules.
/// `ValidateServiceClusterIPsRelatedFields`, pkg/apis/core/validation.
pub(super) fn address_rules(
    kind: &str,
    addresses: &Addresses,
    stored: Option<&Node>,
    strict: bool,
    causes: &mut Causes,
) {
    if kind == "ExternalName" {
        return;
    }
    let path = SPEC.child("clusterIPs");
    let Addresses { ip, ips, families, policy } = addresses;
    match (ip.as_str(), ips.first()) {
        ("", None) => {}
        ("", Some(_)) => causes.invalid(&path, "must be empty when `clusterIP` is not specified"),
        (_, None) => causes.required(&path, ""),
        (ip, Some(first)) if first != ip => causes.invalid(&path, "first value must match `clusterIP`"),
        _ => {}
    }
    family_rules(families, policy.as_deref(), causes);
    let known = stored.map(|stored| list(stored, "clusterIPs")).unwrap_or_default();
    let mut malformed = false;
    for (index, ip) in ips.iter().enumerate() {
        let fault = match index {
            0 if ip == HEADLESS && ips.len() > 1 => {
                causes.invalid(&path, "'None' must be the first and only value");
                malformed = true;
                None
            }
            0 if ip == HEADLESS => None,
            _ if contains(known, ip) => None,
            _ => ip::address_fault(ip, strict),
        };
        if let Some(fault) = fault {
            causes.invalid(&path.index(index), fault);
            malformed = true;
        }
    }
    if ips.len() > 2 {
        causes.invalid(&path, "may only hold up to 2 values");
    }
    if malformed {
        return;
    }
    // What the stored Service has is taken unread, `None` among it; only here somebody tries to read it.
    let unread = ips.iter().enumerate().find(|(_, ip)| ips.len() > 1 && ip::address(ip).is_none());
    if let Some((index, ip)) = unread {
        causes.add(
            &path,
            "InternalError",
            format!("failed to check for dual stack with error:invalid IP[{index}]: {ip}"),
        );
    }
    let sixes = ips.iter().filter(|ip| ip::is_ipv6(ip)).count();
    if ips.len() > 1 && (unread.is_some() || sixes == 0 || sixes == ips.len()) {
        causes.invalid(&path, "may specify no more than one IP for each IP family");
    }
    if addresses.is_headless() {
        return;
    }
    for (index, (ip, family)) in ips.iter().zip(families).enumerate() {
        if (family == "IPv4" && ip::is_ipv6(ip)) || (family == "IPv6" && !ip::is_ipv6(ip)) {
            causes.invalid(
                &path.index(index),
                format!("expected an {family} value as indicated by `ipFamilies[{index}]`"),
            );
        }
    }
}

/// `ValidateServiceClusterIPsRelatedFields`, pkg/apis/core/validation.
fn family_rules(families: &[crate::value::Text], policy: Option<&str>, causes: &mut Causes) {
    let path = SPEC.child("ipFamilies");
    let mut seen = BTreeSet::new();
    for (index, family) in families.iter().enumerate() {
        if !matches!(family.as_str(), "IPv4" | "IPv6") {
            causes.not_supported(&path.index(index), &["IPv4", "IPv6"]);
        }
        if !seen.insert(family) {
            causes.duplicate(&path.index(index));
        }
    }
    if policy.is_some_and(|policy| !matches!(policy, "PreferDualStack" | "RequireDualStack" | "SingleStack")) {
        causes.not_supported(&SPEC.child("ipFamilyPolicy"), &["PreferDualStack", "RequireDualStack", "SingleStack"]);
    }
}

/// What may not happen to the addresses of a Service that keeps a type with addresses.
/// `validateUpgradeDowngradeClusterIPs`, pkg/apis/core/validation.
fn address_changes(new: &Addresses, old: &Addresses, causes: &mut Causes) {
    if new.is_headless() && old.is_headless() {
        return;
    }
    let path = SPEC.child("clusterIPs");
    if old.ips.len() == new.ips.len() {
        for index in
            old.ips.iter().zip(&new.ips).enumerate().filter(|(_, (old, new))| old != new).map(|(index, _)| index)
        {
            causes.invalid(&path.index(index), "may not change once set");
        }
        return;
    }
    if new.ips.is_empty() {
        causes.invalid(&path.index(0), "primary clusterIP can not be unset");
    }
    if old.ips.first().zip(new.ips.first()).is_some_and(|(old, new)| old != new) {
        causes.invalid(&path.index(0), "may not change once set");
    }
    if new.ips.len() == 1 && old.ips.len() > 1 && new.policy.as_deref() != Some("SingleStack") {
        causes.invalid(
            &SPEC.child("ipFamilyPolicy"),
            "must be set to 'SingleStack' when releasing the secondary clusterIP",
        );
    }
}

/// What may not happen to its address families.
/// `validateUpgradeDowngradeIPFamilies`, pkg/apis/core/validation.
fn family_changes(new: &Addresses, old: &Addresses, causes: &mut Causes) {
    if new.is_headless() || old.is_headless() {
        return;
    }
    let path = SPEC.child("ipFamilies");
    let first = path.index(0);
    if old.families.len() == new.families.len() {
        for _ in old.families.iter().zip(&new.families).filter(|(old, new)| old != new) {
            causes.invalid(&first, "may not change once set");
        }
        return;
    }
    let fewer = old.families.len() > new.families.len();
    if fewer && new.ips.is_empty() {
        causes.invalid(&first, "primary ipFamily can not be unset");
    }
    if old.families.first().zip(new.families.first()).is_some_and(|(old, new)| old != new) {
        causes.invalid(&first, "may not change once set");
    }
    if fewer && new.families.len() == 1 && new.policy.as_deref() != Some("SingleStack") {
        causes.invalid(
            &SPEC.child("ipFamilyPolicy"),
            "must be set to 'SingleStack' when releasing the secondary ipFamily",
        );
    }
}

//! Which nodes a pod may share with which other pods: spread, affinity and anti-affinity. Worked out once for a pod,
//! asked for each node. Knows neither room nor volumes.
//!
//! Follows `pkg/scheduler/framework/plugins/interpodaffinity/filtering.go: Filter`, and
//! `pkg/scheduler/framework/plugins/podtopologyspread/filtering.go: Filter`, and
//! `pkg/scheduler/framework/plugins/tainttoleration/taint_toleration.go: Filter`.

use super::scheduler::{No, is_kept_away, is_wanted};
use crate::cluster::mark::Mark;
use crate::cluster::selector::{self, REQUIRED};
use crate::cluster::store::{Key, is_ending, text};
use crate::cluster::world::{Machine, World, is_over, node_name};
use crate::value::Node;
use std::collections::{BTreeMap, BTreeSet};

/// What a pod's own constraints, and those of pods that have a place already, say of nodes.
pub(super) struct Topology<'a> {
    spread: Vec<Spread<'a>>,
    near: Vec<Near<'a>>,
    /// Where other pods are that it keeps away from: by a label of nodes, the values that are taken.
    away: Vec<(&'a str, BTreeSet<&'a str>)>,
    /// Where other pods are that keep it away.
    shunned: BTreeSet<(&'a str, &'a str)>,
}

/// A spread constraint: how many pods are in each domain, and how many there may be.
struct Spread<'a> {
    topology: &'a str,
    counts: BTreeMap<&'a str, usize>,
    itself: usize,
    most: usize,
}

/// Pods that it must be near to.
struct Near<'a> {
    topology: &'a str,
    there: BTreeSet<&'a str>,
    /// There are none yet, and it is such a pod itself.
    first: bool,
}

/// The nodes, by name.
type Machines<'a> = BTreeMap<&'a str, &'a Machine>;

impl<'a> Topology<'a> {
    /// Looks around once for a pod.
    pub(super) fn new(
        world: &'a World,
        machines: &'a [Machine],
        (key, pod): (&'a Key, &'a Node),
        without: &BTreeSet<Key>,
    ) -> Self {
        let by_name: Machines<'a> = machines.iter().map(|machine| (machine.name.as_str(), machine)).collect();
        let labels = pod.find(&["metadata", "labels"]);
        let constraints = pod.find(&["spec", "topologySpreadConstraints"]).into_iter().flat_map(Node::items);
        let there = |term: &'a Node| peers(world, &by_name, term, &key.namespace, without, |_| true);
        Self {
            spread: constraints
                .filter(|constraint| text(constraint, &["whenUnsatisfiable"]) != "ScheduleAnyway")
                .map(|constraint| Spread::new(world, constraint, (key, pod), machines, without))
                .collect(),
            near: terms(pod, "podAffinity")
                .map(|term| {
                    let there: BTreeSet<&str> = there(term).into_iter().collect();
                    let first = there.is_empty() && selector::matches(term.get("labelSelector"), labels);
                    Near { topology: text(term, &["topologyKey"]), there, first }
                })
                .collect(),
            away: terms(pod, "podAntiAffinity")
                .map(|term| (text(term, &["topologyKey"]), there(term).into_iter().collect()))
                .collect(),
            shunned: shunned(world, &by_name, (key, pod), without),
        }
    }

    /// Whether the pod may be on a node, as far as it is about other pods.
    pub(super) fn suits(&self, machine: &Machine) -> Result<(), No> {
        for spread in &self.spread {
            let Some(here) = domain(machine, spread.topology) else {
                return Err(No::never("node(s) didn't match pod topology spread constraints (missing required label)"));
            };
            if spread.counts.get(here).copied().unwrap_or_default() + spread.itself > spread.most {
                return Err(No::for_room("node(s) didn't match pod topology spread constraints"));
            }
        }
        for near in &self.near {
            let here = domain(machine, near.topology);
            if here.is_none() || !near.first && !here.is_some_and(|here| near.there.contains(here)) {
                return Err(No::never("node(s) didn't match pod affinity rules"));
            }
        }
        if self.away.iter().any(|(topology, there)| domain(machine, topology).is_some_and(|here| there.contains(here)))
        {
            return Err(No::for_room("node(s) didn't match pod anti-affinity rules"));
        }
        if self.shunned.iter().any(|(topology, there)| domain(machine, topology) == Some(*there)) {
            return Err(No::for_room("node(s) didn't satisfy existing pods anti-affinity rules"));
        }
        Ok(())
    }
}

impl<'a> Spread<'a> {
    /// Counts pods on the nodes that count: pods that are being deleted do not.
    /// `calPreFilterState` and `countPodsMatchSelector`, pkg/scheduler/framework/plugins/podtopologyspread.
    fn new(
        world: &'a World,
        constraint: &'a Node,
        (key, pod): (&Key, &Node),
        machines: &'a [Machine],
        without: &BTreeSet<Key>,
    ) -> Self {
        let topology = text(constraint, &["topologyKey"]);
        let counted = |machine: &&Machine| {
            (text(constraint, &["nodeAffinityPolicy"]) == "Ignore" || is_wanted(machine, pod))
                && (text(constraint, &["nodeTaintsPolicy"]) != "Honor"
                    || !machine.taints().any(|taint| is_kept_away(pod, taint)))
        };
        let nodes: Machines<'a> =
            machines.iter().filter(counted).map(|machine| (machine.name.as_str(), machine)).collect();
        let domains: BTreeSet<&str> = nodes.values().filter_map(|machine| domain(machine, topology)).collect();
        let there = peers(world, &nodes, constraint, &key.namespace, without, |pod| !is_ending(pod));
        let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
        there.into_iter().for_each(|domain| *counts.entry(domain).or_default() += 1);
        let enough = constraint
            .get("minDomains")
            .and_then(Node::as_int)
            .is_none_or(|least| domains.len() >= usize::try_from(least).unwrap_or_default());
        let fewest =
            domains.iter().map(|domain| counts.get(domain).copied().unwrap_or_default()).min().unwrap_or_default();
        let least = if enough { fewest } else { 0 };
        let itself = usize::from(selector::matches(constraint.get("labelSelector"), pod.find(&["metadata", "labels"])));
        let skew =
            constraint.get("maxSkew").and_then(Node::as_int).and_then(|most| usize::try_from(most).ok()).unwrap_or(1);
        Self { topology, counts, itself, most: least.saturating_add(skew) }
    }
}

/// The pods that a term's selector means and that have a place: for each, the value of the topology key there.
/// `getIncomingAffinityAntiAffinityCounts`, pkg/scheduler/framework/plugins/interpodaffinity.
fn peers<'a>(
    world: &'a World,
    machines: &Machines<'a>,
    term: &'a Node,
    namespace: &str,
    without: &BTreeSet<Key>,
    counts: impl Fn(&Node) -> bool,
) -> Vec<&'a str> {
    let topology = text(term, &["topologyKey"]);
    let pods = world.store.of_kind("Pod").filter(|(key, pod)| {
        is_meant(term, namespace, &key.namespace)
            && !is_over(pod)
            && counts(pod)
            && !without.contains(key)
            && selector::matches(term.get("labelSelector"), pod.find(&["metadata", "labels"]))
    });
    pods.filter_map(|(_, pod)| domain(machines.get(node_name(pod))?, topology)).collect()
}

/// Whether a term of a pod in one namespace is about pods in another: those it names, or its own.
fn is_meant(term: &Node, own: &str, other: &str) -> bool {
    let mut named = term.get("namespaces").into_iter().flat_map(Node::items).filter_map(Node::as_str).peekable();
    if named.peek().is_none() { own == other } else { named.any(|name| name == other) }
}

/// Where pods are whose own terms keep this one away: the label of nodes and its value there.
/// `getExistingAntiAffinityCounts`, pkg/scheduler/framework/plugins/interpodaffinity.
fn shunned<'a>(
    world: &'a World,
    machines: &Machines<'a>,
    (key, pod): (&Key, &Node),
    without: &BTreeSet<Key>,
) -> BTreeSet<(&'a str, &'a str)> {
    let labels = pod.find(&["metadata", "labels"]);
    let mut found = BTreeSet::new();
    for (other_key, other) in world.store.marked(Mark::AntiAffine, "Pod").filter(|(key, _)| !without.contains(key)) {
        let Some(machine) = machines.get(node_name(other)) else { continue };
        for term in terms(other, "podAntiAffinity") {
            let topology = text(term, &["topologyKey"]);
            if let Some(there) = domain(machine, topology)
                && is_meant(term, &other_key.namespace, &key.namespace)
                && selector::matches(term.get("labelSelector"), labels)
            {
                found.insert((topology, there));
            }
        }
    }
    found
}

fn domain<'a>(machine: &'a Machine, topology: &str) -> Option<&'a str> {
    machine.labels.get(topology)?.as_str()
}

fn terms<'a>(pod: &'a Node, kind: &str) -> impl Iterator<Item = &'a Node> {
    pod.find(&["spec", "affinity", kind, REQUIRED]).into_iter().flat_map(Node::items)
}

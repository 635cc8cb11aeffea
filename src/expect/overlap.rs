//! Workloads that select the same pods, each of which would take the other's.

use super::home::namespace;
use crate::bundle::{Bundle, Resource};
use crate::cluster::selector;
use crate::diagnostic::{Code, Diagnostics, Level, listing};
use crate::value::Node;
use std::collections::BTreeMap;

/// Two workloads that select the same pods.
static OVERLAP: Code = Code {
    id: "SW0307",
    name: "overlapping-selectors",
    level: Level::Warning,
    page: include_str!("pages/overlapping-selectors.md"),
};

/// The codes of this file.
pub(crate) static CODES: &[&Code] = &[&OVERLAP];

/// Finds them.
pub(super) fn judge(bundle: &Bundle, found: &mut Diagnostics) {
    const KINDS: [&str; 4] = ["StatefulSet", "Deployment", "DaemonSet", "ReplicaSet"];
    let workloads: Vec<&Resource> =
        bundle.resources.iter().filter(|resource| KINDS.contains(&resource.id.kind.as_str())).collect();
    if workloads.len() < 2 {
        return;
    }
    let labels: Vec<Option<&Node>> =
        workloads.iter().map(|workload| workload.node.find(&["spec", "template", "metadata", "labels"])).collect();
    let mut by_label: BTreeMap<(&str, &str), Vec<usize>> = BTreeMap::new();
    for (index, labels) in labels.iter().enumerate() {
        for (key, value) in labels.iter().flat_map(|labels| labels.entries()) {
            by_label.entry((&key.name, value.as_str().unwrap_or_default())).or_default().push(index);
        }
    }
    let mut groups = Groups((0..workloads.len()).collect());
    // Workloads that are alike in all that counts are compared once.
    let mut alike: BTreeMap<(&str, String, String), usize> = BTreeMap::new();
    let mut comparisons = 0;
    for (index, one) in workloads.iter().enumerate() {
        let selector = one.node.find(&["spec", "selector"]);
        let like =
            (namespace(one), selector.map(shown).unwrap_or_default(), labels[index].map(shown).unwrap_or_default());
        if let Some(first) = alike.get(&like).copied() {
            if one.id != workloads[first].id && selector::matches(selector, labels[index]) {
                groups.join(index, first);
                continue;
            }
        } else {
            alike.insert(like, index);
        }
        let wanted = selector.and_then(|selector| selector.get("matchLabels")).into_iter().flat_map(Node::entries);
        let having = wanted.map(|(key, value)| by_label.get(&(key.name.as_str(), value.as_str().unwrap_or_default())));
        let candidates = having.map(|list| list.map_or(&[][..], Vec::as_slice)).min_by_key(|list| list.len());
        for other in candidates.map_or_else(|| (0..workloads.len()).collect(), <[usize]>::to_vec) {
            let same = one.id == workloads[other].id || groups.first(index) == groups.first(other);
            if !same && comparisons < MOST_COMPARED && namespace(one) == namespace(workloads[other]) {
                comparisons += 1;
                if selector::matches(selector, labels[other]) {
                    groups.join(index, other);
                }
            }
        }
    }
    for members in groups.several() {
        let (one, other) = (workloads[members[0]], workloads[members[members.len() - 1]]);
        let message = if members.len() == 2 {
            format!("{} `{}` and {} `{}` select the same pods", one.id.kind, one.id.name, other.id.kind, other.id.name)
        } else {
            let names = listing(members.iter().map(|member| workloads[*member].id.name.as_str()), 5);
            format!("{} workloads select the same pods: {names}", members.len())
        };
        OVERLAP
            .report(message)
            .help("give each workload a label of its own, in its selector and its pod template".to_owned())
            .see(one.node.place_of("spec.selector"), "the other selector")
            .about(other.subject())
            .at(other.node.place_of("spec.selector"), found);
    }
}

/// So many pairs of workloads of one folder are compared: some thousands of workloads, each with every other.
const MOST_COMPARED: usize = 4_000_000;

/// A tree as a text that is equal for equal trees.
fn shown(node: &Node) -> String {
    let mut text = String::new();
    crate::yaml::write_yaml(node, &mut text);
    text
}

/// Things that belong together, each with the place of one before it, or its own.
struct Groups(Vec<usize>);

impl Groups {
    /// The first of a thing's group.
    fn first(&mut self, thing: usize) -> usize {
        let mut first = thing;
        while self.0[first] != first {
            first = self.0[first];
        }
        // The way is short from now on.
        let mut step = thing;
        while self.0[step] != first {
            step = std::mem::replace(&mut self.0[step], first);
        }
        first
    }

    fn join(&mut self, one: usize, other: usize) {
        let (one, other) = (self.first(one), self.first(other));
        self.0[one.max(other)] = one.min(other);
    }

    /// The groups of more than one, each in order.
    fn several(mut self) -> Vec<Vec<usize>> {
        let mut groups: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
        for thing in 0..self.0.len() {
            groups.entry(self.first(thing)).or_default().push(thing);
        }
        groups.into_values().filter(|members| members.len() > 1).collect()
    }
}

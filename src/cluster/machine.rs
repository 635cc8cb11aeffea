//! A node as the scheduler sees it: its labels, its room, its taints. Knows no pod.

use super::object::{put, text};
use crate::value::{Map, Node, Text};

/// A machine that pods can run on.
#[derive(Clone, Debug)]
pub struct Machine {
    /// `node-1`.
    pub name: Text,
    /// Its labels, a map.
    pub labels: Node,
    /// Its processors in thousandths, if known.
    pub cpu: Option<i64>,
    /// Its memory in bytes, if known.
    pub memory: Option<i64>,
    /// What keeps pods away that do not tolerate it, a list.
    pub taints: Option<Node>,
    /// Whether it takes no new pods: it is cordoned.
    pub closed: bool,
}

impl Machine {
    /// The zone that the control plane counts the node in: its region and zone.
    /// `GetZoneKey`, k8s.io/component-helpers/node/topology.
    #[must_use]
    pub(crate) fn zone_key(&self) -> Text {
        let label = |name: &str| {
            let labels =
                [format!("topology.kubernetes.io/{name}"), format!("failure-domain.beta.kubernetes.io/{name}")];
            labels.iter().find_map(|label| self.labels.get(label)?.as_str()).unwrap_or_default()
        };
        format!("{}/{}", label("region"), label("zone")).into()
    }

    /// The keys and effects of its taints, and the values.
    pub(crate) fn taints(&self) -> impl Iterator<Item = (&str, &str, &str)> {
        let of = |taint| (text(taint, &["key"]), text(taint, &["value"]), text(taint, &["effect"]));
        self.taints.iter().flat_map(Node::items).map(of)
    }

    /// Whether it has a taint, whatever its effect.
    /// `TaintKeyExists`, pkg/util/taints.
    #[must_use]
    pub(crate) fn has_taint(&self, key: &str) -> bool {
        self.taints().any(|(own, ..)| own == key)
    }

    /// Gives it a taint. Says whether it had none such.
    pub(crate) fn taint(&mut self, key: &str, value: &str, effect: &str) -> bool {
        if self.taints().any(|(own, _, of)| own == key && of == effect) {
            return false;
        }
        let at = self.labels.at;
        let mut taint = Node::map(Map::new(), at);
        for (field, value) in [("key", key), ("value", value), ("effect", effect)] {
            if !value.is_empty() {
                put(&mut taint, &[field], Node::text(value, at));
            }
        }
        let list = self.taints.iter().flat_map(Node::items).cloned().chain([taint]).collect();
        self.taints = Some(Node::list(list, at));
        true
    }

    /// Takes a taint away. Says whether it had it.
    pub(crate) fn untaint(&mut self, key: &str, effect: Option<&str>) -> bool {
        let goes = |taint: &Node| {
            text(taint, &["key"]) == key && effect.is_none_or(|effect| text(taint, &["effect"]) == effect)
        };
        let (gone, left): (Vec<Node>, Vec<Node>) =
            self.taints.iter().flat_map(Node::items).cloned().partition(|taint| goes(taint));
        if !gone.is_empty() {
            self.taints = Some(Node::list(left, self.labels.at));
        }
        !gone.is_empty()
    }
}

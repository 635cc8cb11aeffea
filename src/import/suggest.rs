//! What an app that was imported could do better, and what that costs. Nothing of it is done.

use super::gather::Group;
use crate::value::Node;

/// Something that the spec could say.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Suggestion {
    /// A budget of its pods.
    Budget,
    /// A probe that says when the main container is ready.
    Probe,
    /// An image that stays the same.
    Image,
    /// The labels that tools look for.
    Labels,
}

impl Suggestion {
    /// The edit.
    #[must_use]
    pub const fn edit(self) -> &'static str {
        match self {
            Self::Budget => "`disruption: 1`, so that a drained node takes one pod at a time",
            Self::Probe => "`probes: {ready: …}`, so that a new version waits for the last pod to be ready",
            Self::Image => "a tag or digest of the image that stays the same",
            Self::Labels => "leave `recommendedLabels: false` out, so that tools find the app by its labels",
        }
    }

    /// What it costs.
    #[must_use]
    pub const fn cost(self) -> &'static str {
        match self {
            Self::Budget => "restarts nothing",
            Self::Probe | Self::Image | Self::Labels => "restarts the pods",
        }
    }
}

/// What could be better in a group.
pub(super) fn suggestions(group: &Group) -> Vec<Suggestion> {
    let mut list = Vec::new();
    let spec = group.set.node.get("spec");
    let main =
        spec.and_then(|spec| spec.find(&["template", "spec", "containers"])).and_then(|list| list.items().next());
    let replicas = spec.and_then(|spec| spec.get("replicas")).and_then(Node::as_int).unwrap_or(1);
    if replicas > 1 && group.budget.is_none() {
        list.push(Suggestion::Budget);
    }
    if main.is_some_and(|main| main.get("readinessProbe").is_none()) {
        list.push(Suggestion::Probe);
    }
    let image = main.and_then(|main| main.get("image")).and_then(Node::as_str);
    if image.is_some_and(floats) {
        list.push(Suggestion::Image);
    }
    let labels = group.set.node.find(&["metadata", "labels"]);
    if labels.is_none_or(|labels| labels.get("app.kubernetes.io/name").is_none()) {
        list.push(Suggestion::Labels);
    }
    list
}

/// Whether an image is another one tomorrow: it has no tag, or the one that moves.
fn floats(image: &str) -> bool {
    let tag = image.rsplit('/').next().and_then(|last| last.split_once(':')).map(|(_, tag)| tag);
    !image.contains('@') && matches!(tag, None | Some("latest"))
}

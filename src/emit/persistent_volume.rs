//! PersistentVolumes that are written out: one for each ordinal and storage item, bound to the claim that will come.

use super::some;
use super::template::{Holes, Template};
use crate::app::{App, Volume};
use crate::source::At;
use crate::value::{Map, Node, Text};

static TEMPLATE: Template = Template::new(include_str!("../../templates/persistent_volume.yaml"));

pub(super) fn emit(app: &App) -> Vec<Node> {
    app.volumes.iter().filter_map(|volume| persistent_volume(app, volume)).collect()
}

fn persistent_volume(app: &App, volume: &Volume) -> Option<Node> {
    let item = app.storage.iter().find(|item| item.name == volume.item)?;
    let at = volume.at;
    let mut labels = app.labels.clone();
    crate::merge::overlay(&mut labels, &volume.contribution.labels);
    let options: Vec<Node> = volume.mount_options.iter().map(|option| Node::text(option.clone(), at)).collect();
    let mut node = TEMPLATE.fill(
        at,
        Holes::new(vec![
            ("name", Some(Node::text(volume.name.as_str(), at))),
            ("labels", some(&labels, at)),
            ("annotations", some(&app.annotations, at)),
            ("size", Some(item.size.clone())),
            ("accessModes", Some(Node::list(item.access.clone(), item.at))),
            ("volumeMode", item.mode().cloned()),
            ("reclaimPolicy", Some(Node::text(volume.reclaim, at))),
            ("class", Some(volume.class.clone())),
            ("mountOptions", (!options.is_empty()).then(|| Node::list(options, at))),
            ("claimNamespace", Some(Node::text(app.identity.namespace.clone(), at))),
            ("claim", Some(Node::text(volume.claim.as_str(), at))),
            ("nodeAffinity", volume.contribution.reach.as_ref().map(|(label, values)| affinity(label, values, at))),
        ]),
    );
    node.get_mut("spec")?.as_map_mut()?.put(volume.contribution.field, volume.contribution.source.clone());
    Some(node)
}

/// The nodes that can reach a volume.
fn affinity(label: &Text, values: &[Text], at: At) -> Node {
    let expression = Node::of(
        at,
        [
            ("key", Some(Node::text(label.clone(), at))),
            ("operator", Some(Node::text("In", at))),
            ("values", Some(Node::list(values.iter().map(|value| Node::text(value.clone(), at)).collect(), at))),
        ],
    );
    let term = Node::of(at, [("matchExpressions", Some(Node::list(vec![expression], at)))]);
    let mut terms = Map::new();
    terms.put("nodeSelectorTerms", Node::list(vec![term], at));
    Node::of(at, [("required", Some(Node::map(terms, at)))])
}

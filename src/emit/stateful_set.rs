//! The StatefulSet, with its pod template and its claim templates.

use super::container::container;
use super::persistent_volume_claim::claim;
use super::template::{Holes, Template};
use super::{finish, namespace, over, some};
use crate::app::App;
use crate::value::Node;

static TEMPLATE: Template = Template::new(include_str!("../../templates/stateful_set.yaml"));

pub(super) fn emit(app: &App) -> Vec<Node> {
    let at = app.at;
    let settings = &app.settings;
    let containers = |list: &[crate::app::container::Container]| {
        (!list.is_empty()).then(|| {
            Node::list(list.iter().map(|item| container(item, &settings.container_security)).collect(), list[0].at)
        })
    };
    let mut pod_labels = app.labels.clone();
    crate::merge::overlay(&mut pod_labels, &app.selector);
    let mut node = TEMPLATE.fill(
        at,
        Holes::new(vec![
            ("name", Some(Node::text(app.identity.app.clone(), at))),
            ("namespace", namespace(app, at)),
            ("labels", over(&app.labels, &app.stateful_set_labels, at)),
            ("annotations", over(&app.annotations, &app.stateful_set_annotations, at)),
            ("governing", (!app.identity.governing.is_empty()).then(|| Node::text(app.identity.governing.clone(), at))),
            ("replicas", settings.replicas.clone()),
            ("selector", some(&app.selector, at)),
            ("podLabels", over(&pod_labels, &app.pod_labels, at)),
            ("podAnnotations", some(&app.pod_annotations, at)),
            ("initContainers", containers(&app.init)),
            ("containers", containers(&app.containers)),
            (
                "volumes",
                (!app.pod_volumes.is_empty()).then(|| Node::list(app.pod_volumes.clone(), app.pod_volumes[0].at)),
            ),
            (
                "claims",
                (!app.storage.is_empty())
                    .then(|| Node::list(app.storage.iter().map(|item| claim(app, item)).collect(), app.storage[0].at)),
            ),
        ]),
    );
    if let Some(template) = node.get_mut("spec").and_then(|spec| spec.get_mut("template")) {
        let filled = std::mem::replace(template, Node::null(at));
        *template = finish(filled, &settings.pod, &settings.pod_rest);
    }
    vec![finish(node, &settings.stateful_set, &settings.stateful_set_rest)]
}

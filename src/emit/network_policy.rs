//! The NetworkPolicy: who may connect to the pods.

use super::template::{Holes, Template};
use super::{namespace, some};
use crate::app::App;
use crate::value::Node;

static TEMPLATE: Template = Template::new(include_str!("../../templates/network_policy.yaml"));

pub(super) fn emit(app: &App) -> Vec<Node> {
    let Some(network) = &app.network else { return Vec::new() };
    let at = network.at;
    vec![TEMPLATE.fill(
        at,
        Holes::new(vec![
            ("name", Some(Node::text(app.identity.app.clone(), at))),
            ("namespace", namespace(app, at)),
            ("labels", some(&app.labels, at)),
            ("annotations", some(&app.annotations, at)),
            ("selector", some(&app.selector, at)),
            ("ingress", (!network.ingress.is_empty()).then(|| Node::list(network.ingress.clone(), at))),
        ]),
    )]
}

//! The PodMonitor: where the Prometheus Operator reads metrics. It reads them of each pod once, however many Services
//! lead there.

use super::template::{Holes, Template};
use super::{namespace, over, some};
use crate::app::App;
use crate::value::Node;

static TEMPLATE: Template = Template::new(include_str!("../../templates/pod_monitor.yaml"));

pub(super) fn emit(app: &App) -> Vec<Node> {
    let Some(monitor) = &app.monitor else { return Vec::new() };
    let at = monitor.at;
    vec![TEMPLATE.fill(
        at,
        Holes::new(vec![
            ("name", Some(Node::text(app.identity.app.clone(), at))),
            ("namespace", namespace(app, at)),
            ("labels", over(&app.labels, &monitor.labels, at)),
            ("annotations", some(&app.annotations, at)),
            ("selector", some(&app.selector, at)),
            ("endpoint", Some(monitor.endpoint.clone())),
        ]),
    )]
}

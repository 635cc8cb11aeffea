//! Services: the governing one, those with names, one for each ordinal.

use super::template::{Holes, Template};
use super::{finish, namespace, over, some};
use crate::app::{App, Service, ServiceKind};
use crate::value::Node;

static TEMPLATE: Template = Template::new(include_str!("../../templates/service.yaml"));

pub(super) fn emit(app: &App) -> Vec<Node> {
    app.services.iter().map(|service| self::service(app, service)).collect()
}

fn service(app: &App, service: &Service) -> Node {
    let at = service.at;
    let governing = service.kind == ServiceKind::Governing;
    let node = TEMPLATE.fill(
        at,
        Holes::new(vec![
            ("name", Some(Node::text(service.name.value.clone(), service.name.at))),
            ("namespace", namespace(app, at)),
            ("labels", over(&app.labels, &service.labels, at)),
            ("annotations", over(&app.annotations, &service.annotations, at)),
            ("clusterIP", governing.then(|| Node::text("None", at))),
            // Peers must find each other before they are ready, or none of them ever is.
            ("publishNotReadyAddresses", governing.then(|| Node::bool(true, at))),
            ("selector", some(&service.selector, at)),
            ("ports", (!service.ports.is_empty()).then(|| Node::list(service.ports.clone(), service.ports[0].at))),
        ]),
    );
    finish(node, &[], &service.rest)
}

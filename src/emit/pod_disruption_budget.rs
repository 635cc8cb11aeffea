//! The budget of pods that may be away at once.

use super::template::{Holes, Template};
use super::{finish, namespace, some};
use crate::app::App;
use crate::value::Node;

static TEMPLATE: Template = Template::new(include_str!("../../templates/pod_disruption_budget.yaml"));

pub(super) fn emit(app: &App) -> Vec<Node> {
    let Some(budget) = &app.settings.disruption else { return Vec::new() };
    let at = budget.at;
    let node = TEMPLATE.fill(
        at,
        Holes::new(vec![
            ("name", Some(Node::text(budget.name.value.clone(), budget.name.at))),
            ("namespace", namespace(app, at)),
            ("labels", some(&app.labels, at)),
            ("annotations", some(&app.annotations, at)),
            ("selector", some(&app.selector, at)),
        ]),
    );
    vec![finish(node, &[], &budget.fields)]
}

//! The Role of the app's account, and its binding.

use super::template::{Holes, Template};
use super::{namespace, some};
use crate::app::App;
use crate::value::Node;

static ROLE: Template = Template::new(include_str!("../../templates/role.yaml"));
static BINDING: Template = Template::new(include_str!("../../templates/role_binding.yaml"));

pub(super) fn emit(app: &App) -> Vec<Node> {
    let Some(account) = &app.settings.service_account else { return Vec::new() };
    let Some(rules) = &account.rules else { return Vec::new() };
    let at = rules.at;
    let name = || Some(Node::text(account.name.value.clone(), at));
    let same = || {
        [
            ("name", name()),
            ("namespace", namespace(app, at)),
            ("labels", some(&app.labels, at)),
            ("annotations", some(&app.annotations, at)),
        ]
    };
    let role = Holes::new(same().into_iter().chain([("rules", Some(rules.clone()))]).collect());
    let bound = [("role", name()), ("account", name()), ("accountNamespace", namespace(app, at))];
    vec![ROLE.fill(at, role), BINDING.fill(at, Holes::new(same().into_iter().chain(bound).collect()))]
}

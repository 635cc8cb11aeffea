//! What the app's account may do in the whole cluster: a ClusterRole of its own and its binding, and bindings of those
//! that others made.

use super::some;
use super::template::{Holes, Template};
use crate::app::App;
use crate::source::At;
use crate::value::{Node, Text};

static ROLE: Template = Template::new(include_str!("../../templates/cluster_role.yaml"));
static BINDING: Template = Template::new(include_str!("../../templates/cluster_role_binding.yaml"));

pub(super) fn emit(app: &App) -> Vec<Node> {
    let Some(account) = &app.settings.service_account else { return Vec::new() };
    // Two apps of one name in two namespaces share no role: the namespace is part of its name.
    let own: Text = format!("{}.{}", app.identity.namespace, account.name.value).into();
    let metadata = |name: &Text, at: At| {
        [
            ("name", Some(Node::text(name.clone(), at))),
            ("labels", some(&app.labels, at)),
            ("annotations", some(&app.annotations, at)),
        ]
    };
    let binding = |name: &Text, role: &Text, at: At| {
        let bound = [
            ("role", Some(Node::text(role.clone(), at))),
            ("account", Some(Node::text(account.name.value.clone(), at))),
            ("accountNamespace", Some(Node::text(app.identity.namespace.clone(), at))),
        ];
        BINDING.fill(at, Holes::new(metadata(name, at).into_iter().chain(bound).collect()))
    };
    let mut objects = Vec::new();
    if let Some(rules) = &account.cluster_rules {
        let at = rules.at;
        let holes = metadata(&own, at).into_iter().chain([("rules", Some(rules.clone()))]);
        objects.push(ROLE.fill(at, Holes::new(holes.collect())));
        objects.push(binding(&own, &own, at));
    }
    for role in &account.cluster_roles {
        objects.push(binding(&format!("{own}.{}", role.value).into(), &role.value, role.at));
    }
    objects
}

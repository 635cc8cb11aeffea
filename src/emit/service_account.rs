//! The service account, when the app has one of its own.

use super::template::{Holes, Template};
use super::{namespace, over, some};
use crate::app::App;
use crate::value::Node;

static TEMPLATE: Template = Template::new(include_str!("../../templates/service_account.yaml"));

pub(super) fn emit(app: &App) -> Vec<Node> {
    let Some(account) = &app.settings.service_account else { return Vec::new() };
    let at = account.name.at;
    vec![TEMPLATE.fill(
        at,
        Holes::new(vec![
            ("name", Some(Node::text(account.name.value.clone(), at))),
            ("namespace", namespace(app, at)),
            ("labels", some(&app.labels, at)),
            ("annotations", over(&app.annotations, &account.annotations, at)),
            ("automount", account.automount.clone()),
        ]),
    )]
}

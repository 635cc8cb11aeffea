//! A claim template. It says its apiVersion and kind, as the API server does, and carries no label that can ever
//! change: the API refuses a change to any claim template.

use super::template::{Holes, Template};
use super::{finish, some};
use crate::app::{App, Item};
use crate::value::Node;

static TEMPLATE: Template = Template::new(include_str!("../../templates/persistent_volume_claim.yaml"));

pub(super) fn claim(app: &App, item: &Item) -> Node {
    let node = TEMPLATE.fill(
        item.at,
        Holes::new(vec![
            ("name", Some(Node::text(item.name.clone(), item.at))),
            ("labels", some(item.labels.as_ref().unwrap_or(&app.selector), item.at)),
            ("annotations", some(&item.annotations, item.at)),
            (
                "accessModes",
                Some(Node::list(item.access.clone(), item.access.first().map_or(item.at, |first| first.at))),
            ),
            ("volumeMode", item.mode().cloned()),
            ("class", item.class.clone()),
            ("size", Some(item.size.clone())),
        ]),
    );
    finish(node, &[], &item.rest)
}

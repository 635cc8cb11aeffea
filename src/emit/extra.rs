//! Templates of the user's own: manifests with expressions, filled once for each app, ordinal or Service.

use super::object;
use crate::app::expression::{self, Names, to_value};
use crate::app::{App, Service, ServiceKind};
use crate::bundle::Bundle;
use crate::diagnostic::Diagnostics;
use crate::value::{Data, Node};
use minijinja::Value;
use std::collections::BTreeMap;

/// A template, and how often it is filled.
#[derive(Clone, Debug)]
pub struct Extra {
    /// The manifest with its expressions.
    pub node: Node,
    /// How often.
    pub each: Each,
}

/// How often a template is filled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Each {
    /// Once for the app.
    App,
    /// Once for each ordinal.
    Ordinal,
    /// Once for each Service, the governing one included.
    Service,
}

/// Fills a template as often as it asks for.
pub(super) fn fill(extra: &Extra, app: &App, bundle: &mut Bundle, found: &mut Diagnostics) {
    let at = app.at;
    let names = app.names.with([
        ("labels", to_value(&Node::map(app.labels.clone(), at))),
        ("selector", to_value(&Node::map(app.selector.clone(), at))),
    ]);
    let mut once = |names: &Names| {
        let mut node = expression::evaluate(&extra.node, names, found);
        drop_nulls(&mut node);
        if !node.is_null() {
            object(&node, app, bundle, found);
        }
    };
    match extra.each {
        Each::App => once(&names),
        Each::Ordinal => {
            for ordinal in app.identity.ordinals() {
                once(&names.with([("ordinal", ordinal.into()), ("pod", app.identity.pod(ordinal).into())]));
            }
        }
        Each::Service => {
            app.services.iter().for_each(|service| once(&names.with([("service", service_value(service))])));
        }
    }
}

/// What an expression sees of a Service: its name, what it is for, its ports.
fn service_value(service: &Service) -> Value {
    let kind = match service.kind {
        ServiceKind::Governing => "governing",
        ServiceKind::Public => "public",
        ServiceKind::PerPod(_) => "perPod",
    };
    Value::from(BTreeMap::from([
        ("name".to_owned(), Value::from(service.name.value.as_str())),
        ("kind".to_owned(), Value::from(kind)),
        ("ports".to_owned(), Value::from(service.ports.iter().map(to_value).collect::<Vec<_>>())),
    ]))
}

fn drop_nulls(node: &mut Node) {
    match &mut node.data {
        Data::Map(map) => {
            map.retain(|_, value| !value.is_null());
            map.iter_mut().for_each(|(_, value)| drop_nulls(value));
        }
        Data::List(items) => items.iter_mut().for_each(drop_nulls),
        _ => {}
    }
}

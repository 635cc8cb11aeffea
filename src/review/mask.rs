//! Secret values, taken out before anything is compared for people to see: what is left says whether they changed.

use crate::bundle::Resource;
use crate::secret::is_credential;
use crate::value::{Data, Node};

const SAME: &str = "(hidden)";
const BEFORE: &str = "(hidden, before)";
const AFTER: &str = "(hidden, after)";

/// Two manifests of one object without their secret values.
#[must_use]
pub fn masked(old: Option<&Resource>, new: Option<&Resource>) -> (Option<Node>, Option<Node>) {
    let (mut before, mut after) = (old.map(|resource| resource.node.clone()), new.map(|resource| resource.node.clone()));
    let is_secret = new.or(old).is_some_and(|resource| resource.id.kind == "Secret");
    if is_secret {
        for field in ["data", "stringData"] {
            let pair = (before.as_mut().and_then(|node| node.get_mut(field)), after.as_mut().and_then(|node| node.get_mut(field)));
            mask_all(pair.0, pair.1);
        }
    }
    mask_env(before.as_mut(), after.as_mut());
    (before, after)
}

fn mask_all(mut old: Option<&mut Node>, mut new: Option<&mut Node>) {
    let keys = |node: &Option<&mut Node>| -> Vec<crate::value::Text> {
        node.as_ref().map(|node| node.entries().map(|(key, _)| key.name.clone()).collect()).unwrap_or_default()
    };
    let mut all = keys(&old);
    all.extend(keys(&new));
    all.sort();
    all.dedup();
    for key in all {
        hide(old.as_mut().and_then(|node| node.get_mut(&key)), new.as_mut().and_then(|node| node.get_mut(&key)));
    }
    // Anything but a map is hidden whole.
    if ![&old, &new].iter().all(|node| node.as_ref().is_none_or(|node| node.as_map().is_some())) {
        hide(old, new);
    }
}

fn hide(old: Option<&mut Node>, new: Option<&mut Node>) {
    match (old, new) {
        (Some(old), Some(new)) => {
            let (before, after) = if old == new { (SAME, SAME) } else { (BEFORE, AFTER) };
            old.data = Data::Text(before.into());
            new.data = Data::Text(after.into());
        }
        (Some(only), None) | (None, Some(only)) => only.data = Data::Text(SAME.into()),
        (None, None) => {}
    }
}

/// Hides literal values of environment variables whose names say that they are credentials.
fn mask_env(old: Option<&mut Node>, new: Option<&mut Node>) {
    let (mut before, mut after) = (Vec::new(), Vec::new());
    if let Some(old) = old {
        variables(old, &mut before);
    }
    if let Some(new) = new {
        variables(new, &mut after);
    }
    for (name, value) in &mut before {
        let twin = after.iter_mut().find(|(other, _)| other == name);
        hide(Some(value), twin.map(|(_, node)| &mut **node));
    }
    for (_, value) in after {
        if !value.as_str().is_some_and(|text| [SAME, BEFORE, AFTER].contains(&text)) {
            hide(None, Some(value));
        }
    }
}

/// All credential-like variables below a node: their names, and the nodes that hold their values.
fn variables<'n>(node: &'n mut Node, list: &mut Vec<(String, &'n mut Node)>) {
    match &mut node.data {
        Data::Map(map) => {
            let name = map.get("name").and_then(Node::as_str).filter(|name| is_credential(name)).map(str::to_owned);
            for (key, value) in map.iter_mut() {
                match &name {
                    Some(name) if key.name == "value" => list.push((name.clone(), value)),
                    _ => variables(value, list),
                }
            }
        }
        Data::List(items) => items.iter_mut().for_each(|item| variables(item, list)),
        _ => {}
    }
}

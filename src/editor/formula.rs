//! What may be typed inside `{{ … }}`: names, their fields, filters, and the names in quotes that functions take.

use super::Proposal;
use super::names::{Mention, What};
use crate::value::Node;

/// The names that every expression knows, and what they are.
const NAMES: &[(&str, &str)] = &[
    ("env", "The environment."),
    ("app", "The app's name; `app('es')` is another app of the workspace."),
    ("namespace", "The namespace."),
    ("replicas", "How many replicas."),
    ("vars", "What stands under `vars:`."),
    ("peers", "The replicas: each has `name`, `host`, `fqdn`, `ordinal`."),
    ("fqdn", "The DNS name of the governing Service; `fqdn(0)` of a replica."),
    ("service", "The DNS name of a Service by its key in the spec: `service('public')`."),
    ("srv", "The name of the SRV record of a port: `srv('http')`."),
];

/// Where a replica is spoken of.
const OF_REPLICA: &[(&str, &str)] = &[("ordinal", "The replica's number."), ("pod", "The replica's name.")];

/// Where a claim is spoken of.
const OF_CLAIM: &[(&str, &str)] = &[("claim", "The claim's name."), ("item", "The storage item's name.")];

const OF_PEER: &[(&str, &str)] = &[
    ("name", "The pod's name."),
    ("host", "Its host name and the Service's: `web-0.web`."),
    ("fqdn", "Its full DNS name."),
    ("ordinal", "Its number."),
];

const OF_APP: &[(&str, &str)] = &[
    ("name", "Its name."),
    ("namespace", "Its namespace."),
    ("replicas", "How many replicas it has."),
    ("peers", "Its replicas."),
    ("fqdn", "The DNS name of its governing Service, or of a replica."),
    ("srv", "The name of the SRV record of one of its ports."),
    ("service", "The DNS name of one of its Services."),
];

/// The filters.
pub(crate) const FILTERS: &[&str] = &[
    "format_each",
    "join",
    "replace",
    "default",
    "lower",
    "upper",
    "trim",
    "split",
    "length",
    "first",
    "last",
    "min",
    "max",
    "sort",
    "reverse",
    "list",
    "int",
    "string",
    "abs",
    "round",
    "map",
];

/// The expression before a place of a line, if the place is in one.
#[must_use]
pub(crate) fn before(line: &str) -> Option<&str> {
    let open = line.rfind("{{")? + 2;
    let source = &line[open..];
    (!source.contains("}}")).then_some(source)
}

/// What may be typed after `source`, the expression up to the place; `path` are the keys above it, `apps` the other apps
/// of the workspace.
#[must_use]
pub(crate) fn proposals(
    source: &str,
    path: &[&str],
    tree: Option<&Node>,
    mentions: &[Mention],
    apps: &dyn Fn() -> Vec<String>,
) -> Vec<Proposal> {
    let word =
        |(name, text): &(&str, &str)| Proposal { name: (*name).to_owned(), text: (*text).to_owned(), is_field: false };
    let plain = |names: Vec<String>| {
        names.into_iter().map(|name| Proposal { name, text: String::new(), is_field: false }).collect::<Vec<_>>()
    };
    let start = source.trim_end_matches(|letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '_' | '-'));
    let trimmed = start.trim_end();
    if let Some(call) = start.strip_suffix(['\'', '"']).and_then(|call| call.strip_suffix('(')) {
        let defined = |what: What| {
            let mut names: Vec<String> = mentions
                .iter()
                .filter(|mention| mention.what == what && mention.defines)
                .map(|mention| mention.name.clone())
                .collect();
            names.sort();
            names.dedup();
            names
        };
        return plain(if call.ends_with("srv") {
            defined(What::Port)
        } else if call.ends_with("service") {
            let services = tree.and_then(|tree| tree.get("services"));
            services.into_iter().flat_map(Node::entries).map(|(key, _)| key.name.to_string()).collect()
        } else if call.ends_with("app") {
            apps()
        } else {
            Vec::new()
        });
    }
    if let Some(owner) = start.strip_suffix('.') {
        if owner.ends_with("vars") {
            let vars = tree.and_then(|tree| tree.get("vars"));
            return plain(vars.into_iter().flat_map(Node::entries).map(|(key, _)| key.name.to_string()).collect());
        }
        let fields = if owner.ends_with(']') || owner.ends_with("first") { OF_PEER } else { OF_APP };
        let is_known = owner.ends_with(']') || owner.ends_with(')');
        return if is_known { fields.iter().map(word).collect() } else { Vec::new() };
    }
    if trimmed.ends_with('|') {
        return plain(FILTERS.iter().map(|&name| name.to_owned()).collect());
    }
    if let Some((before, inside)) = source.rsplit_once('{')
        && before.contains("format_each(")
        && !inside.contains('}')
    {
        return OF_PEER.iter().map(word).collect();
    }
    if start.matches('\'').count() % 2 == 1 {
        return Vec::new();
    }
    let of_volume = path.iter().any(|step| matches!(*step, "volumes" | "volume"));
    let of_replica = of_volume || path.contains(&"perPod");
    let mut list: Vec<Proposal> = NAMES.iter().map(word).collect();
    list.extend(OF_REPLICA.iter().filter(|_| of_replica).map(word));
    list.extend(OF_CLAIM.iter().filter(|_| of_volume).map(word));
    list
}

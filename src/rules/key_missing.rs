//! A key that the ConfigMap or Secret beside it does not have.

use super::Rule;
use super::context::{Context, Placed, Workload, text};
use crate::diagnostic::{Code, Diagnostics, Level, listing, nearest};
use crate::value::Node;

pub(super) static RULE: Rule = Rule {
    code: Code { id: "SW0440", name: "key-missing", level: Level::Warning, page: include_str!("key_missing.md") },
    judge,
};

fn judge(context: &Context<'_>, found: &mut Diagnostics) {
    for workload in context.workloads.iter().filter(|workload| !context.is_kustomized(workload)) {
        for container in workload.all_containers() {
            for source in
                container.get("env").into_iter().flat_map(Node::items).filter_map(|variable| variable.get("valueFrom"))
            {
                for (kind, field) in [("ConfigMap", "configMapKeyRef"), ("Secret", "secretKeyRef")] {
                    let Some(reference) = source.get(field).filter(|reference| !is_optional(reference)) else {
                        continue;
                    };
                    let keys = reference.get("key").into_iter();
                    let consequence =
                        format!("container `{}` does not start", text(container, "name").unwrap_or_default());
                    judge_keys(context, workload, kind, text(reference, "name"), keys, &consequence, found);
                }
            }
        }
        for volume in workload.volumes() {
            let projected = volume
                .get("projected")
                .and_then(|projected| projected.get("sources"))
                .into_iter()
                .flat_map(Node::items);
            for source in std::iter::once(volume).chain(projected) {
                for (kind, field) in [("ConfigMap", "configMap"), ("Secret", "secret")] {
                    let Some(reference) = source.get(field).filter(|reference| !is_optional(reference)) else {
                        continue;
                    };
                    let name = text(reference, "name").or_else(|| text(reference, "secretName"));
                    let keys =
                        reference.get("items").into_iter().flat_map(Node::items).filter_map(|item| item.get("key"));
                    let consequence = format!("volume `{}` is never mounted", text(volume, "name").unwrap_or_default());
                    judge_keys(context, workload, kind, name, keys, &consequence, found);
                }
            }
        }
    }
}

fn judge_keys<'n>(
    context: &Context<'_>,
    workload: &Workload<'_>,
    kind: &str,
    name: Option<&str>,
    asked: impl Iterator<Item = &'n Node>,
    consequence: &str,
    found: &mut Diagnostics,
) {
    for key in asked {
        let Some((name, wanted)) = name.zip(key.as_str()) else { continue };
        let Some(object) = context.named(kind, name, &workload.resource.id.namespace) else { return };
        if context.may_be_changed(&object) || is_filled_in(&object) || keys(&object).any(|known| known == wanted) {
            continue;
        }
        let help = match nearest(wanted, keys(&object)) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("it has {}", listing(keys(&object), 6)),
        };
        RULE.code
            .report(format!("{kind} `{name}` has no key `{wanted}`, so {consequence}"))
            .help(help)
            .see(object.resource.node.place_of("metadata.name"), format!("this is the {kind}"))
            .about(workload.resource.subject())
            .at(key.at, found);
    }
}

fn is_optional(reference: &Node) -> bool {
    reference.get("optional").and_then(Node::as_bool) == Some(true)
}

/// Whether somebody else puts the keys there: a controller fills tokens in, and what has no key at all waits for one.
fn is_filled_in(object: &Placed<'_>) -> bool {
    text(&object.resource.node, "type") == Some("kubernetes.io/service-account-token") || keys(object).next().is_none()
}

fn keys<'a>(object: &Placed<'a>) -> impl Iterator<Item = &'a str> + use<'a> {
    let node = &object.resource.node;
    let maps = ["data", "binaryData", "stringData"].into_iter().filter_map(|field| node.get(field));
    maps.flat_map(Node::entries).map(|(key, _)| key.name.as_str())
}

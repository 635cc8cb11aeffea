//! A password that everybody can read.

use super::Rule;
use super::context::{Context, text};
use crate::diagnostic::{Code, Diagnostics, Level};
use crate::source::At;
use crate::value::Node;

pub(super) static RULE: Rule =
    Rule { code: Code { id: "SW0429", name: "literal-password", level: Level::Warning, page: include_str!("literal_password.md") }, judge };

/// Words of which one makes a variable a secret.
const SECRET: [&str; 8] = ["PASSWORD", "PASSWD", "PASSPHRASE", "SECRET", "TOKEN", "APIKEY", "API_KEY", "ACCESS_KEY"];
/// Words with which it is about one, not one itself.
const ABOUT: [&str; 20] = [
    "FILE",
    "PATH",
    "DIR",
    "NAME",
    "ALLOW",
    "EMPTY",
    "ENABLE",
    "ENABLED",
    "DISABLE",
    "LENGTH",
    "TTL",
    "EXPIRY",
    "EXPIRATION",
    "URL",
    "URI",
    "MOUNT",
    "CLUSTER",
    "RANDOM",
    "ID",
    "TYPE",
];

fn judge(context: &Context<'_>, found: &mut Diagnostics) {
    for workload in &context.workloads {
        for container in workload.all_containers() {
            for item in container.get("env").into_iter().flat_map(Node::items) {
                let Some((name, value)) = text(item, "name").zip(text(item, "value")) else { continue };
                if !is_secret(name, value) {
                    continue;
                }
                RULE.code
                    .report(format!("the value of `{name}` stands in the manifest, for everybody who can read it"))
                    .help("put it into a Secret that is not in the repository, and refer to it with `valueFrom.secretKeyRef`")
                    .about(workload.resource.subject())
                    // The place is the name: the value must not be shown again.
                    .at(name_only(item), found);
            }
        }
    }
}

fn is_secret(name: &str, value: &str) -> bool {
    let name = name.to_ascii_uppercase();
    let is_plain =
        !value.is_empty() && !value.starts_with('/') && !value.contains("$(") && !value.contains("${") && !value.starts_with('<');
    let is_switch = matches!(value.to_ascii_lowercase().as_str(), "true" | "false" | "yes" | "no" | "on" | "off" | "0" | "1");
    is_plain && !is_switch && SECRET.iter().any(|word| name.contains(word)) && !name.split('_').any(|word| ABOUT.contains(&word))
}

fn name_only(item: &Node) -> At {
    item.get("name").map_or(item.at, |name| name.at)
}

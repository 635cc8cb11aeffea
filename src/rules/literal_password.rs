//! A password that everybody can read.

use super::Rule;
use super::context::{Context, text};
use crate::diagnostic::{Code, Diagnostics, Level};
use crate::secret::is_credential;
use crate::source::At;
use crate::value::Node;

pub(super) static RULE: Rule = Rule {
    code: Code {
        id: "SW0429",
        name: "literal-password",
        level: Level::Warning,
        page: include_str!("literal_password.md"),
    },
    judge,
};

/// Words with which a variable is about a secret, wherever they stand in it: the token of a cluster is no secret of
/// one.
const ABOUT: [&str; 9] = ["ALLOW", "EMPTY", "CLUSTER", "RANDOM", "MOUNT", "FILE", "URL", "ID", "CMD"];

fn judge(context: &Context<'_>, found: &mut Diagnostics) {
    for workload in &context.workloads {
        for container in workload.all_containers() {
            for item in container.get("env").into_iter().flat_map(Node::items) {
                let Some((name, value)) = text(item, "name").zip(text(item, "value")) else { continue };
                if !is_secret(name, value) {
                    continue;
                }
                RULE.code
                    .report(format!("the value of `{name}` is in the manifest, for everybody who can read it"))
                    .help(
                        "put it into a Secret that is not in the repository, and refer to it with \
                        `valueFrom.secretKeyRef`",
                    )
                    .about(workload.resource.subject())
                    // The place is the name: the value must not be shown again.
                    .at(name_only(item), found);
            }
        }
    }
}

fn is_secret(name: &str, value: &str) -> bool {
    let is_plain = !value.is_empty()
        && !value.starts_with('/')
        && !value.contains("$(")
        && !value.contains("${")
        && !value.starts_with('<');
    let is_switch =
        matches!(value.to_ascii_lowercase().as_str(), "true" | "false" | "yes" | "no" | "on" | "off" | "0" | "1");
    // An address is secret only with a password in it.
    let is_open_address = name.split('_').any(|word| word.eq_ignore_ascii_case("DSN")) && !has_password(value);
    is_plain
        && !is_switch
        && !is_open_address
        && is_credential(name)
        && !name.split('_').any(|word| ABOUT.contains(&word.to_ascii_uppercase().as_str()))
}

/// Whether an address names a user with a password: `user:password@host`, behind a scheme or not, or among its
/// parameters.
fn has_password(address: &str) -> bool {
    let rest = address.split_once("://").map_or(address, |(_, rest)| rest);
    let user = rest.split(['/', '?']).next().unwrap_or(rest).rsplit_once('@').map(|(user, _)| user);
    user.is_some_and(|user| user.contains(':'))
        || ["password=", "pwd=", "passwd="].iter().any(|word| rest.to_ascii_lowercase().contains(word))
}

fn name_only(item: &Node) -> At {
    item.get("name").map_or(item.at, |name| name.at)
}

//! A Secret with its content.

use super::Rule;
use super::context::Context;
use crate::diagnostic::{Code, Diagnostics, Level};

pub(super) static RULE: Rule = Rule {
    code: Code { id: "SW0430", name: "plain-secret", level: Level::Warning, page: include_str!("plain_secret.md") },
    judge,
};

fn judge(context: &Context<'_>, found: &mut Diagnostics) {
    for secret in context.bundle.of_kind("Secret").filter(|secret| secret.id.group.is_empty()) {
        for field in ["data", "stringData"] {
            let Some((key, data)) = secret.node.as_map().and_then(|map| map.entry(field)) else { continue };
            if !data.entries().any(|(_, value)| value.as_str().is_some_and(|value| !value.is_empty())) {
                continue;
            }
            RULE.code
                .report(format!(
                    "the Secret `{}` carries its content: everybody who can read the repository knows it",
                    secret.id.name
                ))
                .help(
                    "keep it out of the repository: let a secret store, an operator or an encrypted form of it \
                    make the Secret",
                )
                .about(secret.subject())
                .at(key.at, found);
        }
    }
}

//! The old name of a field.

use super::Rule;
use super::context::Context;
use crate::diagnostic::{Code, Diagnostics, Level};

pub(super) static RULE: Rule = Rule {
    code: Code {
        id: "SW0433",
        name: "old-service-account-field",
        level: Level::Note,
        page: include_str!("old_service_account_field.md"),
    },
    judge,
};

fn judge(context: &Context<'_>, found: &mut Diagnostics) {
    for workload in &context.workloads {
        let Some((key, value)) = workload.pod.as_map().and_then(|pod| pod.entry("serviceAccount")) else { continue };
        if workload.pod.get("serviceAccountName").is_some() {
            continue;
        }
        RULE.code
            .report("`serviceAccount` is the old name of `serviceAccountName`")
            .help(format!("write `serviceAccountName: {}`", value.as_str().unwrap_or_default()))
            .about(workload.resource.subject())
            .at(key.at, found);
    }
}

//! A reclaim policy that nothing carries out.

use super::Rule;
use super::context::Context;
use crate::diagnostic::{Code, Diagnostics, Level};

pub(super) static RULE: Rule = Rule {
    code: Code {
        id: "SW0411",
        name: "reclaim-by-recycling",
        level: Level::Warning,
        page: include_str!("reclaim_by_recycling.md"),
    },
    judge,
};

fn judge(context: &Context<'_>, found: &mut Diagnostics) {
    for volume in &context.volumes {
        let Some(spec) = volume.resource.node.get("spec") else { continue };
        let Some(policy) =
            spec.get("persistentVolumeReclaimPolicy").filter(|policy| policy.as_str() == Some("Recycle"))
        else {
            continue;
        };
        let message = if spec.get("nfs").is_some() || spec.get("hostPath").is_some() {
            format!(
                "the data of `{}` is wiped by a pod of the cluster once its claim is gone; that way is deprecated",
                volume.resource.id.name
            )
        } else {
            format!(
                "nobody can recycle `{}`: only NFS and hostPath volumes can be, so it will fail once its claim is gone",
                volume.resource.id.name
            )
        };
        RULE.code
            .report(message)
            .help(
                "write `Retain` and keep the data until somebody decides, or let a storage class make volumes and \
                `Delete` them",
            )
            .about(volume.resource.subject())
            .at(policy.at, found);
    }
}

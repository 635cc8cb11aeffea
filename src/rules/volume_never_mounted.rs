//! A volume of a pod that no container mounts.

use super::Rule;
use super::context::Context;
use crate::diagnostic::{Code, Diagnostics, Level};

pub(super) static RULE: Rule = Rule {
    code: Code {
        id: "SW0421",
        name: "volume-never-mounted",
        level: Level::Note,
        page: include_str!("volume_never_mounted.md"),
    },
    judge,
};

fn judge(context: &Context<'_>, found: &mut Diagnostics) {
    for workload in &context.workloads {
        let (mounted, templates) = (workload.mounted(), workload.template_names());
        for name in workload.volumes().filter_map(|volume| volume.get("name")) {
            let Some(written) = name.as_str().filter(|written| !mounted.contains(written)) else { continue };
            if templates.contains(written) {
                continue;
            }
            RULE.code
                .report(format!("no container of `{}` mounts the volume `{written}`", workload.resource.id.name))
                .help("mount it with `volumeMounts`, or remove it")
                .about(workload.resource.subject())
                .at(name.at, found);
        }
    }
}

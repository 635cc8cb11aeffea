//! CronJobs.
//!
//! Follows `pkg/apis/batch/validation/validation.go: ValidateCronJobCreate, ValidateCronJobUpdate`.

use super::cause::{Causes, Path, number, some, text};
use super::meta::Naming;
use super::pod_rules::Rules;
use super::workload::FIELD_RULES;
use super::{Kind, deployment, job, unchanged};
use crate::api::defaults;
use crate::k8s::schedule;
use crate::k8s::version::Version;
use crate::value::Node;

/// The table line.
pub(crate) static KIND: Kind = Kind {
    group: "batch",
    version: "v1",
    kind: "CronJob",
    namespaced: true,
    naming: Naming::Subdomain,
    counts_generations: true,
    default: defaults::workload::cron_job,
    prepare: unchanged,
    create,
    update,
};

const SPEC: Path<'static> = Path::new("spec");
/// A Job's name is eleven letters longer than its CronJob's.
const NAME_LIMIT: usize = 52;

/// `ValidateCronJobCreate`, pkg/apis/batch/validation.
fn create(object: &Node, version: Version, causes: &mut Causes) {
    let nothing = Node::null(object.at);
    let inner = object.get("spec").unwrap_or(&nothing);
    spec(inner, None, &Rules::new(version, false, None), causes);
    if object.get("metadata").map(|metadata| text(metadata, "name")).unwrap_or_default().len() > NAME_LIMIT {
        causes.invalid(&Path::new("metadata.name"), "must be no more than 52 characters");
    }
    if causes.refusals.is_empty() {
        deployment::recommend_label(object, "Pod names and hostnames", causes);
        warn(inner, version, causes);
    }
}

/// `ValidateCronJobUpdate`, pkg/apis/batch/validation.
fn update(object: &Node, stored: &Node, version: Version, causes: &mut Causes) {
    let nothing = Node::null(object.at);
    let (new, old) = (object.get("spec").unwrap_or(&nothing), stored.get("spec").unwrap_or(&nothing));
    spec(new, Some(old), &Rules::new(version, false, old.find(&["jobTemplate", "spec", "template"])), causes);
    if !causes.refusals.is_empty() {
        return;
    }
    if !FIELD_RULES.same(Some(new), Some(old)) {
        warn(new, version, causes);
    }
    if text(new, "schedule").contains("TZ") {
        causes.warn(
            "cannot use TZ or CRON_TZ in spec.spec.schedule, use timeZone instead, see \
             https://kubernetes.io/docs/concepts/workloads/controllers/cron-jobs/ for more details",
        );
    }
}

/// `WarningsOnCreate`, pkg/registry/batch/cronjob.
fn warn(spec: &Node, version: Version, causes: &mut Causes) {
    if let Some(inner) = spec.find(&["jobTemplate", "spec"]) {
        job::warn(inner, version, &SPEC.child("jobTemplate.spec"), causes);
    }
}

/// `validateCronJobSpec` and `ValidateJobTemplateSpec`, pkg/apis/batch/validation.
fn spec(spec: &Node, old: Option<&Node>, rules: &Rules, causes: &mut Causes) {
    times(spec, old, causes);
    for field in ["startingDeadlineSeconds", "successfulJobsHistoryLimit", "failedJobsHistoryLimit"] {
        causes.not_negative(number(spec, field), &SPEC.child(field));
    }
    causes.required_one_of(
        text(spec, "concurrencyPolicy"),
        &["Allow", "Forbid", "Replace"],
        &SPEC.child("concurrencyPolicy"),
    );
    let nothing = Node::null(spec.at);
    let inner = spec.find(&["jobTemplate", "spec"]).unwrap_or(&nothing);
    let path = SPEC.child("jobTemplate.spec");
    job::spec(inner, rules, &path, causes);
    if some(inner, "selector").is_some() {
        causes.invalid(&path.child("selector"), "`selector` will be auto-generated");
    }
    if inner.get("manualSelector").and_then(Node::as_bool) == Some(true) {
        causes.not_supported(&path.child("manualSelector"), &["nil", "false"]);
    }
}

/// When, and by whose clock.
/// `validateScheduleFormat`, pkg/apis/batch/validation.
fn times(spec: &Node, old: Option<&Node>, causes: &mut Causes) {
    let path = SPEC.child("schedule");
    let when = text(spec, "schedule");
    let zone = some(spec, "timeZone").map(|zone| zone.as_str().unwrap_or_default());
    if when.is_empty() {
        causes.required(&path, "");
    } else {
        if let Some(fault) = schedule::schedule_fault(when) {
            causes.invalid(&path, fault);
        }
        let lenient = old.is_some_and(|old| text(old, "schedule").contains("TZ"));
        match (when.contains("TZ"), lenient, zone) {
            (true, true, Some(_)) => {
                causes.invalid(&path, "cannot use both timeZone field and TZ or CRON_TZ in schedule");
            }
            (true, false, _) => {
                causes.invalid(&path, "cannot use TZ or CRON_TZ in schedule, use timeZone field instead");
            }
            _ => {}
        }
    }
    let before = old.and_then(|old| some(old, "timeZone")).and_then(Node::as_str);
    if let Some(zone) = zone.filter(|_| old.is_none() || before != zone) {
        time_zone(zone, &SPEC.child("timeZone"), causes);
    }
}

/// The name of a time zone that the server can load.
/// `validateTimeZone`, pkg/apis/batch/validation.
fn time_zone(zone: &str, path: &Path<'_>, causes: &mut Causes) {
    if zone.is_empty() {
        return causes.invalid(path, "timeZone must be nil or non-empty string");
    }
    let good = |part: &str| {
        !matches!(part, "." | "..")
            && !part.starts_with('-')
            && (1..=14).contains(&part.len())
            && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_' | b'+'))
    };
    if zone.eq_ignore_ascii_case("local") {
        causes.invalid(path, "timeZone must be an explicit time zone as defined in https://www.iana.org/time-zones");
    } else if !zone.split('/').all(good) || !schedule::is_time_zone(zone) {
        causes.invalid(path, format!("unknown time zone {zone}"));
    }
}

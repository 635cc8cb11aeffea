//! The kinds that make pods from a template. Knows of a template only that it has one.
//!
//! Follows `pkg/apis/apps/v1/defaults.go: SetDefaults_StatefulSet, SetDefaults_Deployment, SetDefaults_DaemonSet`.

use super::{each, fill, fill_absent, fill_bool, fill_int, fill_map, fill_text, forget, pod, within};
use crate::k8s::gate;
use crate::k8s::version::Version;
use crate::value::{Data, Node};

/// A StatefulSet.
/// `SetDefaults_StatefulSet`, pkg/apis/apps/v1.
pub(crate) fn stateful_set(node: &mut Node, version: Version) {
    forget(node, "status");
    let Some(spec) = fill_map(node, "spec") else { return };
    fill_text(spec, "podManagementPolicy", "OrderedReady");
    if let Some(strategy) = fill_map(spec, "updateStrategy") {
        if super::silent(strategy, "type") {
            fill_text(strategy, "type", "RollingUpdate");
            fill_map(strategy, "rollingUpdate");
        }
        let rolling = strategy.get("type").and_then(Node::as_str) == Some("RollingUpdate");
        within(strategy, &["rollingUpdate"], |update| {
            if rolling {
                fill_int(update, "partition", 0);
            }
            // SetDefaults_StatefulSet: where the field is kept, it is filled in.
            if rolling && gate::MAX_UNAVAILABLE_STATEFUL_SET.is_on(version) {
                fill_absent(update, "maxUnavailable", Data::Int(1));
            }
        });
    }
    if let Some(retention) = fill_map(spec, "persistentVolumeClaimRetentionPolicy") {
        fill_text(retention, "whenDeleted", "Retain");
        fill_text(retention, "whenScaled", "Retain");
    }
    fill_int(spec, "replicas", 1);
    fill_int(spec, "revisionHistoryLimit", 10);
    template(spec, version);
    each(spec, &["volumeClaimTemplates"], |claim| {
        let at = claim.at;
        if let Some(map) = claim.as_map_mut() {
            map.put("apiVersion", Node::text("v1", at));
            map.put("kind", Node::text("PersistentVolumeClaim", at));
        }
        within(claim, &["spec"], pod::claim_spec);
        if let Some(status) = fill_map(claim, "status") {
            fill_text(status, "phase", "Pending");
        }
    });
}

/// The template, and its spec, are there even where the manifest leaves them out.
fn template(spec: &mut Node, version: Version) {
    if let Some(template) = fill_map(spec, "template") {
        pod::template(template, version);
    }
}

/// A Deployment.
/// `SetDefaults_Deployment`, pkg/apis/apps/v1.
pub(crate) fn deployment(node: &mut Node, version: Version) {
    forget(node, "status");
    let Some(spec) = fill_map(node, "spec") else { return };
    fill_int(spec, "replicas", 1);
    if let Some(strategy) = fill_map(spec, "strategy") {
        rolling_update(strategy, [Data::Text("25%".into()), Data::Text("25%".into())]);
    }
    fill_int(spec, "revisionHistoryLimit", 10);
    fill_int(spec, "progressDeadlineSeconds", 600);
    template(spec, version);
}

/// A ReplicaSet.
/// `SetDefaults_ReplicaSet`, pkg/apis/apps/v1.
pub(crate) fn replica_set(node: &mut Node, version: Version) {
    forget(node, "status");
    let Some(spec) = fill_map(node, "spec") else { return };
    fill_int(spec, "replicas", 1);
    template(spec, version);
}

/// A ReplicationController: its template's labels are its own, and its selector, unless it has others.
/// `SetDefaults_ReplicationController`, pkg/apis/core/v1.
pub(crate) fn replication_controller(node: &mut Node, version: Version) {
    forget(node, "status");
    labels_from_template(node);
    let labels =
        node.find(&["spec", "template", "metadata", "labels"]).filter(|labels| labels.as_map().is_some()).cloned();
    let Some(spec) = fill_map(node, "spec") else { return };
    fill_int(spec, "replicas", 1);
    let selects = spec.get("selector").is_some_and(|selector| selector.entries().next().is_some());
    if let (Some(labels), false) = (labels, selects) {
        forget(spec, "selector");
        fill(spec, "selector", labels.data);
    }
    if spec.get("template").is_some_and(|template| !template.is_null()) {
        template(spec, version);
    }
}

/// A PodTemplate.
pub(crate) fn pod_template(node: &mut Node, version: Version) {
    template(node, version);
}

/// A DaemonSet.
/// `SetDefaults_DaemonSet`, pkg/apis/apps/v1.
pub(crate) fn daemon_set(node: &mut Node, version: Version) {
    forget(node, "status");
    let Some(spec) = fill_map(node, "spec") else { return };
    if let Some(strategy) = fill_map(spec, "updateStrategy") {
        rolling_update(strategy, [Data::Int(1), Data::Int(0)]);
    }
    fill_int(spec, "revisionHistoryLimit", 10);
    template(spec, version);
}

/// How many pods may be missing, and how many may be there in addition, where nobody says.
fn rolling_update(strategy: &mut Node, [unavailable, surge]: [Data; 2]) {
    fill_text(strategy, "type", "RollingUpdate");
    if strategy.get("type").and_then(Node::as_str) != Some("RollingUpdate") {
        return;
    }
    if let Some(update) = fill_map(strategy, "rollingUpdate") {
        // An empty text is no share, but it is not nothing either.
        for (field, data) in [("maxUnavailable", unavailable), ("maxSurge", surge)] {
            if update.get(field).is_none_or(Node::is_null) {
                fill(update, field, data);
            }
        }
    }
}

/// A Job.
/// `SetDefaults_Job`, pkg/apis/batch/v1.
pub(crate) fn job(node: &mut Node, version: Version) {
    forget(node, "status");
    labels_from_template(node);
    if let Some(spec) = fill_map(node, "spec") {
        job_spec(spec, version);
    }
}

/// A CronJob.
/// `SetDefaults_CronJob`, pkg/apis/batch/v1.
pub(crate) fn cron_job(node: &mut Node, version: Version) {
    forget(node, "status");
    let Some(spec) = fill_map(node, "spec") else { return };
    fill_text(spec, "concurrencyPolicy", "Allow");
    fill_bool(spec, "suspend", false);
    fill_int(spec, "successfulJobsHistoryLimit", 3);
    fill_int(spec, "failedJobsHistoryLimit", 1);
    let Some(job) = fill_map(spec, "jobTemplate").and_then(|job| fill_map(job, "spec")) else { return };
    failure_policy(job);
    template(job, version);
}

/// A job without labels takes those of its pods.
fn labels_from_template(node: &mut Node) {
    let labels =
        node.find(&["spec", "template", "metadata", "labels"]).filter(|labels| labels.as_map().is_some()).cloned();
    let own = node.find(&["metadata", "labels"]).and_then(Node::as_map).is_some_and(|labels| !labels.is_empty());
    if let (Some(labels), false) = (labels, own)
        && let Some(metadata) = node.get_mut("metadata").and_then(Node::as_map_mut)
    {
        metadata.put("labels", labels);
    }
}

/// `SetDefaults_PodFailurePolicyOnPodConditionsPattern`, pkg/apis/batch/v1.
fn failure_policy(spec: &mut Node) {
    each(spec, &["podFailurePolicy", "rules"], |rule| {
        each(rule, &["onPodConditions"], |condition| fill_text(condition, "status", "True"));
    });
}

fn job_spec(spec: &mut Node, version: Version) {
    let says = |spec: &Node, key: &str| spec.get(key).is_some_and(|value| !value.is_null());
    if !says(spec, "completions") && !says(spec, "parallelism") {
        fill_int(spec, "completions", 1);
    }
    fill_int(spec, "parallelism", 1);
    if !says(spec, "backoffLimit") {
        let indexed = says(spec, "backoffLimitPerIndex");
        fill_int(spec, "backoffLimit", if indexed { i64::from(i32::MAX) } else { 6 });
    }
    fill_absent(spec, "completionMode", Data::Text("NonIndexed".into()));
    fill_bool(spec, "suspend", false);
    let failed_only = says(spec, "podFailurePolicy");
    let policy = if failed_only { "Failed" } else { "TerminatingOrFailed" };
    fill_absent(spec, "podReplacementPolicy", Data::Text(policy.into()));
    fill_bool(spec, "manualSelector", false);
    failure_policy(spec);
    template(spec, version);
}

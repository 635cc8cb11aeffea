//! Jobs, and the specs of those that a CronJob makes.
//!
//! Follows `pkg/apis/batch/validation/validation.go: ValidateJob, ValidateJobUpdate`.

use super::cause::{Causes, Path, list, number, some, text};
use super::meta::Naming;
use super::names::Names;
use super::pod::{self, Holder};
use super::pod_rules::Rules;
use super::workload::FIELD_RULES;
use super::{Kind, deployment, pod_warning, selector};
use crate::api::defaults;
use crate::k8s::gate;
use crate::k8s::name;
use crate::k8s::version::Version;
use crate::value::{Data, Map, Node};

/// The table line.
pub(crate) static KIND: Kind = Kind {
    group: "batch",
    version: "v1",
    kind: "Job",
    namespaced: true,
    naming: Naming::Subdomain,
    counts_generations: true,
    default: defaults::workload::job,
    prepare,
    create,
    update,
};

const SPEC: Path<'static> = Path::new("spec");
/// The labels by which a Job knows its pods: by its uid, and by its name.
const UID_LABELS: [&str; 2] = ["controller-uid", "batch.kubernetes.io/controller-uid"];
const NAME_LABELS: [&str; 2] = ["job-name", "batch.kubernetes.io/job-name"];
/// Stands for the uid that a server would make up.
const UID: &str = "00000000-0000-0000-0000-000000000000";

/// A new Job is given a selector, and its pods the labels that fit it.
/// `PrepareForCreate` and `generateSelectorIfNeeded`, pkg/registry/batch/job.
fn prepare(object: &mut Node, stored: Option<&Node>, _: Version, _: &mut Causes) {
    let manual = object.find(&["spec", "manualSelector"]).and_then(Node::as_bool) == Some(true);
    if stored.is_some() || manual {
        return;
    }
    let name = object.find(&["metadata", "name"]).and_then(Node::as_str).unwrap_or_default().to_owned();
    let own = object.find(&["metadata", "labels"]);
    // A job without labels was given those of its pods: one map, so what is written into one stands in the other too.
    let shared = own.is_some_and(|own| {
        object.find(&["spec", "template", "metadata", "labels"]).is_some_and(|of_pods| of_pods.at == own.at)
    });
    let (values, selected) = ([(NAME_LABELS, name.as_str()), (UID_LABELS, UID)], [([UID_LABELS[1]; 2], UID)]);
    if let Some(labels) = object.find_mut(&["metadata", "labels"]).filter(|_| shared) {
        label(labels, &values);
    }
    let Some(spec) = object.get_mut("spec") else { return };
    if let Some(labels) = map_at(spec, &["template", "metadata", "labels"]) {
        label(labels, &values);
    }
    if let Some(labels) = map_at(spec, &["selector", "matchLabels"]) {
        label(labels, &selected);
    }
}

fn label(labels: &mut Node, values: &[([&str; 2], &str)]) {
    let at = labels.at;
    let Some(map) = labels.as_map_mut() else { return };
    for (keys, value) in values {
        for key in keys {
            if !map.has(key) {
                map.put(*key, Node::text(*value, at));
            }
        }
    }
}

/// The map at the end of a chain of keys, made where it is missing.
fn map_at<'n>(node: &'n mut Node, keys: &[&str]) -> Option<&'n mut Node> {
    let Some((key, rest)) = keys.split_first() else { return Some(node) };
    let at = node.at;
    let map = node.as_map_mut()?;
    if map.get(key).is_none_or(Node::is_null) {
        map.put(*key, Node::map(Map::new(), at));
    }
    map_at(map.get_mut(key)?, rest)
}

/// `ValidateJob`, pkg/apis/batch/validation.
fn create(object: &Node, version: Version, causes: &mut Causes) {
    let nothing = Node::null(object.at);
    let inner = object.get("spec").unwrap_or(&nothing);
    whole(object, inner, Some((UID, true)), &Rules::new(version, false, None), causes);
    if causes.refusals.is_empty() {
        deployment::recommend_label(object, "Pod names and hostnames", causes);
        warn(inner, version, &SPEC, causes);
    }
}

/// `ValidateJobUpdate`, pkg/apis/batch/validation.
fn update(object: &Node, stored: &Node, version: Version, causes: &mut Causes) {
    let nothing = Node::null(object.at);
    let (new, old) = (object.get("spec").unwrap_or(&nothing), stored.get("spec").unwrap_or(&nothing));
    let mut rules = Rules::new(version, false, old.get("template"));
    rules.faulty_affinity_values |= selector::has_faulty_values(old.get("selector"));
    let labels = old.find(&["template", "metadata", "labels"]).unwrap_or(&nothing);
    let has_both = labels.get(UID_LABELS[1]).is_some() && labels.get(NAME_LABELS[1]).is_some();
    let uid_of =
        |object: &Node| object.find(&["metadata", "uid"]).and_then(Node::as_str).unwrap_or_default().to_owned();
    let changed = Some(uid_of(object)).filter(|uid| !uid.is_empty() && *uid != uid_of(stored));
    let uid =
        [UID_LABELS[1], UID_LABELS[0]].iter().find_map(|key| labels.get(key)).and_then(Node::as_str).unwrap_or(UID);
    if let Some(metadata) = object.get("metadata") {
        super::meta::names(metadata, Naming::Subdomain, causes);
    }
    let uid = changed.as_deref().unwrap_or(uid);
    // Up to 1.36 a change went through all rules for new ones (`jobStrategy.ValidateUpdate`).
    let labelled = (version < Version::minor(37)).then_some((uid, has_both));
    whole(object, new, labelled, &rules, causes);
    changes(new, old, stored, version, causes);
    if causes.refusals.is_empty() && !FIELD_RULES.same(Some(new), Some(old)) {
        warn(new, version, &SPEC, causes);
    }
}

/// All rules but those for a change. `labelled`: what the labels must say, and whether under both names.
fn whole(object: &Node, inner: &Node, labelled: Option<(&str, bool)>, rules: &Rules, causes: &mut Causes) {
    let name = object.get("metadata").map(|metadata| text(metadata, "name")).unwrap_or_default();
    if let Some((uid, prefixed)) = labelled {
        own_selector(inner, name, uid, prefixed, causes);
    }
    spec(inner, rules, &SPEC, causes);
    let path = SPEC.child("selector");
    match some(inner, "selector") {
        None => causes.required(&path, ""),
        Some(node) => selector::selector_with(Some(node), rules.faulty_affinity_values, &path, causes),
    }
    let labels = inner.find(&["template", "metadata", "labels"]);
    if is_readable(inner) && !some(inner, "selector").is_some_and(|node| selector::picks(node, labels)) {
        causes.invalid(&SPEC.child("template.metadata.labels"), "`selector` does not match template `labels`");
    }
    let count = number(inner, "completions");
    if text(inner, "completionMode") == "Indexed" && count > 0 {
        let host = format!("{name}-{}", count - 1);
        if !name::dns_label(&host).is_empty() {
            let fault = format!("will not able to create pod with invalid DNS label: {host}");
            causes.invalid(&Path::new("metadata.name"), fault);
        }
    }
}

/// Whether the selector can be used to pick labels.
fn is_readable(spec: &Node) -> bool {
    let mut found = Causes::default();
    selector::selector(some(spec, "selector"), &SPEC, &mut found);
    found.refusals.is_empty()
}

/// The selector and the labels that the server makes itself must be as it made them.
/// `validateGeneratedSelector`, pkg/apis/batch/validation.
fn own_selector(spec: &Node, name: &str, uid: &str, prefixed: bool, causes: &mut Causes) {
    let Some(node) = some(spec, "selector") else { return };
    if spec.get("manualSelector").and_then(Node::as_bool) == Some(true) {
        return;
    }
    let path = SPEC.child("template.metadata.labels");
    let labels = spec.find(&["template", "metadata", "labels"]);
    let mut expected = Map::new();
    let known = if prefixed { 2 } else { 1 };
    for (keys, value) in [(UID_LABELS, uid), (NAME_LABELS, name)] {
        for key in &keys[..known] {
            expected.put(*key, Node::text(value, spec.at));
            match labels.and_then(|labels| labels.get(key)) {
                None => causes.required(&path.key(key), format!("must be '{value}'")),
                Some(label) if label.as_str() != Some(value) => {
                    causes.invalid(&path.key(key), format!("must be '{value}'"));
                }
                Some(_) => {}
            }
        }
    }
    if is_readable(spec) && !selector::picks(node, Some(&Node::map(expected, spec.at))) {
        causes.invalid(&SPEC.child("selector"), "`selector` not auto-generated");
    }
}

/// `spec` of a Job, without its selector.
/// `validateJobSpec`, pkg/apis/batch/validation.
pub(crate) fn spec(spec: &Node, rules: &Rules, path: &Path<'_>, causes: &mut Causes) {
    let counts = [
        "parallelism",
        "completions",
        "activeDeadlineSeconds",
        "backoffLimit",
        "ttlSecondsAfterFinished",
        "backoffLimitPerIndex",
    ];
    for field in counts {
        causes.not_negative(number(spec, field), &path.child(field));
    }
    if let Some(manager) =
        some(spec, "managedBy").and_then(Node::as_str).filter(|_| gate::JOB_MANAGED_BY.is_on(rules.version))
    {
        managed_by(manager, &path.child("managedBy"), causes);
    }
    if let Some(mode) = some(spec, "completionMode") {
        causes.one_of(mode.as_str().unwrap_or_default(), &["NonIndexed", "Indexed"], &path.child("completionMode"));
    }
    indexes(spec, path, causes);
    if let Some(policy) = some(spec, "podFailurePolicy") {
        failure_policy(policy, spec, &path.child("podFailurePolicy.rules"), causes);
    }
    if let Some(policy) = some(spec, "successPolicy").filter(|_| gate::JOB_SUCCESS_POLICY.is_on(rules.version)) {
        if text(spec, "completionMode") == "Indexed" {
            success_policy(policy, spec, &path.child("successPolicy.rules"), causes);
        } else {
            causes.invalid(&path.child("successPolicy"), "requires indexed completion mode");
        }
    }
    if let Some(policy) = some(spec, "podReplacementPolicy") {
        let known: &[&str] =
            if some(spec, "podFailurePolicy").is_some() { &["Failed"] } else { &["Failed", "TerminatingOrFailed"] };
        causes.one_of(policy.as_str().unwrap_or_default(), known, &path.child("podReplacementPolicy"));
    }
    let nothing = Node::null(spec.at);
    let template = spec.get("template").unwrap_or(&nothing);
    pod::template(template, Holder::default(), rules, &path.child("template"), causes);
    let path = path.child("template.spec.restartPolicy");
    match template.get("spec").map(|inner| text(inner, "restartPolicy")).unwrap_or_default() {
        "" | "Always" => causes.required(&path, "valid values: \"OnFailure\", \"Never\""),
        "OnFailure" if some(spec, "podFailurePolicy").is_some() => {
            causes.invalid(&path, "only \"Never\" is supported when podFailurePolicy is specified");
        }
        "OnFailure" | "Never" => {}
        _ => causes.not_supported(&path, &["OnFailure", "Never"]),
    }
}

/// What the server warns of in the spec of a Job.
/// `WarningsForJobSpec`, pkg/api/job.
pub(crate) fn warn(spec: &Node, version: Version, path: &Path<'_>, causes: &mut Causes) {
    if text(spec, "completionMode") == "Indexed"
        && number(spec, "completions") > 100_000
        && number(spec, "parallelism") > 10_000
    {
        causes.warn_at(
            path,
            "In Indexed Jobs with a number of completions higher than 10^5 and a parallelism higher than \
                10^4, Kubernetes might not \
             be able to track completedIndexes when a big number of indexes fail",
        );
    }
    if let Some(template) = spec.get("template") {
        pod_warning::warn(template, false, version, &path.child("template"), causes);
    }
}

/// `validateJobSpec`, pkg/apis/batch/validation.
fn managed_by(manager: &str, path: &Path<'_>, causes: &mut Causes) {
    if manager.is_empty() {
        causes.required(path, "");
    } else {
        match manager.split_once('/').filter(|(domain, rest)| !domain.is_empty() && !rest.is_empty()) {
            None => causes.invalid(path, "must be a domain-prefixed path (such as \"acme.io/foo\")"),
            Some((domain, rest)) => {
                causes.each_invalid(path, name::dns_subdomain(domain));
                if !rest.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"/-._~%!$&'()*+,;=:".contains(&byte)) {
                    causes.invalid(
                        path,
                        "Invalid path (regex used for validation is '[A-Za-z0-9/\\-._~%!$&'()*+,;=:]+')",
                    );
                }
            }
        }
    }
    if manager.len() > 63 {
        causes.too_long(path, 63);
    }
}

/// Jobs whose pods are numbered, and fields that only those have.
/// `validateJobSpec`, pkg/apis/batch/validation.
fn indexes(spec: &Node, path: &Path<'_>, causes: &mut Causes) {
    let value = |field: &str| spec.get(field).and_then(Node::as_int);
    let (completions, parallelism) = (value("completions"), value("parallelism"));
    let (failed, backoff) = (value("maxFailedIndexes"), value("backoffLimitPerIndex"));
    let [completions_path, parallelism_path, failed_path, backoff_path] =
        ["completions", "parallelism", "maxFailedIndexes", "backoffLimitPerIndex"].map(|field| path.child(field));
    if let Some(failed) = failed {
        causes.not_negative(failed, &failed_path);
        if backoff.is_none() {
            causes.required(&backoff_path, "when maxFailedIndexes is specified");
        }
    }
    match some(spec, "completionMode").map(|mode| mode.as_str().unwrap_or_default()) {
        Some("Indexed") => {}
        None | Some("NonIndexed") => {
            for path in [backoff.map(|_| backoff_path), failed.map(|_| failed_path)].into_iter().flatten() {
                causes.invalid(&path, "requires indexed completion mode");
            }
            return;
        }
        _ => return,
    }
    if completions.is_none() {
        causes.required(&completions_path, "when completion mode is Indexed");
    }
    if parallelism.is_some_and(|count| count > 100_000) {
        causes.invalid(&parallelism_path, "must be less than or equal to 100000 when completion mode is Indexed");
    }
    if let (Some(failed), Some(completions)) = (failed, completions)
        && failed > completions
    {
        causes.invalid(&failed_path, "must be less than or equal to completions");
    }
    if failed.is_some_and(|count| count > 100_000) {
        causes.invalid(&failed_path, "must be less than or equal to 100000");
    }
    if completions.is_some_and(|count| count > 100_000) && backoff.is_some() {
        let fault = "must be less than or equal to 10000 when completions are above 100000 and used with backoff \
            limit per index";
        match failed {
            None => causes.required(&failed_path, "must be specified when completions is above 100000"),
            Some(count) if count > 10_000 => causes.invalid(&failed_path, fault),
            Some(_) => {}
        }
        if parallelism.is_some_and(|count| count > 10_000) {
            causes.invalid(&parallelism_path, fault);
        }
    }
}

/// `validatePodFailurePolicy` and `validatePodFailurePolicyRule`, pkg/apis/batch/validation.
fn failure_policy(policy: &Node, spec: &Node, path: &Path<'_>, causes: &mut Causes) {
    let rules = list(policy, "rules");
    if rules.len() > 20 {
        causes.too_many(path, 20);
    }
    let template = spec.find(&["template", "spec"]);
    let containers = ["containers", "initContainers"]
        .into_iter()
        .flat_map(|kind| template.map(|spec| list(spec, kind)).unwrap_or_default());
    let containers: Names<'_> = containers.map(|container| text(container, "name")).collect();
    for (index, rule) in rules.iter().enumerate() {
        let path = path.index(index);
        match text(rule, "action") {
            "" => {
                causes
                    .required(&path.child("action"), "valid values: [\"Count\" \"FailIndex\" \"FailJob\" \"Ignore\"]");
            }
            "FailIndex" if some(spec, "backoffLimitPerIndex").is_none() => {
                causes.invalid(&path.child("action"), "requires the backoffLimitPerIndex to be set");
            }
            action => causes.one_of(action, &["Count", "FailIndex", "FailJob", "Ignore"], &path.child("action")),
        }
        let (codes, conditions) = (some(rule, "onExitCodes"), list(rule, "onPodConditions"));
        if let Some(codes) = codes {
            exit_codes(codes, &containers, &path.child("onExitCodes"), causes);
        }
        pod_conditions(conditions, &path.child("onPodConditions"), causes);
        match (codes.is_some(), conditions.is_empty()) {
            (true, false) => causes.invalid(&path, "specifying both OnExitCodes and OnPodConditions is not supported"),
            (false, true) => causes.invalid(&path, "specifying one of OnExitCodes and OnPodConditions is required"),
            _ => {}
        }
    }
}

/// `validatePodFailurePolicyRuleOnPodConditions`, pkg/apis/batch/validation.
fn pod_conditions(conditions: &[Node], path: &Path<'_>, causes: &mut Causes) {
    if conditions.len() > 20 {
        causes.too_many(path, 20);
    }
    for (index, condition) in conditions.iter().enumerate() {
        let path = path.index(index);
        causes.each_invalid(&path.child("type"), name::label_key(text(condition, "type")));
        match text(condition, "status") {
            "" => causes.required(&path.child("status"), "valid values: [\"False\" \"True\" \"Unknown\"]"),
            status => causes.one_of(status, &["False", "True", "Unknown"], &path.child("status")),
        }
    }
}

/// `validatePodFailurePolicyRuleOnExitCodes`, pkg/apis/batch/validation.
fn exit_codes(codes: &Node, containers: &Names<'_>, path: &Path<'_>, causes: &mut Causes) {
    let operator = text(codes, "operator");
    if operator.is_empty() {
        causes.required(&path.child("operator"), "valid values: [\"In\" \"NotIn\"]");
    } else {
        causes.one_of(operator, &["In", "NotIn"], &path.child("operator"));
    }
    if some(codes, "containerName").is_some_and(|given| !containers.has(given.as_str().unwrap_or_default())) {
        let fault = "must be one of the container or initContainer names in the pod template";
        causes.invalid(&path.child("containerName"), fault);
    }
    let path = path.child("values");
    let values: Vec<i64> = list(codes, "values").iter().map(|value| value.as_int().unwrap_or_default()).collect();
    match values.len() {
        0 => causes.invalid(&path, "at least one value is required"),
        256.. => causes.too_many(&path, 255),
        _ => {}
    }
    let texts: Vec<String> = values.iter().map(i64::to_string).collect();
    let mut seen = Names::default();
    for (index, (value, text)) in values.iter().zip(&texts).enumerate() {
        if operator == "In" && *value == 0 {
            causes.invalid(&path.index(index), "must not be 0 for the In operator");
        }
        if !seen.add(text) {
            causes.duplicate(&path.index(index));
        }
    }
    if !values.is_sorted() {
        causes.invalid(&path, "must be ordered");
    }
}

/// `validateSuccessPolicy` and `validateSuccessPolicyRule`, pkg/apis/batch/validation.
fn success_policy(policy: &Node, spec: &Node, path: &Path<'_>, causes: &mut Causes) {
    let rules = list(policy, "rules");
    if rules.is_empty() {
        causes.required(path, "at least one rules must be specified when the successPolicy is specified");
    }
    if rules.len() > 20 {
        causes.too_many(path, 20);
    }
    let completions = number(spec, "completions");
    for (index, rule) in rules.iter().enumerate() {
        let path = path.index(index);
        let (count, numbers) = (rule.get("succeededCount").and_then(Node::as_int), some(rule, "succeededIndexes"));
        if count.is_none() && numbers.is_none() {
            causes.required(&path, "at least one of succeededCount or succeededIndexes must be specified");
        }
        let mut total = 0;
        if let Some(numbers) = numbers {
            let path = path.child("succeededIndexes");
            let numbers = numbers.as_str().unwrap_or_default();
            if numbers.len() > 64 * 1024 {
                causes.too_long(&path, 64 * 1024);
            }
            match count_of_indexes(numbers, completions) {
                Ok(count) => total = count,
                Err(fault) => causes.invalid(&path, format!("error parsing succeededIndexes: {fault}")),
            }
        }
        let Some(count) = count else { continue };
        let path = path.child("succeededCount");
        causes.not_negative(count, &path);
        if count > completions {
            causes.invalid(
                &path,
                format!("must be less than or equal to {completions} (the number of specified completions)"),
            );
        }
        if numbers.is_some() && count > total {
            let fault = format!(
                "must be less than or equal to {total} (the number of indexes in the specified succeededIndexes field)"
            );
            causes.invalid(&path, fault);
        }
    }
}

/// How many numbers `1,3-5` names.
fn count_of_indexes(text: &str, completions: i64) -> Result<i64, String> {
    let number = |text: &str| -> Result<i64, String> {
        let number: i64 =
            text.parse().map_err(|_| format!("cannot convert string to integer for index: \"{text}\""))?;
        if number >= completions { Err(format!("too large index: \"{text}\"")) } else { Ok(number) }
    };
    let falling = |last: i64, next: i64| format!("non-increasing order, previous: {last}, current: {next}");
    let (mut last, mut total): (Option<i64>, i64) = (None, 0);
    for part in text.split(',').filter(|_| !text.is_empty()) {
        let mut ends = part.split('-');
        let (first, second) = match (ends.next(), ends.next(), ends.next()) {
            (Some(first), None, _) => (number(first)?, None),
            (Some(first), Some(second), None) => (number(first)?, Some(number(second)?)),
            _ => {
                return Err(format!(
                    "the fragment \"{part}\" violates the requirement that an index interval can have at most two \
                        parts separated by '-'"
                ));
            }
        };
        if let Some(second) = second.filter(|second| first >= *second) {
            return Err(falling(first, second));
        }
        if let Some(last) = last.filter(|last| *last >= first) {
            return Err(falling(last, first));
        }
        let end = second.unwrap_or(first);
        total += end - first + 1;
        last = Some(end);
    }
    Ok(total)
}

/// What may not change once the Job is there.
/// `ValidateJobSpecUpdate`, pkg/apis/batch/validation.
fn changes(new: &Node, old: &Node, stored: &Node, version: Version, causes: &mut Causes) {
    let same = |field: &str| FIELD_RULES.same_fields(field, new.get(field), old.get(field));
    let immutable = "field is immutable";
    let completions = SPEC.child("completions");
    if text(new, "completionMode") == "Indexed" {
        let count = new.get("completions").and_then(Node::as_int);
        if !same("completions") && count.is_some_and(|count| count != number(new, "parallelism")) {
            causes.invalid(&completions, "can only be modified in tandem with spec.parallelism");
        }
    } else if new.get("completions").and_then(Node::as_int) != old.get("completions").and_then(Node::as_int) {
        causes.invalid(&completions, immutable);
    }
    for field in
        ["selector", "completionMode", "podFailurePolicy", "backoffLimitPerIndex", "managedBy", "successPolicy"]
    {
        if !same(field) {
            causes.invalid(&SPEC.child(field), immutable);
        }
    }
    template_changes(new, old, stored, version, causes);
}

/// A template may change a little as long as the Job has not begun.
/// `validatePodTemplateUpdate`, pkg/apis/batch/validation.
fn template_changes(new: &Node, old: &Node, stored: &Node, version: Version, causes: &mut Causes) {
    let nothing = Node::null(new.at);
    let (now, before) = (new.get("template").unwrap_or(&nothing), old.get("template").unwrap_or(&nothing));
    let suspended = old.get("suspend").and_then(Node::as_bool) == Some(true);
    let begun = stored.find(&["status", "startTime"]).is_some_and(|time| !time.is_null());
    let mut allowed = before.clone();
    if suspended && !begun {
        take_over(&mut allowed, now, gate::MUTABLE_SCHEDULING_DIRECTIVES_FOR_SUSPENDED_JOBS.is_on(version));
    }
    let path = SPEC.child("template");
    let resources = suspended && !begun && gate::MUTABLE_POD_RESOURCES_FOR_SUSPENDED_JOBS.is_on(version);
    let pairs = if resources {
        (now.get("spec"), allowed.get("spec"), path.child("spec"))
    } else {
        (Some(now), Some(&allowed), path)
    };
    if !FIELD_RULES.same_fields("template", pairs.0, pairs.1) {
        causes.invalid(&pairs.2, "field is immutable");
    }
}

/// Takes over what may differ: where the pods may run, and what they ask for.
fn take_over(allowed: &mut Node, now: &Node, resources: bool) {
    let put = |node: &mut Node, field: &str, value: Option<&Node>| {
        let Some(map) = node.as_map_mut() else { return };
        match value {
            Some(value) => drop(map.put(field, value.clone())),
            None => drop(map.remove(field)),
        }
    };
    if let Some(metadata) = map_at(allowed, &["metadata"]) {
        for field in ["labels", "annotations"] {
            put(metadata, field, now.find(&["metadata", field]));
        }
    }
    let Some(spec) = map_at(allowed, &["spec"]) else { return };
    for field in ["nodeSelector", "tolerations", "schedulingGates"] {
        put(spec, field, now.find(&["spec", field]));
    }
    let affinity = now.find(&["spec", "affinity", "nodeAffinity"]);
    let (has_now, had) = (
        now.find(&["spec", "affinity"]).is_some_and(|it| !it.is_null()),
        spec.get("affinity").is_some_and(|it| !it.is_null()),
    );
    if (has_now || had)
        && let Some(node) = map_at(spec, &["affinity"])
    {
        put(node, "nodeAffinity", affinity);
        if !has_now && node.entries().all(|(_, value)| value.is_null()) {
            put(spec, "affinity", None);
        }
    }
    if !resources {
        return;
    }
    for kind in ["containers", "initContainers"] {
        let others = now.find(&["spec", kind]).and_then(Node::as_list).unwrap_or_default();
        let Some(Data::List(containers)) = spec.get_mut(kind).map(|node| &mut node.data) else { continue };
        if containers.len() != others.len() {
            continue;
        }
        for (container, other) in containers.iter_mut().zip(others) {
            if text(container, "name") == text(other, "name") {
                put(container, "resources", other.get("resources"));
            }
        }
    }
}

//! StatefulSets.
//!
//! Follows `pkg/apis/apps/validation/validation.go: ValidateStatefulSet, ValidateStatefulSetUpdate`.

use super::cause::{Causes, Path, list, number, some, text};
use super::meta::Naming;
use super::persistent_volume_claim::{Leniency, claim_spec, warn_of_claim_spec};
use super::pod::{self, Holder};
use super::pod_rules::Rules;
use super::same::FieldRules;
use super::{Kind, percent, pod_warning, selector, unchanged, workload};
use crate::api::defaults;
use crate::k8s::name;
use crate::k8s::version::Version;
use crate::value::Node;

/// The table line.
pub(crate) static KIND: Kind = Kind {
    group: "apps",
    version: "v1",
    kind: "StatefulSet",
    namespaced: true,
    naming: Naming::Label,
    counts_generations: true,
    default: defaults::workload::stateful_set,
    prepare: unchanged,
    create,
    update,
};

/// The first version whose server checks the template of a StatefulSet as it checks a pod, and the specs of its claims.
const CHECKS_TEMPLATES: Version = Version::minor(34);
/// The first version whose server checks the name of the governing Service.
const CHECKS_SERVICE_NAME: Version = Version::minor(33);
/// The first version whose server lets the number of kept revisions change, and warns of one below zero.
const CHANGES_HISTORY: Version = Version::minor(33);
/// The first version whose server says which field may not change, and compares no other (`ValidateStatefulSetUpdate`).
const NAMES_WHAT_IS_FIXED: Version = Version::minor(37);
/// What may not change there.
const FIXED: [&str; 4] = ["selector", "volumeClaimTemplates", "serviceName", "podManagementPolicy"];
/// What may change in earlier ones.
const CHANGEABLE: [&str; 7] = [
    "replicas",
    "template",
    "updateStrategy",
    "minReadySeconds",
    "ordinals",
    "revisionHistoryLimit",
    "persistentVolumeClaimRetentionPolicy",
];

/// How the rest is compared.
const FIELD_RULES: FieldRules = FieldRules {
    optional: &[
        "selector",
        "storageClassName",
        "volumeMode",
        "dataSource",
        "dataSourceRef",
        "apiGroup",
        "volumeAttributesClassName",
        "deletionGracePeriodSeconds",
        "deletionTimestamp",
    ],
    free: &["matchLabels", "labels", "annotations"],
    amounts: &["requests", "limits"],
};

/// How whole specs are compared: also what may be an empty map in a template.
const WHOLE: FieldRules = workload::FIELD_RULES;

/// What is not looked at again in a change, because it cannot change or was faulty before.
#[derive(Clone, Copy, Debug)]
struct Skip {
    service_name: bool,
    claims: bool,
    template: bool,
}

/// `ValidateStatefulSet`, pkg/apis/apps/validation.
fn create(object: &Node, version: Version, causes: &mut Causes) {
    let nothing = Node::null(object.at);
    let rules = Rules::new(version, false, None);
    let old_server = version < CHECKS_TEMPLATES;
    let skip = Skip { service_name: version < CHECKS_SERVICE_NAME, claims: old_server, template: old_server };
    let new = object.get("spec").unwrap_or(&nothing);
    let path = Path::new("spec");
    spec(new, skip, &rules, &path, causes);
    if causes.refusals.is_empty() {
        warn_of_template(new, version, &path, causes);
        warn(new, None, version, &path, causes);
    }
}

/// `ValidateStatefulSetUpdate`, pkg/apis/apps/validation.
fn update(object: &Node, stored: &Node, version: Version, causes: &mut Causes) {
    let nothing = Node::null(object.at);
    let (new, old) = (object.get("spec").unwrap_or(&nothing), stored.get("spec").unwrap_or(&nothing));
    let rules = Rules::new(version, false, old.get("template"));
    let mut skip = Skip { service_name: true, claims: true, template: version < CHECKS_TEMPLATES };
    let path = Path::new("spec");
    if !skip.template {
        let mut before = Causes::default();
        spec(old, skip, &rules, &path, &mut before);
        skip.template = !before.refusals.is_empty();
    }
    spec(new, skip, &rules, &path, causes);
    if version >= NAMES_WHAT_IS_FIXED {
        for field in FIXED.iter().filter(|field| !FIELD_RULES.same_fields(field, new.get(field), old.get(field))) {
            causes.invalid(&path.child(field), "field is immutable");
        }
    } else if differs(new, old, version) {
        let history = if version < CHANGES_HISTORY { "" } else { " 'revisionHistoryLimit'," };
        causes.forbidden(
            &path,
            format!(
                "updates to statefulset spec for fields other than 'replicas', 'ordinals', 'template', \
                    'updateStrategy',{history} \
                 'persistentVolumeClaimRetentionPolicy' and 'minReadySeconds' are forbidden"
            ),
        );
    }
    if causes.refusals.is_empty() {
        if !WHOLE.same(Some(new), Some(old)) {
            warn_of_template(new, version, &path, causes);
        }
        warn(new, Some("Spec"), version, &path, causes);
    }
}

/// `WarningsOnCreate` and `WarningsOnUpdate`, pkg/registry/apps/statefulset.
fn warn_of_template(spec: &Node, version: Version, path: &Path<'_>, causes: &mut Causes) {
    if let Some(template) = spec.get("template") {
        pod_warning::warn(template, false, version, &path.child("template"), causes);
    }
}

/// What is said of the rest. Of claims the server speaks by another path in a change.
/// `WarningsOnCreate` and `WarningsOnUpdate`, pkg/registry/apps/statefulset.
fn warn(spec: &Node, claim_field: Option<&str>, version: Version, path: &Path<'_>, causes: &mut Causes) {
    let claims = path.child("volumeClaimTemplates");
    for (index, claim) in list(spec, "volumeClaimTemplates").iter().enumerate() {
        let Some(inner) = claim.get("spec") else { continue };
        let claim = claims.index(index);
        match claim_field {
            Some(field) => warn_of_claim_spec(inner, &claim.child(field), causes),
            None => warn_of_claim_spec(inner, &claim, causes),
        }
    }
    if version >= CHANGES_HISTORY && number(spec, "revisionHistoryLimit") < 0 {
        causes.warn_at(
            "spec.revisionHistoryLimit",
            "a negative value retains all historical revisions; a value >= 0 is recommended",
        );
    }
}

/// Whether anything changed that may not.
fn differs(new: &Node, old: &Node, version: Version) -> bool {
    let fixed =
        |name: &str| !CHANGEABLE.contains(&name) || (name == "revisionHistoryLimit" && version < CHANGES_HISTORY);
    let changed = new
        .entries()
        .any(|(key, value)| fixed(&key.name) && !FIELD_RULES.same_fields(&key.name, Some(value), old.get(&key.name)));
    changed
        || old.entries().any(|(key, value)| {
            fixed(&key.name) && new.get(&key.name).is_none() && !FIELD_RULES.same_fields(&key.name, None, Some(value))
        })
}

/// `ValidateStatefulSetSpec`, pkg/apis/apps/validation.
fn spec(spec: &Node, skip: Skip, rules: &Rules, path: &Path<'_>, causes: &mut Causes) {
    match text(spec, "podManagementPolicy") {
        "" => causes.required(&path.child("podManagementPolicy"), ""),
        "OrderedReady" | "Parallel" => {}
        _ => causes.invalid(&path.child("podManagementPolicy"), "must be 'OrderedReady' or 'Parallel'"),
    }
    update_strategy(spec, &path.child("updateStrategy"), causes);
    if let Some(policy) = some(spec, "persistentVolumeClaimRetentionPolicy") {
        let path = path.child("persistentVolumeClaimRetentionPolicy");
        for field in ["whenDeleted", "whenScaled"] {
            causes.one_of(text(policy, field), &["Retain", "Delete"], &path.child(field));
        }
    }
    let claims = list(spec, "volumeClaimTemplates");
    if !skip.claims {
        let path = path.child("volumeClaimTemplates");
        for (index, claim) in claims.iter().enumerate() {
            let nothing = Node::null(claim.at);
            let path = path.index(index);
            claim_spec(
                claim.get("spec").unwrap_or(&nothing),
                Leniency::default(),
                rules.version,
                &path.child("spec"),
                causes,
            );
        }
    }
    for field in ["replicas", "minReadySeconds"] {
        causes.not_negative(number(spec, field), &path.child(field));
    }
    if let Some(ordinals) = some(spec, "ordinals") {
        causes.not_negative(number(ordinals, "start"), &path.child("ordinals.start"));
    }
    let service = text(spec, "serviceName");
    if !skip.service_name && !service.is_empty() {
        causes.each_invalid(&path.child("serviceName"), name::dns_label(service));
    }
    template(spec, claims, skip, rules, path, causes);
}

/// `ValidatePodTemplateSpecForStatefulSet` and `ValidateStatefulSetSpec`, pkg/apis/apps/validation.
fn template(spec: &Node, claims: &[Node], skip: Skip, rules: &Rules, path: &Path<'_>, causes: &mut Causes) {
    let nothing = Node::null(spec.at);
    let template = spec.get("template").unwrap_or(&nothing);
    let inner = template.get("spec").unwrap_or(&nothing);
    let metadata = template.get("metadata").unwrap_or(&nothing);
    let template_path = path.child("template");
    let chosen = selector::workload_selector(spec, path, "statefulset", "", causes);
    if !matches!(chosen, selector::Chosen::Faulty) {
        if !chosen.picks(metadata.get("labels")) {
            causes.invalid(&template_path.child("metadata.labels"), "`selector` does not match template `labels`");
        }
        if skip.template {
            selector::labels(metadata.get("labels"), &template_path.child("labels"), causes);
            pod::annotations_of_pod(
                metadata.get("annotations"),
                inner,
                rules,
                &template_path.child("annotations"),
                causes,
            );
        } else {
            let names: Vec<&str> = claims
                .iter()
                .map(|claim| claim.get("metadata").map(|it| text(it, "name")).unwrap_or_default())
                .collect();
            pod::template(template, Holder { claims: &names, names_hosts: true }, rules, &template_path, causes);
        }
    }
    if text(inner, "restartPolicy") != "Always" {
        causes.not_supported(&template_path.child("spec.restartPolicy"), &["Always"]);
    }
    if some(inner, "activeDeadlineSeconds").is_some() {
        causes.forbidden(
            &template_path.child("spec.activeDeadlineSeconds"),
            "activeDeadlineSeconds in StatefulSet is not Supported",
        );
    }
}

/// `validateRollingUpdateStatefulSet`, pkg/apis/apps/validation.
fn update_strategy(spec: &Node, path: &Path<'_>, causes: &mut Causes) {
    let nothing = Node::null(spec.at);
    let strategy = spec.get("updateStrategy").unwrap_or(&nothing);
    let rolling = some(strategy, "rollingUpdate");
    let rolling_path = path.child("rollingUpdate");
    match (text(strategy, "type"), rolling) {
        ("", _) => causes.required(path, ""),
        ("OnDelete", Some(_)) => causes.invalid(&rolling_path, "only allowed for updateStrategy 'RollingUpdate'"),
        ("RollingUpdate", Some(rolling)) => {
            causes.not_negative(number(rolling, "partition"), &rolling_path.child("partition"));
            if let Some(most) = some(rolling, "maxUnavailable") {
                let path = rolling_path.child("maxUnavailable");
                percent::number_or_percent(most, &path, causes);
                if percent::value(most) == 0 {
                    causes.invalid(&path, "cannot be 0");
                }
                percent::not_above_hundred(most, &path, causes);
            }
        }
        ("OnDelete" | "RollingUpdate", None) => {}
        _ => causes.invalid(path, "must be 'RollingUpdate' or 'OnDelete'"),
    }
}

#[cfg(test)]
mod tests {
    use crate::api::admission;
    use crate::api::admission::decode::Door;
    use crate::diagnostic::Diagnostics;
    use crate::k8s::version::Version;
    use crate::source::Sources;
    use crate::value::Node;
    use crate::yaml::{Part, read_part};

    const GOOD: &str = "{apiVersion: apps/v1, kind: StatefulSet, metadata: {name: web}, spec: {serviceName: web, \
        selector: {matchLabels: {app: web}}, template: {metadata: {labels: {app: web}}, spec: {containers: [{name: \
        web, image: web:1}]}}, \
        volumeClaimTemplates: [{metadata: {name: data}, spec: {accessModes: [ReadWriteOnce], resources: {requests: \
        {storage: 1Gi}}}}]}}";

    fn node(text: &str) -> Node {
        let id = Sources::default().add("web.yaml", text);
        let part = Part { start: 0, end: text.len() };
        read_part(id, text, part, &mut Diagnostics::default()).flatten().expect("a manifest")
    }

    /// The fields that a server refuses in the manifest, one text in it replaced by another.
    fn refused(from: &str, to: &str, minor: u8) -> Vec<String> {
        assert!(GOOD.contains(from));
        let answer = admission::create(&node(&GOOD.replace(from, to)), Version::minor(minor));
        answer.refusals.into_iter().map(|refusal| refusal.field).collect()
    }

    fn changed(from: &str, to: &str, minor: u8) -> Vec<String> {
        assert!(GOOD.contains(from));
        let version = Version::minor(minor);
        let stored = admission::create(&node(GOOD), version).object.expect("accepted");
        let mut new = node(&GOOD.replace(from, to));
        if let Some(metadata) = new.get_mut("metadata").and_then(Node::as_map_mut) {
            metadata.put("namespace", Node::text("default", stored.at));
        }
        let answer = admission::update(&new, &stored, Door::Body, version);
        answer.refusals.into_iter().map(|refusal| refusal.field).collect()
    }

    #[test]
    fn every_version_takes_a_plain_one() {
        for version in Version::all() {
            assert_eq!(admission::create(&node(GOOD), version).refusals, [], "{version}");
        }
    }

    #[test]
    fn versions_differ() {
        assert_eq!(refused("image: web:1", "image: ''", 33), Vec::<String>::new());
        assert_eq!(refused("image: web:1", "image: ''", 34), ["spec.template.spec.containers[0].image"]);
        assert_eq!(refused("serviceName: web", "serviceName: W", 32), Vec::<String>::new());
        assert_eq!(refused("serviceName: web", "serviceName: W", 33), ["spec.serviceName"]);
        assert_eq!(refused("[ReadWriteOnce]", "[]", 33), Vec::<String>::new());
        assert_eq!(refused("[ReadWriteOnce]", "[]", 34), ["spec.volumeClaimTemplates[0].spec.accessModes"]);
    }

    #[test]
    fn what_may_change() {
        assert_eq!(changed("web:1", "web:2", 36), Vec::<String>::new());
        assert_eq!(changed("storage: 1Gi", "storage: 1024Mi", 36), Vec::<String>::new());
        assert_eq!(changed("storage: 1Gi", "storage: 2Gi", 36), ["spec"]);
        assert_eq!(changed("serviceName: web", "serviceName: other", 36), ["spec"]);
        assert_eq!(changed("serviceName: web", "serviceName: web, revisionHistoryLimit: 3", 33), Vec::<String>::new());
        assert_eq!(changed("serviceName: web", "serviceName: web, revisionHistoryLimit: 3", 32), ["spec"]);
    }
}

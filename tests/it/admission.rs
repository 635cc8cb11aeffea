//! Bundles with quotas, limits, policies and classes in their way: what a real cluster made of each, and what the model
//! makes of it.

use crate::commands::statewright;
use crate::scratch::Scratch;
use serde_json::Value;
use statewright::bundle::inventory::Inventory;
use statewright::cluster::facts::ClusterFacts;
use statewright::cluster::kubectl::Act;
use statewright::cluster::rehearse::{Rehearsal, rehearse, rehearse_after};
use statewright::cluster::world::Gap;
use statewright::diagnostic::Diagnostics;
use statewright::k8s::version::Version;
use statewright::scenario::bundle;
use statewright::source::Sources;
use statewright::yaml::read_one;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// What may live elsewhere, because the facts do not say that it does not: what is then said to be presumed.
const PRESUMED: [(&str, [&str; 2]); 3] =
    [("adm24", ["PriorityClass", "high"]), ("adm26", ["RuntimeClass", "gvisor"]), ("adm34", ["", ""])];

/// What asks somebody outside, who cannot be asked here.
const OUTSIDE: [&str; 1] = ["adm32"];

#[test]
fn what_stands_in_the_way_stops_what_it_stopped() {
    let own = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/conformance");
    let folder = std::env::var_os("STATEWRIGHT_CONFORMANCE").map_or(own, PathBuf::from);
    let facts = std::fs::read_to_string(folder.join("admission-cluster.yaml")).unwrap();
    let (mut count, mut wrong) = (0, Vec::new());
    for line in std::fs::read_to_string(folder.join("admission.jsonl")).unwrap().lines() {
        let line: Value = serde_json::from_str(line).unwrap();
        let id = line["id"].as_str().unwrap();
        let (mut sources, mut found) = (Sources::default(), Diagnostics::default());
        let source = sources.add("cluster.yaml", facts.as_str());
        let facts =
            read_one(&sources, source, &mut found).map(|document| ClusterFacts::read(&document, &mut found)).unwrap();
        let bundles = [bundle(&mut sources, line["bundle"].as_str().unwrap()).unwrap()];
        let played = rehearse(&bundles, &facts, Version::minor(36), "default");
        if let Some((_, [kind, name])) = PRESUMED.iter().find(|(presumed, _)| *presumed == id) {
            let gap = Gap::Exists { kind: (*kind).into(), name: (*name).into() };
            assert!(name.is_empty() || played.not_known.contains(&gap), "{id}: {:?}", played.not_known);
            continue;
        }
        if OUTSIDE.contains(&id) {
            assert!(
                played.not_known.iter().any(|gap| matches!(gap, Gap::Decides { .. })),
                "{id}: {:?}",
                played.not_known
            );
            continue;
        }
        count += 1;
        let (real, ours) = (without_values(&recorded(&line["real"])), without_values(&shown(&played)));
        if real != ours {
            wrong.push(format!("{id} {}:\n    real: {real}\n    ours: {ours}", line["title"]));
        }
    }
    println!("{count} bundles, {} otherwise than the cluster", wrong.len());
    assert!(count > 0 && wrong.is_empty(), "{}", wrong.join("\n"));
}

/// What is compared: pods, those that are ready, claims, whether anything was refused and what was warned of at once,
/// and why pods were not made.
fn recorded(real: &Value) -> String {
    let claims: Vec<String> = real["claims"].as_array().unwrap().iter().map(|claim| format!("{claim}")).collect();
    let said = real["apply errors"].as_str().unwrap();
    let warnings: BTreeSet<&str> = said.lines().filter_map(|line| line.strip_prefix("Warning: ")).collect();
    let refused: BTreeSet<&str> = said.lines().filter(|line| !line.starts_with("Warning: ")).map(reason).collect();
    let events = real["warnings"].as_array().unwrap().iter().filter_map(Value::as_str);
    let failed: BTreeSet<&str> = events.filter_map(|event| event.strip_prefix("StatefulSet: FailedCreate: ")).collect();
    format!(
        "{} pods, {} ready, {claims:?}, refused {refused:?}, warned {warnings:?}, failed {failed:?}",
        real["pods"], real["ready"]
    )
}

/// The server quotes a part of what is wrong, and the model the whole field.
fn without_values(said: &str) -> String {
    let (head, tail) = said.split_once("Invalid value: ").unwrap_or((said, ""));
    let rest = tail.split_once(": ").map_or("", |(_, rest)| rest);
    format!("{head}{rest}")
}

/// What kubectl prints of a refusal, without what it says of itself.
fn reason(line: &str) -> &str {
    let line = line.split_once("\": ").filter(|_| line.contains("error when creating")).map_or(line, |(_, rest)| rest);
    line.strip_prefix("The statefulsets \"web\" is invalid: : ").unwrap_or(line)
}

fn shown(played: &Rehearsal) -> String {
    let step = &played.steps[0];
    let (pods, claims) = (&step.state.pods, &step.state.claims);
    let claims: Vec<String> = claims
        .iter()
        .map(|claim| {
            let capacity = claim.capacity.as_ref().map(ToString::to_string);
            serde_json::json!([claim.name.name.as_str(), claim.phase.word(), capacity]).to_string()
        })
        .collect();
    let warnings: BTreeSet<&str> = step.acts.iter().flat_map(|act| &act.warnings).map(String::as_str).collect();
    let refused: BTreeSet<&str> = step
        .acts
        .iter()
        .filter_map(|act| match &act.act {
            Act::Rejected(rejection) if rejection.code == 422 => Some(rejection.causes[0].as_str()),
            Act::Rejected(rejection) => Some(rejection.message.as_str()),
            _ => None,
        })
        .collect();
    let failed: BTreeSet<&str> = step
        .state
        .events
        .iter()
        .filter(|event| event.reason == "FailedCreate")
        .map(|event| event.message.as_str())
        .collect();
    let ready = pods.iter().filter(|pod| pod.ready).count();
    format!(
        "{} pods, {ready} ready, {claims:?}, refused {refused:?}, warned {warnings:?}, failed {failed:?}",
        pods.len()
    )
}

/// The pods of Pod Security's own tests: those that pass and those that fail, by standard and version.
/// `STATEWRIGHT_POD_SECURITY` names more.
#[test]
fn the_pod_security_standards_hold() {
    let own = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/conformance/pod-security.jsonl");
    let path = std::env::var_os("STATEWRIGHT_POD_SECURITY").map_or(own, PathBuf::from);
    let (mut count, mut wrong) = (0, Vec::new());
    for line in std::fs::read_to_string(path).unwrap().lines() {
        let line: Value = serde_json::from_str(line).unwrap();
        let word = |key: &str| line[key].as_str().unwrap();
        let labels = format!(
            "{{pod-security.kubernetes.io/enforce: {}, pod-security.kubernetes.io/enforce-version: {}}}",
            word("level"),
            word("version")
        );
        let text = format!(
            "apiVersion: v1\nkind: Namespace\nmetadata: {{name: default, labels: {labels}}}\n---\n{}",
            word("pod")
        );
        let mut sources = Sources::default();
        let played =
            rehearse(&[bundle(&mut sources, &text).unwrap()], &ClusterFacts::default(), Version::NEWEST, "default");
        let pod = played.steps[0].acts.last().unwrap();
        let passes = match &pod.act {
            Act::Rejected(rejection) if rejection.message.contains("violates PodSecurity") => "fail",
            // No user of its own, and a bare /proc: the rules of pods refuse that before any standard does.
            Act::Rejected(rejection) if rejection.message.contains("procMount: Invalid value") => "fail",
            Act::Created => "pass",
            _ => "otherwise",
        };
        count += 1;
        if passes != word("verdict") {
            wrong.push(format!("{}: {:?}", word("name"), pod.act));
        }
    }
    println!("{count} pods, {} otherwise than the standards", wrong.len());
    assert!(count > 0 && wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Plays bundles on a cluster with these objects.
fn on(objects: &str, bundles: &[&str]) -> Rehearsal {
    let (mut sources, mut found) = (Sources::default(), Diagnostics::default());
    let id = sources.add("cluster.yaml", objects);
    let facts = ClusterFacts::of_objects(&Inventory::of_texts(&sources, &[id], &mut found));
    let bundles: Vec<_> = bundles.iter().map(|text| bundle(&mut sources, text).unwrap()).collect();
    rehearse(&bundles, &facts, Version::NEWEST, "shop")
}

/// What each act of the last step came to: `created`, or the words of who refused it.
fn words(played: &Rehearsal) -> Vec<String> {
    let said = |change: &Act| match change {
        Act::Rejected(rejection) => {
            format!("{} {}", rejection.code, rejection.causes.first().unwrap_or(&rejection.message))
        }
        change => change.word().to_owned(),
    };
    played.steps.last().unwrap().acts.iter().map(|act| said(&act.act)).collect()
}

const SHOP: &str = "apiVersion: v1\nkind: Namespace\nmetadata: {name: shop, labels: {tier: front}}\n";

fn policy(spec: &str, binding: &str) -> String {
    format!(
        "{SHOP}---
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicy
metadata: {{name: rules}}
spec:
  matchConstraints: {{resourceRules: [{{apiGroups: [''], apiVersions: [v1], operations: [CREATE, UPDATE], resources: \
  [configmaps]}}]}}
{spec}
---
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicyBinding
metadata: {{name: bound}}
spec: {{policyName: rules, {binding}}}
---
apiVersion: v1
kind: ConfigMap
metadata: {{name: most, namespace: shop}}
data: {{size: '3'}}
"
    )
}

fn config(data: &str) -> String {
    format!("apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: a, labels: {{app: a}}}}\ndata: {data}\n")
}

const DENY: &str = "validationActions: [Deny]";

#[test]
fn policies_say_what_their_expressions_say() {
    let denied =
        |said: &str| format!("422 ValidatingAdmissionPolicy 'rules' with binding 'bound' denied request: {said}");
    let all = "  validations: [{expression: \"size(object.data) < 2\", messageExpression: \"'has ' + \
        string(size(object.data))\"}]";
    for (spec, binding, data, said) in [
        (all, DENY, "{x: v}", "created".to_owned()),
        (all, DENY, "{x: v, z: v}", denied("has 2")),
        (all, "validationActions: [Audit]", "{x: v, z: v}", "created".into()),
        (
            all,
            "validationActions: [Deny], matchResources: {namespaceSelector: {matchLabels: {tier: back}}}",
            "{x: v, z: v}",
            "created".into(),
        ),
        (
            all,
            "validationActions: [Deny], matchResources: {namespaceSelector: {matchLabels: \
                {kubernetes.io/metadata.name: shop}}}",
            "{x: v, z: v}",
            denied("has 2"),
        ),
        (
            all,
            "validationActions: [Deny], matchResources: {objectSelector: {matchLabels: {app: b}}}",
            "{x: v, z: v}",
            "created".into(),
        ),
        (
            "  validations: [{expression: \"object.data.x == 'z'\"}]",
            DENY,
            "{x: v}",
            denied("failed expression: object.data.x == 'z'"),
        ),
        (
            "  validations: [{expression: \"object.data.q == 'z'\"}]",
            DENY,
            "{x: v}",
            denied("expression 'object.data.q == 'z'' resulted in error: no such key: q"),
        ),
        (
            "  failurePolicy: Ignore\n  validations: [{expression: \"object.data.q == 'z'\"}]",
            DENY,
            "{x: v}",
            "created".into(),
        ),
        (
            "  matchConditions: [{name: a, expression: \"has(object.data.check)\"}]\n  validations: [{expression: \
                \"false\", message: never}]",
            DENY,
            "{x: v}",
            "created".into(),
        ),
        (
            "  matchConditions: [{name: a, expression: \"has(object.data.check)\"}]\n  validations: [{expression: \
                \"false\", message: never}]",
            DENY,
            "{check: v}",
            denied("never"),
        ),
        (
            "  variables: [{name: most, expression: \"int(params.data.size)\"}, {name: all, expression: \
                \"size(object.data)\"}]\n  \
             paramKind: {apiVersion: v1, kind: ConfigMap}\n  \
             validations: [{expression: \"variables.all <= variables.most\", message: too many, reason: Forbidden}]",
            "validationActions: [Deny], paramRef: {name: most, namespace: shop, parameterNotFoundAction: Deny}",
            "{a: v, b: v, c: v, d: v}",
            denied("too many").replace("422", "403"),
        ),
        (
            "  paramKind: {apiVersion: v1, kind: ConfigMap}\n  validations: [{expression: \"false\"}]",
            "validationActions: [Deny], paramRef: {name: nosuch, parameterNotFoundAction: Allow}",
            "{a: v}",
            "created".into(),
        ),
        (
            "  validations: [{expression: \"namespaceObject.metadata.labels.tier == 'front' && request.operation == \
                'CREATE'\"}]",
            DENY,
            "{a: v}",
            "created".into(),
        ),
    ] {
        assert_eq!(words(&on(&policy(spec, binding), &[&config(data)])), [said], "{spec} {binding} {data}");
    }
}

#[test]
fn policies_see_what_was_there_and_say_what_they_cannot_know() {
    let grows = "  validations: [{expression: \"oldObject == null || size(object.data) >= size(oldObject.data)\", \
        message: shrinks}]";
    let played = on(&policy(grows, DENY), &[&config("{a: v, b: v}"), &config("{a: v}")]);
    assert_eq!(words(&played), ["422 ValidatingAdmissionPolicy 'rules' with binding 'bound' denied request: shrinks"]);
    let played = on(&policy(grows, DENY), &[&config("{a: v}"), &config("{a: v, b: v}")]);
    assert_eq!(words(&played), ["configured"]);
    let warned = on(
        &policy("  validations: [{expression: \"false\", message: mind}]", "validationActions: [Warn]"),
        &[&config("{a: v}")],
    );
    assert_eq!(
        warned.steps[0].acts[0].warnings,
        ["Validation failed for ValidatingAdmissionPolicy 'rules' with binding 'bound': mind"]
    );
    for asks in
        ["authorizer.path('/x').check('get').allowed()", "request.userInfo.username == 'me'", "type(request) == map"]
    {
        let played = on(&policy(&format!("  validations: [{{expression: \"{asks}\"}}]"), DENY), &[&config("{a: v}")]);
        let gap = Gap::Decides { kind: "ValidatingAdmissionPolicy".into(), name: "rules".into() };
        assert!(words(&played) == ["created"] && played.not_known.contains(&gap), "{asks}: {:?}", played.not_known);
    }
}

#[test]
fn a_cluster_is_its_objects() {
    let list = "apiVersion: v1
kind: List
items:
- {apiVersion: v1, kind: Namespace, metadata: {name: shop, uid: 0b0c}}
- apiVersion: v1
  kind: Node
  metadata: {name: a, labels: {disk: ssd}}
  spec: {taints: [{key: gpu, value: 'yes', effect: NoSchedule}]}
  status: {allocatable: {cpu: '4', memory: 8Gi}}
- {apiVersion: v1, kind: Node, metadata: {name: b}, spec: {unschedulable: true}, status: {allocatable: {cpu: '4', \
memory: 8Gi}}}
- {apiVersion: v1, kind: Pod, metadata: {name: other, namespace: shop}, spec: {containers: [{name: a, image: 'a:1'}]}}
";
    let pod = |more: &str| {
        format!(
            "apiVersion: v1\nkind: Pod\nmetadata: {{name: a}}\nspec: {{containers: [{{name: a, image: \
                'a:1'}}]{more}}}\n"
        )
    };
    let why = |played: &Rehearsal| {
        played.steps[0].state.pods[0].why.as_ref().and_then(|why| why.message.clone()).unwrap_or_default()
    };
    let kept = on(list, &[&pod("")]);
    assert_eq!(kept.steps[0].state.pods.len(), 1, "what runs there is no fact");
    assert!(why(&kept).contains("1 node(s) had untolerated taint(s), 1 node(s) were unschedulable"), "{}", why(&kept));
    for tolerations in
        ["[{operator: Exists}]", "[{key: gpu, value: 'yes'}]", "[{key: gpu, operator: Exists, effect: NoSchedule}]"]
    {
        let played = on(list, &[&pod(&format!(", tolerations: {tolerations}"))]);
        assert!(played.steps[0].state.pods[0].ready, "{tolerations}: {}", why(&played));
    }
    for tolerations in [
        "[{key: gpu, value: 'no'}]",
        "[{key: gpu, operator: Exists, effect: NoExecute}]",
        "[{key: other, operator: Exists}]",
    ] {
        assert!(
            !on(list, &[&pod(&format!(", tolerations: {tolerations}"))]).steps[0].state.pods[0].ready,
            "{tolerations}"
        );
    }
    // All namespaces are known once one is; what comes in the same go is there.
    let elsewhere = config("{a: v}").replace("name: a,", "name: a, namespace: other,");
    assert_eq!(words(&on(list, &[&elsewhere])), ["404 namespaces \"other\" not found"]);
    assert_eq!(
        words(&on(list, &[&format!("{elsewhere}---\n{}", SHOP.replace("shop", "other"))])),
        ["created", "created"]
    );
    // Manifests of some namespaces say nothing of others.
    assert_eq!(words(&on(SHOP, &[&elsewhere])), ["created"]);
}

#[test]
fn labels_of_pod_security_must_be_words_that_it_knows() {
    let namespace =
        |labels: &str| format!("apiVersion: v1\nkind: Namespace\nmetadata: {{name: x, labels: {{{labels}}}}}\n");
    for (label, value, good) in [
        ("enforce", "baseline", true),
        ("enforce", "basic", false),
        ("warn-version", "latest", true),
        ("warn-version", "v1.30", true),
        ("audit-version", "1.30", false),
    ] {
        let words = words(&on(
            "apiVersion: v1\nkind: List\nitems: []\n",
            &[&namespace(&format!("pod-security.kubernetes.io/{label}: {value}"))],
        ));
        assert_eq!(words == ["created"], good, "{label}: {value}: {words:?}");
    }
}

#[test]
fn a_workspace_names_what_else_is_on_its_clusters() {
    let scratch = Scratch::new("cluster-manifests");
    let workspace = |clusters: &str| {
        format!(
            "apiVersion: statewright/v1\nkind: Workspace\nenvironments:\n  prod: {{namespace: shop, cluster: eu}}\n  \
                dev: {{namespace: shop, \
             cluster: lab}}\nclusters: {clusters}\n"
        )
    };
    scratch.write(
        "statewright-workspace.yaml",
        workspace("{eu: {kubernetes: '1.36', manifests: [platform]}, lab: {kubernetes: '1.36'}}"),
    );
    let quota =
        "apiVersion: v1\nkind: ResourceQuota\nmetadata: {name: small, namespace: shop}\nspec: {hard: {pods: '2'}}\n";
    scratch.write("platform/quota.yaml", format!("{SHOP}---\n{quota}"));
    scratch.write(
        "web/statewright.yaml",
        "apiVersion: statewright/v1\nkind: App\nname: web\nimage: acme/web:1.4.2\nreplicas: 3\nports: {http: 8080}\n",
    );
    let run = statewright(scratch.path(), &["check", "."]);
    assert!(
        run.code == 1 && run.stderr.contains("SW0316") && run.stderr.contains("limited: pods=2"),
        "{}{}",
        run.stdout,
        run.stderr
    );
    assert!(run.stderr.contains("web/statewright.yaml:"), "{}", run.stderr);
    let other = statewright(scratch.path(), &["compile", "web", "--env", "dev"]);
    assert!(!other.stderr.contains("SW0316"), "{}", other.stderr);
    scratch.write("statewright-workspace.yaml", workspace("{eu: {manifests: [nosuch]}}"));
    let missing = statewright(scratch.path(), &["check", "."]);
    assert!(missing.code == 1 && missing.stderr.contains("the file `nosuch` cannot be read"), "{}", missing.stderr);
    scratch.write("platform/README.md", "no: [manifest");
    for (pattern, has_quota) in [
        ("platform/**", true),
        ("platform/*", true),
        ("*/quota.yaml", true),
        ("**/quota.y*ml", true),
        ("./plat[f]orm/*.yaml", true),
        ("we*/statewright.yaml", false),
    ] {
        scratch.write("statewright-workspace.yaml", workspace(&format!("{{eu: {{manifests: ['{pattern}']}}}}")));
        let run = statewright(scratch.path(), &["check", "."]);
        assert_eq!(run.stderr.contains("limited: pods=2"), has_quota, "{pattern}: {}", run.stderr);
        assert!(!run.stderr.contains("README"), "{pattern}: {}", run.stderr);
    }
    for (pattern, said) in [
        ("platform/*.json", "no file matches `platform/*.json`"),
        ("nosuch/**", "the file `nosuch` cannot be read"),
        ("../**", "cannot be read"),
        ("platform/**/../../../*", "no file matches"),
    ] {
        scratch.write("statewright-workspace.yaml", workspace(&format!("{{eu: {{manifests: ['{pattern}']}}}}")));
        let run = statewright(scratch.path(), &["check", "."]);
        assert!(run.code == 1 && run.stderr.contains(said), "{pattern}: {}", run.stderr);
        assert!(run.stderr.contains("statewright-workspace.yaml:"), "{pattern}: {}", run.stderr);
    }
}

/// A policy that is asked on updates only: what is there was let in, what comes is not.
const GROWS_ONLY: &str = "apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicy
metadata: {name: grows-only}
spec:
  matchConstraints: {resourceRules: [{apiGroups: [apps], apiVersions: [v1], operations: [UPDATE], resources: \
[statefulsets]}]}
  validations: [{expression: \"object.spec.replicas >= oldObject.spec.replicas\", message: replicas only grow}]
---
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicyBinding
metadata: {name: grows-only}
spec: {policyName: grows-only, validationActions: [Deny]}
";

#[test]
fn a_review_says_what_stands_in_the_way_in_every_format() {
    let scratch = Scratch::new("barriers");
    scratch.write(
        "statewright-workspace.yaml",
        "apiVersion: statewright/v1\nkind: Workspace\nenvironments: {prod: {namespace: shop, cluster: eu}}\nclusters: \
         {eu: {manifests: [platform]}}\n",
    );
    let quota =
        "apiVersion: v1\nkind: ResourceQuota\nmetadata: {name: small, namespace: shop}\nspec: {hard: {pods: '3'}}\n";
    scratch.write("platform/quota.yaml", format!("{SHOP}---\n{quota}---\n{GROWS_ONLY}"));
    let spec = |replicas: u32| {
        format!(
            "apiVersion: statewright/v1\nkind: App\nname: web\nimage: acme/web:1.4.2\nreplicas: {replicas}\nports: \
             {{http: 8080}}\n"
        )
    };
    let run = |arguments: &[&str]| statewright(scratch.path(), arguments);
    scratch.write("web/statewright.yaml", spec(4));
    let new = run(&["diff"]);
    assert_eq!(new.code, 1, "{}{}", new.stdout, new.stderr);
    assert!(new.stdout.contains("StatefulSet/shop/web gets 3 of 4 pods"), "{}", new.stdout);
    assert!(new.stdout.contains("kubectl -n shop describe resourcequota small"), "{}", new.stdout);
    assert!(!new.stderr.contains("SW0316"), "said once: {}", new.stderr);
    scratch.write("web/statewright.yaml", spec(3));
    assert_eq!(run(&["compile"]).code, 0);
    assert_eq!(run(&["diff"]).code, 0);
    // What the policy refuses and what the quota has no room for.
    for (replicas, said, command) in [
        (2, "replicas only grow", "kubectl get validatingadmissionpolicy grows-only -o yaml"),
        (4, "exceeded quota: small", "kubectl -n shop describe resourcequota small"),
    ] {
        scratch.write("web/statewright.yaml", spec(replicas));
        for format in ["human", "json", "sarif", "github", "gitlab", "junit", "markdown", "html"] {
            let told = run(&["diff", "--format", format]);
            assert_eq!(told.code, 1, "{format}: {}", told.stderr);
            assert!(told.stdout.contains(said), "{format}: {}", told.stdout);
            if ["human", "json", "markdown", "html"].contains(&format) {
                assert!(told.stdout.contains(command), "{format}: {}", told.stdout);
            }
        }
    }
    // Another cluster has no such quota.
    scratch.write("wide.yaml", SHOP.replace("metadata: {", "metadata: {uid: a1, "));
    let wide = run(&["diff", "--cluster", "wide.yaml"]);
    assert!(wide.code == 1 && wide.stdout.contains("adds web-3"), "{}", wide.stdout);
    assert!(run(&["check", "--cluster", "wide.yaml"]).code == 0 && run(&["check"]).code == 1);
}

fn mutating(spec: &str) -> String {
    format!(
        "{SHOP}---
apiVersion: admissionregistration.k8s.io/v1
kind: MutatingAdmissionPolicy
metadata: {{name: sets}}
spec:
  matchConstraints: {{resourceRules: [{{apiGroups: [''], apiVersions: [v1], operations: [CREATE, UPDATE], resources: \
[configmaps, pods]}}]}}
  reinvocationPolicy: Never
{spec}
---
apiVersion: admissionregistration.k8s.io/v1
kind: MutatingAdmissionPolicyBinding
metadata: {{name: bound}}
spec: {{policyName: sets}}
---
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicy
metadata: {{name: sees}}
spec:
  matchConstraints: {{resourceRules: [{{apiGroups: [''], apiVersions: [v1], operations: [CREATE, UPDATE], resources: \
[configmaps, pods]}}]}}
  validations: [{{expression: \"false\", messageExpression: \"object.kind == 'Pod' ? object.spec.containers.map(c, \
c.name + (has(c.env) ? '=' + c.env[0].value : '')).join(' ') : object.metadata.?labels.orValue({{}}).map(k, k).join(' \
') + '|' + object.?data.orValue({{}}).map(k, k + '=' + object.data[k]).join(' ')\"}}]
---
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicyBinding
metadata: {{name: seen}}
spec: {{policyName: sees, validationActions: [Deny]}}
"
    )
}

#[test]
fn mutating_policies_change_what_comes_where_it_is_known_how() {
    let apply = |expression: &str| {
        format!(
            "  mutations: [{{patchType: ApplyConfiguration, applyConfiguration: {{expression: \"{expression}\"}}}}]"
        )
    };
    let patch = |expression: &str| {
        format!("  mutations: [{{patchType: JSONPatch, jsonPatch: {{expression: \"{expression}\"}}}}]")
    };
    let object = config("{a: v}");
    let pod = "apiVersion: v1\nkind: Pod\nmetadata: {name: p}\nspec: {containers: [{name: a, image: 'a:1', env: \
               [{name: X, value: x}]}]}\n";
    let sees = "ValidatingAdmissionPolicy 'sees' with binding 'seen' denied request: ";
    let refused = "403 policy 'sets' with binding 'bound' denied request: ";
    for (spec, manifest, said) in [
        (apply("Object{metadata: Object.metadata{labels: {'team': 'x'}}}"), object.as_str(), "app team|a=v"),
        (apply("Object{data: {'b': object.data.a + '!'}}"), &object, "app|a=v b=v!"),
        (
            apply("Object{spec: Object.spec{containers: [Object.spec.containers{name: 'side', image: 'side:1'}]}}"),
            pod,
            "a=x side",
        ),
        (
            apply(
                "Object{spec: Object.spec{containers: object.spec.containers.map(c, Object.spec.containers{name: \
                 c.name, env: [Object.spec.containers.env{name: 'X', value: 'y'}]})}}",
            ),
            pod,
            "a=y",
        ),
        (
            patch("[JSONPatch{op: 'add', path: '/data/' + jsonpatch.escapeKey('c.d'), value: 'w'}]"),
            &object,
            "app|a=v c.d=w",
        ),
        (
            patch("[JSONPatch{op: 'test', path: '/data/a', value: 'z'}, JSONPatch{op: 'remove', path: '/data/a'}]"),
            &object,
            "app|a=v",
        ),
        (
            format!(
                "  matchConditions: [{{name: only, expression: \"object.kind == 'Pod'\"}}]\n{}",
                apply("Object{data: {'b': 'c'}}")
            ),
            &object,
            "app|a=v",
        ),
        (
            format!(
                "  variables: [{{name: all, expression: \"object.data.a\"}}]\n{}",
                apply("Object{data: {'b': variables.all}}")
            ),
            &object,
            "app|a=v b=v",
        ),
    ] {
        let played = on(&mutating(&spec), &[manifest]);
        let words = words(&played);
        assert_eq!(words, [format!("422 {sees}{said}")], "{spec}");
    }
    for (spec, said) in [
        (
            apply("Object{nosuch: 'x'}"),
            "error applying patch: failed to convert patch object to typed object: .nosuch: field not declared in schema",
        ),
        (
            apply("Object{metadata: Object.spec{}}"),
            "type mismatch: unexpected type name \"Object.spec\", expected \"Object.metadata\", which matches",
        ),
        (
            patch("[JSONPatch{op: 'remove', path: '/data/z'}]"),
            "JSON Patch: error in remove for path: '/data/z': Unable to remove nonexistent key: z: missing value",
        ),
    ] {
        let played = on(&mutating(&spec), &[&object]);
        let words = words(&played);
        assert!(words[0].starts_with(&format!("{refused}{said}")), "{spec}: {words:?}");
    }
    let asks = apply("Object{data: {'b': request.userInfo.username}}");
    let played = on(&mutating(&asks), &[&object]);
    let gap = Gap::Decides { kind: "MutatingAdmissionPolicy".into(), name: "sets".into() };
    assert!(played.not_known.contains(&gap), "{:?}", played.not_known);
}

/// What `kubectl get -o yaml` prints of a namespace: pods of a neighbour, a claim of a set that has grown, its volume.
const LIVING: &str = "apiVersion: v1
kind: List
items:
- {apiVersion: v1, kind: Namespace, metadata: {name: shop, uid: n1}}
- apiVersion: v1
  kind: Node
  metadata: {name: a, uid: n2, labels: {kubernetes.io/hostname: a, topology.kubernetes.io/zone: z1}}
  status: {allocatable: {cpu: '4', memory: 8Gi}}
- apiVersion: v1
  kind: ResourceQuota
  metadata: {name: small, namespace: shop, uid: q1}
  spec: {hard: {pods: '3', requests.storage: 30Gi}}
- apiVersion: v1
  kind: Pod
  metadata: {name: other, namespace: shop, uid: p1, ownerReferences: [{apiVersion: apps/v1, kind: ReplicaSet, name: \
o, uid: gone, controller: true}]}
  spec: {nodeName: a, containers: [{name: a, image: 'a:1', resources: {requests: {cpu: '1'}}}]}
  status: {phase: Running}
- apiVersion: v1
  kind: Pod
  metadata: {name: web-0, namespace: shop, uid: p2, ownerReferences: [{apiVersion: apps/v1, kind: StatefulSet, name: \
web, uid: s1, controller: true}]}
  spec: {nodeName: a, containers: [{name: a, image: 'a:1'}]}
  status: {phase: Running}
- apiVersion: v1
  kind: Pod
  metadata: {name: far, namespace: elsewhere, uid: p3}
  spec: {nodeName: a, containers: [{name: a, image: 'a:1', resources: {requests: {cpu: '2'}}}]}
  status: {phase: Running}
- apiVersion: v1
  kind: PersistentVolumeClaim
  metadata: {name: data-web-0, namespace: shop, uid: c1, annotations: {pv.kubernetes.io/bind-completed: 'yes'}}
  spec: {storageClassName: ssd, volumeName: pvc-c1, accessModes: [ReadWriteOnce], resources: {requests: {storage: 20Gi}}}
  status: {phase: Bound, accessModes: [ReadWriteOnce], capacity: {storage: 20Gi}}
- apiVersion: v1
  kind: PersistentVolume
  metadata: {name: pvc-c1, uid: v1}
  spec:
    capacity: {storage: 20Gi}
    accessModes: [ReadWriteOnce]
    storageClassName: ssd
    persistentVolumeReclaimPolicy: Delete
    claimRef: {apiVersion: v1, kind: PersistentVolumeClaim, namespace: shop, name: data-web-0, uid: c1}
    csi: {driver: acme.example, volumeHandle: d1}
  status: {phase: Bound}
- {apiVersion: storage.k8s.io/v1, kind: StorageClass, metadata: {name: ssd, uid: k1}, provisioner: acme.example, \
reclaimPolicy: Delete, volumeBindingMode: Immediate}
";

#[test]
fn what_lives_in_a_cluster_is_there_when_something_is_applied() {
    let set = |replicas: u32, cpu: &str| {
        format!(
            "apiVersion: apps/v1
kind: StatefulSet
metadata: {{name: web, namespace: shop}}
spec:
  serviceName: web
  replicas: {replicas}
  selector: {{matchLabels: {{app: web}}}}
  template:
    metadata: {{labels: {{app: web}}}}
    spec: {{containers: [{{name: web, image: 'web:1', resources: {{requests: {{cpu: {cpu}}}}}, volumeMounts: [{{name: \
             data, mountPath: /data}}]}}]}}
  volumeClaimTemplates:
  - metadata: {{name: data}}
    spec: {{storageClassName: ssd, accessModes: [ReadWriteOnce], resources: {{requests: {{storage: 10Gi}}}}}}
"
        )
    };
    let state = |played: &Rehearsal| {
        let state = &played.steps.last().unwrap().state;
        let pods: Vec<String> = state.pods.iter().map(|pod| format!("{} {}", pod.name.name, pod.ready)).collect();
        let claims: Vec<String> = state
            .claims
            .iter()
            .map(|claim| {
                let volume = claim.volume.clone().unwrap_or_default();
                format!(
                    "{} {} {volume}",
                    claim.name.name,
                    claim.capacity.as_ref().map_or_else(String::new, ToString::to_string)
                )
            })
            .collect();
        (pods.join(", "), claims.join(", "))
    };
    // The claim that is there keeps its size and volume, and the pod of another app is none of ours.
    let one = on(LIVING, &[&set(1, "500m")]);
    assert_eq!(state(&one), ("web-0 true".into(), "data-web-0 20Gi pvc-c1".into()));
    let events = &one.steps[0].state.events;
    assert!(events.is_empty(), "{events:?}");
    // Storage that is used counts: 20Gi and 10Gi are 30Gi, and the third claim has no room.
    let three = on(LIVING, &[&set(3, "100m")]);
    assert_eq!(three.steps[0].denied.len(), 1, "{:?}", state(&three));
    assert!(
        three.steps[0].denied[0].denial.message.contains("used: requests.storage=30Gi"),
        "{:?}",
        three.steps[0].denied
    );
    // So do the pods of the neighbour: three pods there may be, and one is not ours.
    let wide = LIVING.replace("requests.storage: 30Gi", "requests.storage: 90Gi");
    let third = on(&wide, &[&set(3, "100m")]);
    assert!(
        third.steps[0].denied[0].denial.message.contains("used: pods=3, limited: pods=3"),
        "{:?}",
        third.steps[0].denied
    );
    // What others ask of the node is taken: of four processors three are.
    let full = on(LIVING, &[&set(1, "1500m")]);
    assert!(state(&full).0 == "web-0 false", "{:?}", state(&full));
    let fits = on(LIVING, &[&set(1, "1")]);
    assert!(state(&fits).0 == "web-0 true", "{:?}", state(&fits));
    // A claim that was lost is lost here too.
    let lost = on(&LIVING.replace("name: data-web-0, uid: c1}", "name: data-web-0, uid: c0}"), &[&set(1, "1")]);
    assert!(state(&lost).0 == "web-0 false", "{:?}", state(&lost));
}

/// Policies and objects that were drawn, and what an API server said of each: `scripts/draw-policies`.
/// `STATEWRIGHT_POLICIES` names more than are kept here.
#[test]
fn drawn_policies_say_what_the_server_said() {
    let own = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/conformance/policies.jsonl");
    let path = std::env::var_os("STATEWRIGHT_POLICIES").map_or(own, PathBuf::from);
    let (mut count, mut wrong, mut open) = (0, Vec::new(), 0);
    for line in std::fs::read_to_string(path).unwrap().lines() {
        let line: Value = serde_json::from_str(line).unwrap();
        let (mut sources, mut found) = (Sources::default(), Diagnostics::default());
        let namespace = serde_json::json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "drawn",
            "labels": line["namespace"]}});
        let policy = line["policy"].as_array().unwrap().iter().chain([&namespace]).map(Value::to_string);
        let id = sources.add("policy.yaml", policy.collect::<Vec<_>>().join("\n---\n"));
        let facts = ClusterFacts::of_objects(&Inventory::of_texts(&sources, &[id], &mut found));
        let steps = [&line["old"], &line["object"]].into_iter().filter(|object| !object.is_null());
        let bundles: Vec<_> = steps.map(|object| bundle(&mut sources, &object.to_string()).unwrap()).collect();
        let played = rehearse_after(bundles.len() - 1, &bundles, &facts, Version::minor(36), "drawn");
        if played.not_known.iter().any(|gap| matches!(gap, Gap::Decides { .. })) {
            open += 1;
        }
        // Of what does not change nothing is sent.
        if played.steps.last().unwrap().acts[0].act == Act::Unchanged {
            continue;
        }
        count += 1;
        let ours = match &played.steps.last().unwrap().acts[0].act {
            Act::Rejected(rejection) => (i64::from(rejection.code), rejection.message.clone()),
            _ => (200, String::new()),
        };
        let code = line["code"].as_i64().unwrap();
        let real = (if code < 300 { 200 } else { code }, line["message"].as_str().unwrap().to_owned());
        if real != ours {
            wrong.push(format!("{}:\n    real: {real:?}\n    ours: {ours:?}", line["id"]));
        }
    }
    println!("{}\n{count} pairs, {} otherwise than the server, {open} left open", wrong.join("\n"), wrong.len());
    assert!(count > 0 && wrong.len() * 1000 <= count, "too many come out otherwise");
}

/// Workloads whose controllers are not played still need pods, and those meet the same quotas and policies.
#[test]
fn pods_of_other_workloads_meet_what_stands_in_the_way() {
    const CLUSTER: &str = "apiVersion: v1
kind: Namespace
metadata: {name: shop, labels: {pod-security.kubernetes.io/enforce: baseline}}
---
apiVersion: v1
kind: ResourceQuota
metadata: {name: small, namespace: shop}
spec: {hard: {pods: '2'}}
";
    let workload = |kind: &str, spec: &str, more: &str| {
        format!(
            "apiVersion: {}
kind: {kind}
metadata: {{name: web, namespace: shop}}
spec:
  {spec}
  template:
    metadata: {{labels: {{app: web}}}}
    spec: {{restartPolicy: {}, containers: [{{name: web, image: 'web:1'{more}}}]}}
",
            if kind == "Job" { "batch/v1" } else { "apps/v1" },
            if kind == "Job" { "Never" } else { "Always" },
        )
    };
    let selector = "selector: {matchLabels: {app: web}}";
    let scratch = Scratch::new("unplayed");
    scratch.write("cluster.yaml", CLUSTER);
    let checked = |manifest: &str| {
        scratch.write("web.yaml", manifest);
        let run = statewright(scratch.path(), &["check", "--cluster", "cluster.yaml", "web.yaml"]);
        (run.code, run.stderr)
    };
    let quota = "exceeded quota: small, requested: pods=1, used: pods=2, limited: pods=2";
    let level = "violates PodSecurity \"baseline:latest\": privileged (container \"web\" must not set \
                 securityContext.privileged=true)";
    let privileged = ", securityContext: {privileged: true}";
    for (manifest, said) in [
        (workload("Deployment", &format!("replicas: 3\n  {selector}"), ""), format!("gets 2 of its 3 pods: {quota}")),
        (workload("ReplicaSet", &format!("replicas: 3\n  {selector}"), ""), format!("gets 2 of its 3 pods: {quota}")),
        (workload("Job", "parallelism: 3", ""), format!("gets 2 of its 3 pods: {quota}")),
        (workload("Deployment", selector, privileged), format!("does not get its pod: {level}")),
        (workload("DaemonSet", selector, privileged), format!("does not get its pod: {level}")),
    ] {
        let (code, stderr) = checked(&manifest);
        assert!(code == 1 && stderr.contains(&said), "{said} is not said of\n{manifest}\n{stderr}");
    }
    for manifest in [
        workload("Deployment", &format!("replicas: 2\n  {selector}"), ""),
        workload("Job", "suspend: true\n  parallelism: 3", ""),
        workload("Job", "parallelism: 3\n  completions: 2", ""),
        workload("Deployment", &format!("replicas: 3\n  {selector}"), "").replace("shop", "elsewhere"),
    ] {
        let (code, stderr) = checked(&manifest);
        assert!(code == 0 && !stderr.contains("SW0316"), "{manifest}\n{stderr}");
    }
    // A review says it of what changes, and of nothing else.
    let two = workload("Deployment", &format!("replicas: 2\n  {selector}"), "");
    let three = workload("Deployment", &format!("replicas: 3\n  {selector}"), "");
    let map = "---\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: web, namespace: shop}\n";
    let diff = |old: &str, new: &str| {
        scratch.write("old.yaml", old);
        scratch.write("new.yaml", new);
        statewright(scratch.path(), &["diff", "--cluster", "cluster.yaml", "old.yaml", "new.yaml"])
    };
    let run = diff(&two, &three);
    assert!(run.stdout.contains("gets 2 of 3 pods") && run.stdout.contains(quota), "{}", run.stdout);
    let run = diff(&three, &format!("{three}{map}"));
    assert!(!run.stdout.contains(quota), "{}", run.stdout);
    // What runs already has been let in.
    scratch.write(
        "cluster.yaml",
        format!(
            "{CLUSTER}---\napiVersion: v1\nkind: Pod\nmetadata: {{name: web-5d8-x, namespace: shop, uid: p1, labels: {{app: web}}}}\n\
             spec: {{containers: [{{name: web, image: 'web:1'}}]}}\nstatus: {{phase: Running}}\n"
        ),
    );
    let (code, stderr) = checked(&three);
    assert!(code == 0, "{stderr}");
}

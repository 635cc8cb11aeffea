//! `diff --live` and `ci --live`: what runs against what the spec makes, in every format, from dumps and from snapshots.

use crate::commands::{Run, copy, root, statewright};
use crate::scratch::Scratch;
use serde_json::{Value, json};
use statewright::api::change::as_sent;
use statewright::api::custom::Customs;
use statewright::api::way;
use statewright::diagnostic::Diagnostics;
use statewright::json::from_node;
use statewright::k8s::version::Version;
use statewright::k8s::way::Way;
use statewright::source::Sources;

/// The example app, and a dump of a real cluster on which people have worked by hand.
fn kubia(name: &str) -> Scratch {
    let scratch = Scratch::new(name);
    copy(&root().join("examples/kubia"), &scratch.path().join("kubia"));
    scratch.write("dump.yaml", include_str!("../live/dump.yaml"));
    scratch
}

const ARGUMENTS: [&str; 6] = ["kubia", "--env", "dev", "--kubernetes", "1.36", "--live"];

fn diff(scratch: &Scratch, more: &[&str]) -> Run {
    statewright(scratch.path(), &[&["diff"], &ARGUMENTS[..], more].concat())
}

#[test]
fn what_people_did_by_hand_is_told_with_who_did_it() {
    let scratch = kubia("live");
    let run = diff(&scratch, &["dump.yaml"]);
    assert_eq!(run.code, 1, "{}", run.stderr);
    for said in [
        "image is `docker.io/luksa/kubia-pet:1.1` (by `kubectl-set` at",
        "the manifest says `docker.io/luksa/kubia-pet:1.0`",
        "metadata.annotations.owner: `ops` is not in the manifest (by `kubectl-annotate`",
        "spec.sessionAffinity is `ClientIP` (by `kubectl-edit`",
        "`--server-side` is refused: conflict over",
        "orphaned: PersistentVolumeClaim/default/data-kubia-3 of StatefulSet/default/kubia",
        "orphaned: ConfigMap/default/old-settings",
        "kubectl -n default delete pvc data-kubia-3",
        "restarts kubia-2, kubia-1, kubia-0",
        "what runs",
    ] {
        assert!(run.stdout.contains(said), "{said} is not said:\n{}", run.stdout);
    }
    // What a controller and the server do to objects is nobody's drift.
    for quiet in ["volumeName", "pv.kubernetes.io", "clusterIP", "uid", "hunter2"] {
        assert!(!run.stdout.contains(quiet), "{quiet} is told:\n{}", run.stdout);
    }
    // A snapshot says the same.
    let made = statewright(scratch.path(), &["snapshot", "dump.yaml", "--output", "eu.yaml"]);
    assert_eq!(made.code, 0, "{}", made.stderr);
    assert_eq!(diff(&scratch, &["eu.yaml"]).stdout, run.stdout);
}

#[test]
fn every_format_tells_drift_and_orphans() {
    let scratch = kubia("live-formats");
    for format in ["human", "json", "sarif", "github", "gitlab", "junit", "markdown", "html"] {
        let run = diff(&scratch, &["dump.yaml", "--format", format]);
        assert!(run.stdout.contains("kubectl-set") && run.stdout.contains("data-kubia-3"), "{format}: {}", run.stdout);
        assert!(!run.stdout.contains("hunter2"), "{format} shows a Secret");
    }
    let run = diff(&scratch, &["dump.yaml", "--format", "json"]);
    let report: Value = serde_json::from_str(&run.stdout).unwrap();
    assert_eq!(report["against"], "live");
    let live = &report["verdicts"][0]["live"];
    let fields: Vec<&Value> =
        live["drift"].as_array().unwrap().iter().flat_map(|drifted| drifted["fields"].as_array().unwrap()).collect();
    let image = fields.iter().find(|field| field["path"].as_str().unwrap().ends_with("image")).unwrap();
    assert_eq!((&image["drift"], &image["manager"]), (&json!("changed"), &json!("kubectl-set")));
    assert_eq!(image["live"], "docker.io/luksa/kubia-pet:1.1");
    assert_eq!(live["orphans"].as_array().unwrap().len(), 2);
    let run = statewright(scratch.path(), &[&["ci"], &ARGUMENTS[..], &["dump.yaml", "--format", "github"]].concat());
    assert!(run.code == 0 && run.stdout.contains("SW0505"), "{}{}", run.stdout, run.stderr);
}

/// An app that runs and that no spec makes any more is named.
#[test]
fn apps_without_a_spec_are_named() {
    let scratch = kubia("live-stranger");
    let dump =
        include_str!("../live/dump.yaml").replace("app.kubernetes.io/name: kubia", "app.kubernetes.io/name: gone");
    scratch.write("gone.yaml", dump);
    let run = diff(&scratch, &["gone.yaml"]);
    assert!(run.stderr.contains("of gone in default run with its labels"), "{}", run.stderr);
    assert!(!diff(&scratch, &["dump.yaml"]).stderr.contains("run with its labels"));
}

/// Where the spec has moved on too, committed, fresh and live are three.
#[test]
fn committed_fresh_and_live_are_shown_where_they_differ() {
    let scratch = kubia("live-three");
    let spec = std::fs::read_to_string(scratch.path().join("kubia/statewright.yaml")).unwrap();
    scratch.write("kubia/statewright.yaml", spec.replace("kubia-pet:1.0", "kubia-pet:1.2"));
    let run = diff(&scratch, &["dump.yaml"]);
    let said = "committed `docker.io/luksa/kubia-pet:1.0`, the spec makes `docker.io/luksa/kubia-pet:1.2`";
    assert!(run.stdout.contains(said), "{}", run.stdout);
}

/// An object as it runs: what the server stores of a manifest, and what `kubectl apply` leaves on it.
fn running(manifest: &str) -> Value {
    let version = Version::minor(36);
    let (mut sources, mut found) = (Sources::default(), Diagnostics::default());
    let id = sources.add("manifest.yaml", manifest);
    let node = statewright::yaml::read_one(&sources, id, &mut found).unwrap();
    let stored = way::create(Way::Client, &node, &Customs::none(), version).object.unwrap();
    let mut object = from_node(&as_sent(&stored, version));
    let name = object["metadata"]["name"].as_str().unwrap().to_owned();
    object["metadata"]["uid"] = json!(format!("uid-of-{name}"));
    object["metadata"]["creationTimestamp"] = json!("2026-11-28T21:20:48Z");
    object["metadata"]["annotations"]["kubectl.kubernetes.io/last-applied-configuration"] =
        json!(from_node(&node).to_string());
    object
}

/// What somebody has done of a runbook is not in it any more.
#[test]
fn claims_that_have_grown_are_not_grown_again() {
    let scratch = Scratch::new("live-grown");
    let spec = |size: &str| {
        format!(
            "apiVersion: statewright/v1\nkind: App\nname: web\nimage: example.com/web:1.0\nreplicas: 3\nstorage: {{data: \
             {{mount: /data, size: {size}}}}}\nenvironments: {{dev: {{volumes: {{dynamic: {{class: fast}}}}}}}}\n"
        )
    };
    scratch.write("statewright.yaml", spec("1Gi"));
    assert_eq!(statewright(scratch.path(), &["compile"]).code, 0);
    let manifests = statewright(scratch.path(), &["compile", "-o", "yaml"]).stdout;
    let documents = manifests.split("---\n").filter(|text| text.contains("kind:"));
    let mut items: Vec<Value> = documents.map(running).collect();
    assert!(items.len() >= 2, "{manifests}");
    for (ordinal, size) in [(0, "2Gi"), (1, "1Gi"), (2, "2Gi")] {
        items.push(json!({"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": format!("data-web-{ordinal}"),
            "namespace": "default", "uid": format!("c{ordinal}"), "creationTimestamp": "2026-11-28T21:20:48Z",
            "labels": {"app.kubernetes.io/name": "web"}},
            "spec": {"accessModes": ["ReadWriteOnce"], "storageClassName": "fast", "volumeMode": "Filesystem",
                "volumeName": format!("pv-{ordinal}"), "resources": {"requests": {"storage": size}}},
            "status": {"phase": "Bound", "capacity": {"storage": size}}}));
        items.push(json!({"apiVersion": "v1", "kind": "PersistentVolume", "metadata": {"name": format!("pv-{ordinal}"),
            "uid": format!("v{ordinal}"), "creationTimestamp": "2026-11-28T21:20:48Z"},
            "spec": {"accessModes": ["ReadWriteOnce"], "capacity": {"storage": size}, "storageClassName": "fast",
                "persistentVolumeReclaimPolicy": "Delete", "csi": {"driver": "disk.example.com", "volumeHandle": format!("d{ordinal}")},
                "claimRef": {"namespace": "default", "name": format!("data-web-{ordinal}"), "uid": format!("c{ordinal}")}},
            "status": {"phase": "Bound"}}));
    }
    items.push(
        json!({"apiVersion": "storage.k8s.io/v1", "kind": "StorageClass", "metadata": {"name": "fast", "uid": "s",
        "creationTimestamp": "2026-11-28T21:20:48Z"}, "provisioner": "disk.example.com", "allowVolumeExpansion": true,
        "reclaimPolicy": "Delete", "volumeBindingMode": "Immediate"}),
    );
    scratch.write("live.json", json!({"apiVersion": "v1", "kind": "List", "items": items}).to_string());
    let run = statewright(scratch.path(), &["diff", "--live", "live.json", "--kubernetes", "1.36"]);
    assert!(
        !run.stdout.contains("drift: StatefulSet") && !run.stdout.contains("restarts"),
        "{}{}",
        run.stdout,
        run.stderr
    );
    scratch.write("statewright.yaml", spec("2Gi"));
    let run = statewright(scratch.path(), &["diff", "--live", "live.json", "--kubernetes", "1.36"]);
    assert!(run.stdout.contains("patch pvc data-web-1"), "{}{}", run.stdout, run.stderr);
    assert!(
        !run.stdout.contains("patch pvc data-web-0") && !run.stdout.contains("patch pvc data-web-2"),
        "{}",
        run.stdout
    );
}

/// A Secret of the app that somebody has changed is told without a value, old or new, in any form.
#[test]
fn values_of_secrets_are_never_told() {
    let scratch = Scratch::new("live-secret");
    scratch.write(
        "statewright.yaml",
        "apiVersion: statewright/v1\nkind: App\nname: web\nimage: example.com/web:1.0\nobjects:\n- {apiVersion: v1, kind: \
         Secret, metadata: {name: db}, stringData: {password: correcthorse}}\n",
    );
    assert_eq!(statewright(scratch.path(), &["compile"]).code, 0);
    let managed = json!([{"manager": "kubectl-edit", "operation": "Update", "apiVersion": "v1", "fieldsV1": {"f:data": {"f:password": {}}}}]);
    let secret = json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "db", "namespace": "default", "uid": "u",
        "creationTimestamp": "2026-11-28T21:20:48Z", "managedFields": managed, "annotations":
        {"kubectl.kubernetes.io/last-applied-configuration": "{\"stringData\":{\"password\":\"batterystaple\"}}"}},
        "type": "Opaque", "data": {"password": "aHVudGVyMnNlY3JldA=="}});
    scratch.write("live.json", json!({"apiVersion": "v1", "kind": "SecretList", "items": [secret]}).to_string());
    for apply in ["client", "server", "server-forced"] {
        for format in ["human", "json", "sarif", "github", "gitlab", "junit", "markdown", "html"] {
            let run =
                statewright(scratch.path(), &["diff", "--live", "live.json", "--apply", apply, "--format", format]);
            let said = format!("{}{}", run.stdout, run.stderr);
            assert!(said.contains("db"), "{apply} {format}: {said}");
            for secret in ["hunter2", "aHVudGVy", "correcthorse", "Y29ycmVjd", "batterystaple"] {
                assert!(!said.contains(secret), "{apply} {format} shows {secret}: {said}");
            }
        }
    }
}

/// Whatever stands in a dump, it is read or refused.
#[test]
fn dumps_of_any_form_are_read_or_refused() {
    let (mut sources, mut found) = (Sources::default(), Diagnostics::default());
    let id = sources.add("dump.yaml", include_str!("../live/dump.yaml"));
    let dump = statewright::yaml::read_one(&sources, id, &mut found).map(|node| from_node(&node)).unwrap();
    let scratch = kubia("live-hostile");
    let odd = [
        json!(null),
        json!(7),
        json!("\u{1b}[31mred"),
        json!([[[]]]),
        json!({"": {"": null}}),
        json!(true),
        json!([{"name": 1}]),
    ];
    let mut state = 42_usize;
    let mut draw = |below: usize| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) % below.max(1)
    };
    for round in 0..60 {
        let mut changed = dump.clone();
        for _ in 0..4 {
            let mut place = &mut changed;
            for _ in 0..2 + draw(9) {
                let count = place.as_array().map(Vec::len).or_else(|| place.as_object().map(serde_json::Map::len));
                let Some(count) = count.filter(|count| *count > 0) else { break };
                let at = draw(count);
                place = match place {
                    Value::Object(map) => map.values_mut().nth(at).unwrap(),
                    list => &mut list[at],
                };
            }
            *place = odd[draw(odd.len())].clone();
        }
        scratch.write("odd.json", changed.to_string());
        for apply in ["client", "server"] {
            let run = diff(&scratch, &["odd.json", "--apply", apply]);
            assert!(run.code <= 3 && !run.stderr.contains("panicked"), "{round}: {}\n{changed}", run.stderr);
            assert!(!run.stdout.contains('\u{1b}'), "{round}: {}", run.stdout);
        }
        let run = statewright(scratch.path(), &["snapshot", "odd.json"]);
        assert!(run.code <= 2 && !run.stderr.contains("panicked"), "{round}: {}\n{changed}", run.stderr);
        assert!(!run.stdout.contains("hunter2"), "{round}");
    }
}

/// kubectl is asked to read, word by word, and what is asked is shown.
#[test]
#[cfg(unix)]
fn a_context_is_read_by_kubectl_alone() {
    use std::os::unix::fs::PermissionsExt as _;
    let scratch = kubia("live-context");
    let dump = scratch.path().join("dump.yaml");
    let script = format!(
        "#!/bin/sh\necho \"$@\" >> {log}\ncase \"$*\" in *api-resources*) echo pods; echo statefulsets.apps; echo secrets;; *) cat {dump};; esac\n",
        log = scratch.path().join("asked.txt").display(),
        dump = dump.display()
    );
    let kubectl = scratch.write("bin/kubectl", script);
    std::fs::set_permissions(&kubectl, std::fs::Permissions::from_mode(0o755)).unwrap();
    let run = std::process::Command::new(env!("CARGO_BIN_EXE_statewright"))
        .args(["snapshot", "--context", "prod; rm -rf x"])
        .env("PATH", format!("{}:{}", scratch.path().join("bin").display(), std::env::var("PATH").unwrap()))
        .current_dir(scratch.path())
        .output()
        .unwrap();
    let (said, made) = (String::from_utf8(run.stderr).unwrap(), String::from_utf8(run.stdout).unwrap());
    assert!(run.status.success() && made.contains("kind: StatefulSet") && !made.contains("hunter2"), "{said}");
    let asked = std::fs::read_to_string(scratch.path().join("asked.txt")).unwrap();
    let lines: Vec<&str> = asked.lines().collect();
    assert_eq!(
        lines,
        [
            "--context=prod; rm -rf x api-resources --verbs=list -o name",
            "--context=prod; rm -rf x get pods,statefulsets.apps -A -o json --show-managed-fields"
        ]
    );
    assert!(said.contains("$ kubectl --context"), "{said}");
}

//! Snapshots: the same bytes from whatever layout a dump has, nothing of Secrets, and a start for rehearsals that is as
//! good as having played all that came before.

use crate::commands::{root, statewright};
use crate::scenarios::{PARTS, difference};
use crate::scratch::Scratch;
use serde_json::{Value, json};
use statewright::bundle::Bundle;
use statewright::bundle::inventory::Inventory;
use statewright::cluster::facts::ClusterFacts;
use statewright::cluster::rehearse::{Apply, Cluster};
use statewright::cluster::resume::Running;
use statewright::cluster::snapshot::reduce;
use statewright::cluster::world::Provisioners;
use statewright::diagnostic::Diagnostics;
use statewright::scenario;
use statewright::source::Sources;
use statewright::yaml::write_yaml;
use std::path::{Path, PathBuf};

/// A dump with a Secret in each place where one can be, and with what changes by itself.
fn dump() -> Value {
    let managed = |manager: &str, subresource: &str, fields: Value| {
        json!({"manager": manager, "operation": "Update", "apiVersion": "v1", "fieldsType": "FieldsV1",
            "time": "2026-11-28T21:21:20Z", "subresource": subresource, "fieldsV1": fields})
    };
    let meta = |namespace: &str, name: &str| {
        let mut meta = json!({"name": name, "uid": format!("uid-of-{name}"), "resourceVersion": "123",
            "creationTimestamp": "2026-11-28T21:20:48Z", "managedFields": [
                managed("kubectl-edit", "", json!({"f:metadata": {}})), managed("kubelet", "status", json!({"f:status": {}}))]});
        if !namespace.is_empty() {
            meta["namespace"] = json!(namespace);
        }
        meta
    };
    let mut secret_meta = meta("shop", "db");
    secret_meta["annotations"] = json!({
        "kubectl.kubernetes.io/last-applied-configuration": "{\"data\":{\"password\":\"aHVudGVyMnNlY3JldA==\"}}",
        "note": "it is hunter2secret"});
    let conditions = json!([{"type": "Ready", "status": "True", "lastHeartbeatTime": "2026-11-28T22:22:22Z"}]);
    json!({"apiVersion": "v1", "kind": "List", "items": [
        {"apiVersion": "v1", "kind": "Pod", "metadata": meta("shop", "db-0"),
            "spec": {"nodeName": "node-1", "containers": [{"name": "db", "image": "db:1"}], "volumes": [{"name": "kube-api-access-x7k2p"}]},
            "status": {"phase": "Running", "podIP": "10.0.0.7", "conditions": conditions.clone()}},
        {"apiVersion": "v1", "kind": "Secret", "metadata": secret_meta, "type": "Opaque",
            "data": {"password": "aHVudGVyMnNlY3JldA=="}, "stringData": {"token": "hunter2secret"}},
        {"apiVersion": "v1", "kind": "Namespace", "metadata": meta("", "shop"), "status": {"phase": "Active"}},
        {"apiVersion": "v1", "kind": "Node", "metadata": meta("", "node-1"),
            "status": {"allocatable": {"cpu": "4", "memory": "16Gi"}, "images": [{"names": ["a"]}], "conditions": conditions}},
        {"apiVersion": "v1", "kind": "Event", "metadata": meta("shop", "db-0.17"), "message": "hunter2secret"},
        {"apiVersion": "storage.k8s.io/v1", "kind": "StorageClass", "metadata": meta("", "fast"), "provisioner": "disk.example.com"},
        {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": meta("shop", "data-db-0"),
            "spec": {"storageClassName": "fast", "volumeName": "pv-1", "resources": {"requests": {"storage": "2Gi"}}},
            "status": {"phase": "Bound", "capacity": {"storage": "2Gi"}}},
        {"apiVersion": "v1", "kind": "PersistentVolume", "metadata": meta("", "pv-1"),
            "spec": {"capacity": {"storage": "2Gi"}, "claimRef": {"namespace": "shop", "name": "data-db-0", "uid": "uid-of-data-db-0"}},
            "status": {"phase": "Bound"}}]})
}

/// The file of a Troubleshoot bundle that holds objects of a kind.
fn file_of(object: &Value) -> Option<String> {
    let namespace = object["metadata"]["namespace"].as_str().unwrap_or_default();
    Some(match object["kind"].as_str()? {
        "Pod" => format!("pods/{namespace}.json"),
        "PersistentVolumeClaim" => format!("pvcs/{namespace}.json"),
        "Event" => format!("events/{namespace}.json"),
        "Namespace" => "namespaces.json".to_owned(),
        "Node" => "nodes.json".to_owned(),
        "PersistentVolume" => "pvs.json".to_owned(),
        "StorageClass" => "storage-classes.json".to_owned(),
        _ => return None,
    })
}

/// Snapshots of one cluster: from a List, from standard input, from a folder, and from the layout of a support bundle
/// whose lists do not say what they hold.
#[test]
fn the_same_cluster_gives_the_same_bytes_in_every_layout() {
    let scratch = Scratch::new("snapshots");
    let mut dump = dump();
    scratch.write("list.json", dump.to_string());
    let of = |path: &str| {
        let run = statewright(scratch.path(), &["snapshot", path]);
        assert_eq!(run.code, 0, "{path}: {}", run.stderr);
        run
    };
    let list = of("list.json");
    let text = &list.stdout;
    for gone in [
        "hunter2",
        "aHVudGVy",
        "resourceVersion",
        "lastHeartbeat",
        "10.0.0.7",
        "kube-api-access",
        "kind: Event",
        "images:",
    ] {
        assert!(!text.contains(gone), "{gone} is in it: {text}");
    }
    for kept in [
        "password: \"\"",
        "token: \"\"",
        "manager: kubectl-edit",
        "nodeName: node-1",
        "storage: \"2Gi\"",
        "uid: uid-of-db-0",
    ] {
        assert!(text.contains(kept), "{kept} is not in it: {text}");
    }
    let said = &list.stderr;
    assert!(said.contains("service accounts") && said.contains("1 left out") && !said.contains("hunter2"), "{said}");
    // A snapshot of a snapshot is the same, and so is what is read in pieces, in another order and as YAML.
    scratch.write("again.yaml", text);
    assert_eq!(of("again.yaml").stdout, *text);
    let items: Vec<Value> = dump["items"].as_array().unwrap().clone();
    for (number, item) in items.iter().rev().enumerate() {
        let (mut sources, mut found) = (Sources::default(), Diagnostics::default());
        let id = sources.add("t", item.to_string());
        let node = statewright::yaml::read_one(&sources, id, &mut found).unwrap();
        let mut yaml = String::new();
        write_yaml(&node, &mut yaml);
        scratch.write(&format!("folder/{number}/object.yaml"), yaml);
    }
    assert_eq!(of("folder").stdout, *text);
    // A support bundle holds no Secrets.
    let items: Vec<Value> = items.into_iter().filter(|item| item["kind"] != "Secret").collect();
    let mut files: std::collections::BTreeMap<String, Vec<Value>> = std::collections::BTreeMap::new();
    for item in &items {
        let mut bare = item.clone();
        bare.as_object_mut().unwrap().retain(|key, _| key != "kind" && key != "apiVersion");
        files.entry(file_of(item).unwrap()).or_default().push(bare);
    }
    for (file, items) in files {
        let kind = (file == "nodes.json").then_some(json!({"kind": "NodeList", "apiVersion": "v1", "items": items}));
        scratch.write(&format!("bundle/cluster-resources/{file}"), kind.unwrap_or(json!(items)).to_string());
    }
    scratch.write("bundle/cluster-resources/auth-cani-list/shop.json", "{\"status\": {\"resourceRules\": []}}");
    scratch.write("bundle/cluster-resources/pods-errors.json", "[\"forbidden\"]");
    scratch.write("bundle/cluster-resources/groups.json", "[{\"name\": \"apps\", \"versions\": []}]");
    dump["items"] = json!(items);
    scratch.write("list.json", dump.to_string());
    let without = of("list.json").stdout;
    assert_eq!(of("bundle/cluster-resources").stdout, without);
    assert!(without.contains("kind: Pod") && without.contains("kind: PersistentVolumeClaim"));
}

/// A reduced file stands wherever a cluster is described.
#[test]
fn a_snapshot_describes_a_cluster() {
    let scratch = Scratch::new("snapshot-as-cluster");
    scratch.write("list.json", dump().to_string());
    let run = statewright(scratch.path(), &["snapshot", "list.json", "--output", "eu.yaml"]);
    assert_eq!((run.code, run.stdout.as_str()), (0, ""), "{}", run.stderr);
    let claim = "apiVersion: v1\nkind: PersistentVolumeClaim\nmetadata: {name: a, namespace: shop}\nspec: {storageClassName: \
        slow, accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}\n";
    scratch.write("claim.yaml", claim);
    let run = statewright(scratch.path(), &["rehearse", "--cluster", "eu.yaml", "claim.yaml"]);
    assert!(run.stdout.contains("storageclass.storage.k8s.io \"slow\" not found"), "{}{}", run.stdout, run.stderr);
    scratch.write(
        "statewright-workspace.yaml",
        "apiVersion: statewright/v1\nkind: Workspace\nenvironments: {prod: {cluster: eu}}\nclusters: {eu: {snapshot: eu.yaml}}\n",
    );
    scratch.write(
        "web/statewright.yaml",
        "apiVersion: statewright/v1\nkind: App\nname: web\nnamespace: nowhere\nimage: example.com/web:1.0\n",
    );
    let run = statewright(scratch.path(), &["check", "."]);
    assert!(run.stderr.contains("nowhere"), "the snapshot's namespaces are not known: {}", run.stderr);
}

fn folder() -> PathBuf {
    std::env::var_os("STATEWRIGHT_SNAPSHOTS").map_or_else(|| root().join("tests/conformance"), PathBuf::from)
}

/// Goes on from a snapshot with the next step of a scenario.
fn resumed(line: &Value) -> (Value, Value) {
    let recorded = &line["scenario"];
    let number = usize::try_from(line["step"].as_u64().unwrap()).unwrap();
    let (mut sources, mut found) = (Sources::default(), Diagnostics::default());
    // Recordings name a volume by its claim.
    let mut text = line["dump"].as_str().unwrap().to_owned();
    for (uid, name) in line["claims"].as_object().unwrap() {
        text = text.replace(&format!("pvc-{uid}"), &format!("pvc-{}", name.as_str().unwrap()));
    }
    let id = sources.add("dump.yaml", text);
    let dump = statewright::manifests(&sources, &[id], &mut found);
    let mut reduced = String::new();
    for object in reduce(&dump).objects {
        reduced.push_str("---\n");
        write_yaml(&object, &mut reduced);
    }
    let id = sources.add("snapshot.yaml", reduced);
    let objects = Inventory::of_texts(&sources, &[id], &mut found);
    let bundle = |sources: &mut Sources, step: usize| {
        scenario::bundle(sources, recorded["steps"][step]["apply"].as_str().unwrap()).unwrap()
    };
    let (applied, next): (Bundle, Bundle) = (bundle(&mut sources, number - 1), bundle(&mut sources, number));
    let home = recorded["namespace"].as_str().unwrap();
    let version = recorded["kubernetes"].as_str().unwrap().parse().unwrap();
    let facts = ClusterFacts::of_objects(&objects);
    let running = Running { objects: &objects, applied: &applied };
    let (mut cluster, now) = Cluster::resumed(running, &[&next], &facts, version, home);
    assert!(
        now.state.changes == statewright::cluster::state::Changes::default(),
        "it was not at rest: {:?}",
        now.state.changes
    );
    cluster.world.knows_all = true;
    cluster.world.provisioners = Provisioners::Only(vec!["lab.fake/provisioner".into()]);
    let step = &recorded["steps"][number];
    let delete: Vec<(String, String)> = step["delete"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|what| what.as_str()?.split_once('/'))
        .map(|(kind, name)| (kind.to_owned(), name.to_owned()))
        .collect();
    let cascade = scenario::cascade(step);
    let outcome = cluster.run(&Apply { delete: &delete, cascade, ..Apply::new(&next) });
    (step.clone(), scenario::recorded(&outcome, &cluster, home, delete.len()))
}

/// A snapshot of a real control plane after each of thirty recorded scenarios, reduced, goes on to the state that the
/// control plane came to.
#[test]
fn snapshots_go_on_as_the_cluster_did() {
    let text = std::fs::read_to_string(folder().join("snapshots.jsonl")).unwrap_or_default();
    let only = std::env::var("STATEWRIGHT_CONFORMANCE_ID").ok();
    let (mut all, mut wrong) = (0, Vec::new());
    for line in text.lines() {
        let line: Value = serde_json::from_str(line).unwrap();
        let id = line["scenario"]["id"].as_str().unwrap().to_owned();
        if only.as_ref().is_some_and(|only| *only != id) {
            continue;
        }
        all += 1;
        let (was, is) = resumed(&line);
        for (part, view) in PARTS {
            let (was, is) = (view(&was), view(&is));
            if was != is {
                wrong.push(format!("{id} step {} {part}\n    {}", line["step"], difference(&was, &is, "")));
            }
        }
    }
    println!("{}\n{all} snapshots, {} parts otherwise", wrong.join("\n"), wrong.len());
    assert!(all >= 8 || only.is_some(), "no snapshots in {}", folder().display());
    assert!(wrong.is_empty() || only.is_some());
}

/// What each is made from must be there.
#[test]
fn a_dump_with_nothing_in_it_is_no_snapshot() {
    let scratch = Scratch::new("snapshot-empty");
    scratch.write("empty.json", "{\"apiVersion\": \"v1\", \"kind\": \"List\", \"items\": []}");
    let run = statewright(scratch.path(), &["snapshot", "empty.json"]);
    assert!(run.code == 2 && run.stderr.contains("no Kubernetes objects"), "{}", run.stderr);
    assert_eq!(statewright(scratch.path(), &["snapshot"]).code, 2);
    assert!(Path::new(&root()).is_dir());
}

#[test]
fn what_looks_like_a_credential_is_named_and_not_said() {
    let scratch = Scratch::new("telling");
    let set = |value: &str| {
        format!(
            "apiVersion: apps/v1\nkind: StatefulSet\nmetadata: {{name: web, namespace: shop, uid: s}}\nspec:\n  selector: \
             {{matchLabels: {{app: web}}}}\n  template:\n    metadata: {{labels: {{app: web}}}}\n    spec: {{containers: \
             [{{name: web, image: 'web:1', env: [{{name: DB_PASSWORD, {value}}}]}}]}}\n---\napiVersion: v1\nkind: \
             Secret\nmetadata: {{name: db, namespace: shop, uid: t}}\nstringData: {{password: correct-horse-9}}\n"
        )
    };
    scratch.write("dump.yaml", set("value: battery-staple-7"));
    let run = statewright(scratch.path(), &["snapshot", "dump.yaml", "--output", "snapshot.yaml"]);
    assert!(run.stderr.contains("what looks like a credential, in `StatefulSet web`:"), "{}", run.stderr);
    let written = std::fs::read_to_string(scratch.path().join("snapshot.yaml")).unwrap();
    assert!(!run.stderr.contains("battery-staple-7") && !written.contains("correct-horse-9"));
    scratch.write("dump.yaml", set("valueFrom: {secretKeyRef: {name: db, key: password}}"));
    let run = statewright(scratch.path(), &["snapshot", "dump.yaml"]);
    assert!(!run.stderr.contains("credential"), "{}", run.stderr);
}

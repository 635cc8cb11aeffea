//! The rehearsal of a small app, as people and programs see it.

use crate::commands::{root, statewright};
use crate::golden::golden;
use crate::scratch::Scratch;
use statewright::cluster::facts::ClusterFacts;
use statewright::cluster::rehearse::rehearse;
use statewright::diagnostic::Diagnostics;
use statewright::k8s::version::Version;
use statewright::report::rehearsal;
use statewright::scenario::bundle;
use statewright::source::Sources;
use statewright::yaml::read_one;
use std::fmt::Write as _;

const FACTS: &str = "
kubernetes: '1.36'
nodes:
- {name: a, labels: {topology.kubernetes.io/zone: a}, cpu: 4, memory: 16Gi}
storageClasses: []
";

const APP: &str = "
apiVersion: v1
kind: PersistentVolume
metadata: {name: disk-0}
spec:
  capacity: {storage: 1Gi}
  accessModes: [ReadWriteOnce]
  storageClassName: ''
  claimRef: {namespace: pets, name: data-web-0}
  hostPath: {path: /srv/web-0}
---
apiVersion: v1
kind: Service
metadata: {name: web}
spec: {clusterIP: None, selector: {app: web}, ports: [{name: http, port: 80}]}
---
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: web}
spec:
  serviceName: web
  replicas: 2
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers: [{name: web, image: 'acme/web:1.1', volumeMounts: [{name: data, mountPath: /data}]}]
  volumeClaimTemplates:
  - metadata: {name: data}
    spec: {accessModes: [ReadWriteOnce], storageClassName: '', resources: {requests: {storage: 1Gi}}}
";

fn played(facts: &str) -> statewright::cluster::rehearse::Rehearsal {
    let mut sources = Sources::default();
    let mut found = Diagnostics::default();
    let id = sources.add("cluster.yaml", facts);
    let facts = read_one(&sources, id, &mut found).map(|document| ClusterFacts::read(&document, &mut found)).unwrap_or_default();
    assert!(found.is_empty());
    let bundles =
        [APP.to_owned(), APP.replace("1.1", "1.2").replace("replicas: 2", "replicas: 1")].map(|text| bundle(&mut sources, &text).unwrap());
    rehearse(&bundles, &facts, Version::minor(36), "pets")
}

#[test]
fn a_rehearsal_reads_well() {
    let titles = ["before".to_owned(), "after".to_owned()];
    golden("golden/rehearsal.txt", &rehearsal::render(&played(FACTS), &titles, false));
    golden("golden/rehearsal.json", &rehearsal::json(&played(FACTS)));
}

#[test]
fn what_is_not_known_is_said() {
    let rehearsal = rehearsal::render(&played("kubernetes: '1.36'"), &[], false);
    assert!(rehearsal.contains("Not known: the nodes"), "{rehearsal}");
}

#[test]
fn the_command_plays_folders_and_scenario_files() {
    let root = root();
    let fine = statewright(&root, &["rehearse", "examples/kubia/deploy/prod"]);
    assert_eq!(fine.code, 0, "{}", fine.stderr);
    assert!(fine.stdout.contains("kubia-0.kubia"), "{}", fine.stdout);
    let none = statewright(&root, &["rehearse", "no/such/folder"]);
    assert_eq!((none.code, none.stdout.as_str()), (2, ""));
    let several = statewright(&root, &["rehearse", "examples/kubia"]);
    assert!(several.code == 2 && several.stderr.contains("--env"), "{}", several.stderr);
    let compiled = statewright(&root, &["rehearse", "examples/kubia", "--env", "prod"]);
    assert_eq!((compiled.code, compiled.stdout.lines().count()), (0, fine.stdout.lines().count()), "{}", compiled.stderr);
    let recorded = std::fs::read_to_string(root.join("tests/conformance/scenarios.jsonl")).unwrap();
    let played = statewright(&root, &["rehearse", "tests/conformance/scenarios.jsonl"]);
    assert_eq!((played.code, played.stdout.lines().count()), (0, recorded.lines().count()), "{}", played.stderr);
}

/// A set with a claim of a class that makes volumes, and one of a class that does not.
fn sets(count: usize, last_class: &str) -> String {
    let mut text =
        String::from("apiVersion: storage.k8s.io/v1\nkind: StorageClass\nmetadata: {name: fast}\nprovisioner: disk.example.com\n");
    for number in 0..count {
        let class = if number + 1 == count { last_class } else { "fast" };
        let _ = write!(
            text,
            "---
apiVersion: apps/v1
kind: StatefulSet
metadata: {{name: set-{number}}}
spec:
  replicas: 2
  selector: {{matchLabels: {{app: set-{number}}}}}
  template:
    metadata: {{labels: {{app: set-{number}}}}}
    spec:
      containers: [{{name: main, image: \"acme/web:1.4.2\", volumeMounts: [{{name: data, mountPath: /data}}]}}]
  volumeClaimTemplates:
    - metadata: {{name: data}}
      spec: {{storageClassName: {class}, accessModes: [ReadWriteOnce], resources: {{requests: {{storage: 1Gi}}}}}}
"
        );
    }
    text
}

#[test]
fn one_file_may_hold_thousands_of_objects() {
    let folder = Scratch::new("thousands");
    folder.write("cluster.yaml", "storageClasses: [{name: fast, provisioner: disk.example.com}]\n");
    folder.write("all.yaml", sets(2000, "slow"));
    let run = statewright(folder.path(), &["check", "all.yaml", "--cluster", "cluster.yaml"]);
    assert!(run.stderr.contains("claim `data-set-1999-0` will not bind"), "{}", &run.stderr[..run.stderr.len().min(2000)]);
    assert_eq!(run.stderr.matches("SW0313").count(), 1);
}

#[test]
fn what_is_applied_again_changes_nothing_and_a_class_that_nobody_described_is_there() {
    let scratch = Scratch::new("again");
    let text = sets(1, "fast").split_once("---\n").unwrap().1.to_owned();
    scratch.write("web.yaml", &text);
    let run = statewright(scratch.path(), &["rehearse", "web.yaml", "web.yaml"]);
    assert_eq!(run.code, 0, "{}{}", run.stdout, run.stderr);
    let again = run.stdout.split("Step 2").nth(1).unwrap();
    assert!(again.lines().nth(1).unwrap().starts_with("  1 unchanged"), "{again}");
    assert!(again.contains("2/2") && !again.contains("not-known"), "{again}");
    assert!(
        again.contains("Not known: whether there is a StorageClass `fast`: it is assumed to exist, and to provision volumes."),
        "{again}"
    );
}

#[test]
fn two_pods_in_the_network_of_one_node_want_one_port() {
    let scratch = Scratch::new("host-network");
    scratch.write(
        "statewright-workspace.yaml",
        "apiVersion: statewright/v1\nkind: Workspace\nenvironments: {prod: {cluster: eu}}\nclusters: {eu: {nodes: [{name: n1}, {name: n2}]}}\n",
    );
    let spec = |node: &str, network: &str| {
        format!(
            "apiVersion: statewright/v1\nkind: App\nname: hn\nimage: example.com/x:1.0\nreplicas: 2\nports: {{http: 80}}\nprobes: {{ready: {{http: /}}}}\nstorage: {{data: {{mount: /data, size: 1Gi}}}}\nvolumes: {{hostPath: {{path: \"/d/{{{{ ordinal }}}}\", node: {node}}}}}\n{network}"
        )
    };
    scratch.write("hn/statewright.yaml", spec("n1", "pod: {hostNetwork: true}\n"));
    let run = statewright(scratch.path(), &["check"]);
    let said = format!("{}{}", run.stdout, run.stderr);
    assert!(run.code == 1 && said.contains("SW0314") && said.contains("didn't have free ports for the requested pod ports"), "{said}");
    scratch.write("hn/statewright.yaml", spec("n1", ""));
    assert_eq!(statewright(scratch.path(), &["check"]).code, 0);
}

#[test]
fn a_first_apply_leaves_out_what_is_null() {
    let folder = Scratch::new("nulls");
    let policy =
        "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {name: a, labels: null}\nspec: {podSelector: {}}\nstatus: null\n";
    folder.write("policy.yaml", policy);
    let run = statewright(folder.path(), &["rehearse", "policy.yaml"]);
    assert!(run.stdout.contains("1 created"), "{}{}", run.stdout, run.stderr);
}

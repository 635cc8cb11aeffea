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
    let facts = read_one(&sources, id, &mut found)
        .map(|document| ClusterFacts::read(&document, &mut found))
        .unwrap_or_default();
    assert!(found.is_empty());
    let bundles = [APP.to_owned(), APP.replace("1.1", "1.2").replace("replicas: 2", "replicas: 1")]
        .map(|text| bundle(&mut sources, &text).unwrap());
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
    assert_eq!(
        (compiled.code, compiled.stdout.lines().count()),
        (0, fine.stdout.lines().count()),
        "{}",
        compiled.stderr
    );
    let recorded = std::fs::read_to_string(root.join("tests/conformance/scenarios.jsonl")).unwrap();
    let played = statewright(&root, &["rehearse", "tests/conformance/scenarios.jsonl"]);
    assert_eq!((played.code, played.stdout.lines().count()), (0, recorded.lines().count()), "{}", played.stderr);
}

/// A set with a claim of a class that makes volumes, and one of a class that does not.
fn sets(count: usize, last_class: &str) -> String {
    let mut text = String::from(
        "apiVersion: storage.k8s.io/v1\nkind: StorageClass\nmetadata: {name: fast}\nprovisioner: disk.example.com\n",
    );
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
    assert!(
        run.stderr.contains("claim `data-set-1999-0` will not bind"),
        "{}",
        &run.stderr[..run.stderr.len().min(2000)]
    );
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
        again.contains(
            "Not known: whether there is a StorageClass `fast`: it is assumed to exist, and to provision volumes."
        ),
        "{again}"
    );
}

#[test]
fn two_pods_in_the_network_of_one_node_want_one_port() {
    let scratch = Scratch::new("host-network");
    scratch.write(
        "statewright-workspace.yaml",
        "apiVersion: statewright/v1\nkind: Workspace\nenvironments: {prod: {cluster: eu}}\nclusters: {eu: {nodes: \
            [{name: n1}, {name: n2}]}}\n",
    );
    let spec = |node: &str, network: &str| {
        format!(
            "apiVersion: statewright/v1\nkind: App\nname: hn\nimage: example.com/x:1.0\nreplicas: 2\nports: {{http: \
                80}}\nprobes: {{ready: {{http: /}}}}\nstorage: {{data: {{mount: /data, size: 1Gi}}}}\nvolumes: \
                {{hostPath: {{path: \"/d/{{{{ ordinal }}}}\", node: {node}}}}}\n{network}"
        )
    };
    scratch.write("hn/statewright.yaml", spec("n1", "pod: {hostNetwork: true}\n"));
    let run = statewright(scratch.path(), &["check"]);
    let said = format!("{}{}", run.stdout, run.stderr);
    assert!(
        run.code == 1 && said.contains("SW0314") && said.contains("didn't have free ports for the requested pod ports"),
        "{said}"
    );
    scratch.write("hn/statewright.yaml", spec("n1", ""));
    assert_eq!(statewright(scratch.path(), &["check"]).code, 0);
}

#[test]
fn a_first_apply_leaves_out_what_is_null() {
    let folder = Scratch::new("nulls");
    let policy = "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {name: a, labels: null}\nspec: \
        {podSelector: {}}\nstatus: null\n";
    folder.write("policy.yaml", policy);
    let run = statewright(folder.path(), &["rehearse", "policy.yaml"]);
    assert!(run.stdout.contains("1 created"), "{}{}", run.stdout, run.stderr);
}

/// Bundles on three nodes of four processors each, played one after the other.
fn steps(bundles: &[String]) -> Vec<statewright::cluster::rehearse::Outcome> {
    let facts = "
nodes:
- {name: a, cpu: 4, memory: 16Gi, labels: {disk: ssd}}
- {name: b, cpu: 4, memory: 16Gi}
- {name: c, cpu: 4, memory: 16Gi}
storageClasses: [{name: fast, provisioner: disk.example.com, default: true}]
";
    let (mut sources, mut found) = (Sources::default(), Diagnostics::default());
    let id = sources.add("cluster.yaml", facts);
    let facts = read_one(&sources, id, &mut found)
        .map(|document| ClusterFacts::read(&document, &mut found))
        .unwrap_or_default();
    let bundles: Vec<_> = bundles.iter().map(|text| bundle(&mut sources, text).unwrap()).collect();
    rehearse(&bundles, &facts, Version::NEWEST, "pets").steps
}

/// A set whose pods each ask for some processors, of a class of priority.
fn workers(name: &str, replicas: usize, cpu: usize, class: &str, more: &str) -> String {
    format!(
        "---
apiVersion: apps/v1
kind: StatefulSet
metadata: {{name: {name}}}
spec:
  replicas: {replicas}
  selector: {{matchLabels: {{app: {name}}}}}
  template:
    metadata: {{labels: {{app: {name}}}}}
    spec:
      priorityClassName: {class}
      containers: [{{name: main, image: 'acme/web:1.4.2', resources: {{requests: {{cpu: {cpu}}}}}}}]
{more}
"
    )
}

const CLASSES: &str = "
apiVersion: scheduling.k8s.io/v1
kind: PriorityClass
metadata: {name: low}
value: 10
---
apiVersion: scheduling.k8s.io/v1
kind: PriorityClass
metadata: {name: high}
value: 1000
---
apiVersion: scheduling.k8s.io/v1
kind: PriorityClass
metadata: {name: polite}
value: 1000
preemptionPolicy: Never
";

/// The pods that have a place, and why others have none.
fn placed(outcome: &statewright::cluster::rehearse::Outcome) -> (Vec<&str>, String) {
    let pods = &outcome.state.pods;
    let why = pods.iter().filter_map(|pod| pod.why.as_ref()?.message.as_deref()).collect::<Vec<_>>().join("; ");
    (pods.iter().filter(|pod| pod.ready).map(|pod| pod.name.name.as_str()).collect(), why)
}

#[test]
fn the_more_important_pod_takes_the_place_of_the_youngest() {
    let low = format!("{CLASSES}{}", workers("low", 3, 3, "low", ""));
    let played = steps(&[low.clone(), format!("{low}{}", workers("high", 1, 3, "high", ""))]);
    let (ready, why) = placed(&played[1]);
    assert_eq!(ready, ["high-0", "low-0", "low-1"], "{why}");
    assert!(played[1].state.changes.pods.replaced.iter().map(|pod| pod.name.as_str()).eq(["low-2"]));
    assert!(
        why.contains(
            "3 Insufficient cpu. preemption: 0/3 nodes are available: 3 No preemption victims found for incoming pod."
        ),
        "{why}"
    );
    // As many go as must, and no more: two small ones make room for a large one, on one node.
    let small = format!("{CLASSES}{}", workers("low", 9, 1, "low", ""));
    let played = steps(&[small.clone(), format!("{small}{}", workers("high", 1, 3, "high", ""))]);
    assert_eq!(
        (placed(&played[1]).0.len(), played[1].state.changes.pods.replaced.len()),
        (10, 2),
        "{:?}",
        placed(&played[1])
    );
}

#[test]
fn who_may_not_or_need_not_preempt_waits() {
    let low = format!("{CLASSES}{}", workers("low", 3, 3, "low", ""));
    for (class, cpu, said) in [
        ("polite", 3, "preemption: not eligible due to preemptionPolicy=Never."),
        ("low", 3, "3 No preemption victims found for incoming pod."),
        ("high", 5, "3 Preemption is not helpful for scheduling."),
    ] {
        let played = steps(&[low.clone(), format!("{low}{}", workers("other", 1, cpu, class, ""))]);
        let (ready, why) = placed(&played[1]);
        assert_eq!(ready, ["low-0", "low-1", "low-2"], "{class}");
        assert!(why.contains(said), "{class}: {why}");
    }
}

#[test]
fn a_budget_turns_preemption_to_pods_that_nothing_protects() {
    let budget = "---
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata: {name: kept}
spec: {minAvailable: 1, selector: {matchLabels: {app: kept}}}
";
    let low = format!("{CLASSES}{}{}{budget}", workers("loose", 2, 3, "low", ""), workers("kept", 1, 3, "low", ""));
    let played = steps(&[low.clone(), format!("{low}{}", workers("high", 1, 3, "high", ""))]);
    // `kept-0` is the youngest, and stays.
    assert_eq!(placed(&played[1]).0, ["high-0", "kept-0", "loose-0"]);
}

#[test]
fn a_claim_made_for_a_pod_goes_with_it() {
    let volume = "      volumes:
      - name: scratch
        ephemeral: {volumeClaimTemplate: {spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: \
        1Gi}}}}}";
    let set = |replicas: usize| format!("{CLASSES}{}", workers("web", replicas, 1, "low", volume));
    let played = steps(&[set(2), set(1)]);
    let claims = |step: usize| {
        let claims = played[step].state.claims.iter();
        claims.map(|claim| (claim.name.name.as_str(), claim.owner[0].name.as_str())).collect::<Vec<_>>()
    };
    assert_eq!(claims(0), [("web-0-scratch", "web-0"), ("web-1-scratch", "web-1")]);
    assert_eq!(placed(&played[0]).0, ["web-0", "web-1"]);
    assert_eq!(claims(1), [("web-0-scratch", "web-0")]);
    assert_eq!(played[1].state.volumes.len(), 1);
    // A claim of that name which is somebody else's is not taken.
    let other = "---
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: web-0-scratch}
spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}
";
    let played = steps(&[format!("{CLASSES}{other}{}", workers("web", 1, 1, "low", volume))]);
    let (ready, why) = placed(&played[0]);
    assert!(
        ready.is_empty()
            && why.contains("PVC pets/web-0-scratch was not created for pod pets/web-0 (pod is not owner)"),
        "{why}"
    );
}

#[test]
fn a_class_of_runtimes_costs_and_chooses() {
    let class = |more: &str| {
        format!(
            "{CLASSES}---\napiVersion: node.k8s.io/v1\nkind: RuntimeClass\nmetadata: {{name: gvisor}}\nhandler: \
                gvisor\n{more}\n"
        )
    };
    let run = "      runtimeClassName: gvisor";
    let played = |class: String, run: &str| steps(&[format!("{class}{}", workers("web", 1, 3, "low", run))]).remove(0);
    assert_eq!(placed(&played(class("scheduling: {nodeSelector: {disk: ssd}}"), run)).0, ["web-0"]);
    let unfit = played(class("scheduling: {nodeSelector: {disk: none}}"), run);
    assert!(placed(&unfit).1.contains("3 node(s) didn't match Pod's node affinity/selector"), "{:?}", placed(&unfit));
    let full = played(class("overhead: {podFixed: {cpu: 2}}"), run);
    assert!(placed(&full).1.contains("3 Insufficient cpu"), "{:?}", placed(&full));
    for (class, run, said) in [
        (
            class("scheduling: {nodeSelector: {disk: ssd}}"),
            "      runtimeClassName: gvisor\n      nodeSelector: {disk: hdd}",
            "conflict: ",
        ),
        (
            class("overhead: {podFixed: {cpu: 1}}"),
            "      runtimeClassName: gvisor\n      overhead: {cpu: 2}",
            "doesn't match RuntimeClass's",
        ),
        (class(""), "      overhead: {cpu: 2}", "Pod Overhead set without corresponding RuntimeClass defined Overhead"),
    ] {
        let outcome = played(class, run);
        let said_of_set = |event: &statewright::cluster::state::EventState| {
            event.reason == "FailedCreate" && event.message.contains(said)
        };
        assert!(
            outcome.state.pods.is_empty() && outcome.state.events.iter().any(said_of_set),
            "{said}: {:?}",
            outcome.state.events
        );
    }
}

/// A spec that names its cluster is judged on that one, as it would be where the workspace names it.
#[test]
fn a_spec_may_name_its_cluster_itself() {
    let scratch = Scratch::new("cluster");
    scratch.write(
        "statewright-workspace.yaml",
        "apiVersion: statewright/v1\nkind: Workspace\nclusters:\n  full: {kubernetes: \"1.33\", manifests: \
            [platform]}\n  free: {}\n",
    );
    scratch.write(
        "platform/quota.yaml",
        "apiVersion: v1\nkind: ResourceQuota\nmetadata: {name: none, namespace: default}\nspec: {hard: {pods: \
            \"0\"}}\n",
    );
    let spec = |environments: &str| {
        let text = "apiVersion: statewright/v1\nkind: App\nname: web\nimage: x/y:1\nprobes: {ready: {http: \
            /}}\nports: {http: 80}\n";
        scratch.write("web/statewright.yaml", format!("{text}environments: {environments}\n"));
        statewright(scratch.path(), &["check"])
    };
    for environments in ["{dev: {cluster: full}}", "{all: {cluster: full}, dev: {base: all}}"] {
        let run = spec(environments);
        assert!(
            run.code == 1 && run.stderr.contains("SW0316") && run.stderr.contains("exceeded quota: none"),
            "{}",
            run.stderr
        );
    }
    for environments in ["{dev: {cluster: free}}", "{dev: {}}"] {
        let run = spec(environments);
        assert_eq!(run.code, 0, "{}", run.stderr);
    }
}

//! What the apps and environments of a run take from each other on one cluster: said with both places, and nothing is
//! written.

use crate::commands::{Run, statewright};
use crate::scratch::Scratch;

fn app(scratch: &Scratch, folder: &str, name: &str, rest: &str) {
    let text = format!(
        "apiVersion: statewright/v1\nkind: App\nname: {name}\nimage: example.com/x:1.0\nports: {{http: 80}}\nprobes: \
            {{ready: {{http: /}}}}\n{rest}\n"
    );
    scratch.write(&format!("{folder}/statewright.yaml"), text);
}

fn workspace(scratch: &Scratch, environments: &str) {
    let text = format!(
        "apiVersion: statewright/v1\nkind: Workspace\nenvironments: {environments}\nclusters: {{eu: {{kubernetes: \
            \"1.33\"}}, us: {{kubernetes: \"1.33\"}}}}\n"
    );
    scratch.write("statewright-workspace.yaml", text);
}

/// Every command that looks at all apps must say it, with these places, and write nothing.
#[track_caller]
fn refused(scratch: &Scratch, code: &str, parts: &[&str]) {
    let before = scratch.files();
    for command in [
        &["compile"][..],
        &["compile", "--check"],
        &["compile", "--force"],
        &["compile", "-o", "yaml"],
        &["ci"],
        &["diff"],
        &["check"],
    ] {
        let run = statewright(scratch.path(), command);
        let said = format!("{}{}", run.stdout, run.stderr);
        assert_eq!(run.code, 1, "{command:?}: {said}");
        assert_eq!(said.matches(code).count(), 1, "{command:?} must say {code} once: {said}");
        for part in parts {
            assert!(said.contains(part), "{command:?} lacks {part}: {said}");
        }
        assert_eq!(before, scratch.files(), "{command:?} wrote");
    }
}

#[track_caller]
fn quiet(scratch: &Scratch) -> Run {
    let run = statewright(scratch.path(), &["check"]);
    assert!(
        run.code == 0 && !run.stderr.contains("SW061") && !run.stdout.contains("SW061"),
        "{}{}",
        run.stdout,
        run.stderr
    );
    let compiled = statewright(scratch.path(), &["compile"]);
    assert_eq!(compiled.code, 0, "{}", compiled.stderr);
    run
}

const DYNAMIC: &str = "storage: {data: {mount: /data, size: 1Gi}}\nvolumes: {dynamic: std}\n";

#[test]
fn two_apps_of_one_name_and_namespace() {
    let scratch = Scratch::new("one-name");
    app(&scratch, "x", "cache", &format!("namespace: shop\n{DYNAMIC}environments: {{prod: {{}}}}"));
    app(&scratch, "y", "cache", &format!("namespace: shop\n{DYNAMIC}environments: {{prod: {{}}}}"));
    let said = "`cache` in prod and `cache` in prod both make StatefulSet shop/cache, and one more object";
    refused(&scratch, "SW0610", &[said, "x/statewright.yaml:3", "y/statewright.yaml:3"]);
    // Other namespaces, other objects.
    app(&scratch, "y", "cache", &format!("namespace: store\n{DYNAMIC}environments: {{prod: {{}}}}"));
    quiet(&scratch);
}

#[test]
fn objects_of_one_name_that_no_app_has_for_itself() {
    let scratch = Scratch::new("one-object");
    let role = |verb: &str| {
        format!(
            "objects: [{{apiVersion: rbac.authorization.k8s.io/v1, kind: ClusterRole, metadata: {{name: reader}}, \
                rules: [{{apiGroups: [\"\"], resources: [pods], verbs: [{verb}]}}]}}]\nenvironments: {{prod: {{}}}}"
        )
    };
    app(&scratch, "a", "a", &role("get"));
    app(&scratch, "b", "b", &role("get"));
    quiet(&scratch);
    app(&scratch, "b", "b", &role("list"));
    refused(
        &scratch,
        "SW0610",
        &["`a` in prod and `b` in prod both make ClusterRole reader: whichever is applied last overwrites the other"],
    );
    let allowed = role("list")
        .replace("environments", "allow: [{rule: object-in-two-apps, reason: the same in the end}]\nenvironments");
    app(&scratch, "b", "b", &allowed);
    quiet(&scratch);
}

#[test]
fn two_environments_on_one_cluster() {
    let scratch = Scratch::new("one-cluster");
    let local = "storage: {data: {mount: /data, size: 1Gi}}\nvolumes: {hostPath: {path: /data/a, node: n1}}\n";
    app(&scratch, "a", "a", local);
    workspace(&scratch, "{blue: {cluster: eu}, green: {cluster: eu, namespace: green}}");
    refused(&scratch, "SW0611", &["`a` in blue and `a` in green both mount directory /data/a on n1"]);
    workspace(&scratch, "{blue: {cluster: eu}, green: {cluster: us, namespace: green}}");
    quiet(&scratch);
    std::fs::remove_dir_all(scratch.path().join("deploy")).unwrap();
    workspace(&scratch, "{blue: {cluster: eu}, green: {cluster: eu}}");
    refused(&scratch, "SW0610", &["`a` in blue and `a` in green both make StatefulSet default/a, and one more object"]);
    // Nobody says which clusters they are: it may be meant, and an app may say so.
    workspace(&scratch, "{blue: {}, green: {namespace: green}}");
    let run = statewright(scratch.path(), &["check"]);
    let said = format!("{}{}", run.stdout, run.stderr);
    assert!(run.code == 0 && said.contains("note[SW0611") && said.contains("if they run on one cluster"), "{said}");
    // Where all apps have it, it is said once.
    for name in ["b", "c"] {
        app(&scratch, name, name, &local.replace("/data/a", &format!("/data/{name}")));
    }
    let run = statewright(scratch.path(), &["check"]);
    let said = format!("{}{}", run.stdout, run.stderr);
    assert!(
        run.code == 0 && said.matches("SW0611").count() == 1 && said.contains(". 2 more apps have such disks"),
        "{said}"
    );
    for name in ["b", "c"] {
        std::fs::remove_dir_all(scratch.path().join(name)).unwrap();
    }
    app(
        &scratch,
        "a",
        "a",
        &format!("{local}allow: [{{rule: disk-in-two-places, reason: two machines of one name}}]\n"),
    );
    quiet(&scratch);
}

/// However many apps allow it, the one that does not is refused.
#[test]
fn many_that_allow_it_do_not_hide_one_that_does_not() {
    let scratch = Scratch::new("many-allowed");
    let disk = |name: &str| {
        format!(
            "storage: {{data: {{mount: /data, size: 1Gi}}}}\nvolumes: {{hostPath: {{path: /data/{name}, node: n1}}}}\n"
        )
    };
    workspace(&scratch, "{blue: {cluster: eu}, green: {cluster: eu, namespace: green}}");
    for number in 0..101 {
        let name = format!("a{number:03}");
        app(
            &scratch,
            &name,
            &name,
            &format!("{}allow: [{{rule: disk-in-two-places, reason: read only}}]\n", disk(&name)),
        );
    }
    app(&scratch, "z", "z", &disk("z"));
    let run = statewright(scratch.path(), &["compile"]);
    assert!(
        run.code == 1 && run.stderr.contains("`z` in blue and `z` in green both mount directory /data/z on n1"),
        "{}",
        run.stderr
    );
}

#[test]
fn an_environment_with_the_disks_of_its_base() {
    let scratch = Scratch::new("base-disks");
    let spec = |stage: &str| {
        format!(
            "replicas: 3\nstorage: {{data: {{mount: /data, size: 1Gi}}}}\nenvironments:\n  prod: {{namespace: pg, \
                volumes: {{gcePersistentDisk: {{disk: \"pg-{{{{ ordinal }}}}\", project: acme, zone: \
                europe-west1-b}}}}}}\n  stage: {{base: prod, namespace: stage{stage}}}\n"
        )
    };
    app(&scratch, "pg", "pg", &spec(""));
    refused(
        &scratch,
        "SW0611",
        &[
            "`pg` in prod and `pg` in stage both mount pd.csi.storage.gke.io disk \
                projects/acme/zones/europe-west1-b/disks/pg-",
            "and 2 more disks",
        ],
    );
    app(&scratch, "pg", "pg", &spec(", volumes: {gcePersistentDisk: {disk: \"stage-{{ ordinal }}\"}}"));
    quiet(&scratch);
}

#[test]
fn one_disk_under_two_apps() {
    let scratch = Scratch::new("one-disk");
    let local = |path: &str, node: &str| {
        format!(
            "storage: {{data: {{mount: /data, size: 1Gi}}}}\nvolumes: {{hostPath: {{path: {path}, node: \
                {node}}}}}\nenvironments: {{prod: {{}}}}"
        )
    };
    app(&scratch, "a", "a", &local("/srv/x", "n1"));
    app(&scratch, "b", "b", &local("/srv/x/", "n1"));
    refused(&scratch, "SW0611", &["`a` in prod and `b` in prod both mount directory /srv/x on n1"]);
    app(&scratch, "b", "b", &local("/srv/x", "n2"));
    quiet(&scratch);
}

#[test]
fn one_node_port_and_one_address() {
    let scratch = Scratch::new("one-port");
    let service = |port: u32, path: &str| {
        format!(
            "services: {{out: {{type: NodePort, ports: {{http: {{port: 80, nodePort: {port}}}}}}}}}\nobjects: \
                [{{apiVersion: networking.k8s.io/v1, kind: Ingress, metadata: {{name: web}}, spec: {{rules: [{{host: \
                shop.example.com, http: {{paths: [{{path: {path}, pathType: Prefix, backend: {{service: {{name: \
                a-out, port: {{number: 80}}}}}}}}]}}}}]}}}}]\nallow: [{{rule: fixed-node-port, reason: a router \
                knows it}}]\n"
        )
    };
    app(&scratch, "a", "a", &format!("namespace: a\n{}environments: {{prod: {{}}}}", service(30080, "/")));
    app(
        &scratch,
        "b",
        "b",
        &format!("namespace: b\n{}environments: {{prod: {{}}}}", service(30080, "/b").replace("a-out", "b-out")),
    );
    refused(
        &scratch,
        "SW0612",
        &["`a` in prod and `b` in prod both want node port 30080/TCP: the API server refuses the second Service"],
    );
    app(
        &scratch,
        "b",
        "b",
        &format!("namespace: b\n{}environments: {{prod: {{}}}}", service(30081, "/b").replace("a-out", "b-out")),
    );
    quiet(&scratch);
    app(
        &scratch,
        "b",
        "b",
        &format!("namespace: b\n{}environments: {{prod: {{}}}}", service(30081, "/").replace("a-out", "b-out")),
    );
    let run = statewright(scratch.path(), &["check"]);
    let said = format!("{}{}", run.stdout, run.stderr);
    assert!(
        run.code == 0 && said.contains("SW0613") && said.contains("both answer at shop.example.com/ (Prefix)"),
        "{said}"
    );
}

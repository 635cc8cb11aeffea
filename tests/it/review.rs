//! What a review says first of each kind of change, and with which exit code.

use crate::commands::{Run, copy, root, statewright};
use crate::scratch::Scratch;
use std::fs;

/// The review of the kubia example after an edit of its spec.
#[track_caller]
fn after(edit: impl Fn(&str) -> String) -> Run {
    let scratch = Scratch::new("review");
    let folder = scratch.path().join("kubia");
    copy(&root().join("examples/kubia"), &folder);
    let spec = folder.join("statewright.yaml");
    let text = fs::read_to_string(&spec).unwrap();
    let edited = edit(&text);
    assert_ne!(text, edited, "the edit changes nothing");
    fs::write(&spec, edited).unwrap();
    statewright(&folder, &["diff", "--env", "dev"])
}

#[track_caller]
fn says(run: &Run, code: i32, first: &str) {
    let line = run.stdout.lines().next().unwrap_or_default();
    let line = line.rsplit_once(" (against ").map_or(line, |(said, _)| said);
    assert_eq!((run.code, line), (code, first), "{}\n{}", run.stdout, run.stderr);
}

fn with(line: &'static str) -> impl Fn(&str) -> String {
    move |text| text.replace("environments:\n", &format!("{line}\nenvironments:\n"))
}

#[test]
fn a_new_image_restarts_the_pods_from_the_last() {
    says(&after(|text| text.replace("pet:1.0", "pet:1.1")), 1, "kubia in dev: restarts kubia-2, kubia-1, kubia-0");
    let on_delete = after(|text| with("update: OnDelete")(&text.replace("pet:1.0", "pet:1.1")));
    assert!(
        on_delete.stdout.starts_with("kubia in dev: ") && !on_delete.stdout.contains("restarts"),
        "{}",
        on_delete.stdout
    );
    let partition = after(|text| with("update: {partition: 2}")(&text.replace("pet:1.0", "pet:1.1")));
    says(&partition, 1, "kubia in dev: restarts kubia-2");
}

#[test]
fn labels_of_objects_and_services_change_in_place() {
    let run = after(|text| text.replace("public: {http: 80}", "public: {http: 81}"));
    says(
        &run,
        1,
        "kubia in dev: changed in place, no pod restarts: Service/default/kubia-public: connections to port 80 fail",
    );
    assert!(run.stdout.contains("spec.ports[http].port: 80 → 81"), "{}", run.stdout);
}

#[test]
fn scaling_up_adds_and_scaling_down_is_a_risk() {
    says(&after(|text| text.replace("replicas: 3", "replicas: 4")), 1, "kubia in dev: adds kubia-3, no pod restarts");
    let run = after(|text| text.replace("replicas: 3", "replicas: 2"));
    assert_eq!(run.code, 3, "{}", run.stdout);
    assert!(
        run.stdout.starts_with("kubia in dev: data at risk: StatefulSet/default/kubia loses 1 of 3 replicas"),
        "{}",
        run.stdout
    );
    let change = "scale-down StatefulSet/default/kubia 3 to 2";
    assert!(run.stdout.contains(change), "{}", run.stdout);
    let acknowledged = after(|text| {
        let items = format!(
            "acknowledge:\n- {{change: {change}, reason: drained}}\n- {{change: remove \
                PersistentVolume/default.data-kubia-2, reason: drained}}\nenvironments:\n"
        );
        text.replace("replicas: 3", "replicas: 2").replace("environments:\n", &items)
    });
    says(&acknowledged, 1, "kubia in dev: removes kubia-2");
    let stale = after(with(
        "acknowledge: [{change: scale-down StatefulSet/default/kubia 9 to 8, reason: long ago}]\nlabels: {a: b}",
    ));
    assert!(stale.stdout.contains("acknowledged, but not what happens here"), "{}", stale.stdout);
}

#[test]
fn a_new_environment_begins_with_the_disks_that_its_volumes_name() {
    let scratch = Scratch::new("new-environment");
    copy(&root().join("examples/kubia"), scratch.path());
    let stage = "  stage: {base: prod, namespace: stage, replicas: 2, volumes: {gcePersistentDisk: {disk: \"stage-{{ \
        ordinal }}\"}}}\n";
    let spec = scratch.path().join("statewright.yaml");
    fs::write(&spec, fs::read_to_string(&spec).unwrap() + stage).unwrap();
    let run = statewright(scratch.path(), &["diff", "--env", "stage"]);
    assert!(run.stdout.starts_with("kubia in stage: new: "), "{}", run.stdout);
    for disk in ["stage-0", "stage-1"] {
        let made = format!("|| gcloud compute disks create {disk} --project acme --zone europe-west1-b --size 100GB\n");
        assert!(run.stdout.contains(&made), "{}", run.stdout);
    }
}

#[test]
fn many_volumes_are_acknowledged_at_once() {
    let risky = after(|text| text.replace("replicas: 3", "replicas: 1"));
    let entries = "acknowledge: [{change: \"scale-down StatefulSet/default/kubia 3 to 1\", reason: \"…\"}, \
                   {change: \"remove PersistentVolume/default.data-kubia-{1..2}\", reason: \"…\"}]";
    assert!(risky.code == 3 && risky.stdout.contains(entries), "{}", risky.stdout);
    let said = entries.replace('…', "drained");
    let with = |said: &str| {
        after(|text| {
            text.replace("replicas: 3", "replicas: 1").replace("environments:\n", &format!("{said}\nenvironments:\n"))
        })
    };
    says(&with(&said), 1, "kubia in dev: removes kubia-2, kubia-1");
    assert_eq!(
        with(&said.replace("{1..2}", "{0..2}")).code,
        3,
        "a range that does not happen as a whole covers nothing"
    );
    for reason in ["…", "", " ", "...", "-"] {
        let empty = with(&entries.replace('…', reason));
        assert_eq!(empty.code, 3, "`{reason}` is no reason\n{}{}", empty.stdout, empty.stderr);
        assert!(empty.stderr.contains("error[SW0152 reason-missing]"), "{}", empty.stderr);
    }
}

#[test]
fn what_the_server_refuses_comes_with_the_steps_that_work() {
    let grown = after(|text| text.replace("size: 1Gi", "size: 2Gi"));
    assert!(
        grown.stdout.starts_with(
            "kubia in dev: refused by the API server: StatefulSet/default/kubia: spec.volumeClaimTemplates[data]"
        ),
        "{}",
        grown.stdout
    );
    let files: Vec<String> =
        (0..3).map(|ordinal| format!("-f deploy/dev/PersistentVolume-default.data-kubia-{ordinal}.yaml ")).collect();
    let apply = format!("kubectl apply {}-f deploy/dev/StatefulSet-kubia.yaml", files.concat());
    for step in ["kubectl -n default delete statefulset kubia --cascade=orphan", &apply] {
        assert!(grown.stdout.contains(step), "{step} is missing\n{}", grown.stdout);
    }
    let managed = after(with("podManagement: Parallel"));
    assert!(
        managed.stdout.contains("to change podManagementPolicy of StatefulSet/default/kubia: no pod restarts:"),
        "{}",
        managed.stdout
    );
    let moved = after(|text| text.replace("/var/lib/kubia/{{ pod }}", "/srv/kubia/{{ pod }}"));
    assert!(
        moved.stdout.contains(
            "to delete and recreate PersistentVolume/default.data-kubia-0: what is on the old disk stays there"
        ),
        "{}",
        moved.stdout
    );
}

#[test]
fn programs_get_the_same() {
    let scratch = Scratch::new("review-json");
    let manifest = |replicas: u32, service: &str| {
        format!(
            "apiVersion: apps/v1\nkind: StatefulSet\nmetadata: {{name: web}}\nspec:\n  replicas: {replicas}\n  \
                serviceName: {service}\n  selector: {{matchLabels: {{app: web}}}}\n  template:\n    metadata: \
                {{labels: {{app: web}}}}\n    spec: {{containers: [{{name: web, image: \"web:1\"}}]}}\n"
        )
    };
    let old = scratch.write("old.yaml", manifest(2, "web"));
    let new = scratch.write("new.yaml", manifest(3, "other"));
    let run =
        statewright(scratch.path(), &["diff", &old.to_string_lossy(), &new.to_string_lossy(), "--format", "json"]);
    let report: serde_json::Value = serde_json::from_str(&run.stdout).unwrap();
    assert_eq!(report["verdicts"][0]["verdict"], "recreate");
    assert_eq!(report["changes"][0]["refusals"][0]["field"], "spec.serviceName");
    assert_eq!(report["changes"][0]["refusals"][0]["type"], "FieldValueInvalid");
    assert_eq!(report["changes"][0]["fields"][0]["path"], "spec.replicas");
}

/// Every format there is.
fn every_format() -> impl Iterator<Item = &'static str> {
    statewright::report::Format::ALL.iter().map(|(name, _)| *name)
}

#[test]
fn what_a_server_fills_in_is_no_change() {
    let scratch = Scratch::new("review-live");
    let manifest = "apiVersion: v1\nkind: Service\nmetadata: {name: web, namespace: shop}\nspec:\n  selector: {app: \
        web}\n  ports: [{port: 80}]\n";
    let filled = "apiVersion: v1\nkind: Service\nmetadata:\n  name: web\n  namespace: shop\n  uid: 1b\n  \
        resourceVersion: \"7\"\n  creationTimestamp: \"2026-01-01T00:00:00Z\"\n\
                  spec:\n  clusterIP: 10.0.0.9\n  clusterIPs: [10.0.0.9]\n  ipFamilies: [IPv4]\n  ipFamilyPolicy: \
                  SingleStack\n  internalTrafficPolicy: Cluster\n  sessionAffinity: None\n  type: ClusterIP\n\
                  \x20 selector: {app: web}\n  ports: [{port: 80, protocol: TCP, targetPort: 80}]\nstatus: \
                  {loadBalancer: {}}\n";
    let remembered = filled.replace(
        "  uid: 1b\n",
        "  uid: 1b\n  annotations: {kubectl.kubernetes.io/last-applied-configuration: \
            '{\"apiVersion\":\"v1\",\"kind\":\"Service\",\"metadata\":{\"name\":\"web\",\"namespace\":\"shop\"},\"spec\":{\"selector\":{\"app\":\"web\"},\"ports\":[{\"port\":80}]}}'}\n",
    );
    let new = scratch.write("new.yaml", manifest);
    for live in [filled, &remembered] {
        let old = scratch.write("old.yaml", live);
        let run = statewright(scratch.path(), &["diff", &old.to_string_lossy(), &new.to_string_lossy()]);
        assert_eq!((run.code, &*run.stdout), (0, "no changes\n"), "{}", run.stderr);
    }
    scratch.write("new.yaml", manifest.replace("port: 80", "port: 81"));
    let run = statewright(scratch.path(), &["diff", "old.yaml", "new.yaml"]);
    assert!(
        run.code == 1 && run.stdout.contains("spec.ports[80]") && !run.stdout.contains("clusterIP"),
        "{}",
        run.stdout
    );
}

#[test]
fn secret_values_stay_secret() {
    let scratch = Scratch::new("review-secret");
    let manifests = |values: [&str; 4], name: &str| {
        format!(
            "apiVersion: v1\nkind: Secret\nmetadata: {{name: db}}\nimmutable: true\nstringData: {{password: {}, \
                user: app}}\n---\n\
             apiVersion: v1\nkind: Secret\nmetadata: {{name: {name}}}\ndata: {{key: {}}}\n---\n\
             apiVersion: apps/v1\nkind: StatefulSet\nmetadata: {{name: web}}\nspec:\n  serviceName: {name}\n  \
             selector: {{matchLabels: {{app: web}}}}\n  \
             template:\n    metadata: {{labels: {{app: web}}}}\n    spec:\n      containers:\n      - name: web\n        image: web:1\n        \
             env:\n        - {{name: DB_PASSWORD, value: {}}}\n        - name: API_TOKEN\n          value: {}\n",
            values[0], values[1], values[2], values[3]
        )
    };
    scratch.write("old.yaml", manifests(["hunter1", "aHVudGVyMQ==", "hunter1", "hunter1"], "old"));
    scratch.write("new.yaml", manifests(["hunter2", "aHVudGVyMg==", "hunter2", "{hunter2: 1}"], "new"));
    scratch.write("more.yaml", manifests(["hunter2", "hunter2!!", "[hunter2]", "{hunter2: 1}"], "new"));
    for format in every_format() {
        for arguments in [
            &["diff", "old.yaml", "new.yaml"][..],
            &["diff", "new.yaml", "more.yaml"],
            &["check", "new.yaml"],
            &["check", "more.yaml"],
        ] {
            let run = statewright(scratch.path(), &[arguments, &["--format", format]].concat());
            assert_eq!(run.code, 1, "{arguments:?}: {}", run.stderr);
            for value in ["hunter", "aHVudGVy"] {
                assert!(
                    !run.stdout.contains(value) && !run.stderr.contains(value),
                    "{arguments:?} {format}\n{}{}",
                    run.stdout,
                    run.stderr
                );
            }
        }
        let run = statewright(scratch.path(), &["diff", "old.yaml", "new.yaml", "--format", format]);
        if ["human", "json", "markdown", "html"].contains(&format) {
            assert!(run.stdout.contains("(hidden") && run.stdout.contains("DB_PASSWORD"), "{}", run.stdout);
        }
    }
}

#[test]
fn a_credential_in_a_spec_is_shown_by_nobody() {
    let scratch = Scratch::new("review-credential");
    let spec = |value: &str| {
        format!(
            "apiVersion: statewright/v1\nkind: App\nname: web\nimage: web:1.0\nenv:\n  DB_PASSWORD: {value}\n  MODE: \
                [fast]\nenvironments:\n  dev:\n    \
             env: {{API_TOKEN: {value}}}\n"
        )
    };
    scratch.write("statewright.yaml", spec("hunter1").replace("[fast]", "fast"));
    assert_eq!(statewright(scratch.path(), &["compile"]).code, 0);
    for (text, word) in [(spec("hunter2").replace("[fast]", "fast"), "restarts web-0"), (spec("[hunter2]"), "SW01")] {
        scratch.write("statewright.yaml", text);
        for format in every_format() {
            for arguments in [&["diff"][..], &["check"], &["compile", "--check"]] {
                let run = statewright(scratch.path(), &[arguments, &["--format", format]].concat());
                let said = format!("{}{}", run.stdout, run.stderr);
                assert!(!said.contains("hunter"), "{arguments:?} {format}\n{said}");
                assert!(
                    arguments != ["diff"] || ["gitlab", "svg"].contains(&format) || said.contains(word),
                    "{format}\n{said}"
                );
            }
        }
    }
}

/// A repository with one workspace and two apps of two environments, all compiled and committed.
fn workspace(name: &str) -> Scratch {
    let scratch = Scratch::new(name);
    scratch.write("statewright-workspace.yaml", "apiVersion: statewright/v1\nkind: Workspace\n");
    for app in ["cart", "shop"] {
        scratch.write(
            &format!("apps/{app}/statewright.yaml"),
            format!(
                "apiVersion: statewright/v1\nkind: App\nname: {app}\nimage: example.com/{app}:1.0\nreplicas: 2\n\
                 storage: {{data: {{mount: /data, size: 1Gi}}}}\nvolumes: {{dynamic: {{class: fast}}}}\n\
                 environments:\n  dev: {{namespace: dev}}\n  stage: {{namespace: stage}}\n"
            ),
        );
    }
    assert_eq!(statewright(scratch.path(), &["compile"]).code, 0);
    git(scratch.path(), &["init", "-q"]);
    git(scratch.path(), &["add", "-A"]);
    git(scratch.path(), &["commit", "-q", "-m", "first"]);
    scratch
}

fn edit(scratch: &Scratch, path: &str, from: &str, to: &str) {
    let path = scratch.path().join(path);
    let text = fs::read_to_string(&path).unwrap();
    assert!(text.contains(from), "{text}");
    fs::write(path, text.replace(from, to)).unwrap();
}

#[test]
fn an_app_that_goes_is_reviewed_until_the_workspace_says_that_it_is_meant() {
    let scratch = workspace("review-gone-app");
    fs::remove_dir_all(scratch.path().join("apps/shop")).unwrap();
    let ways: [&[&str]; 2] = [&["diff"], &["diff", "--against", "HEAD"]];
    for arguments in ways {
        let run = statewright(scratch.path(), arguments);
        assert_eq!(run.code, 3, "{}{}", run.stdout, run.stderr);
        let first = "shop in dev: data at risk: StatefulSet/dev/shop goes: all its pods end at once, its claims \
            data-shop-0 and data-shop-1 stay without a pod";
        assert!(run.stdout.contains(first) && run.stdout.contains("shop in stage: data at risk"), "{}", run.stdout);
        assert!(!run.stdout.contains("cart"), "{}", run.stdout);
    }
    assert_eq!(statewright(scratch.path(), &["compile"]).code, 0);
    assert_eq!(statewright(scratch.path(), &["diff"]).stdout, "no changes (against the files on disk)\n");
    assert_eq!(statewright(scratch.path(), &["diff", "--against", "HEAD"]).code, 3, "the revision still has it");
    assert_eq!(
        statewright(scratch.path(), &["diff", "apps/cart", "--against", "HEAD"]).stdout,
        "no changes (against HEAD)\n",
        "it is not asked about"
    );
    let said = "kind: Workspace\nacknowledge:\n- {change: remove StatefulSet/dev/shop, reason: closed}\n- {change: \
        remove StatefulSet/stage/shop, reason: closed}\n";
    edit(&scratch, "statewright-workspace.yaml", "kind: Workspace\n", said);
    let run = statewright(scratch.path(), &["diff", "--against", "HEAD"]);
    assert_eq!(run.code, 1, "{}", run.stdout);
    assert!(run.stdout.contains("shop in dev: removes shop-1, shop-0"), "{}", run.stdout);
}

/// Where the folders of environments have the app's name in theirs, a revision shows what went as the files do.
#[test]
fn an_environment_that_goes_is_reviewed_wherever_its_folder_was() {
    let scratch = workspace("review-folders-of-environments");
    edit(&scratch, "statewright-workspace.yaml", "kind: Workspace\n", "kind: Workspace\noutput: out/{app}-{env}\n");
    assert_eq!(statewright(scratch.path(), &["compile"]).code, 0);
    git(scratch.path(), &["add", "-A"]);
    git(scratch.path(), &["commit", "-q", "-m", "second"]);
    edit(&scratch, "apps/shop/statewright.yaml", "  stage: {namespace: stage}\n", "");
    for arguments in [&["diff"][..], &["diff", "--against", "HEAD"], &["diff", "--against", "HEAD", "apps/shop"]] {
        let run = statewright(scratch.path(), arguments);
        assert_eq!(run.code, 3, "{arguments:?}: {}{}", run.stdout, run.stderr);
        assert!(run.stdout.starts_with("shop in stage: data at risk: StatefulSet/stage/shop goes"), "{}", run.stdout);
    }
}

#[test]
fn an_environment_that_goes_or_gets_another_name_is_reviewed() {
    let scratch = workspace("review-environments");
    edit(&scratch, "apps/shop/statewright.yaml", "  stage: {namespace: stage}\n", "");
    let ways: [&[&str]; 2] = [&["diff"], &["diff", "--against", "HEAD"]];
    for arguments in ways {
        let run = statewright(scratch.path(), arguments);
        assert_eq!(run.code, 3, "{}{}", run.stdout, run.stderr);
        assert!(run.stdout.starts_with("shop in stage: data at risk: StatefulSet/stage/shop goes"), "{}", run.stdout);
    }
    edit(
        &scratch,
        "apps/shop/statewright.yaml",
        "environments:\n",
        "acknowledge:\n- {change: remove StatefulSet/stage/shop, reason: moved}\nenvironments:\n",
    );
    let run = statewright(scratch.path(), &["diff"]);
    assert_eq!(run.code, 1, "{}", run.stdout);
    edit(
        &scratch,
        "apps/shop/statewright.yaml",
        "acknowledge:\n- {change: remove StatefulSet/stage/shop, reason: moved}\n",
        "",
    );
    edit(&scratch, "apps/shop/statewright.yaml", "environments:\n", "environments:\n  live: {namespace: stage}\n");
    for arguments in ways {
        let run = statewright(scratch.path(), arguments);
        assert!(
            run.code == 0 && run.stdout.starts_with("no changes (against "),
            "the objects are the same: {}{}",
            run.stdout,
            run.stderr
        );
    }
    edit(&scratch, "apps/shop/statewright.yaml", "live: {namespace: stage}", "live: {namespace: live}");
    let run = statewright(scratch.path(), &["diff"]);
    let first = "shop in live, which was shop in stage: data at risk: StatefulSet/stage/shop is renamed to \
        StatefulSet/live/shop";
    assert!(run.code == 3 && run.stdout.starts_with(first), "{}", run.stdout);
}

#[test]
fn an_acknowledgement_is_not_stale_where_another_environment_needs_it() {
    let scratch = workspace("review-acknowledge");
    let entry = "acknowledge:\n- {change: scale-down StatefulSet/stage/shop 2 to 1, reason: drained}\nenvironments:\n";
    edit(&scratch, "apps/shop/statewright.yaml", "environments:\n", entry);
    edit(&scratch, "apps/shop/statewright.yaml", "{namespace: stage}", "{namespace: stage, replicas: 1}");
    let run = statewright(scratch.path(), &["diff"]);
    assert_eq!(run.code, 1, "{}", run.stdout);
    assert!(run.stdout.starts_with("shop in stage: removes shop-1\n"), "{}", run.stdout);
    assert!(!run.stdout.contains("not what happens here") && !run.stdout.contains("shop in dev"), "{}", run.stdout);
    edit(&scratch, "apps/shop/statewright.yaml", ", replicas: 1}", "}");
    let run = statewright(scratch.path(), &["diff"]);
    assert_eq!(run.stdout.matches("not what happens here").count(), 1, "{}", run.stdout);
}

#[test]
fn two_environments_are_compared_with_each_other() {
    let scratch = workspace("review-parity");
    let alike = statewright(scratch.path(), &["compare", "dev", "stage"]);
    assert_eq!((alike.code, &*alike.stdout), (0, "no changes\n"), "{}", alike.stderr);
    edit(&scratch, "apps/shop/statewright.yaml", "{namespace: stage}", "{namespace: stage, replicas: 3}");
    let run = statewright(scratch.path(), &["compare", "dev", "stage"]);
    says(&run, 1, "shop, dev and stage: 1 differ");
    assert!(run.stdout.contains("spec.replicas: 2 → 3"), "{}", run.stdout);
    // Two environments of a change are two reviews.
    assert_eq!(statewright(scratch.path(), &["compile"]).code, 0);
    edit(&scratch, "apps/shop/statewright.yaml", "image: ", "labels: {tier: web}\nimage: ");
    let both = statewright(scratch.path(), &["diff", "--env", "dev", "--env", "stage"]);
    assert!(both.stdout.contains("shop in dev") && both.stdout.contains("shop in stage"), "{}", both.stdout);
}

#[track_caller]
fn git(folder: &std::path::Path, arguments: &[&str]) {
    let mut command = std::process::Command::new("git");
    command.args(["-c", "user.name=t", "-c", "user.email=t@example.com", "-c", "commit.gpgsign=false"]).args(arguments);
    for name in ["GIT_DIR", "GIT_INDEX_FILE", "GIT_WORK_TREE", "GIT_PREFIX"] {
        command.env_remove(name);
    }
    let output = command.current_dir(folder).output().unwrap();
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn an_earlier_revision_is_read_from_git() {
    let scratch = Scratch::new("review-git");
    let folder = scratch.path().join("apps/kubia");
    copy(&root().join("examples/kubia"), &folder);
    git(scratch.path(), &["init", "-q"]);
    git(scratch.path(), &["add", "-A"]);
    git(scratch.path(), &["commit", "-q", "-m", "first"]);
    let spec = folder.join("statewright.yaml");
    let text = fs::read_to_string(&spec).unwrap().replace("pet:1.0", "pet:1.1");
    fs::write(&spec, text).unwrap();
    assert_eq!(statewright(&folder, &["compile"]).code, 0);
    assert_eq!(statewright(&folder, &["diff"]).stdout, "no changes (against the files on disk)\n");
    for (place, path) in [(folder.clone(), "."), (scratch.path().to_path_buf(), "apps/kubia")] {
        let run = statewright(&place, &["diff", path, "--env", "dev", "--against", "HEAD"]);
        says(&run, 1, "kubia in dev: restarts kubia-2, kubia-1, kubia-0");
    }
    let unknown = statewright(&folder, &["diff", "--against", "no-such-revision"]);
    assert!(
        unknown.code == 2 && unknown.stderr.contains("git knows no revision `no-such-revision`"),
        "{}",
        unknown.stderr
    );
}

#[test]
fn what_is_written_twice_counts_as_its_last_one_says() {
    let scratch = Scratch::new("twice");
    let map =
        |value: &str| format!("apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: settings}}\ndata: {{a: {value}}}\n");
    for (folder, values) in [("old", ["b", "c"]), ("new", ["x", "d"])] {
        scratch.write(&format!("{folder}/maps.yaml"), format!("{}---\n{}", map(values[0]), map(values[1])));
    }
    let same = statewright(scratch.path(), &["diff", "new", "new"]);
    assert_eq!((same.code, same.stdout.contains("no changes")), (0, true), "{}{}", same.stdout, same.stderr);
    let other = statewright(scratch.path(), &["diff", "old", "new"]);
    assert!(other.stdout.contains("data.a: \"c\" → \"d\""), "{}{}", other.stdout, other.stderr);
    assert!(!other.stdout.contains("\"x\""), "{}", other.stdout);
    scratch.write("gone/other.yaml", map("e").replace("settings", "others"));
    let gone = statewright(scratch.path(), &["diff", "old", "gone"]);
    assert_eq!(gone.stdout.matches("removed  ConfigMap/settings").count(), 1, "{}", gone.stdout);
}

#[test]
fn findings_in_a_secret_show_no_value() {
    let scratch = Scratch::new("review-finding");
    let file = scratch.write(
        "secret.yaml",
        "apiVersion: v1\nkind: Secret\nmetadata: {name: a}\ndata:\n  password: hunter2!!\nstringData:\n  x: \
            hunter3\n  x: hunter4\n",
    );
    for format in every_format() {
        let run = statewright(scratch.path(), &["check", &file.to_string_lossy(), "--format", format]);
        assert_eq!(run.code, 1);
        assert!(!run.stdout.contains("hunter") && !run.stderr.contains("hunter"), "{}{}", run.stdout, run.stderr);
    }
    assert!(statewright(scratch.path(), &["check", "secret.yaml"]).stderr.contains("password: (hidden)"));
}

#[test]
fn claims_that_are_there_get_the_attributes_of_their_template() {
    let folder = root().join("tests/changes/claim-attributes.recreate");
    let run = statewright(&folder, &["diff", "old.yaml", "new.yaml"]);
    for claim in ["data-web-0", "data-web-1"] {
        let step = format!(
            "kubectl patch pvc {claim} --type merge -p '{{\"spec\":{{\"volumeAttributesClassName\":\"gold\"}}}}'"
        );
        assert!(run.stdout.contains(&step), "{}", run.stdout);
    }
    let wait =
        "kubectl wait --for=jsonpath='{.status.currentVolumeAttributesClassName}'=gold pvc/data-web-0 pvc/data-web-1";
    assert!(run.stdout.contains(wait), "{}", run.stdout);
}

#[test]
fn a_workspace_that_comes_later_takes_the_manifests_to_its_own_place() {
    let scratch = Scratch::new("adopted");
    copy(&root().join("examples/kubia"), &scratch.path().join("apps/kubia"));
    let before = scratch.path().join("apps/kubia/deploy");
    assert!(before.join("dev/StatefulSet-kubia.yaml").is_file());
    scratch.write(
        "statewright-workspace.yaml",
        "apiVersion: statewright/v1\nkind: Workspace\noutput: deploy/{env}/{app}\n",
    );
    let run = statewright(scratch.path(), &["diff"]);
    assert_eq!((run.code, run.stdout.as_str()), (0, "no changes (against the files on disk)\n"), "{}", run.stderr);
    let spec = scratch.path().join("apps/kubia/statewright.yaml");
    let text = fs::read_to_string(&spec).unwrap();
    fs::write(&spec, text.replace("pet:1.0", "pet:1.1")).unwrap();
    let run = statewright(scratch.path(), &["diff", "--env", "dev"]);
    says(&run, 1, "kubia in dev, which was in apps/kubia/deploy/dev: restarts kubia-2, kubia-1, kubia-0");
    let ci = statewright(scratch.path(), &["ci"]);
    assert!(
        ci.code == 1 && format!("{}{}", ci.stdout, ci.stderr).contains("apps/kubia/deploy/dev is left over"),
        "{}",
        ci.stderr
    );
    let compiled = statewright(scratch.path(), &["compile"]);
    assert_eq!(compiled.code, 0, "{}", compiled.stderr);
    assert!(scratch.path().join("deploy/dev/kubia/StatefulSet-kubia.yaml").is_file() && !before.join("dev").exists());
    assert_eq!(statewright(scratch.path(), &["ci"]).code, 0);
}

#[test]
fn what_kubectl_cannot_keep_a_copy_of_is_applied_on_the_server() {
    let scratch = Scratch::new("too-large");
    let map = |size: usize| {
        format!("apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: big}}\ndata: {{a: \"{}\"}}\n", "x".repeat(size))
    };
    scratch.write("old/ConfigMap-big.yaml", map(1_000));
    scratch.write("new/ConfigMap-big.yaml", map(300_000));
    let run = statewright(scratch.path(), &["diff", "old", "new"]);
    assert!(
        run.code == 1 && run.stdout.contains("metadata.annotations: may not be more than 262144 bytes"),
        "{}",
        &run.stdout[..400]
    );
    assert!(
        run.stdout.contains("1. kubectl apply --server-side --force-conflicts -f new/ConfigMap-big.yaml"),
        "{}",
        &run.stdout[..400]
    );
    scratch.write("new/ConfigMap-big.yaml", map(200_000));
    let run = statewright(scratch.path(), &["diff", "old", "new"]);
    assert!(!run.stdout.contains("refused"), "{}", &run.stdout[..400]);
}

//! What is imported compiles to what it was made of, of real repositories and of our own examples; what cannot be is
//! refused with a reason.

use crate::commands::{Run, statewright};
use crate::scratch::Scratch;
use serde_json::Value;
use statewright::bundle::{Bundle, Resource};
use statewright::diagnostic::Diagnostics;
use statewright::disk;
use statewright::import::{Environment, Imported, Options, import};
use statewright::k8s::version::Version;
use statewright::source::Sources;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

fn folder(variable: &str) -> Option<PathBuf> {
    let folder = std::env::var_os(variable).map(PathBuf::from)?;
    assert!(folder.is_dir(), "{variable} is no folder: {}", folder.display());
    Some(folder)
}

/// The manifests of a file, read into shared sources.
fn manifests(path: &Path, sources: &mut Sources) -> Bundle {
    let mut found = Diagnostics::default();
    let id = disk::read_source(&disk::Reach::default(), path, sources, &mut found).unwrap();
    id.map(|id| statewright::manifests(sources, &[id], &mut found)).unwrap_or_default()
}

fn lines(resource: &Resource) -> usize {
    let mut out = String::new();
    statewright::yaml::write_yaml(&resource.node, &mut out);
    out.lines().count()
}

fn wanted() -> Options<'static> {
    Options { named: false, rest: None, keep_going: true, version: Version::default() }
}

fn imported(bundle: Bundle, sources: &Sources) -> (Imported, Vec<String>) {
    let mut found = Diagnostics::default();
    let environment = Environment { name: "default".into(), bundle };
    let imported = import(&[environment], wanted(), &statewright::compile_text, &mut found);
    let said = found
        .resolve(sources)
        .iter()
        .map(|finding| format!("{}:{}: {}", finding.spot.file, finding.spot.line, finding.message))
        .collect();
    (imported, said)
}

/// Each StatefulSet that a real API server accepted, with the other manifests of its folder.
#[test]
fn the_sets_of_real_repositories_come_back_whole() {
    let (Some(corpus), Some(conformance)) = (folder("STATEWRIGHT_CORPUS"), folder("STATEWRIGHT_CONFORMANCE")) else {
        return println!("STATEWRIGHT_CORPUS and STATEWRIGHT_CONFORMANCE are not set: nothing was imported");
    };
    let verdicts = std::fs::read_to_string(conformance.join("corpus-verdicts.jsonl")).unwrap();
    let mut files: BTreeSet<String> = BTreeSet::new();
    for line in verdicts.lines() {
        let line: Value = serde_json::from_str(line).unwrap();
        if line["kind"] == "StatefulSet" && line["verdict"] == "accepted" {
            files.insert(line["file"].as_str().unwrap().to_owned());
        }
    }
    let (mut whole, mut refused, mut patched, mut unsteady) = (0, 0, 0, 0);
    let mut ratios: Vec<(f64, String)> = Vec::new();
    let verbose = std::env::var_os("IMPORT_SHOW").is_some();
    for file in &files {
        let path = corpus.join(file);
        let mut sources = Sources::default();
        let mut bundle = manifests(&path, &mut sources);
        let mut known: BTreeSet<_> = bundle.resources.iter().map(|resource| resource.id.clone()).collect();
        for sibling in disk::find_manifests(&disk::Reach::default(), &[path.parent().unwrap().to_owned()]).unwrap() {
            if sibling.parent() != path.parent() || sibling == path {
                continue;
            }
            let more = manifests(&sibling, &mut sources).resources.into_iter();
            bundle
                .resources
                .extend(more.filter(|resource| resource.id.kind != "StatefulSet" && known.insert(resource.id.clone())));
        }
        let by_id: BTreeMap<_, _> =
            bundle.resources.iter().map(|resource| (resource.id.clone(), lines(resource))).collect();
        let (imported, said) = imported(bundle, &sources);
        refused += imported.refused;
        if imported.refused > 0 {
            println!("REFUSED {file}: {}", said.join("\n    "));
        }
        for app in &imported.apps {
            whole += 1;
            patched += usize::from(app.patched);
            if app.patched {
                println!("PATCHED {file} {}", app.name);
            }
            for review in &app.reviews {
                assert_eq!(review.judgement.verdict.word(), "none", "{file}: {}", statewright::report::line(review));
            }
            let before: usize = app.objects.iter().map(|id| by_id[id]).sum();
            let after: usize = app.files.values().map(|text| text.lines().count()).sum();
            #[expect(clippy::cast_precision_loss, reason = "they are lines")]
            ratios.push((after as f64 / before as f64, format!("{file} {} {after}/{before}", app.name)));
            if verbose {
                println!("==== {file} {} {after}/{before}\n{}", app.name, app.files["statewright.yaml"]);
            }
            let again = statewright::compile_text(&app.files["statewright.yaml"], &app.files);
            let bundle = again.bundles.into_values().next().unwrap();
            let (second, _) = self::imported(bundle, &sources);
            if second.apps.first().map(|other| &other.files) != Some(&app.files) {
                unsteady += 1;
                println!("UNSTEADY {file} {}", app.name);
                if verbose {
                    println!("{}", second.apps.first().map_or("", |other| &other.files["statewright.yaml"]));
                }
            }
        }
    }
    ratios.sort_by(|one, other| one.0.total_cmp(&other.0));
    let median = ratios.get(ratios.len() / 2).map_or(0.0, |(ratio, _)| *ratio);
    for (ratio, name) in ratios.iter().rev().take(12) {
        println!("{ratio:.2} {name}");
    }
    println!(
        "{} files: {whole} whole, {refused} refused, {patched} with patches, {unsteady} unsteady; median {median:.3} \
            of the lines",
        files.len()
    );
    assert!(refused == 0 && whole > 200, "{refused} refused");
    assert!(patched * 20 <= whole, "{patched} of {whole} need patches");
    assert!(median <= 0.4, "{median} of the lines");
}

fn text(resource: &Resource) -> String {
    let mut out = String::new();
    statewright::yaml::write_yaml(&resource.node, &mut out);
    out
}

/// The environments of an example, as they are committed.
fn deployed(example: &Path, sources: &mut Sources) -> Vec<Environment> {
    let mut folders: Vec<PathBuf> =
        std::fs::read_dir(example.join("deploy")).unwrap().map(|entry| entry.unwrap().path()).collect();
    folders.sort();
    let mut environments = Vec::new();
    for folder in folders {
        let files = disk::find_manifests(&disk::Reach::default(), std::slice::from_ref(&folder)).unwrap();
        let resources = files.iter().flat_map(|file| manifests(file, sources).resources).collect::<Vec<_>>();
        let name = folder.file_name().unwrap().to_string_lossy().into_owned();
        environments.push(Environment { name, bundle: Bundle::from(resources) });
    }
    environments
}

/// What our own examples compile to becomes a spec that is hardly longer than the example, and compiles to the same
/// bytes.
#[test]
fn our_own_examples_come_back() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples");
    let mut examples: Vec<PathBuf> = std::fs::read_dir(root).unwrap().map(|entry| entry.unwrap().path()).collect();
    examples.sort();
    let mut wrong = Vec::new();
    for example in examples {
        let mut sources = Sources::default();
        let environments = deployed(&example, &mut sources);
        let name = example.file_name().unwrap().to_string_lossy().into_owned();
        let mut found = Diagnostics::default();
        let imported = import(
            &environments,
            Options { named: true, keep_going: false, ..wanted() },
            &statewright::compile_text,
            &mut found,
        );
        let said: Vec<String> = found.resolve(&sources).into_iter().map(|finding| finding.message).collect();
        let [app] = &imported.apps[..] else {
            wrong.push(format!("{name}: {said:?}"));
            continue;
        };
        let compiled = statewright::compile_text(&app.files["statewright.yaml"], &app.files);
        for environment in &environments {
            let before: BTreeSet<String> = environment.bundle.resources.iter().map(text).collect();
            let after: BTreeSet<String> = compiled.bundles[&environment.name].resources.iter().map(text).collect();
            if before != after {
                let lost: Vec<_> = before.difference(&after).collect();
                let new: Vec<_> = after.difference(&before).collect();
                wrong.push(format!(
                    "{name} {}: other bytes:\n{}\n--- now ---\n{}",
                    environment.name,
                    lost.first().map_or("", |text| text),
                    new.first().map_or("", |text| text)
                ));
            }
        }
        let lines = |text: &str| text.lines().filter(|line| !line.trim_start().starts_with('#')).count();
        let written = lines(&std::fs::read_to_string(example.join("statewright.yaml")).unwrap());
        let now = lines(&app.files["statewright.yaml"]);
        println!("{name}: {now} lines, written by hand {written}\n{}", app.files["statewright.yaml"]);
        if now * 5 > written * 6 {
            wrong.push(format!("{name}: {now} lines, and {written} by hand"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// All examples in one run, each environment by its name: every app becomes one spec, wherever its environments are, and
/// the program compiles what it wrote to what it read.
#[test]
fn all_examples_at_once() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples");
    let mut arguments = vec!["import".to_owned(), "--out".to_owned(), "out".to_owned()];
    let mut inputs = BTreeMap::<(String, String), PathBuf>::new();
    let mut environments = BTreeMap::<String, Vec<PathBuf>>::new();
    for example in std::fs::read_dir(root).unwrap().map(|entry| entry.unwrap().path()) {
        for folder in std::fs::read_dir(example.join("deploy")).unwrap().map(|entry| entry.unwrap().path()) {
            let [environment, app] =
                [&folder, &example].map(|path| path.file_name().unwrap().to_string_lossy().into_owned());
            environments.entry(environment.clone()).or_default().push(folder.clone());
            inputs.insert((app, environment), folder);
        }
    }
    for (environment, folders) in environments {
        for folder in folders {
            arguments.extend(["--env".to_owned(), format!("{environment}={}", folder.display())]);
        }
    }
    let scratch = Scratch::new("import-all");
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let done = run(&scratch, &arguments);
    assert_eq!(done.code, 0, "{}{}", done.stdout, done.stderr);
    let compiled = run(&scratch, &["compile", "out"]);
    assert_eq!(compiled.code, 0, "{}{}", compiled.stdout, compiled.stderr);
    let sets: BTreeSet<&str> = inputs.keys().map(|(app, _)| app.as_str()).collect();
    let specs = std::fs::read_dir(scratch.path().join("out")).unwrap().count();
    assert_eq!(specs, sets.len(), "{}", done.stdout);
    for ((example, environment), folder) in &inputs {
        let set = std::fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
            .find_map(|name| Some(name.strip_prefix("StatefulSet-")?.strip_suffix(".yaml")?.to_owned()))
            .unwrap();
        let made = scratch.path().join(format!("out/{set}/deploy/{environment}"));
        let bodies = |folder: &Path| -> BTreeMap<String, String> {
            let files = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap());
            let files = files.filter(|file| !file.file_name().to_string_lossy().starts_with('.'));
            files
                .map(|file| {
                    let text = std::fs::read_to_string(file.path()).unwrap();
                    // The first line says from which spec it was made.
                    let body = text.split_once('\n').unwrap().1.to_owned();
                    (file.file_name().to_string_lossy().into_owned(), body)
                })
                .collect()
        };
        assert_eq!(bodies(folder), bodies(&made), "{example} {environment}");
    }
}

/// Sets of one name in one folder of a real repository are taken for environments of one app: one spec has them all.
#[test]
fn variants_of_real_sets_become_environments() {
    let Some(corpus) = folder("STATEWRIGHT_CORPUS") else { return };
    let mut variants: BTreeMap<(PathBuf, String), Vec<PathBuf>> = BTreeMap::new();
    for file in disk::find_manifests(&disk::Reach::default(), &[corpus]).unwrap() {
        let bundle = manifests(&file, &mut Sources::default());
        let mut sets = bundle.of_kind("StatefulSet").filter(|set| set.api_version == "apps/v1");
        if let (Some(set), None) = (sets.next(), sets.next()) {
            variants.entry((file.parent().unwrap().to_owned(), set.id.name.to_string())).or_default().push(file);
        }
    }
    let (mut all, mut whole, mut environments, mut lines_before, mut lines_after) = (0, 0, 0, 0, 0);
    for ((_, name), files) in variants.iter().filter(|(_, files)| files.len() > 1) {
        let mut sources = Sources::default();
        let list: Vec<Environment> = files
            .iter()
            .enumerate()
            .map(|(number, file)| Environment { name: format!("e{number}"), bundle: manifests(file, &mut sources) })
            .collect();
        let before: usize = list.iter().flat_map(|environment| &environment.bundle.resources).map(lines).sum();
        let mut found = Diagnostics::default();
        let imported = import(&list, Options { named: true, ..wanted() }, &statewright::compile_text, &mut found);
        all += 1;
        match imported.apps.iter().find(|app| app.name == *name) {
            Some(app) => {
                whole += 1;
                environments += list.len();
                lines_before += before;
                lines_after += app.files.values().map(|text| text.lines().count()).sum::<usize>();
                if std::env::var_os("IMPORT_SHOW").is_some() {
                    println!("==== {files:?}\n{}", app.files["statewright.yaml"]);
                }
            }
            None => {
                // What Kustomize lays over a manifest is none by itself.
                let said: Vec<String> = found.resolve(&sources).into_iter().map(|finding| finding.message).collect();
                println!("REFUSED {files:?}: {said:?}");
                all -= usize::from(said.iter().all(|message| message.starts_with("the API server would refuse")));
            }
        }
    }
    println!(
        "{all} apps with several environments, {whole} whole with {environments}; {lines_after} lines of {lines_before}"
    );
    assert!(all > 5 && whole == all, "{whole} of {all}");
}

const WEB: &str = "\
apiVersion: v1
kind: Service
metadata: {name: web, namespace: shop}
spec: {clusterIP: None, selector: {app: web}, ports: [{name: http, port: 80}]}
---
apiVersion: v1
kind: Secret
metadata: {name: web-secret, namespace: shop}
stringData: {password: do-not-copy-me}
---
apiVersion: batch/v1
kind: Job
metadata: {name: web-hook, namespace: shop, annotations: {helm.sh/hook: pre-install}}
spec: {template: {spec: {restartPolicy: Never, containers: [{name: a, image: \"example.com/a:1\"}]}}}
---
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: web, namespace: shop}
spec:
  serviceName: web
  replicas: 2
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers:
      - name: web
        image: example.com/web:1.0
        args: [\"yes\", \"{{ not an expression }}\", \"{{\", \"1e3\", \"08\", 'on: {a: b}']
        env:
        - {name: A, value: \"no\"}
        - {name: A, value: \"twice\"}
        - {name: PEERS, value: \"web-0.web,web-1.web\"}
        envFrom: [{secretRef: {name: web-secret}}]
        ports: [{containerPort: 80}]
";

fn run(scratch: &Scratch, arguments: &[&str]) -> Run {
    statewright(scratch.path(), arguments)
}

#[test]
fn what_is_awkward_comes_back_and_no_secret_is_copied() {
    let scratch = Scratch::new("import-awkward");
    scratch.write("in/web.yaml", WEB);
    let done = run(&scratch, &["import", "--out", "out", "in"]);
    assert_eq!(done.code, 0, "{}{}", done.stdout, done.stderr);
    let spec = std::fs::read_to_string(scratch.path().join("out/web/statewright.yaml")).unwrap();
    for part in ["{{ '{{' }} not an expression }}", "web-secret"] {
        assert!(spec.contains(part), "{part}\n{spec}");
    }
    assert!(!spec.contains("do-not-copy-me") && !spec.contains("patches"), "{spec}");
    for part in ["Secret/shop/web-secret", "Job/shop/web-hook", "Secrets that must exist: web-secret"] {
        assert!(done.stdout.contains(part), "{part}\n{}", done.stdout);
    }
    // What was written compiles to what was read, by the program itself.
    assert_eq!(run(&scratch, &["compile", "out"]).code, 0);
    let diff = run(&scratch, &["diff", "in", "out/web/deploy/default", "--format", "json"]);
    let diff: Value = serde_json::from_str(&diff.stdout).unwrap();
    let changed: Vec<&str> = diff["changes"]
        .as_array()
        .unwrap()
        .iter()
        .map(|change| change["object"]["kind"].as_str().unwrap_or("?"))
        .collect();
    assert!(!changed.contains(&"StatefulSet") && !changed.contains(&"Service"), "{diff}");
    // And importing that gives the same spec.
    let again = run(&scratch, &["import", "--out", "again", "out/web/deploy/default"]);
    assert_eq!(again.code, 0, "{}{}", again.stdout, again.stderr);
    assert_eq!(std::fs::read_to_string(scratch.path().join("again/web/statewright.yaml")).unwrap(), spec);
}

#[test]
fn nothing_is_written_over() {
    let scratch = Scratch::new("import-over");
    scratch.write("in/web.yaml", WEB);
    scratch.write("out/web/statewright.yaml", "apiVersion: statewright/v1\nkind: App\nname: other\nimage: a\n");
    for arguments in [&["import", "--out", "out", "in"][..], &["import", "--force", "--out", "out", "in"]] {
        let refused = run(&scratch, arguments);
        assert_eq!(refused.code, 2, "{}{}", refused.stdout, refused.stderr);
        assert!(refused.stderr.contains("is there already"), "{}", refused.stderr);
    }
    scratch.write("out/web/statewright.yaml", "apiVersion: statewright/v1\nkind: App\nname: web\nimage: a\n");
    assert_eq!(run(&scratch, &["import", "--out", "out", "in"]).code, 2);
    assert_eq!(run(&scratch, &["import", "--force", "--out", "out", "in"]).code, 0);
    assert!(
        std::fs::read_to_string(scratch.path().join("out/web/statewright.yaml"))
            .unwrap()
            .contains("example.com/web:1.0")
    );
}

#[test]
fn what_no_cluster_takes_is_refused_with_its_place() {
    let scratch = Scratch::new("import-refused");
    let set = |api: &str, more: &str| {
        format!(
            "apiVersion: {api}\nkind: StatefulSet\nmetadata: {{name: old}}\nspec:\n  serviceName: old\n  selector: \
                {{matchLabels: {{a: b}}}}\n  \
             template: {{metadata: {{labels: {{a: b}}}}, spec: {{{more}containers: [{{name: c, image: \
             \"example.com/c:1\"}}]}}}}\n"
        )
    };
    for (name, text, says) in [
        ("beta", set("apps/v1beta1", ""), "`apps/v1beta1` ended with Kubernetes 1.16"),
        ("field", set("apps/v1", "restartPolicy: Never, "), "restartPolicy"),
        ("twice", format!("{}---\n{}", set("apps/v1", ""), set("apps/v1", "hostNetwork: true, ")), "is there twice"),
        ("nameless", set("apps/v1", "").replace("name: old", "generateName: old-"), "has no name"),
        ("yaml", "a: [".to_owned(), "error"),
    ] {
        scratch.write(&format!("{name}/set.yaml"), &text);
        let refused = run(&scratch, &["import", "--out", "out", name]);
        assert_eq!(refused.code, 1, "{name}: {}{}", refused.stdout, refused.stderr);
        assert!(
            refused.stderr.contains(says) && refused.stderr.contains(&format!("{name}/set.yaml:")),
            "{name}: {}",
            refused.stderr
        );
        assert!(!scratch.path().join("out").exists(), "{name}");
    }
}

#[test]
fn what_a_cluster_filled_in_is_taken_out_again() {
    let scratch = Scratch::new("import-live");
    scratch.write(
        "live.yaml",
        "\
apiVersion: v1
kind: List
items:
- apiVersion: apps/v1
  kind: StatefulSet
  metadata: {name: db, namespace: shop, uid: 0a, resourceVersion: '7', creationTimestamp: '2026-01-01T00:00:00Z', \
  generation: 3}
  spec:
    podManagementPolicy: OrderedReady
    persistentVolumeClaimRetentionPolicy: {whenDeleted: Retain, whenScaled: Retain}
    replicas: 2
    revisionHistoryLimit: 10
    serviceName: db
    selector: {matchLabels: {app: db}}
    updateStrategy: {type: RollingUpdate, rollingUpdate: {partition: 0}}
    template:
      metadata: {creationTimestamp: null, labels: {app: db}}
      spec:
        containers:
        - name: db
          image: example.com/db:1.0
          imagePullPolicy: IfNotPresent
          resources: {}
          terminationMessagePath: /dev/termination-log
          terminationMessagePolicy: File
          ports: [{name: db, containerPort: 5432, protocol: TCP}]
        dnsPolicy: ClusterFirst
        restartPolicy: Always
        schedulerName: default-scheduler
        securityContext: {}
        terminationGracePeriodSeconds: 30
  status: {replicas: 2}
- apiVersion: v1
  kind: Service
  metadata: {name: db, namespace: shop, uid: 0b, resourceVersion: '8', creationTimestamp: '2026-01-01T00:00:00Z'}
  spec:
    clusterIP: None
    clusterIPs: [None]
    internalTrafficPolicy: Cluster
    ipFamilies: [IPv4]
    ipFamilyPolicy: SingleStack
    ports: [{name: db, port: 5432, protocol: TCP, targetPort: db}]
    selector: {app: db}
    sessionAffinity: None
    type: ClusterIP
  status: {loadBalancer: {}}
",
    );
    let done = run(&scratch, &["import", "live.yaml"]);
    assert_eq!(done.code, 0, "{}{}", done.stdout, done.stderr);
    let spec = std::fs::read_to_string(scratch.path().join("db/statewright.yaml")).unwrap();
    assert_eq!(
        spec,
        "\
# +argocd:skip-file-rendering
apiVersion: statewright/v1
kind: App
name: db
namespace: shop
recommendedLabels: false
selector: {app: db}
image: example.com/db:1.0
replicas: 2
ports: {db: 5432}
services: {governing: {publishNotReadyAddresses: null}}
"
    );
}

/// What a run wrote before it was cut short is no hindrance to the next; what somebody else wrote is.
#[test]
fn an_import_that_was_cut_short_can_be_run_again() {
    let scratch = Scratch::new("import");
    let config = "line\\n".repeat(30);
    scratch.write(
        "in/a.yaml",
        format!(
            "apiVersion: v1\nkind: Service\nmetadata: {{name: web}}\nspec: {{clusterIP: None, selector: {{app: \
                web}}, ports: [{{name: x, port: 80}}]}}\n\
             ---\napiVersion: v1\nkind: ConfigMap\nmetadata: {{name: cf}}\ndata: {{a.conf: \"{config}\"}}\n\
             ---\napiVersion: apps/v1\nkind: StatefulSet\nmetadata: {{name: web}}\nspec:\n  serviceName: web\n  \
             selector: {{matchLabels: {{app: web}}}}\n  \
             template:\n    metadata: {{labels: {{app: web}}}}\n    spec:\n      containers: [{{name: c, image: \
             \"x/y:1\", volumeMounts: [{{name: cf, \
             mountPath: /etc/cf}}]}}]\n      volumes: [{{name: cf, configMap: {{name: cf}}}}]\n"
        ),
    );
    let import = || statewright(scratch.path(), &["import", "in", "--out", "out"]);
    let run = import();
    assert_eq!(run.code, 0, "{}{}", run.stdout, run.stderr);
    assert!(scratch.path().join("out/web/conf/a.conf").is_file(), "{}", run.stdout);
    std::fs::remove_file(scratch.path().join("out/web/statewright.yaml")).unwrap();
    assert_eq!(import().code, 0, "the specs come last");
    scratch.write("out/web/conf/a.conf", "mine\n");
    let run = import();
    assert!(run.code == 2 && run.stderr.contains("conf/a.conf is there already"), "{}", run.stderr);
    assert_eq!(std::fs::read_to_string(scratch.path().join("out/web/conf/a.conf")).unwrap(), "mine\n");
}

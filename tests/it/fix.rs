//! `check --fix`: what has one right edit is edited in place, comments and order stay, and no file is worse for it.

use crate::commands::{Run, statewright};
use crate::scratch::Scratch;
use serde_json::Value;
use std::collections::BTreeMap;

const SPEC: &str = "\
# The app of the shop.
apiVersion: statewright/v1
kind: App
name: web   # as ever
image: example.com/web:1.0
replica: 3
ports: {http: 8080}
probes: {ready: {http: /}}
services:
  public: {htp: 80}
env: {DEBUG: yes}
storage:
  data: {mount: /data, siez: 1Gi}
volumes: {dynamic: standard}
";

/// The same, mended.
fn mended() -> String {
    SPEC.replace("replica:", "replicas:").replace("htp:", "http:").replace("yes", "\"yes\"").replace("siez", "size")
}

const MANIFEST: &str = "\
# A budget of long ago.
apiVersion: policy/v1beta1
kind: PodDisruptionBudget
metadata: {name: web}
spec:
  # one at a time
  maxUnavailable: 1
  selector: {matchLabels: {app: web}}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: web}
data:
  port: 8080 # a number
";

fn read(scratch: &Scratch, path: &str) -> String {
    std::fs::read_to_string(scratch.path().join(path)).unwrap()
}

#[test]
fn a_file_is_mended_in_place() {
    let scratch = Scratch::new("fix");
    scratch.write("app/statewright.yaml", SPEC);
    scratch.write("manifests/a.yaml", MANIFEST);
    let shown = statewright(scratch.path(), &["check", "--diff", "app", "manifests"]);
    assert_eq!(shown.code, 1, "{}{}", shown.stdout, shown.stderr);
    for line in ["--- app/statewright.yaml", "@@ -6 +6 @@", "-replica: 3", "+replicas: 3", "+apiVersion: policy/v1"] {
        assert!(shown.stdout.lines().any(|shown| shown == line), "{line}\n{}", shown.stdout);
    }
    assert_eq!(
        (read(&scratch, "app/statewright.yaml"), read(&scratch, "manifests/a.yaml")),
        (SPEC.into(), MANIFEST.into())
    );

    let fixed = statewright(scratch.path(), &["check", "--fix", "app", "manifests"]);
    assert_eq!(read(&scratch, "app/statewright.yaml"), mended(), "{}", fixed.stderr);
    let manifests = MANIFEST.replace("v1beta1", "v1").replace("8080", "\"8080\"");
    assert_eq!(read(&scratch, "manifests/a.yaml"), manifests, "{}", fixed.stderr);
    assert_eq!(fixed.code, 0, "{}{}", fixed.stdout, fixed.stderr);
    assert!(fixed.stderr.starts_with("fixed 6 problems in 2 files: "), "{}", fixed.stderr);

    let again = statewright(scratch.path(), &["check", "--fix", "app", "manifests"]);
    assert!(again.code == 0 && !again.stderr.contains("fixed"), "{}", again.stderr);
    assert_eq!(statewright(scratch.path(), &["check", "--diff", "app", "manifests"]).code, 0);
}

#[test]
#[cfg(unix)]
fn a_file_keeps_who_may_read_it() {
    use std::os::unix::fs::PermissionsExt as _;
    let scratch = Scratch::new("fix-mode");
    let path = scratch.write("statewright.yaml", SPEC);
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o640)).unwrap();
    assert_eq!(statewright(scratch.path(), &["check", "--fix"]).code, 0);
    assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o640);
    // And a link is not replaced by a file.
    std::fs::create_dir(scratch.path().join(".git")).unwrap();
    scratch.write("real/a.yaml", SPEC);
    std::fs::create_dir_all(scratch.path().join("linked")).unwrap();
    std::os::unix::fs::symlink("../real/a.yaml", scratch.path().join("linked/statewright.yaml")).unwrap();
    let linked = statewright(scratch.path(), &["check", "--fix", "linked/statewright.yaml"]);
    assert!(linked.code == 2 && linked.stderr.contains("symbolic link"), "{}{}", linked.code, linked.stderr);
    assert_eq!(read(&scratch, "real/a.yaml"), SPEC);
}

/// What compile writes it writes anew: the spec is to be mended.
#[test]
fn what_is_generated_is_left_alone() {
    let scratch = Scratch::new("fix-generated");
    scratch.write("statewright.yaml", mended());
    assert_eq!(statewright(scratch.path(), &["compile"]).code, 0);
    let file = "deploy/default/StatefulSet-web.yaml";
    let edited = read(&scratch, file).replace("replicas:", "replicaz:");
    scratch.write(file, &edited);
    let run = statewright(scratch.path(), &["check", "--fix", file]);
    assert!(run.code == 1 && run.stderr.contains("is generated"), "{}", run.stderr);
    assert_eq!(read(&scratch, file), edited);
}

#[test]
fn no_secret_is_shown() {
    let scratch = Scratch::new("fix-secret");
    let secret = "apiVersion: v1\nkind: Secret\nmetadata: {name: a}\nstringData:\n  pin: 73219864\n";
    let pod = "apiVersion: v1\nkind: Pod\nmetadata: {name: a}\nspec:\n  containers:\n  - {name: a, image: x/y:1, env: \
               [{name: DB_PASSWORD, value: 73219864}]}\n";
    scratch.write("a.yaml", secret);
    scratch.write("b.yaml", pod);
    let shown = statewright(scratch.path(), &["check", "--diff", "a.yaml", "b.yaml"]);
    assert_eq!(shown.code, 1, "{}{}", shown.stdout, shown.stderr);
    assert!(!shown.stdout.contains("73219864") && !shown.stderr.contains("73219864"), "{}", shown.stdout);
    let fixed = statewright(scratch.path(), &["check", "--fix", "a.yaml", "b.yaml"]);
    assert!(!fixed.stdout.contains("73219864") && !fixed.stderr.contains("73219864"), "{}", fixed.stderr);
    assert!(
        read(&scratch, "a.yaml").contains("pin: \"73219864\"") && read(&scratch, "b.yaml").contains("\"73219864\"")
    );
}

/// The blocks of a page fenced as "yaml bad".
fn bad_examples(page: &str) -> impl Iterator<Item = &str> {
    page.split("```yaml bad\n").skip(1).filter_map(|rest| rest.split("```\n").next())
}

fn counts(run: &Run) -> BTreeMap<String, usize> {
    let report: Value = serde_json::from_str(&run.stdout).unwrap_or_else(|error| panic!("{error}: {}", run.stderr));
    let mut counts = BTreeMap::new();
    for finding in report["findings"].as_array().unwrap() {
        *counts.entry(finding["level"].as_str().unwrap().to_owned()).or_default() += 1;
    }
    counts
}

/// Over all bad examples of the pages: what is mended is clean afterwards, nothing is worse, and a second run finds
/// nothing to do.
#[test]
fn examples_of_mistakes_are_mended() {
    let (mut mended, mut wrong) = (Vec::new(), Vec::new());
    for code in statewright::codes() {
        for example in bad_examples(code.page) {
            let scratch = Scratch::new("fix-page");
            let name = if example.contains("kind: App") { "statewright.yaml" } else { "manifest.yaml" };
            if example.contains("kind: Workspace") {
                continue;
            }
            scratch.write(name, example);
            let version: Vec<&str> = example
                .lines()
                .next()
                .and_then(|line| line.strip_prefix("# kubernetes: "))
                .map_or_else(Vec::new, |version| vec!["--kubernetes", version]);
            let check = |more: &[&str]| {
                let path = if name == "manifest.yaml" { name } else { "." };
                statewright(scratch.path(), &[&["check", path], &version[..], more].concat())
            };
            let before = counts(&check(&["--format", "json"]));
            let fixed = check(&["--fix"]);
            let now = read(&scratch, name);
            let after = counts(&check(&["--format", "json"]));
            let errors = |counts: &BTreeMap<String, usize>| counts.get("error").copied().unwrap_or_default();
            if errors(&after) > errors(&before) {
                wrong.push(format!("{}: {before:?} became {after:?}\n{now}", code.name));
            }
            if now != example {
                mended.push(code.name);
                // What an operator would advise was not to be seen before.
                if ["error", "note"].iter().any(|level| after.contains_key(*level)) {
                    wrong.push(format!("{}: {after:?} is left\n{now}\n{}", code.name, fixed.stderr));
                }
                let again = check(&["--fix"]);
                if again.stderr.contains("fixed") {
                    wrong.push(format!("{}: is mended twice\n{}", code.name, again.stderr));
                }
            }
        }
    }
    println!("mended: {mended:?}");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    for name in ["unknown-field", "ambiguous-scalar", "unknown-word", "unknown-port", "unknown-volume"] {
        assert!(mended.contains(&name), "{name} is not mended");
    }
}

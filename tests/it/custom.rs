//! Custom resources in every command: validated where somebody gave their definition, named once and never refused
//! where nobody did.

use crate::commands::{Run, statewright};
use crate::scratch::Scratch;
use std::process::Command;

const CRD: &str = "apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: probes.example.com}
spec:
  group: example.com
  names: {kind: Probe, plural: probes, singular: probe, listKind: ProbeList}
  scope: Namespaced
  versions:
  - name: v1
    served: true
    storage: true
    schema:
      openAPIV3Schema:
        type: object
        properties:
          spec:
            type: object
            required: [interval]
            properties:
              interval: {type: string}
              port: {type: integer}
";

fn probe(spec: &str) -> String {
    format!("apiVersion: example.com/v1\nkind: Probe\nmetadata:\n  name: web\nspec: {spec}\n")
}

fn app(spec: &str) -> String {
    format!(
        "apiVersion: statewright/v1\nkind: App\nname: web\nnamespace: web\nimage: example.com/web:1.0\nobjects:\n- \
            apiVersion: example.com/v1\n  kind: Probe\n  \
         metadata: {{name: web}}\n  spec: {spec}\n"
    )
}

const NOTE: &str = "Probe (example.com/v1) is not validated: no CRD given";

#[track_caller]
fn expect(run: &Run, code: i32, notes: usize) {
    assert_eq!(run.code, code, "{}\n{}", run.stdout, run.stderr);
    assert_eq!(run.stderr.matches(NOTE).count(), notes, "{}\n{}", run.stdout, run.stderr);
    if code == 0 || notes > 0 {
        assert!(!run.stderr.contains("SW0201") && !run.stdout.contains("refused"), "{}\n{}", run.stdout, run.stderr);
    }
}

fn git(scratch: &Scratch, arguments: &[&str]) {
    let author = ["-c", "user.name=a", "-c", "user.email=a@example.org"];
    let output = Command::new("git").args(author).args(arguments).current_dir(scratch.path()).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

/// `t2/sm`: every added or changed custom resource was "refused" by the commands that compare.
#[test]
fn what_nobody_described_is_named_once_and_never_refused() {
    let scratch = Scratch::new("custom-unknown");
    for folder in ["old", "new"] {
        scratch.write(&format!("{folder}/a.yaml"), probe("{interval: 30s}"));
    }
    scratch.write("new/a.yaml", probe("{interval: 60s}"));
    scratch.write("new/b.yaml", probe("{interval: 60s}").replace("name: web", "name: other"));
    expect(&statewright(scratch.path(), &["check", "new"]), 0, 1);
    let run = statewright(scratch.path(), &["diff", "old", "new"]);
    expect(&run, 1, 1);
    assert!(run.stdout.contains("Probe/other") && run.stdout.contains("60s"), "{}", run.stdout);
    expect(&statewright(scratch.path(), &["diff", "new", "new"]), 0, 0);
    let run = statewright(scratch.path(), &["rehearse", "old", "new"]);
    expect(&run, 0, 1);
    assert!(run.stdout.contains("Probe"), "{}", run.stdout);
}

#[test]
fn specs_with_custom_objects_compile_and_are_reviewed() {
    let scratch = Scratch::new("custom-spec");
    scratch.write("web/statewright.yaml", app("{interval: 30s}"));
    scratch.write("other/statewright.yaml", app("{interval: 30s}").replace("name: web", "name: other"));
    expect(&statewright(scratch.path(), &["check"]), 0, 1);
    expect(&statewright(scratch.path(), &["compile"]), 0, 1);
    expect(&statewright(scratch.path(), &["diff"]), 0, 0);
    git(&scratch, &["init", "--quiet", "--initial-branch=main"]);
    git(&scratch, &["add", "."]);
    git(&scratch, &["commit", "--quiet", "--message=a"]);
    scratch.write("web/statewright.yaml", app("{interval: 60s}"));
    expect(&statewright(scratch.path(), &["diff"]), 1, 1);
    expect(&statewright(scratch.path(), &["compile"]), 0, 1);
    expect(&statewright(scratch.path(), &["ci", "--base", "HEAD"]), 0, 1);
    expect(&statewright(scratch.path(), &["rehearse", "web"]), 0, 1);
}

#[test]
fn definitions_reach_every_command_from_wherever_they_come() {
    let bad = "is of type string";
    let wrong = |run: &Run| {
        assert_eq!(run.code, 1, "{}\n{}", run.stdout, run.stderr);
        let all = format!("{}{}", run.stdout, run.stderr);
        assert!(all.contains("spec.interval") && !all.contains(NOTE), "{bad}: {all}");
    };
    // By the command line, a file or a folder.
    let scratch = Scratch::new("custom-given");
    scratch.write("crds/probe.yaml", CRD);
    scratch.write("old/a.yaml", probe("{interval: 30s}"));
    scratch.write("new/a.yaml", probe("{interval: 60}"));
    scratch.write("web/statewright.yaml", app("{interval: 60}"));
    for crd in ["crds", "crds/probe.yaml"] {
        wrong(&statewright(scratch.path(), &["check", "new", "--crd", crd]));
        wrong(&statewright(scratch.path(), &["diff", "old", "new", "--crd", crd]));
        wrong(&statewright(scratch.path(), &["rehearse", "old", "new", "--crd", crd]));
        for command in ["check", "compile", "diff", "ci"] {
            wrong(&statewright(scratch.path(), &[command, "web", "--crd", crd]));
        }
        expect(&statewright(scratch.path(), &["check", "old", "--crd", crd]), 0, 0);
    }
    // By the workspace.
    scratch.write("statewright-workspace.yaml", "apiVersion: statewright/v1\nkind: Workspace\ncrds: [crds]\n");
    wrong(&statewright(scratch.path(), &["check", "new"]));
    wrong(&statewright(scratch.path(), &["check", "new/a.yaml"]));
    wrong(&statewright(scratch.path(), &["diff", "old", "new"]));
    wrong(&statewright(scratch.path(), &["rehearse", "new"]));
    for command in ["check", "compile", "diff", "ci"] {
        wrong(&statewright(scratch.path(), &[command, "web"]));
    }
    // By the folder itself.
    let scratch = Scratch::new("custom-beside");
    scratch.write("old/a.yaml", probe("{interval: 30s}"));
    scratch.write("new/a.yaml", probe("{interval: 60}"));
    for folder in ["old", "new"] {
        scratch.write(&format!("{folder}/z.yaml"), CRD);
    }
    wrong(&statewright(scratch.path(), &["check", "new"]));
    wrong(&statewright(scratch.path(), &["diff", "old", "new"]));
    wrong(&statewright(scratch.path(), &["rehearse", "old", "new"]));
}

#[test]
fn definitions_that_are_not_there_are_said_at_their_line() {
    let scratch = Scratch::new("custom-missing");
    scratch.write("web/statewright.yaml", app("{interval: 30s}"));
    scratch.write("plain/a.yaml", probe("{interval: 30s}"));
    scratch.write("empty/a.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n");
    scratch.write(
        "statewright-workspace.yaml",
        "apiVersion: statewright/v1\nkind: Workspace\ncrds:\n- nosuch.yaml\n- empty\n",
    );
    for arguments in [&["check"][..], &["compile"], &["diff"], &["ci"], &["check", "plain"]] {
        let run = statewright(scratch.path(), arguments);
        assert_eq!(run.code, 1, "{arguments:?}: {}", run.stderr);
        assert!(run.stderr.contains("SW0210 definitions-unread"), "{arguments:?}: {}", run.stderr);
        assert!(run.stderr.contains("statewright-workspace.yaml:4:"), "{arguments:?}: {}", run.stderr);
        assert!(run.stderr.contains("statewright-workspace.yaml:5:"), "{arguments:?}: {}", run.stderr);
    }
    let run = statewright(scratch.path(), &["check", "plain", "--crd", "empty"]);
    assert_eq!(run.code, 2, "{}", run.stderr);
    assert!(run.stderr.contains("no CustomResourceDefinition"), "{}", run.stderr);
    assert_eq!(statewright(scratch.path(), &["check", "plain", "--crd", "gone.yaml"]).code, 2);
}

/// Groups with a dot that Kubernetes does not serve are custom; those that it serves have the kinds that it has.
#[test]
fn groups_that_kubernetes_does_not_serve_are_custom() {
    let scratch = Scratch::new("custom-groups");
    let check = |api_version: &str, kind: &str| {
        scratch
            .write("a.yaml", format!("apiVersion: {api_version}\nkind: {kind}\nmetadata: {{name: a, namespace: b}}\n"));
        statewright(scratch.path(), &["check", "a.yaml"])
    };
    for (api_version, kind) in [
        ("autoscaling.k8s.io/v1", "VerticalPodAutoscaler"),
        ("groupsnapshot.storage.k8s.io/v1", "VolumeGroupSnapshot"),
        ("snapshot.storage.k8s.io/v1", "VolumeSnapshot"),
        ("custom.metrics.k8s.io/v1beta1", "MetricValueList"),
        ("cluster.x-k8s.io/v1beta1", "Cluster"),
        ("gateway.networking.k8s.io/v1", "HTTPRoute"),
        ("example.com/v1", "Deployment"),
    ] {
        let run = check(api_version, kind);
        assert_eq!(run.code, 0, "{}", run.stderr);
        assert!(
            run.stderr.contains(&format!("{kind} ({api_version}) is not validated: no CRD given")),
            "{}",
            run.stderr
        );
    }
    for (api_version, kind) in [
        ("storage.k8s.io/v1", "StorageClas"),
        ("networking.k8s.io/v1", "Gateway"),
        ("networking.k8s.io/v1beta1", "Ingress"),
        ("rbac.authorization.k8s.io/v1", "RoleBindings"),
        ("apps/v1", "StatefulSets"),
        ("nodot/v1", "Thing"),
    ] {
        let run = check(api_version, kind);
        assert_eq!(run.code, 1, "{api_version} {kind}: {}", run.stderr);
        assert!(run.stderr.contains("SW0202"), "{api_version} {kind}: {}", run.stderr);
    }
}

const SCHEMA: &str = r#"{"type": "object", "properties": {"spec": {"type": "object", "required": ["interval"], "additionalProperties": false,
  "properties": {"interval": {"type": "string", "pattern": "^[0-9]+s$"}, "port": {"type": "integer", "maximum": 100}}}}}"#;

/// The ways in which kubeconform is told where its schemas are.
#[test]
fn json_schemas_are_found_as_kubeconform_finds_them() {
    let scratch = Scratch::new("custom-schemas");
    scratch.write("catalogue/example.com/probe_v1.json", SCHEMA);
    scratch.write("flat/probe-example-v1.json", SCHEMA);
    scratch.write("one/probe_v1.json", SCHEMA);
    scratch.write("old/a.yaml", probe("{interval: 30s}"));
    scratch.write("new/a.yaml", probe("{interval: 30, port: 200, colour: red}"));
    for location in [
        "catalogue",
        "catalogue/{{.Group}}/{{.ResourceKind}}_{{.ResourceAPIVersion}}.json",
        "catalogue/{{ .Group }}/{{ .ResourceKind }}_{{ .ResourceAPIVersion }}.json",
        "flat",
        "flat/{{ .ResourceKind }}{{ .KindSuffix }}.json",
        "one/probe_v1.json",
    ] {
        let run = statewright(scratch.path(), &["check", "new", "--schema", location]);
        assert_eq!(run.code, 1, "{location}: {}", run.stderr);
        for said in ["SW0241", "spec.interval", "spec.port", "spec.colour"] {
            assert!(run.stderr.contains(said), "{location}: {said}: {}", run.stderr);
        }
        assert!(run.stderr.contains("new/a.yaml:5:"), "{}", run.stderr);
        expect(&statewright(scratch.path(), &["check", "old", "--schema", location]), 0, 0);
        let run = statewright(scratch.path(), &["diff", "old", "new", "--schema", location]);
        assert!(run.code == 1 && run.stdout.contains("spec.interval"), "{location}: {}\n{}", run.stdout, run.stderr);
    }
    // Of another kind nothing is known.
    expect(&statewright(scratch.path(), &["check", "old", "--schema", "flat/{{.Group}}/{{.ResourceKind}}.json"]), 0, 1);
    for location in [
        "nosuch.json",
        "nosuch/{{.ResourceKind}}.json",
        "https://example.com/{{.ResourceKind}}.json",
        // Folders that hold no file of such a name.
        "old",
        "flat/{{.ResourceKind}}.yaml",
    ] {
        assert_eq!(statewright(scratch.path(), &["check", "old", "--schema", location]).code, 2, "{location}");
    }
    // By the workspace; a definition comes before a schema.
    scratch.write("statewright-workspace.yaml", "apiVersion: statewright/v1\nkind: Workspace\nschemas: [catalogue]\n");
    let run = statewright(scratch.path(), &["check", "new"]);
    assert!(run.code == 1 && run.stderr.contains("SW0241"), "{}", run.stderr);
    scratch.write("probe.yaml", CRD);
    let run = statewright(scratch.path(), &["check", "new", "--crd", "probe.yaml"]);
    assert!(run.code == 1 && run.stderr.contains("SW0201") && !run.stderr.contains("SW0241"), "{}", run.stderr);
    scratch.write("statewright-workspace.yaml", "apiVersion: statewright/v1\nkind: Workspace\nschemas:\n- nosuch\n");
    let run = statewright(scratch.path(), &["check", "old"]);
    assert!(
        run.code == 1 && run.stderr.contains("statewright-workspace.yaml:4:") && run.stderr.contains("SW0210"),
        "{}",
        run.stderr
    );
}

/// Schemas that somebody wrote to do harm, or wrong.
#[test]
fn hostile_schemas_do_no_harm() {
    let scratch = Scratch::new("custom-hostile");
    scratch.write(
        "a.yaml",
        probe("{interval: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab}"),
    );
    for schema in [
        "{".to_owned(),
        "[]".to_owned(),
        r##"{"$ref": "#"}"##.to_owned(),
        r##"{"properties": {"spec": {"$ref": "#/properties/spec"}}}"##.to_owned(),
        r#"{"$ref": "https://example.com/a.json"}"#.to_owned(),
        r#"{"$ref": "file:///etc/passwd"}"#.to_owned(),
        r#"{"properties": {"spec": {"properties": {"interval": {"pattern": "^(a+)+$"}}}}}"#.to_owned(),
        format!("{}1{}", r#"{"not":"#.repeat(5000), "}".repeat(5000)),
    ] {
        scratch.write("probe_v1.json", &schema);
        let run = statewright(scratch.path(), &["check", "a.yaml", "--schema", "probe_v1.json"]);
        assert!(run.code == 0 || run.code == 1, "{}: {}", &schema[..schema.len().min(60)], run.stderr);
    }
    // A path cannot be made of what a manifest says.
    scratch.write("etc/secret_v1.json", "{\"not\": {}}");
    scratch.write("a.yaml", "apiVersion: ../etc.d/v1\nkind: Secret\nmetadata: {name: a}\n");
    let run = statewright(
        scratch.path(),
        &["check", "a.yaml", "--schema", "x/{{.Group}}/{{.ResourceKind}}_{{.ResourceAPIVersion}}.json"],
    );
    assert!(!run.stderr.contains("SW0241"), "{}", run.stderr);
}

/// Rules that would run for hours, patterns that would fill the memory, objects and schemas without end: each ends
/// soon, with an answer.
#[test]
fn hostile_definitions_end_soon() {
    let scratch = Scratch::new("custom-bombs");
    let ten = "[0,1,2,3,4,5,6,7,8,9]";
    let loops = (0..12).fold("true".to_owned(), |inner, level| format!("{ten}.all(v{level}, {inner})"));
    let deep =
        (0..50).fold("{type: integer}".to_owned(), |inner, _| format!("{{type: object, properties: {{a: {inner}}}}}"));
    let wide = (0..2000)
        .map(|number| format!("{{properties: {{f{number}: {{minimum: 5}}}}, required: [f{number}]}}"))
        .collect::<Vec<_>>()
        .join(", ");
    let items = vec!["{}"; 1_500].join(", ");
    for (schema, spec, said) in [
        (format!("{{type: object, x-kubernetes-validations: [{{rule: '{loops}'}}]}}"), "{}", "cost limit exceeded"),
        (
            "{type: object, x-kubernetes-validations: [{rule: 'false', messageExpression: \"'x'.replace('', \
            'yyyyyyyyyy').replace('', 'zzzzzzzzzz').replace('', 'xxxxxxxxxx').replace('', 'xxxxxxxxxx').replace('', \
            'xxxxxxxxxx').replace('', 'xxxxxxxxxx')\"}]}"
                .to_owned(),
            "{}",
            "failed rule: false",
        ),
        (
            "{type: object, properties: {interval: {type: string, pattern: '(((a{1000}){1000}){1000}){1000}'}}}"
                .to_owned(),
            "{interval: a}",
            "SW0240",
        ),
        (deep, "{a: {a: {a: 1}}}", "must be of type"),
        (
            format!(
                "{{type: object, properties: {{list: {{type: array, items: {{type: object, anyOf: [{wide}]}}}}}}}}"
            ),
            &format!("{{list: [{items}]}}"),
            "SW0240",
        ),
        ("{type: object, x-kubernetes-validations: [{rule: 'self.nosuch('}]}".to_owned(), "{}", "SW0240"),
    ] {
        let definition = CRD.split("          spec:").next().unwrap();
        scratch.write("a.yaml", format!("{definition}          spec: {schema}\n---\n{}", probe(spec)));
        let run = statewright(scratch.path(), &["check", "a.yaml"]);
        assert!(run.stderr.contains(said), "{said}: {}", &run.stderr[..run.stderr.len().min(2000)]);
    }
}

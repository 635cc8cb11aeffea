//! Small inputs that ask for much: each is answered within a ceiling of time, as a multiple of ordinary work that is
//! run beside it, and of memory, with an exit code of its own and without a word too many.

#![cfg(target_os = "linux")]
#![allow(
    clippy::format_collect,
    clippy::format_push_string,
    reason = "texts are built to be read here, not to be fast"
)]

use crate::scratch::Scratch;
use std::fmt::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::OnceLock;
use std::time::Duration;

/// Megabytes that a run may take, whatever it is given.
const MEMORY: u64 = 500;
/// How many times the ordinary work a run may take.
const TIMES: u32 = 20;
/// Ordinary work is taken to last so long, at least.
const LEAST: Duration = Duration::from_millis(200);
/// How many times its input a run may say; and so many bytes beside it.
const WORDS: (u64, u64) = (20, 100_000);

/// What a run took.
struct Cost {
    code: Option<i32>,
    /// Of all processors: how long it had to wait for them says nothing about it.
    time: Duration,
    /// The same without what the system did for it.
    own: Duration,
    megabytes: u64,
    said: String,
}

/// Runs statewright and looks at its memory as it goes. It is ended when it takes longer than `patience`.
fn cost(folder: &Path, arguments: &[&str], patience: Duration) -> Cost {
    let files = ["stdout", "stderr"].map(|name| folder.with_extension(name));
    let [stdout, stderr] = [0, 1].map(|file: usize| std::fs::File::create(&files[file]).unwrap());
    let mut command = Command::new(env!("CARGO_BIN_EXE_statewright"));
    command.args(arguments).current_dir(folder).stdin(Stdio::null()).stdout(stdout).stderr(stderr);
    let mut child = command.spawn().unwrap();
    let (mut megabytes, mut time, mut own) = (0, Duration::ZERO, Duration::ZERO);
    let is_over = loop {
        // It can be read until its end is looked at.
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", child.id())).unwrap();
        let fields: Vec<&str> = stat.rsplit_once(") ").unwrap().1.split(' ').collect();
        let [user, system] =
            [11, 12].map(|field: usize| Duration::from_millis(10 * fields[field].parse::<u64>().unwrap()));
        (time, own) = (time.max(user + system), own.max(user));
        let seen = std::fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap_or_default();
        let peak =
            seen.lines().find_map(|line| line.strip_prefix("VmHWM:")?.trim().strip_suffix(" kB")?.parse::<u64>().ok());
        megabytes = megabytes.max(peak.unwrap_or_default() / 1024);
        if fields[0] == "Z" || time > patience || megabytes > 2 * MEMORY {
            break fields[0] == "Z";
        }
        std::thread::sleep(Duration::from_millis(2));
    };
    child.kill().unwrap();
    let code = child.wait().unwrap().code().filter(|_| is_over);
    let said = files.iter().map(|file| String::from_utf8_lossy(&std::fs::read(file).unwrap()).into_owned()).collect();
    files.iter().for_each(|file| std::fs::remove_file(file).unwrap());
    Cost { code, time, own, megabytes, said }
}

/// Ordinary work: what checking 400 sets with their Services takes.
fn ordinary() -> Duration {
    let scratch = Scratch::new("ordinary");
    let sets = (0..400)
        .map(|number| format!("{}---\n{}---\n", service(&format!("w{number}")), set(&format!("w{number}"), "3", true)));
    scratch.write("in/a.yaml", sets.collect::<String>());
    let cost = cost(&scratch.path().join("in"), &["check", "a.yaml"], Duration::from_secs(120));
    assert!(cost.code.is_some_and(|code| code < 2), "{}", cost.said);
    cost.time
}

static ORDINARY: OnceLock<Duration> = OnceLock::new();

/// Runs statewright on some files, and holds it to the ceilings.
#[track_caller]
fn holds(files: &[(&str, &str)], arguments: &[&str]) -> String {
    let scratch = Scratch::new("ceiling");
    let mut input = 0;
    for (name, text) in files {
        scratch.write(&format!("in/{name}"), text);
        input += text.len() as u64;
    }
    let mut allowed = ORDINARY.get_or_init(ordinary).max(&LEAST).saturating_mul(TIMES);
    let cost = cost(&scratch.path().join("in"), arguments, allowed * 3);
    let short: String = cost.said.chars().take(600).collect();
    assert!(cost.code.is_some_and(|code| (0..=3).contains(&code)), "{arguments:?} ended with {:?}: {short}", cost.code);
    if cost.time > allowed {
        // Processors slow each other down: ordinary work is measured beside it.
        allowed = allowed.max(ordinary() * TIMES);
    }
    assert!(
        cost.time <= allowed,
        "{arguments:?} took {:?}, and {TIMES} times ordinary work is {allowed:?}: {short}",
        cost.time
    );
    assert!(cost.megabytes <= MEMORY, "{arguments:?} took {} MB: {short}", cost.megabytes);
    assert!(
        cost.said.len() as u64 <= WORDS.0 * input + WORDS.1,
        "{arguments:?} said {} bytes of {input}: {short}",
        cost.said.len()
    );
    cost.said
}

const SPEC: &str = "apiVersion: statewright/v1\nkind: App\nname: web\nimage: example.com/web:1.0\nports: {http: 80}\n";

/// Each use of a spec holds, and says a code.
#[track_caller]
fn spec_says(code: &str, rest: &str) {
    let text = format!("{SPEC}{rest}");
    for arguments in [&["check", "."][..], &["compile", "-o", "yaml", "."]] {
        let said = holds(&[("statewright.yaml", &text)], arguments);
        assert!(said.contains(code), "{arguments:?} should say {code}: {}", said.chars().take(600).collect::<String>());
    }
}

fn service(name: &str) -> String {
    format!(
        "apiVersion: v1\nkind: Service\nmetadata: {{name: {name}}}\nspec: {{clusterIP: None, selector: {{app: \
            {name}}}, ports: [{{name: http, port: 80}}]}}\n"
    )
}

fn set(name: &str, replicas: &str, with_claims: bool) -> String {
    let claims = "  volumeClaimTemplates: [{metadata: {name: data}, spec: {accessModes: [ReadWriteOnce], \
        storageClassName: a, resources: {requests: {storage: 1Gi}}}}]\n";
    format!(
        "apiVersion: apps/v1\nkind: StatefulSet\nmetadata: {{name: {name}}}\nspec:\n  serviceName: {name}\n  \
            replicas: {replicas}\n  selector: {{matchLabels: {{app: {name}}}}}\n  template:\n    metadata: {{labels: \
            {{app: {name}}}}}\n    spec: {{containers: [{{name: c, image: \"x/y:1\"}}]}}\n{}",
        if with_claims { claims } else { "" }
    )
}

fn many(count: usize, one: impl Fn(usize) -> String) -> String {
    (0..count).map(one).collect::<Vec<_>>().join("---\n")
}

#[test]
fn an_expression_pays_before_it_makes() {
    let mut list = String::from("env:\n");
    for (number, expression) in [
        "('x' * 99000000) | map('upper') | list | length",
        "('x' * 99000000) | list | length",
        "('x' * 99000000) | split('') | length",
        "('x' * 99000000) | sort | length",
        "[1] * 99000000",
        "([1] * 9000000) | sort | length",
        "[[1] * 90000, [1] * 90000] | map('join', 'x' * 9999) | list",
        "('a' * 99999) | replace('a', 'b' * 99999) | length",
        "(range(99999) | list) | join('x' * 9999) | length",
        "peers | format_each('{name}' ~ 'x' * 9999999) | length",
        "range(99999) | map('string') | map('upper') | map('lower') | sort | reverse | list | length",
        "(([[1] * 9999] * 9999) | string) | length",
        "([[1] * 9999] * 9999) == ([[1] * 9999] * 9999)",
        "('x' * 9999999)[1:] | length",
        "[('x' * 250000)] * 15000",
        "{'a': ['x' * 99999] * 9999}",
        "1 if (('x' * 9999999) | length) > 1 else 2",
    ]
    .iter()
    .enumerate()
    {
        let _ = writeln!(list, "  A{number}: \"{{{{ {expression} }}}}\"");
    }
    let said = holds(&[("statewright.yaml", &format!("{SPEC}{list}"))], &["check", "."]);
    assert_eq!(said.matches("SW0122").count(), 17, "{said}");
}

#[test]
fn all_expressions_of_an_environment_pay_together() {
    spec_says(
        "SW0123",
        &format!(
            "env:\n{}",
            (0..10_000).map(|number| format!("  A{number}: \"{{{{'a'*99999}}}}\"\n")).collect::<String>()
        ),
    );
    spec_says(
        "SW0123",
        &format!(
            "vars: {{long: {}}}\nenv:\n{}",
            "x".repeat(200_000),
            (0..2_000).map(|number| format!("  A{number}: \"{{{{ vars.long }}}}\"\n")).collect::<String>()
        ),
    );
}

#[test]
fn long_chains_of_operators_are_worked_out() {
    for chain in [
        "1".to_owned() + &" + 1".repeat(1_000),
        "not ".repeat(1_000) + "true",
        "'a'".to_owned() + &" | upper".repeat(400),
    ] {
        let said =
            holds(&[("statewright.yaml", &format!("{SPEC}env: {{A: \"x{{{{ {chain} }}}}\"}}\n"))], &["check", "."]);
        assert!(!said.contains("error"), "{said}");
    }
}

#[test]
fn environments_and_volumes_are_counted_before_they_are_made() {
    let bases: String =
        (1..3_000).map(|number| format!("  e{number}: {{base: e{}, vars: {{a{number}: 1}}}}\n", number - 1)).collect();
    spec_says("SW0124", &format!("environments:\n  e0: {{}}\n{bases}"));
    let bases: String = bases.lines().take(900).map(|line| format!("{line}\n")).collect();
    spec_says("SW0125", &format!("environments:\n  e0: {{}}\n{bases}"));
    let environments: String = (0..1_000).map(|number| format!("  e{number}: {{}}\n")).collect();
    spec_says("SW0123", &format!("args: [{}]\nenvironments:\n{environments}", vec!["a"; 20_000].join(",")));
    let storage: String = (0..500).map(|number| format!("  d{number}: {{mount: /d{number}, size: 1Gi}}\n")).collect();
    spec_says(
        "SW0123",
        &format!(
            "replicas: 100\nvolumes: {{hostPath: {{path: \"/d/{{{{ pod }}}}/{{{{ item }}}}\", node: \
                n}}}}\nstorage:\n{storage}"
        ),
    );
}

#[test]
fn unknown_fields_are_said_together() {
    spec_says("SW0101", &(0..100_000).map(|number| format!("replicaz{number}: 1\n")).collect::<String>());
}

#[test]
fn workloads_with_one_selector_are_said_once() {
    let one = |number: usize| set(&format!("w{number}"), "1", false).replace(&format!("app: w{number}"), "app: a");
    let said = holds(&[("a.yaml", &many(1_000, one))], &["check", "a.yaml"]);
    assert_eq!(said.matches("SW0307").count(), 1, "{}", said.chars().take(600).collect::<String>());
    assert!(said.contains("1000 workloads select the same pods: `w0`, `w1`, `w2`, `w3`, `w4` and 995 more"));
}

#[test]
fn volumes_and_claims_meet_one_by_one() {
    let volume = |number| {
        format!(
            "apiVersion: v1\nkind: PersistentVolume\nmetadata: {{name: v{number}}}\nspec: {{capacity: {{storage: \
                1Gi}}, accessModes: [ReadWriteOnce], storageClassName: \"\", hostPath: {{path: /d{number}}}}}\n"
        )
    };
    let claim = |number| {
        format!(
            "apiVersion: v1\nkind: PersistentVolumeClaim\nmetadata: {{name: c{number}}}\nspec: {{storageClassName: \
                \"\", accessModes: [ReadWriteOnce], resources: {{requests: {{storage: 1Gi}}}}}}\n"
        )
    };
    let all = format!("{}---\n{}", many(1_500, volume), many(1_500, claim));
    holds(&[("a.yaml", &all)], &["check", "a.yaml"]);
    holds(&[("a.yaml", &all), ("b.yaml", &service("a"))], &["diff", "a.yaml", "b.yaml"]);
}

#[test]
fn any_number_of_replicas_is_reviewed() {
    for (before, after) in [
        ("3", "-2147483648"),
        ("2147483647", "0"),
        ("-2147483648", "2147483647"),
        ("9223372036854775807", "-9223372036854775808"),
    ] {
        for start in ["", "  ordinals: {start: 2147483647}\n", "  ordinals: {start: -9223372036854775808}\n"] {
            let form = |replicas| set("w", replicas, true).replace("  selector:", &format!("{start}  selector:"));
            holds(&[("a.yaml", &form(before)), ("b.yaml", &form(after))], &["diff", "a.yaml", "b.yaml"]);
        }
    }
}

/// 105,000 pods are asked for; so many are played that something can be said of each set.
#[test]
fn many_large_sets_are_played_in_part() {
    let form = |image: &str| {
        many(350, |number| {
            let name = format!("w{number}");
            format!("{}---\n{}", service(&name), set(&name, "300", true).replace("x/y:1", image))
        })
    };
    let said = holds(&[("a.yaml", &form("x/y:1")), ("b.yaml", &form("x/y:2"))], &["diff", "a.yaml", "b.yaml"]);
    assert!(
        said.contains("only the first 7 replicas of w0") || said.contains("only the first 7 replicas of `w0"),
        "{}",
        said.chars().take(2_000).collect::<String>()
    );
    let large = set("large", "300", true);
    let small = many(600, |number| set(&format!("w{number}"), "3", false));
    let text = format!("{large}---\n{small}");
    let said = holds(&[("a.yaml", &text), ("b.yaml", &text.replace("x/y:1", "x/y:2"))], &["diff", "a.yaml", "b.yaml"]);
    assert!(
        said.contains("only the first 187 replicas of large were rehearsed"),
        "{}",
        said.chars().take(2_000).collect::<String>()
    );
}

/// Pods that nothing manages are played up to a number of them, and the others said.
#[test]
fn any_number_of_pods_is_reviewed() {
    let form = |image: &str| {
        many(6_000, |number| {
            format!(
                "apiVersion: v1\nkind: Pod\nmetadata: {{name: p{number}}}\nspec: {{containers: [{{name: c, image: \
                    \"{image}\"}}]}}\n"
            )
        })
    };
    let said = holds(&[("a.yaml", &service("a")), ("b.yaml", &form("x/y:1"))], &["diff", "a.yaml", "b.yaml"]);
    assert!(said.contains("1000 of the pods were not rehearsed"), "{}", said.chars().take(2_000).collect::<String>());
    let said = holds(&[("a.yaml", &form("x/y:1")), ("b.yaml", &form("x/y:2"))], &["diff", "a.yaml", "b.yaml"]);
    assert!(said.contains("1000 of the pods were not rehearsed"), "{}", said.chars().take(2_000).collect::<String>());
}

/// What stands in the way is looked at for every object: dear expressions and many quotas are paid for together.
#[test]
fn what_stands_in_the_way_is_paid_for() {
    let namespace = "apiVersion: v1\nkind: Namespace\nmetadata: {name: default}\n";
    let apps = many(100, |number| {
        format!("{}---\n{}", service(&format!("w{number}")), set(&format!("w{number}"), "3", false))
    });
    let numbers = (0..400).map(|number| number.to_string()).collect::<Vec<_>>().join(",");
    let dear = format!("[{numbers}].all(a, [{numbers}].all(b, [{numbers}].all(c, a + b + c >= 0)))");
    let policy = format!(
        "apiVersion: admissionregistration.k8s.io/v1\nkind: ValidatingAdmissionPolicy\nmetadata: {{name: \
            dear}}\nspec:\n  \
         matchConstraints: {{resourceRules: [{{apiGroups: ['*'], apiVersions: ['*'], operations: [CREATE], \
         resources: ['*']}}]}}\n  \
         validations: [{{expression: \"{dear}\"}}]\n---\napiVersion: admissionregistration.k8s.io/v1\n\
         kind: ValidatingAdmissionPolicyBinding\nmetadata: {{name: dear}}\nspec: {{policyName: dear, \
         validationActions: [Deny]}}\n"
    );
    let said = holds(
        &[("cluster/a.yaml", &format!("{namespace}---\n{policy}")), ("w/a.yaml", &apps)],
        &["check", "--cluster", "cluster", "w"],
    );
    assert!(said.contains("SW0315") || said.contains("SW0316"), "{}", said.chars().take(2_000).collect::<String>());
    let quotas = many(500, |number| {
        format!(
            "apiVersion: v1\nkind: ResourceQuota\nmetadata: {{name: q{number}, namespace: default}}\nspec: {{hard: \
                {{pods: '100000'}}}}\n"
        )
    });
    holds(
        &[("cluster/a.yaml", &format!("{namespace}---\n{quotas}")), ("w/a.yaml", &apps)],
        &["check", "--cluster", "cluster", "w"],
    );
}

#[test]
fn one_pod_may_have_many_parts() {
    let pod = |rest: &str| format!("apiVersion: v1\nkind: Pod\nmetadata: {{name: p}}\nspec:\n{rest}");
    let volumes: String = (0..10_000).map(|number| format!("  - {{name: v{number}, emptyDir: {{}}}}\n")).collect();
    let mounts: String =
        (0..10_000).map(|number| format!("    - {{name: v{number}, mountPath: /m{number}}}\n")).collect();
    let text =
        pod(&format!("  volumes:\n{volumes}  containers:\n  - name: c\n    image: x/y:1\n    volumeMounts:\n{mounts}"));
    holds(&[("a.yaml", &text)], &["check", "a.yaml"]);
    let env: String = (1..20_000)
        .map(|number| format!("    - {{name: A{number}, value: \"$(A{})$(A{})\"}}\n", number - 1, number - 1))
        .collect();
    holds(
        &[("a.yaml", &pod(&format!("  containers:\n  - name: c\n    image: x/y:1\n    env:\n{env}")))],
        &["check", "a.yaml"],
    );
}

/// Four times as many objects take about four times as long: eight is the ceiling, and sixteen would be the square.
#[test]
fn a_review_grows_with_its_sets() {
    let form = |count: usize, class: &str| {
        many(count, |number| {
            let (name, class) = (format!("w{number}"), format!("storageClassName: {class},"));
            format!("{}---\n{}", service(&name), set(&name, "1", true).replace("storageClassName: a,", &class))
        })
    };
    let of = |count: usize| {
        let scratch = Scratch::new("growth");
        scratch.write("in/a.yaml", form(count, "a"));
        scratch.write("in/b.yaml", form(count, "b"));
        let cost = cost(&scratch.path().join("in"), &["diff", "a.yaml", "b.yaml"], Duration::from_secs(60));
        assert_eq!(cost.code, Some(3), "{}", cost.said.chars().take(600).collect::<String>());
        assert!(cost.megabytes <= MEMORY, "{} MB", cost.megabytes);
        cost.time
    };
    let (few, many) = (of(150), of(600));
    assert!(many <= few * 8, "150 sets take {few:?}, and 600 take {many:?}");
}

/// An import drafts, compiles, compares and rehearses each app, and costs a few checks of it: no app looks at all the
/// others.
#[test]
fn an_import_costs_a_few_checks() {
    let scratch = Scratch::new("import-ceiling");
    let apps = |count: usize| {
        (0..count)
            .map(|number| {
                format!("{}---\n{}---\n", service(&format!("w{number}")), set(&format!("w{number}"), "3", true))
            })
            .collect::<String>()
    };
    scratch.write("in/few.yaml", apps(100));
    scratch.write("in/many.yaml", apps(400));
    let folder = scratch.path().join("in");
    // What a file system takes for four hundred new files says nothing of the import.
    let time = |arguments: &[&str]| {
        let cost = cost(&folder, arguments, Duration::from_secs(300));
        assert!(cost.code.is_some_and(|code| code < 2), "{arguments:?}: {}", cost.said);
        cost.own
    };
    let check = time(&["check", "many.yaml"]).max(LEAST);
    let many = time(&["import", "many.yaml", "--out", "many"]);
    assert!(many < check * 5, "import takes {many:?}, check {check:?}");
    let few = time(&["import", "few.yaml", "--out", "few"]).max(LEAST / 2);
    assert!(many < few * 8, "four times as many apps take {many:?} instead of {few:?}");
}

/// Each edit is tried by looking at the whole file again; a large one is looked at a few times, however much is wrong.
#[test]
fn edits_that_mend_are_tried_within_bounds() {
    let fields = many(40_000, |number| format!("  replicaz{number}: 1\n")).replace("---\n", "");
    let one = format!("apiVersion: v1\nkind: ReplicationController\nmetadata: {{name: a}}\nspec:\n{fields}");
    holds(&[("a.yaml", &one)], &["check", "--fix", "a.yaml"]);
    let maps = many(4000, |number| {
        format!(
            "apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: a{number}}}\ndata: {{a: 1, b: 2}}\nbinaryData: {{}}\n"
        )
    });
    holds(&[("a.yaml", &maps)], &["check", "--fix", "a.yaml"]);
}

/// What a long list becomes is found by its names, not by looking at all of it for each.
#[test]
fn a_long_list_is_compared_in_a_diff() {
    let set = |count: usize, value: &str| {
        let variables: String =
            (0..count).map(|number| format!("        - {{name: V{number}, value: {value}{number}}}\n")).collect();
        format!(
            "apiVersion: apps/v1\nkind: StatefulSet\nmetadata: {{name: web}}\nspec:\n  serviceName: web\n  selector: \
             {{matchLabels: {{app: web}}}}\n  template:\n    metadata: {{labels: {{app: web}}}}\n    spec:\n      \
             containers:\n      - name: c\n        image: x/y:1\n        env:\n{variables}"
        )
    };
    let form = set(5001, "a")
        .replace("{name: V3, value: a3}", "{name: V3, valueFrom: {fieldRef: {fieldPath: metadata.name}}}");
    let old = set(5000, "a");
    for new in [set(5000, "b"), form] {
        for apply in ["client", "server"] {
            holds(&[("old.yaml", &old), ("new.yaml", &new)], &["diff", "--apply", apply, "old.yaml", "new.yaml"]);
        }
    }
}

/// Whatever lives in other namespaces costs a look at each object; a dump that is too large is told so as a dump, not as
/// a spec.
#[test]
fn a_cluster_may_hold_many_objects_and_one_that_is_too_large_is_named_as_what_it_is() {
    let list = |objects: usize, namespace: &str| {
        let pods: String = (0..objects)
            .map(|number| {
                let namespace = namespace.replace('#', &(number % 9).to_string());
                format!(
                    "- {{apiVersion: v1, kind: Pod, metadata: {{name: p{number}, namespace: {namespace}, uid: u{number}}}}}\n"
                )
            })
            .collect();
        format!("apiVersion: v1\nkind: List\nitems:\n{pods}")
    };
    let pod = "apiVersion: v1\nkind: Pod\nmetadata: {name: a}\nspec: {containers: [{name: c, image: \"x/y:1\"}]}\n";
    let checked = |list: &str| {
        holds(&[("cluster.yaml", list), ("a.yaml", pod)], &["check", "--cluster", "cluster.yaml", "a.yaml"])
    };
    let said = checked(&list(60_000, "elsewhere-#"));
    assert!(said.contains("no problems found"), "{said}");
    let said = checked(&list(25_000, "default"));
    assert!(said.contains("no problems found"), "{said}");
    let said = checked(&list(25_001, "default"));
    assert!(said.contains("namespace `default` of this cluster has 25001 objects; the limit is 25000"), "{said}");
    let said = checked(&list(60_001, "elsewhere-#"));
    assert!(said.contains("input-too-large") && said.contains("60001 objects") && !said.contains("spec"), "{said}");
}

/// A policy can say in forty lines what holds itself twice, forty times over: nobody writes it out.
#[test]
fn what_policies_double_is_not_written_out() {
    let object = "apiVersion: apps/v1\nkind: ControllerRevision\nmetadata: {name: r}\nrevision: 1\ndata: {a: 1}\n";
    let constraints = "  matchConstraints: {resourceRules: [{apiGroups: ['*'], apiVersions: ['*'], operations: [CREATE, \
         UPDATE], resources: ['*']}]}\n";
    let policy = |kind: &str, name: &str, spec: &str| {
        format!(
            "---\napiVersion: admissionregistration.k8s.io/v1\nkind: {kind}\nmetadata: {{name: {name}}}\nspec:\n\
             {constraints}{spec}---\napiVersion: admissionregistration.k8s.io/v1\nkind: {kind}Binding\nmetadata: \
             {{name: {name}}}\nspec: {{policyName: {name}{}}}\n",
            if kind.starts_with('V') { ", validationActions: [Deny]" } else { "" }
        )
    };
    let doubled = (1..=40).fold("  variables:\n  - {name: v0, expression: \"['a']\"}\n".to_owned(), |text, number| {
        let last = number - 1;
        text + &format!("  - {{name: v{number}, expression: \"[variables.v{last}, variables.v{last}]\"}}\n")
    });
    let mutation = |kind: &str, field: &str, expression: &str| {
        format!(
            "  failurePolicy: Fail\n  reinvocationPolicy: IfNeeded\n  mutations: [{{patchType: {kind}, {field}: \
             {{expression: '{expression}'}}}}]\n"
        )
    };
    let copies: Vec<String> = (0..40)
        .map(|number| format!("JSONPatch{{op: \"copy\", from: \"/data\", path: \"/data/x{number}\"}}"))
        .collect();
    let copying = mutation("JSONPatch", "jsonPatch", &format!("[{}]", copies.join(", ")));
    let add = "[JSONPatch{op: \"add\", path: \"/data/x\", value: variables.v40}]";
    let (validating, mutating) = ("ValidatingAdmissionPolicy", "MutatingAdmissionPolicy");
    let looks = "  validations: [{expression: 'size(object.data) > 0'}]\n";
    for policies in [
        policy(validating, "a", &format!("{doubled}  validations: [{{expression: variables.v40 == variables.v40}}]\n")),
        policy(validating, "a", &format!("{doubled}  validations: [{{expression: variables.v39 in variables.v40}}]\n")),
        policy(mutating, "a", &copying) + &policy(mutating, "b", &copying) + &policy(validating, "a", looks),
        policy(mutating, "a", &format!("{doubled}{}", mutation("JSONPatch", "jsonPatch", add))),
        policy(
            mutating,
            "a",
            &format!(
                "{doubled}{}",
                mutation("ApplyConfiguration", "applyConfiguration", "Object{data: Object.data{x: variables.v40}}")
            ),
        ),
    ] {
        let cluster = format!("apiVersion: v1\nkind: Namespace\nmetadata: {{name: default}}\n{policies}");
        holds(&[("cluster.yaml", &cluster), ("a.yaml", object)], &["rehearse", "--cluster", "cluster.yaml", "a.yaml"]);
    }
}

/// Another app is asked once who its replicas are, however often it is named, and however many they are.
#[test]
fn other_apps_are_asked_once() {
    let workspace = "apiVersion: statewright/v1\nkind: Workspace\n";
    let app = |name: &str, rest: &str| {
        format!("apiVersion: statewright/v1\nkind: App\nname: {name}\nimage: x/y:1\nports: {{http: 80}}\n{rest}")
    };
    let asks: String =
        (0..2000).map(|number| format!("  E{number}: \"{{{{ app('b').peers | length }}}}\"\n")).collect();
    let (a, b) = (app("a", &format!("env:\n{asks}")), app("b", "replicas: 10000\n"));
    let files = [("statewright-workspace.yaml", workspace), ("a/statewright.yaml", &a), ("b/statewright.yaml", &b)];
    holds(&files, &["check", "a"]);
    let many: Vec<(String, String)> = (0..6)
        .map(|number| (format!("c{number}/statewright.yaml"), app(&format!("c{number}"), "replicas: 10000\n")))
        .collect();
    let asks: String = (0..6).map(|number| format!("  E{number}: \"{{{{ app('c{number}').replicas }}}}\"\n")).collect();
    let a = app("a", &format!("env:\n{asks}"));
    let mut files = vec![("statewright-workspace.yaml", workspace), ("a/statewright.yaml", a.as_str())];
    files.extend(many.iter().map(|(name, text)| (name.as_str(), text.as_str())));
    let said = holds(&files, &["check", "a"]);
    assert!(said.contains("more than 50000 replicas together"), "{said}");
}

/// The ledger of an object may name any number of managers.
#[test]
fn managers_of_fields_are_put_together_once() {
    let managers = many(4000, |number| {
        format!(
            "  - {{manager: m{number}, operation: Apply, apiVersion: v1, fieldsV1: {{'f:data': {{'f:k{number}': \
             {{}}}}}}}}\n"
        )
    })
    .replace("---\n", "");
    let data = |value: &str| many(4000, |number| format!("  k{number}: {value}\n")).replace("---\n", "");
    let old = format!(
        "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: a\n  namespace: default\n  uid: x\n  resourceVersion: \
         \"1\"\n  creationTimestamp: \"2020-01-01T00:00:00Z\"\n  managedFields:\n{managers}data:\n{}",
        data("a")
    );
    let new =
        format!("apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: a, namespace: default}}\ndata:\n{}", data("b"));
    for apply in ["server", "server-forced"] {
        holds(&[("old.yaml", &old), ("new.yaml", &new)], &["diff", "--apply", apply, "old.yaml", "new.yaml"]);
    }
}

/// What pods of other namespaces take of the nodes is summed up once, not for each node.
#[test]
fn a_crowded_cluster_is_summed_up() {
    let pods: String = (0..8000)
        .map(|number| {
            format!(
                "- {{apiVersion: v1, kind: Pod, metadata: {{name: p, namespace: n{number}, uid: u{number}}}, spec: \
                 {{nodeName: m{}, containers: [{{name: c}}]}}}}\n",
                number % 4000
            )
        })
        .collect();
    let nodes: String = (0..4000)
        .map(|number| {
            format!(
                "- {{apiVersion: v1, kind: Node, metadata: {{name: m{number}, uid: m{number}}}, status: {{allocatable: \
                 {{cpu: '4'}}}}}}\n"
            )
        })
        .collect();
    let cluster = format!("apiVersion: v1\nkind: List\nitems:\n{pods}{nodes}");
    let apps =
        many(10, |number| format!("{}---\n{}", service(&format!("w{number}")), set(&format!("w{number}"), "1", false)));
    holds(&[("cluster.yaml", &cluster), ("w.yaml", &apps)], &["check", "--cluster", "cluster.yaml", "w.yaml"]);
}

/// A cluster of 5,000 objects: what a review costs beside one that knows of none, as a multiple of ordinary work.
#[test]
fn a_snapshot_of_many_objects_costs_little() {
    let pods: String = (0..5_000)
        .map(|number| {
            format!(
                "---\napiVersion: v1\nkind: Pod\nmetadata:\n  name: p{number}\n  namespace: n{}\n  uid: u{number}\n  \
                 creationTimestamp: \"2026-11-28T21:20:48Z\"\n  labels: {{app: p, tier: t}}\nspec:\n  nodeName: a\n  \
                 containers:\n  - name: c\n    image: x/y:1\n    resources: {{requests: {{cpu: 1m, memory: 1Mi}}}}\nstatus:\n  \
                 phase: Running\n  conditions:\n  - {{type: Ready, status: \"True\"}}\n",
                number % 50
            )
        })
        .collect();
    let spec = "apiVersion: statewright/v1\nkind: App\nname: web\nimage: example.com/web:1.0\nreplicas: 3\n";
    let scratch = Scratch::new("snapshot-cost");
    scratch.write("in/snapshot.yaml", &pods);
    scratch.write("in/statewright.yaml", spec);
    let time = |arguments: &[&str]| {
        let cost = cost(&scratch.path().join("in"), arguments, Duration::from_secs(120));
        assert!(cost.said.contains("web in default") && cost.megabytes <= MEMORY, "{}", cost.said);
        cost.time
    };
    // Reading 5,000 objects takes as long as checking 800 with all rules, and no longer.
    let (without, allowed) = (time(&["diff"]), ordinary().max(LEAST));
    for with in [["diff", "--cluster", "snapshot.yaml"], ["diff", "--live", "snapshot.yaml"]] {
        let taken = time(&with);
        let allowed = if taken > without + allowed { allowed.max(ordinary()) } else { allowed };
        assert!(taken <= without + allowed, "{with:?} took {taken:?}, {without:?} without; {allowed:?} more may be");
    }
}

/// Pods of workloads that are not played are tried against quotas as far as that is paid for.
#[test]
fn pods_that_are_only_tried_are_paid_for() {
    let cluster = "apiVersion: v1\nkind: ResourceQuota\nmetadata: {name: q, namespace: shop}\nspec: {hard: {pods: '100000000'}}\n";
    let apps = many(2000, |number| {
        format!(
            "apiVersion: apps/v1\nkind: Deployment\nmetadata: {{name: d{number}, namespace: shop}}\nspec: {{replicas: 100000, \
             selector: {{matchLabels: {{a: d{number}}}}}, template: {{metadata: {{labels: {{a: d{number}}}}}, spec: \
             {{containers: [{{name: c, image: 'c:1'}}]}}}}}}\n"
        )
    });
    holds(&[("cluster.yaml", cluster), ("d.yaml", &apps)], &["check", "--cluster", "cluster.yaml", "d.yaml"]);
}

/// Failures are played for so many pods on so many nodes, and no more.
#[test]
fn failures_of_large_clusters_are_not_played() {
    let nodes: String = (0..3000).map(|number| format!("- {{name: m{number}}}\n")).collect();
    let apps = many(300, |number| {
        format!("{}---\n{}", service(&format!("w{number}")), set(&format!("w{number}"), "300", true))
    });
    let said = holds(
        &[("cluster.yaml", &format!("nodes:\n{nodes}")), ("w.yaml", &apps)],
        &["rehearse", "--cluster", "cluster.yaml", "--fail", "each-node", "w.yaml"],
    );
    assert!(said.contains("15000 pods on 3000 nodes are too many for --fail"), "{said}");
}

/// What two versions say of an object is looked up, however much each of them says.
#[test]
fn any_number_of_faults_is_compared_between_versions() {
    let fields: String = (0..50_000).map(|number| format!("  f{number}: 1\n")).collect();
    let unknown = format!("apiVersion: v1\nkind: Service\nmetadata: {{name: w}}\nspec:\n{fields}");
    holds(&[("w.yaml", &unknown)], &["upgrade", "--from", "1.30", "w.yaml"]);
    let containers: String = (0..5_000)
        .map(|number| {
            format!(
                "  - {{name: c{number}, image: x, resizePolicy: [{{resourceName: cpu, restartPolicy: NotRequired}}]}}\n"
            )
        })
        .collect();
    let dropped = format!("apiVersion: v1\nkind: Pod\nmetadata: {{name: w}}\nspec:\n  containers:\n{containers}");
    holds(&[("w.yaml", &dropped)], &["upgrade", "--from", "1.30", "w.yaml"]);
}

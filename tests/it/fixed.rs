//! One fixed report in which every feature of every format shows: findings, reviews of each verdict, and names that
//! mean harm.

use statewright::bundle::ResourceId;
use statewright::cluster::world::PodMove;
use statewright::diagnostic::{Code, Diagnostics, Finding, Level, Refusal, Subject};
use statewright::k8s::object::ObjectName;
use statewright::report::{Against, Report};
use statewright::review::danger::{Danger, Loss};
use statewright::review::effect::Effect;
use statewright::review::fields::{FieldChange, compare};
use statewright::review::holdings::{Behind, Holding};
use statewright::review::notes::{Note, Waiting};
use statewright::review::risk::Risk;
use statewright::review::runbook::command::Command;
use statewright::review::runbook::step::{Before, Expect, OfClaim, OfSet, Purpose, Reason, Restart, Runbook, Step};
use statewright::review::verdict::{Decision, Judgement, Pods, Refused, Verdict};
use statewright::review::{Change, ChangeKind, Review};
use statewright::source::{At, SourceId, Sources};
use statewright::value::Node;
use statewright::yaml::{parts, read_part, write_yaml};

static UNKNOWN: Code = Code {
    id: "SW0101",
    name: "unknown-field",
    level: Level::Error,
    page: "# unknown-field\n\n**What it does.** Reports a field\nthat does not exist.\n\n**Why it matters.** It \
        would do nothing.\n",
};
static DUPLICATE: Code = Code {
    id: "SW0103",
    name: "duplicate-mount",
    level: Level::Error,
    page: "# duplicate-mount\n\nTwo at one path.\n",
};
static FLOATING: Code = Code {
    id: "SW0401",
    name: "image-tag-floating",
    level: Level::Warning,
    page: "# image-tag-floating\n\nIt moves.\n",
};
static AT_RISK: Code =
    Code { id: "SW0501", name: "data-at-risk", level: Level::Error, page: "# data-at-risk\n\nData may be lost.\n" };

/// A text that tries to be a mention, a tag, a link, a fence, a command and a colour.
pub(crate) const HOSTILE: &str = "</script><script>alert(1)</script> @octocat #1 ![x](https://example.com) \
    www.example.com `` ``` ` | ::error::x \u{1b}[31m \u{202e}<!-- ]]> !1 ~bug %next &1 $x$ :tada: GH-1 a@b.org";

const SPEC: &str = "name: kubia\nimage: kubia:latest # <b>&\n\treplica: 3\nstorage:\n  data: {mount: /data}\n  日本: \
    {mount: /data, \u{1b}[31m: x}\n";

/// What is wrong with the files themselves.
pub(crate) fn findings() -> Vec<Finding> {
    let mut sources = Sources::default();
    let spec = sources.add("apps/my kubia/statewright.yaml", SPEC);
    let long = format!("{{\"data\": \"{}\", \"kind\": \"Pod\"}}", "x".repeat(300));
    let other = sources.add("other,100%.json", long.as_str());
    let mut found = Diagnostics::default();
    let at = |source: SourceId, text: &str, piece: &str| {
        let start = u32::try_from(text.find(piece).unwrap()).unwrap();
        At { source, start, end: start + u32::try_from(piece.len()).unwrap() }
    };
    UNKNOWN
        .report("there is no field `replica` here")
        .help("did you mean `replicas`?")
        .at(at(spec, SPEC, "replica"), &mut found);
    FLOATING
        .report("the tag `latest` moves: <two> pods | of one set may run different images")
        .at(at(spec, SPEC, "kubia:latest"), &mut found);
    DUPLICATE
        .report("`日本` is mounted where `data` is\nand \u{1b}[31mthat cannot be")
        .see(at(spec, SPEC, "data:"), "the first is here")
        .see(at(other, &long, "\"kind\""), "for this pod")
        .help("give one of them\nanother path")
        .about(Subject { kind: "StatefulSet".into(), namespace: "pets".into(), name: "kubia".into() })
        .refusal(Refusal {
            field: "spec.template.spec.containers[0].volumeMounts[1].mountPath".into(),
            kind: "FieldValueInvalid",
            detail: "must be unique".into(),
        })
        .at(at(spec, SPEC, "日本"), &mut found);
    UNKNOWN.report("x").level(Level::Note).at(at(other, &long, "\"kind\""), &mut found);
    found.resolve(&sources)
}

/// All of it: the findings, and one review for each verdict.
pub(crate) fn report() -> Report {
    let reviews = vec![in_place(), at_risk(), recreate(), new(), restart()];
    Report::compared(Against::Named, findings(), reviews)
}

/// A comparison of so many apps, of which each has so many volumes and loses them all, in names that end in numbers or
/// do not.
pub(crate) fn large(apps: usize, volumes: usize, numbered: bool) -> Report {
    let of_app = |app: usize| {
        let set = id("StatefulSet", "pets", &format!("app{app:04}"));
        let mut changes = vec![change(&set, ChangeKind::Changed, Verdict::AtRisk)];
        let replicas = i64::try_from(volumes).unwrap();
        let mut risks = vec![risk(&set, scale_down(replicas, 1))];
        for volume in 0..volumes {
            let end = if numbered {
                volume.to_string()
            } else {
                format!("{:016x}", (app * volumes + volume).wrapping_mul(0x9e37_79b9_7f4a_7c15))
            };
            let disk = id("PersistentVolume", "", &format!("pets.data-app{app:04}-{end}"));
            changes.push(change(&disk, ChangeKind::Removed, Verdict::AtRisk));
            risks.push(risk(&disk, Danger::Remove(Loss::Volume(name("data")))));
        }
        let decision = Decision::AtRisk { risk: 0, more: risks.len() - 1, refused: false };
        let judgement = Judgement { verdict: Verdict::AtRisk, decision, risks, ..Judgement::default() };
        review(&format!("app{app:04} in prod"), changes, judgement)
    };
    Report::compared(Against::Named, Vec::new(), (0..apps).map(of_app).collect())
}

fn at_risk() -> Review {
    let set = id("StatefulSet", "pets", "kubia");
    let volume = id("PersistentVolume", "", "pets.data-kubia-2");
    let old = "spec:\n  replicas: 3\n  template:\n    metadata: {annotations: {note: \"1\"}}\n    spec:\n      \
        containers:\n      - {name: kubia, image: \"docker.io/luksa/kubia-pet:1.0\", env: [{name: PASSWORD, value: \
        \"(hidden, before)\"}]}\n";
    let new = "spec:\n  replicas: 2\n  template:\n    spec:\n      containers:\n      - {name: kubia, image: \
        \"docker.io/luksa/kubia-pet:1.1\", env: [{name: PASSWORD, value: \"(hidden, after)\"}]}\n      - name: \
        backup\n        image: backup:2\n        args: [--every, 5m]\n";
    let config = "data:\n  kubia.conf: |\n    # how kubia behaves\n    [server]\n    port = 8080\n    threads = 4\n    log = info\n    [client]\n    retries = 3\n    timeout = 10s\n";
    let changes = vec![
        edited(
            &id("ConfigMap", "pets", "kubia-config"),
            Verdict::InPlace,
            vec![Effect::FilesFollow],
            config,
            &config.replace("threads = 4", "threads = 16"),
        ),
        edited(&set, Verdict::AtRisk, Vec::new(), old, new),
        Change {
            effects: vec![Effect::Pruned, Effect::DiskLeft],
            ..change(&volume, ChangeKind::Removed, Verdict::AtRisk)
        },
        change(&id("Service", "pets", "kubia-public"), ChangeKind::Added, Verdict::InPlace),
    ];
    let judgement = Judgement {
        verdict: Verdict::AtRisk,
        decision: Decision::AtRisk { risk: 0, more: 0, refused: false },
        risks: vec![
            risk(&set, scale_down(3, 2)),
            Risk { acknowledged: true, ..risk(&volume, Danger::Remove(Loss::Volume(name("data-kubia-2")))) },
        ],
        stale: vec!["scale-down StatefulSet/pets/kubia 9 to 8".into()],
        notes: vec![Note::Budget(id("PodDisruptionBudget", "pets", "kubia"))],
        order: vec![order("kubia", &["-kubia-2", "-kubia-1", "+kubia-1", "-kubia-0", "+kubia-0"])],
        ..Judgement::default()
    };
    let before =
        (0..3).map(|ordinal| holding(ordinal, &format!("kubia-{ordinal}"), "hostPath /var/lib/kubia")).collect();
    let mut after: Vec<Holding> =
        (0..2).map(|ordinal| holding(ordinal, &format!("kubia-{ordinal}"), "hostPath /var/lib/kubia")).collect();
    after.push(Holding { volume: None, pod: None, ..holding(2, "", "") });
    let mut review = review("kubia in prod", changes, judgement);
    (review.before, review.after) = (before, after);
    review.findings = risk_findings();
    review
}

/// What the review says on the user's own line.
fn risk_findings() -> Vec<Finding> {
    let (mut sources, mut found) = (Sources::default(), Diagnostics::default());
    let text = "name: kubia\nreplicas: 2\n";
    let source = sources.add("apps/kubia/statewright.yaml", text);
    AT_RISK
        .report("kubia in prod: StatefulSet/pets/kubia loses 1 of 3 replicas")
        .help(
            "if it is meant, write `acknowledge: [{change: \"scale-down StatefulSet/pets/kubia 3 to 2\", reason: \
            \"…\"}]`",
        )
        .about(Subject { kind: "StatefulSet".into(), namespace: "pets".into(), name: "kubia".into() })
        .at(At { source, start: 12, end: 23 }, &mut found);
    found.resolve(&sources)
}

fn recreate() -> Review {
    let set = id("StatefulSet", "db", "postgres");
    let template = |size: &str| {
        format!(
            "spec:\n  volumeClaimTemplates:\n  - metadata: {{name: data}}\n    spec: {{resources: {{requests: \
                {{storage: {size}}}}}}}\n"
        )
    };
    let mut refused = edited(&set, Verdict::Recreate, Vec::new(), &template("10Gi"), &template("20Gi"));
    refused.refusals.push(Refusal {
        field: "spec".into(),
        kind: "FieldValueForbidden",
        detail: "updates to statefulset spec for fields other than 'replicas' are forbidden".into(),
    });
    let step = |command: &str, expect: Expect, check: Option<&str>| Step {
        before: None,
        command: Command::line(command),
        expect: vec![expect],
        check: check.map(Command::line),
    };
    let runbook = Runbook {
        purposes: vec![Purpose::Swap { set: set.clone(), reasons: vec![Reason::Grow], pods: Restart::None }],
        steps: vec![
            step(
                "kubectl -n db patch pvc data-postgres-0 --type merge -p \
                    '{\"spec\":{\"resources\":{\"requests\":{\"storage\":\"20Gi\"}}}}'",
                OfClaim::Grows.into(),
                Some("kubectl -n db get pvc data-postgres-0"),
            ),
            step(
                "kubectl -n db delete statefulset postgres --cascade=orphan",
                OfSet::Orphaned.into(),
                Some("kubectl -n db get pods postgres-0"),
            ),
            step("kubectl apply -f StatefulSet-postgres.yaml", OfSet::Adopts("postgres".into()).into(), None),
        ],
    };
    let judgement = Judgement {
        verdict: Verdict::Recreate,
        decision: Decision::Refused {
            id: set,
            why: Refused::Said(
                "spec".into(),
                "updates to statefulset spec for fields other than 'replicas' are forbidden".into(),
            ),
            more: 0,
        },
        runbooks: vec![runbook],
        ..Judgement::default()
    };
    review("postgres in prod", vec![refused], judgement)
}

fn restart() -> Review {
    restart_of("redis")
}

/// A new image for an app of that name.
pub(crate) fn restart_of(app: &str) -> Review {
    let set = id("StatefulSet", "cache", app);
    let image = |tag: &str| {
        format!("spec:\n  template:\n    spec:\n      containers:\n      - {{name: {app}, image: \"redis:{tag}\"}}\n")
    };
    let pods = [0, 1].map(|ordinal| format!("{app}-{ordinal}"));
    let moves = [1, 0]
        .iter()
        .flat_map(|ordinal| ["-", "+"].map(|sign| format!("{sign}{}", pods[*ordinal])))
        .collect::<Vec<String>>();
    let judgement = Judgement {
        verdict: Verdict::Restart,
        decision: Decision::Pods(Box::new(Pods { restarted: pods.iter().rev().collect(), ..Pods::default() })),
        order: vec![order(app, &moves.iter().map(String::as_str).collect::<Vec<_>>())],
        ..Judgement::default()
    };
    let held = |pod: &String| Holding { pod: Some(name(pod)), ..Holding::default() };
    let mut review = review(
        &format!("{app} in dev"),
        vec![edited(&set, Verdict::Restart, Vec::new(), &image("7.2"), &image("8.0"))],
        judgement,
    );
    review.before = pods.iter().map(held).collect();
    review.after = review.before.clone();
    review
}

/// Everything that a user can write says something hostile.
fn in_place() -> Review {
    let yaml = |text: &str| {
        let mut out = String::new();
        write_yaml(
            &Node::of(nowhere(), [("data", Some(Node::of(nowhere(), [("text", Some(Node::text(text, nowhere())))])))]),
            &mut out,
        );
        out
    };
    let map = id("ConfigMap", HOSTILE, HOSTILE);
    let mut change = edited(
        &map,
        Verdict::InPlace,
        vec![Effect::OnlyIn(HOSTILE.into())],
        &yaml(HOSTILE),
        &yaml(&format!("{HOSTILE}\n```\n~~~~\n</details>\n{HOSTILE}\n")),
    );
    change.kind = ChangeKind::Renamed;
    change.from = Some(id("ConfigMap", "web", HOSTILE));
    change.fields[0].path = HOSTILE.into();
    change.refusals.push(Refusal { field: HOSTILE.into(), kind: "FieldValueInvalid", detail: HOSTILE.into() });
    let judgement = Judgement {
        verdict: Verdict::InPlace,
        decision: Decision::InPlace { change: Some(0), more: 0 },
        risks: vec![Risk {
            acknowledged: true,
            change: HOSTILE.into(),
            ..risk(&map, Danger::Disk { from: HOSTILE.into(), to: HOSTILE.into() })
        }],
        stale: vec![HOSTILE.into()],
        order: vec![order(HOSTILE, &[HOSTILE])],
        runbooks: vec![Runbook {
            purposes: vec![Purpose::Hopeless(map.clone(), HOSTILE.into(), HOSTILE.into())],
            steps: vec![Step {
                before: Some(Before::Drain(HOSTILE.into())),
                command: Command::line(HOSTILE),
                expect: vec![OfClaim::BoundToOld(HOSTILE.into()).into()],
                check: Some(Command::line(HOSTILE)),
            }],
        }],
        notes: vec![Note::Waiting(Waiting { pod: name(HOSTILE), claim: None, why: HOSTILE.into() })],
    };
    let mut review = review(HOSTILE, vec![change], judgement);
    review.before = vec![Holding {
        pod: Some(name(HOSTILE)),
        claim: Some(name(HOSTILE)),
        volume: Some(HOSTILE.into()),
        disk: Some(Behind::Disk(HOSTILE.into())),
    }];
    review
}

fn new() -> Review {
    let changes = ["Service", "StatefulSet"]
        .map(|kind| change(&id(kind, "web", "web"), ChangeKind::Added, Verdict::New))
        .to_vec();
    review(
        "web in dev",
        changes,
        Judgement { verdict: Verdict::New, decision: Decision::New(2), ..Judgement::default() },
    )
}

fn review(title: &str, changes: Vec<Change>, judgement: Judgement) -> Review {
    Review { title: title.into(), home: "pets".into(), changes, judgement, ..Review::default() }
}

fn name(name: &str) -> ObjectName {
    ObjectName::new("pets", name)
}

/// Pods of a set that came and went, as recordings write it: `+web-0`, `-web-0`.
fn order(set: &str, moves: &[&str]) -> (ObjectName, Vec<PodMove>) {
    let read = |sign: &&str| {
        let pod = sign.strip_prefix(['+', '-']).unwrap_or(sign);
        PodMove { came: !sign.starts_with('-'), pod: name(pod) }
    };
    (name(set), moves.iter().map(read).collect())
}

fn id(kind: &str, namespace: &str, name: &str) -> ResourceId {
    let group = if kind == "StatefulSet" { "apps" } else { "" };
    ResourceId { group: group.into(), kind: kind.into(), namespace: namespace.into(), name: name.into() }
}

fn risk(about: &ResourceId, danger: Danger) -> Risk {
    let change = danger.name(about, "pets");
    Risk { danger, change, of: about.clone(), about: about.clone(), field: "", acknowledged: false }
}

fn scale_down(old: i64, new: i64) -> Danger {
    let claims = (new..old).map(|ordinal| format!("data-kubia-{ordinal}")).collect();
    Danger::ScaleDown { old, new, unsaid: false, claims, deleted: false }
}

fn holding(ordinal: u32, pod: &str, disk: &str) -> Holding {
    let disk = (!disk.is_empty()).then(|| Behind::Disk(format!("{disk}-{ordinal} on minikube")));
    Holding {
        pod: Some(name(pod)),
        claim: Some(name(&format!("data-kubia-{ordinal}"))),
        volume: Some(format!("pets.data-kubia-{ordinal}").into()),
        disk,
    }
}

fn change(id: &ResourceId, kind: ChangeKind, verdict: Verdict) -> Change {
    Change {
        id: id.clone(),
        from: None,
        kind,
        verdict,
        effects: Vec::new(),
        is_idle: false,
        barrier: None,
        needed_by: None,
        fields: Vec::new(),
        texts: (String::new(), String::new()),
        refusals: Vec::new(),
        at: nowhere(),
    }
}

/// An object that is another, as a comparison of its two texts has it.
fn edited(id: &ResourceId, verdict: Verdict, effects: Vec<Effect>, old: &str, new: &str) -> Change {
    let fields: Vec<FieldChange> = compare(&node(old), &node(new));
    Change { effects, fields, texts: (old.to_owned(), new.to_owned()), ..change(id, ChangeKind::Changed, verdict) }
}

fn node(text: &str) -> Node {
    let mut sources = Sources::default();
    let source = sources.add("fixed.yaml", text);
    read_part(source, text, parts(text)[0], &mut Diagnostics::default()).flatten().unwrap()
}

fn nowhere() -> At {
    At::top(Sources::default().add("fixed.yaml", ""))
}

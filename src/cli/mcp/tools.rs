//! The tools: what each takes, and the command that it is. What an agent writes is not trusted: it names paths in this
//! folder, and words that become values of options, never options.

use super::run::{self, Ran};
use crate::diagnostic::{Diagnostics, nearest};
use crate::disk;
use crate::secret::pair::{self, Pair};
use crate::source::Sources;
use crate::yaml;
use serde_json::{Map, Value, json};
use std::path::{Component, Path, PathBuf};

/// A tool.
pub(super) struct Tool {
    pub(super) name: &'static str,
    pub(super) title: &'static str,
    pub(super) about: &'static str,
    pub(super) inputs: &'static [Input],
    /// The command's words that are always the same.
    command: &'static [&'static str],
    /// Whether it prints manifests, which hold what they must.
    prints_manifests: bool,
}

/// Something that a tool takes.
pub(super) struct Input {
    pub(super) name: &'static str,
    about: &'static str,
    kind: Kind,
    pub(super) is_required: bool,
    /// The option whose value it is; nothing for what stands behind the options.
    option: Option<&'static str>,
}

#[derive(Clone, Copy)]
enum Kind {
    Word,
    Words,
    Path,
    Paths,
    /// A field, a code, or a path: one word.
    Subject,
    /// `json`, or else what a person reads.
    Format,
}

/// No word of an agent is longer, and no list has more.
const LONGEST: usize = 4096;
const MOST: usize = 256;

const PATHS: Input = Input {
    name: "paths",
    about: "Specs, app folders, manifests or folders of them, relative to the folder that the server runs in. Default: all of it.",
    kind: Kind::Paths,
    is_required: false,
    option: None,
};
const ENVIRONMENTS: Input = Input {
    name: "environments",
    about: "Only these environments.",
    kind: Kind::Words,
    is_required: false,
    option: Some("--env"),
};
const KUBERNETES: Input = Input {
    name: "kubernetes",
    about: "The Kubernetes version to validate against, 1.29 to 1.37.",
    kind: Kind::Word,
    is_required: false,
    option: Some("--kubernetes"),
};
const CLUSTER: Input = Input {
    name: "cluster",
    about: "A file that describes the cluster: nodes, storage classes, quotas.",
    kind: Kind::Path,
    is_required: false,
    option: Some("--cluster"),
};
const FORMAT: Input = Input {
    name: "format",
    about: "`text`, which is short, or `json`, which holds everything. Default: text.",
    kind: Kind::Format,
    is_required: false,
    option: Some("--format"),
};

/// All of them.
pub(super) const TOOLS: &[Tool] = &[
    Tool {
        name: "check",
        title: "Check specs or manifests",
        about: "Says all that is wrong with statewright.yaml specs, or with Kubernetes manifests written by anyone: what the API \
            server would refuse, claims that will not bind, pods that will not be scheduled, and advice. Each finding has a \
            code, a line and, where there is one, the edit that mends it.",
        inputs: &[PATHS, KUBERNETES, CLUSTER, FORMAT],
        command: &["check"],
        prints_manifests: false,
    },
    Tool {
        name: "compile",
        title: "Show the manifests of a spec",
        about: "Compiles specs and shows the Kubernetes manifests. Writes nothing; secret values are hidden.",
        inputs: &[PATHS, ENVIRONMENTS, KUBERNETES],
        command: &["compile", "--output=yaml"],
        prints_manifests: true,
    },
    Tool {
        name: "review",
        title: "Say what a change does",
        about: "Says what the change of a spec will do to what runs: restarts, refusals of the API server, claims and disks at \
            risk; with the steps that do it safely. Compares with the manifests on the disk, or with a git revision \
            (`against`); two folders of anyone's manifests as `paths` are compared with each other.",
        inputs: &[
            PATHS,
            ENVIRONMENTS,
            Input {
                name: "against",
                about: "The git revision to compare with, such as HEAD or origin/main.",
                kind: Kind::Word,
                is_required: false,
                option: Some("--against"),
            },
            CLUSTER,
            FORMAT,
        ],
        command: &["diff"],
        prints_manifests: false,
    },
    Tool {
        name: "rehearse",
        title: "Simulate applying manifests",
        about: "Applies manifests or specs to a simulated cluster, one path after the other, and shows pods, claims and volumes \
            as they end up; and what is lost and what brings it back when something fails.",
        inputs: &[
            Input { is_required: true, ..PATHS },
            Input {
                name: "environment",
                about: "The environment that specs are compiled for.",
                kind: Kind::Word,
                is_required: false,
                option: Some("--env"),
            },
            KUBERNETES,
            CLUSTER,
            Input {
                name: "fail",
                about: "What fails then: node=NAME, zone=NAME, disk=NAME, pod=NAME, each-node, each-zone, each-disk, each-pod.",
                kind: Kind::Words,
                is_required: false,
                option: Some("--fail"),
            },
            FORMAT,
        ],
        command: &["rehearse"],
        prints_manifests: false,
    },
    Tool {
        name: "explain",
        title: "Explain a finding or a field",
        about: "The page of a finding (SW0201, image-tag-floating), the meaning of a field of the spec (storage.size, a step \
            at a time), or which spec a generated file was made from.",
        inputs: &[Input {
            name: "what",
            about: "A code, its name, a field by its path, or a file.",
            kind: Kind::Subject,
            is_required: true,
            option: None,
        }],
        command: &["explain"],
        prints_manifests: false,
    },
    Tool {
        name: "inspect",
        title: "Show who the replicas are",
        about: "Lists the pods, DNS names, claims, volumes and disks of each replica, and what becomes of it when something fails.",
        inputs: &[PATHS, ENVIRONMENTS, KUBERNETES, FORMAT],
        command: &["inspect"],
        prints_manifests: false,
    },
];

impl Input {
    /// What a client is told of it.
    pub(super) fn schema(&self) -> Value {
        let mut schema = match self.kind {
            Kind::Words | Kind::Paths => json!({"type": "array", "items": {"type": "string"}, "maxItems": MOST}),
            Kind::Format => json!({"type": "string", "enum": ["text", "json"]}),
            Kind::Word | Kind::Path | Kind::Subject => json!({"type": "string"}),
        };
        schema["description"] = self.about.into();
        schema
    }

    /// Its words on the command line: options, and what stands behind them.
    fn words(&self, value: &Value, options: &mut Vec<String>, behind: &mut Vec<String>) -> Result<(), String> {
        let list: Vec<&Value> = match (self.kind, value) {
            (Kind::Words | Kind::Paths, Value::Array(items)) if items.len() <= MOST => items.iter().collect(),
            (Kind::Words | Kind::Paths, _) => {
                return Err(format!("`{}` must be a list of at most {MOST} texts", self.name));
            }
            (_, one) => vec![one],
        };
        for item in list {
            let text = item.as_str().ok_or_else(|| format!("`{}` must be text", self.name))?;
            if text.is_empty() || text.len() > LONGEST || text.contains('\0') {
                return Err(format!("`{}` must be text of 1 to {LONGEST} bytes", self.name));
            }
            match self.kind {
                Kind::Path | Kind::Paths => inside(text)?,
                Kind::Subject if disk::real(Path::new(text)).is_ok() => inside(text)?,
                Kind::Format if text == "text" => continue,
                Kind::Format if text != "json" => return Err("`format` is `text` or `json`".to_owned()),
                _ => {}
            }
            match self.option {
                Some(option) => options.push(format!("{option}={text}")),
                None => behind.push(text.to_owned()),
            }
        }
        Ok(())
    }
}

/// Refuses a path that leads out of this folder: by itself, or through a link.
fn inside(path: &str) -> Result<(), String> {
    let refused = || Err(format!("`{}` is not in the folder that the server runs in", crate::printable::line(path)));
    let here = disk::real(Path::new(".")).map_err(|failure| failure.message)?;
    let path = Path::new(path);
    if path == Path::new("-") || path.components().any(|step| step == Component::ParentDir) {
        return refused();
    }
    // What is not there yet, such as a pattern, is as far inside as the folder that it begins in.
    let absolute = here.join(path);
    let there = absolute.ancestors().find_map(|step| disk::real(step).ok()).unwrap_or_else(|| PathBuf::from("/"));
    if there.starts_with(&here) { Ok(()) } else { refused() }
}

/// Runs a tool and gives its result, as text and, where that was asked for, as data.
pub(super) fn call(parameters: &Value) -> Value {
    match called(parameters) {
        Ok(result) => result,
        Err(reason) => json!({"content": [{"type": "text", "text": reason}], "isError": true}),
    }
}

fn called(parameters: &Value) -> Result<Value, String> {
    let name = parameters["name"].as_str().unwrap_or_default();
    let Some(tool) = TOOLS.iter().find(|tool| tool.name == name) else {
        return Err(no_such("tool", name, TOOLS.iter().map(|tool| tool.name)));
    };
    let none = Map::new();
    let arguments = match &parameters["arguments"] {
        Value::Object(arguments) => arguments,
        Value::Null => &none,
        _ => return Err("`arguments` must be an object".to_owned()),
    };
    if let Some(strange) = arguments.keys().find(|name| !tool.inputs.iter().any(|input| input.name == **name)) {
        return Err(no_such("argument", strange, tool.inputs.iter().map(|input| input.name)));
    }
    let (mut options, mut behind) = (Vec::new(), Vec::new());
    for input in tool.inputs {
        match arguments.get(input.name).filter(|value| !value.is_null()) {
            Some(value) => input.words(value, &mut options, &mut behind)?,
            None if input.is_required => return Err(format!("`{}` is missing", input.name)),
            None => {}
        }
    }
    let mut words: Vec<String> = tool.command.iter().map(|&word| word.to_owned()).collect();
    words.extend(options);
    words.push("--".to_owned());
    words.extend(behind);
    let ran = run::run(&words)?;
    if tool.prints_manifests && !ran.is_cut {
        let manifests = hidden(&ran.stdout)?;
        return Ok(told(&Ran { stdout: manifests, ..ran }));
    }
    if tool.prints_manifests {
        return Err("that is more than an answer holds: name one app and one environment".to_owned());
    }
    Ok(told(&ran))
}

fn no_such(noun: &str, name: &str, known: impl Iterator<Item = &'static str> + Clone) -> String {
    let name = crate::printable::line(&name.chars().take(64).collect::<String>());
    let help = nearest(&name, known.clone()).map_or_else(
        || format!("there are {}", crate::diagnostic::listing(known, 12)),
        |near| format!("did you mean `{near}`?"),
    );
    format!("there is no {noun} `{name}`; {help}")
}

/// What a run said, and how it ended.
fn told(ran: &Ran) -> Value {
    let meaning = match ran.code {
        Some(0) => "no errors",
        Some(1) => "something is wrong, stale, or differs",
        Some(3) => "a change puts data at risk and is not acknowledged",
        _ => "it could not be done",
    };
    let data: Option<Value> = if ran.is_cut { None } else { serde_json::from_str(&ran.stdout).ok() };
    let mut text = ran.stdout.clone();
    if !text.is_empty() && !ran.stderr.is_empty() {
        text.push('\n');
    }
    text.push_str(&ran.stderr);
    if ran.is_cut {
        text.push_str("\n… the rest is left out: ask for fewer apps or environments\n");
    }
    let mut content = vec![json!({"type": "text", "text": text})];
    if data.is_none() {
        content.push(json!({"type": "text", "text": format!("verdict: {meaning}")}));
    }
    let mut result = json!({"content": content, "isError": !matches!(ran.code, Some(0 | 1 | 3))});
    if let Some(data @ (Value::Object(_) | Value::Array(_))) = data {
        result["structuredContent"] = json!({"verdict": meaning, "report": data});
    }
    result
}

/// Manifests without what is secret in them. What cannot be read cannot be shown.
fn hidden(stream: &str) -> Result<String, String> {
    let id = Sources::default().add("manifests", stream);
    let mut out = String::new();
    for part in yaml::parts(stream) {
        let node = yaml::read_part(id, stream, part, &mut Diagnostics::default())
            .ok_or("the manifests cannot be read again, and are not shown as they are")?;
        let Some(node) = node else { continue };
        let mut shown = Pair::default().sign_tree(&node);
        pair::show(None, Some(&mut shown));
        out.push_str(if out.is_empty() { "" } else { "---\n" });
        yaml::write_yaml(&shown, &mut out);
    }
    Ok(out)
}

//! What editors make of a spec: yaml-language-server with our schema, spoken to as an editor speaks to it.

use crate::client::{is_there, named, said};
use crate::commands::{root, statewright};
use crate::scratch::Scratch;
use serde_json::{Value, json};
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

/// A language server, and what it sends.
struct Server {
    child: Child,
    input: ChildStdin,
    messages: Receiver<Value>,
    asked: u64,
}

impl Server {
    fn start(mut command: Command) -> Self {
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let (input, output) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
        let (sender, messages) = channel();
        std::thread::spawn(move || {
            let mut output = BufReader::new(output);
            while let Some(message) = read(&mut output) {
                if sender.send(message).is_err() {
                    break;
                }
            }
        });
        let mut server = Self { child, input, messages, asked: 0 };
        server.ask(
            "initialize",
            &json!({"processId": null, "rootUri": null, "capabilities": {"textDocument": {"publishDiagnostics": {}}}}),
        );
        server.tell("initialized", &json!({}));
        server
    }

    fn send(&mut self, message: &Value) {
        let text = message.to_string();
        write!(self.input, "Content-Length: {}\r\n\r\n{text}", text.len()).unwrap();
        self.input.flush().unwrap();
    }

    fn tell(&mut self, method: &str, parameters: &Value) {
        self.send(&json!({"jsonrpc": "2.0", "method": method, "params": parameters}));
    }

    fn ask(&mut self, method: &str, parameters: &Value) -> Value {
        self.asked += 1;
        let id = self.asked;
        self.send(&json!({"jsonrpc": "2.0", "id": id, "method": method, "params": parameters}));
        self.wait(|message| message["id"] == id && message.get("method").is_none())["result"].take()
    }

    /// The next message that is the one; requests of the server are answered with nothing.
    fn wait(&mut self, is_it: impl Fn(&Value) -> bool) -> Value {
        loop {
            let message = self.messages.recv_timeout(Duration::from_secs(60)).unwrap();
            if is_it(&message) {
                return message;
            }
            if message.get("method").is_some() && message.get("id").is_some() {
                self.send(&json!({"jsonrpc": "2.0", "id": message["id"], "result": null}));
            }
        }
    }

    fn open(&mut self, uri: &str, text: &str) {
        self.tell(
            "textDocument/didOpen",
            &json!({"textDocument": {"uri": uri, "languageId": "yaml", "version": 1, "text": text}}),
        );
    }

    /// What it finds wrong, once it finds anything.
    fn findings(&mut self, uri: &str) -> Vec<Value> {
        let message = self.wait(|message| {
            let is_about = message["method"] == "textDocument/publishDiagnostics" && message["params"]["uri"] == uri;
            is_about && message["params"]["diagnostics"] != json!([])
        });
        message["params"]["diagnostics"].as_array().unwrap().clone()
    }

    fn at(&mut self, method: &str, uri: &str, line: u32, character: u32) -> Value {
        self.ask(method, &json!({"textDocument": {"uri": uri}, "position": {"line": line, "character": character}}))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn read(output: &mut impl BufRead) -> Option<Value> {
    let mut length = 0;
    loop {
        let mut line = String::new();
        if output.read_line(&mut line).ok()? == 0 {
            return None;
        }
        match line.trim_end().split_once(": ") {
            Some((name, value)) if name.eq_ignore_ascii_case("Content-Length") => length = value.parse().unwrap(),
            None => break,
            Some(_) => {}
        }
    }
    let mut text = vec![0; length];
    output.read_exact(&mut text).ok()?;
    serde_json::from_slice(&text).ok()
}

const WHAT: &str = "specs in editors, through yaml-language-server";

#[test]
fn an_editor_checks_completes_and_explains_a_spec() {
    let Some(program) = named("STATEWRIGHT_YAML_LANGUAGE_SERVER", WHAT) else { return };
    let scratch = Scratch::new("editor");
    fs::copy(root().join("schemas/app.v1.schema.json"), scratch.path().join("statewright.schema.json")).unwrap();
    let mut command = Command::new(program);
    command.arg("--stdio").current_dir(scratch.path());
    let mut server = Server::start(command);
    let head = "# yaml-language-server: $schema=../statewright.schema.json\napiVersion: statewright/v1\nkind: \
        App\nname: web\n";
    let uri = |app: &str| format!("file://{}/{app}/statewright.yaml", scratch.path().display());

    let bad = uri("bad");
    server.open(&bad, &format!("{head}image: example.com/web:1.0\nreplica: 3\n"));
    let findings = server.findings(&bad);
    assert!(findings.iter().any(|finding| finding["message"].as_str().unwrap().contains("replica")), "{findings:?}");

    let good = uri("good");
    server.open(&good, &format!("{head}image: example.com/web:1.0\nreplicas: 3\n\n"));
    let hover = server.at("textDocument/hover", &good, 5, 2);
    assert!(hover.to_string().to_lowercase().contains("replicas"), "{hover}");
    let completion = server.at("textDocument/completion", &good, 6, 0);
    let labels: Vec<&str> =
        completion["items"].as_array().unwrap().iter().filter_map(|item| item["label"].as_str()).collect();
    for field in ["storage", "environments", "probes"] {
        assert!(labels.contains(&field), "{labels:?}");
    }
    assert!(!labels.contains(&"replicas"), "it is there already: {labels:?}");
}

/// The extension's manifest.
fn extension() -> Value {
    serde_json::from_str(&fs::read_to_string(root().join("integrations/vscode/package.json")).unwrap()).unwrap()
}

#[test]
fn the_extension_is_of_this_version_and_has_what_it_names() {
    let manifest = extension();
    assert_eq!(manifest["version"], env!("CARGO_PKG_VERSION"));
    let contributes = &manifest["contributes"];
    let snippets = contributes["snippets"].as_array().unwrap().iter().map(|list| &list["path"]);
    for file in snippets.chain([&manifest["main"]]) {
        let path = root().join("integrations/vscode").join(file.as_str().unwrap());
        assert!(path.is_file(), "{}", path.display());
    }
    for schema in contributes["yamlValidation"].as_array().unwrap() {
        // Put beside it when it is packaged.
        let name = schema["url"].as_str().unwrap().trim_start_matches("./");
        assert!(root().join(name).is_file(), "{name}");
    }
    let lock = fs::read_to_string(root().join("integrations/vscode/package-lock.json")).unwrap();
    let lock: Value = serde_json::from_str(&lock).unwrap();
    assert_eq!(lock["packages"][""]["dependencies"], manifest["dependencies"]);
    for (name, package) in lock["packages"].as_object().unwrap().iter().filter(|(name, _)| !name.is_empty()) {
        assert!(package["integrity"].is_string() && package.get("resolved").is_none(), "{name}");
    }
}

/// A placeholder is what stands in it: `${1:data}`.
fn filled(body: &Value) -> String {
    let lines: Vec<&str> = body.as_array().unwrap().iter().map(|line| line.as_str().unwrap()).collect();
    let mut text = lines.join("\n").replace("$0", "");
    while let Some(start) = text.find("${") {
        let end = start + text[start..].find('}').unwrap();
        let value = text[start..end].split_once(':').unwrap().1.to_owned();
        text.replace_range(start..=end, &value);
    }
    text
}

#[test]
fn every_snippet_is_a_right_spec() {
    let path = root().join("integrations/vscode/snippets/statewright.json");
    let snippets: Value = serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap();
    let app = filled(&snippets["App"]["body"]);
    for (name, snippet) in snippets.as_object().unwrap() {
        let text = filled(&snippet["body"]);
        let spec = match name.as_str() {
            "App" => text.clone(),
            "Environment" => format!("{}\n  {text}\n", app.trim_end()),
            "Storage item" => app.replace("  data: {mount: /var/lib/app, size: 10Gi}", &format!("  {text}")),
            "Service" => format!("{app}services:\n  {text}\n"),
            "Probes" => app.replace("probes: {ready: {http: /healthz}}", &text),
            "Peers" => format!("{app}env:\n  PEERS: {text}\n"),
            "Secret" => format!("{app}env:\n  {text}\n"),
            "Acknowledge" => format!("{app}{text}\n"),
            "Allow" => format!("{}{text}\n", app.replace("app:1.0", "app:latest")),
            other => panic!("`{other}` is in no spec here"),
        };
        assert!(spec.contains(&text), "{name} is not in the spec");
        let scratch = Scratch::new("snippet");
        scratch.write("statewright.yaml", spec);
        let run = statewright(scratch.path(), &["check"]);
        assert_eq!((run.code, run.stderr.as_str()), (0, "no problems found\n"), "{name}: {}", run.stderr);
    }
}

/// What the editor gives it is played; what it starts is the language server under the name of the settings.
#[test]
fn the_extension_starts_the_language_server() {
    if !is_there("node", &["--version"], "the extension for VS Code, as node runs it") {
        return;
    }
    let script = r#"
const Module = require("module");
const said = { errors: [], started: [], stopped: 0 };
let changed;
const vscode = {
  workspace: {
    getConfiguration: (section) => ({ get: (name) => `${section}/${name}` }),
    onDidChangeConfiguration: (hear) => { changed = hear; return {}; },
  },
  commands: { registerCommand: () => ({}) },
  window: { showErrorMessage: (text) => said.errors.push(text) },
};
let fails = false;
class LanguageClient {
  constructor(id, name, server, options) { this.server = server; this.options = options; }
  async start() { if (fails) throw new Error("ENOENT"); said.started.push([this.server.command, this.server.args, this.options.documentSelector]); }
  async stop() { said.stopped += 1; }
}
const load = Module._load;
Module._load = (name, ...rest) => name === "vscode" ? vscode
  : name === "vscode-languageclient/node" ? { LanguageClient, TransportKind: { stdio: 0 } } : load(name, ...rest);
(async () => {
  const extension = require(process.argv[1]);
  await extension.activate({ subscriptions: [] });
  await changed({ affectsConfiguration: (section) => section === "statewright" });
  fails = true;
  await changed({ affectsConfiguration: () => true });
  await extension.deactivate();
  console.log(JSON.stringify(said));
})();
"#;
    let main = root().join("integrations/vscode/extension.js");
    let output = Command::new("node").args(["-e", script]).arg(main).output().unwrap();
    assert!(output.status.success(), "{}", said(&output));
    let done: Value = serde_json::from_slice(&output.stdout).unwrap();
    let start = json!(["statewright/path", ["lsp"], [{"scheme": "file", "language": "yaml"}]]);
    assert_eq!(done["started"], json!([start, start]), "{done}");
    assert_eq!(done["stopped"], 2);
    assert!(done["errors"][0].as_str().unwrap().contains("statewright.path"), "{done}");
}

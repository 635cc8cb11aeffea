//! An editor's session with `statewright lsp`, message by message.

use crate::commands::{root, statewright};
use crate::scratch::Scratch;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

struct Editor {
    server: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
    asked: u64,
}

impl Editor {
    fn new(folder: &Path) -> Self {
        let mut server = Command::new(env!("CARGO_BIN_EXE_statewright"))
            .arg("lsp")
            .current_dir(folder)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let (input, output) = (server.stdin.take().unwrap(), BufReader::new(server.stdout.take().unwrap()));
        Self { server, input, output, asked: 0 }
    }

    fn tell(&mut self, method: &str, parameters: &Value) {
        self.send(&json!({"jsonrpc": "2.0", "method": method, "params": parameters}));
    }

    fn ask(&mut self, method: &str, parameters: &Value) -> Value {
        self.asked += 1;
        let id = self.asked;
        self.send(&json!({"jsonrpc": "2.0", "id": id, "method": method, "params": parameters}));
        let answer = self.hear();
        assert_eq!(answer["id"], id, "{answer}");
        answer
    }

    fn send(&mut self, message: &Value) {
        let body = message.to_string();
        write!(self.input, "Content-Length: {}\r\n\r\n{body}", body.len()).unwrap();
        self.input.flush().unwrap();
    }

    fn hear(&mut self) -> Value {
        let mut length = 0;
        loop {
            let mut line = String::new();
            assert_ne!(self.output.read_line(&mut line).unwrap(), 0, "the server has gone");
            match line.trim_end().strip_prefix("Content-Length: ") {
                Some(number) => length = number.parse().unwrap(),
                None if line.trim_end().is_empty() => break,
                None => panic!("{line}"),
            }
        }
        let mut body = vec![0; length];
        self.output.read_exact(&mut body).unwrap();
        serde_json::from_slice(&body).unwrap()
    }
}

const SPEC: &str = "apiVersion: statewright/v1\nkind: App\nname: kubia\nimage: example.com/kubia:1.0\nreplica: \
    3\nstorage:\n  data: {mount: /var/data, size: 1Gi}\nports: {http: 8080}\nprobes: {ready: {http: \
    /}}\nenvironments:\n  dev: {volumes: {dynamic: {class: fast}}}\n";

#[test]
fn an_editor_is_told_what_it_asks_for() {
    let scratch = Scratch::new("lsp");
    let path = std::fs::canonicalize(scratch.write("statewright.yaml", SPEC.replace("replica:", "replicas:"))).unwrap();
    let uri = format!("file://{}", path.display());
    let at = |line: u32, character: u32| json!({"textDocument": {"uri": uri}, "position": {"line": line, "character": character}});
    let mut editor = Editor::new(scratch.path());
    assert_eq!(editor.ask("initialize", &json!({"capabilities": {}}))["result"]["capabilities"]["hoverProvider"], true);
    editor.tell("initialized", &json!({}));
    editor.tell(
        "textDocument/didOpen",
        &json!({"textDocument": {"uri": uri, "languageId": "yaml", "version": 1, "text": SPEC}}),
    );
    let said = editor.hear();
    let found = &said["params"]["diagnostics"];
    assert_eq!((&said["method"], &said["params"]["uri"]), (&json!("textDocument/publishDiagnostics"), &json!(uri)));
    assert_eq!(found.as_array().unwrap().len(), 1, "{found}");
    assert_eq!(found[0]["range"], json!({"start": {"line": 4, "character": 0}, "end": {"line": 4, "character": 7}}));
    assert!(
        found[0]["code"] == "SW0101" && found[0]["message"].as_str().unwrap().contains("did you mean `replicas`?"),
        "{found}"
    );

    let mended = SPEC.replace("replica:", "replicas:");
    let asked = |only: Value| {
        let place = json!({"line": 4, "character": 0});
        json!({"textDocument": {"uri": uri}, "range": {"start": place, "end": place}, "context": {"diagnostics": [], "only": only}})
    };
    let quick = editor.ask("textDocument/codeAction", &asked(json!(["quickfix"])));
    let actions = quick["result"].as_array().unwrap();
    assert_eq!(actions.len(), 1, "{quick}");
    assert_eq!(
        actions[0]["edit"]["changes"][&uri],
        json!([{"range": {"start": {"line": 4, "character": 0}, "end": {"line": 4, "character": 7}}, "newText": "replicas"}])
    );
    let all = editor.ask("textDocument/codeAction", &asked(json!(["source.fixAll"])));
    assert_eq!(all["result"][0]["edit"]["changes"][&uri][0]["newText"], json!(mended), "{all}");
    editor.tell(
        "textDocument/didChange",
        &json!({"textDocument": {"uri": uri, "version": 2}, "contentChanges": [{"text": mended}]}),
    );
    assert_eq!(editor.hear()["params"]["diagnostics"], json!([]));

    let hover = editor.ask("textDocument/hover", &at(6, 10));
    let page = hover["result"]["contents"]["value"].as_str().unwrap();
    assert!(page.starts_with("storage.data.mount\n\n"), "{page}");

    let completion = editor.ask("textDocument/completion", &at(6, 27));
    let labels: Vec<&str> =
        completion["result"].as_array().unwrap().iter().map(|item| item["label"].as_str().unwrap()).collect();
    assert!(["size", "class", "access"].iter().all(|name| labels.contains(name)), "{labels:?}");
    assert!(!labels.contains(&"mount"), "what is there already is offered: {labels:?}");

    let definition = editor.ask("textDocument/definition", &at(3, 10));
    let file = definition["result"][0]["uri"].as_str().unwrap();
    assert!(file.ends_with("/deploy/dev/StatefulSet-kubia.yaml"), "{definition}");

    // No place is too far.
    for line in [u64::from(u32::MAX) - 1, u64::from(u32::MAX), u64::MAX] {
        for method in ["hover", "completion", "definition"] {
            let far = json!({"textDocument": {"uri": uri}, "position": {"line": line, "character": line}});
            let said = editor.ask(&format!("textDocument/{method}"), &far);
            assert!(said.get("result").is_some(), "{method} at {line}: {said}");
        }
    }

    assert_eq!(editor.ask("textDocument/unheardOf", &json!({}))["error"]["code"], -32601);
    editor.tell("$/unheardOf", &json!({}));
    editor.tell("textDocument/didClose", &json!({"textDocument": {"uri": uri}}));
    assert_eq!(editor.hear()["params"]["diagnostics"], json!([]));
    assert_eq!(editor.ask("shutdown", &Value::Null)["result"], Value::Null);
    editor.tell("exit", &Value::Null);
    assert!(editor.server.wait().unwrap().success());
}

#[test]
fn anyones_manifests_are_judged_as_they_are_typed() {
    let scratch = Scratch::new("lsp-manifest");
    let text =
        "apiVersion: v1\nkind: Service\nmetadata: {name: web}\nspec:\n  selector: {app: web}\n  ports: [{port: 0}]\n";
    let path = std::fs::canonicalize(scratch.write("service.yaml", text)).unwrap();
    let mut editor = Editor::new(scratch.path());
    editor.ask("initialize", &json!({}));
    let document =
        json!({"uri": format!("file://{}", path.display()), "languageId": "yaml", "version": 1, "text": text});
    editor.tell("textDocument/didOpen", &json!({"textDocument": document}));
    let found = &editor.hear()["params"]["diagnostics"];
    assert!(
        found.as_array().unwrap().iter().any(|one| one["severity"] == 1 && one["range"]["start"]["line"] == 5),
        "{found}"
    );
    editor.tell("exit", &Value::Null);
    assert_eq!(editor.server.wait().unwrap().code(), Some(1), "it was not told to shut down");
}

/// A spec with all that has a name.
const SHOP: &str = r#"apiVersion: statewright/v1
kind: App
# What is sold,
# and to whom.
name: shop
image: example.com/shop:1.0
replicas: 3
podManagement: Parallel
vars: {level: info}
ports: {http: 8080, admin: 9090}
probes: {ready: {http: /, port: http}}
services: {public: {http: 80}}
storage:
  data: {mount: /data, size: 1Gi}
volumes: {dynamic: fast}
env:
  RECORD: "{{ srv('http') }}"
  LEVEL: "{{ 'debug' if env == 'dev' else vars.level }}"
  OTHER: "{{ app('base').fqdn() }}"
  PASSWORD: "{{ 'hunter2' ~ 'hunter2' }}"
allow:
- {rule: image-tag-floating, reason: on purpose}
environments:
  dev: {replicas: 1}
  prod: {base: dev, replicas: 5}
"#;

const BASE: &str = "apiVersion: statewright/v1\nkind: App\nname: base\nimage: example.com/base:1.0\nenvironments: {dev: \
    {}, prod: {}}\n";

/// The script of a session: what is asked, and what the answer must hold.
struct Session {
    editor: Editor,
    uri: String,
    text: String,
    requests: usize,
}

impl Session {
    fn ask(&mut self, method: &str, mut parameters: Value) -> Value {
        parameters["textDocument"] = json!({"uri": self.uri});
        self.requests += 1;
        let answer = self.editor.ask(method, &parameters);
        assert!(answer.get("result").is_some() || answer.get("error").is_some(), "{method}: {answer}");
        answer
    }

    /// The place right behind a piece of the text.
    #[track_caller]
    fn behind(&self, piece: &str) -> Value {
        let end = self.text.find(piece).unwrap_or_else(|| panic!("{piece} is not in the text")) + piece.len();
        let line = self.text[..end].matches('\n').count();
        let begin = self.text[..end].rfind('\n').map_or(0, |at| at + 1);
        json!({"line": line, "character": self.text[begin..end].encode_utf16().count()})
    }

    #[track_caller]
    fn at(&mut self, method: &str, piece: &str) -> Value {
        let position = self.behind(piece);
        self.ask(method, json!({"position": position}))["result"].take()
    }

    /// What the text at a range of an answer is.
    fn cut(&self, range: &Value) -> String {
        let offset = |place: &Value| {
            let line = usize::try_from(place["line"].as_u64().unwrap()).unwrap();
            let begin: usize = self.text.split_inclusive('\n').take(line).map(str::len).sum();
            begin + usize::try_from(place["character"].as_u64().unwrap()).unwrap()
        };
        self.text[offset(&range["start"])..offset(&range["end"])].to_owned()
    }

    #[track_caller]
    fn labels(&mut self, piece: &str) -> Vec<String> {
        let list = self.at("textDocument/completion", piece);
        list.as_array().unwrap().iter().map(|item| item["label"].as_str().unwrap().to_owned()).collect()
    }

    /// Changes the text, and gives what is wrong with it then.
    fn change(&mut self, from: &str, to: &str) -> Value {
        assert!(self.text.contains(from), "{from}");
        self.text = self.text.replacen(from, to, 1);
        self.editor.tell(
            "textDocument/didChange",
            &json!({"textDocument": {"uri": self.uri, "version": 2}, "contentChanges": [{"text": self.text}]}),
        );
        self.editor.hear()["params"]["diagnostics"].take()
    }
}

#[test]
fn a_session_of_forty_requests() {
    let scratch = Scratch::new("lsp-session");
    scratch.write("statewright-workspace.yaml", "apiVersion: statewright/v1\nkind: Workspace\nrules: {}\n");
    scratch.write("apps/base/statewright.yaml", BASE);
    let path = std::fs::canonicalize(scratch.write("apps/shop/statewright.yaml", SHOP)).unwrap();
    let folder = path.parent().unwrap().parent().unwrap().parent().unwrap().to_owned();
    assert_eq!(statewright(&folder, &["compile", "-q"]).code, 0);
    for arguments in [&["init", "--quiet"][..], &["add", "--all"], &["commit", "--quiet", "--message", "all"]] {
        let identity = ["-c", "user.name=a", "-c", "user.email=a@example.com"];
        assert!(Command::new("git").args(identity).args(arguments).current_dir(&folder).status().unwrap().success());
    }
    let uri = format!("file://{}", path.display());
    let mut session = Session { editor: Editor::new(&folder), uri, text: SHOP.to_owned(), requests: 0 };
    let s = &mut session;
    let folders = json!([{"uri": format!("file://{}", folder.display()), "name": "all"}]);
    let hover = json!({"textDocument": {"hover": {"contentFormat": ["markdown", "plaintext"]}}});
    let can = s.ask("initialize", json!({"capabilities": hover, "workspaceFolders": folders}));
    for provider in
        ["references", "documentSymbol", "workspaceSymbol", "foldingRange", "inlayHint", "documentHighlight"]
    {
        assert_eq!(can["result"]["capabilities"][format!("{provider}Provider")], true, "{provider}");
    }
    s.editor.tell(
        "textDocument/didOpen",
        &json!({"textDocument": {"uri": s.uri, "languageId": "yaml", "version": 1, "text": SHOP}}),
    );
    let wrong = s.editor.hear()["params"]["diagnostics"].take();
    assert!(wrong.as_array().unwrap().iter().all(|one| one["severity"] != 1), "{wrong}");

    // What it means.
    let page = s.at("textDocument/hover", "podManag")["contents"].take();
    assert_eq!(page["kind"], "markdown");
    assert!(page["value"].as_str().unwrap().starts_with("**`podManagement`**\n\n"), "{page}");
    let rule = s.at("textDocument/hover", "rule: image-tag")["contents"]["value"].take();
    assert!(rule.as_str().unwrap().contains("# image-tag-floating"), "{rule}");
    assert!(s.at("textDocument/definition", "image: example")[0]["uri"].as_str().unwrap().contains("/deploy/dev/"));

    what_may_be_typed(s);
    names_and_who_speaks_of_them(s);
    what_is_in_it(s);
    what_it_comes_to(s);

    // While it is broken, it still knows the names, and says nothing of places.
    let broken = s.change("ports: {http: 8080, admin: 9090}", "ports: {http: 8080, admin: 9090");
    assert!(broken.as_array().unwrap().iter().any(|one| one["severity"] == 1), "{broken}");
    assert_eq!(s.labels("srv('"), ["admin", "http"]);
    for method in ["references", "documentSymbol", "codeLens", "inlayHint"] {
        let said = s.ask(&format!("textDocument/{method}"), json!({"position": {"line": 9, "character": 9}}));
        assert_eq!(said["result"], json!([]), "{method}");
    }
    assert!(s.requests >= 40, "only {} requests", s.requests);
    s.ask("shutdown", json!({}));
    s.editor.tell("exit", &Value::Null);
    assert!(s.editor.server.wait().unwrap().success());
}

fn what_may_be_typed(s: &mut Session) {
    assert_eq!(s.labels("podManagement: "), ["OrderedReady", "Parallel"]);
    assert_eq!(s.labels("prod: {base: "), ["dev", "prod"]);
    assert_eq!(s.labels("port: "), ["admin", "http"]);
    assert!(s.labels("rule: ").contains(&"probe-port-unknown".to_owned()));
    let names = s.labels("\"{{ ");
    assert!(["env", "peers", "srv", "vars"].iter().all(|name| names.contains(&(*name).to_owned())), "{names:?}");
    assert!(!names.contains(&"ordinal".to_owned()), "it stands for nothing here: {names:?}");
    assert_eq!(s.labels("srv('"), ["admin", "http"]);
    assert_eq!(s.labels("app('"), ["base", "shop"]);
    assert_eq!(s.labels("else vars."), ["level"]);
    assert!(s.labels("app('base').").contains(&"fqdn".to_owned()));
    let keys = s.labels("  data: {mount: /data, size: 1Gi");
    assert!(keys.is_empty() || !keys.contains(&"mount".to_owned()), "{keys:?}");
    s.change("size: 1Gi}", "size: 1Gi, }");
    let keys = s.labels("size: 1Gi, ");
    assert!(keys.contains(&"class".to_owned()) && !keys.contains(&"mount".to_owned()), "what is there: {keys:?}");
    s.change("size: 1Gi, }", "size: 1Gi}");
    // The page of expressions has the filters; a test runs it.
    s.change("vars.level }}", "vars.level | }}");
    let filters: BTreeSet<String> = s.labels("vars.level | ").into_iter().collect();
    let page = std::fs::read_to_string(root().join("docs/expressions.md")).unwrap();
    let listed = page.split_once("The filters are ").unwrap().1.split_once(". There are").unwrap().0;
    let listed: BTreeSet<String> = listed.split('`').skip(1).step_by(2).map(str::to_owned).collect();
    assert_eq!(filters, listed);
    s.change("vars.level | }}", "vars.level }}");
}

fn names_and_who_speaks_of_them(s: &mut Session) {
    let places = |session: &Session, answer: &Value| -> Vec<String> {
        answer.as_array().unwrap().iter().map(|one| session.cut(&one["range"])).collect()
    };
    for (piece, name, count) in [
        ("{http", "http", 4),
        ("srv('ht", "http", 4),
        ("admi", "admin", 1),
        ("  dat", "data", 1),
        ("base: de", "dev", 3),
        ("name: sho", "shop", 1),
    ] {
        let found = s.at("textDocument/references", piece);
        assert_eq!(places(s, &found), vec![name; count], "{piece}");
        let shown = s.at("textDocument/documentHighlight", piece);
        assert_eq!(places(s, &shown).len(), count, "{piece}");
    }
    let position = s.behind("{http");
    let uses =
        s.ask("textDocument/references", json!({"position": position, "context": {"includeDeclaration": false}}));
    assert_eq!(uses["result"].as_array().unwrap().len(), 3);
    assert_eq!(s.at("textDocument/prepareRename", "base: de")["placeholder"], "dev");
    assert_eq!(s.at("textDocument/prepareRename", "replicas: "), Value::Null);
    let mut rename = |piece: &str, new: &str| {
        let position = s.behind(piece);
        s.ask("textDocument/rename", json!({"position": position, "newName": new}))
    };
    let edit = rename("{http", "web");
    assert_eq!(edit["result"]["changes"].as_object().unwrap().values().next().unwrap().as_array().unwrap().len(), 4);
    let taken = rename("{http", "admin");
    assert!(taken["error"]["message"].as_str().unwrap().contains("another one already"), "{taken}");
    assert_eq!(rename("{http", "No Name")["error"]["code"], -32803);
    let wrong = rename("{http", "a-name-longer-than-fifteen");
    assert!(wrong["error"]["message"].as_str().unwrap().contains("the spec is wrong"), "{wrong}");
    assert!(rename("replicas: ", "x")["error"]["message"].as_str().unwrap().contains("there is no name"));
}

fn what_is_in_it(s: &mut Session) {
    let symbols = s.ask("textDocument/documentSymbol", json!({}))["result"].take();
    let environments = symbols.as_array().unwrap().iter().find(|one| one["name"] == "environments").unwrap();
    assert_eq!(environments["children"][1]["name"], "prod");
    assert!(s.cut(&environments["range"]).ends_with("replicas: 5}"), "{environments}");
    let folds = s.ask("textDocument/foldingRange", json!({}))["result"].take();
    assert!(folds.as_array().unwrap().contains(&json!({"startLine": 2, "endLine": 3, "kind": "comment"})), "{folds}");
    let all = s.ask("workspace/symbol", json!({"query": "PROD"}))["result"].take();
    assert_eq!(all.as_array().unwrap().len(), 2, "of each app: {all}");
}

fn what_it_comes_to(s: &mut Session) {
    let lenses = s.ask("textDocument/codeLens", json!({}))["result"].take();
    let titles = |lenses: &Value| -> Vec<String> {
        let list = lenses.as_array().unwrap().iter();
        list.map(|lens| lens["command"]["title"].as_str().unwrap().to_owned()).collect()
    };
    let pods = ["1 pod: shop-0", "as committed at HEAD", "5 pods: shop-0 to shop-4", "as committed at HEAD"];
    assert_eq!(titles(&lenses), pods);
    assert_eq!(s.cut(&lenses[0]["range"]), "dev");
    let whole = json!({"start": {"line": 0, "character": 0}, "end": {"line": 99, "character": 0}});
    let hints = s.ask("textDocument/inlayHint", json!({"range": whole}))["result"].take();
    let labels: Vec<&str> = hints.as_array().unwrap().iter().map(|hint| hint["label"].as_str().unwrap()).collect();
    assert!(labels.contains(&"= dev: debug; prod: info"), "{labels:?}");
    assert!(labels.contains(&"= _http._tcp.shop.default.svc.cluster.local"), "{labels:?}");
    assert!(labels.iter().all(|label| !label.contains("hunter2")), "a secret is shown: {labels:?}");
    s.change("prod: {base: dev, replicas: 5}", "prod: {base: dev, replicas: 4}");
    let lenses = s.ask("textDocument/codeLens", json!({}))["result"].take();
    assert_eq!(titles(&lenses)[2..], ["4 pods: shop-0 to shop-3", "data-at-risk against HEAD"]);
}

/// An app that gets another name is called so by its neighbours.
#[test]
fn a_name_that_others_use_is_edited_there_too() {
    let scratch = Scratch::new("lsp-neighbours");
    let workspace = "apiVersion: statewright/v1\nkind: Workspace\nenvironments: {dev: {}, prod: {}}\n";
    let workspace = scratch.write("statewright-workspace.yaml", workspace);
    let base = scratch.write("apps/base/statewright.yaml", BASE);
    let shop = scratch.write("apps/shop/statewright.yaml", SHOP);
    let uri = |path: &Path| format!("file://{}", std::fs::canonicalize(path).unwrap().display());
    let mut editor = Editor::new(scratch.path());
    editor.ask("initialize", &json!({}));
    for (path, text) in [(&base, BASE), (&workspace, &std::fs::read_to_string(&workspace).unwrap())] {
        let document = json!({"uri": uri(path), "languageId": "yaml", "version": 1, "text": text});
        editor.tell("textDocument/didOpen", &json!({"textDocument": document}));
        editor.hear();
    }
    let mut rename = |path: &Path, line: u32, character: u32, new: &str| {
        let position = json!({"line": line, "character": character});
        let document = json!({"uri": uri(path)});
        let asked = json!({"textDocument": document, "position": position, "newName": new});
        editor.ask("textDocument/rename", &asked)["result"]["changes"].take()
    };
    let changes = rename(&base, 2, 7, "ground");
    assert_eq!(changes[uri(&base)].as_array().unwrap().len(), 1, "{changes}");
    assert_eq!(changes[uri(&shop)][0]["range"]["start"], json!({"line": 18, "character": 18}), "{changes}");
    let changes = rename(&workspace, 2, 17, "test");
    let counts = [&workspace, &base, &shop].map(|path| changes[uri(path)].as_array().map_or(0, Vec::len));
    assert_eq!(counts, [1, 1, 3], "{changes}");
}

/// Of a text that has changed again before anybody looked at it, nothing is said.
#[test]
fn only_the_newest_text_is_judged() {
    let mut said = Vec::new();
    let mut tell = |method: &str, parameters: Value| {
        let body = json!({"jsonrpc": "2.0", "method": method, "params": parameters}).to_string();
        said.extend_from_slice(format!("Content-Length: {}\r\n\r\n{body}", body.len()).as_bytes());
    };
    let uri = "file:///no-such-folder/statewright.yaml";
    tell("textDocument/didOpen", json!({"textDocument": {"uri": uri, "text": SPEC}}));
    for count in 0..10 {
        let text = SPEC.replace("replica: 3", &format!("replicas: {count}"));
        tell("textDocument/didChange", json!({"textDocument": {"uri": uri}, "contentChanges": [{"text": text}]}));
    }
    assert_eq!(statewright::cli::replies(&said).unwrap().len(), 2, "what was opened, and the last change");
}

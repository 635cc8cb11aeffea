//! An editor's session with `statewright lsp`, message by message.

use crate::scratch::Scratch;
use serde_json::{Value, json};
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
    assert!(["mount", "size", "class", "access"].iter().all(|name| labels.contains(name)), "{labels:?}");

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

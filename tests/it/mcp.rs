//! An agent's sessions with `statewright mcp`: by our own client, by hostile ones, and by the protocol's official ones.

use crate::client::{left_out, path_with_statewright, said};
use crate::commands::{copy, root, statewright};
use crate::scratch::Scratch;
use serde_json::{Value, json};
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

struct Agent {
    server: Child,
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
}

impl Agent {
    fn new(folder: &Path) -> Self {
        let mut server = Command::new(env!("CARGO_BIN_EXE_statewright"))
            .arg("mcp")
            .current_dir(folder)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::inherit())
            .spawn()
            .unwrap();
        let (input, output) = (server.stdin.take(), BufReader::new(server.stdout.take().unwrap()));
        Self { server, input, output }
    }

    fn say(&mut self, line: &str) {
        let input = self.input.as_mut().unwrap();
        input.write_all(line.as_bytes()).unwrap();
        input.write_all(b"\n").unwrap();
        input.flush().unwrap();
    }

    fn hear(&mut self) -> Value {
        let mut line = String::new();
        assert_ne!(self.output.read_line(&mut line).unwrap(), 0, "the server has gone");
        serde_json::from_str(&line).unwrap()
    }

    #[track_caller]
    fn ask(&mut self, method: &str, parameters: &Value) -> Value {
        self.say(&json!({"jsonrpc": "2.0", "id": "a", "method": method, "params": parameters}).to_string());
        let answer = self.hear();
        assert!(answer["id"] == "a" && answer["jsonrpc"] == "2.0", "{answer}");
        answer
    }

    /// The text of a tool's answer, and whether it is an error.
    #[track_caller]
    fn call(&mut self, tool: &str, arguments: Value) -> (String, bool) {
        let result = self.result(tool, arguments);
        let texts = result["content"].as_array().unwrap().iter().map(|part| part["text"].as_str().unwrap());
        (texts.collect::<Vec<_>>().join("\n"), result["isError"] == true)
    }

    #[track_caller]
    #[expect(clippy::needless_pass_by_value, reason = "arguments are written where they are used")]
    fn result(&mut self, tool: &str, arguments: Value) -> Value {
        let mut answer = self.ask("tools/call", &json!({"name": tool, "arguments": arguments}));
        assert!(answer.get("result").is_some(), "{tool}: {answer}");
        answer["result"].take()
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        drop(self.input.take());
        let _ = self.server.wait();
    }
}

/// An app whose replicas are fewer than what is committed says, and that makes a Secret.
fn folder() -> Scratch {
    let scratch = Scratch::new("mcp");
    copy(&root().join("examples/kubia"), &scratch.path().join("apps/kubia"));
    let path = scratch.path().join("apps/kubia/statewright.yaml");
    let spec = std::fs::read_to_string(&path).unwrap();
    let secret = "objects:\n- {apiVersion: v1, kind: Secret, metadata: {name: kubia-login}, stringData: {login: correct-horse}}\n";
    std::fs::write(&path, format!("{spec}{secret}")).unwrap();
    assert_eq!(statewright(scratch.path(), &["compile", "-q"]).code, 0);
    let git = |arguments: &[&str]| {
        let identity = ["-c", "user.name=a", "-c", "user.email=a@example.com"];
        assert!(
            Command::new("git").args(identity).args(arguments).current_dir(scratch.path()).status().unwrap().success()
        );
    };
    git(&["init", "--quiet"]);
    git(&["add", "--all"]);
    git(&["commit", "--quiet", "--message", "all"]);
    std::fs::write(&path, format!("{spec}{secret}").replace("replicas: 3", "replicas: 2")).unwrap();
    scratch
}

#[test]
fn an_agent_does_all_its_work_and_writes_nothing() {
    let scratch = folder();
    let before = scratch.files();
    let mut agent = Agent::new(scratch.path());
    for (asked, given) in [
        ("2024-11-05", "2024-11-05"),
        ("2025-03-26", "2025-03-26"),
        ("2025-06-18", "2025-06-18"),
        ("2025-11-25", "2025-11-25"),
        ("1999-01-01", "2025-11-25"),
    ] {
        let client = json!({"protocolVersion": asked, "capabilities": {}, "clientInfo": {"name": "a", "version": "1"}});
        let answer = agent.ask("initialize", &client);
        assert_eq!(answer["result"]["protocolVersion"], given, "{answer}");
        assert_eq!(answer["result"]["serverInfo"]["name"], "statewright");
    }
    agent.say(&json!({"jsonrpc": "2.0", "method": "notifications/initialized"}).to_string());
    assert_eq!(agent.ask("ping", &json!({}))["result"], json!({}));
    let listed = agent.ask("tools/list", &json!({}));
    let tools = listed["result"]["tools"].as_array().unwrap();
    let names: Vec<&str> = tools.iter().map(|tool| tool["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["check", "compile", "review", "rehearse", "explain", "inspect"]);
    for tool in tools {
        assert!(tool["annotations"]["readOnlyHint"] == true && tool["inputSchema"]["type"] == "object", "{tool}");
    }

    let (text, _) = agent.call("check", json!({}));
    assert!(text.contains("SW0430") && text.contains("verdict: no errors"), "{text}");
    let (text, _) = agent.call("compile", json!({"paths": ["apps/kubia"], "environments": ["dev"]}));
    assert!(text.contains("kind: StatefulSet") && text.contains("replicas: 2"), "{text}");
    assert!(text.contains("kubia-login") && text.contains("(hidden)"), "{text}");
    let (text, is_error) = agent.call("review", json!({"against": "HEAD"}));
    assert!(text.contains("data at risk") && text.contains("kubia-2") && !is_error, "{text}");
    let (text, _) = agent.call("review", json!({"paths": ["apps/kubia/deploy/dev", "apps/kubia/deploy/prod"]}));
    assert!(text.contains("Plan: "), "{text}");
    let dev = json!(["apps/kubia/deploy/dev"]);
    let (text, _) = agent.call("rehearse", json!({"paths": dev, "fail": ["each-pod"]}));
    assert!(text.contains("kubia-0"), "{text}");
    let (text, _) = agent.call("explain", json!({"what": "SW0201"}));
    assert!(text.contains("SW0201"), "{text}");
    let (text, _) = agent.call("explain", json!({"what": "apps/kubia/deploy/dev/StatefulSet-kubia.yaml"}));
    assert!(text.contains("statewright.yaml (app kubia, environment dev)"), "{text}");
    let report = agent.result("inspect", json!({"environments": ["dev"], "format": "json"}));
    assert_eq!(report["structuredContent"]["verdict"], "no errors");
    assert!(report["content"][0]["text"].as_str().unwrap().contains("kubia-1"), "{report}");
    let report = agent.result("check", json!({"format": "json"}));
    assert_eq!(report["structuredContent"]["report"]["findings"][0]["code"], "SW0430", "{report}");

    // The same again in every tool that shows the app: the secret is in none.
    for (tool, mut arguments) in [
        ("check", json!({})),
        ("compile", json!({})),
        ("review", json!({"against": "HEAD"})),
        ("rehearse", json!({"paths": dev})),
        ("inspect", json!({})),
    ] {
        let said = agent.result(tool, arguments.clone()).to_string();
        assert!(!said.contains("correct-horse"), "{tool}: {said}");
        if tool != "compile" {
            arguments["format"] = json!("json");
            let said = agent.result(tool, arguments).to_string();
            assert!(!said.contains("correct-horse"), "{tool}: {said}");
        }
    }
    assert_eq!(scratch.files(), before, "something was written");
}

/// From 2026-07-28 on there is no handshake: each request says its version.
#[test]
fn each_request_may_say_its_version() {
    let scratch = folder();
    let mut agent = Agent::new(scratch.path());
    let with = |version: &str, mut parameters: Value| {
        parameters["_meta"] = json!({
            "io.modelcontextprotocol/protocolVersion": version,
            "io.modelcontextprotocol/clientCapabilities": {},
        });
        parameters
    };
    let found = agent.ask("server/discover", &with("2026-07-28", json!({})))["result"].take();
    assert_eq!(found["supportedVersions"], json!(["2026-07-28"]));
    let tools = agent.ask("tools/list", &with("2026-07-28", json!({})))["result"].take();
    let called = agent.ask("tools/call", &with("2026-07-28", json!({"name": "check"})))["result"].take();
    for result in [&found, &tools, &called] {
        assert_eq!(result["resultType"], "complete");
    }
    assert!(found["ttlMs"].is_u64() && tools["cacheScope"] == "public" && called["isError"] == false);
    let unknown = agent.ask("tools/list", &with("2031-01-01", json!({})));
    assert_eq!(unknown["error"]["code"], -32022);
    assert_eq!(unknown["error"]["data"], json!({"supported": ["2026-07-28"], "requested": "2031-01-01"}));
    assert_eq!(agent.ask("ping", &with("2026-07-28", json!({})))["error"]["code"], -32601);
}

#[test]
#[cfg(unix)]
fn nothing_outside_the_folder_is_reached() {
    let scratch = Scratch::new("mcp-reach");
    let spec = "apiVersion: statewright/v1\nkind: App\nname: web\nimage: example.com/web:1.0\n";
    let inner = scratch.path().join("inner");
    let outside = scratch.write("outside/statewright.yaml", spec.replace("web", "treasure"));
    scratch.write("inner/statewright.yaml", spec);
    std::os::unix::fs::symlink(outside.parent().unwrap(), inner.join("link")).unwrap();
    let mut agent = Agent::new(&inner);
    let absolute = outside.parent().unwrap().to_str().unwrap();
    for path in
        ["../outside", absolute, "link", "link/statewright.yaml", "./x/../../outside", "/etc", "-", "link/*.yaml"]
    {
        for tool in ["check", "compile", "review", "rehearse", "inspect"] {
            let (text, is_error) = agent.call(tool, json!({"paths": [path]}));
            assert!(is_error && text.contains("is not in the folder"), "{tool} {path}: {text}");
        }
        for tool in ["check", "review", "rehearse"] {
            let (text, is_error) = agent.call(tool, json!({"paths": ["."], "cluster": path}));
            assert!(is_error && text.contains("is not in the folder"), "{tool} {path}: {text}");
        }
        let (text, is_error) = agent.call("explain", json!({"what": path}));
        assert!(is_error && !text.contains("treasure\n"), "explain {path}: {text}");
    }
    // Words are values, never options.
    for (tool, arguments) in [
        ("check", json!({"paths": ["--fix"]})),
        ("review", json!({"against": "--output=x"})),
        ("explain", json!({"what": "--help"})),
        ("rehearse", json!({"paths": ["--fail"]})),
    ] {
        let (text, is_error) = agent.call(tool, arguments.clone());
        assert!(is_error, "{tool} {arguments}: {text}");
    }
    let (text, _) = agent.call("compile", json!({"environments": ["--out=/tmp"]}));
    assert!(text.contains("there is no environment `--out=/tmp`"), "{text}");
    let names: Vec<String> = scratch.files().into_iter().map(|(name, _)| name).collect();
    assert_eq!(
        names,
        ["inner/", "inner/link@", "inner/statewright.yaml", "outside/", "outside/statewright.yaml"],
        "something was written"
    );
}

#[test]
fn a_hostile_client_is_answered_and_the_next_one_too() {
    let scratch = folder();
    let mut agent = Agent::new(scratch.path());
    let deep = "[".repeat(100_000);
    let long = format!("\"{}\"", "x".repeat(5 << 20));
    for (line, code) in [
        ("no json", -32700),
        ("{", -32700),
        (&deep, -32700),
        (&long, -32700),
        ("[]", -32600),
        ("7", -32600),
        ("{}", -32600),
        (r#"{"jsonrpc": "1.0", "id": 1, "method": "ping"}"#, -32600),
        (r#"{"jsonrpc": "2.0", "id": {}, "method": "ping"}"#, -32600),
        (r#"{"jsonrpc": "2.0", "id": 1, "method": 7}"#, -32600),
        (r#"{"jsonrpc": "2.0", "id": 1, "method": "no/such"}"#, -32601),
    ] {
        agent.say(line);
        let answer = agent.hear();
        assert_eq!(answer["error"]["code"], code, "{}: {answer}", &line[..line.len().min(80)]);
    }
    // Neither a notification nor an answer is answered; of several at once each is.
    agent.say(r#"{"jsonrpc": "2.0", "method": "no/such"}"#);
    agent.say(r#"{"jsonrpc": "2.0", "id": 9, "result": {}}"#);
    agent.say("");
    agent.say(r#"[{"jsonrpc": "2.0", "id": 1, "method": "ping"}, {"jsonrpc": "2.0", "method": "x"}, 7]"#);
    assert_eq!(agent.hear().as_array().unwrap().len(), 2);
    for (tool, arguments, says) in [
        ("chekc", json!({}), "did you mean `check`?"),
        ("check", json!({"path": ["."]}), "did you mean `paths`?"),
        ("check", json!({"paths": "apps"}), "must be a list"),
        ("check", json!({"paths": [7]}), "must be text"),
        ("check", json!({"paths": vec!["apps"; 300]}), "at most 256"),
        ("check", json!({"paths": ["a\0b"]}), "must be text of"),
        ("check", json!({"format": "html"}), "`text` or `json`"),
        ("check", json!({"kubernetes": "1.1"}), "1.29"),
        ("check", json!([]), "must be an object"),
        ("rehearse", json!({}), "`paths` is missing"),
        ("explain", json!({"what": ""}), "must be text of"),
        ("explain", json!({"what": "storage.siz"}), "did you mean `storage.size`?"),
        ("review", json!({"against": "no-such-revision"}), "no-such-revision"),
        ("check", json!({"paths": ["no/such"]}), "does not exist"),
    ] {
        let (text, is_error) = agent.call(tool, arguments.clone());
        assert!(is_error && text.contains(says), "{tool} {arguments}: {text}");
    }
    // What is hostile in the folder ends a run, not the server.
    scratch.write("apps/deep/statewright.yaml", format!("a: {}", "[".repeat(50_000)));
    let (text, _) = agent.call("check", json!({"paths": ["apps/deep"]}));
    assert!(text.contains("error"), "{text}");
    assert!(agent.call("explain", json!({"what": "SW0201"})).0.contains("SW0201"));
}

/// What the protocol's authors give to clients, in the generation before and in that of today.
#[test]
fn the_official_clients_get_on_with_it() {
    let what = "agents, through the official clients of the Model Context Protocol";
    let Some(modules) = std::env::var_os("STATEWRIGHT_MCP_CLIENTS").filter(|path| !path.is_empty()).map(PathBuf::from)
    else {
        return left_out(what, "STATEWRIGHT_MCP_CLIENTS names no folder with node_modules");
    };
    let scratch = folder();
    let run = |script: &str| {
        let file = modules.join(format!("statewright-{}.mjs", std::process::id()));
        std::fs::write(&file, script).unwrap();
        let output =
            Command::new("node").arg(&file).current_dir(scratch.path()).env("PATH", path_with_statewright()).output();
        std::fs::remove_file(&file).unwrap();
        let output = output.unwrap();
        assert!(output.status.success(), "{}", said(&output));
        String::from_utf8(output.stdout).unwrap()
    };
    let session = r#"
const transport = new StdioClientTransport({ command: "statewright", args: ["mcp"] });
await client.connect(transport);
const { tools } = await client.listTools();
const result = await client.callTool({ name: "review", arguments: { against: "HEAD" } });
const explained = await client.callTool({ name: "explain", arguments: { what: "storage.size" } });
const version = client.getNegotiatedProtocolVersion?.() ?? transport.protocolVersion ?? "";
console.log(JSON.stringify({ tools: tools.length, text: result.content[0].text, explained: explained.isError, version }));
await client.close();
"#;
    let old = run(&format!(
        r#"import {{ Client }} from "@modelcontextprotocol/sdk/client/index.js";
import {{ StdioClientTransport }} from "@modelcontextprotocol/sdk/client/stdio.js";
const client = new Client({{ name: "old", version: "1" }});{session}"#
    ));
    let new = run(&format!(
        r#"import {{ Client }} from "@modelcontextprotocol/client";
import {{ StdioClientTransport }} from "@modelcontextprotocol/client/stdio";
const client = new Client({{ name: "new", version: "1" }}, {{ versionNegotiation: {{ mode: {{ pin: "2026-07-28" }} }} }});{session}"#
    ));
    for said in [&old, &new] {
        let said: Value = serde_json::from_str(said).unwrap();
        assert!(said["tools"] == 6 && said["explained"] == false, "{said}");
        assert!(said["text"].as_str().unwrap().contains("data at risk"), "{said}");
    }
    assert!(new.contains("2026-07-28"), "{new}");
}

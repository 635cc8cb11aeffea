//! `mcp`: what an agent asks for over the Model Context Protocol: to check, compile, review, rehearse, explain, inspect.
//! Writes nothing, and is confined to the folder that it was started in.
//!
//! Two generations of the protocol are spoken. Until 2025-11-25 a client shakes hands and names its version once; from
//! 2026-07-28 on every request says its version itself, and nothing is remembered.

mod run;
mod tools;

use super::wire::{self, Line, Message};
use super::{Exit, Result};
use crate::failure::Failure;
use clap::Args;
use serde_json::{Map, Value, json};
use std::io::BufRead;
use tools::TOOLS;

/// Serve an agent over the Model Context Protocol, on stdin and stdout: reads this folder, writes nothing.
#[derive(Debug, Args)]
pub(super) struct Mcp {}

/// Versions with a handshake, the newest first: it is what a client gets whose own is not known.
const WITH_HANDSHAKE: &[&str] = &["2025-11-25", "2025-06-18", "2025-03-26", "2024-11-05"];
/// Versions without.
const STATELESS: &[&str] = &["2026-07-28"];

/// Where a request says its version.
const VERSION: &str = "io.modelcontextprotocol/protocolVersion";
/// Where an answer says whose it is.
const SERVER: &str = "io.modelcontextprotocol/serverInfo";

const INSTRUCTIONS: &str = "Statewright compiles the specs of stateful apps (statewright.yaml) into Kubernetes manifests and says offline what a \
    change does to pods, claims and disks. After editing a spec: check it, review it (against: HEAD), and have the user run \
    `statewright compile`, for nothing is written here. `explain` knows every finding (SW0201) and field (storage.size).";

impl Mcp {
    pub(super) fn run(&self) -> Result {
        let Self {} = self;
        converse(&mut std::io::stdin().lock(), &mut |answer| wire::send_line(&answer))?;
        Ok(Exit::Fine)
    }
}

/// Answers line by line, until the client goes.
fn converse(
    input: &mut impl BufRead,
    reply: &mut dyn FnMut(Value) -> std::result::Result<(), Failure>,
) -> std::result::Result<(), Failure> {
    while let Some(line) = wire::read_line(input)? {
        let answer = match line {
            Line::Unreadable(reason) => Some(wire::error(&Value::Null, wire::PARSE_ERROR, reason, None)),
            Line::Said(Value::Array(several)) if !several.is_empty() => {
                let answers: Vec<Value> = several.into_iter().filter_map(answer).collect();
                (!answers.is_empty()).then_some(Value::Array(answers))
            }
            Line::Said(one) => answer(one),
        };
        if let Some(answer) = answer {
            reply(answer)?;
        }
    }
    Ok(())
}

/// The answer to a message; none to a notification, or to an answer.
fn answer(said: Value) -> Option<Value> {
    let is_answer = said.get("method").is_none() && (said.get("result").is_some() || said.get("error").is_some());
    if is_answer {
        return None;
    }
    let has_id = matches!(said.get("id"), None | Some(Value::String(_) | Value::Number(_)));
    if !has_id || !said["method"].is_string() || said["jsonrpc"] != "2.0" {
        let id = said.get("id").filter(|_| has_id).cloned().unwrap_or_default();
        return Some(wire::error(&id, wire::INVALID_REQUEST, "this is no request of JSON-RPC 2.0", None));
    }
    let message = Message::of(said);
    match message.parameters["_meta"].get(VERSION) {
        Some(version) if STATELESS.iter().any(|known| version == known) => stateless(&message),
        Some(version) => {
            const UNSUPPORTED_VERSION: i32 = -32022;
            let data = json!({"supported": STATELESS, "requested": version});
            message.error(UNSUPPORTED_VERSION, "this version of the protocol is not spoken here", Some(data))
        }
        None => with_handshake(&message),
    }
}

/// A request that says its version itself.
fn stateless(message: &Message) -> Option<Value> {
    let result = match &*message.method {
        "server/discover" => cached(json!({
            "supportedVersions": STATELESS,
            "capabilities": {"tools": {}},
            "serverInfo": server(),
            "instructions": INSTRUCTIONS,
        })),
        "tools/list" => cached(listed()),
        "tools/call" => tools::call(&message.parameters),
        _ => return message.refusal(),
    };
    let Value::Object(mut result) = result else { return None };
    result.insert("resultType".to_owned(), json!("complete"));
    result.insert("_meta".to_owned(), json!({SERVER: server()}));
    message.answer(&Value::Object(result))
}

/// How long a client may keep what is always the same: an hour.
fn cached(mut result: Value) -> Value {
    const HOUR: u32 = 3_600_000;
    result["ttlMs"] = HOUR.into();
    result["cacheScope"] = "public".into();
    result
}

/// A request of the older kind.
fn with_handshake(message: &Message) -> Option<Value> {
    match &*message.method {
        "initialize" => {
            let asked = message.parameters["protocolVersion"].as_str().unwrap_or_default();
            let version = WITH_HANDSHAKE.iter().find(|known| **known == asked).unwrap_or(&WITH_HANDSHAKE[0]);
            message.answer(&json!({
                "protocolVersion": version,
                "capabilities": {"tools": {}},
                "serverInfo": server(),
                "instructions": INSTRUCTIONS,
            }))
        }
        "ping" => message.answer(&json!({})),
        "tools/list" => message.answer(&listed()),
        "tools/call" => message.answer(&tools::call(&message.parameters)),
        _ => message.refusal(),
    }
}

fn server() -> Value {
    json!({"name": "statewright", "title": "Statewright", "version": env!("CARGO_PKG_VERSION")})
}

/// All tools, with what each takes.
fn listed() -> Value {
    let tools: Vec<Value> = TOOLS
        .iter()
        .map(|tool| {
            let properties: Map<String, Value> =
                tool.inputs.iter().map(|input| (input.name.to_owned(), input.schema())).collect();
            let required: Vec<&str> =
                tool.inputs.iter().filter(|input| input.is_required).map(|input| input.name).collect();
            json!({
                "name": tool.name,
                "title": tool.title,
                "description": tool.about,
                "inputSchema": {
                    "type": "object",
                    "properties": properties,
                    "required": required,
                    "additionalProperties": false,
                },
                "annotations": {
                    "readOnlyHint": true,
                    "destructiveHint": false,
                    "idempotentHint": true,
                    "openWorldHint": false,
                },
            })
        })
        .collect();
    json!({"tools": tools})
}

//! `lsp`: what an editor asks for over the Language Server Protocol: findings as one types, the meaning of fields, what
//! may be typed, names and what else speaks of them, and what a line ends up in.

mod document;
mod findings;
mod lens;
mod names;
mod outline;
mod typing;

use super::project::Loaded;
use super::wire::{self, Message};
use super::{Exit, Result};
use crate::bundle::Bundle;
use crate::diagnostic::Diagnostics;
use crate::failure::Failure;
use crate::layout;
use crate::source::{SourceId, Sources};
use crate::value::{Data, Node};
use clap::Args;
use document::{Document, Place, is_spec, uri_of};
use findings::{FIX_ALL, QUICK_FIX, candidate, published};
use serde_json::{Value, json};
use std::collections::{BTreeMap, VecDeque};
use std::path::PathBuf;
use std::sync::mpsc::{Receiver, sync_channel};

/// Serve an editor over the Language Server Protocol, on stdin and stdout.
#[derive(Debug, Args)]
pub(super) struct Lsp {
    /// Taken for the sake of editors that pass it: there is no other way.
    #[arg(long, hide = true)]
    stdio: bool,
}

/// So many messages are read ahead of the one that is answered: enough to see that a text has changed again.
const AHEAD: usize = 16;

impl Lsp {
    pub(super) fn run(&self) -> Result {
        let Self { stdio: _ } = self;
        let (sender, receiver) = sync_channel(AHEAD);
        // It ends with the program: nobody waits for it, for it may wait for an editor that says no more.
        std::thread::spawn(move || {
            let mut input = std::io::stdin().lock();
            loop {
                let read = wire::read(&mut input);
                let is_last = !matches!(read, Ok(Some(_)));
                if sender.send(read).is_err() || is_last {
                    break;
                }
            }
        });
        let mut server = Server::default();
        let mut heard = Heard { waiting: VecDeque::new(), more: Some(receiver) };
        converse(&mut heard, &mut server, |message| wire::send(&message))?;
        Ok(if server.is_shut_down { Exit::Fine } else { Exit::Found })
    }
}

/// What the server says to an editor that has said all this, framed as on stdin; for tests that have no process.
///
/// # Errors
/// When it is not what an editor sends.
pub fn replies(mut said: &[u8]) -> std::result::Result<Vec<Value>, Failure> {
    let (mut heard, mut replies) = (Heard { waiting: VecDeque::new(), more: None }, Vec::new());
    while let Some(message) = wire::read(&mut said)? {
        heard.waiting.push_back(message);
    }
    converse(&mut heard, &mut Server::default(), |message| {
        replies.push(message);
        Ok(())
    })?;
    Ok(replies)
}

/// What the editor has said and nobody has answered yet.
struct Heard {
    waiting: VecDeque<Message>,
    more: Option<Receiver<std::result::Result<Option<Message>, Failure>>>,
}

impl Heard {
    /// The next message; nothing when the editor has gone.
    fn next(&mut self) -> std::result::Result<Option<Message>, Failure> {
        if self.waiting.is_empty() {
            let Some(Ok(first)) = self.more.as_ref().map(Receiver::recv) else { return Ok(None) };
            self.waiting.extend(first?);
        }
        while self.waiting.len() < AHEAD
            && let Some(Ok(message)) = self.more.as_ref().map(Receiver::try_recv)
        {
            match message? {
                Some(message) => self.waiting.push_back(message),
                None => self.more = None,
            }
        }
        Ok(self.waiting.pop_front())
    }

    /// Whether a later message changes the same text again: then nobody will look at what is said of this one.
    fn is_changed_again(&self, message: &Message) -> bool {
        let uri = uri_of(&message.parameters);
        self.waiting.iter().any(|later| later.method == CHANGE && uri_of(&later.parameters) == uri)
    }
}

const CHANGE: &str = "textDocument/didChange";

/// Answers until the editor goes.
fn converse(
    heard: &mut Heard,
    server: &mut Server,
    mut reply: impl FnMut(Value) -> std::result::Result<(), Failure>,
) -> std::result::Result<(), Failure> {
    while let Some(message) = heard.next()? {
        if message.method == "exit" {
            break;
        }
        let is_old = message.method == CHANGE && heard.is_changed_again(&message);
        server.take(&message, is_old).into_iter().try_for_each(&mut reply)?;
    }
    Ok(())
}

/// What an editor has open.
#[derive(Default)]
struct Server {
    documents: BTreeMap<String, Document>,
    /// The folders that the editor works in.
    roots: Vec<PathBuf>,
    has_markdown: bool,
    is_shut_down: bool,
}

impl Server {
    /// What is to be said to that. Of a text that has changed since, nothing.
    fn take(&mut self, message: &Message, is_old: bool) -> Vec<Value> {
        let parameters = &message.parameters;
        match &*message.method {
            "initialize" => self.begin(parameters),
            "shutdown" => self.is_shut_down = true,
            "textDocument/didOpen" => return self.keep(parameters, &parameters["textDocument"]["text"], false),
            // The last of the changes is the whole text: no other kind was asked for.
            CHANGE => {
                let changes = parameters["contentChanges"].as_array();
                let text =
                    changes.and_then(|changes| changes.last()).map(|change| change["text"].clone()).unwrap_or_default();
                return self.keep(parameters, &text, is_old);
            }
            "textDocument/didSave" => return self.judge_all(),
            "textDocument/didClose" => {
                let uri = uri_of(parameters);
                self.documents.remove(uri);
                return vec![wire::notification(
                    "textDocument/publishDiagnostics",
                    &json!({"uri": uri, "diagnostics": []}),
                )];
            }
            _ => {}
        }
        if message.method == "textDocument/rename" {
            let place = self.place(parameters).ok_or_else(|| "this file is not open".to_owned());
            let new = parameters["newName"].as_str().unwrap_or_default();
            return match place.and_then(|place| names::rename(&place, new)) {
                Ok(edit) => message.answer(&edit),
                Err(reason) => message.failed(&reason),
            }
            .into_iter()
            .collect();
        }
        match self.answer(&message.method, parameters) {
            Some(answer) => message.answer(&answer).into_iter().collect(),
            None => message.refusal().into_iter().collect(),
        }
    }

    /// The answer to a request; none to one that nobody knows.
    fn answer(&self, method: &str, parameters: &Value) -> Option<Value> {
        let place = || self.place(parameters);
        let document = || self.document(parameters);
        let list = |value: Option<Value>| value.unwrap_or_else(|| json!([]));
        Some(match method {
            "initialize" => capabilities(),
            "shutdown" => Value::Null,
            "textDocument/hover" => {
                place().and_then(|place| typing::hover(&place, self.has_markdown)).unwrap_or_default()
            }
            "textDocument/completion" => list(place().and_then(|place| typing::completion(&place))),
            "textDocument/codeAction" => {
                list(document().and_then(|(_, document)| findings::actions(document, parameters)))
            }
            "textDocument/definition" => list(self.definition(parameters)),
            "textDocument/references" => {
                let with_declaration = parameters["context"]["includeDeclaration"] != false;
                list(place().and_then(|place| names::references(&place, with_declaration)))
            }
            "textDocument/documentHighlight" => list(place().and_then(|place| names::highlights(&place))),
            "textDocument/prepareRename" => place().and_then(|place| names::renamed(&place)).unwrap_or_default(),
            "textDocument/documentSymbol" => {
                list(document().map(|(_, document)| outline::symbols(document, typing::is_ours(parameters))))
            }
            "textDocument/foldingRange" => list(document().map(|(_, document)| outline::folds(document))),
            "textDocument/codeLens" => list(self.spec(parameters).and_then(|(uri, spec)| lens::lenses(uri, spec))),
            "textDocument/inlayHint" => {
                list(self.spec(parameters).and_then(|(uri, spec)| lens::hints(uri, spec, parameters)))
            }
            "workspace/symbol" => names::in_workspace(&self.roots, parameters["query"].as_str().unwrap_or_default()),
            _ => return None,
        })
    }

    /// What the editor says of itself.
    fn begin(&mut self, parameters: &Value) {
        let formats = &parameters["capabilities"]["textDocument"]["hover"]["contentFormat"];
        self.has_markdown = formats.as_array().is_some_and(|formats| formats.iter().any(|name| name == "markdown"));
        let folders = parameters["workspaceFolders"].as_array().into_iter().flatten().map(|folder| &folder["uri"]);
        let named = folders.chain([&parameters["rootUri"]]).filter_map(Value::as_str).filter_map(wire::path_of);
        self.roots = named.collect();
        self.roots.dedup();
        if self.roots.is_empty() {
            self.roots.push(PathBuf::from("."));
        }
    }

    fn keep(&mut self, parameters: &Value, text: &Value, is_old: bool) -> Vec<Value> {
        let (uri, Some(text)) = (uri_of(parameters), text.as_str()) else { return Vec::new() };
        let before = self.documents.remove(uri);
        self.documents.insert(uri.to_owned(), Document::new(text.to_owned(), before));
        if is_old { Vec::new() } else { published(uri, text).into_iter().collect() }
    }

    /// A saved file may be what another one rests on.
    fn judge_all(&self) -> Vec<Value> {
        self.documents.iter().filter_map(|(uri, document)| published(uri, &document.text)).collect()
    }

    /// The files that the line of a spec ends up in, in every environment.
    fn definition(&self, parameters: &Value) -> Option<Value> {
        let (uri, document) = self.spec(parameters)?;
        let path = wire::path_of(uri)?;
        let line = u32::try_from(parameters["position"]["line"].as_u64()?).ok()?.checked_add(1)?;
        let candidate = candidate(&path, &document.text)?;
        let app = candidate.load(&mut Vec::new()).ok()??;
        let mut places = Vec::new();
        for environment in app.environments() {
            let Some(compiled) = app.compile(&environment, None, &mut Diagnostics::default()) else { continue };
            let (root, folder) = app.folder(&environment, None, true);
            let tree = layout::lay_out(&compiled.bundle, &folder, &app.spec.name, &environment, &candidate.spec_name());
            for file in touched(&app, &compiled.bundle, &tree, line) {
                let path = std::path::absolute(root.join(&folder).join(file)).ok()?;
                let start = json!({"line": 0, "character": 0});
                places.push(json!({"uri": wire::uri_of(&path), "range": {"start": start, "end": start}}));
            }
        }
        Some(Value::Array(places))
    }

    fn document(&self, parameters: &Value) -> Option<(&str, &Document)> {
        self.documents.get_key_value(uri_of(parameters)).map(|(uri, document)| (uri.as_str(), document))
    }

    /// The document, if it is a spec.
    fn spec(&self, parameters: &Value) -> Option<(&str, &Document)> {
        self.document(parameters).filter(|(uri, _)| wire::path_of(uri).is_some_and(|path| is_spec(&path)))
    }

    fn place<'d>(&'d self, parameters: &'d Value) -> Option<Place<'d>> {
        let (uri, document) = self.document(parameters)?;
        let position = &parameters["position"];
        Some(Place { uri, document, position, offset: document.offset(position), documents: &self.documents })
    }
}

fn capabilities() -> Value {
    const WHOLE_TEXT: u8 = 1;
    json!({
        "capabilities": {
            "textDocumentSync": {"openClose": true, "change": WHOLE_TEXT, "save": true},
            "hoverProvider": true,
            "completionProvider": {"triggerCharacters": [" ", ".", "|", "'", "{"]},
            "definitionProvider": true,
            "referencesProvider": true,
            "documentHighlightProvider": true,
            "renameProvider": {"prepareProvider": true},
            "documentSymbolProvider": true,
            "workspaceSymbolProvider": true,
            "foldingRangeProvider": true,
            "codeLensProvider": {"resolveProvider": false},
            "inlayHintProvider": true,
            "codeActionProvider": {"codeActionKinds": [QUICK_FIX, FIX_ALL]},
        },
        "serverInfo": {"name": "statewright", "version": env!("CARGO_PKG_VERSION")},
    })
}

/// The files whose manifests have anything from that line of the spec.
fn touched<'t>(app: &Loaded, bundle: &Bundle, tree: &'t layout::Tree, line: u32) -> Vec<&'t str> {
    let spec = app.spec.root.at.source;
    let pairs = bundle.resources.iter().zip(&tree.files);
    pairs
        .filter(|(resource, _)| comes_from(&resource.node, spec, line, &app.sources))
        .map(|(_, file)| file.name.as_str())
        .collect()
}

fn comes_from(node: &Node, spec: SourceId, line: u32, sources: &Sources) -> bool {
    match &node.data {
        Data::Map(map) => map.iter().any(|(_, value)| comes_from(value, spec, line, sources)),
        Data::List(items) => items.iter().any(|item| comes_from(item, spec, line, sources)),
        _ => node.at.source == spec && sources.spot(node.at).line == line,
    }
}

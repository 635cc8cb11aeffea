//! JSON-RPC, as the Language Server Protocol frames it and as the Model Context Protocol does, a line a message; and how
//! the former names files and places. Knows no request.

use super::output;
use crate::failure::Failure;
use crate::report::sarif;
use serde_json::{Value, json};
use std::io::{BufRead, Read};
use std::path::{Path, PathBuf};

/// No editor sends more at once.
const LARGEST: u64 = 64 << 20;

/// A request or a notification.
pub(super) struct Message {
    id: Option<Value>,
    pub(super) method: String,
    pub(super) parameters: Value,
}

/// What is no JSON, and what is JSON and no request.
pub(super) const PARSE_ERROR: i32 = -32700;
pub(super) const INVALID_REQUEST: i32 = -32600;

/// An answer that says why there is none.
pub(super) fn error(id: &Value, code: i32, reason: &str, data: Option<Value>) -> Value {
    let mut error = json!({"code": code, "message": reason});
    if let Some(data) = data {
        error["data"] = data;
    }
    json!({"jsonrpc": "2.0", "id": id, "error": error})
}

impl Message {
    /// What a body says.
    pub(super) fn of(mut body: Value) -> Self {
        Self {
            id: body.get("id").cloned(),
            method: body["method"].as_str().unwrap_or_default().to_owned(),
            parameters: body.get_mut("params").map(Value::take).unwrap_or_default(),
        }
    }

    /// That what was asked for is not given, why, and what a program makes of that.
    pub(super) fn error(&self, code: i32, reason: &str, data: Option<Value>) -> Option<Value> {
        Some(error(self.id.as_ref()?, code, reason, data))
    }

    /// The answer to a request; a notification is not answered.
    pub(super) fn answer(&self, result: &Value) -> Option<Value> {
        let id = self.id.as_ref()?;
        Some(json!({"jsonrpc": "2.0", "id": id, "result": result}))
    }

    /// That what was asked for cannot be done, and why.
    pub(super) fn failed(&self, reason: &str) -> Option<Value> {
        const REQUEST_FAILED: i32 = -32803;
        self.error(REQUEST_FAILED, &crate::printable::line(&crate::secret::masked(reason)), None)
    }

    /// That there is no such request. Notifications that nobody knows are passed over.
    pub(super) fn refusal(&self) -> Option<Value> {
        const NO_SUCH_METHOD: i32 = -32601;
        self.error(NO_SUCH_METHOD, &format!("there is no `{}` here", crate::printable::line(&self.method)), None)
    }
}

/// Reads the next message. `None` when the editor has gone.
pub(super) fn read(input: &mut impl BufRead) -> Result<Option<Message>, Failure> {
    let broken = |error: &std::io::Error| Failure::new(format!("the editor cannot be heard: {error}"));
    let mut length = None;
    loop {
        let mut line = String::new();
        if input.by_ref().take(1 << 12).read_line(&mut line).map_err(|error| broken(&error))? == 0 {
            return Ok(None);
        }
        let line = line.trim_end();
        if line.is_empty() {
            break;
        }
        if let Some(said) = line.to_ascii_lowercase().strip_prefix("content-length:") {
            length = said.trim().parse::<u64>().ok().filter(|length| *length <= LARGEST);
        }
    }
    let length = length
        .ok_or_else(|| Failure::new("this is no language client: a message has no length, or too large a one"))?;
    let mut body = Vec::new();
    input.take(length).read_to_end(&mut body).map_err(|error| broken(&error))?;
    Ok(Some(Message::of(serde_json::from_slice(&body).unwrap_or_default())))
}

/// A line of a conversation in lines.
pub(super) enum Line {
    Said(Value),
    /// It is no JSON, or too much of it.
    Unreadable(&'static str),
}

/// Reads the next line that is not empty. `None` when the client has gone.
pub(super) fn read_line(input: &mut impl BufRead) -> Result<Option<Line>, Failure> {
    const LONGEST: u64 = 4 << 20;
    loop {
        let mut bytes = Vec::new();
        let broken = |error: std::io::Error| Failure::new(format!("the client cannot be heard: {error}"));
        if input.by_ref().take(LONGEST).read_until(b'\n', &mut bytes).map_err(broken)? == 0 {
            return Ok(None);
        }
        if bytes.len() as u64 == LONGEST && !bytes.ends_with(b"\n") {
            while input.by_ref().take(LONGEST).skip_until(b'\n').map_err(broken)? as u64 == LONGEST {}
            return Ok(Some(Line::Unreadable("this line is longer than 4 MB")));
        }
        if !bytes.trim_ascii().is_empty() {
            let read = serde_json::from_slice(&bytes);
            return Ok(Some(read.map_or(Line::Unreadable("this line is no JSON"), Line::Said)));
        }
    }
}

/// Says it to a client that listens line by line.
pub(super) fn send_line(message: &Value) -> Result<(), Failure> {
    output::data(&format!("{message}\n"))
}

/// Something that the editor has not asked for.
pub(super) fn notification(method: &str, parameters: &Value) -> Value {
    json!({"jsonrpc": "2.0", "method": method, "params": parameters})
}

/// Says it to the editor.
pub(super) fn send(message: &Value) -> Result<(), Failure> {
    let body = message.to_string();
    output::data(&format!("Content-Length: {}\r\n\r\n{body}", body.len()))
}

/// The path of a file, by its URI.
pub(super) fn path_of(uri: &str) -> Option<PathBuf> {
    let rest = uri.strip_prefix("file://")?;
    let mut bytes = Vec::with_capacity(rest.len());
    let mut rest = rest.as_bytes();
    while let [first, after @ ..] = rest {
        let escaped = (*first == b'%').then(|| after.get(..2)).flatten();
        let value = escaped.and_then(|digits| u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok());
        bytes.push(value.unwrap_or(*first));
        rest = if value.is_some() { &after[2..] } else { after };
    }
    let path = String::from_utf8(bytes).ok()?;
    // `/c:/apps` on Windows.
    let is_drive = path.len() > 2 && path.as_bytes()[0] == b'/' && path.as_bytes()[2] == b':';
    Some(PathBuf::from(if is_drive { &path[1..] } else { &path }))
}

/// The URI of a file.
pub(super) fn uri_of(path: &Path) -> String {
    let path = path.to_string_lossy().replace('\\', "/");
    // `c:/apps` on Windows.
    if path.starts_with('/') { sarif::uri(&path) } else { sarif::uri(&format!("/{path}")) }
}

/// How many characters of a line so many UTF-16 units are: the protocol counts those.
pub(super) fn characters(line: &str, units: usize) -> usize {
    let mut seen = 0;
    line.chars()
        .take_while(|letter| {
            let before = seen;
            seen += letter.len_utf16();
            before < units
        })
        .count()
}

/// How many UTF-16 units so many characters of a line are.
pub(super) fn units(line: &str, characters: u32) -> usize {
    line.chars().take(usize::try_from(characters).unwrap_or(usize::MAX)).map(char::len_utf16).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_and_places() {
        for path in ["/a/b.yaml", "/a b/ü%/c#.yaml"] {
            assert_eq!(path_of(&uri_of(Path::new(path))), Some(PathBuf::from(path)));
        }
        assert_eq!(path_of("file:///c%3A/apps/x.yaml"), Some(PathBuf::from("c:/apps/x.yaml")));
        assert_eq!(path_of("untitled:1"), None);
        assert_eq!((characters("a😀b", 3), units("a😀b", 2)), (2, 3));
    }

    #[test]
    fn messages() {
        let body = r#"{"id": 1, "method": "shutdown"}"#;
        let text = format!("Content-Length: {}\r\nContent-Type: x\r\n\r\n{body}", body.len());
        let mut input = text.as_bytes();
        assert_eq!(read(&mut input).unwrap().unwrap().method, "shutdown");
        assert!(read(&mut input).unwrap().is_none());
        assert!(read(&mut "hello\r\n\r\n".as_bytes()).is_err());
    }
}

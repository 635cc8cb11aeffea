//! What the server says to a Secret: each type needs its own keys.
//!
//! Follows `pkg/apis/core/validation/validation.go: ValidateSecret, ValidateSecretUpdate`.

use super::cause::{Causes, Path, text};
use super::config_map::{MOST_BYTES, byte_count, locked};
use super::meta::{self, Naming};
use super::{Kind, unchanged};
use crate::api::defaults;
use crate::k8s::version::Version;
use crate::k8s::{base64, name};
use crate::value::{Data, Node};

/// A Secret.
pub(crate) static KIND: Kind = Kind {
    group: "",
    version: "v1",
    kind: "Secret",
    namespaced: true,
    naming: Naming::Subdomain,
    counts_generations: false,
    default: defaults::config::secret,
    prepare: unchanged,
    create,
    update,
};

const DATA: Path<'static> = Path::new("data");
const ACCOUNT_NAME: &str = "kubernetes.io/service-account.name";

/// `ValidateSecret`, pkg/apis/core/validation.
fn create(object: &Node, _: Version, causes: &mut Causes) {
    let data = object.get("data");
    let mut size = 0;
    for (key, value) in data.into_iter().flat_map(Node::entries) {
        causes.each_invalid(&DATA.key(&key.name), name::config_key(&key.name));
        size += byte_count(value);
    }
    if size > MOST_BYTES {
        causes.too_long(&DATA, MOST_BYTES);
    }
    let has = |key: &str| data.is_some_and(|data| data.get(key).is_some());
    let mut need = |keys: &[&str]| {
        for key in keys.iter().filter(|key| !has(key)) {
            causes.required(&DATA.key(key), "");
        }
    };
    match text(object, "type") {
        "kubernetes.io/tls" => {
            need(&["tls.crt", "tls.key"]);
            warn_of_certificate(data, causes);
        }
        "kubernetes.io/basic-auth" if !has("username") && !has("password") => need(&["username", "password"]),
        "kubernetes.io/ssh-auth"
            if data.and_then(|data| data.get("ssh-privatekey")).is_none_or(|key| byte_count(key) == 0) =>
        {
            causes.required(&DATA.key("ssh-privatekey"), "");
        }
        "kubernetes.io/dockercfg" => json(data, ".dockercfg", causes),
        "kubernetes.io/dockerconfigjson" => json(data, ".dockerconfigjson", causes),
        "kubernetes.io/service-account-token" => {
            let account =
                object.find(&["metadata", "annotations", ACCOUNT_NAME]).and_then(Node::as_str).unwrap_or_default();
            if account.is_empty() {
                causes.required(&Path::new("metadata.annotations").key(ACCOUNT_NAME), "");
            }
        }
        _ => {}
    }
}

/// `ValidateSecretUpdate`, pkg/apis/core/validation.
fn update(object: &Node, stored: &Node, version: Version, causes: &mut Causes) {
    meta::names_again(object, KIND.naming, causes);
    if text(object, "type") != text(stored, "type") {
        causes.invalid(&Path::new("type"), "field is immutable");
    }
    locked(object, stored, &["data"], causes);
    create(object, version, causes);
}

/// A key that must hold an object in JSON.
/// `ValidateSecret`, pkg/apis/core/validation.
fn json(data: Option<&Node>, key: &str, causes: &mut Causes) {
    let path = DATA.key(key);
    let Some(value) = data.and_then(|data| data.get(key)) else { return causes.required(&path, "") };
    let bytes = bytes(value);
    match serde_json::from_slice::<serde_json::Value>(&bytes) {
        Ok(serde_json::Value::Object(_) | serde_json::Value::Null) => {}
        Ok(other) => {
            let noun = match other {
                serde_json::Value::Array(_) => "array",
                serde_json::Value::String(_) => "string",
                serde_json::Value::Bool(_) => "bool",
                _ => "number",
            };
            causes.invalid(
                &path,
                format!("json: cannot unmarshal {noun} into Go value of type map[string]interface {{}}"),
            );
        }
        Err(error) if error.is_eof() => causes.invalid(&path, "unexpected end of JSON input"),
        Err(_) => causes.invalid(&path, "invalid JSON"),
    }
}

fn bytes(value: &Node) -> Vec<u8> {
    match &value.data {
        Data::Text(text) => base64::decode(text).unwrap_or_default(),
        Data::List(items) => items
            .iter()
            .map(|item| item.as_int().and_then(|byte| u8::try_from(byte).ok()).unwrap_or_default())
            .collect(),
        _ => Vec::new(),
    }
}

/// The two things that can be said of a certificate without reading it.
/// `WarningsOnCreate`, pkg/registry/core/secret.
fn warn_of_certificate(data: Option<&Node>, causes: &mut Causes) {
    let holds_pem = |key: &str| {
        let bytes = data.and_then(|data| data.get(key)).map(bytes).unwrap_or_default();
        String::from_utf8_lossy(&bytes).contains("-----BEGIN ")
    };
    let missing = [("tls.crt", "certificate"), ("tls.key", "key")].into_iter().find(|(key, _)| !holds_pem(key));
    if let Some((_, noun)) = missing {
        causes.warn(format!("tls: failed to find any PEM data in {noun} input"));
    }
}

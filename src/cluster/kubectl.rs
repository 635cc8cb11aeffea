//! `kubectl apply` of one manifest to a cluster: what it says, and what is to be written. Writes nothing, and knows no
//! controller.
//!
//! Follows `staging/src/k8s.io/kubectl/pkg/cmd/apply/apply.go: applyOneObject`, and
//! `plugin/pkg/admission/storage/persistentvolume/resize/admission.go: Validate`.

use super::denial::{Barrier, Verdict};
use super::object::requested;
use super::store::{self, Key, Store, annotation, put};
use crate::api::admission::{Answer, Stage};
use crate::api::apply::Applied;
use crate::api::custom::Customs;
use crate::api::live::note;
use crate::api::server_side::managers::Conflict;
use crate::api::{server_side, way};
use crate::bundle::Resource;
use crate::diagnostic::Refusal;
use crate::k8s::shape;
use crate::k8s::version::Version;
use crate::k8s::way::Way;
use crate::k8s::wire;
use crate::value::{Data, Map, Node};
use std::collections::BTreeMap;

const CLAIM: &str = "PersistentVolumeClaim";

/// What became of one object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Done {
    /// Which one.
    pub key: Key,
    /// What was done to it.
    pub act: Act,
    /// Whether a patch was sent, and the object stayed as it was.
    pub is_idle: bool,
    /// What the server warned of.
    pub warnings: Vec<String>,
}

/// What was done to an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Act {
    /// It is new.
    Created,
    /// A patch was sent. It need not have changed anything.
    Configured,
    /// There was nothing to send.
    Unchanged,
    /// It was refused; what was there stays.
    Rejected(Box<Rejection>),
    /// It was taken away, for no manifest has it any more.
    Pruned,
    /// It was deleted by name.
    Deleted,
    /// It was to be deleted, but was not there.
    Absent,
    /// It was evicted.
    Evicted {
        /// Whether it has gone.
        gone: bool,
    },
    /// It was to be evicted, and was refused.
    NotEvicted(Verdict),
}

/// Why an object was refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rejection {
    /// How far it came.
    pub stage: Stage,
    /// 422, 400, 403 …; 0 where no server was asked.
    pub code: u16,
    /// `Invalid`, `BadRequest`, `Forbidden` …; empty where no server was asked.
    pub reason: &'static str,
    /// The server's own sentence.
    pub message: String,
    /// One per cause.
    pub refusals: Vec<Refusal>,
    /// The causes in the server's words, in the same order.
    pub causes: Vec<String>,
    /// What stands in its way, where it is valid by itself.
    pub barrier: Option<Barrier>,
}

/// What is to be written for it.
#[derive(Clone, Debug)]
pub enum Write {
    /// Nothing.
    Nothing,
    /// A new object.
    Create(Node),
    /// A changed object.
    Replace(Node),
}

/// A manifest on its way to a cluster.
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    /// What is to be applied.
    pub resource: &'a Resource,
    /// What was applied last time, if the object was made by an apply.
    pub last_applied: Option<&'a Node>,
    /// The class of claims that name none.
    pub default_class: Option<&'a str>,
    /// The custom kinds that are defined.
    pub customs: &'a Customs,
    /// Whose rules.
    pub version: Version,
    /// How it is applied.
    pub way: Way,
}

impl Act {
    /// The word of kubectl, or of whoever did it.
    #[must_use]
    pub const fn word(&self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::Configured => "configured",
            Self::Unchanged => "unchanged",
            Self::Rejected(_) | Self::NotEvicted(_) => "rejected",
            Self::Pruned => "pruned",
            Self::Deleted => "deleted",
            Self::Absent => "absent",
            Self::Evicted { .. } => "evicted",
        }
    }
}

/// What an object is called in a cluster: one without a namespace lives in `default`, if its kind lives in any.
#[must_use]
pub fn key_of(resource: &Resource) -> Key {
    let id = &resource.id;
    let namespaced =
        shape::find(&resource.api_version, &id.kind).map_or(!id.namespace.is_empty(), |known| known.namespaced);
    let namespace = match (namespaced, id.namespace.as_str()) {
        (false, _) => "",
        (true, "") => "default",
        (true, namespace) => namespace,
    };
    Key::new(&*id.kind, namespace, &*id.name)
}

/// Applies a manifest: says what kubectl says, and gives what is to be written.
#[must_use]
pub fn request(store: &Store, request: Request<'_>) -> (Done, Write) {
    let key = key_of(request.resource);
    let (Asked { mut answer, conflicts }, act, mut write) = match store.get(&key) {
        None => create(&request),
        Some(stored) => update(store, stored, &request),
    };
    if request.way == Way::Client
        && let Write::Create(object) | Write::Replace(object) = &write
        && let Some(refusal) = annotation_refusal(&request.resource.node, object)
    {
        answer = Answer::refused(Stage::Validate, vec![refusal]);
        write = Write::Nothing;
    }
    let act = match answer.stage {
        Some(stage) => {
            let is_new = matches!(act, Act::Created);
            Act::Rejected(Box::new(reject(&answer, stage, &request, is_new, &conflicts)))
        }
        None => act,
    };
    let is_idle = match (&act, &write) {
        (Act::Configured, Write::Nothing) => true,
        (Act::Configured, Write::Replace(object)) => store.get(&key).is_some_and(|stored| is_as_it_was(stored, object)),
        _ => false,
    };
    let warnings = answer.warnings.into_iter().map(|warning| warning.text).collect();
    (Done { key, act, is_idle, warnings }, write)
}

/// Whether an object says what it said: where the server counts changes of its spec, it has counted none.
fn is_as_it_was(stored: &Node, object: &Node) -> bool {
    let is_counted = stored.find(&["metadata", "generation"]).is_some();
    stored == object || is_counted && stored.get("metadata") == object.get("metadata")
}

/// What the server said, and who is in the way.
struct Asked {
    answer: Answer,
    conflicts: Vec<Conflict>,
}

impl From<Answer> for Asked {
    fn from(answer: Answer) -> Self {
        Self { answer, conflicts: Vec::new() }
    }
}

fn create(request: &Request<'_>) -> (Asked, Act, Write) {
    let mut node = match request.way {
        // kubectl writes the manifest anew to note it on the object, and leaves out what is null.
        Way::Client => without_nulls(&request.resource.node),
        Way::Server | Way::ServerForced => request.resource.node.clone(),
    };
    if request.resource.id.kind == CLAIM {
        give_class(&mut node, request.default_class);
    }
    let mut answer = way::create(request.way, &node, request.customs, request.version);
    let write = answer.object.take().map_or(Write::Nothing, Write::Create);
    (answer.into(), Act::Created, write)
}

/// Why kubectl cannot apply a manifest, whatever the server thinks of it: it could not keep a copy.
#[must_use]
pub fn too_large(manifest: &Node) -> Option<Refusal> {
    annotation_refusal(manifest, manifest)
}

fn without_nulls(node: &Node) -> Node {
    match &node.data {
        Data::Map(map) => {
            let stated = map.iter().filter(|(_, value)| !value.is_null());
            Node::map(stated.map(|(key, value)| (key.clone(), without_nulls(value))).collect(), node.at)
        }
        Data::List(items) => Node::list(items.iter().map(without_nulls).collect(), node.at),
        _ => node.clone(),
    }
}

/// kubectl keeps the manifest in an annotation, and annotations have a limit: a large manifest can be created, but not
/// applied.
/// `ValidateAnnotationsSize`, k8s.io/apimachinery/pkg/api/validation.
fn annotation_refusal(manifest: &Node, object: &Node) -> Option<Refusal> {
    const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";
    const MOST: usize = 256 << 10;
    let others = object.find(&["metadata", "annotations"]).into_iter().flat_map(Node::entries);
    let others: usize = others.map(|(key, value)| key.name.len() + value.as_str().map_or(0, str::len)).sum();
    let total = others + LAST_APPLIED.len() + json_length(manifest) + 1;
    (total > MOST).then(|| Refusal {
        field: "metadata.annotations".into(),
        kind: "FieldValueTooLong",
        detail: format!("may not be more than {MOST} bytes"),
    })
}

/// How long a value is in JSON as kubectl writes it: without spaces, and with what HTML could misread escaped.
fn json_length(node: &Node) -> usize {
    let text_length = |text: &str| 2 + text.chars().map(escaped_length).sum::<usize>();
    match &node.data {
        Data::Null => 4,
        Data::Bool(value) => value.to_string().len(),
        Data::Int(value) => value.to_string().len(),
        Data::Float(value) => value.to_string().len(),
        Data::Text(text) => text_length(text),
        Data::List(items) => items.iter().map(|item| json_length(item) + 1).sum::<usize>().max(1) + 1,
        Data::Map(map) => {
            map.iter().map(|(key, value)| text_length(&key.name) + json_length(value) + 2).sum::<usize>().max(1) + 1
        }
    }
}

const fn escaped_length(letter: char) -> usize {
    match letter {
        '"' | '\\' | '\n' | '\r' | '\t' | '\u{8}' | '\u{c}' => 2,
        '<' | '>' | '&' | '\u{2028}' | '\u{2029}' | '\0'..='\u{1f}' => 6,
        _ => letter.len_utf8(),
    }
}

/// A claim that says nothing of a class gets the default one; one that says `""` does not.
/// `Admit`, plugin/pkg/admission/storage/storageclass/setdefault.
fn give_class(claim: &mut Node, class: Option<&str>) {
    let stated = claim.find(&["spec", "storageClassName"]).is_some_and(|class| !class.is_null())
        || annotation(claim, "volume.beta.kubernetes.io/storage-class").is_some();
    let at = claim.at;
    if let (false, Some(class)) = (stated, class)
        && claim.get("spec").is_some_and(|spec| spec.as_map().is_some())
    {
        put(claim, &["spec", "storageClassName"], Node::text(class, at));
    }
}

fn update(store: &Store, stored: &Node, request: &Request<'_>) -> (Asked, Act, Write) {
    let manifest = &request.resource.node;
    let (Applied { mut answer, unchanged }, conflicts) =
        way::apply(request.way, request.last_applied, stored, manifest, request.customs, request.version);
    if request.way.is_server() && answer.object.as_ref() == Some(stored) {
        return (Answer { object: None, ..answer }.into(), Act::Unchanged, Write::Nothing);
    }
    if unchanged {
        // kubectl keeps the manifest on the object: one that says the same in other words is still sent.
        let is_noted = |last: &Node| last == manifest || note::is_alike(last, manifest);
        let noted = request.last_applied.is_some_and(is_noted);
        let act = if noted { Act::Unchanged } else { Act::Configured };
        return (Answer::default().into(), act, Write::Nothing);
    }
    if let Some(object) = &answer.object
        && request.resource.id.kind == CLAIM
        && let Some(refusal) = resize_refusal(store, stored, object)
    {
        answer = Answer { warnings: answer.warnings, ..Answer::refused(Stage::Request, vec![refusal]) };
    }
    let write =
        answer.object.take().map_or(Write::Nothing, |object| Write::Replace(counted(object, stored, request.version)));
    (Asked { answer, conflicts }, Act::Configured, write)
}

/// A change of the spec is a new generation.
fn counted(mut object: Node, stored: &Node, version: Version) -> Node {
    if let Some(generation) = stored.find(&["metadata", "generation"]).and_then(Node::as_int)
        && spec_as_written(&object, version) != spec_as_written(stored, version)
    {
        let at = object.at;
        put(&mut object, &["metadata", "generation"], Node::int(generation + 1, at));
    }
    object
}

fn spec_as_written(object: &Node, version: Version) -> Option<Node> {
    let Some(shape) = shape::shape_of(store::text(object, &["apiVersion"]), store::text(object, &["kind"]), version)
    else {
        return object.get("spec").cloned();
    };
    wire::written(object, shape).as_map_mut()?.remove("spec")
}

/// Only a bound claim can grow, and only if its class says that its volumes can.
/// `Validate`, plugin/pkg/admission/storage/persistentvolume/resize.
fn resize_refusal(store: &Store, old: &Node, new: &Node) -> Option<Refusal> {
    let class = |claim: &Node| {
        annotation(claim, "volume.beta.kubernetes.io/storage-class")
            .unwrap_or(store::text(claim, &["spec", "storageClassName"]))
            .to_owned()
    };
    if requested(new) <= requested(old) {
        return None;
    }
    let detail = if store::text(old, &["status", "phase"]) == "Bound" {
        let grows = |name: &str| {
            let class = store.get(&Key::new("StorageClass", "", name));
            class.and_then(|class| class.get("allowVolumeExpansion")).and_then(Node::as_bool) == Some(true)
        };
        let (before, after) = (class(old), class(new));
        if before == after && !after.is_empty() && grows(&after) {
            return None;
        }
        "only dynamically provisioned pvc can be resized and the storageclass that provisions the pvc must support \
            resize"
    } else {
        "Only bound persistent volume claims can be expanded"
    };
    Some(Refusal { field: String::new(), kind: "Forbidden", detail: detail.into() })
}

fn reject(answer: &Answer, stage: Stage, request: &Request<'_>, new: bool, conflicts: &[Conflict]) -> Rejection {
    let first = answer.refusals.first();
    let kind = first.map_or("", |refusal| refusal.kind);
    let (code, reason) = match (stage, kind) {
        (Stage::NoMatch, _) | (_, "BadPatch") => (0, ""),
        (_, server_side::CONFLICT) => (409, "Conflict"),
        (Stage::Decode | Stage::StrictDecode, _) if request.way.is_server() => (500, ""),
        (Stage::Validate, _) => (422, "Invalid"),
        (Stage::Decode | Stage::StrictDecode, _) if !new => (422, "Invalid"),
        (_, "Forbidden") => (403, "Forbidden"),
        (_, "Conflict") => (409, "Conflict"),
        (_, "InternalError") => (500, ""),
        _ => (400, "BadRequest"),
    };
    let causes = answer.refusals.iter().map(|refusal| cause_text(refusal, &request.resource.node)).collect();
    Rejection {
        stage,
        code,
        reason,
        message: message(answer, stage, request, new, conflicts),
        refusals: answer.refusals.clone(),
        causes,
        barrier: None,
    }
}

/// The server's sentence about an object that it refuses.
fn message(answer: &Answer, stage: Stage, request: &Request<'_>, new: bool, conflicts: &[Conflict]) -> String {
    if answer.refusals.iter().any(|refusal| refusal.kind == server_side::CONFLICT) {
        return server_side::conflict_message(conflicts);
    }
    if request.way.is_server()
        && matches!(stage, Stage::Decode | Stage::StrictDecode)
        && let Some(sentence) = server_side::sentence(&request.resource.node, request.customs, request.version)
    {
        return sentence;
    }
    let id = &request.resource.id;
    let details = || answer.refusals.iter().map(|refusal| refusal.detail.clone()).collect::<Vec<_>>().join(", ");
    let kind = |join: &str, name: &str| {
        if id.group.is_empty() { name.to_owned() } else { format!("{name}{join}{}", id.group) }
    };
    match stage {
        Stage::Validate => invalid(&kind(".", &id.kind), &id.name, &answer.refusals, &request.resource.node),
        Stage::Decode if new => {
            let version = request.resource.api_version.rsplit('/').next().unwrap_or_default();
            format!("{0} in version \"{version}\" cannot be handled as a {0}: {1}", id.kind, details())
        }
        Stage::StrictDecode if new => {
            let version = request.resource.api_version.rsplit('/').next().unwrap_or_default();
            format!(
                "{0} in version \"{version}\" cannot be handled as a {0}: strict decoding error: {1}",
                id.kind,
                details()
            )
        }
        Stage::StrictDecode => format!("\"\" is invalid: patch: Invalid value: strict decoding error: {}", details()),
        Stage::Request if answer.refusals.iter().any(|refusal| refusal.kind == "Forbidden") => {
            let plural = format!("{}s", id.kind.to_lowercase());
            format!("{} \"{}\" is forbidden: {}", kind(".", &plural), id.name, details())
        }
        _ => details(),
    }
}

/// The server's sentence about an object that its rules refuse.
/// `NewInvalid`, k8s.io/apimachinery/pkg/api/errors.
#[must_use]
pub fn invalid(kind: &str, name: &str, refusals: &[Refusal], node: &Node) -> String {
    let causes: Vec<String> = refusals.iter().map(|refusal| cause(refusal, node)).collect();
    let causes = if let [one] = &causes[..] { one.clone() } else { format!("[{}]", causes.join(", ")) };
    format!("{kind} \"{name}\" is invalid: {causes}")
}

/// One cause, with its field, as the server writes it.
fn cause(refusal: &Refusal, node: &Node) -> String {
    format!("{}: {}", refusal.field, cause_text(refusal, node))
}

/// One cause, without its field, as the server writes it.
/// `ErrorBody`, k8s.io/apimachinery/pkg/util/validation/field.
#[must_use]
pub fn cause_text(refusal: &Refusal, node: &Node) -> String {
    let (head, valued) = match refusal.kind {
        "FieldValueRequired" => ("Required value", false),
        "FieldValueForbidden" => ("Forbidden", false),
        "FieldValueTooLong" => ("Too long", false),
        "FieldValueTooMany" => ("Too many", false),
        "FieldValueDuplicate" => ("Duplicate value", true),
        "FieldValueNotFound" => ("Not found", true),
        "FieldValueNotSupported" => ("Unsupported value", true),
        "FieldValueInvalid" | "FieldValueTypeInvalid" => ("Invalid value", true),
        _ => return refusal.detail.clone(),
    };
    let mut text = head.to_owned();
    if valued {
        text = format!("{text}: {}", value_text(node, &refusal.field));
    }
    if !refusal.detail.is_empty() {
        text = format!("{text}: {}", refusal.detail);
    }
    text
}

/// A plain value as the server quotes it; `null` for what is not in the manifest, and for maps and lists an ellipsis.
fn value_text(node: &Node, field: &str) -> String {
    match node.exactly(field).map(|node| &node.data) {
        None | Some(Data::Null) => "null".into(),
        Some(Data::Text(text)) => format!("{text:?}"),
        Some(Data::Int(number)) => number.to_string(),
        Some(Data::Float(number)) => number.to_string(),
        Some(Data::Bool(value)) => value.to_string(),
        Some(Data::List(_)) => "[…]".into(),
        Some(Data::Map(map)) => labels_text(map).unwrap_or_else(|| "{…}".into()),
    }
}

/// A map of texts as JSON; other maps the server prints by its own names for their fields.
fn labels_text(map: &Map) -> Option<String> {
    let texts: BTreeMap<&str, &str> =
        map.iter().map(|(key, value)| Some((key.name.as_str(), value.as_str()?))).collect::<Option<_>>()?;
    serde_json::to_string(&texts).ok().filter(|_| !texts.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostic::Diagnostics;
    use crate::source::Sources;
    use crate::yaml::{parts, read_part};

    fn read(text: &str) -> Resource {
        let id = Sources::default().add("t", text);
        let node = read_part(id, text, parts(text)[0], &mut Diagnostics::default()).flatten().unwrap();
        Resource::new(node).unwrap()
    }

    /// Applies manifests of one object, one after the other, and gives kubectl's words.
    fn words(manifests: &[&str]) -> Vec<String> {
        applied(Way::Client, manifests)
    }

    fn applied(way: Way, manifests: &[&str]) -> Vec<String> {
        let mut store = Store::default();
        let mut last: Option<Resource> = None;
        let mut words = Vec::new();
        for manifest in manifests {
            let resource = read(manifest);
            let last_applied = last.as_ref().map(|resource| &resource.node);
            let (done, write) = request(
                &store,
                Request {
                    resource: &resource,
                    last_applied,
                    default_class: Some("fast"),
                    customs: &Customs::none(),
                    version: Version::NEWEST,
                    way,
                },
            );
            words.push(match &done.act {
                Act::Rejected(rejection) => format!("{} {}", rejection.code, rejection.message),
                act => act.word().to_owned(),
            });
            match write {
                Write::Nothing => {}
                Write::Create(object) => store.create(&done.key, object),
                Write::Replace(object) => store.replace(&done.key, object),
            }
            last = Some(resource);
        }
        words
    }

    const CLAIM_OF: fn(&str, &str) -> String = |spec, size| {
        format!(
            "apiVersion: v1\nkind: PersistentVolumeClaim\nmetadata: {{name: data}}\nspec: {{accessModes: \
                [ReadWriteOnce], {spec}\
             resources: {{requests: {{storage: {size}}}}}}}"
        )
    };

    #[test]
    fn what_kubectl_says_of_a_claim() {
        let claim = CLAIM_OF;
        assert_eq!(
            words(&[&claim("", "1Gi"), &claim("", "1Gi"), &claim("volumeMode: Filesystem, ", "1Gi")]),
            ["created", "unchanged", "configured"]
        );
        let same_class = words(&[&claim("", "1Gi"), &claim("storageClassName: fast, ", "1Gi")]);
        assert_eq!(same_class, ["created", "configured"]);
        let grown = words(&[&claim("", "1Gi"), &claim("", "2Gi")]);
        assert!(
            grown[1].starts_with("422 PersistentVolumeClaim \"data\" is invalid: spec: Forbidden: spec is immutable"),
            "{}",
            grown[1]
        );
    }

    #[test]
    fn what_a_server_side_apply_says() {
        let config = |data: &str| format!("apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: a}}\ndata: {data}");
        let large = "x".repeat(300_000);
        let said = applied(
            Way::Server,
            &[&config("{a: x}"), &config("{a: \"x\"}"), &config("{b: z}"), &config(&format!("{{a: {large}}}"))],
        );
        assert_eq!(said, ["created", "unchanged", "configured", "configured"]);
        let service = |ports: &str| {
            format!("apiVersion: v1\nkind: Service\nmetadata: {{name: web}}\nspec: {{clusterIP: None, ports: {ports}}}")
        };
        let said = applied(
            Way::Server,
            &[&service("[{port: 53, name: a}]"), &service("[{port: 53, name: a}, {port: 53, protocol: TCP, name: b}]")],
        );
        assert_eq!(
            said[1],
            "500 failed to create typed patch object (/web; /v1, Kind=Service): .spec.ports: duplicate entries for key \
             [port=53,protocol=\"TCP\"]"
        );
    }

    #[test]
    fn a_manifest_must_fit_into_an_annotation() {
        let config = |size: usize| {
            format!("apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: big}}\ndata: {{a: \"{}\"}}", "<".repeat(size))
        };
        let said = words(&[&config(43_000), &config(44_000)]);
        assert_eq!(said[0], "created");
        assert_eq!(
            said[1],
            "422 ConfigMap \"big\" is invalid: metadata.annotations: Too long: may not be more than 262144 bytes"
        );
    }
}

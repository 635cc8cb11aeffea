//! Which requests the server takes first: FlowSchemas, and the PriorityLevelConfigurations they lead to. The mandatory
//! ones, which the server makes itself, may not be changed; here they are not known in full.
//!
//! Follows `pkg/apis/flowcontrol/validation/validation.go: ValidateFlowSchema, ValidatePriorityLevelConfiguration`.

use super::cause::{Causes, Path, flag, list, number, some, text};
use super::meta::{self, Naming};
use super::{Kind, unchanged};
use crate::api::defaults;
use crate::k8s::name;
use crate::k8s::version::Version;
use crate::value::Node;

/// A FlowSchema.
pub(crate) static SCHEMA: Kind = Kind {
    group: "flowcontrol.apiserver.k8s.io",
    version: "v1",
    kind: "FlowSchema",
    namespaced: false,
    naming: Naming::Subdomain,
    counts_generations: true,
    default: defaults::extension::flow_schema,
    prepare: unchanged,
    create: |object, _, causes| flow(object, causes),
    update: |object, _, _, causes| {
        meta::names_again(object, Naming::Subdomain, causes);
        flow(object, causes);
    },
};

/// The same as it was served up to 1.31.
pub(crate) static SCHEMA_BETA: Kind = Kind { version: "v1beta3", ..SCHEMA };

/// A PriorityLevelConfiguration.
pub(crate) static LEVEL: Kind = Kind {
    kind: "PriorityLevelConfiguration",
    default: defaults::extension::priority_level,
    create: |object, version, causes| level(object, version, causes),
    update: |object, _, version, causes| {
        meta::names_again(object, Naming::Subdomain, causes);
        level(object, version, causes);
    },
    ..SCHEMA
};

/// The same as it was served up to 1.31.
pub(crate) static LEVEL_BETA: Kind = Kind { version: "v1beta3", ..LEVEL };

const SPEC: Path<'static> = Path::new("spec");
const VERBS: [&str; 9] = ["create", "delete", "deletecollection", "get", "list", "patch", "proxy", "update", "watch"];

fn object_name(object: &Node) -> &str {
    object.get("metadata").map(|metadata| text(metadata, "name")).unwrap_or_default()
}

/// `ValidateFlowSchemaSpec`, pkg/apis/flowcontrol/validation.
fn flow(object: &Node, causes: &mut Causes) {
    const HIGHEST: i64 = 10_000;
    let Some(spec) = object.get("spec") else { return };
    let (path, precedence) = (SPEC.child("matchingPrecedence"), number(spec, "matchingPrecedence"));
    if precedence <= 0 {
        causes.invalid(&path, "must be a positive value");
    }
    if precedence > HIGHEST {
        causes.invalid(&path, format!("must not be greater than {HIGHEST}"));
    }
    if precedence == 1 && object_name(object) != "exempt" {
        causes.invalid(&path, "only the schema named 'exempt' may have matchingPrecedence 1");
    }
    if let Some(method) = some(spec, "distinguisherMethod") {
        let path = SPEC.child("distinguisherMethod");
        causes.one_of(text(method, "type"), &["ByNamespace", "ByUser"], &path.child("type"));
    }
    let path = SPEC.child("priorityLevelConfiguration");
    match spec.get("priorityLevelConfiguration").map(|level| text(level, "name")).unwrap_or_default() {
        "" => causes.required(&path.child("name"), "must reference a priority level"),
        level => causes.each_invalid(&path.child("name"), name::dns_subdomain(level)),
    }
    let path = SPEC.child("rules");
    for (index, rule) in list(spec, "rules").iter().enumerate() {
        flow_rule(rule, &path.index(index), causes);
    }
}

/// `ValidateFlowSchemaPolicyRulesWithSubjects`, pkg/apis/flowcontrol/validation.
fn flow_rule(rule: &Node, path: &Path<'_>, causes: &mut Causes) {
    let (subjects, subjects_path) = (list(rule, "subjects"), path.child("subjects"));
    if subjects.is_empty() {
        causes.required(&subjects_path, "subjects must contain at least one value");
    }
    for (index, node) in subjects.iter().enumerate() {
        subject(node, &subjects_path.index(index), causes);
    }
    let (of_resources, of_paths) = (list(rule, "resourceRules"), list(rule, "nonResourceRules"));
    if of_resources.is_empty() && of_paths.is_empty() {
        causes.required(path, "at least one of resourceRules and nonResourceRules has to be non-empty");
    }
    let rules_path = path.child("resourceRules");
    for (index, rule) in of_resources.iter().enumerate() {
        resource_rule(rule, &rules_path.index(index), causes);
    }
    let rules_path = path.child("nonResourceRules");
    for (index, rule) in of_paths.iter().enumerate() {
        path_rule(rule, &rules_path.index(index), causes);
    }
}

/// `ValidateFlowSchemaSubject`, pkg/apis/flowcontrol/validation.
fn subject(subject: &Node, path: &Path<'_>, causes: &mut Causes) {
    const KINDS: [(&str, &str); 3] = [("Group", "group"), ("ServiceAccount", "serviceAccount"), ("User", "user")];
    let kind = text(subject, "kind");
    let Some((_, own)) = KINDS.iter().find(|(known, _)| *known == kind) else {
        return causes.not_supported(&path.child("kind"), &KINDS.map(|(kind, _)| kind));
    };
    for (other, field) in KINDS.iter().filter(|(other, field)| *other != kind && some(subject, field).is_some()) {
        causes.forbidden(&path.child(field), format!("{field} is forbidden when subject kind is not '{other}'"));
    }
    let path = path.child(own);
    let Some(named) = some(subject, own) else {
        return causes.required(&path, format!("{own} is required when subject kind is '{kind}'"));
    };
    let of_account = kind == "ServiceAccount";
    match text(named, "name") {
        "" => causes.required(&path.child("name"), ""),
        given if of_account && given != "*" => causes.each_invalid(&path.child("name"), name::dns_subdomain(given)),
        _ => {}
    }
    if of_account {
        match text(named, "namespace") {
            "" => causes.required(&path.child("namespace"), "must specify namespace for service account"),
            namespace => causes.each_invalid(&path.child("namespace"), name::dns_label(namespace)),
        }
    }
}

fn texts<'n>(node: &'n Node, field: &str) -> Vec<&'n str> {
    list(node, field).iter().map(|item| item.as_str().unwrap_or_default()).collect()
}

fn verbs(rule: &Node, path: &Path<'_>, causes: &mut Causes) {
    let (path, verbs) = (path.child("verbs"), texts(rule, "verbs"));
    if verbs.is_empty() {
        causes.required(&path, "verbs must contain at least one value");
    } else if verbs.contains(&"*") {
        if verbs.len() > 1 {
            causes.invalid(&path, "if '*' is present, must not specify other verbs");
        }
    } else if !verbs.iter().all(|verb| VERBS.contains(verb)) {
        causes.not_supported(&path, &VERBS);
    }
}

/// `ValidateFlowSchemaResourcePolicyRule`, pkg/apis/flowcontrol/validation.
fn resource_rule(rule: &Node, path: &Path<'_>, causes: &mut Causes) {
    verbs(rule, path, causes);
    for (field, noun) in [("apiGroups", "api group"), ("resources", "resource")] {
        let (path, items) = (path.child(field), texts(rule, field));
        if items.is_empty() {
            causes.required(&path, format!("resource rules must supply at least one {noun}"));
        } else if items.len() > 1 && items.contains(&"*") {
            causes.invalid(&path, format!("if '*' is present, must not specify other {noun}s"));
        }
    }
    let (path, namespaces) = (path.child("namespaces"), texts(rule, "namespaces"));
    if namespaces.is_empty() && !flag(rule, "clusterScope") {
        causes.required(&path, "resource rules that are not cluster scoped must supply at least one namespace");
    } else if namespaces.contains(&"*") {
        if namespaces.len() > 1 {
            causes.invalid(&path, "if '*' is present, must not specify other namespaces");
        }
    } else {
        for (index, namespace) in namespaces.iter().enumerate() {
            let intro = "each member of this list must be '*' or a DNS-1123 label; ";
            let faults = name::dns_label(namespace).into_iter().map(|fault| format!("{intro}{fault}")).collect();
            causes.each_invalid(&path.index(index), faults);
        }
    }
}

/// `ValidateFlowSchemaNonResourcePolicyRule`, pkg/apis/flowcontrol/validation.
fn path_rule(rule: &Node, path: &Path<'_>, causes: &mut Causes) {
    verbs(rule, path, causes);
    let (path, urls) = (path.child("nonResourceURLs"), texts(rule, "nonResourceURLs"));
    if urls.is_empty() {
        return causes.required(&path, "nonResourceURLs must contain at least one value");
    }
    if urls.contains(&"*") {
        if urls.len() > 1 {
            causes.invalid(&path, "if '*' is present, must not specify other non-resource URLs");
        }
        return;
    }
    for (index, url) in urls.into_iter().enumerate() {
        let star = url.find('*');
        let fault = match url {
            "" => "must not be empty",
            "/" => continue,
            _ if !url.starts_with('/') => "must start with slash",
            _ if url.contains(' ') => "must not contain white-space",
            _ if url.contains("//") => "must not contain double slash",
            _ if star.is_some_and(|star| star + 1 != url.len() || !url.ends_with("/*")) => {
                "wildcard can only do suffix matching"
            }
            _ => continue,
        };
        causes.invalid(&path.index(index), fault);
    }
}

/// `ValidatePriorityLevelConfigurationSpec`, pkg/apis/flowcontrol/validation.
fn level(object: &Node, version: Version, causes: &mut Causes) {
    let Some(spec) = object.get("spec") else { return };
    let kind = text(spec, "type");
    if (object_name(object) == "exempt") != (kind == "Exempt") {
        causes.invalid(&SPEC.child("type"), "must be 'Exempt' if and only if `name` is 'exempt'");
    }
    let (limited, exempt) = (some(spec, "limited"), some(spec, "exempt"));
    match kind {
        "Exempt" => {
            if limited.is_some() {
                causes.forbidden(&SPEC.child("limited"), "must be nil if the type is not Limited");
            }
            if let Some(exempt) = exempt {
                shares(exempt, &SPEC.child("exempt"), causes);
            }
        }
        "Limited" => {
            if exempt.is_some() {
                causes.forbidden(&SPEC.child("exempt"), "must be nil if the type is Limited");
            }
            match limited {
                None => causes.required(&SPEC.child("limited"), "must not be empty when type is Limited"),
                Some(limited) => limits(limited, version, &SPEC.child("limited"), causes),
            }
        }
        "" if version >= Version::minor(36) => causes.required(&SPEC.child("type"), ""),
        _ => causes.not_supported(&SPEC.child("type"), &["Exempt", "Limited"]),
    }
    if version >= DECLARED {
        declared(kind, limited, exempt, causes);
    }
}

/// The rules of priority levels are declared with their types since this version, and hold whatever the others say.
const DECLARED: Version = Version::minor(37);

/// `Validate_PriorityLevelConfigurationSpec`, pkg/apis/flowcontrol/v1: what the type does not name must not be there.
fn declared(kind: &str, limited: Option<&Node>, exempt: Option<&Node>, causes: &mut Causes) {
    if !["Exempt", "Limited"].contains(&kind) {
        for (field, _) in [("exempt", exempt), ("limited", limited)].into_iter().filter(|(_, node)| node.is_some()) {
            causes.forbidden(&SPEC.child(field), "");
        }
    }
    let Some(response) = limited.filter(|_| kind != "Limited").and_then(|limited| some(limited, "limitResponse"))
    else {
        return;
    };
    let path = SPEC.child("limited.limitResponse");
    match (text(response, "type"), some(response, "queuing").is_some()) {
        ("Queue", false) => causes.required(&path.child("queuing"), ""),
        ("Queue", true) => {}
        (kind, queuing) => {
            if kind.is_empty() {
                causes.required(&path.child("type"), "");
            }
            if queuing {
                causes.forbidden(&path.child("queuing"), "");
            }
        }
    }
}

fn shares(node: &Node, path: &Path<'_>, causes: &mut Causes) {
    if number(node, "nominalConcurrencyShares") < 0 {
        causes.invalid(&path.child("nominalConcurrencyShares"), "must be a non-negative integer");
    }
    causes.each_invalid(&path.child("lendablePercent"), name::in_range(number(node, "lendablePercent"), 0, 100));
}

/// `ValidateLimitedPriorityLevelConfiguration`, pkg/apis/flowcontrol/validation.
fn limits(limited: &Node, version: Version, path: &Path<'_>, causes: &mut Causes) {
    shares(limited, path, causes);
    if number(limited, "borrowingLimitPercent") < 0 {
        causes.invalid(&path.child("borrowingLimitPercent"), "if specified, must be a non-negative integer");
    }
    let nothing = Node::null(limited.at);
    let response = limited.get("limitResponse").unwrap_or(&nothing);
    let path = path.child("limitResponse");
    let queuing = some(response, "queuing");
    match text(response, "type") {
        "Reject" => {
            if queuing.is_some() {
                causes.forbidden(&path.child("queuing"), "must be nil if limited.limitResponse.type is not Limited");
            }
        }
        "Queue" => match queuing {
            None => {
                causes.required(&path.child("queuing"), "must not be empty if limited.limitResponse.type is Limited");
            }
            Some(queuing) => queues(queuing, &path.child("queuing"), causes),
        },
        "" if version >= Version::minor(36) => causes.required(&path.child("type"), ""),
        _ => causes.not_supported(&path.child("type"), &["Queue", "Reject"]),
    }
    if version >= DECLARED && queuing.is_some() && !["Queue", "Reject"].contains(&text(response, "type")) {
        causes.forbidden(&path.child("queuing"), "");
    }
}

/// `ValidatePriorityLevelQueuingConfiguration`, pkg/apis/flowcontrol/validation.
fn queues(queuing: &Node, path: &Path<'_>, causes: &mut Causes) {
    const MOST: i64 = 10_000_000;
    const MOST_BITS: f64 = 60.0;
    let [length, queues, hand] = ["queueLengthLimit", "queues", "handSize"].map(|field| number(queuing, field));
    if length <= 0 {
        causes.invalid(&path.child("queueLengthLimit"), "must be positive");
    }
    if queues <= 0 {
        causes.invalid(&path.child("queues"), "must be positive");
    } else if queues > MOST {
        causes.invalid(&path.child("queues"), format!("must not be greater than {MOST}"));
    }
    let path = path.child("handSize");
    if hand <= 0 {
        causes.invalid(&path, "must be positive");
    } else if hand > queues {
        causes.invalid(&path, format!("should not be greater than queues ({queues})"));
    } else if bits(queues, hand) > MOST_BITS {
        causes.invalid(
            &path,
            format!("required entropy bits of deckSize {queues} and handSize {hand} should not be greater than 60"),
        );
    }
}

/// How many bits choose so many of so many: `RequiredEntropyBits`, k8s.io/apiserver/pkg/util/shufflesharding.
#[expect(clippy::cast_precision_loss, reason = "at most ten million")]
fn bits(deck: i64, hand: i64) -> f64 {
    (((deck as f64).log2()) * hand as f64).ceil()
}

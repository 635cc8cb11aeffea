//! Webhooks that the server asks before it takes an object: `ValidatingWebhookConfiguration`,
//! `MutatingWebhookConfiguration`. Which requests a rule picks is the same thought for policies, which use that part.
//!
//! Follows `pkg/apis/admissionregistration/validation/validation.go: ValidateValidatingWebhookConfiguration,
//! ValidateMutatingWebhookConfiguration`.

use super::cause::{Causes, Path, list, number, some, text};
use super::meta::{self, Naming};
use super::names::Names;
use super::{Kind, expression, selector, unchanged};
use crate::api::defaults;
use crate::k8s::name;
use crate::k8s::version::Version;
use crate::value::Node;
use std::collections::BTreeSet;

/// A `ValidatingWebhookConfiguration`.
pub(crate) static VALIDATING: Kind = Kind {
    group: "admissionregistration.k8s.io",
    version: "v1",
    kind: "ValidatingWebhookConfiguration",
    namespaced: false,
    naming: Naming::Subdomain,
    counts_generations: true,
    default: defaults::extension::webhooks,
    prepare: unchanged,
    create: |object, version, causes| judge(object, None, version, causes),
    update: |object, stored, version, causes| {
        meta::names_again(object, Naming::Subdomain, causes);
        judge(object, Some(stored), version, causes);
    },
};

/// A `MutatingWebhookConfiguration`.
pub(crate) static MUTATING: Kind = Kind { kind: "MutatingWebhookConfiguration", ..VALIDATING };

/// The versions of a review that the server speaks.
const REVIEWS: [&str; 2] = ["v1", "v1beta1"];
const HARMLESS: [&str; 2] = ["None", "NoneOnDryRun"];
/// What a failing webhook or policy does to the request.
pub(super) const FAILURE_POLICIES: [&str; 2] = ["Fail", "Ignore"];
const MATCH_POLICIES: [&str; 2] = ["Equivalent", "Exact"];

/// What is asked of new webhooks; a stored configuration that is worse may stay as it is.
#[derive(Clone, Copy)]
#[expect(clippy::struct_excessive_bools, reason = "each is one choice of the server")]
struct Rules {
    harmless: bool,
    known_review: bool,
    unique: bool,
    faulty_values: bool,
    skip_conditions: bool,
}

/// `validateValidatingWebhookConfiguration`, `validateMutatingWebhookConfiguration`,
/// pkg/apis/admissionregistration/validation.
fn judge(object: &Node, stored: Option<&Node>, version: Version, causes: &mut Causes) {
    let path = Path::new("webhooks");
    let hooks = list(object, "webhooks");
    let rules = rules_over(stored.map(|stored| list(stored, "webhooks")), hooks);
    let mut seen = Names::default();
    for (index, hook) in hooks.iter().enumerate() {
        let path = path.index(index);
        webhook(hook, rules, version, &path, causes);
        if text(object, "kind") == MUTATING.kind {
            causes.one_of(text(hook, "reinvocationPolicy"), &["IfNeeded", "Never"], &path.child("reinvocationPolicy"));
        }
        reviews(
            list(hook, "admissionReviewVersions"),
            rules.known_review,
            &path.child("admissionReviewVersions"),
            causes,
        );
        let given = text(hook, "name");
        if !given.is_empty() && !seen.add(given) && rules.unique {
            causes.duplicate(&path.child("name"));
        }
    }
}

fn rules_over(stored: Option<&[Node]>, hooks: &[Node]) -> Rules {
    let Some(stored) = stored else {
        return Rules {
            harmless: true,
            known_review: true,
            unique: true,
            faulty_values: false,
            skip_conditions: false,
        };
    };
    let mut seen = Names::default();
    let is_readable = |hook: &Node| {
        let versions = list(hook, "admissionReviewVersions");
        versions.is_empty() || versions.iter().any(|version| REVIEWS.contains(&version.as_str().unwrap_or_default()))
    };
    let has_faulty_selector = |hook: &Node| {
        let mut found = Causes::default();
        for field in ["namespaceSelector", "objectSelector"] {
            selector::selector(hook.get(field), &Path::ROOT, &mut found);
        }
        !found.refusals.is_empty()
    };
    let same_conditions = |(now, before): (&Node, &Node)| now.get("matchConditions") == before.get("matchConditions");
    Rules {
        harmless: stored.iter().all(|hook| HARMLESS.contains(&text(hook, "sideEffects"))),
        known_review: stored.iter().all(is_readable),
        unique: stored.iter().all(|hook| seen.add(text(hook, "name"))),
        faulty_values: stored.iter().any(has_faulty_selector),
        skip_conditions: stored.len() == hooks.len() && hooks.iter().zip(stored).all(same_conditions),
    }
}

/// `validateValidatingWebhook`, pkg/apis/admissionregistration/validation.
fn webhook(hook: &Node, rules: Rules, version: Version, path: &Path<'_>, causes: &mut Causes) {
    full_name(text(hook, "name"), &path.child("name"), causes);
    let rules_path = path.child("rules");
    for (index, rule) in list(hook, "rules").iter().enumerate() {
        rule_with_operations(rule, &rules_path.index(index), causes);
    }
    causes.one_of(text(hook, "failurePolicy"), &FAILURE_POLICIES, &path.child("failurePolicy"));
    causes.one_of(text(hook, "matchPolicy"), &MATCH_POLICIES, &path.child("matchPolicy"));
    let effects: &[&str] = if rules.harmless { &HARMLESS } else { &["None", "NoneOnDryRun", "Some", "Unknown"] };
    match some(hook, "sideEffects") {
        None => causes.required(&path.child("sideEffects"), format!("must specify one of {}", effects.join(", "))),
        Some(given) => causes.one_of(given.as_str().unwrap_or_default(), effects, &path.child("sideEffects")),
    }
    if !(1..=30).contains(&number(hook, "timeoutSeconds")) {
        causes.invalid(&path.child("timeoutSeconds"), "the timeout value must be between 1 and 30 seconds");
    }
    for field in ["namespaceSelector", "objectSelector"] {
        selector::selector_with(hook.get(field), rules.faulty_values, &path.child(field), causes);
    }
    client_config(hook.get("clientConfig"), &path.child("clientConfig"), causes);
    if !rules.skip_conditions {
        conditions(list(hook, "matchConditions"), false, version, &path.child("matchConditions"), causes);
    }
}

/// `IsFullyQualifiedName`, k8s.io/apimachinery/pkg/util/validation.
fn full_name(given: &str, path: &Path<'_>, causes: &mut Causes) {
    if given.is_empty() {
        return causes.required(path, "");
    }
    let faults = name::dns_subdomain(given);
    if !faults.is_empty() {
        causes.invalid(path, faults.join(","));
    } else if given.split('.').count() < 3 {
        causes.invalid(path, "should be a domain with at least three segments separated by dots");
    }
}

/// `validateAdmissionReviewVersions`, pkg/apis/admissionregistration/validation.
fn reviews(versions: &[Node], known: bool, path: &Path<'_>, causes: &mut Causes) {
    if versions.is_empty() {
        return causes.required(path, format!("must specify one of {}", REVIEWS.join(", ")));
    }
    let mut seen = Names::default();
    for (index, version) in versions.iter().enumerate() {
        let version = version.as_str().unwrap_or_default();
        if seen.add(version) {
            causes.each_invalid(&path.index(index), name::dns_1035_label(version));
        } else {
            causes.invalid(&path.index(index), "duplicate version");
        }
    }
    if known && !REVIEWS.iter().any(|review| seen.has(review)) {
        causes.invalid(path, format!("must include at least one of {}", REVIEWS.join(", ")));
    }
}

/// Who answers: an address or a Service.
/// `validateValidatingWebhook`, pkg/apis/admissionregistration/validation.
fn client_config(config: Option<&Node>, path: &Path<'_>, causes: &mut Causes) {
    let part = |field| config.and_then(|config| some(config, field));
    match (part("url"), part("service")) {
        (Some(url), None) => address(url.as_str().unwrap_or_default(), &path.child("url"), causes),
        (None, Some(service)) => service_reference(service, true, &path.child("service"), causes),
        _ => causes.required(path, "exactly one of url or service is required"),
    }
}

/// `ValidateWebhookURL`, k8s.io/apiserver/pkg/util/webhook.
pub(super) fn address(url: &str, path: &Path<'_>, causes: &mut Causes) {
    let (rest, fragment) = url.split_once('#').map_or((url, ""), |(rest, fragment)| (rest, fragment));
    let scheme_end = rest.find(':').filter(|end| {
        let scheme = &rest.as_bytes()[..*end];
        scheme.first().is_some_and(u8::is_ascii_alphabetic)
            && scheme.iter().all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(byte))
    });
    let unreadable =
        url.bytes().any(|byte| byte < b' ' || byte == 0x7f) || rest.starts_with(':') || has_bad_escape(rest);
    let (scheme, after) = scheme_end.map_or(("", rest), |end| (&rest[..end], &rest[end + 1..]));
    let (after, query) = after.split_once('?').map_or((after, ""), |(after, query)| (after, query));
    let authority = after.strip_prefix("//").map(|rest| rest.split('/').next().unwrap_or_default()).unwrap_or_default();
    let (user, host) = authority.rsplit_once('@').map_or((None, authority), |(user, host)| (Some(user), host));
    let port = host.rsplit_once(':').map_or("", |(_, port)| port);
    let bad_host = host.contains([' ', '<', '>', '"', '{', '}', '\\', '^', '`', '|'])
        || (!host.ends_with(']') && !port.bytes().all(|byte| byte.is_ascii_digit()));
    let colon_first = scheme.is_empty()
        && !after.starts_with('/')
        && after.split('/').next().is_some_and(|first| first.contains(':'));
    if unreadable || bad_host || colon_first {
        return causes.required(path, "url must be a valid URL; desired format: https://host[/path]");
    }
    if !scheme.eq_ignore_ascii_case("https") {
        causes.invalid(path, "'https' is the only allowed URL scheme; desired format: https://host[/path]");
    }
    if host.is_empty() {
        causes.invalid(path, "host must be specified; desired format: https://host[/path]");
    }
    if user.is_some() {
        causes.invalid(path, "user information is not permitted in the URL");
    }
    if !fragment.is_empty() {
        causes.invalid(path, "fragments are not permitted in the URL");
    }
    if !query.is_empty() {
        causes.invalid(path, "query parameters are not permitted in the URL");
    }
}

fn has_bad_escape(text: &str) -> bool {
    let text = text.split('?').next().unwrap_or_default();
    text.split('%')
        .skip(1)
        .any(|after| !(after.len() >= 2 && after.bytes().take(2).all(|byte| byte.is_ascii_hexdigit())))
}

/// `ValidateWebhookService`, k8s.io/apiserver/pkg/util/webhook. Some callers hand over name and namespace the wrong way
/// round.
pub(super) fn service_reference(service: &Node, swapped: bool, path: &Path<'_>, causes: &mut Causes) {
    for (read, written) in [("name", "namespace"), ("namespace", "name")] {
        if text(service, read).is_empty() {
            causes.required(&path.child(if swapped { written } else { read }), "");
        }
    }
    let faults = name::port_number(number(service, "port"));
    if !faults.is_empty() {
        causes.invalid(&path.child("port"), format!("port is not valid: {}", faults.join(", ")));
    }
    let Some(steps) =
        some(service, "path").map(|path| path.as_str().unwrap_or_default()).filter(|path| !matches!(*path, "" | "/"))
    else {
        return;
    };
    let path = path.child("path");
    if steps == "//" {
        return causes.invalid(&path, "segment[0] may not be empty");
    }
    if !steps.starts_with('/') {
        causes.invalid(&path, "must start with a '/'");
    }
    let mut rest = steps.chars();
    rest.next();
    let rest = rest.as_str();
    for (index, step) in rest.strip_suffix('/').unwrap_or(rest).split('/').enumerate() {
        if step.is_empty() {
            causes.invalid(&path, format!("segment[{index}] may not be empty"));
        } else {
            causes.each_invalid(
                &path,
                name::dns_subdomain(step).into_iter().map(|fault| format!("segment[{index}]: {fault}")).collect(),
            );
        }
    }
}

/// `validateRuleWithOperations`, pkg/apis/admissionregistration/validation.
pub(super) fn rule_with_operations(rule: &Node, path: &Path<'_>, causes: &mut Causes) {
    let operations = texts(rule, "operations");
    let operations_path = path.child("operations");
    if operations.is_empty() {
        causes.required(&operations_path, "");
    }
    if operations.len() > 1 && operations.contains(&"*") {
        causes.invalid(&operations_path, "if '*' is present, must not specify other operations");
    }
    for (index, operation) in operations.iter().enumerate() {
        causes.one_of(operation, &["*", "CONNECT", "CREATE", "DELETE", "UPDATE"], &operations_path.index(index));
    }
    for (field, noun) in [("apiGroups", "API groups"), ("apiVersions", "API versions")] {
        let (path, items) = (path.child(field), texts(rule, field));
        if items.is_empty() {
            causes.required(&path, "");
        }
        if items.len() > 1 && items.contains(&"*") {
            causes.invalid(&path, format!("if '*' is present, must not specify other {noun}"));
        }
        for (index, _) in items.iter().enumerate().filter(|(_, item)| field == "apiVersions" && item.is_empty()) {
            causes.required(&path.index(index), "");
        }
    }
    resources(&texts(rule, "resources"), &path.child("resources"), causes);
    if let Some(scope) = some(rule, "scope") {
        causes.one_of(scope.as_str().unwrap_or_default(), &["*", "Cluster", "Namespaced"], &path.child("scope"));
    }
}

fn texts<'n>(node: &'n Node, field: &str) -> Vec<&'n str> {
    list(node, field).iter().map(|item| item.as_str().unwrap_or_default()).collect()
}

/// `validateResources`, pkg/apis/admissionregistration/validation.
fn resources(resources: &[&str], path: &Path<'_>, causes: &mut Causes) {
    if resources.is_empty() {
        causes.required(path, "");
    }
    let (mut whole, mut everywhere) = (BTreeSet::new(), BTreeSet::new());
    let mut last_is_plain = false;
    for (index, given) in resources.iter().enumerate() {
        let path = path.index(index);
        let Some((resource, part)) = given.split_once('/') else {
            if given.is_empty() {
                causes.required(&path, "");
            } else {
                last_is_plain = *given != "*";
            }
            continue;
        };
        if whole.contains(resource) {
            causes.invalid(&path, format!("if '{resource}/*' is present, must not specify {given}"));
        }
        if everywhere.contains(part) {
            causes.invalid(&path, format!("if '*/{part}' is present, must not specify {given}"));
        }
        if part == "*" {
            whole.insert(resource);
        }
        if resource == "*" {
            everywhere.insert(part);
        }
    }
    if resources.len() > 1 && resources.contains(&"*/*") {
        causes.invalid(path, "if '*/*' is present, must not specify other resources");
    }
    if resources.contains(&"*") && last_is_plain {
        causes.invalid(path, "if '*' is present, must not specify other resources without subresources");
    }
}

/// `validateMatchConditions`, pkg/apis/admissionregistration/validation.
pub(super) fn conditions(
    conditions: &[Node],
    with_params: bool,
    version: Version,
    path: &Path<'_>,
    causes: &mut Causes,
) {
    const MOST: usize = 64;
    if conditions.len() > MOST {
        causes.too_many(path, MOST);
    }
    let mut seen = Names::default();
    for (index, condition) in conditions.iter().enumerate() {
        let path = path.index(index);
        match text(condition, "expression").trim() {
            "" => causes.required(&path.child("expression"), ""),
            written => {
                let setting = expression::Setting::Request {
                    params: with_params,
                    authorizer: true,
                    variables: None,
                    patches: false,
                };
                expression::compiles(
                    written,
                    expression::Wanted::Bool,
                    setting,
                    version,
                    &path.child("expression"),
                    causes,
                );
            }
        }
        match text(condition, "name") {
            "" => causes.required(&path.child("name"), ""),
            given => {
                causes.each_invalid(&path.child("name"), name::label_key(given));
                if !seen.add(given) {
                    causes.duplicate(&path.child("name"));
                }
            }
        }
    }
}

/// `validateMatchResources`, pkg/apis/admissionregistration/validation.
pub(super) fn matching(resources: &Node, path: &Path<'_>, causes: &mut Causes) {
    causes.one_of(text(resources, "matchPolicy"), &MATCH_POLICIES, &path.child("matchPolicy"));
    for field in ["namespaceSelector", "objectSelector"] {
        selector::selector(resources.get(field), &path.child(field), causes);
    }
    for field in ["resourceRules", "excludeResourceRules"] {
        let path = path.child(field);
        for (index, rule) in list(resources, field).iter().enumerate() {
            let path = path.index(index);
            let names_path = path.child("resourceNames");
            let mut seen = Names::default();
            for (index, given) in texts(rule, "resourceNames").into_iter().enumerate() {
                causes.each_invalid(&names_path.index(index), name::path_segment(given));
                if !seen.add(given) {
                    causes.duplicate(&names_path.index(index));
                }
            }
            rule_with_operations(rule, &path, causes);
        }
    }
}

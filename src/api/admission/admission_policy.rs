//! Policies in the server itself: `ValidatingAdmissionPolicy`, `MutatingAdmissionPolicy`, and what binds them to
//! objects.
//!
//! Follows `pkg/apis/admissionregistration/validation/validation.go: ValidateValidatingAdmissionPolicy,
//! ValidateValidatingAdmissionPolicyBinding, ValidateMutatingAdmissionPolicy`.

use super::cause::{Causes, Path, list, some, text};
use super::expression::{self, Setting, Wanted};
use super::meta::{self, Naming};
use super::names::Names;
use super::webhook::{self, FAILURE_POLICIES};
use super::{Kind, selector, unchanged};
use crate::api::cel::check::as_variable;
use crate::api::cel::is_keyword;
use crate::api::cel::kind::Kind as Type;
use crate::api::defaults;
use crate::k8s::name;
use crate::k8s::version::Version;
use crate::value::{Node, Text};

/// A `ValidatingAdmissionPolicy`.
pub(crate) static VALIDATING: Kind = Kind {
    group: "admissionregistration.k8s.io",
    version: "v1",
    kind: "ValidatingAdmissionPolicy",
    namespaced: false,
    naming: Naming::Subdomain,
    counts_generations: true,
    default: defaults::extension::admission_policy,
    prepare: unchanged,
    create: |object, version, causes| validating(object, None, version, causes),
    update: |object, stored, version, causes| {
        meta::names_again(object, Naming::Subdomain, causes);
        validating(object, Some(stored), version, causes);
    },
};

/// The same as it was served before 1.30.
pub(crate) static VALIDATING_BETA: Kind = Kind { version: "v1beta1", ..VALIDATING };

/// What binds it.
pub(crate) static VALIDATING_BINDING: Kind = Kind {
    kind: "ValidatingAdmissionPolicyBinding",
    default: defaults::extension::admission_policy_binding,
    create: |object, _, causes| binding(object, true, causes),
    update: |object, _, _, causes| {
        meta::names_again(object, Naming::Subdomain, causes);
        binding(object, true, causes);
    },
    ..VALIDATING
};

/// The same as it was served before 1.30.
pub(crate) static VALIDATING_BINDING_BETA: Kind = Kind { version: "v1beta1", ..VALIDATING_BINDING };

/// A `MutatingAdmissionPolicy`.
pub(crate) static MUTATING: Kind = Kind {
    kind: "MutatingAdmissionPolicy",
    create: |object, version, causes| mutating(object, None, version, causes),
    update: |object, stored, version, causes| {
        meta::names_again(object, Naming::Subdomain, causes);
        mutating(object, Some(stored), version, causes);
    },
    ..VALIDATING
};

/// The same as it was served before 1.36.
pub(crate) static MUTATING_BETA: Kind = Kind { version: "v1beta1", ..MUTATING };

/// What binds it.
pub(crate) static MUTATING_BINDING: Kind = Kind {
    kind: "MutatingAdmissionPolicyBinding",
    create: |object, _, causes| binding(object, false, causes),
    update: |object, _, _, causes| {
        meta::names_again(object, Naming::Subdomain, causes);
        binding(object, false, causes);
    },
    ..VALIDATING_BINDING
};

/// The same as it was served before 1.36.
pub(crate) static MUTATING_BINDING_BETA: Kind = Kind { version: "v1beta1", ..MUTATING_BINDING };

const SPEC: Path<'static> = Path::new("spec");
const REASONS: [&str; 3] = ["Forbidden", "Invalid", "RequestEntityTooLarge"];
const MOST_AUDIT_ANNOTATIONS: usize = 20;
const LONGEST_AUDIT_EXPRESSION: usize = 5 * 1024;

/// What both kinds of policy say first: whom they judge, and by which words. Gives the types of its variables.
fn common(
    spec: &Node,
    stored: Option<&Node>,
    patches: bool,
    version: Version,
    causes: &mut Causes,
) -> Vec<(Text, Type<'static>)> {
    causes.one_of(text(spec, "failurePolicy"), &FAILURE_POLICIES, &SPEC.child("failurePolicy"));
    let kind = some(spec, "paramKind");
    if let Some(kind) = kind {
        param_kind(kind, &SPEC.child("paramKind"), causes);
    }
    let path = SPEC.child("matchConstraints");
    match some(spec, "matchConstraints") {
        None => causes.required(&path, ""),
        Some(resources) => {
            webhook::matching(resources, &path, causes);
            if list(resources, "resourceRules").is_empty() {
                causes.required(&path.child("resourceRules"), "");
            }
        }
    }
    let params = kind.is_some();
    let before = stored.and_then(|stored| stored.get("spec"));
    let unchanged = before.is_some_and(|before| {
        ["paramKind", "matchConditions"].iter().all(|field| spec.get(field) == before.get(field))
    });
    if !unchanged {
        webhook::conditions(list(spec, "matchConditions"), params, version, &SPEC.child("matchConditions"), causes);
    }
    variables(list(spec, "variables"), params, patches, version, causes)
}

/// What the expressions of a policy can use: `variables` where it declares some, or makes changes.
fn setting<'n>(spec: &Node, variables: &'n [(Text, Type<'static>)], patches: bool) -> Setting<'n> {
    let variables = (patches || !variables.is_empty()).then_some(variables);
    Setting::Request { params: some(spec, "paramKind").is_some(), authorizer: true, variables, patches }
}

/// `validateValidatingAdmissionPolicySpec`, pkg/apis/admissionregistration/validation.
fn validating(object: &Node, stored: Option<&Node>, version: Version, causes: &mut Causes) {
    let Some(spec) = object.get("spec") else { return };
    let variables = common(spec, stored, false, version, causes);
    let setting = setting(spec, &variables, false);
    let (validations, annotations) = (list(spec, "validations"), list(spec, "auditAnnotations"));
    let (path, annotations_path) = (SPEC.child("validations"), SPEC.child("auditAnnotations"));
    if validations.is_empty() && annotations.is_empty() {
        let words = "validations or auditAnnotations must contain at least one item";
        causes.required(&path, words);
        return causes.required(&annotations_path, words);
    }
    for (index, node) in validations.iter().enumerate() {
        validation(node, setting, version, &path.index(index), causes);
    }
    if annotations.len() > MOST_AUDIT_ANNOTATIONS {
        causes.invalid(&annotations_path, format!("must not have more than {MOST_AUDIT_ANNOTATIONS} auditAnnotations"));
    }
    let policy = object.get("metadata").map(|metadata| text(metadata, "name")).unwrap_or_default();
    let mut seen = Names::default();
    for (index, annotation) in annotations.iter().enumerate() {
        let path = annotations_path.index(index);
        let key = text(annotation, "key");
        if policy.is_empty() {
            causes.invalid(&path.child("key"), "requires metadata.name be non-empty");
        } else {
            causes.each_invalid(&path.child("key"), name::label_key(&format!("{policy}/{key}")));
        }
        let value_path = path.child("valueExpression");
        match text(annotation, "valueExpression").trim() {
            "" => causes.required(&value_path, "valueExpression is not specified"),
            written if written.len() > LONGEST_AUDIT_EXPRESSION => {
                causes.required(&value_path, format!("must not exceed {LONGEST_AUDIT_EXPRESSION} bytes in length"));
            }
            written => drop(expression::compiles(written, Wanted::TextOrNull, setting, version, &value_path, causes)),
        }
        if !seen.add(key) {
            causes.duplicate(&path.child("key"));
        }
    }
}

/// `validateParamKind`, pkg/apis/admissionregistration/validation.
fn param_kind(kind: &Node, path: &Path<'_>, causes: &mut Causes) {
    let (api_version, version_path) = (text(kind, "apiVersion"), path.child("apiVersion"));
    match api_version.split_once('/') {
        _ if api_version.is_empty() => causes.required(&version_path, ""),
        _ if api_version.matches('/').count() > 1 => {
            causes.invalid(&version_path, format!("unexpected GroupVersion string: {api_version}"));
        }
        parts => {
            let (group, version) = parts.unwrap_or(("", api_version));
            let faults = if group.is_empty() { Vec::new() } else { name::dns_subdomain(group) };
            if !faults.is_empty() {
                causes.invalid(&version_path, faults.join(","));
            }
            let faults = name::dns_1035_label(version);
            if version.is_empty() {
                causes.invalid(&version_path, "version must be specified");
            } else if !faults.is_empty() {
                causes.invalid(&version_path, faults.join(","));
            }
        }
    }
    let given = text(kind, "kind");
    let faults = name::dns_1035_label(&given.to_lowercase());
    if given.is_empty() {
        causes.required(&path.child("kind"), "");
    } else if !faults.is_empty() {
        let faults = faults.join(",");
        causes.invalid(&path.child("kind"), format!("may have mixed case, but should otherwise match: {faults}"));
    }
}

/// `validateVariable`, pkg/apis/admissionregistration/validation. Each sees those before it.
fn variables(
    variables: &[Node],
    params: bool,
    patches: bool,
    version: Version,
    causes: &mut Causes,
) -> Vec<(Text, Type<'static>)> {
    let path = SPEC.child("variables");
    let mut declared: Vec<(Text, Type<'static>)> = Vec::new();
    for (index, variable) in variables.iter().enumerate() {
        let path = path.index(index);
        let given = text(variable, "name");
        if given.trim().is_empty() {
            causes.required(&path.child("name"), "name is not specified");
        } else if !name::c_identifier(given).is_empty() || is_keyword(given) {
            causes.invalid(&path.child("name"), "must be a valid CEL identifier");
        }
        let kind = match text(variable, "expression") {
            written if written.trim().is_empty() => {
                causes.required(&path.child("expression"), "expression is not specified");
                Type::Any
            }
            written => {
                let setting = Setting::Request { params, authorizer: true, variables: Some(&declared), patches };
                as_variable(&expression::compiles(
                    written,
                    Wanted::Anything,
                    setting,
                    version,
                    &path.child("expression"),
                    causes,
                ))
            }
        };
        declared.push((given.into(), kind));
    }
    declared
}

/// `validateValidation`, pkg/apis/admissionregistration/validation.
fn validation(node: &Node, setting: Setting<'_>, version: Version, path: &Path<'_>, causes: &mut Causes) {
    match text(node, "expression") {
        written if written.trim().is_empty() => {
            causes.required(&path.child("expression"), "expression is not specified");
        }
        written => {
            drop(expression::compiles(written, Wanted::Bool, setting, version, &path.child("expression"), causes));
        }
    }
    let (message, said) = (text(node, "message"), text(node, "messageExpression"));
    if !said.is_empty() && said.trim().is_empty() {
        causes.invalid(&path.child("messageExpression"), "must be non-empty if specified");
    } else if !said.is_empty() {
        expression::compiles(
            said,
            Wanted::Text,
            setting.without_authorizer(),
            version,
            &path.child("messageExpression"),
            causes,
        );
    }
    if !message.is_empty() && message.trim().is_empty() {
        causes.invalid(&path.child("message"), "must be non-empty if specified");
    } else if message.trim().contains(['\n', '\r']) {
        causes.invalid(&path.child("message"), "must not contain line breaks");
    }
    if let Some(reason) = some(node, "reason") {
        causes.one_of(reason.as_str().unwrap_or_default(), &REASONS, &path.child("reason"));
    }
}

/// `validateMutatingAdmissionPolicySpec`, pkg/apis/admissionregistration/validation.
fn mutating(object: &Node, stored: Option<&Node>, version: Version, causes: &mut Causes) {
    let Some(spec) = object.get("spec") else { return };
    let variables = common(spec, stored, true, version, causes);
    let setting = setting(spec, &variables, true);
    let rules = spec.get("matchConstraints").map(|resources| list(resources, "resourceRules")).unwrap_or_default();
    let path = SPEC.child("matchConstraints.resourceRules.operations");
    for operation in rules.iter().flat_map(|rule| list(rule, "operations")) {
        causes.one_of(operation.as_str().unwrap_or_default(), &["*", "CONNECT", "CREATE", "UPDATE"], &path);
    }
    let (path, mutations) = (SPEC.child("mutations"), list(spec, "mutations"));
    if mutations.is_empty() {
        causes.required(&path, "mutations must contain at least one item");
    }
    for (index, node) in mutations.iter().enumerate() {
        mutation(node, setting, version, &path.index(index), causes);
    }
    causes.required_one_of(text(spec, "reinvocationPolicy"), &["IfNeeded", "Never"], &SPEC.child("reinvocationPolicy"));
}

/// `validateMutation`, pkg/apis/admissionregistration/validation.
fn mutation(node: &Node, setting: Setting<'_>, version: Version, path: &Path<'_>, causes: &mut Causes) {
    const KINDS: [(&str, &str); 2] = [("ApplyConfiguration", "applyConfiguration"), ("JSONPatch", "jsonPatch")];
    let kind = text(node, "patchType");
    match KINDS.iter().find(|(known, _)| *known == kind) {
        None if kind.is_empty() => causes.required(&path.child("patchType"), ""),
        None => causes.not_supported(&path.child("patchType"), &["ApplyConfiguration", "JSONPatch"]),
        Some((_, field)) => match some(node, field) {
            None => causes.required(&path.child(field), "must be specified"),
            Some(patch) => {
                let path = path.child(field);
                let wanted = if *field == "jsonPatch" { Wanted::Patch } else { Wanted::Configuration };
                match text(patch, "expression") {
                    written if written.trim().is_empty() => {
                        causes.required(&path.child("expression"), "expression is not specified");
                    }
                    written => {
                        drop(expression::compiles(
                            written,
                            wanted,
                            setting,
                            version,
                            &path.child("expression"),
                            causes,
                        ));
                    }
                }
            }
        },
    }
    for (known, field) in KINDS {
        if known != kind && KINDS.iter().any(|(known, _)| *known == kind) && some(node, field).is_some() {
            causes.invalid(&path.child(field), format!("not allowed when patchType is {kind}"));
        }
    }
}

/// `validateValidatingAdmissionPolicyBindingSpec`, pkg/apis/admissionregistration/validation.
fn binding(object: &Node, has_actions: bool, causes: &mut Causes) {
    let Some(spec) = object.get("spec") else { return };
    match text(spec, "policyName") {
        "" => causes.required(&SPEC.child("policyName"), ""),
        policy => causes.each_invalid(&SPEC.child("policyName"), name::dns_subdomain(policy)),
    }
    if let Some(reference) = some(spec, "paramRef") {
        param_reference(reference, &SPEC.child("paramRef"), causes);
    }
    if let Some(resources) = some(spec, "matchResources") {
        webhook::matching(resources, &SPEC.child("matchResources"), causes);
    }
    if has_actions {
        actions(list(spec, "validationActions"), &SPEC.child("validationActions"), causes);
    }
}

/// `validateParamRef`, pkg/apis/admissionregistration/validation.
fn param_reference(reference: &Node, path: &Path<'_>, causes: &mut Causes) {
    let (given, chosen) = (text(reference, "name"), some(reference, "selector"));
    if !given.is_empty() {
        causes.each_invalid(&path.child("name"), name::path_segment(given));
    }
    selector::selector(chosen, &path.child("selector"), causes);
    match (given.is_empty(), chosen.is_some()) {
        (false, true) => ["name", "selector"].iter().for_each(|field| {
            causes.forbidden(&path.child(field), "name and selector are mutually exclusive");
        }),
        (true, false) => causes.required(path, "one of name or selector must be specified"),
        _ => {}
    }
    let action = text(reference, "parameterNotFoundAction");
    causes.required_one_of(action, &["Deny", "Allow"], &path.child("parameterNotFoundAction"));
}

/// `validateValidationActions`, pkg/apis/admissionregistration/validation.
fn actions(actions: &[Node], path: &Path<'_>, causes: &mut Causes) {
    let mut seen = Names::default();
    for (index, action) in actions.iter().enumerate() {
        let action = action.as_str().unwrap_or_default();
        causes.one_of(action, &["Audit", "Deny", "Warn"], &path.index(index));
        if !seen.add(action) {
            causes.duplicate(&path.index(index));
        }
    }
    if seen.has("Deny") && seen.has("Warn") {
        causes.invalid(path, "must not contain both Deny and Warn");
    }
    if actions.is_empty() {
        causes.required(path, "at least one validation action is required");
    }
}

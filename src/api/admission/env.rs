//! Environment variables of a container, and the references that fill variables and files with what the cluster knows
//! of the pod.
//!
//! Follows `pkg/apis/core/validation/validation.go: ValidateEnv, ValidateEnvFrom`.

use super::cause::{Causes, Path, some, text};
use super::file_path;
use super::pod_rules::Rules;
use crate::k8s::name::{self, Faults};
use crate::k8s::quantity::Quantity;
use crate::value::Node;

/// `env` of a container.
/// `ValidateEnv`, pkg/apis/core/validation.
pub(crate) fn variables(variables: &[Node], rules: &Rules, path: &Path<'_>, causes: &mut Causes) {
    for (index, variable) in variables.iter().enumerate() {
        let path = path.index(index);
        let given = text(variable, "name");
        if given.is_empty() {
            causes.required(&path.child("name"), "");
        } else {
            causes.each_invalid(&path.child("name"), variable_name(given, rules));
        }
        if let Some(source) = some(variable, "valueFrom") {
            source_of(source, !text(variable, "value").is_empty(), rules, &path.child("valueFrom"), causes);
        }
    }
}

/// `envFrom` of a container.
/// `ValidateEnvFrom`, pkg/apis/core/validation.
pub(crate) fn sources(sources: &[Node], rules: &Rules, path: &Path<'_>, causes: &mut Causes) {
    for (index, source) in sources.iter().enumerate() {
        let item = path.index(index);
        let prefix = text(source, "prefix");
        if !prefix.is_empty() {
            causes.each_invalid(&item.child("prefix"), variable_name(prefix, rules));
        }
        let mut count = 0;
        for field in ["configMapRef", "secretRef"] {
            let Some(reference) = some(source, field) else { continue };
            count += 1;
            let (item, given) = (item.child(field), text(reference, "name"));
            if given.is_empty() {
                causes.required(&item.child("name"), "");
            } else {
                causes.each_invalid(&item.child("name"), super::meta::Naming::Subdomain.check_beginning(given));
            }
        }
        match count {
            0 => causes.invalid(path, "must specify one of: `configMapRef` or `secretRef`"),
            1 => {}
            _ => causes.invalid(path, "may not have more than one field specified at a time"),
        }
    }
}

/// What a field reference may name in a variable.
const VARIABLE_FIELDS: [&str; 9] = [
    "metadata.name",
    "metadata.namespace",
    "metadata.uid",
    "spec.nodeName",
    "spec.serviceAccountName",
    "status.hostIP",
    "status.hostIPs",
    "status.podIP",
    "status.podIPs",
];
/// What it may name in a file.
pub(crate) const FILE_FIELDS: [&str; 5] =
    ["metadata.annotations", "metadata.labels", "metadata.name", "metadata.namespace", "metadata.uid"];
/// Everything that the server knows by such a name, wherever it may stand.
const KNOWN_FIELDS: [&str; 14] = [
    "metadata.annotations",
    "metadata.labels",
    "metadata.name",
    "metadata.namespace",
    "metadata.uid",
    "spec.nodeName",
    "spec.restartPolicy",
    "spec.serviceAccountName",
    "spec.schedulerName",
    "status.phase",
    "status.hostIP",
    "status.hostIPs",
    "status.podIP",
    "status.podIPs",
];
const RESOURCES: [&str; 6] = [
    "limits.cpu",
    "limits.ephemeral-storage",
    "limits.memory",
    "requests.cpu",
    "requests.ephemeral-storage",
    "requests.memory",
];
const BYTE_DIVISORS: [&str; 13] = ["1", "1k", "1M", "1G", "1T", "1P", "1E", "1Ki", "1Mi", "1Gi", "1Ti", "1Pi", "1Ei"];

/// A reference to a field of the pod.
/// `validateObjectFieldSelector`, pkg/apis/core/validation.
pub(crate) fn field_reference(node: &Node, known: &[&str], path: &Path<'_>, causes: &mut Causes) {
    let (api_version, field) = (text(node, "apiVersion"), text(node, "fieldPath"));
    if api_version.is_empty() {
        return causes.required(&path.child("apiVersion"), "");
    }
    let field_path = path.child("fieldPath");
    if field.is_empty() {
        return causes.required(&field_path, "");
    }
    if api_version != "v1" {
        return causes
            .invalid(&field_path, format!("error converting fieldPath: unsupported pod version: {api_version}"));
    }
    if let Some((map, key)) = subscript(field) {
        match map {
            "metadata.annotations" => causes.each_invalid(path, name::label_key(&key.to_lowercase())),
            "metadata.labels" => causes.each_invalid(path, name::label_key(key)),
            _ => causes.invalid(
                &field_path,
                format!("error converting fieldPath: field label does not support subscript: {field}"),
            ),
        }
        return;
    }
    let field = if field == "spec.host" { "spec.nodeName" } else { field };
    if !KNOWN_FIELDS.contains(&field) {
        causes.invalid(&field_path, format!("error converting fieldPath: field label not supported: {field}"));
    } else if !known.contains(&field) {
        causes.not_supported(&field_path, known);
    }
}

/// A reference to a limit or request of a container; in files the container must be named.
/// `validateContainerResourceFieldSelector` and `validateContainerResourceDivisor`, pkg/apis/core/validation.
pub(crate) fn resource_reference(node: &Node, in_file: bool, path: &Path<'_>, causes: &mut Causes) {
    let resource = text(node, "resource");
    let huge = resource.starts_with("requests.hugepages-") || resource.starts_with("limits.hugepages-");
    if in_file && text(node, "containerName").is_empty() {
        causes.required(&path.child("containerName"), "");
    } else if resource.is_empty() {
        causes.required(&path.child("resource"), "");
    } else if !RESOURCES.contains(&resource) && !huge {
        causes.not_supported(&path.child("resource"), &RESOURCES);
    }
    let Some(divisor) = some(node, "divisor") else { return };
    let divisor = Quantity::stored(Some(divisor));
    if divisor.sign().is_eq() {
        return;
    }
    let divisor = divisor.to_string();
    let (word, known): (&str, &[&str]) = match resource {
        "limits.cpu" | "requests.cpu" => ("cpu", &["1m", "1"]),
        "limits.memory" | "requests.memory" => ("memory", &BYTE_DIVISORS),
        "limits.ephemeral-storage" | "requests.ephemeral-storage" => ("local ephemeral storage", &BYTE_DIVISORS),
        _ if huge => ("hugepages", &BYTE_DIVISORS),
        _ => return,
    };
    if !known.contains(&divisor.as_str()) {
        let listed = if word == "cpu" { "1m and 1".into() } else { known.join(", ") };
        causes.invalid(
            &path.child("divisor"),
            format!("only divisor's values {listed} are supported with the {word} resource"),
        );
    }
}

fn variable_name(text: &str, rules: &Rules) -> Faults {
    if rules.relaxed_variables { name::environment_variable(text) } else { name::environment_variable_strict(text) }
}

/// `validateEnvVarValueFrom`, pkg/apis/core/validation.
fn source_of(source: &Node, has_value: bool, rules: &Rules, path: &Path<'_>, causes: &mut Causes) {
    let mut count = 0;
    for (key, node) in source.entries().filter(|(_, node)| !node.is_null()) {
        let path = path.child(&key.name);
        match key.name.as_str() {
            "fieldRef" => field_reference(node, &VARIABLE_FIELDS, &path, causes),
            "resourceFieldRef" => resource_reference(node, false, &path, causes),
            "configMapKeyRef" | "secretKeyRef" => key_reference(node, &path, causes),
            "fileKeyRef" => file_reference(node, &path, causes),
            _ => continue,
        }
        count += 1;
    }
    let fault = match count {
        0 if rules.variable_files => {
            "must specify one of: `fieldRef`, `resourceFieldRef`, `configMapKeyRef`, `secretKeyRef` or `fileKeyRef`"
        }
        0 => "must specify one of: `fieldRef`, `resourceFieldRef`, `configMapKeyRef` or `secretKeyRef`",
        _ if has_value => "may not be specified when `value` is not empty",
        1 => return,
        _ => "may not have more than one field specified at a time",
    };
    causes.invalid(path, fault);
}

/// `validateConfigMapKeySelector` and `validateSecretKeySelector`, pkg/apis/core/validation.
fn key_reference(node: &Node, path: &Path<'_>, causes: &mut Causes) {
    causes.each_invalid(&path.child("name"), name::dns_subdomain(text(node, "name")));
    let key = text(node, "key");
    if key.is_empty() {
        causes.required(&path.child("key"), "");
    } else {
        causes.each_invalid(&path.child("key"), name::config_key(key));
    }
}

/// `validateFileKeySelector`, pkg/apis/core/validation.
fn file_reference(node: &Node, path: &Path<'_>, causes: &mut Causes) {
    let (key, volume, file) = (text(node, "key"), text(node, "volumeName"), text(node, "path"));
    if key.is_empty() {
        causes.required(&path.child("key"), "");
    } else {
        causes.each_invalid(&path.child("key"), name::environment_variable(key));
    }
    if volume.is_empty() {
        causes.required(&path.child("volumeName"), "");
    } else {
        causes.each_invalid(&path.child("volumeName"), name::dns_label(volume));
    }
    if file.is_empty() {
        causes.required(&path.child("path"), "");
    } else {
        file_path::no_steps_up(file, &path.child("path"), causes);
    }
}

/// `metadata.labels['key']` in its two parts.
fn subscript(field: &str) -> Option<(&str, &str)> {
    field.strip_suffix("']")?.split_once("['").filter(|(map, _)| !map.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn subscripts() {
        assert_eq!(subscript("metadata.annotations['a[b]c']"), Some(("metadata.annotations", "a[b]c")));
        assert_eq!(subscript("metadata.labels['']"), Some(("metadata.labels", "")));
        assert_eq!(subscript("metadata.labels"), None);
        assert_eq!(subscript("['x']"), None);
    }
}

//! What the server fills in for what extends or guards it: webhooks, policies, definitions of kinds, priorities of
//! requests.

use super::{each, fill, fill_absent, fill_int, fill_map, fill_text, fill_zero, forget, within};
use crate::k8s::version::Version;
use crate::value::{Data, Map, Node};

/// Webhooks of either kind.
/// `SetDefaults_ValidatingWebhook` and `SetDefaults_MutatingWebhook`, pkg/apis/admissionregistration/v1.
pub(crate) fn webhooks(node: &mut Node, _: Version) {
    let mutates = node.get("kind").and_then(Node::as_str) == Some("MutatingWebhookConfiguration");
    each(node, &["webhooks"], |hook| {
        fill_absent(hook, "failurePolicy", Data::Text("Fail".into()));
        matching(hook, &["rules"]);
        fill_absent(hook, "timeoutSeconds", Data::Int(10));
        if mutates {
            fill_absent(hook, "reinvocationPolicy", Data::Text("Never".into()));
        }
        within(hook, &["clientConfig", "service"], |service| fill_absent(service, "port", Data::Int(443)));
    });
}

/// Which requests are meant.
/// `SetDefaults_MatchResources`, pkg/apis/admissionregistration/v1.
fn matching(node: &mut Node, rules: &[&str]) {
    fill_absent(node, "matchPolicy", Data::Text("Equivalent".into()));
    for field in ["namespaceSelector", "objectSelector"] {
        fill_absent(node, field, Data::Map(Map::new()));
    }
    for field in rules {
        each(node, &[field], |rule| fill_absent(rule, "scope", Data::Text("*".into())));
    }
}

/// A policy of either kind.
/// `SetDefaults_ValidatingAdmissionPolicySpec`, pkg/apis/admissionregistration/v1.
pub(crate) fn admission_policy(node: &mut Node, _: Version) {
    forget(node, "status");
    let Some(spec) = fill_map(node, "spec") else { return };
    fill_absent(spec, "failurePolicy", Data::Text("Fail".into()));
    within(spec, &["matchConstraints"], |resources| matching(resources, &["resourceRules", "excludeResourceRules"]));
}

/// What binds one.
pub(crate) fn admission_policy_binding(node: &mut Node, _: Version) {
    if let Some(spec) = fill_map(node, "spec") {
        within(spec, &["matchResources"], |resources| matching(resources, &["resourceRules", "excludeResourceRules"]));
    }
}

/// A CustomResourceDefinition: names that follow from its kind.
/// `SetDefaults_CustomResourceDefinitionSpec`, k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1.
pub(crate) fn custom_resource_definition(node: &mut Node, _: Version) {
    let Some(spec) = fill_map(node, "spec") else { return };
    if let Some(names) = fill_map(spec, "names") {
        let kind = names.get("kind").and_then(Node::as_str).unwrap_or_default().to_owned();
        fill(names, "singular", Data::Text(kind.to_lowercase().into()));
        if !kind.is_empty() {
            fill(names, "listKind", Data::Text(format!("{kind}List").into()));
        }
    }
    if let Some(conversion) =
        spec.get("conversion").is_none_or(Node::is_null).then(|| fill_map(spec, "conversion")).flatten()
    {
        fill_text(conversion, "strategy", "None");
    }
    within(spec, &["conversion", "webhook", "clientConfig", "service"], |service| {
        fill_absent(service, "port", Data::Int(443));
    });
}

/// An APIService.
/// `SetDefaults_ServiceReference`, k8s.io/kube-aggregator/pkg/apis/apiregistration/v1.
pub(crate) fn api_service(node: &mut Node, _: Version) {
    forget(node, "status");
    if let Some(spec) = fill_map(node, "spec") {
        within(spec, &["service"], |service| fill_absent(service, "port", Data::Int(443)));
    }
}

/// A FlowSchema.
/// `SetDefaults_FlowSchemaSpec`, pkg/apis/flowcontrol/v1.
pub(crate) fn flow_schema(node: &mut Node, _: Version) {
    forget(node, "status");
    if let Some(spec) = fill_map(node, "spec") {
        fill_zero(spec, "matchingPrecedence", 1000);
    }
}

/// A PriorityLevelConfiguration.
/// `SetDefaults_LimitedPriorityLevelConfiguration`, pkg/apis/flowcontrol/v1.
pub(crate) fn priority_level(node: &mut Node, _: Version) {
    forget(node, "status");
    let Some(spec) = fill_map(node, "spec") else { return };
    for (kind, shares) in [("exempt", 0), ("limited", 30)] {
        within(spec, &[kind], |level| {
            fill_int(level, "nominalConcurrencyShares", shares);
            fill_int(level, "lendablePercent", 0);
        });
    }
    within(spec, &["limited", "limitResponse", "queuing"], |queuing| {
        for (field, number) in [("handSize", 8), ("queues", 64), ("queueLengthLimit", 50)] {
            fill_zero(queuing, field, number);
        }
    });
}

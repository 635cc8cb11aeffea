//! Which labels a selector means: those of workloads and claims, and the terms by which pods and volumes choose nodes.
//!
//! Follows `staging/src/k8s.io/apimachinery/pkg/apis/meta/v1/helpers.go: LabelSelectorAsSelector`, and
//! `staging/src/k8s.io/component-helpers/scheduling/corev1/nodeaffinity/nodeaffinity.go: Match`.

use crate::value::Node;

/// Whether a label selector (`matchLabels`, `matchExpressions`) matches an object's labels. An empty selector matches
/// all; one that is absent matches nothing.
#[must_use]
pub(crate) fn matches(selector: Option<&Node>, labels: Option<&Node>) -> bool {
    let Some(selector) = selector.filter(|selector| !selector.is_null()) else { return false };
    selector.get("matchLabels").is_none_or(|wanted| has_all(wanted, labels))
        && selector
            .get("matchExpressions")
            .into_iter()
            .flat_map(Node::items)
            .all(|expression| holds(expression, value(labels, key(expression))))
}

/// Whether an object has all of these labels, as the selector of a Service asks.
#[must_use]
pub(crate) fn has_all(wanted: &Node, labels: Option<&Node>) -> bool {
    wanted.entries().all(|(key, wanted)| value(labels, &key.name) == wanted.as_str())
}

/// Whether any term of a node selector matches a node. A term without conditions matches nothing.
#[must_use]
pub(crate) fn node_matches(terms: Option<&Node>, name: &str, labels: &Node) -> bool {
    terms.into_iter().flat_map(Node::items).any(|term| {
        let conditions = |kind: &str| term.get(kind).and_then(Node::as_list).unwrap_or_default();
        let (expressions, fields) = (conditions("matchExpressions"), conditions("matchFields"));
        !(expressions.is_empty() && fields.is_empty())
            && expressions.iter().all(|expression| holds(expression, value(Some(labels), key(expression))))
            && fields.iter().all(|field| holds(field, (key(field) == "metadata.name").then_some(name)))
    })
}

/// Whether a pod insists on having no pods of some kind near it.
#[must_use]
pub(crate) fn keeps_away(pod: &Node) -> bool {
    pod.find(&["spec", "affinity", "podAntiAffinity", REQUIRED])
        .and_then(Node::as_list)
        .is_some_and(|terms| !terms.is_empty())
}

/// Where affinities list what a scheduler insists on.
pub(crate) const REQUIRED: &str = "requiredDuringSchedulingIgnoredDuringExecution";

fn key(expression: &Node) -> &str {
    expression.get("key").and_then(Node::as_str).unwrap_or_default()
}

fn value<'a>(labels: Option<&'a Node>, key: &str) -> Option<&'a str> {
    labels?.get(key)?.as_str()
}

fn holds(expression: &Node, value: Option<&str>) -> bool {
    let among = || expression.get("values").into_iter().flat_map(Node::items).any(|wanted| wanted.as_str() == value);
    let compared = |wanted: fn(&i64, &i64) -> bool| {
        let bound = expression.get("values").and_then(|values| values.items().next()).and_then(Node::as_str);
        value
            .and_then(|value| value.parse().ok())
            .zip(bound.and_then(|bound| bound.parse().ok()))
            .is_some_and(|(value, bound)| wanted(&value, &bound))
    };
    match expression.get("operator").and_then(Node::as_str) {
        Some("In") => value.is_some() && among(),
        Some("NotIn") => value.is_none() || !among(),
        Some("Exists") => value.is_some(),
        Some("DoesNotExist") => value.is_none(),
        Some("Gt") => compared(i64::gt),
        Some("Lt") => compared(i64::lt),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostic::Diagnostics;
    use crate::source::Sources;

    fn yaml(text: &str) -> Node {
        let mut sources = Sources::default();
        let id = sources.add("t", text);
        crate::yaml::read_one(&sources, id, &mut Diagnostics::default()).unwrap()
    }

    #[test]
    fn selectors() {
        let labels = yaml("{app: web, size: '3'}");
        for (selector, expected) in [
            ("{}", true),
            ("{matchLabels: {app: web}}", true),
            ("{matchLabels: {app: db}}", false),
            ("{matchExpressions: [{key: app, operator: In, values: [db, web]}]}", true),
            ("{matchExpressions: [{key: tier, operator: NotIn, values: [x]}]}", true),
            ("{matchExpressions: [{key: tier, operator: Exists}]}", false),
            ("{matchLabels: {app: web}, matchExpressions: [{key: app, operator: DoesNotExist}]}", false),
        ] {
            assert_eq!(matches(Some(&yaml(selector)), Some(&labels)), expected, "{selector}");
        }
        assert!(!matches(None, Some(&labels)));
    }

    #[test]
    fn node_terms() {
        let labels = yaml("{zone: a, size: '3'}");
        for (terms, expected) in [
            ("[{}]", false),
            (
                "[{matchExpressions: [{key: zone, operator: In, values: [b]}]}, {matchFields: [{key: metadata.name, \
                    operator: In, values: [n]}]}]",
                true,
            ),
            ("[{matchExpressions: [{key: size, operator: Gt, values: ['2']}]}]", true),
            ("[{matchExpressions: [{key: size, operator: Lt, values: ['3']}]}]", false),
        ] {
            assert_eq!(node_matches(Some(&yaml(terms)), "n", &labels), expected, "{terms}");
        }
    }
}

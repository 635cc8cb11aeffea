//! The API server's answer to a manifest, as findings at the manifest's places.

use super::admission::{self, Stage};
use crate::bundle::Resource;
use crate::diagnostic::{Code, Diagnostics, Level};
use crate::k8s::version::Version;

/// The API server would refuse it.
static REFUSED: Code = Code { id: "SW0201", name: "refused", level: Level::Error, page: include_str!("pages/refused.md") };
/// The cluster does not have that kind.
static NO_KIND: Code = Code { id: "SW0202", name: "unknown-kind", level: Level::Error, page: include_str!("pages/unknown-kind.md") };
/// The API server would accept it with a warning.
static WARNED: Code = Code { id: "SW0203", name: "api-warning", level: Level::Warning, page: include_str!("pages/api-warning.md") };

/// The codes of this module.
pub static CODES: &[&Code] = &[&REFUSED, &NO_KIND, &WARNED];

/// Says what the API server would answer to a new object.
pub fn new_object(resource: &Resource, version: Version, found: &mut Diagnostics) {
    let answer = admission::create(&resource.node, version);
    if answer.stage == Some(Stage::NoMatch) {
        let mut report = NO_KIND
            .report(format!("Kubernetes {version} has no {} of {}", resource.id.kind, resource.api_version))
            .about(resource.subject());
        if let Some(refusal) = answer.refusals.into_iter().next() {
            report = report.refusal(refusal);
        }
        return report.at(resource.node.place_of("apiVersion"), found);
    }
    for refusal in answer.refusals {
        let at = resource.node.place_of(&refusal.field);
        let what = if refusal.field.is_empty() { resource.id.to_string() } else { format!("{}: {}", resource.id, refusal.field) };
        REFUSED
            .report(format!("the API server would refuse {what}: {}", said(refusal.kind, &refusal.detail)))
            .about(resource.subject())
            .refusal(refusal)
            .at(at, found);
    }
    for warning in answer.warnings {
        WARNED
            .report(format!("the API server would warn about {}: {warning}", resource.id))
            .about(resource.subject())
            .at(resource.at(), found);
    }
}

/// A cause's type and detail as one phrase.
fn said(kind: &str, detail: &str) -> String {
    let kind = match kind {
        "FieldValueRequired" => "required value",
        "FieldValueInvalid" => "invalid value",
        "FieldValueDuplicate" => "duplicate value",
        "FieldValueForbidden" => "forbidden",
        "FieldValueNotSupported" => "unsupported value",
        "FieldValueNotFound" => "not found",
        "FieldValueTooLong" => "too long",
        "FieldValueTooMany" => "too many",
        "UnknownField" => "unknown field",
        "DuplicateField" => "duplicate field",
        "WrongType" => "wrong type",
        other => other,
    };
    if detail.is_empty() { kind.to_owned() } else { format!("{kind}: {detail}") }
}

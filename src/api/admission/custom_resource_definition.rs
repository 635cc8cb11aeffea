//! CustomResourceDefinitions: what a kind of somebody's own may be called, which versions it has, who converts between
//! them.
//! What their schemas may say is the business of `custom_schema`.

use super::cause::{Causes, Path, flag, list, some, text};
use super::custom_schema::{self, Leniency};
use super::meta::Naming;
use super::names::Names;
use super::same::FieldRules;
use super::{Kind, webhook};
use crate::api::defaults;
use crate::k8s::name;
use crate::k8s::version::Version;
use crate::value::{Map, Node};

/// The table line. The rule for its name looks at its spec, so it stands with the other rules.
pub(crate) static KIND: Kind = Kind {
    group: "apiextensions.k8s.io",
    version: "v1",
    kind: "CustomResourceDefinition",
    namespaced: false,
    naming: Naming::Subdomain,
    counts_generations: true,
    default: defaults::extension::custom_resource_definition,
    prepare,
    create: |object, version, causes| {
        judge(object, None, version, causes);
        formats(object, None, version, causes);
    },
    update,
};

const SPEC: Path<'static> = Path::new("spec");
const APPROVAL: &str = "api-approved.kubernetes.io";
const COLUMN_TYPES: [&str; 5] = ["boolean", "date", "integer", "number", "string"];
const COLUMN_FORMATS: [&str; 8] = ["byte", "date", "date-time", "double", "float", "int32", "int64", "password"];
const REVIEWS: [&str; 2] = ["v1", "v1beta1"];
/// What the versions of a definition share is kept once; the server then names it so.
const SHARED: [(&str, &str); 4] = [
    ("schema", "validation"),
    ("subresources", "subresources"),
    ("additionalPrinterColumns", "additionalPrinterColumns"),
    ("selectableFields", "selectableFields"),
];
/// Fields that can be selected by are kept since this version.
const SELECTABLE: Version = Version::minor(31);
const FIELD_RULES: FieldRules = FieldRules {
    optional: &[
        "default",
        "schema",
        "subresources",
        "status",
        "scale",
        "x-kubernetes-preserve-unknown-fields",
        "additionalProperties",
    ],
    free: &["properties"],
    amounts: &[],
};

/// Which versions have ever been stored is the server's to say.
/// `PrepareForCreate`, k8s.io/apiextensions-apiserver/pkg/registry/customresourcedefinition.
fn prepare(object: &mut Node, _: Option<&Node>, version: Version, _: &mut Causes) {
    let at = object.at;
    if version < SELECTABLE {
        for version in object.find_mut(&["spec", "versions"]).into_iter().flat_map(Node::items_mut) {
            if let Some(map) = version.as_map_mut() {
                map.remove("selectableFields");
            }
        }
    }
    let stored = versions(object)
        .iter()
        .find(|version| flag(version, "storage"))
        .map(|version| text(version, "name").to_owned());
    let Some(map) = object.as_map_mut() else { return };
    if map.get("status").is_none_or(Node::is_null) {
        map.put("status", Node::map(Map::new(), at));
    }
    let Some(status) = map.get_mut("status") else { return };
    let mut known: Vec<Node> = list(status, "storedVersions").to_vec();
    if let Some(stored) = stored
        && !known.iter().any(|version| version.as_str() == Some(stored.as_str()))
    {
        known.push(Node::text(stored, at));
    }
    if let Some(status) = status.as_map_mut() {
        status.put("storedVersions", Node::list(known, at));
    }
}

/// `validateCustomResourceDefinitionSpec`, k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/validation.
fn versions(object: &Node) -> &[Node] {
    object.get("spec").map(|spec| list(spec, "versions")).unwrap_or_default()
}

/// `ValidateCustomResourceDefinitionUpdate`, apiextensions-apiserver/pkg/apis/apiextensions/validation.
fn update(object: &Node, stored: &Node, version: Version, causes: &mut Causes) {
    judge(object, Some(stored), version, causes);
    formats(object, Some(stored), version, causes);
    let field = |object: &Node, path: &[&str]| object.find(path).and_then(Node::as_str).unwrap_or_default().to_owned();
    // A definition that is stored counts as established, unless its status says something else.
    let is_established = stored.get("status").map(|status| list(status, "conditions")).is_none_or(|conditions| {
        let mut of_names = conditions.iter().filter(|condition| text(condition, "type") == "Established");
        of_names.all(|condition| text(condition, "status") == "True")
    });
    for (path, written, always) in [
        (&["spec", "scope"][..], "scope", false),
        (&["spec", "names", "kind"], "names.kind", false),
        (&["spec", "group"], "group", true),
        (&["spec", "names", "plural"], "names.plural", true),
    ] {
        if (always || is_established) && field(object, path) != field(stored, path) {
            causes.invalid(&SPEC.child(written), "field is immutable");
        }
    }
}

/// Servers warn of formats that they do not check since this version.
const WARNS_OF_FORMATS: Version = Version::minor(34);

/// Warns of formats that no server checks, if they are new: `WarningsOnCreate`,
/// apiextensions-apiserver/pkg/registry/customresourcedefinition.
fn formats(object: &Node, stored: Option<&Node>, version: Version, causes: &mut Causes) {
    if version < WARNS_OF_FORMATS {
        return;
    }
    let schemas =
        |object| versions(object).iter().filter_map(|version: &Node| version.find(&["schema", "openAPIV3Schema"]));
    let mut known = Vec::new();
    stored.into_iter().flat_map(schemas).for_each(|schema| custom_schema::unknown_formats(schema, &mut known));
    let mut found = Vec::new();
    schemas(object).for_each(|schema| custom_schema::unknown_formats(schema, &mut found));
    for format in found.into_iter().filter(|format| !known.contains(format)) {
        causes.warn(format!("unrecognized format \"{format}\""));
    }
}

/// `validateCustomResourceDefinitionSpec`, apiextensions-apiserver/pkg/apis/apiextensions/validation.
fn judge(object: &Node, stored: Option<&Node>, version: Version, causes: &mut Causes) {
    let nothing = Node::null(object.at);
    let spec = object.get("spec").unwrap_or(&nothing);
    let names = spec.get("names").unwrap_or(&nothing);
    if stored.is_none() {
        own_name(object, text(names, "plural"), text(spec, "group"), causes);
    }
    group(text(spec, "group"), &SPEC.child("group"), causes);
    causes.required_one_of(text(spec, "scope"), &["Cluster", "Namespaced"], &SPEC.child("scope"));
    let rules = Definition { stored, version };
    rules.versions(spec, causes);
    names_rules(names, &SPEC.child("names"), causes);
    conversion(spec, stored, &SPEC.child("conversion"), causes);
    stored_versions(object, causes);
    approval(object, stored, text(spec, "group"), causes);
    let keeps_unknown = |object: &Node| object.get("spec").is_some_and(|spec| flag(spec, "preserveUnknownFields"));
    if keeps_unknown(object) && !stored.is_some_and(keeps_unknown) {
        causes.invalid(
            &SPEC.child("preserveUnknownFields"),
            "cannot set to true, set x-kubernetes-preserve-unknown-fields to true instead",
        );
    }
    if keeps_unknown(object) && list(spec, "versions").iter().any(custom_schema::has_defaults) {
        causes.invalid(&SPEC.child("preserveUnknownFields"), "must be false in order to use defaults in the schema");
    }
}

/// `ValidateCustomResourceDefinition`, k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/validation.
fn own_name(object: &Node, plural: &str, group: &str, causes: &mut Causes) {
    let metadata = object.get("metadata");
    let field = |field| metadata.map(|metadata| text(metadata, field)).unwrap_or_default();
    let wanted = format!("{plural}.{group}");
    let fault = "must be spec.names.plural+\".\"+spec.group";
    if !field("generateName").is_empty() && field("generateName") != wanted {
        causes.invalid(&Path::new("metadata.generateName"), fault);
    }
    if !(field("name").is_empty() && field("generateName").is_empty()) && field("name") != wanted {
        causes.invalid(&Path::new("metadata.name"), fault);
    }
}

/// `validateCustomResourceDefinitionSpec`, k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/validation.
fn group(group: &str, path: &Path<'_>, causes: &mut Causes) {
    let faults = name::dns_subdomain(group);
    if group.is_empty() {
        causes.required(path, "");
    } else if !faults.is_empty() {
        causes.invalid(path, faults.join(","));
    } else if !group.contains('.') {
        causes.invalid(path, "should be a domain with at least one dot");
    }
}

/// What the rules for versions depend on.
#[derive(Clone, Copy)]
struct Definition<'n> {
    stored: Option<&'n Node>,
    version: Version,
}

impl Definition<'_> {
    fn versions(self, spec: &Node, causes: &mut Causes) {
        let versions = list(spec, "versions");
        let path = SPEC.child("versions");
        let shared = SHARED.map(|(field, _)| {
            versions.iter().all(|version| FIELD_RULES.same_fields(field, version.get(field), versions[0].get(field)))
        });
        let leniency = Leniency::of(self.stored.map(self::versions).unwrap_or_default());
        let (mut seen, mut stored, mut unique) = (Names::default(), 0, true);
        for (index, version) in versions.iter().enumerate() {
            let path = path.index(index);
            let given = text(version, "name");
            stored += usize::from(flag(version, "storage"));
            unique &= seen.add(given);
            let faults = name::dns_1035_label(given);
            if !faults.is_empty() {
                causes.invalid(&path.child("name"), faults.join(","));
            }
            if version.find(&["schema", "openAPIV3Schema"]).is_none_or(Node::is_null) && leniency.schema_required {
                let path = path.child("schema");
                causes.required(&path.child("openAPIV3Schema"), "");
            }
            deprecation(version, &path.child("deprecationWarning"), causes);
            for ((field, _), _) in SHARED.iter().zip(shared).filter(|(_, shared)| !shared) {
                self.part(version, field, &path.child(field), leniency, causes);
            }
        }
        if let Some(first) = versions.first() {
            let any_status = versions.iter().any(has_status);
            for ((field, written), _) in SHARED.iter().zip(shared).filter(|(_, shared)| *shared) {
                let mut first = first.clone();
                if any_status
                    && !has_status(&first)
                    && let Some(map) = first.as_map_mut()
                {
                    let at = spec.at;
                    map.put("subresources", Node::of(at, [("status", Some(Node::map(Map::new(), at)))]));
                }
                self.part(&first, field, &SPEC.child(written), leniency, causes);
            }
        }
        if !unique {
            causes.invalid(&path, "must contain unique version names");
        }
        if stored != 1 {
            causes.invalid(&path, "must have exactly one version marked as storage version");
        }
        if versions.first().is_some_and(|first| {
            !text(first, "name").is_empty() && !name::dns_1035_label(text(first, "name")).is_empty()
        }) {
            causes.invalid(&SPEC.child("version"), "a DNS-1035 label must start with an alphabetic character");
        }
    }

    /// One part of a version: its schema, its subresources, its columns, or the fields it can be selected by.
    /// `validateCustomResourceDefinitionVersion`, k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/validation.
    fn part(self, version: &Node, field: &str, path: &Path<'_>, leniency: Leniency, causes: &mut Causes) {
        match field {
            "schema" => {
                let schema = version.find(&["schema", "openAPIV3Schema"]).filter(|schema| !schema.is_null());
                if let Some(schema) = schema {
                    custom_schema::judge(
                        schema,
                        has_status(version),
                        leniency,
                        self.version,
                        &path.child("openAPIV3Schema"),
                        causes,
                    );
                }
            }
            "subresources" => {
                if let Some(scale) = version.find(&["subresources", "scale"]).filter(|scale| !scale.is_null()) {
                    scale_rules(scale, path, causes);
                }
            }
            "additionalPrinterColumns" => {
                for (index, column) in list(version, field).iter().enumerate() {
                    column_rules(column, &path.index(index), causes);
                }
            }
            _ => selectable(version, path, causes),
        }
    }
}

fn has_status(version: &Node) -> bool {
    version.find(&["subresources", "status"]).is_some_and(|status| !status.is_null())
}

/// `validateDeprecationWarning`, apiextensions-apiserver/pkg/apis/apiextensions/validation.
fn deprecation(version: &Node, path: &Path<'_>, causes: &mut Causes) {
    const LONGEST: usize = 256;
    let Some(warning) = some(version, "deprecationWarning").map(|warning| warning.as_str().unwrap_or_default()) else {
        return;
    };
    if !flag(version, "deprecated") {
        return causes.invalid(path, "can only be set for deprecated versions");
    }
    if warning.len() > LONGEST {
        causes.invalid(path, format!("must be <= {LONGEST} characters long"));
    }
    if warning.is_empty() {
        causes.invalid(path, "must not be an empty string");
    }
    if warning.chars().any(|letter| letter.is_control() || (letter.is_whitespace() && letter != ' ')) {
        causes.invalid(path, "must only contain printable UTF-8 characters");
    }
}

/// `ValidateCustomResourceDefinitionNames`, and which of them must be there.
fn names_rules(names: &Node, path: &Path<'_>, causes: &mut Causes) {
    for (field, mixed) in [("plural", false), ("singular", false), ("kind", true), ("listKind", true)] {
        let given = text(names, field);
        if given.is_empty() {
            causes.required(&path.child(field), "");
            continue;
        }
        let faults = if mixed { name::dns_1035_label(&given.to_lowercase()) } else { name::dns_1035_label(given) };
        if !faults.is_empty() {
            causes.invalid(&path.child(field), faults.join(","));
        }
    }
    for field in ["shortNames", "categories"] {
        let path = path.child(field);
        for (index, given) in list(names, field).iter().enumerate() {
            let faults = name::dns_1035_label(given.as_str().unwrap_or_default());
            if !faults.is_empty() {
                causes.invalid(&path.index(index), faults.join(","));
            }
        }
    }
    if !text(names, "kind").is_empty() && text(names, "kind") == text(names, "listKind") {
        causes.invalid(&path.child("listKind"), "kind and listKind may not be the same");
    }
}

/// `validateCustomResourceConversion`, apiextensions-apiserver/pkg/apis/apiextensions/validation.
fn conversion(spec: &Node, stored: Option<&Node>, path: &Path<'_>, causes: &mut Causes) {
    let Some(conversion) = some(spec, "conversion") else { return };
    let strategy = text(conversion, "strategy");
    causes.required_one_of(strategy, &["None", "Webhook"], &path.child("strategy"));
    let webhook = some(conversion, "webhook");
    let config = webhook.and_then(|webhook| some(webhook, "clientConfig"));
    let reviews = webhook.map(|webhook| list(webhook, "conversionReviewVersions")).unwrap_or_default();
    let (config_path, reviews_path) = (path.child("webhookClientConfig"), path.child("conversionReviewVersions"));
    if strategy != "Webhook" {
        if config.is_some() {
            causes.forbidden(&config_path, "should not be set when strategy is not set to Webhook");
        }
        if !reviews.is_empty() {
            causes.forbidden(&reviews_path, "should not be set when strategy is not set to Webhook");
        }
        return;
    }
    match config {
        None => causes.required(&config_path, "required when strategy is set to Webhook"),
        Some(config) => match (some(config, "url"), some(config, "service")) {
            (Some(url), None) => webhook::address(url.as_str().unwrap_or_default(), &config_path.child("url"), causes),
            (None, Some(service)) => webhook::service_reference(service, true, &config_path.child("service"), causes),
            _ => causes.required(&config_path, "exactly one of url or service is required"),
        },
    }
    let known = |reviews: &[Node]| reviews.iter().any(|review| REVIEWS.contains(&review.as_str().unwrap_or_default()));
    let before = stored.and_then(|stored| stored.find(&["spec", "conversion", "webhook"]));
    let before = before.map(|webhook| list(webhook, "conversionReviewVersions")).unwrap_or_default();
    review_versions(reviews, before.is_empty() || known(before), &reviews_path, causes);
}

fn review_versions(reviews: &[Node], known: bool, path: &Path<'_>, causes: &mut Causes) {
    if reviews.is_empty() {
        return causes.required(path, "");
    }
    let mut seen = Names::default();
    for (index, review) in reviews.iter().enumerate() {
        let review = review.as_str().unwrap_or_default();
        if seen.add(review) {
            causes.each_invalid(&path.index(index), name::dns_1035_label(review));
        } else {
            causes.invalid(&path.index(index), "duplicate version");
        }
    }
    if known && !REVIEWS.iter().any(|review| seen.has(review)) {
        causes.invalid(path, format!("must include at least one of {}", REVIEWS.join(", ")));
    }
}

/// `ValidateCustomResourceDefinitionSubresources`, apiextensions-apiserver/pkg/apis/apiextensions/validation.
fn scale_rules(scale: &Node, path: &Path<'_>, causes: &mut Causes) {
    let path = path.child("scale");
    for (field, roots) in [
        ("specReplicasPath", &[".spec."][..]),
        ("statusReplicasPath", &[".status."]),
        ("labelSelectorPath", &[".spec.", ".status."]),
    ] {
        let (path, given) = (path.child(field), text(scale, field));
        if given.is_empty() {
            if field != "labelSelectorPath" {
                causes.required(&path, "");
            }
        } else if !given.starts_with('.') {
            causes.invalid(&path, "must be a simple json path starting with .");
        } else if !roots.iter().any(|root| given.starts_with(root)) {
            causes.invalid(&path, format!("should be a json path under {}", roots.join(" or ")));
        }
    }
}

/// `ValidateCustomResourceColumnDefinition`, apiextensions-apiserver/pkg/apis/apiextensions/validation.
fn column_rules(column: &Node, path: &Path<'_>, causes: &mut Causes) {
    if text(column, "name").is_empty() {
        causes.required(&path.child("name"), "");
    }
    let kinds = format!("must be one of {}", COLUMN_TYPES.join(","));
    match text(column, "type") {
        "" => causes.required(&path.child("type"), kinds),
        kind if !COLUMN_TYPES.contains(&kind) => causes.invalid(&path.child("type"), kinds),
        _ => {}
    }
    let format = text(column, "format");
    if !format.is_empty() && !COLUMN_FORMATS.contains(&format) {
        causes.invalid(&path.child("format"), format!("must be one of {}", COLUMN_FORMATS.join(",")));
    }
    match text(column, "jsonPath") {
        "" => causes.required(&path.child("JSONPath"), ""),
        given if !given.starts_with('.') => {
            causes.invalid(&path.child("JSONPath"), "must be a simple json path starting with .");
        }
        _ => {}
    }
}

/// `ValidateCustomResourceSelectableFields`, apiextensions-apiserver/pkg/apis/apiextensions/validation.
fn selectable(version: &Node, path: &Path<'_>, causes: &mut Causes) {
    const MOST: usize = 8;
    let schema = version.find(&["schema", "openAPIV3Schema"]);
    let mut seen = Names::default();
    let mut count = 0;
    for (index, field) in list(version, "selectableFields").iter().enumerate() {
        let path = path.index(index);
        let path = path.child("jsonPath");
        let given = text(field, "jsonPath");
        if given.is_empty() {
            causes.required(&path, "");
            continue;
        }
        let steps = given.strip_prefix('.').map(|rest| rest.split('.').collect::<Vec<_>>()).unwrap_or_default();
        let found = steps.iter().try_fold(schema, |schema, step| {
            let inner = schema.and_then(|schema| schema.find(&["properties", step]));
            inner.map(Some)
        });
        let Some(Some(found)) = found.filter(|_| !steps.is_empty()) else {
            causes.invalid(&path, "is an invalid path");
            continue;
        };
        if steps.first() == Some(&"metadata") {
            causes.invalid(&path, "must not point to fields in metadata");
        }
        if !["string", "boolean", "integer"].contains(&text(found, "type")) {
            causes.invalid(&path, "must point to a field of type string, boolean or integer");
        }
        if seen.add(given) {
            count += 1;
        } else {
            causes.duplicate(&path);
        }
    }
    if count > MOST {
        causes.too_many(path, MOST);
    }
}

/// `ValidateCustomResourceDefinitionStoredVersions`, apiextensions-apiserver/pkg/apis/apiextensions/validation.
fn stored_versions(object: &Node, causes: &mut Causes) {
    let path = Path::new("status.storedVersions");
    let stored = object.get("status").map(|status| list(status, "storedVersions")).unwrap_or_default();
    if stored.is_empty() {
        return causes.invalid(&path, "must have at least one stored version");
    }
    for version in versions(object).iter().filter(|version| flag(version, "storage")) {
        if !stored.iter().any(|known| known.as_str() == Some(text(version, "name"))) {
            causes.invalid(&path, format!("must have the storage version {}", text(version, "name")));
        }
    }
    for (index, known) in stored.iter().enumerate() {
        let known = known.as_str().unwrap_or_default();
        if !versions(object).iter().any(|version| text(version, "name") == known) {
            let words = "missing from spec.versions; it was previously a storage version, and must remain in \
                spec.versions until a storage \
                         migration removes it from status.storedVersions";
            causes.invalid(&path.index(index), words);
        }
    }
}

/// How far the community has agreed to a kind in one of its own groups.
#[derive(PartialEq, Eq)]
enum Approval {
    Missing,
    Bypassed,
    Approved,
    Invalid,
}

/// `validateAPIApproval`, apiextensions-apiserver/pkg/apis/apiextensions/validation.
fn approval(object: &Node, stored: Option<&Node>, group: &str, causes: &mut Causes) {
    if !["k8s.io", "kubernetes.io"]
        .iter()
        .any(|own| group.strip_suffix(own).is_some_and(|rest| rest.is_empty() || rest.ends_with('.')))
    {
        return;
    }
    let state = |object: &Node| {
        let annotation = object.find(&["metadata", "annotations", APPROVAL]).and_then(Node::as_str).unwrap_or_default();
        let has_host = |url: &str| {
            url.split_once("://")
                .is_some_and(|(scheme, rest)| !scheme.is_empty() && !rest.is_empty() && !rest.starts_with('/'))
        };
        match annotation {
            "" => Approval::Missing,
            text if text.starts_with("unapproved") => Approval::Bypassed,
            text if has_host(text) => Approval::Approved,
            _ => Approval::Invalid,
        }
    };
    let now = state(object);
    if stored.is_some_and(|stored| state(stored) == now) {
        return;
    }
    let path = Path::new("metadata.annotations");
    let path = path.key(APPROVAL);
    let words = format!(
        "protected groups must have approval annotation \"{APPROVAL}\", see \
            https://github.com/kubernetes/enhancements/pull/1111"
    );
    match now {
        Approval::Missing => causes.required(&path, words),
        Approval::Invalid => causes.invalid(&path, words),
        Approval::Bypassed | Approval::Approved => {}
    }
}

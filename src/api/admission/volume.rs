//! Volumes of a pod: one source each, and the rules of every sort of source.
//!
//! Follows `pkg/apis/core/validation/validation.go: ValidateVolumes, validateVolumeSource`.

use super::cause::{Causes, Path, list, number, some, text};
use super::names::Names;
use super::persistent_volume_claim::{Leniency, claim_spec};
use super::pod_rules::Rules;
use super::volume_source::{need, need_in_secret};
use super::{container, env, file_path, meta, selector, volume_source};
use crate::k8s::name;
use crate::k8s::quantity::Quantity;
use crate::k8s::version::Version;
use crate::value::Node;
use std::collections::BTreeMap;

/// What containers need to know of a volume.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Volume {
    /// It is a claim, or makes one.
    pub is_claim: bool,
    /// It is an empty directory.
    pub is_empty_directory: bool,
}

/// The good volumes of a pod by name.
pub(crate) type Volumes<'n> = BTreeMap<&'n str, Volume>;

/// Checks volumes and gives the good ones. `claims` are the names of claim templates: each stands for a volume, and
/// hides one of its name. The server then numbers the volumes at random, so they have no number here.
/// `ValidateVolumes`, pkg/apis/core/validation.
pub(crate) fn volumes<'n>(
    spec: &'n Node,
    claims: &[&'n str],
    pod_name: &str,
    rules: &Rules,
    path: &Path<'_>,
    causes: &mut Causes,
) -> Volumes<'n> {
    let mut good = Volumes::new();
    for claim in claims {
        let before = causes.refusals.len();
        let path = path.key("*");
        if claim.is_empty() {
            causes.required(&path.child("persistentVolumeClaim").child("claimName"), "");
        }
        volume_name(claim, &path, causes);
        if causes.refusals.len() == before {
            good.insert(claim, Volume { is_claim: true, is_empty_directory: false });
        }
    }
    let volumes = list(spec, "volumes");
    let hidden: Names<'_> = claims.iter().copied().collect();
    for (index, volume) in volumes.iter().enumerate() {
        let given = text(volume, "name");
        if hidden.has(given) {
            continue;
        }
        let before = causes.refusals.len();
        let path = if claims.is_empty() { path.index(index) } else { path.key("*") };
        let kind = source(volume, given, pod_name, rules, &path, causes);
        volume_name(given, &path, causes);
        if good.contains_key(given) {
            causes.duplicate(&path.child("name"));
        }
        if causes.refusals.len() == before {
            good.insert(given, kind);
        }
        if !pod_name.is_empty() {
            made_claim(volume, volumes, pod_name, &path, causes);
        }
    }
    good
}

/// Whether the path of a token leads outside its volume.
#[must_use]
pub(crate) fn has_faulty_token_path(spec: &Node) -> bool {
    let mut found = Causes::default();
    for volume in list(spec, "volumes") {
        for source in volume.get("projected").map(|projected| list(projected, "sources")).unwrap_or_default() {
            if let Some(token) = some(source, "serviceAccountToken") {
                file_path::descending_file(text(token, "path"), &Path::ROOT, &mut found);
            }
        }
    }
    !found.refusals.is_empty()
}

/// How a sort of source is checked: by itself, or by the rules of the version.
enum Check {
    Alone(fn(&Node, &Path<'_>, &mut Causes)),
    Ruled(fn(&Node, &Rules, &Path<'_>, &mut Causes)),
}

/// A sort of source: its field, and what the server calls it when there is another one, and when something in it is
/// wrong.
struct Sort {
    field: &'static str,
    beside: &'static str,
    inside: &'static str,
    check: Check,
}

/// `validateVolumeSource`, pkg/apis/core/validation.
const fn sort(field: &'static str, check: fn(&Node, &Path<'_>, &mut Causes)) -> Sort {
    Sort { field, beside: field, inside: field, check: Check::Alone(check) }
}

const fn ruled(field: &'static str, check: fn(&Node, &Rules, &Path<'_>, &mut Causes)) -> Sort {
    Sort { field, beside: field, inside: field, check: Check::Ruled(check) }
}

/// In the server's order: the first counts, the others are too many.
static SORTS: [Sort; 30] = [
    sort("emptyDir", empty_directory),
    sort("hostPath", volume_source::host_path),
    sort("gitRepo", git_repository),
    Sort { inside: "persistentDisk", ..sort("gcePersistentDisk", volume_source::gce_disk) },
    sort("awsElasticBlockStore", volume_source::aws_disk),
    sort("secret", secret),
    sort("nfs", volume_source::nfs),
    sort("iscsi", iscsi),
    sort("glusterfs", volume_source::glusterfs),
    sort("flocker", volume_source::flocker),
    sort("persistentVolumeClaim", claim),
    sort("rbd", volume_source::rbd),
    sort("cinder", cinder),
    Sort { beside: "cephFS", ..sort("cephfs", volume_source::cephfs) },
    sort("quobyte", volume_source::quobyte),
    Sort { beside: "downwarAPI", ..sort("downwardAPI", downward) },
    sort("fc", volume_source::fibre_channel),
    sort("flexVolume", volume_source::flex_volume),
    sort("configMap", config_map),
    sort("azureFile", volume_source::azure_file),
    sort("vsphereVolume", volume_source::vsphere),
    sort("photonPersistentDisk", volume_source::photon),
    sort("portworxVolume", volume_source::volume_id),
    sort("azureDisk", volume_source::azure_disk),
    sort("storageos", storage_os),
    ruled("projected", projected),
    sort("scaleIO", volume_source::scale_io),
    ruled("csi", csi),
    ruled("ephemeral", ephemeral),
    ruled("image", image),
];

/// `ValidateVolumes`, pkg/apis/core/validation.
fn volume_name(given: &str, path: &Path<'_>, causes: &mut Causes) {
    if given.is_empty() {
        causes.required(&path.child("name"), "");
    } else {
        causes.each_invalid(&path.child("name"), name::dns_label(given));
    }
}

/// `validateVolumeSource`, pkg/apis/core/validation.
fn source(volume: &Node, given: &str, pod_name: &str, rules: &Rules, path: &Path<'_>, causes: &mut Causes) -> Volume {
    let mut first: Option<&str> = None;
    let mut kind = Volume { is_claim: false, is_empty_directory: false };
    for sort in &SORTS {
        let Some(node) = some(volume, sort.field) else { continue };
        match sort.field {
            "persistentVolumeClaim" | "ephemeral" => kind.is_claim = true,
            "emptyDir" => kind.is_empty_directory = true,
            "iscsi" if volume_source::iscsi_is_too_long(node, given) => {
                causes.invalid(&path.child("name"), volume_source::ISCSI_TOO_LONG);
            }
            _ => {}
        }
        if first.is_some() {
            causes.forbidden(&path.child(sort.beside), "may not specify more than 1 volume type");
            continue;
        }
        first = Some(sort.field);
        match sort.check {
            Check::Alone(check) => check(node, &path.child(sort.inside), causes),
            Check::Ruled(check) => check(node, rules, &path.child(sort.inside), causes),
        }
        if sort.field == "ephemeral" && !pod_name.is_empty() && !given.is_empty() {
            let claim = format!("{pod_name}-{given}");
            for fault in name::dns_subdomain(&claim) {
                causes.invalid(&path.child("name"), format!("PVC name \"{claim}\": {fault}"));
            }
        }
    }
    if first.is_none() {
        causes.required(path, "must specify a volume type");
    }
    kind
}

/// A claim that the pod makes itself may not also be asked for by its name.
/// `ValidateVolumes`, pkg/apis/core/validation.
fn made_claim(volume: &Node, volumes: &[Node], pod_name: &str, path: &Path<'_>, causes: &mut Causes) {
    let Some(claim) = volume.find(&["persistentVolumeClaim", "claimName"]).and_then(Node::as_str) else { return };
    let Some(rest) = claim.strip_prefix(pod_name).and_then(|rest| rest.strip_prefix('-')) else { return };
    if volumes.iter().any(|other| text(other, "name") == rest && some(other, "ephemeral").is_some()) {
        let path = path.child("persistentVolumeClaim");
        causes.invalid(&path.child("claimName"), "must not reference a PVC that gets created for an ephemeral volume");
    }
}

fn in_range(node: &Node, field: &str, most: i64, fault: &str, path: &Path<'_>, causes: &mut Causes) {
    if let Some(value) = node.get(field).and_then(Node::as_int)
        && !(0..=most).contains(&value)
    {
        causes.invalid(&path.child(field), fault);
    }
}

/// `validateVolumeSource`, pkg/apis/core/validation.
fn mode(node: &Node, field: &str, path: &Path<'_>, causes: &mut Causes) {
    in_range(node, field, 0o777, "must be a number between 0 and 0777 (octal), both inclusive", path, causes);
}

/// `validateVolumeSource`, pkg/apis/core/validation.
fn empty_directory(node: &Node, path: &Path<'_>, causes: &mut Causes) {
    if Quantity::stored(node.get("sizeLimit")).sign().is_lt() {
        causes.forbidden(&path.child("sizeLimit"), "SizeLimit field must be a valid resource quantity");
    }
}

/// `validateGitRepoVolumeSource`, pkg/apis/core/validation.
fn git_repository(node: &Node, path: &Path<'_>, causes: &mut Causes) {
    need(node, &["repository"], path, causes);
    file_path::descending(text(node, "directory"), &path.child("directory"), causes);
}

/// `validateSecretVolumeSource`, pkg/apis/core/validation.
fn secret(node: &Node, path: &Path<'_>, causes: &mut Causes) {
    need(node, &["secretName"], path, causes);
    mode(node, "defaultMode", path, causes);
    keys_to_paths(node, path, causes);
}

/// `validateConfigMapVolumeSource`, pkg/apis/core/validation.
fn config_map(node: &Node, path: &Path<'_>, causes: &mut Causes) {
    need(node, &["name"], path, causes);
    mode(node, "defaultMode", path, causes);
    keys_to_paths(node, path, causes);
}

/// `validateKeyToPath`, pkg/apis/core/validation.
fn keys_to_paths(node: &Node, path: &Path<'_>, causes: &mut Causes) {
    let path = path.child("items");
    for (index, item) in list(node, "items").iter().enumerate() {
        let path = path.index(index);
        need(item, &["key", "path"], &path, causes);
        file_path::descending_file(text(item, "path"), &path.child("path"), causes);
        mode(item, "mode", &path, causes);
    }
}

/// `validatePersistentClaimVolumeSource`, pkg/apis/core/validation.
fn claim(node: &Node, path: &Path<'_>, causes: &mut Causes) {
    need(node, &["claimName"], path, causes);
}

/// `validateCinderVolumeSource`, pkg/apis/core/validation.
fn cinder(node: &Node, path: &Path<'_>, causes: &mut Causes) {
    volume_source::volume_id(node, path, causes);
    need_in_secret(node, &["name"], path, causes);
}

/// `validateDownwardAPIVolumeSource`, pkg/apis/core/validation.
fn downward(node: &Node, path: &Path<'_>, causes: &mut Causes) {
    mode(node, "defaultMode", path, causes);
    for file in list(node, "items") {
        downward_file(file, path, causes);
    }
}

/// One file. The server names the volume in its answers, not the item.
/// `validateDownwardAPIVolumeFile`, pkg/apis/core/validation.
fn downward_file(file: &Node, path: &Path<'_>, causes: &mut Causes) {
    need(file, &["path"], path, causes);
    file_path::descending_file(text(file, "path"), &path.child("path"), causes);
    match (some(file, "fieldRef"), some(file, "resourceFieldRef")) {
        (Some(field), resource) => {
            env::field_reference(field, &env::FILE_FIELDS, &path.child("fieldRef"), causes);
            if resource.is_some() {
                causes.invalid(path, "fieldRef and resourceFieldRef can not be specified simultaneously");
            }
        }
        (None, Some(resource)) => env::resource_reference(resource, true, &path.child("resourceFieldRef"), causes),
        (None, None) => causes.required(path, "one of fieldRef and resourceFieldRef is required"),
    }
    mode(file, "mode", path, causes);
}

/// `validateISCSIVolumeSource`, pkg/apis/core/validation.
fn iscsi(node: &Node, path: &Path<'_>, causes: &mut Causes) {
    volume_source::iscsi(node, "must be valid format starting with iqn, eui, or naa", path, causes);
}

/// `validateStorageOSVolumeSource`, pkg/apis/core/validation.
fn storage_os(node: &Node, path: &Path<'_>, causes: &mut Causes) {
    volume_source::storage_os(node, path, causes);
    need_in_secret(node, &["name"], path, causes);
}

/// The first version whose server stops at a driver that is not named (`ValidateCSIDriverName`).
pub(super) const STOPS_AT_NO_DRIVER: Version = Version::minor(35);

/// `validateCSIVolumeSource`, pkg/apis/core/validation.
fn csi(node: &Node, rules: &Rules, path: &Path<'_>, causes: &mut Causes) {
    let driver = text(node, "driver");
    volume_source::csi_driver(driver, &path.child("driver"), causes);
    if driver.is_empty() && rules.version < STOPS_AT_NO_DRIVER {
        causes.each_invalid(&path.child("driver"), name::dns_subdomain(""));
    }
    if let Some(secret) = some(node, "nodePublishSecretRef") {
        let given = text(secret, "name");
        if given.is_empty() {
            causes.required(&path.child("nodePublishSecretRef").child("name"), "");
        } else {
            causes.each_invalid(&path.child("name"), name::dns_subdomain(given));
        }
    }
}

/// `validateEphemeralVolumeSource`, pkg/apis/core/validation.
fn ephemeral(node: &Node, rules: &Rules, path: &Path<'_>, causes: &mut Causes) {
    let path = path.child("volumeClaimTemplate");
    let Some(template) = some(node, "volumeClaimTemplate") else { return causes.required(&path, "") };
    meta::template(template.get("metadata"), &path.child("metadata"), causes);
    let nothing = Node::null(template.at);
    let spec = template.get("spec").unwrap_or(&nothing);
    claim_spec(spec, Leniency::default(), rules.version, &path.child("spec"), causes);
}

/// `validateImageVolumeSource`, pkg/apis/core/validation.
fn image(node: &Node, rules: &Rules, path: &Path<'_>, causes: &mut Causes) {
    // Up to 1.36 only the pod itself was asked; a stored one without a reference may stay.
    if (rules.is_pod || rules.version >= Version::minor(37)) && !rules.unnamed_images {
        need(node, &["reference"], path, causes);
    }
    container::pull_policy(text(node, "pullPolicy"), &path.child("pullPolicy"), causes);
}

/// Several sources in one directory: none may write where another does.
/// `validateProjectedVolumeSource` and `validateProjectionSources`, pkg/apis/core/validation.
fn projected(node: &Node, rules: &Rules, path: &Path<'_>, causes: &mut Causes) {
    mode(node, "defaultMode", path, causes);
    let mut places = Names::default();
    let sources = path.child("sources");
    for (index, source) in list(node, "sources").iter().enumerate() {
        let item = sources.index(index);
        let mut count = 0;
        for field in ["secret", "configMap"] {
            let Some(part) = some(source, field) else { continue };
            count += 1;
            let item = item.child(field);
            need(part, &["name"], &item, causes);
            keys_to_paths(part, &item, causes);
            taken(part, &mut places, path, causes);
        }
        if let Some(part) = some(source, "downwardAPI") {
            count += 1;
            for file in list(part, "items") {
                downward_file(file, &item.child("downwardAPI"), causes);
            }
            taken(part, &mut places, path, causes);
        }
        if let Some(token) = some(source, "serviceAccountToken") {
            count += 1;
            service_account_token(token, rules, &item.child("serviceAccountToken"), path, causes);
        }
        if let Some(bundle) = some(source, "clusterTrustBundle") {
            count += 1;
            trust_bundle(bundle, &mut places, &item.child("clusterTrustBundle"), path, causes);
        }
        if let Some(certificate) = some(source, "podCertificate") {
            count += 1;
            pod_certificate(certificate, &mut places, &item.child("podCertificate"), path, causes);
        }
        if count > 1 {
            causes.forbidden(&item, "may not specify more than 1 volume type per source");
        }
    }
}

fn taken<'n>(part: &'n Node, places: &mut Names<'n>, path: &Path<'_>, causes: &mut Causes) {
    for item in list(part, "items") {
        let place = text(item, "path");
        if !place.is_empty() && !places.add(place) {
            causes.invalid(path, "conflicting duplicate paths");
        }
    }
}

/// The server names the volume in its answers about the path, not the source.
/// `validateProjectionSources`, pkg/apis/core/validation.
fn service_account_token(token: &Node, rules: &Rules, item: &Path<'_>, path: &Path<'_>, causes: &mut Causes) {
    let seconds = number(token, "expirationSeconds");
    let seconds_path = item.child("expirationSeconds");
    if seconds < 600 {
        causes.invalid(&seconds_path, "may not specify a duration less than 10 minutes");
    } else if seconds > 1 << 32 {
        causes.invalid(&seconds_path, "may not specify a duration larger than 2^32 seconds");
    }
    let place = text(token, "path");
    if place.is_empty() {
        causes.required(&path.child("path"), "");
    } else if !rules.faulty_token_paths {
        file_path::descending_file(place, &path.child("path"), causes);
    }
}

/// `clusterTrustBundle` of a projected volume, as `validateProjectionSources` goes through it.
fn trust_bundle<'n>(bundle: &'n Node, places: &mut Names<'n>, path: &Path<'_>, volume: &Path<'_>, causes: &mut Causes) {
    match (some(bundle, "name").and_then(Node::as_str), some(bundle, "signerName").and_then(Node::as_str)) {
        (Some(_), Some(_)) => causes.invalid(path, "only one of name and signerName may be used"),
        (Some(given), None) => {
            let path = path.child("name");
            if given.is_empty() {
                causes.required(&path, "must be a valid object name");
            }
            // A bundle of a signer is named after it: `example.com:foo:bundle`.
            let own = given.rsplit_once(':').map_or(given, |(_, own)| own);
            causes.each_invalid(&path, name::dns_subdomain(own));
        }
        (None, Some(signer)) => {
            let signer_path = path.child("signerName");
            if signer.is_empty() {
                causes.required(&signer_path, "must be a valid signer name");
            }
            signer_name(signer, &signer_path, causes);
            if let Some(labels) = some(bundle, "labelSelector") {
                selector::selector(Some(labels), &path.child("labelSelector"), causes);
            }
        }
        (None, None) => causes.required(path, "either name or signerName must be specified"),
    }
    if some(bundle, "name").is_some() && some(bundle, "signerName").is_none() && some(bundle, "labelSelector").is_some()
    {
        causes.invalid(&path.child("labelSelector"), "labelSelector must be unset if name is specified");
    }
    let place = text(bundle, "path");
    need(bundle, &["path"], path, causes);
    file_path::descending_file(place, &path.child("path"), causes);
    if !places.add(place) {
        causes.invalid(volume, "conflicting duplicate paths");
    }
}

/// `podCertificate` of a projected volume.
/// `validateProjectionSources`, pkg/apis/core/validation.
fn pod_certificate<'n>(
    certificate: &'n Node,
    places: &mut Names<'n>,
    path: &Path<'_>,
    volume: &Path<'_>,
    causes: &mut Causes,
) {
    const KEY_TYPES: [&str; 6] = ["RSA3072", "RSA4096", "ECDSAP256", "ECDSAP384", "ECDSAP521", "ED25519"];
    const DAY: i64 = 24 * 60 * 60;
    let signer = text(certificate, "signerName");
    signer_name(signer, &path.child("signerName"), causes);
    if !KEY_TYPES.contains(&text(certificate, "keyType")) {
        causes.not_supported(&path.child("keyType"), &KEY_TYPES);
    }
    if let Some(seconds) = some(certificate, "maxExpirationSeconds").and_then(Node::as_int) {
        let own = signer
            .split('/')
            .next()
            .is_some_and(|domain| domain == "kubernetes.io" || domain.ends_with(".kubernetes.io"));
        let most = if own { DAY } else { 91 * DAY };
        let path = path.child("maxExpirationSeconds");
        if seconds < 3600 {
            causes.invalid(&path, "if provided, maxExpirationSeconds must be >= 3600");
        }
        if seconds > most {
            causes.invalid(&path, format!("if provided, maxExpirationSeconds must be <= {most}"));
        }
    }
    let mut any = false;
    for field in ["credentialBundlePath", "keyPath", "certificateChainPath"] {
        let place = text(certificate, field);
        if place.is_empty() {
            continue;
        }
        any = true;
        file_path::descending_file(place, &path.child(field), causes);
        if !places.add(place) {
            causes.invalid(volume, "conflicting duplicate paths");
        }
    }
    if !any {
        causes.required(path, "specify at least one of credentialBundlePath, keyPath, and certificateChainPath");
    }
}

/// `example.com/signer-name`, as `ValidateSignerName` goes through it.
fn signer_name(signer: &str, path: &Path<'_>, causes: &mut Causes) {
    if signer.is_empty() {
        return causes.required(path, "");
    }
    let Some((domain, own)) = signer.split_once('/').filter(|(_, own)| !own.contains('/')) else {
        return causes.invalid(path, "must be a fully qualified domain and path of the form 'example.com/signer-name'");
    };
    if domain.len() > 253 {
        causes.too_long(path, 253);
    }
    if let Some(faults) = domain.split('.').map(name::dns_label).find(|faults| !faults.is_empty()) {
        causes.each_invalid(path, faults);
    }
    if !domain.contains('.') {
        causes.invalid(path, "should be a domain with at least two segments separated by dots");
    }
    if let Some(faults) = own.split('.').map(name::dns_subdomain).find(|faults| !faults.is_empty()) {
        causes.each_invalid(path, faults);
    }
}

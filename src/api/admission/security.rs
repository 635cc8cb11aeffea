//! Security contexts of pods and containers, and what may not be said on Windows.
//!
//! Follows `pkg/apis/core/validation/validation.go: ValidateSecurityContext, validatePodSpecSecurityContext`.

use super::cause::{Causes, Path, flag, list, some, text};
use super::file_path;
use super::names::Names;
use super::pod::Pod;
use super::pod_rules::CONTAINERS;
use crate::k8s::name;
use crate::k8s::version::Version;
use crate::value::Node;

/// `securityContext` of a pod.
/// `validatePodSpecSecurityContext`, pkg/apis/core/validation.
pub(crate) fn of_pod(pod: &Pod<'_>, path: &Path<'_>, causes: &mut Causes) {
    let Some(context) = some(pod.spec, "securityContext") else { return };
    for field in ["fsGroup", "runAsUser", "runAsGroup"] {
        number_of_user(context, field, path, causes);
    }
    let groups = path.child("supplementalGroups");
    for (index, group) in list(context, "supplementalGroups").iter().enumerate() {
        causes.each_invalid(&groups.index(index), name::user_id(group.as_int().unwrap_or_default()));
    }
    if pod.rules.version < SHARES_IN_SPEC {
        shared_processes(pod, path, causes);
    }
    sysctls(context, pod, &path.child("sysctls"), causes);
    choice(context, "fsGroupChangePolicy", &["Always", "OnRootMismatch"], path, causes);
    profiles(context, path, causes);
    choice(context, "supplementalGroupsPolicy", &["Merge", "Strict"], path, causes);
    let policies: &[&str] =
        if pod.rules.recursive_labels_only { &["Recursive"] } else { &["MountOption", "Recursive"] };
    choice(context, "seLinuxChangePolicy", policies, path, causes);
}

/// The first version whose server looks for the sharing of processes where manifests say it
/// (`validateShareProcessNamespace`), not in the security context that held it inside.
const SHARES_IN_SPEC: Version = Version::minor(37);

/// The processes of a pod cannot be shared among its containers and with its host.
/// `validatePodSpecSecurityContext`, pkg/apis/core/validation.
pub(crate) fn shared_in_spec(pod: &Pod<'_>, path: &Path<'_>, causes: &mut Causes) {
    if pod.rules.version >= SHARES_IN_SPEC {
        shared_processes(pod, path, causes);
    }
}

/// `validatePodSpecSecurityContext`, pkg/apis/core/validation.
fn shared_processes(pod: &Pod<'_>, path: &Path<'_>, causes: &mut Causes) {
    if flag(pod.spec, "shareProcessNamespace") && flag(pod.spec, "hostPID") {
        causes
            .invalid(&path.child("shareProcessNamespace"), "ShareProcessNamespace and HostPID cannot both be enabled");
    }
}

/// `securityContext` of a container.
/// `ValidateSecurityContext`, pkg/apis/core/validation.
pub(crate) fn of_container(container: &Node, pod: &Pod<'_>, path: &Path<'_>, causes: &mut Causes) {
    let Some(context) = some(container, "securityContext") else { return };
    number_of_user(context, "runAsUser", path, causes);
    number_of_user(context, "runAsGroup", path, causes);
    if let Some(mount) = some(context, "procMount") {
        let mount = mount.as_str().unwrap_or_default();
        causes.one_of(mount, &["Default", "Unmasked"], &path.child("procMount"));
        if mount == "Unmasked" && pod.host_users {
            causes.invalid(&path.child("procMount"), "`hostUsers` must be false to use `Unmasked`");
        }
    }
    if context.get("allowPrivilegeEscalation").and_then(Node::as_bool) == Some(false) {
        if flag(context, "privileged") {
            causes.invalid(path, "cannot set `allowPrivilegeEscalation` to false and `privileged` to true");
        }
        let added = context.get("capabilities").map(|capabilities| list(capabilities, "add")).unwrap_or_default();
        let refused =
            added.iter().filter(|capability| capability.as_str() == Some("CAP_SYS_ADMIN") && !pod.rules.unraised_admin);
        for _ in refused {
            causes.invalid(path, "cannot set `allowPrivilegeEscalation` to false and `capabilities.Add` CAP_SYS_ADMIN");
        }
    }
    profiles(context, path, causes);
}

/// Whether a container adds `CAP_SYS_ADMIN` and may not raise its privileges.
#[must_use]
pub(crate) fn is_unraised_admin(container: &Node) -> bool {
    let Some(context) = some(container, "securityContext") else { return false };
    let added = context.get("capabilities").map(|capabilities| list(capabilities, "add")).unwrap_or_default();
    context.get("allowPrivilegeEscalation").and_then(Node::as_bool) != Some(true)
        && added.iter().any(|capability| capability.as_str() == Some("CAP_SYS_ADMIN"))
}

/// What a pod says of the operating system must fit to the rest.
/// `validateOS` and `validateLinux`, pkg/apis/core/validation.
pub(crate) fn operating_system(pod: &Pod<'_>, path: &Path<'_>, causes: &mut Causes) {
    let Some(system) = some(pod.spec, "os") else { return };
    let system_path = path.child("os");
    match text(system, "name") {
        "" => causes.required(&system_path.child("name"), ""),
        "linux" => each_context(pod.spec, path, |context, path| {
            if some(context, "windowsOptions").is_some() {
                causes.forbidden(&path.child("windowsOptions"), "windows options cannot be set for a linux pod");
            }
        }),
        "windows" => not_on_windows(pod.spec, path, causes),
        _ => causes.not_supported(&system_path, &["linux", "windows"]),
    }
}

/// Windows containers that run on the host: all or none of them.
/// `validateWindowsHostProcessPod`, pkg/apis/core/validation.
pub(crate) fn host_process(pod: &Pod<'_>, path: &Path<'_>, causes: &mut Causes) {
    let of = |node: &Node| node.find(&["securityContext", "windowsOptions", "hostProcess"]).and_then(Node::as_bool);
    let whole = of(pod.spec);
    let (mut count, mut on_host) = (0, 0);
    for kind in CONTAINERS {
        let path = path.child(kind);
        for (index, container) in list(pod.spec, kind).iter().enumerate() {
            count += 1;
            let own = of(container);
            if let (Some(whole), Some(own)) = (whole, own)
                && whole != own
            {
                let path = path.index(index);
                causes.invalid(
                    &path.child("securityContext.windowsOptions.hostProcess"),
                    format!("pod hostProcess value must be identical if both are specified, was {whole}"),
                );
            }
            on_host += usize::from(own.or(whole) == Some(true));
        }
    }
    if on_host == 0 {
        return;
    }
    if on_host != count {
        causes.invalid(
            path,
            "If pod contains any hostProcess containers then all containers must be HostProcess containers",
        );
    }
    if !flag(pod.spec, "hostNetwork") {
        causes
            .invalid(&path.child("hostNetwork"), "hostNetwork must be true if pod contains any hostProcess containers");
    }
}

/// A pod in a user namespace of its own cannot share other namespaces with its host.
/// `validateHostUsers`, pkg/apis/core/validation.
pub(crate) fn user_namespace(pod: &Pod<'_>, path: &Path<'_>, causes: &mut Causes) {
    if pod.host_users {
        return;
    }
    let words = "when `hostUsers` is false";
    if flag(pod.spec, "hostNetwork") && !pod.rules.user_namespace_network {
        causes.forbidden(&path.child("hostNetwork"), words);
    }
    for (field, word) in [("hostPID", "HostPID"), ("hostIPC", "HostIPC")] {
        if flag(pod.spec, field) {
            causes.forbidden(&path.child(word), words);
        }
    }
    if pod.rules.user_namespace_devices {
        return;
    }
    for kind in CONTAINERS {
        let path = path.child(kind);
        for (index, container) in list(pod.spec, kind).iter().enumerate() {
            if !list(container, "volumeDevices").is_empty() {
                causes.forbidden(&path.index(index).child("volumeDevices"), words);
            }
        }
    }
}

/// Whether a kernel setting belongs to a namespace that the pod shares with its host.
#[must_use]
pub(crate) fn is_shared(spec: &Node, setting: &str) -> bool {
    sharing(spec, setting).is_some()
}

const NOT_ON_WINDOWS_POD: [&str; 11] = [
    "appArmorProfile",
    "seLinuxOptions",
    "seccompProfile",
    "fsGroup",
    "fsGroupChangePolicy",
    "sysctls",
    "runAsUser",
    "runAsGroup",
    "supplementalGroups",
    "supplementalGroupsPolicy",
    "seLinuxChangePolicy",
];
const NOT_ON_WINDOWS_CONTAINER: [&str; 10] = [
    "appArmorProfile",
    "seLinuxOptions",
    "seccompProfile",
    "capabilities",
    "readOnlyRootFilesystem",
    "privileged",
    "allowPrivilegeEscalation",
    "procMount",
    "runAsUser",
    "runAsGroup",
];

/// `validateWindows`, pkg/apis/core/validation.
fn not_on_windows(spec: &Node, path: &Path<'_>, causes: &mut Causes) {
    let words = "cannot be set for a windows pod";
    for field in ["hostUsers", "shareProcessNamespace"] {
        if some(spec, field).is_some() {
            causes.forbidden(&path.child(field), words);
        }
    }
    for field in ["hostPID", "hostIPC"] {
        if flag(spec, field) {
            causes.forbidden(&path.child(field), words);
        }
    }
    if let Some(context) = some(spec, "securityContext") {
        let path = path.child("securityContext");
        for field in NOT_ON_WINDOWS_POD {
            let set =
                if field == "sysctls" { !list(context, field).is_empty() } else { some(context, field).is_some() };
            if set {
                causes.forbidden(&path.child(field), words);
            }
        }
    }
    each_container_context(spec, path, |context, path| {
        for field in NOT_ON_WINDOWS_CONTAINER {
            if some(context, field).is_some() {
                causes.forbidden(&path.child(field), words);
            }
        }
    });
}

fn each_context(spec: &Node, path: &Path<'_>, mut visit: impl FnMut(&Node, &Path<'_>)) {
    if let Some(context) = some(spec, "securityContext") {
        visit(context, &path.child("securityContext"));
    }
    each_container_context(spec, path, visit);
}

fn each_container_context(spec: &Node, path: &Path<'_>, mut visit: impl FnMut(&Node, &Path<'_>)) {
    for kind in CONTAINERS {
        let path = path.child(kind);
        for (index, container) in list(spec, kind).iter().enumerate() {
            if let Some(context) = some(container, "securityContext") {
                visit(context, &path.index(index).child("securityContext"));
            }
        }
    }
}

fn number_of_user(context: &Node, field: &str, path: &Path<'_>, causes: &mut Causes) {
    if let Some(number) = context.get(field).and_then(Node::as_int) {
        causes.each_invalid(&path.child(field), name::user_id(number));
    }
}

/// `validateFSGroupChangePolicy` and `validateSupplementalGroupsPolicy`, pkg/apis/core/validation.
fn choice(context: &Node, field: &str, known: &[&str], path: &Path<'_>, causes: &mut Causes) {
    if let Some(value) = some(context, field) {
        causes.one_of(value.as_str().unwrap_or_default(), known, &path.child(field));
    }
}

/// What contexts of pods and containers have in common.
fn profiles(context: &Node, path: &Path<'_>, causes: &mut Causes) {
    if let Some(profile) = some(context, "seccompProfile") {
        seccomp(profile, &path.child("seccompProfile"), causes);
    }
    if let Some(options) = some(context, "windowsOptions") {
        windows_options(options, &path.child("windowsOptions"), causes);
    }
    if let Some(profile) = some(context, "appArmorProfile") {
        app_armor(profile, &path.child("appArmorProfile"), causes);
    }
}

const PROFILE_TYPES: [&str; 3] = ["Localhost", "RuntimeDefault", "Unconfined"];

/// `validateSeccompProfileField` and `validateSeccompProfileType`, pkg/apis/core/validation.
fn seccomp(profile: &Node, path: &Path<'_>, causes: &mut Causes) {
    let kind = text(profile, "type");
    if kind.is_empty() {
        causes.required(&path.child("type"), "type is required when seccompProfile is set");
    } else {
        causes.one_of(kind, &PROFILE_TYPES, &path.child("type"));
    }
    let file_path = path.child("localhostProfile");
    match (kind == "Localhost", some(profile, "localhostProfile")) {
        (true, None) => causes.required(&file_path, "must be set when seccomp type is Localhost"),
        (true, Some(file)) => file_path::descending(file.as_str().unwrap_or_default(), &file_path, causes),
        (false, Some(_)) => causes.invalid(&file_path, "can only be set when seccomp type is Localhost"),
        (false, None) => {}
    }
}

/// `ValidateAppArmorProfileField`, pkg/apis/core/validation.
fn app_armor(profile: &Node, path: &Path<'_>, causes: &mut Causes) {
    let file_path = path.child("localhostProfile");
    let file = some(profile, "localhostProfile").map(|file| file.as_str().unwrap_or_default());
    match (text(profile, "type"), file) {
        ("Localhost", None) => causes.required(&file_path, "must be set when AppArmor type is Localhost"),
        ("Localhost", Some(file)) => {
            if file.trim() != file {
                causes.invalid(&file_path, "must not be padded with whitespace");
            } else if file.is_empty() {
                causes.required(&file_path, "must be set when AppArmor type is Localhost");
            }
            if file.len() > 4095 {
                causes.too_long(&file_path, 4095);
            }
        }
        ("RuntimeDefault" | "Unconfined", Some(_)) => {
            causes.invalid(&file_path, "can only be set when AppArmor type is Localhost");
        }
        ("RuntimeDefault" | "Unconfined", None) => {}
        ("", _) => causes.required(&path.child("type"), "type is required when appArmorProfile is set"),
        _ => causes.not_supported(&path.child("type"), &PROFILE_TYPES),
    }
}

/// `validateSysctls`, pkg/apis/core/validation.
fn sysctls(context: &Node, pod: &Pod<'_>, path: &Path<'_>, causes: &mut Causes) {
    let mut names = Names::default();
    for (index, setting) in list(context, "sysctls").iter().enumerate() {
        let item = path.index(index);
        let path = item.child("name");
        let given = text(setting, "name");
        let new = names.add(given);
        if given.is_empty() {
            causes.required(&path, "");
        } else if !is_setting(given) {
            causes.invalid(
                &path,
                "must have at most 253 characters and match regex \
                    ^([a-z0-9]([-_a-z0-9]*[a-z0-9])?[\\./])*[a-z0-9]([-_a-z0-9]*[a-z0-9])?$",
            );
        } else if !new {
            causes.duplicate(&path);
        }
        if let Some(field) = sharing(pod.spec, given).filter(|_| !pod.rules.shared_sysctls) {
            causes.invalid(&path, format!("may not be specified when '{field}' is true"));
        }
    }
}

fn is_setting(name: &str) -> bool {
    let inner = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let segment = |part: &str| match part.as_bytes() {
        [] => false,
        [only] => inner(*only),
        [first, middle @ .., last] => {
            inner(*first) && inner(*last) && middle.iter().all(|byte| inner(*byte) || matches!(byte, b'-' | b'_'))
        }
    };
    name.len() <= 253 && name.split(['.', '/']).all(segment)
}

/// The field by which the pod shares the namespace of a kernel setting with its host.
fn sharing(spec: &Node, setting: &str) -> Option<&'static str> {
    // Where the first separator is a slash, slashes and dots have each other's meaning.
    let swapped = setting.find(['.', '/']).is_some_and(|first| setting.as_bytes()[first] == b'/');
    let turned: String;
    let name = if swapped {
        turned = setting
            .chars()
            .map(|letter| match letter {
                '/' => '.',
                '.' => '/',
                other => other,
            })
            .collect();
        turned.as_str()
    } else {
        setting
    };
    let between_processes = name == "kernel.sem"
        || ["kernel.shm", "kernel.msg", "fs.mqueue."].iter().any(|prefix| name.starts_with(prefix));
    match () {
        () if name.starts_with("net.") && flag(spec, "hostNetwork") => Some("hostNetwork"),
        () if between_processes && flag(spec, "hostIPC") => Some("hostIPC"),
        () => None,
    }
}

/// `validateWindowsSecurityContextOptions`, pkg/apis/core/validation.
fn windows_options(options: &Node, path: &Path<'_>, causes: &mut Causes) {
    if let Some(given) = some(options, "gmsaCredentialSpecName") {
        causes.each_invalid(
            &path.child("gmsaCredentialSpecName"),
            name::dns_subdomain(given.as_str().unwrap_or_default()),
        );
    }
    if let Some(given) = some(options, "gmsaCredentialSpec") {
        let path = path.child("gmsaCredentialSpec");
        match given.as_str().unwrap_or_default().len() {
            0 => causes.invalid(&path, "gmsaCredentialSpec cannot be an empty string"),
            65_537.. => causes.invalid(&path, "gmsaCredentialSpec size must be under 64 KiB"),
            _ => {}
        }
    }
    if let Some(given) = some(options, "runAsUserName") {
        windows_user(given.as_str().unwrap_or_default(), &path.child("runAsUserName"), causes);
    }
}

/// `validateWindowsSecurityContextOptions`, pkg/apis/core/validation.
fn windows_user(given: &str, path: &Path<'_>, causes: &mut Causes) {
    if given.is_empty() {
        return causes.invalid(path, "runAsUserName cannot be an empty string");
    }
    if given.bytes().any(|byte| byte.is_ascii_control()) {
        return causes.invalid(path, "runAsUserName cannot contain control characters");
    }
    if given.matches('\\').count() > 1 {
        return causes.invalid(path, "runAsUserName cannot contain more than one backslash");
    }
    let (domain, user) = given.split_once('\\').map_or((None, given), |(domain, user)| (Some(domain), user));
    if let Some(domain) = domain {
        if domain.len() >= 256 {
            causes.invalid(path, "runAsUserName's Domain length must be under 256 characters");
        }
        if !is_net_bios(domain) && !is_windows_domain(domain) {
            causes.invalid(path, "runAsUserName's Domain doesn't match the NetBios nor the DNS format");
        }
    }
    if user.is_empty() {
        causes.invalid(path, "runAsUserName's User cannot be empty");
    } else if user.len() > 104 {
        causes.invalid(path, "runAsUserName's User length must not be longer than 104 characters");
    }
    if !user.is_empty() && user.bytes().all(|byte| matches!(byte, b'.' | b' ')) {
        causes.invalid(path, "runAsUserName's User cannot contain only periods or spaces");
    }
    if user.contains(['"', '/', '\\', ':', ';', '|', '=', ',', '+', '*', '?', '<', '>', '@', '[', ']']) {
        causes.invalid(path, "runAsUserName's User cannot contain the following characters: \"/\\:;|=,+*?<>@[]");
    }
}

fn is_net_bios(domain: &str) -> bool {
    let count = domain.chars().count();
    (1..=15).contains(&count)
        && !domain.starts_with('.')
        && !domain.contains(['\\', '/', ':', '*', '?', '"', '<', '>', '|'])
}

fn is_windows_domain(domain: &str) -> bool {
    domain.split('.').all(|label| {
        (1..=63).contains(&label.len())
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
    })
}

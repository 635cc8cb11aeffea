//! The Pod Security Standards, rule by rule: what each finds in a pod, in its own words. Knows no namespace.
//! k8s.io/pod-security-admission/policy; each function there is named `check_…`.

use crate::cluster::store::text;
use crate::k8s::version::Version;
use crate::value::Node;
use std::collections::BTreeSet;

/// What a pod does that the standard of a version forbids; nothing if it does nothing of the kind. Those of `baseline`
/// first, each part by name.
pub(super) fn violations(pod: &Node, restricted: bool, version: Version) -> Vec<String> {
    let nothing = Node::null(pod.at);
    let spec = pod.get("spec").unwrap_or(&nothing);
    let pod = Pod { spec, annotations: pod.find(&["metadata", "annotations"]), version };
    let all: [(bool, Found); 19] = [
        (true, pod.app_armor()),
        (!(restricted && version >= minor(22)), pod.capabilities()),
        (true, pod.host_namespaces()),
        (!restricted, pod.host_paths()),
        (true, pod.host_ports()),
        (version >= minor(34), pod.host_probes()),
        (true, pod.privileged()),
        (!(restricted && version >= minor(35)), pod.proc_mount(true)),
        (true, pod.se_linux()),
        (!(restricted && version >= minor(19)), pod.seccomp()),
        (true, pod.sysctls()),
        (true, pod.windows_host_process()),
        (restricted && version >= minor(8), pod.privilege_escalation()),
        (restricted && version >= minor(22), pod.restricted_capabilities()),
        (restricted && version >= minor(35), pod.proc_mount(false)),
        (restricted, pod.volumes()),
        (restricted, pod.non_root()),
        (restricted && version >= minor(23), pod.user()),
        (restricted && version >= minor(19), pod.restricted_seccomp()),
    ];
    let found = all.into_iter().filter(|(applies, _)| *applies).filter_map(|(_, found)| found);
    found
        .map(|(reason, detail)| if detail.is_empty() { reason.to_owned() } else { format!("{reason} ({detail})") })
        .collect()
}

const fn minor(minor: u8) -> Version {
    Version::minor(minor)
}

/// What it is called, and where it is.
type Found = Option<(&'static str, String)>;

struct Pod<'p> {
    spec: &'p Node,
    annotations: Option<&'p Node>,
    version: Version,
}

impl<'p> Pod<'p> {
    /// Init containers first, then those that stay, then those for debugging: `visitContainers`.
    fn containers(&self) -> impl Iterator<Item = &'p Node> {
        let spec = self.spec;
        ["initContainers", "containers", "ephemeralContainers"]
            .into_iter()
            .filter_map(|list| spec.get(list))
            .flat_map(Node::items)
    }

    /// A field of the security context of the pod.
    fn own(&self, path: &[&str]) -> Option<&'p Node> {
        self.spec.get("securityContext")?.find(path).filter(|value| !value.is_null())
    }

    /// The names of containers that are so.
    fn those(&self, mut so: impl FnMut(&'p Node) -> bool) -> Vec<&'p str> {
        self.containers().filter(|container| so(container)).map(|container| text(container, &["name"])).collect()
    }

    fn is_windows(&self) -> bool {
        self.version >= minor(25) && text(self.spec, &["os", "name"]) == "windows"
    }

    /// Whether its users are not those of its node.
    fn has_own_users(&self) -> bool {
        self.version >= minor(35) && self.spec.get("hostUsers").and_then(Node::as_bool) == Some(false)
    }

    // ---- baseline
    /// `CheckAppArmorProfile`, k8s.io/pod-security-admission/policy.
    fn app_armor(&self) -> Found {
        const KEY: &str = "container.apparmor.security.beta.kubernetes.io/";
        let mut values = BTreeSet::new();
        let mut is_bad = |value: Option<&Node>| {
            let kind = value.map(|value| text(value, &["type"]))?;
            (!matches!(kind, "RuntimeDefault" | "Localhost")).then(|| values.insert(kind.to_owned()))
        };
        let mut setters = Vec::new();
        if is_bad(self.own(&["appArmorProfile"])).is_some() {
            setters.push("pod".to_owned());
        }
        setters.extend(containers(&self.those(|container| is_bad(context(container, &["appArmorProfile"])).is_some())));
        let annotations = self.annotations.into_iter().flat_map(Node::entries);
        let mut forbidden: Vec<String> = annotations
            .filter_map(|(key, value)| Some((key.name.as_str(), value.as_str()?)))
            .filter(|(key, value)| {
                key.starts_with(KEY)
                    && !(value.is_empty() || *value == "runtime/default" || value.starts_with("localhost/"))
            })
            .map(|(key, value)| format!("{key}={value:?}"))
            .collect();
        let mut values: Vec<String> = values.into_iter().collect();
        if !forbidden.is_empty() {
            forbidden.sort();
            setters.push(plural(&["annotation", "annotations"], forbidden.len()).to_owned());
            values.extend(forbidden);
        }
        let reason = plural(&["forbidden AppArmor profile", "forbidden AppArmor profiles"], values.len());
        found(!setters.is_empty(), reason, || {
            format!("{} must not set AppArmor profile type to {}", setters.join(" and "), quoted(&values))
        })
    }

    /// `CheckCapabilitiesBaseline`, k8s.io/pod-security-admission/policy.
    fn capabilities(&self) -> Found {
        const ALLOWED: [&str; 13] = [
            "AUDIT_WRITE",
            "CHOWN",
            "DAC_OVERRIDE",
            "FOWNER",
            "FSETID",
            "KILL",
            "MKNOD",
            "NET_BIND_SERVICE",
            "SETFCAP",
            "SETGID",
            "SETPCAP",
            "SETUID",
            "SYS_CHROOT",
        ];
        let mut bad = BTreeSet::new();
        let those = self.those(|container| {
            let before = bad.len();
            let added = capabilities(container, "add").filter(|name| !ALLOWED.contains(name));
            let count = added.map(|name| bad.insert(name)).count();
            count > 0 || bad.len() > before
        });
        let names: Vec<&str> = bad.into_iter().collect();
        of_containers(&those, "non-default capabilities", || {
            format!("must not include {} in securityContext.capabilities.add", quoted(&names))
        })
    }

    /// `CheckHostNamespaces`, k8s.io/pod-security-admission/policy.
    fn host_namespaces(&self) -> Found {
        let is_on = |field: &&str| self.spec.get(field).and_then(Node::as_bool) == Some(true);
        let shared: Vec<String> = ["hostNetwork", "hostPID", "hostIPC"]
            .iter()
            .filter(|field| is_on(field))
            .map(|field| format!("{field}=true"))
            .collect();
        found(!shared.is_empty(), "host namespaces", || shared.join(", "))
    }

    /// `CheckHostPathVolumes`, k8s.io/pod-security-admission/policy.
    fn host_paths(&self) -> Found {
        let volumes = self.spec.get("volumes").into_iter().flat_map(Node::items);
        let names: Vec<&str> =
            volumes.filter(|volume| is_set(volume, "hostPath")).map(|volume| text(volume, &["name"])).collect();
        found(!names.is_empty(), "hostPath volumes", || {
            format!("{} {}", plural(&["volume", "volumes"], names.len()), quoted(&names))
        })
    }

    /// `CheckHostPorts`, k8s.io/pod-security-admission/policy.
    fn host_ports(&self) -> Found {
        let mut ports = BTreeSet::new();
        let those = self.those(|container| {
            let stated = container.get("ports").into_iter().flat_map(Node::items);
            let bad = stated.filter_map(|port| port.get("hostPort")?.as_int()).filter(|port| *port != 0);
            bad.map(|port| ports.insert(port.to_string())).count() > 0
        });
        let ports: Vec<String> = ports.into_iter().collect();
        of_containers(&those, "hostPort", || {
            let verb = plural(&["uses", "use"], those.len());
            format!("{verb} {} {}", plural(&["hostPort", "hostPorts"], ports.len()), ports.join(", "))
        })
    }

    /// `CheckHostProbesAndHostLifecycle`, k8s.io/pod-security-admission/policy.
    fn host_probes(&self) -> Found {
        const PLACES: [&[&str]; 5] = [
            &["livenessProbe"],
            &["readinessProbe"],
            &["startupProbe"],
            &["lifecycle", "postStart"],
            &["lifecycle", "preStop"],
        ];
        let mut hosts = BTreeSet::new();
        let those = self.those(|container| {
            let handlers = PLACES.iter().filter_map(|path| container.find(path));
            let named = handlers.flat_map(|handler| ["httpGet", "tcpSocket"].map(|how| text(handler, &[how, "host"])));
            named.filter(|host| !host.is_empty()).map(|host| hosts.insert(host)).count() > 0
        });
        let those: Vec<&str> = those.into_iter().collect::<BTreeSet<_>>().into_iter().collect();
        let hosts: Vec<&str> = hosts.into_iter().collect();
        of_containers(&those, "probe or lifecycle host", || {
            let what = plural(&["probe or lifecycle host", "probe or lifecycle hosts"], hosts.len());
            format!("{} {what} {}", plural(&["uses", "use"], those.len()), quoted(&hosts))
        })
    }

    /// `CheckPrivileged`, k8s.io/pod-security-admission/policy.
    fn privileged(&self) -> Found {
        let those = self.those(|container| flag(container, &["privileged"]) == Some(true));
        of_containers(&those, "privileged", || "must not set securityContext.privileged=true".to_owned())
    }

    /// `CheckProcMountBaseline` and `CheckProcMountRestricted`, k8s.io/pod-security-admission/policy.
    fn proc_mount(&self, relaxed: bool) -> Found {
        if relaxed && self.has_own_users() {
            return None;
        }
        let mut kinds = BTreeSet::new();
        let those = self.those(|container| {
            let stated = context(container, &["procMount"]).and_then(Node::as_str).filter(|kind| *kind != "Default");
            stated.map(|kind| kinds.insert(kind)).is_some()
        });
        let kinds: Vec<&str> = kinds.into_iter().collect();
        of_containers(&those, "procMount", || format!("must not set securityContext.procMount to {}", quoted(&kinds)))
    }

    /// `CheckSELinuxOptions`, k8s.io/pod-security-admission/policy.
    fn se_linux(&self) -> Found {
        let (mut types, mut user, mut role) = (BTreeSet::new(), false, false);
        let allows_engine = self.version >= minor(31);
        let mut is_bad = |options: Option<&'p Node>| {
            let Some(options) = options else { return false };
            let kind = text(options, &["type"]);
            let allowed = matches!(kind, "" | "container_t" | "container_init_t" | "container_kvm_t")
                || (allows_engine && kind == "container_engine_t");
            if !allowed {
                types.insert(kind);
            }
            let (sets_user, sets_role) = (!text(options, &["user"]).is_empty(), !text(options, &["role"]).is_empty());
            user |= sets_user;
            role |= sets_role;
            !allowed || sets_user || sets_role
        };
        let mut setters = Vec::new();
        if is_bad(self.own(&["seLinuxOptions"])) {
            setters.push("pod".to_owned());
        }
        setters.extend(containers(&self.those(|container| is_bad(context(container, &["seLinuxOptions"])))));
        let types: Vec<&str> = types.into_iter().collect();
        let mut data = Vec::new();
        if !types.is_empty() {
            data.push(format!("{} {}", plural(&["type", "types"], types.len()), quoted(&types)));
        }
        data.extend(user.then(|| "user may not be set".to_owned()));
        data.extend(role.then(|| "role may not be set".to_owned()));
        found(!setters.is_empty(), "seLinuxOptions", || {
            format!("{} set forbidden securityContext.seLinuxOptions: {}", setters.join(" and "), data.join("; "))
        })
    }

    /// `CheckSeccompBaseline`, k8s.io/pod-security-admission/policy.
    fn seccomp(&self) -> Found {
        if self.version < minor(19) {
            return self.seccomp_annotations();
        }
        let (setters, values, _) = self.seccomp_setters();
        found(!setters.is_empty(), "seccompProfile", || bad_seccomp(&setters, &values))
    }

    fn seccomp_annotations(&self) -> Found {
        let mut forbidden = BTreeSet::new();
        let mut look = |key: String| {
            let value = self.annotations.and_then(|annotations| annotations.get(&key)?.as_str());
            if let Some(value) = value.filter(|value| {
                !(matches!(*value, "runtime/default" | "docker/default") || value.starts_with("localhost/"))
            }) {
                forbidden.insert(format!("{key}={value:?}"));
            }
        };
        look("seccomp.security.alpha.kubernetes.io/pod".to_owned());
        self.containers().for_each(|container| {
            look(format!("container.seccomp.security.alpha.kubernetes.io/{}", text(container, &["name"])));
        });
        let forbidden: Vec<String> = forbidden.into_iter().collect();
        found(!forbidden.is_empty(), "seccompProfile", || {
            format!("forbidden {} {}", plural(&["annotation", "annotations"], forbidden.len()), forbidden.join(", "))
        })
    }

    /// Who sets a profile that is forbidden, which those are, and the containers for which nobody sets one.
    fn seccomp_setters(&self) -> (Vec<String>, Vec<&'p str>, Vec<&'p str>) {
        let mut values = BTreeSet::new();
        let is_good = |profile: &Node| matches!(text(profile, &["type"]), "RuntimeDefault" | "Localhost");
        let own = self.own(&["seccompProfile"]);
        let mut setters = Vec::new();
        if let Some(profile) = own.filter(|profile| !is_good(profile)) {
            setters.push("pod".to_owned());
            values.insert(text(profile, &["type"]));
        }
        let is_covered = own.is_some_and(is_good);
        let explicit = self.those(|container| {
            let bad = context(container, &["seccompProfile"]).filter(|profile| !is_good(profile));
            bad.map(|profile| values.insert(text(profile, &["type"]))).is_some()
        });
        setters.extend(containers(&explicit));
        let implicit = self.those(|container| !is_covered && context(container, &["seccompProfile"]).is_none());
        (setters, values.into_iter().collect(), implicit)
    }

    /// `CheckSysctls`, k8s.io/pod-security-admission/policy.
    fn sysctls(&self) -> Found {
        const ALLOWED: [(u8, &[&str]); 4] = [
            (
                0,
                &[
                    "kernel.shm_rmid_forced",
                    "net.ipv4.ip_local_port_range",
                    "net.ipv4.tcp_syncookies",
                    "net.ipv4.ping_group_range",
                    "net.ipv4.ip_unprivileged_port_start",
                ],
            ),
            (27, &["net.ipv4.ip_local_reserved_ports"]),
            (
                29,
                &[
                    "net.ipv4.tcp_keepalive_time",
                    "net.ipv4.tcp_fin_timeout",
                    "net.ipv4.tcp_keepalive_intvl",
                    "net.ipv4.tcp_keepalive_probes",
                ],
            ),
            (32, &["net.ipv4.tcp_rmem", "net.ipv4.tcp_wmem"]),
        ];
        let is_allowed =
            |name: &str| ALLOWED.iter().any(|(since, names)| self.version >= minor(*since) && names.contains(&name));
        let stated = self.own(&["sysctls"]).into_iter().flat_map(Node::items).map(|sysctl| text(sysctl, &["name"]));
        let forbidden: Vec<&str> = stated.filter(|name| !is_allowed(name)).collect();
        found(!forbidden.is_empty(), "forbidden sysctls", || forbidden.join(", "))
    }

    /// `CheckWindowsHostProcess`, k8s.io/pod-security-admission/policy.
    fn windows_host_process(&self) -> Found {
        const PATH: [&str; 2] = ["windowsOptions", "hostProcess"];
        let mut setters = Vec::new();
        if self.own(&PATH).and_then(Node::as_bool) == Some(true) {
            setters.push("pod".to_owned());
        }
        setters.extend(containers(&self.those(|container| flag(container, &PATH) == Some(true))));
        found(!setters.is_empty(), "hostProcess", || {
            format!("{} must not set securityContext.windowsOptions.hostProcess=true", setters.join(" and "))
        })
    }

    // ---- restricted
    /// `CheckAllowPrivilegeEscalation`, k8s.io/pod-security-admission/policy.
    fn privilege_escalation(&self) -> Found {
        if self.is_windows() {
            return None;
        }
        let those = self.those(|container| flag(container, &["allowPrivilegeEscalation"]) != Some(false));
        of_containers(&those, "allowPrivilegeEscalation != false", || {
            "must set securityContext.allowPrivilegeEscalation=false".to_owned()
        })
    }

    /// `CheckCapabilitiesRestricted`, k8s.io/pod-security-admission/policy.
    fn restricted_capabilities(&self) -> Found {
        if self.is_windows() {
            return None;
        }
        let missing = self.those(|container| !capabilities(container, "drop").any(|name| name == "ALL"));
        let mut bad = BTreeSet::new();
        let adding = self.those(|container| {
            let added = capabilities(container, "add").filter(|name| *name != "NET_BIND_SERVICE");
            added.map(|name| bad.insert(name)).count() > 0
        });
        let bad: Vec<&str> = bad.into_iter().collect();
        let mut details = Vec::new();
        details.extend(
            containers(&missing).map(|those| format!("{those} must set securityContext.capabilities.drop=[\"ALL\"]")),
        );
        details.extend(
            containers(&adding)
                .map(|those| format!("{those} must not include {} in securityContext.capabilities.add", quoted(&bad))),
        );
        found(!details.is_empty(), "unrestricted capabilities", || details.join("; "))
    }

    /// `CheckRestrictedVolumes`, k8s.io/pod-security-admission/policy.
    fn volumes(&self) -> Found {
        const ALLOWED: [&str; 9] = [
            "configMap",
            "csi",
            "downwardAPI",
            "emptyDir",
            "ephemeral",
            "image",
            "persistentVolumeClaim",
            "projected",
            "secret",
        ];
        const FORBIDDEN: [&str; 21] = [
            "hostPath",
            "gcePersistentDisk",
            "awsElasticBlockStore",
            "gitRepo",
            "nfs",
            "iscsi",
            "glusterfs",
            "rbd",
            "flexVolume",
            "cinder",
            "cephfs",
            "flocker",
            "fc",
            "azureFile",
            "vsphereVolume",
            "quobyte",
            "azureDisk",
            "photonPersistentDisk",
            "portworxVolume",
            "scaleIO",
            "storageos",
        ];
        let all = self.spec.get("volumes").into_iter().flat_map(Node::items);
        let bad: Vec<&Node> = all.filter(|volume| !ALLOWED.iter().any(|kind| is_set(volume, kind))).collect();
        let names: Vec<&str> = bad.iter().map(|volume| text(volume, &["name"])).collect();
        let kind = |volume: &&Node| FORBIDDEN.iter().find(|kind| is_set(volume, kind)).copied().unwrap_or("unknown");
        let kinds: Vec<&str> = bad.iter().map(kind).collect::<BTreeSet<_>>().into_iter().collect();
        found(!names.is_empty(), "restricted volume types", || {
            format!(
                "{} {} {} {} {}",
                plural(&["volume", "volumes"], names.len()),
                quoted(&names),
                plural(&["uses", "use"], names.len()),
                plural(&["restricted volume type", "restricted volume types"], kinds.len()),
                quoted(&kinds)
            )
        })
    }

    /// `CheckRunAsNonRoot`, k8s.io/pod-security-admission/policy.
    fn non_root(&self) -> Found {
        const REASON: &str = "runAsNonRoot != true";
        if self.has_own_users() {
            return None;
        }
        let own = self.own(&["runAsNonRoot"]).and_then(Node::as_bool);
        let mut setters = Vec::new();
        setters.extend((own == Some(false)).then(|| "pod".to_owned()));
        setters.extend(containers(&self.those(|container| flag(container, &["runAsNonRoot"]) == Some(false))));
        if !setters.is_empty() {
            return found(true, REASON, || {
                format!("{} must not set securityContext.runAsNonRoot=false", setters.join(" and "))
            });
        }
        let implicit = self.those(|container| own != Some(true) && flag(container, &["runAsNonRoot"]).is_none());
        let those = containers(&implicit)?;
        found(true, REASON, || format!("pod or {those} must set securityContext.runAsNonRoot=true"))
    }

    /// `CheckRunAsUser`, k8s.io/pod-security-admission/policy.
    fn user(&self) -> Found {
        if self.has_own_users() {
            return None;
        }
        let is_root = |user: Option<&Node>| user.and_then(Node::as_int) == Some(0);
        let mut setters = Vec::new();
        setters.extend(is_root(self.own(&["runAsUser"])).then(|| "pod".to_owned()));
        setters.extend(containers(&self.those(|container| is_root(context(container, &["runAsUser"])))));
        found(!setters.is_empty(), "runAsUser=0", || format!("{} must not set runAsUser=0", setters.join(" and ")))
    }

    /// `CheckSeccompProfileRestricted`, k8s.io/pod-security-admission/policy.
    fn restricted_seccomp(&self) -> Found {
        if self.is_windows() {
            return None;
        }
        let (setters, values, implicit) = self.seccomp_setters();
        if !setters.is_empty() {
            return found(true, "seccompProfile", || bad_seccomp(&setters, &values));
        }
        let those = containers(&implicit)?;
        found(true, "seccompProfile", || {
            format!(
                "pod or {those} must set securityContext.seccompProfile.type to \"RuntimeDefault\" or \"Localhost\""
            )
        })
    }
}

fn bad_seccomp(setters: &[String], values: &[&str]) -> String {
    format!("{} must not set securityContext.seccompProfile.type to {}", setters.join(" and "), quoted(values))
}

/// A field of the security context of a container.
fn context<'p>(container: &'p Node, path: &[&str]) -> Option<&'p Node> {
    container.get("securityContext")?.find(path).filter(|value| !value.is_null())
}

fn flag(container: &Node, path: &[&str]) -> Option<bool> {
    context(container, path)?.as_bool()
}

fn capabilities<'p>(container: &'p Node, which: &str) -> impl Iterator<Item = &'p str> {
    context(container, &["capabilities", which]).into_iter().flat_map(Node::items).filter_map(Node::as_str)
}

fn is_set(volume: &Node, kind: &str) -> bool {
    volume.get(kind).is_some_and(|source| !source.is_null())
}

fn found(is_so: bool, reason: &'static str, detail: impl FnOnce() -> String) -> Found {
    is_so.then(|| (reason, detail()))
}

fn of_containers(those: &[&str], reason: &'static str, rest: impl FnOnce() -> String) -> Found {
    containers(those).map(|named| (reason, format!("{named} {}", rest())))
}

/// `containers "a", "b"`; none for none.
fn containers(names: &[&str]) -> Option<String> {
    (!names.is_empty()).then(|| format!("{} {}", plural(&["container", "containers"], names.len()), quoted(names)))
}

const fn plural(words: &[&'static str; 2], count: usize) -> &'static str {
    words[if count == 1 { 0 } else { 1 }]
}

fn quoted(items: &[impl AsRef<str>]) -> String {
    items.iter().map(|item| format!("\"{}\"", item.as_ref())).collect::<Vec<_>>().join(", ")
}

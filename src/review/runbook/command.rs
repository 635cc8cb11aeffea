//! Commands: quoting for a shell, kubectl and its waits. Knows no kind of change.

use crate::bundle::Resource;
use crate::review::set::Set;
pub use crate::shell::Command;
use crate::shell::{POD, is_option};
pub(crate) use crate::shell::{kubectl, word};
use crate::value::Node;
use serde_json::{Value, json};

/// An object by its kind and name: `pvc data-0`. One that looks like an option is said as `role/-x`, which is none.
#[must_use]
pub(super) fn named(kind: &str, name: &str) -> String {
    all(kind, &[name])
}

/// Objects of one kind by their names.
#[must_use]
pub(super) fn all(kind: &str, names: &[impl AsRef<str>]) -> String {
    let names = || names.iter().map(AsRef::as_ref);
    if is_option(kind) || names().any(is_option) {
        let words: Vec<String> = names().map(|name| word(&format!("{kind}/{name}"))).collect();
        return format!("{}{}", if is_option(kind) { "-- " } else { "" }, words.join(" "));
    }
    [kind].into_iter().chain(names()).map(word).collect::<Vec<_>>().join(" ")
}

/// Objects of several kinds, each as `kind/name`. Where a kind looks like an option, they come after `--`.
#[must_use]
pub(super) fn each(objects: &[String]) -> String {
    let ends = if objects.iter().any(|object| is_option(object)) { "-- " } else { "" };
    format!("{ends}{}", objects.iter().map(|object| word(object)).collect::<Vec<_>>().join(" "))
}

/// Objects, words about them, and a flag; words that look like options come after `--`, and the flag before it.
#[must_use]
pub(super) fn flag_last(objects: &str, words: &[String], flag: &str) -> String {
    let list = words.iter().map(|text| word(text)).collect::<Vec<_>>().join(" ");
    if words.iter().any(|text| is_option(text)) {
        format!("{flag} -- {objects} {list}")
    } else {
        format!("{objects} {list} {flag}")
    }
}

/// A file as the value of `-f`: not an option, and not stdin.
#[must_use]
pub(super) fn file(path: &str) -> String {
    if is_option(path) { word(&format!("./{path}")) } else { word(path) }
}

/// The pods that labels select, as an option.
#[must_use]
pub(super) fn selector(labels: &str) -> String {
    if is_option(labels) { format!("--selector={}", word(labels)) } else { format!("-l {}", word(labels)) }
}

/// Merges a patch into an object.
#[must_use]
pub(super) fn patch(namespace: &str, object: &str, patch: &Value) -> Command {
    Command::line(format!("{} patch {object} --type merge -p {}", kubectl(namespace), word(&patch.to_string())))
}

/// Makes an object that has no file of its own.
#[must_use]
pub(super) fn apply_text(namespace: &str, object: &Value) -> Command {
    Command::line(format!("printf '%s' {} | {} apply -f -", word(&object.to_string()), kubectl(namespace)))
}

/// Shows objects.
#[must_use]
pub(super) fn get(namespace: &str, objects: &str) -> Command {
    Command::line(format!("{} get {objects}", kubectl(namespace)))
}

/// Shows a field of objects: `{.spec.replicas}`.
#[must_use]
pub(super) fn get_field(namespace: &str, objects: &str, path: &str) -> Command {
    get(namespace, objects).with(&format!("-o jsonpath='{path}'"))
}

/// Deletes objects.
#[must_use]
pub(super) fn delete(namespace: &str, objects: &str) -> Command {
    Command::line(format!("{} delete {objects}", kubectl(namespace)))
}

/// Describes objects.
#[must_use]
pub(super) fn describe(namespace: &str, objects: &str) -> Command {
    Command::line(format!("{} describe {objects}", kubectl(namespace)))
}

/// Scales a workload.
#[must_use]
pub(super) fn scale(namespace: &str, workload: &str, replicas: i64) -> Command {
    Command::line(format!("{} scale {workload} --replicas={replicas}", kubectl(namespace)))
}

/// `status`, `restart` or `undo` of a rollout of `statefulset/web`.
#[must_use]
pub(super) fn rollout(namespace: &str, verb: &str, workload: &str) -> Command {
    Command::line(format!("{} rollout {verb} {workload}", kubectl(namespace)))
}

/// Waits for something of objects: `delete`, `condition=Ready`.
#[must_use]
pub(super) fn wait(namespace: &str, what: &str, objects: &str, timeout: &str) -> Command {
    Command::line(format!("{} wait --for={what} {objects} --timeout={timeout}", kubectl(namespace)))
}

/// Waits until a field of objects has a value.
#[must_use]
pub(super) fn wait_field(namespace: &str, path: &str, value: &str, objects: &str, timeout: &str) -> Command {
    wait(namespace, &format!("jsonpath='{path}'={}", word(value)), objects, timeout)
}

/// What happens to a volume when its claim goes: nothing.
#[must_use]
pub(super) fn retain() -> Value {
    json!({"spec": {"persistentVolumeReclaimPolicy": "Retain"}})
}

/// A volume is free again for any claim of the name that it is reserved for.
#[must_use]
pub(super) fn set_free() -> Value {
    json!({"spec": {"claimRef": {"uid": null, "resourceVersion": null}}})
}

/// Waits until a pod that is to come is there and ready.
#[must_use]
pub(super) fn await_pod(namespace: &str, pod: &str) -> Command {
    let (kubectl, pod) = (kubectl(namespace), word(pod));
    Command::line(format!(
        "{kubectl} wait --for=create pod/{pod} {POD} && {kubectl} wait --for=condition=Ready pod/{pod} {POD}"
    ))
}

/// Waits until a pod that is being replaced is there in its new form, which a field tells, and ready. It may be away
/// for a moment.
#[must_use]
pub(super) fn await_new_pod(namespace: &str, pod: &str, path: &str, value: &str) -> Command {
    let (kubectl, pod, value) = (kubectl(namespace), word(pod), word(value));
    Command::line(format!(
        "until {kubectl} wait --for=jsonpath='{path}'={value} pod/{pod} {POD}; do sleep 1; done; \
         {kubectl} wait --for=condition=Ready pod/{pod} {POD}"
    ))
}

/// Waits until a claim has its volume.
#[must_use]
pub(super) fn await_bound(namespace: &str, claim: &str) -> Command {
    wait_field(namespace, "{.status.phase}", "Bound", &format!("pvc/{}", word(claim)), "5m")
}

/// Waits until no pod of a workload is left.
#[must_use]
pub(super) fn await_end(workload: &Resource) -> Command {
    wait(&workload.id.namespace, "delete", &format!("pod {}", selector(&labels(workload))), "30m")
}

/// The labels by which a workload finds its pods, as kubectl takes them.
#[must_use]
pub(super) fn labels(workload: &Resource) -> String {
    let wanted = workload.node.find(&["spec", "selector", "matchLabels"]);
    let pairs = wanted
        .into_iter()
        .flat_map(Node::entries)
        .map(|(key, value)| format!("{}={}", key.name, value.as_str().unwrap_or_default()));
    pairs.collect::<Vec<_>>().join(",")
}

/// Waits until all pods of a set are ready, and of the newest form where the set replaces them itself.
#[must_use]
pub(super) fn await_set(set: Set<'_>) -> Command {
    await_replicas(set, set.replicas())
}

/// The same, for a set that has been scaled to so many.
#[must_use]
pub(super) fn await_replicas(set: Set<'_>, replicas: i64) -> Command {
    let (namespace, workload) = (&set.0.id.namespace, format!("statefulset/{}", word(set.name())));
    if set.says().is_on_delete() && replicas > 0 {
        return wait_field(namespace, "{.status.readyReplicas}", &replicas.to_string(), &workload, "10m");
    }
    rollout(namespace, "status", &workload)
}

/// The volume that a claim is bound to now, looked up when the command runs.
#[must_use]
pub(super) fn volume_of(namespace: &str, claim: &str) -> String {
    format!("\"$({})\"", get_field(namespace, &named("pvc", claim), "{.spec.volumeName}"))
}

/// The volumes that some claims are bound to now, looked up when the command runs.
#[must_use]
pub(super) fn volumes_of(namespace: &str, claims: &[String]) -> String {
    match claims {
        [claim] => volume_of(namespace, claim),
        _ => format!("$({})", get_field(namespace, &all("pvc", claims), "{.items[*].spec.volumeName}")),
    }
}

#[cfg(test)]
mod tests {
    use super::word;

    #[test]
    fn a_shell_reads_each_word_as_one() {
        assert_eq!(word("deploy/dev/StatefulSet-a.yaml"), "deploy/dev/StatefulSet-a.yaml");
        assert_eq!(word("a b"), "'a b'");
        assert_eq!(word("x'; rm -rf ~ '"), r"'x'\''; rm -rf ~ '\'''");
        assert_eq!(word("$(id)"), "'$(id)'");
        assert_eq!(word(""), "''");
    }
}

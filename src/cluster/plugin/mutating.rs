//! MutatingAdmissionPolicies and their bindings: what their expressions make of an object.
//! `k8s.io/apiserver/pkg/admission/plugin/policy/mutating/dispatcher.go`, `patch/smd.go` and `patch/json_patch.go`.

use super::policy::{self, Params, Request, Said};
use crate::api::cel::value::{Value, node};
use crate::api::cel::{Fault, Program};
use crate::api::patch::json::{self, Operation, Unpatched};
use crate::api::server_side::kind::{Atom, Kind, Whole};
use crate::api::server_side::{check, merge};
use crate::budget::MUTATED_PARTS;
use crate::cluster::denial::{Barrier, Denial};
use crate::cluster::store::{Key, text};
use crate::cluster::world::World;
use crate::k8s::shape::{self, Shape};
use crate::k8s::wire;
use crate::value::{Data, Node, Text};
use std::collections::BTreeSet;

const POLICY: &str = "MutatingAdmissionPolicy";
const BINDING: &str = "MutatingAdmissionPolicyBinding";

/// What came of one mutation.
enum Mutated {
    /// The object as it is now.
    To(Node),
    /// It failed: why.
    Failed(String),
    /// It asks what is not known here.
    Unknown,
}

/// Lets the policies that are bound change an object. Gives the last that did.
pub(super) fn mutate(
    world: &mut World,
    key: &Key,
    object: &mut Node,
    old: Option<&Node>,
) -> Result<Option<Text>, Denial> {
    let mut bound: Vec<(Node, Node)> = Vec::new();
    for (_, binding) in world.store.of_kind(BINDING) {
        let policy = world.store.get(&Key::new(POLICY, "", text(binding, &["spec", "policyName"])));
        bound.extend(policy.map(|policy| (policy.clone(), binding.clone())));
    }
    let is_policy = key.kind.starts_with(POLICY) || key.kind.starts_with("ValidatingAdmissionPolicy");
    if bound.is_empty() || is_policy || world.patience == 0 {
        return Ok(None);
    }
    let name = |node: &Node| text(node, &["metadata", "name"]).to_owned();
    bound.sort_by_key(|(policy, binding)| (name(policy), name(binding)));
    let api_version = text(object, &["apiVersion"]).to_owned();
    let Some(shape) = shape::shape_of(&api_version, &key.kind, world.version) else {
        // Of custom kinds the schema would say how values are merged.
        let request = Request::new(key, object, old);
        let unknown: BTreeSet<String> = bound
            .iter()
            .filter(|(policy, binding)| policy::is_about(world, &request, policy, binding))
            .map(|(policy, _)| name(policy))
            .collect();
        unknown.iter().for_each(|policy| world.leave_open(POLICY, policy));
        return Ok(None);
    };
    let before = wire::written(object, shape);
    let mut pass =
        Pass { world, key, old, shape, watching: BTreeSet::new(), again: BTreeSet::new(), changed_by: BTreeSet::new() };
    let mut now = before.clone();
    for (place, (policy, binding)) in bound.iter().enumerate() {
        pass.invoke(place, policy, binding, &mut now)?;
    }
    // Those that asked for it see once more what others have changed since.
    for place in std::mem::take(&mut pass.again) {
        let (policy, binding) = &bound[place];
        pass.invoke(place, policy, binding, &mut now)?;
    }
    let last = pass.changed_by.last().map(|place| name(&bound[*place].0));
    if pass.changed_by.len() > 1 {
        // The server has no order among them.
        let mut other = before.clone();
        for (place, (policy, binding)) in bound.iter().enumerate().rev() {
            pass.invoke(place, policy, binding, &mut other)?;
        }
        if other != now {
            let several: Vec<String> = pass.changed_by.iter().map(|place| name(&bound[*place].0)).collect();
            several.iter().for_each(|policy| pass.world.leave_open(POLICY, policy));
        }
    }
    if now == before {
        return Ok(None);
    }
    *object = now;
    Ok(last.map(Text::from))
}

/// All policies, asked about one object.
struct Pass<'w> {
    world: &'w mut World,
    key: &'w Key,
    old: Option<&'w Node>,
    shape: Shape,
    /// Those that want to see what others change after them.
    watching: BTreeSet<usize>,
    /// Those of them that are to be asked again.
    again: BTreeSet<usize>,
    /// Those that have changed it.
    changed_by: BTreeSet<usize>,
}

impl Pass<'_> {
    fn invoke(&mut self, place: usize, policy: &Node, binding: &Node, now: &mut Node) -> Result<(), Denial> {
        let asked = now.clone();
        let request = Request::new(self.key, &asked, self.old);
        if !policy::is_about(self.world, &request, policy, binding) {
            return Ok(());
        }
        let params = match policy::params(self.world, &request, policy, binding) {
            Params::Of(params) => params,
            Params::Nothing => return Ok(()),
            Params::Missing => {
                let why = "no params found for policy binding with `Deny` parameterNotFoundAction";
                return failed(policy, binding, &format!("failed to configure binding: {why}"));
            }
        };
        for param in params {
            let mut left = policy::BUDGET;
            let said = self.by_one(&request, policy, param.as_ref(), now, &mut left);
            self.world.spend(policy::looks(policy::BUDGET - left, policy));
            match said {
                Mutated::To(after) if after == *now => {}
                Mutated::To(after) => {
                    *now = after;
                    self.again.append(&mut self.watching);
                    self.changed_by.insert(place);
                }
                Mutated::Failed(why) => failed(policy, binding, &why)?,
                Mutated::Unknown => self.world.leave_open(POLICY, text(policy, &["metadata", "name"])),
            }
        }
        if text(policy, &["spec", "reinvocationPolicy"]) == "IfNeeded" {
            self.watching.insert(place);
        }
        Ok(())
    }

    fn by_one(
        &self,
        request: &Request<'_>,
        policy: &Node,
        param: Option<&Node>,
        now: &Node,
        left: &mut u64,
    ) -> Mutated {
        let mut names = policy::names(self.world, request, param);
        let mut denials = Vec::new();
        match policy::matches(policy, &names, true, left, &mut denials) {
            None => return Mutated::Unknown,
            Some(true) => {}
            Some(false) => {
                return match denials.pop() {
                    Some((_, why)) => Mutated::Failed(why),
                    None => Mutated::To(now.clone()),
                };
            }
        }
        if policy::declare(policy, &mut names, left).is_none() {
            return Mutated::Unknown;
        }
        let mut object = now.clone();
        for mutation in policy.find(&["spec", "mutations"]).into_iter().flat_map(Node::items) {
            let kind = text(mutation, &["patchType"]);
            let field = if kind == "JSONPatch" { "jsonPatch" } else { "applyConfiguration" };
            let expression = text(mutation, &[field, "expression"]);
            // Each sees what the one before has made.
            names.retain(|(name, _)| *name != "object");
            names.push(("object", crate::api::cel::value::plain(&object)));
            let Ok(program) = Program::read(expression) else { return Mutated::Unknown };
            if policy::is_about_somebody(&program) {
                return Mutated::Unknown;
            }
            let value = match program.evaluate(&names, left) {
                Ok(value) => value,
                Err(Fault::Unknown(_)) => return Mutated::Unknown,
                Err(fault) => {
                    let Said::Failed(why) = policy::fault(fault) else { return Mutated::Unknown };
                    return Mutated::Failed(format!("expression '{expression}' resulted in error: {why}"));
                }
            };
            if let Some(why) = program.misnamed() {
                return Mutated::Failed(format!("type mismatch: {why}"));
            }
            let patched = if kind == "JSONPatch" { patched(&object, &value) } else { self.laid_over(&object, &value) };
            match patched {
                Mutated::To(after) => object = after,
                other => return other,
            }
            // A server would not store so much, and nobody here could look at it.
            let Some(parts) = object.parts(MUTATED_PARTS) else { return Mutated::Unknown };
            let Some(rest) = left.checked_sub(parts as u64) else { return Mutated::Unknown };
            *left = rest;
        }
        Mutated::To(object)
    }

    /// `ApplyStructuredMergeDiff`.
    fn laid_over(&self, object: &Node, value: &Value<'_>) -> Mutated {
        let Some(mut patch) = node(value, object.at, &mut { MUTATED_PARTS }) else { return Mutated::Unknown };
        for field in ["apiVersion", "kind"] {
            if let (Some(map), Some(said)) = (patch.as_map_mut(), object.get(field)) {
                map.put(field, said.clone());
            }
        }
        let kind = Kind::Shape(self.shape, Whole::Unsaid);
        if let Some(misfit) = check::misfits(&patch, kind).into_iter().next() {
            let why = misfit.to_string();
            return Mutated::Failed(format!(
                "error applying patch: failed to convert patch object to typed object: {why}"
            ));
        }
        let mut atomics = Vec::new();
        find_atomics(&patch, kind, "", &mut atomics);
        if !atomics.is_empty() {
            let paths = atomics.join(", ");
            return Mutated::Failed(format!(
                "error applying patch: invalid ApplyConfiguration: may not mutate atomic arrays, maps or structs: \
                 {paths}"
            ));
        }
        merge::merge(Some(object), Some(&patch), kind).map_or(Mutated::Unknown, Mutated::To)
    }
}

/// A policy that fails stops the object, unless it says otherwise.
fn failed(policy: &Node, binding: &Node, why: &str) -> Result<(), Denial> {
    if text(policy, &["spec", "failurePolicy"]) == "Ignore" {
        return Ok(());
    }
    let (name, bound) = (text(policy, &["metadata", "name"]), text(binding, &["metadata", "name"]));
    let message = format!("policy '{name}' with binding '{bound}' denied request: {why}");
    let barrier = Barrier::Mutation(name.into());
    Err(Denial { code: 403, reason: "Invalid", cause: message.clone(), message, barrier })
}

/// `findAtomics`.
fn find_atomics(value: &Node, kind: Kind<'_>, path: &str, found: &mut Vec<String>) {
    match (kind.atom(Some(value)), &value.data) {
        (Atom::Map(inner), Data::Map(map)) => {
            if inner.atomic {
                found.push(path.to_owned());
            }
            for (key, value) in map.iter() {
                if let Some(kind) = inner.inside(&key.name).filter(|_| inner.names(&key.name)) {
                    find_atomics(value, kind, &format!("{path}.{}", key.name), found);
                }
            }
        }
        (Atom::List(list), Data::List(items)) => {
            if list.is_atomic() {
                found.push(path.to_owned());
            }
            for (index, item) in items.iter().enumerate() {
                find_atomics(item, list.item, &format!("{path}[{index}]"), found);
            }
        }
        _ => {}
    }
}

/// `jsonPatcher.Patch`.
fn patched(object: &Node, value: &Value<'_>) -> Mutated {
    let Some(list) = node(value, object.at, &mut { MUTATED_PARTS }) else { return Mutated::Unknown };
    let operations: Vec<Operation> = list
        .items()
        .map(|one| {
            let field = |name: &str| text(one, &[name]).to_owned();
            Operation { op: field("op"), path: field("path"), from: field("from"), value: one.get("value").cloned() }
        })
        .collect();
    match json::apply(object, &operations) {
        Ok(after) => Mutated::To(after),
        Err(Unpatched::Test) => Mutated::To(object.clone()),
        Err(Unpatched::Failed(why)) => Mutated::Failed(format!("JSON Patch: {why}")),
        Err(Unpatched::Unknown) => Mutated::Unknown,
    }
}

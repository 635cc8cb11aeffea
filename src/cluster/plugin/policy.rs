//! ValidatingAdmissionPolicies and their bindings: which are about an object, and what their expressions say of it.
//! k8s.io/apiserver/pkg/admission/plugin/policy/validating.

use crate::api::cel::value::{Key as Entry, Map, Value, plain};
use crate::api::cel::{Fault, Program};
use crate::cluster::denial::{Barrier, Denial};
use crate::cluster::selector;
use crate::cluster::store::{Key, text};
use crate::cluster::world::World;
use crate::k8s::shape;
use crate::k8s::wire;
use crate::value::Node;
use std::cell::OnceCell;
use std::collections::BTreeMap;
use std::rc::Rc;

const POLICY: &str = "ValidatingAdmissionPolicy";
const BINDING: &str = "ValidatingAdmissionPolicyBinding";
/// What the expressions of one policy may cost for one object: `RuntimeCELCostBudget`.
pub(super) const BUDGET: u64 = 10_000_000;

/// So much of what an expression costs takes as long as a look at one object.
const COST_OF_A_LOOK: u64 = 10;
/// What it costs to keep each part of what a variable comes to. A variable that holds another one twice is twice as
/// large, and a policy may have any number of them.
const COST_OF_A_COPY: u64 = 16;
/// What a variable comes to may nest so deep.
const DEEPEST: usize = 128;
/// What it costs to read a letter of an expression.
const LETTER: u64 = 1;

/// What is asked about: an object, what it was, and where.
pub(super) struct Request<'a> {
    key: &'a Key,
    object: &'a Node,
    old: Option<&'a Node>,
    /// What expressions see of both, once one asks.
    seen: OnceCell<[Value<'static>; 2]>,
    group: String,
    version: String,
    resource: String,
}

impl<'a> Request<'a> {
    /// What is asked about an object.
    pub(super) fn new(key: &'a Key, object: &'a Node, old: Option<&'a Node>) -> Self {
        let (group, version) = {
            let api_version = text(object, &["apiVersion"]);
            api_version.split_once('/').unwrap_or(("", api_version))
        };
        Request {
            key,
            object,
            old,
            seen: OnceCell::new(),
            group: group.to_owned(),
            version: version.to_owned(),
            resource: super::plural(&key.kind),
        }
    }

    /// The object and what it was, as the server shows them to expressions.
    fn seen(&self, world: &World) -> [Value<'static>; 2] {
        let value = |object: &Node| {
            shape::shape_of(text(object, &["apiVersion"]), &self.key.kind, world.version)
                .map_or_else(|| plain(object), |shape| plain(&wire::written(object, shape)))
        };
        self.seen.get_or_init(|| [value(self.object), self.old.map_or(Value::Null, value)]).clone()
    }
}

/// What came of one expression.
pub(super) enum Said {
    Yes,
    No,
    /// It failed: why.
    Failed(String),
    /// It asks what is not known here.
    Unknown,
}

/// Lets the policies that are bound look at an object. Gives what they warn of.
/// `Dispatch`, k8s.io/apiserver/pkg/admission/plugin/policy/validating.
pub(super) fn validate(world: &mut World, key: &Key, object: &Node, old: Option<&Node>) -> Result<Vec<String>, Denial> {
    let bindings: Vec<Node> = world.store.of_kind(BINDING).map(|(_, binding)| binding.clone()).collect();
    // Policies are no objects of policies. Where nobody waits any more, nothing is judged by what comes now.
    if bindings.is_empty() || world.patience == 0 || [POLICY, BINDING].contains(&key.kind.as_str()) {
        return Ok(Vec::new());
    }
    let request = Request::new(key, object, old);
    let mut warnings = Vec::new();
    for binding in &bindings {
        let policy = world.store.get(&Key::new(POLICY, "", text(binding, &["spec", "policyName"]))).cloned();
        let Some(policy) = policy.filter(|policy| is_about(world, &request, policy, binding)) else { continue };
        let mut spent = 0;
        let denials = denials(world, &request, &policy, binding, &mut spent);
        world.spend(10 + usize::try_from(spent / COST_OF_A_LOOK).unwrap_or(usize::MAX));
        let (name, bound) = (text(&policy, &["metadata", "name"]), text(binding, &["metadata", "name"]));
        let Some(denials) = denials else {
            world.leave_open(POLICY, name);
            continue;
        };
        let actions: Vec<&str> = binding
            .find(&["spec", "validationActions"])
            .into_iter()
            .flat_map(Node::items)
            .filter_map(Node::as_str)
            .collect();
        for (reason, said) in denials {
            if actions.contains(&"Warn") {
                warnings.push(format!("Validation failed for {POLICY} '{name}' with binding '{bound}': {said}"));
            }
            if actions.contains(&"Deny") {
                let cause = format!("{POLICY} '{name}' with binding '{bound}' denied request: {said}");
                let (code, reason) = code(&reason);
                let barrier = Barrier::Policy(name.into());
                return Err(Denial { code, reason, ..Denial::forbidden(key, &request.group, &cause, barrier) });
            }
        }
    }
    Ok(warnings)
}

/// `reasonToCode`.
fn code(reason: &str) -> (u16, &'static str) {
    match reason {
        "Forbidden" => (403, "Forbidden"),
        "Unauthorized" => (401, "Unauthorized"),
        "RequestEntityTooLarge" => (413, "RequestEntityTooLarge"),
        _ => (422, "Invalid"),
    }
}

/// What a policy has against an object: the reason and the message of each validation that is not met. None if that is
/// not known.
/// What its expressions cost is added to `spent`.
fn denials(
    world: &World,
    request: &Request<'_>,
    policy: &Node,
    binding: &Node,
    spent: &mut u64,
) -> Option<Vec<(String, String)>> {
    let fails = text(policy, &["spec", "failurePolicy"]) != "Ignore";
    let params = match params(world, request, policy, binding) {
        Params::Of(params) => params,
        Params::Missing if fails => {
            let said =
                "failed to configure binding: no params found for policy binding with `Deny` parameterNotFoundAction";
            return Some(vec![(String::new(), said.to_owned())]);
        }
        Params::Nothing | Params::Missing => return Some(Vec::new()),
    };
    let mut denials = Vec::new();
    for param in params {
        let mut left = BUDGET;
        let known = by_one(world, request, policy, param.as_ref(), fails, &mut left, &mut denials);
        *spent += BUDGET - left + LETTER * letters(policy);
        known?;
    }
    Some(denials)
}

/// How much there is to read in the expressions of a policy.
fn letters(policy: &Node) -> u64 {
    let lists = ["matchConditions", "variables", "validations", "mutations"].map(|list| policy.find(&["spec", list]));
    let items = lists.into_iter().flatten().flat_map(Node::items);
    let paths: [&[&str]; 4] =
        [&["expression"], &["messageExpression"], &["applyConfiguration", "expression"], &["jsonPatch", "expression"]];
    items.map(|item| paths.iter().map(|path| text(item, path).len() as u64).sum::<u64>()).sum()
}

/// What a policy says with one of its parameters. None if that is not known.
fn by_one(
    world: &World,
    request: &Request<'_>,
    policy: &Node,
    param: Option<&Node>,
    fails: bool,
    left: &mut u64,
    denials: &mut Vec<(String, String)>,
) -> Option<()> {
    let mut names = names(world, request, param);
    if !matches(policy, &names, fails, left, denials)? {
        return Some(());
    }
    declare(policy, &mut names, left)?;
    for validation in policy.find(&["spec", "validations"]).into_iter().flat_map(Node::items) {
        let expression = text(validation, &["expression"]).trim();
        let mut reason = text(validation, &["reason"]);
        let message = match ask(expression, &names, left) {
            Said::Yes => continue,
            Said::Unknown => return None,
            Said::Failed(_) if !fails => continue,
            Said::Failed(why) => {
                // Its own reason is that of what it refuses.
                reason = "";
                format!("expression '{expression}' resulted in error: {why}")
            }
            Said::No => message(validation, expression, &names, left),
        };
        denials.push((reason.to_owned(), message));
    }
    Some(())
}

/// Adds the variables of a policy to the names. None if one asks what is not known.
pub(super) fn declare(policy: &Node, names: &mut Vec<(&'static str, Value<'static>)>, left: &mut u64) -> Option<()> {
    let mut variables = BTreeMap::new();
    for variable in policy.find(&["spec", "variables"]).into_iter().flat_map(Node::items) {
        names.retain(|(name, _)| *name != "variables");
        names.push(("variables", Map::made(variables.clone())));
        let Ok(program) = Program::read(text(variable, &["expression"])) else { return None };
        if is_about_somebody(&program) {
            return None;
        }
        let name = text(variable, &["name"]);
        let value = match program.evaluate(names, left) {
            Ok(value) => owned(&value, DEEPEST, left)?,
            // One that fails does so where it is used.
            Err(why) => Value::Failed(Rc::new(match fault(why.clone()) {
                Said::Failed(why) => Fault::Said(format!("composited variable \"{name}\" fails to evaluate: {why}")),
                _ => why,
            })),
        };
        variables.insert(Entry::Text(name.into()), value);
    }
    names.retain(|(name, _)| *name != "variables");
    names.push(("variables", Map::made(variables)));
    Some(())
}

/// Whether all match conditions hold. One that fails is a denial of its own, if the policy says so.
pub(super) fn matches(
    policy: &Node,
    names: &[(&str, Value<'static>)],
    fails: bool,
    left: &mut u64,
    denials: &mut Vec<(String, String)>,
) -> Option<bool> {
    // They are asked before anybody has looked for the namespace.
    let mut names = names.to_vec();
    names.retain(|(name, _)| *name != "namespaceObject");
    names.push(("namespaceObject", Map::made(BTreeMap::new())));
    let names = names.as_slice();
    let mut failed: Vec<String> = Vec::new();
    for condition in policy.find(&["spec", "matchConditions"]).into_iter().flat_map(Node::items) {
        let expression = text(condition, &["expression"]);
        match ask(expression, names, left) {
            Said::Yes => {}
            Said::No => return Some(false),
            Said::Failed(why) => {
                let why = format!("expression '{expression}' resulted in error: {why}");
                if !failed.contains(&why) {
                    failed.push(why);
                }
            }
            Said::Unknown => return None,
        }
    }
    // `NewAggregate`.
    let why = match failed.as_slice() {
        [] => return Some(true),
        [one] => one.clone(),
        several => format!("[{}]", several.join(", ")),
    };
    denials.extend(fails.then(|| (String::new(), why)));
    Some(false)
}

fn message(validation: &Node, expression: &str, names: &[(&str, Value<'static>)], left: &mut u64) -> String {
    let said = text(validation, &["messageExpression"]);
    if let Ok(program) = Program::read(said)
        && let Ok(Value::Text(said)) = program.evaluate(names, left)
        && !said.trim().is_empty()
        && !said.contains('\n')
    {
        return said.trim().to_owned();
    }
    match text(validation, &["message"]).trim() {
        "" => format!("failed expression: {expression}"),
        message => message.to_owned(),
    }
}

fn ask(expression: &str, names: &[(&str, Value<'static>)], left: &mut u64) -> Said {
    let Ok(program) = Program::read(expression) else { return Said::Unknown };
    if is_about_somebody(&program) {
        return Said::Unknown;
    }
    match program.evaluate(names, left) {
        Ok(Value::Bool(true)) => Said::Yes,
        Ok(_) => Said::No,
        Err(why) => fault(why),
    }
}

/// What comes of an expression that comes to nothing.
pub(super) fn fault(fault: Fault) -> Said {
    match fault {
        Fault::Said(why) => Said::Failed(why),
        Fault::NoOverload => Said::Failed("no such overload".to_owned()),
        Fault::Costly => Said::Failed("operation cancelled: actual cost limit exceeded".to_owned()),
        Fault::Unknown(_) => Said::Unknown,
    }
}

/// As how many looks at an object what a policy has spent on one counts.
pub(super) fn looks(spent: u64, policy: &Node) -> usize {
    10 + usize::try_from((spent + LETTER * letters(policy)) / COST_OF_A_LOOK).unwrap_or(usize::MAX)
}

/// Whether an expression asks who does it, and what they may do: nobody here knows.
pub(super) fn is_about_somebody(program: &Program) -> bool {
    program.uses("authorizer") || program.selects("request", "userInfo")
}

/// The parameters that a binding names.
pub(super) enum Params {
    /// One each; without a kind of parameters, none once.
    Of(Vec<Option<Node>>),
    /// There are none, and then nothing is asked.
    Nothing,
    /// There are none, and there must be.
    Missing,
}

pub(super) fn params(world: &World, request: &Request<'_>, policy: &Node, binding: &Node) -> Params {
    let Some(kind) = policy.find(&["spec", "paramKind"]).filter(|kind| !kind.is_null()) else {
        return Params::Of(vec![None]);
    };
    let Some(reference) = binding.find(&["spec", "paramRef"]).filter(|reference| !reference.is_null()) else {
        return Params::Of(vec![None]);
    };
    let namespace = match text(reference, &["namespace"]) {
        "" => request.key.namespace.as_str(),
        stated => stated,
    };
    let name = text(reference, &["name"]);
    let of_kind = world
        .store
        .of_kind(text(kind, &["kind"]))
        .filter(|(_, param)| text(param, &["apiVersion"]) == text(kind, &["apiVersion"]));
    let found: Vec<Option<Node>> = of_kind
        .filter(|(key, _)| key.namespace.is_empty() || key.namespace == namespace)
        .filter(|(key, param)| {
            if name.is_empty() {
                selector::matches(reference.get("selector"), param.find(&["metadata", "labels"]))
            } else {
                key.name == name
            }
        })
        .map(|(_, param)| Some(param.clone()))
        .collect();
    match (found.is_empty(), text(reference, &["parameterNotFoundAction"])) {
        (false, _) => Params::Of(found),
        (true, "Allow") => Params::Nothing,
        (true, _) => Params::Missing,
    }
}

/// The names that expressions see.
pub(super) fn names(world: &World, request: &Request<'_>, param: Option<&Node>) -> Vec<(&'static str, Value<'static>)> {
    let Request { key, group, version, resource, .. } = request;
    let word = |text: &str| Value::text(text);
    let map = |entries: Vec<(&str, Value<'static>)>| {
        Map::made(entries.into_iter().map(|(name, value)| (Entry::Text(name.into()), value)).collect())
    };
    let kind = || map(vec![("group", word(group)), ("version", word(version)), ("kind", word(&key.kind))]);
    let named = || map(vec![("group", word(group)), ("version", word(version)), ("resource", word(resource))]);
    let asked = map(vec![
        ("kind", kind()),
        ("resource", named()),
        ("requestKind", kind()),
        ("requestResource", named()),
        ("name", word(&key.name)),
        ("namespace", word(&key.namespace)),
        ("operation", word(if request.old.is_some() { "UPDATE" } else { "CREATE" })),
        ("dryRun", Value::Bool(false)),
    ]);
    let namespace = world.store.get(&Key::new("Namespace", "", key.namespace.clone()));
    let [seen, seen_before] = request.seen(world);
    let or_null = |node: Option<&Node>| node.map_or(Value::Null, plain);
    vec![
        ("object", seen),
        ("oldObject", seen_before),
        ("request", asked),
        ("params", or_null(param)),
        ("namespaceObject", or_null(namespace)),
    ]
}

/// A value that holds on to nothing of its expression; none where it is too large or nests too deep.
fn owned(value: &Value<'_>, deepest: usize, left: &mut u64) -> Option<Value<'static>> {
    *left = left.checked_sub(COST_OF_A_COPY)?;
    let deepest = deepest.checked_sub(1)?;
    Some(match value {
        Value::List(list) => {
            let items = list.all().unwrap_or_default();
            let items = items.iter().map(|item| owned(item, deepest, left)).collect::<Option<_>>()?;
            crate::api::cel::value::List::made(items)
        }
        Value::Map(map) => {
            let mut entries = BTreeMap::new();
            for key in map.keys() {
                let (Ok(entry), Ok(Some(value))) = (Entry::of(&key), map.get(&key)) else { continue };
                entries.insert(entry, owned(&value, deepest, left)?);
            }
            Map::made(entries)
        }
        Value::Bool(value) => Value::Bool(*value),
        Value::Int(value) => Value::Int(*value),
        Value::Uint(value) => Value::Uint(*value),
        Value::Double(value) => Value::Double(*value),
        Value::Text(text) => Value::Text(text.clone()),
        Value::Bytes(bytes) => Value::Bytes(bytes.clone()),
        Value::Duration(value) => Value::Duration(*value),
        Value::Time(value) => Value::Time(*value),
        Value::Quantity(value) => Value::Quantity(value.clone()),
        Value::Optional(Some(value)) => Value::maybe(Some(owned(value, deepest, left)?)),
        Value::Optional(None) => Value::maybe(None),
        _ => Value::Null,
    })
}

/// Whether a policy, as it is bound, is about an object: both must say so.
pub(super) fn is_about(world: &World, request: &Request<'_>, policy: &Node, binding: &Node) -> bool {
    let Some(constraints) = policy.find(&["spec", "matchConstraints"]) else { return false };
    is_meant(world, request, constraints, true)
        && binding
            .find(&["spec", "matchResources"])
            .is_none_or(|constraints| is_meant(world, request, constraints, false))
}

/// `Matches`, k8s.io/apiserver/pkg/admission/plugin/policy/matching. Only a policy must say which kinds it is about.
fn is_meant(world: &World, request: &Request<'_>, constraints: &Node, must_name: bool) -> bool {
    let Key { kind, namespace, name } = request.key;
    let of_namespace = constraints.get("namespaceSelector").filter(|selector| !selector.is_null());
    let labels = match (kind.as_str(), namespace.as_str()) {
        ("Namespace", _) => Some((request.object.find(&["metadata", "labels"]), name)),
        (_, "") => None,
        _ => {
            let there = world.store.get(&Key::new("Namespace", "", namespace.clone()));
            Some((there.and_then(|there| there.find(&["metadata", "labels"])), namespace))
        }
    };
    if let (Some(selector), Some((labels, own))) = (of_namespace, labels) {
        // Each namespace has its name as a label.
        let mut all = labels.cloned().unwrap_or_else(|| Node::map(crate::value::Map::new(), selector.at));
        let at = all.at;
        if let Some(map) = all.as_map_mut() {
            map.put("kubernetes.io/metadata.name", Node::text(own.clone(), at));
        }
        if !selector::matches(Some(selector), Some(&all)) {
            return false;
        }
    }
    let of_objects = constraints.get("objectSelector").filter(|selector| !selector.is_null());
    let fits = |object: &Node| selector::matches(of_objects, object.find(&["metadata", "labels"]));
    if of_objects.is_some() && !fits(request.object) && !request.old.is_some_and(fits) {
        return false;
    }
    let rules = |field: &str| constraints.get(field).and_then(Node::as_list).unwrap_or_default();
    if rules("excludeResourceRules").iter().any(|rule| is_ruled(request, rule)) {
        return false;
    }
    let named = rules("resourceRules");
    (named.is_empty() && !must_name) || named.iter().any(|rule| is_ruled(request, rule))
}

fn is_ruled(request: &Request<'_>, rule: &Node) -> bool {
    let holds = |field: &str, wanted: &str| {
        rule.get(field)
            .into_iter()
            .flat_map(Node::items)
            .filter_map(Node::as_str)
            .any(|one| one == "*" || one == wanted)
    };
    let resource = rule.get("resources").into_iter().flat_map(Node::items).filter_map(Node::as_str);
    let names = rule.get("resourceNames").and_then(Node::as_list).unwrap_or_default();
    let scope = match text(rule, &["scope"]) {
        "Cluster" => request.key.namespace.is_empty(),
        "Namespaced" => !request.key.namespace.is_empty(),
        _ => true,
    };
    holds("apiGroups", &request.group)
        && holds("apiVersions", &request.version)
        && holds("operations", if request.old.is_some() { "UPDATE" } else { "CREATE" })
        && resource.into_iter().any(|one| one == "*" || one == "*/*" || one == request.resource)
        && (names.is_empty() || names.iter().any(|name| name.as_str() == Some(request.key.name.as_str())))
        && scope
}

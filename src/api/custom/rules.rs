//! The rules in CEL of a schema, over an object: `x-kubernetes-validations`, in the order and the words of the server
//! (`apiextensions-apiserver/pkg/apiserver/schema/cel/validation.go`). Rules that speak of what was before are asked on
//! updates only; one that fails by what was so before counts for nothing.

use super::old::{Keyed, Old};
use super::rule::Rule;
use super::schema::{ListType, Schema, Type};
use super::{Fault, Unjudged};
use crate::api::admission::cause::Path;
use crate::api::cel::value::{self, Value};
use crate::api::cel::{self, Program};
use crate::value::{Data, Node};
use std::collections::BTreeSet;
use std::rc::Rc;

/// What one rule may cost, and all rules of one object: the server's own limits.
const ONE_RULE: u64 = 1_000_000;
const ALL_RULES: u64 = 10_000_000;
/// So long a message that an expression makes may be.
const LONGEST_MESSAGE: usize = 5 * 1024;

/// What the rules of a schema say of an object.
#[must_use]
pub(crate) fn faults(
    schema: &Schema,
    object: &Node,
    stored: Option<&Node>,
    old: Option<Old<'_>>,
    unjudged: &mut BTreeSet<Unjudged>,
) -> Vec<Fault> {
    let mut evaluation = Evaluation { left: ALL_RULES, faults: Vec::new(), unjudged };
    let link = Link { current: old.map(|old| (old, object)), nearest: None };
    _ = evaluation.value(Both { rules: schema, schema, is_resource: true }, object, stored, link, &Path::ROOT);
    evaluation.faults
}

/// Rules, and the schema of the value that they speak of: two where the rules stand in an `allOf`.
#[derive(Clone, Copy)]
struct Both<'a> {
    rules: &'a Schema,
    schema: &'a Schema,
    is_resource: bool,
}

impl<'a> Both<'a> {
    fn of(rules: &'a Schema, schema: &'a Schema) -> Self {
        Self { rules, schema, is_resource: schema.embedded }
    }

    /// Whether there are rules here or inside.
    fn has_rules(&self) -> bool {
        self.rules.has_rules || self.rules.all_of.iter().any(|part| part.has_rules)
    }
}

/// What a value was, if that can be told; and the nearest value above of which it can.
#[derive(Clone, Copy, Default)]
struct Link<'a> {
    current: Option<(Old<'a>, &'a Node)>,
    nearest: Option<(Old<'a>, &'a Node)>,
}

impl<'a> Link<'a> {
    fn below(self, find: impl FnOnce(Old<'a>) -> Option<Old<'a>>, new: &'a Node) -> Self {
        let Some(current) = self.current else { return self };
        Self { current: find(current.0).map(|old| (old, new)), nearest: Some(current) }
    }

    /// Whether what is wrong was so before.
    fn is_unchanged(self) -> bool {
        self.current.or(self.nearest).is_some_and(|(old, new)| old.equals(new))
    }
}

/// No further rule is asked.
struct Stopped;

struct Evaluation<'u> {
    left: u64,
    faults: Vec<Fault>,
    unjudged: &'u mut BTreeSet<Unjudged>,
}

impl Evaluation<'_> {
    fn value<'a>(
        &mut self,
        both: Both<'a>,
        value: &'a Node,
        old: Option<&'a Node>,
        link: Link<'a>,
        path: &Path<'_>,
    ) -> Result<(), Stopped> {
        if value.is_null() || !both.has_rules() {
            return Ok(());
        }
        self.rules(both, value, old, link, path)?;
        for part in &both.rules.all_of {
            let link = Link { current: None, nearest: link.nearest };
            self.value(Both { rules: part, ..both }, value, old, link, path)?;
        }
        match &value.data {
            Data::List(items) => {
                let (Some(rules), Some(schema)) = (&both.rules.items, &both.schema.items) else { return Ok(()) };
                let inner = Both::of(rules, schema);
                if !inner.has_rules() {
                    return Ok(());
                }
                let keyed = |values: Option<&'a Node>| {
                    let values = values.and_then(Node::as_list).filter(|_| both.schema.list_type == ListType::Map)?;
                    Keyed::new(values, both.schema)
                };
                let before = keyed(old);
                let linked = link.current.and_then(|(old, _)| old.keyed());
                for (index, item) in items.iter().enumerate() {
                    let old = before.as_ref().and_then(|keyed| keyed.find(item)).map(|old| old.value);
                    let link = link.below(|_| linked.as_ref().and_then(|keyed| keyed.find(item)), item);
                    self.value(inner, item, old, link, &path.index(index))?;
                }
            }
            Data::Map(map) => {
                for (key, inner) in map.iter() {
                    let old = old.and_then(|old| old.get(&key.name));
                    let is_type = path.is_root() && ["apiVersion", "kind"].contains(&key.name.as_str());
                    let link = if is_type { Link::default() } else { link.below(|old| old.field(&key.name), inner) };
                    if let (Some(rules), Some(schema)) = (both.rules.values_schema(), both.schema.values_schema()) {
                        self.value(Both::of(rules, schema), inner, old, link, &path.key(&key.name))?;
                    }
                    if let (Some(rules), Some(schema)) =
                        (both.rules.property(&key.name), both.schema.property(&key.name))
                    {
                        self.value(Both::of(rules, schema), inner, old, link, &path.child(&key.name))?;
                    }
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn rules<'a>(
        &mut self,
        both: Both<'a>,
        value: &'a Node,
        old: Option<&'a Node>,
        link: Link<'a>,
        path: &Path<'_>,
    ) -> Result<(), Stopped> {
        let old = old.filter(|old| !old.is_null());
        for rule in &both.rules.rules {
            let program = match rule.program() {
                Ok(program) => program,
                Err(why) => {
                    self.unjudged.insert(Unjudged::Rule { rule: rule.written.trim().to_owned(), why: why.to_string() });
                    continue;
                }
            };
            let speaks_of_old = program.uses("oldSelf");
            if speaks_of_old && old.is_none() && !rule.optional_old_self {
                continue;
            }
            self.rule(both, rule, program, value, old, if speaks_of_old { Link::default() } else { link }, path)?;
        }
        Ok(())
    }

    #[expect(clippy::too_many_arguments, reason = "a rule, and all that it looks at")]
    fn rule<'a>(
        &mut self,
        both: Both<'a>,
        rule: &'a Rule,
        program: &'a Program,
        value: &'a Node,
        old: Option<&'a Node>,
        link: Link<'a>,
        path: &Path<'_>,
    ) -> Result<(), Stopped> {
        let add = |evaluation: &mut Self, path: String, kind: &'static str, message: String| {
            evaluation.faults.push(Fault { path, kind, message, at: value.at });
        };
        let here = || path.to_string();
        if self.left == 0 {
            let message =
                "validation failed due to running out of cost budget, no further validation rules will be run";
            add(self, here(), "FieldValueInvalid", message.into());
            return Err(Stopped);
        }
        let read = |node: &'a Node| value::read(node, both.schema, both.is_resource);
        let names = |optional: bool| -> Result<Vec<(&'a str, Value<'a>)>, cel::Fault> {
            let mut names = vec![("self", read(value)?)];
            match (optional, old) {
                (true, old) => names.push(("oldSelf", Value::Optional(old.map(read).transpose()?.map(Rc::new)))),
                (false, Some(old)) => names.push(("oldSelf", read(old)?)),
                (false, None) => {}
            }
            Ok(names)
        };
        let allowed = ONE_RULE.min(self.left);
        let mut left = allowed;
        let outcome = names(rule.optional_old_self).and_then(|names| program.evaluate(&names, &mut left));
        self.left -= allowed - left;
        match outcome {
            Ok(Value::Bool(true)) => return Ok(()),
            Ok(Value::Bool(false)) => {}
            Ok(other) => {
                let why = format!("it comes to {}, not to true or false", other.type_name());
                self.unjudged.insert(Unjudged::Rule { rule: rule.written.trim().to_owned(), why });
                return Ok(());
            }
            Err(cel::Fault::Unknown(why)) => {
                self.unjudged.insert(Unjudged::Rule { rule: rule.written.trim().to_owned(), why });
                return Ok(());
            }
            Err(cel::Fault::Costly) if allowed < ONE_RULE => {
                let message =
                    "validation failed due to running out of cost budget, no further validation rules will be run";
                add(self, here(), "FieldValueInvalid", message.into());
                return Err(Stopped);
            }
            Err(cel::Fault::Costly) => {
                let message = format!(
                    "'operation cancelled: actual cost limit exceeded': no further validation rules will be run due \
                        to call cost exceeds limit for rule: {}",
                    rule.named()
                );
                add(self, here(), "FieldValueInvalid", message);
                return Err(Stopped);
            }
            Err(cel::Fault::NoOverload) => {
                let message = format!(
                    "'no such overload': call arguments did not match a supported operator, function or macro \
                        signature for rule: {}",
                    rule.named()
                );
                add(self, here(), "FieldValueInvalid", message);
                return Ok(());
            }
            Err(cel::Fault::Said(words)) => {
                add(self, here(), "FieldValueInvalid", format!("{words} evaluating rule: {}", rule.named()));
                return Ok(());
            }
        }
        let message = self.message(rule, &names(false));
        if link.is_unchanged() {
            return Ok(());
        }
        let field = normalized(&rule.field_path, both.schema);
        let path = if field.is_empty() { here() } else { path.child(&field).to_string() };
        let message = match message {
            Some(message) => message,
            None if rule.message.is_empty() => format!("failed rule: {}", rule.named()),
            None => rule.message.to_string(),
        };
        add(self, path, rule.reason.kind(), message);
        Ok(())
    }

    /// What the message expression of a rule makes; nothing where there is none, or it makes nothing that can be shown.
    fn message<'a>(&mut self, rule: &'a Rule, names: &Result<Vec<(&'a str, Value<'a>)>, cel::Fault>) -> Option<String> {
        let program = match rule.message_program()? {
            Ok(program) => program,
            Err(why) => {
                self.unjudged
                    .insert(Unjudged::Rule { rule: rule.message_expression.trim().to_owned(), why: why.to_string() });
                return None;
            }
        };
        let allowed = ONE_RULE.min(self.left);
        let mut left = allowed;
        let outcome = program.evaluate(names.as_ref().ok()?, &mut left);
        self.left -= allowed - left;
        match outcome {
            Ok(Value::Text(text)) => {
                let text = text.trim();
                (!text.is_empty() && text.len() <= LONGEST_MESSAGE && !text.contains('\n')).then(|| text.to_owned())
            }
            _ => None,
        }
    }
}

/// A `fieldPath` as the server writes it behind the path of the value.
fn normalized(written: &str, schema: &Schema) -> String {
    let mut path = String::new();
    let (mut rest, mut schema) = (written.trim(), Some(schema));
    while !rest.is_empty() {
        let (step, after): (String, &str) = if let Some(quoted) = rest.strip_prefix("['") {
            let Some((step, after)) = quoted.split_once("']") else { return path };
            (step.replace("\\'", "'").replace("\\\\", "\\"), after)
        } else {
            let plain = rest.strip_prefix('.').unwrap_or(rest);
            let end = plain.find(['.', '[']).filter(|end| *end > 0).unwrap_or(plain.len());
            (plain[..end].to_owned(), &plain[end..])
        };
        let is_field =
            schema.is_none_or(|schema| !schema.properties.is_empty() || schema.only_type() != Some(Type::Object));
        match (is_field, path.is_empty()) {
            (true, true) => path.push_str(&step),
            (true, false) => path.extend([".", &step]),
            (false, _) => path.extend(["[", &step, "]"]),
        }
        schema = schema.and_then(|schema| schema.field(&step));
        rest = after;
    }
    path
}

//! Expressions in CEL, as policies, webhooks and schemas hold them: whether the server takes them. Knows which names
//! each can use, and what each must come to; what an expression is `api::cel` knows.
//!
//! Follows `staging/src/k8s.io/apiserver/pkg/admission/plugin/cel/compile.go: CompileCELExpression`.

use super::cause::{Causes, Path};
use crate::api::cel::check::{self, Declared, PATCHES};
use crate::api::cel::kind::Kind;
use crate::api::cel::{Program, Unread};
use crate::k8s::version::Version;
use crate::value::{Node, Text};
use std::rc::Rc;

/// What an expression can name.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Setting<'n> {
    /// A policy's or webhook's: the request.
    Request {
        /// `params`
        params: bool,
        /// `authorizer`
        authorizer: bool,
        /// `variables`: those that it has, each with its type.
        variables: Option<&'n [(Text, Kind<'n>)]>,
        /// It may make objects: the parts that a policy changes.
        patches: bool,
    },
    /// A rule of a schema: `self` and `oldSelf`.
    Rule {
        /// The schema.
        schema: &'n Node,
        /// Whether it is that of a whole object.
        is_resource: bool,
        /// Whether `oldSelf` may be missing.
        optional_old_self: bool,
    },
}

/// What an expression must come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wanted {
    /// Anything.
    Anything,
    /// True or false.
    Bool,
    /// A text.
    Text,
    /// A text, or null.
    TextOrNull,
    /// Part of an object.
    Configuration,
    /// A list of changes.
    Patch,
}

impl<'n> Setting<'n> {
    /// The same without `authorizer`.
    #[must_use]
    pub(crate) const fn without_authorizer(self) -> Self {
        match self {
            Self::Request { params, variables, patches, .. } => {
                Self::Request { params, authorizer: false, variables, patches }
            }
            rule @ Self::Rule { .. } => rule,
        }
    }

    /// The names that it can use, with their types.
    fn declared(self) -> Vec<Declared<'n>> {
        match self {
            Setting::Rule { schema, is_resource, optional_old_self } => {
                let kind = check::of_schema(schema, is_resource).unwrap_or(Kind::Any);
                let old = if optional_old_self { Kind::optional(kind.clone()) } else { kind.clone() };
                vec![("self", kind), ("oldSelf", old)]
            }
            Setting::Request { params, authorizer, variables, patches } => {
                let mut names = vec![
                    ("object", Kind::Any),
                    ("oldObject", Kind::Any),
                    ("request", check::of_request()),
                    ("namespaceObject", check::of_namespace()),
                ];
                names.extend(params.then_some(("params", Kind::Any)));
                names
                    .extend(authorizer.then_some(("authorizer", Kind::Library("kubernetes.authorization.Authorizer"))));
                names.extend(variables.map(|variables| ("variables", check::of_variables(variables))));
                names.extend(patches.then(|| (PATCHES, Kind::Type(Rc::new(Kind::Any)))));
                names
            }
        }
    }
}

/// So deep the server's parser goes.
const DEEPEST: usize = 250;

/// The rule for an expression: `CompileCELExpression`, k8s.io/apiserver/pkg/admission/plugin/cel. Gives its type, or
/// anything where it has none.
pub(crate) fn compiles<'n>(
    written: &str,
    wanted: Wanted,
    setting: Setting<'n>,
    version: Version,
    path: &Path<'_>,
    causes: &mut Causes,
) -> Kind<'n> {
    let outcome = match Program::read(written) {
        Ok(program) => program.check(&setting.declared(), version),
        Err(Unread::Deep) if nesting(written) < DEEPEST => return Kind::Any,
        Err(Unread::Deep) => Err("expression recursion limit exceeded".to_owned()),
        Err(Unread::Syntax(fault)) => Err(format!("Syntax error: {fault}")),
    };
    match outcome {
        Err(fault) => causes.invalid(path, format!("compilation failed: {fault}")),
        Ok(kind) if !wanted.takes(&kind) => causes.invalid(path, format!("must evaluate to {}", wanted.word())),
        Ok(kind) => return kind,
    }
    Kind::Any
}

/// How deep brackets and signs before a value nest, at most.
fn nesting(written: &str) -> usize {
    let (mut depth, mut signs, mut most) = (0_usize, 0, 0);
    for letter in written.chars() {
        match letter {
            '(' | '[' | '{' => depth += 1,
            ')' | ']' | '}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        signs = if matches!(letter, '!' | '-') { signs + 1 } else { 0 };
        most = most.max(depth + signs);
    }
    most
}

impl Wanted {
    fn takes(self, kind: &Kind<'_>) -> bool {
        match (self, kind) {
            (Self::Anything, _)
            | (Self::Bool, Kind::Bool)
            | (Self::Text | Self::TextOrNull, Kind::Text)
            | (Self::TextOrNull, Kind::Null) => true,
            (Self::Configuration, Kind::Message(name)) => name == "Object",
            (Self::Patch, Kind::List(item)) => matches!(&**item, Kind::Message(name) if name == "JSONPatch"),
            _ => false,
        }
    }

    const fn word(self) -> &'static str {
        match self {
            Self::Anything => "anything",
            Self::Bool => "bool",
            Self::Text => "string",
            Self::TextOrNull => "string or null_type",
            Self::Configuration => "Object",
            Self::Patch => "list(JSONPatch)",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostic::Diagnostics;
    use crate::source::Sources;

    fn fault(written: &str, setting: Setting<'_>) -> Option<String> {
        let mut causes = Causes::default();
        compiles(written, Wanted::Bool, setting, Version::NEWEST, &Path::ROOT, &mut causes);
        causes.refusals.first().map(|refusal| refusal.detail.clone())
    }

    fn schema(text: &str) -> Node {
        let mut sources = Sources::default();
        let id = sources.add("t", text);
        crate::yaml::read_one(&sources, id, &mut Diagnostics::default()).unwrap()
    }

    #[test]
    fn what_policies_can_say() {
        let variables = [(Text::new("names"), Kind::list(Kind::Text)), (Text::new("count"), Kind::Int)];
        let policy = Setting::Request { params: true, authorizer: true, variables: Some(&variables), patches: true };
        for written in [
            "object.spec.replicas <= params.max && !has(object.metadata.labels) || request.operation in ['CREATE', \
                \"UPDATE\"]",
            "object.spec.containers.all(c, c.image.startsWith('a') ? c.x[0] > 1.5e3 : size(c.y) == 3)",
            "variables.names.map(n, n + \"\\n\").exists_one(n, n.matches(r'^\\d+$')) // comment",
            "object.?a.orValue([]).filter(x, x.y != {'k': [1, 2,], 'z': [-3]}).size() > 0",
            "authorizer.group('').resource('pods').check('get').allowed()",
            "optional.of(1).hasValue() && timestamp('2020-01-01T00:00:00Z') < timestamp(object.t)",
            "object.m.all(k, v, k != v)",
            "Object{spec: Object.spec.containers{image: 'a'}} == object",
            "'''many\nlines''' == object.a",
            "authorizer.requestResource.check('update').allowed() && type(object.a) == google.protobuf.Timestamp",
            "variables.count > 1.5 && namespaceObject.metadata.labels['a'] == 'b'",
        ] {
            assert_eq!(fault(written, policy), None, "{written}");
        }
        for written in [
            "",
            "object.",
            "object.a ==",
            "(object.a",
            "objekt.a",
            "object.a 5",
            "'open",
            "a.b.c",
            "object.a = 5",
            "object.all(x, y)",
            "'text'",
            "5",
            "if",
            "self.a == 1",
            "object.a & true",
            "variables.others.size() == 0",
            "(object.a ? 'yes' : null) == object.b",
            "(5 ? 'yes' : 'no') == object.b",
            "object.a && 'text'",
            "true == 'text'",
            // Nobody knows beforehand that it comes to a bool.
            "object.spec.paused",
            "variables.count == 'a'",
            "request.nosuch == 'a'",
            "request.userInfo.groups.exists(g, g > 3)",
            "object.a == [1, 'b']",
            "object.a.matches('[')",
            "duration('soon') < duration('1h')",
            "object.a.nosuch()",
        ] {
            assert!(fault(written, policy).is_some(), "{written}");
        }
        assert!(fault(&"(".repeat(100_000), policy).is_some() && fault(&"!".repeat(100_000), policy).is_some());
        let deep = format!("{}true{}", "(".repeat(100), ")".repeat(100));
        assert_eq!(fault(&deep, policy), None, "the server goes so deep");
    }

    #[test]
    fn what_rules_of_schemas_can_say() {
        let schema = schema(
            "{type: object, properties: {a: {type: integer}, b-c: {type: string}, l: {type: array, items: {type: \
                string}}, \
             d: {type: string, format: duration}, m: {type: object, additionalProperties: {type: number}}, x: \
             {x-kubernetes-int-or-string: true}, \
             o: {type: object, properties: {n: {type: boolean}}}, e: {type: object, \
             x-kubernetes-preserve-unknown-fields: true}}}",
        );
        let rule = Setting::Rule { schema: &schema, is_resource: true, optional_old_self: false };
        for written in [
            "self.a >= oldSelf.a && self.metadata.name == self.kind",
            "self.b__dash__c.startsWith('a') && self.l.all(i, i != '')",
            "self.d > duration('1h') && self.m['k'] > 1 && self.x == 1 && self.x == 'a'",
            "self.o == oldSelf.o && self.o.n && has(self.a)",
            "self.metadata == oldSelf.metadata && self == oldSelf",
        ] {
            assert_eq!(fault(written, rule), None, "{written}");
        }
        for written in [
            "object.a == 1",
            "self.a == 'a'",
            "self.a.startsWith('a')",
            "self.nosuch",
            "self.b-c == 'a'",
            "self.l == 'a'",
            "self.l.all(i, i > 3)",
            "self.d == '1h'",
            "self.a",
            "self.x",
            "self.e.f == 1",
            "self.metadata.labels.size() == 0",
            "self.a == 1.0",
            "self.a == null",
            "self.o['n']",
            "oldSelf.hasValue()",
        ] {
            assert!(fault(written, rule).is_some(), "{written}");
        }
        let optional = Setting::Rule { schema: &schema, is_resource: true, optional_old_self: true };
        assert_eq!(fault("!oldSelf.hasValue() || oldSelf.value().a <= self.a", optional), None);
        assert!(fault("oldSelf.a == 3", optional).is_some());
    }

    #[test]
    fn functions_come_with_versions() {
        let policy = Setting::Request { params: false, authorizer: false, variables: None, patches: false };
        for (written, since) in [
            ("quantity('1Gi').isInteger()", 29),
            ("sets.contains([1], [1])", 30),
            ("isIP('a')", 31),
            ("format.uuid().validate('a').hasValue()", 32),
            ("[1].all(i, v, v > i)", 33),
            ("isSemver('1.0.0')", 34),
            ("[2, 1].sort() == [1, 2]", 35),
        ] {
            for version in Version::all() {
                let mut causes = Causes::default();
                compiles(written, Wanted::Bool, policy, version, &Path::ROOT, &mut causes);
                assert_eq!(causes.refusals.is_empty(), version >= Version::minor(since), "{written} on {version}");
            }
        }
    }
}

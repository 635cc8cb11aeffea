//! Expressions in CEL, as policies, webhooks and schemas hold them: whether they can be read, and name only what is there.
//! What type they have in the end is known of plain values only.

use super::cause::{Causes, Path, text};
use crate::api::cel::RESERVED;
use crate::k8s::version::Version;
use crate::value::Node;

/// What an expression can name.
#[derive(Clone, Copy, Debug)]
pub struct Setting<'n> {
    /// `params`
    pub params: bool,
    /// `authorizer`
    pub authorizer: bool,
    /// `variables`: those that it has, each with a `name`.
    pub variables: Option<&'n [Node]>,
    /// It is a rule of a schema: it sees `self` and `oldSelf`, and nothing of the request.
    pub custom: bool,
}

/// What an expression must come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wanted {
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

impl Setting<'_> {
    /// The setting of rules in schemas.
    pub const CUSTOM: Self = Self { params: false, authorizer: false, variables: None, custom: true };

    fn declares(self, name: &str) -> bool {
        match name {
            "object" | "oldObject" | "request" | "namespaceObject" => !self.custom,
            "self" | "oldSelf" => self.custom,
            "params" => self.params,
            "authorizer" => self.authorizer,
            "variables" => self.variables.is_some(),
            _ => TYPES.contains(&name),
        }
    }
}

/// Names of types are values too.
const TYPES: [&str; 12] = ["bool", "bytes", "double", "dyn", "int", "list", "map", "null_type", "string", "type", "uint", "google"];
/// Macros that bring a name of their own, and how many arguments they have at most.
const MACROS: [&str; 5] = ["all", "exists", "exists_one", "map", "filter"];
/// So deep an expression may nest.
const DEEPEST: usize = 200;

/// The rule for an expression: `CompileCELExpression`, k8s.io/apiserver/pkg/admission/plugin/cel.
pub fn compiles(written: &str, wanted: Wanted, setting: Setting<'_>, _: Version, path: &Path<'_>, causes: &mut Causes) {
    let mut reader = Reader { rest: written, setting, bound: Vec::new(), depth: 0 };
    let outcome = reader.expression().and_then(|kind| match reader.token()? {
        Token::End => Ok(kind),
        other => Err(format!("Syntax error: extraneous input {other:?}")),
    });
    match outcome {
        Err(fault) => causes.invalid(path, format!("compilation failed: {fault}")),
        Ok(Some(kind)) if !wanted.takes(kind) => causes.invalid(path, format!("must evaluate to {}", wanted.word())),
        Ok(_) => {}
    }
}

/// The type of a plain value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Plain {
    Bool,
    Text,
    Null,
    Other,
}

impl Plain {
    /// Whether two values whose types are known cannot be of one type.
    const fn clash(one: Option<Self>, other: Option<Self>) -> bool {
        match (one, other) {
            (Some(Self::Bool), Some(other)) | (Some(other), Some(Self::Bool)) => !matches!(other, Self::Bool),
            (Some(Self::Text), Some(other)) | (Some(other), Some(Self::Text)) => !matches!(other, Self::Text),
            _ => false,
        }
    }
}

impl Wanted {
    fn takes(self, kind: Plain) -> bool {
        match self {
            Self::Anything => true,
            Self::Bool => kind == Plain::Bool,
            Self::Text => kind == Plain::Text,
            Self::TextOrNull => matches!(kind, Plain::Text | Plain::Null),
            Self::Configuration | Self::Patch => kind == Plain::Other,
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

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Token<'t> {
    End,
    Name(&'t str),
    Number,
    Text,
    Sign(&'t str),
}

struct Reader<'t> {
    rest: &'t str,
    setting: Setting<'t>,
    /// Names that macros have brought.
    bound: Vec<&'t str>,
    depth: usize,
}

type Outcome<T> = Result<T, String>;

const SIGNS: [&str; 25] =
    ["&&", "||", "==", "!=", "<=", ">=", "<", ">", "+", "-", "*", "/", "%", "!", "?", ":", ".", ",", "(", ")", "[", "]", "{", "}", "@"];

impl<'t> Reader<'t> {
    fn skip_blanks(&mut self) {
        loop {
            self.rest = self.rest.trim_start_matches([' ', '\t', '\r', '\n', '\u{c}']);
            if !self.rest.starts_with("//") {
                return;
            }
            self.rest = self.rest.split_once('\n').map_or("", |(_, rest)| rest);
        }
    }

    fn take(&mut self, length: usize) -> &'t str {
        let (taken, rest) = self.rest.split_at(length);
        self.rest = rest;
        taken
    }

    fn token(&mut self) -> Outcome<Token<'t>> {
        self.skip_blanks();
        let Some(first) = self.rest.bytes().next() else { return Ok(Token::End) };
        if let Some(length) = self.text_length()? {
            self.take(length);
            return Ok(Token::Text);
        }
        let is_word = |letter: char| letter.is_ascii_alphanumeric() || letter == '_';
        if first.is_ascii_alphabetic() || first == b'_' {
            let length = self.rest.find(|letter| !is_word(letter)).unwrap_or(self.rest.len());
            return Ok(Token::Name(self.take(length)));
        }
        let dotted = first == b'.' && self.rest.as_bytes().get(1).is_some_and(u8::is_ascii_digit);
        if first.is_ascii_digit() || dotted {
            return self.number();
        }
        match SIGNS.iter().find(|sign| self.rest.starts_with(**sign)) {
            Some(sign) if *sign != "@" => Ok(Token::Sign(self.take(sign.len()))),
            _ => Err(format!("Syntax error: token recognition error at: '{}'", self.rest.chars().next().unwrap_or_default())),
        }
    }

    fn number(&mut self) -> Outcome<Token<'t>> {
        let bytes = self.rest.as_bytes();
        let mut length = 0;
        let digits = |from: usize, good: fn(&u8) -> bool| from + bytes[from..].iter().take_while(|byte| good(byte)).count();
        if self.rest.starts_with("0x") {
            length = digits(2, u8::is_ascii_hexdigit);
        } else {
            length = digits(length, u8::is_ascii_digit);
            let fraction = bytes.get(length) == Some(&b'.') && bytes.get(length + 1).is_some_and(u8::is_ascii_digit);
            if fraction {
                length = digits(length + 1, u8::is_ascii_digit);
            }
            if matches!(bytes.get(length), Some(b'e' | b'E')) {
                let signed = length + 1 + usize::from(matches!(bytes.get(length + 1), Some(b'+' | b'-')));
                let end = digits(signed.min(bytes.len()), u8::is_ascii_digit);
                if end > signed {
                    length = end;
                }
            }
        }
        if matches!(bytes.get(length), Some(b'u' | b'U')) {
            length += 1;
        }
        let taken = self.take(length);
        let whole = taken.trim_end_matches(['u', 'U']);
        let fits = whole.contains(['.', 'e', 'E', 'x']) || whole.parse::<u64>().is_ok();
        if fits { Ok(Token::Number) } else { Err(format!("Syntax error: invalid int literal '{taken}'")) }
    }

    /// How long the text is that comes next; none if none comes.
    fn text_length(&self) -> Outcome<Option<usize>> {
        let prefix = self.rest.bytes().take(2).take_while(|byte| matches!(byte, b'r' | b'R' | b'b' | b'B')).count();
        let after = &self.rest[prefix..];
        let raw = self.rest[..prefix].contains(['r', 'R']);
        let Some(quote) = ["\"\"\"", "'''", "\"", "'"].into_iter().find(|quote| after.starts_with(quote)) else { return Ok(None) };
        let mut at = quote.len();
        while let Some(letter) = after[at..].chars().next() {
            if after[at..].starts_with(quote) {
                return Ok(Some(prefix + at + quote.len()));
            }
            if letter == '\\' && !raw {
                let escape = after[at + 1..].chars().next().unwrap_or_default();
                if !"abfnrtv\"'`?\\xXuU01234567".contains(escape) {
                    return Err(format!("Syntax error: token recognition error at: '\\{escape}'"));
                }
                at += 1;
            }
            if matches!(letter, '\n' | '\r') && quote.len() == 1 {
                break;
            }
            at += after[at..].chars().next().map_or(0, char::len_utf8);
        }
        Err("Syntax error: token recognition error: a text does not end".to_owned())
    }

    fn peek(&self) -> Outcome<Token<'t>> {
        let mut ahead = Reader { rest: self.rest, setting: self.setting, bound: Vec::new(), depth: 0 };
        ahead.token()
    }

    fn next_is(&mut self, sign: &str) -> Outcome<bool> {
        if self.peek()? == Token::Sign(SIGNS.iter().find(|known| **known == sign).unwrap_or(&"")) {
            self.token()?;
            return Ok(true);
        }
        Ok(false)
    }

    fn expect(&mut self, sign: &str) -> Outcome<()> {
        if self.next_is(sign)? { Ok(()) } else { Err(format!("Syntax error: missing '{sign}'")) }
    }

    fn expression(&mut self) -> Outcome<Option<Plain>> {
        self.depth += 1;
        if self.depth > DEEPEST {
            return Err("expression recursion limit exceeded".to_owned());
        }
        let kind = self.chain(0)?;
        let kind = if self.next_is("?")? {
            let one = self.chain(0)?;
            self.expect(":")?;
            let other = self.expression()?;
            if kind.is_some_and(|kind| kind != Plain::Bool) || Plain::clash(one, other) {
                return Err("found no matching overload for '_?_:_'".to_owned());
            }
            if one == other { one } else { None }
        } else {
            kind
        };
        self.depth -= 1;
        Ok(kind)
    }

    /// Operators, by how closely they bind.
    fn chain(&mut self, level: usize) -> Outcome<Option<Plain>> {
        const LEVELS: [&[&str]; 5] = [&["||"], &["&&"], &["==", "!=", "<=", ">=", "<", ">"], &["+", "-"], &["*", "/", "%"]];
        let Some(operators) = LEVELS.get(level) else { return self.unary() };
        let mut kind = self.chain(level + 1)?;
        loop {
            let next = self.peek()?;
            let is_operator = matches!(next, Token::Sign(sign) if operators.contains(&sign)) || (level == 2 && next == Token::Name("in"));
            if !is_operator {
                return Ok(kind);
            }
            self.token()?;
            let other = self.chain(level + 1)?;
            let is_truth = |kind: Option<Plain>| kind.is_none_or(|kind| kind == Plain::Bool);
            let fits = match next {
                Token::Sign("||" | "&&") => is_truth(kind) && is_truth(other),
                Token::Sign("==" | "!=") => !Plain::clash(kind, other),
                _ => true,
            };
            if let (false, Token::Sign(sign)) = (fits, next) {
                return Err(format!("found no matching overload for '_{sign}_'"));
            }
            kind = match level {
                0..=2 => Some(Plain::Bool),
                _ if kind == other => kind,
                _ => None,
            };
        }
    }

    fn unary(&mut self) -> Outcome<Option<Plain>> {
        for sign in ["!", "-"] {
            if self.next_is(sign)? {
                self.depth += 1;
                if self.depth > DEEPEST {
                    return Err("expression recursion limit exceeded".to_owned());
                }
                self.unary()?;
                self.depth -= 1;
                return Ok(Some(if sign == "!" { Plain::Bool } else { Plain::Other }));
            }
        }
        self.member()
    }

    fn member(&mut self) -> Outcome<Option<Plain>> {
        let mut kind = self.primary()?;
        loop {
            if self.next_is(".")? {
                self.next_is("?")?;
                kind = None;
                let Token::Name(field) = self.token()? else { return Err("Syntax error: no viable alternative after '.'".to_owned()) };
                if self.next_is("(")? {
                    self.call(field, true)?;
                } else if self.peek()? == Token::Sign("{") && field.starts_with(|letter: char| letter.is_ascii_uppercase()) {
                    self.token()?;
                    self.fields()?;
                }
            } else if self.next_is("[")? {
                self.next_is("?")?;
                self.expression()?;
                self.expect("]")?;
                kind = None;
            } else {
                return Ok(kind);
            }
        }
    }

    /// The arguments of a function whose parenthesis was read.
    fn call(&mut self, function: &str, of_value: bool) -> Outcome<()> {
        let bound = self.bound.len();
        if of_value && MACROS.contains(&function) {
            let mut ahead = Reader { rest: self.rest, setting: self.setting, bound: Vec::new(), depth: 0 };
            while let (Token::Name(name), Token::Sign(",")) = (ahead.token()?, ahead.token()?) {
                self.bound.push(name);
                // Two names come before the condition at most.
                if self.bound.len() == bound + 2 {
                    break;
                }
            }
        }
        if !self.next_is(")")? {
            loop {
                self.expression()?;
                if !self.next_is(",")? {
                    break;
                }
            }
            self.expect(")")?;
        }
        self.bound.truncate(bound);
        Ok(())
    }

    /// The fields of a map or message whose brace was read.
    fn fields(&mut self) -> Outcome<()> {
        loop {
            if self.next_is("}")? {
                return Ok(());
            }
            self.next_is("?")?;
            // The field of a message is a name; to say that it is not declared would be wrong.
            let mut ahead = Reader { rest: self.rest, setting: self.setting, bound: Vec::new(), depth: 0 };
            if matches!(ahead.token()?, Token::Name(_)) && ahead.token()? == Token::Sign(":") {
                self.token()?;
            } else {
                self.expression()?;
            }
            self.expect(":")?;
            self.expression()?;
            if !self.next_is(",")? {
                return self.expect("}");
            }
        }
    }

    fn primary(&mut self) -> Outcome<Option<Plain>> {
        match self.token()? {
            Token::Number => Ok(Some(Plain::Other)),
            Token::Text => Ok(Some(Plain::Text)),
            Token::Sign("(") => {
                let kind = self.expression()?;
                self.expect(")")?;
                Ok(kind)
            }
            Token::Sign("[") => {
                while !self.next_is("]")? {
                    self.next_is("?")?;
                    self.expression()?;
                    if !self.next_is(",")? {
                        self.expect("]")?;
                        break;
                    }
                }
                Ok(Some(Plain::Other))
            }
            Token::Sign("{") => self.fields().map(|()| Some(Plain::Other)),
            Token::Sign(".") => self.primary(),
            Token::Name("true" | "false") => Ok(Some(Plain::Bool)),
            Token::Name("null") => Ok(Some(Plain::Null)),
            Token::Name(name) => self.name(name),
            other => Err(format!("Syntax error: mismatched input {other:?}")),
        }
    }

    fn name(&mut self, name: &'t str) -> Outcome<Option<Plain>> {
        if name == "in" {
            return Err("Syntax error: mismatched input 'in'".to_owned());
        }
        if RESERVED.contains(&name) {
            return Err(format!("Syntax error: reserved identifier: {name}"));
        }
        match self.peek()? {
            Token::Sign("(") => {
                self.token()?;
                self.call(name, false)?;
                return Ok((name == "has").then_some(Plain::Bool));
            }
            Token::Sign("{") if name.starts_with(|letter: char| letter.is_ascii_uppercase()) => {
                self.token()?;
                self.fields()?;
                return Ok(Some(Plain::Other));
            }
            // `Object.spec{…}`: a part of what a policy changes.
            Token::Sign(".") if name.starts_with(|letter: char| letter.is_ascii_uppercase()) && self.take_type()? => {
                self.fields()?;
                return Ok(Some(Plain::Other));
            }
            Token::Sign(".") if name == "variables" && !self.bound.contains(&name) => self.declared_variable()?,
            // `optional.none()`: a name that only stands before others.
            Token::Sign(".") if self.is_before_call() => return Ok(None),
            _ => {}
        }
        if self.bound.contains(&name) || self.setting.declares(name) {
            return Ok(None);
        }
        Err(format!("undeclared reference to '{name}' (in container '')"))
    }

    /// Reads `.name.name{`, if that comes next.
    fn take_type(&mut self) -> Outcome<bool> {
        let mut ahead = Reader { rest: self.rest, setting: self.setting, bound: Vec::new(), depth: 0 };
        loop {
            match (ahead.token()?, ahead.token()?) {
                (Token::Sign("."), Token::Name(_)) if ahead.peek()? == Token::Sign("{") => {
                    ahead.token()?;
                    self.rest = ahead.rest;
                    return Ok(true);
                }
                (Token::Sign("."), Token::Name(_)) => {}
                _ => return Ok(false),
            }
        }
    }

    /// Refuses `variables.name` where there is no such variable.
    fn declared_variable(&self) -> Outcome<()> {
        let mut ahead = Reader { rest: self.rest, setting: self.setting, bound: Vec::new(), depth: 0 };
        let Some(declared) = self.setting.variables else { return Ok(()) };
        match (ahead.token()?, ahead.token()?) {
            (Token::Sign("."), Token::Name(field)) if ahead.peek()? != Token::Sign("(") => {
                let is_there = declared.iter().any(|variable| text(variable, "name") == field);
                if is_there { Ok(()) } else { Err(format!("undefined field '{field}'")) }
            }
            _ => Ok(()),
        }
    }

    /// Whether what comes next is `.name(` or `.Name`.
    fn is_before_call(&self) -> bool {
        let mut ahead = Reader { rest: self.rest, setting: self.setting, bound: Vec::new(), depth: 0 };
        let mut next = || ahead.token().unwrap_or(Token::End);
        next() == Token::Sign(".")
            && match next() {
                Token::Name(word) => word.starts_with(|letter: char| letter.is_ascii_uppercase()) || next() == Token::Sign("("),
                _ => false,
            }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(written: &str, setting: Setting<'_>) -> Option<String> {
        let mut causes = Causes::default();
        compiles(written, Wanted::Bool, setting, Version::NEWEST, &Path::ROOT, &mut causes);
        causes.refusals.first().map(|refusal| refusal.detail.clone())
    }

    #[test]
    fn readable_and_not() {
        let at = crate::source::At::top(crate::source::Sources::default().add("t", ""));
        let variables = [Node::of(at, [("name", Some(Node::text("names", at)))])];
        let policy = Setting { params: true, authorizer: true, variables: Some(&variables), custom: false };
        for written in [
            "object.spec.replicas <= params.max && !has(object.metadata.labels) || request.operation in ['CREATE', \"UPDATE\"]",
            "object.spec.containers.all(c, c.image.startsWith('a') ? c.x[0] > 1.5e3 : size(c.y) == 0x1fu)",
            "variables.names.map(n, n + \"\\n\").exists_one(n, n.matches(r'^\\d+$')) // comment",
            "object.?a.orValue([]).filter(x, x.y != {'k': [1, 2,], 'z': -3}).size() > 0",
            "authorizer.group('').resource('pods').check('get').allowed()",
            "optional.of(1).hasValue() && timestamp('2020-01-01T00:00:00Z') < timestamp(object.t)",
            "object.m.all(k, v, k != v)",
            "Object{spec: Object.spec.containers{image: 'a'}} == object",
            "'''many\nlines''' == object.a",
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
        ] {
            assert!(fault(written, policy).is_some(), "{written}");
        }
        assert_eq!(fault("self.a >= oldSelf.a", Setting::CUSTOM), None);
        assert!(fault("object.a == 1", Setting::CUSTOM).is_some());
        assert!(fault(&"(".repeat(100_000), policy).is_some() && fault(&"!".repeat(100_000), policy).is_some());
    }
}

//! Works out one expression, step by step, and pays for what each step makes before it is made. The grammar, the
//! filters and the meaning of the operators are minijinja's. Knows values; not where names come from, and not what is
//! said of an expression that fails.

use super::expression::Names;
use crate::budget::{self, Account};
use minijinja::machinery::ast::{BinOpKind, CallArg, CompareOpKind, Expr, UnaryOpKind};
use minijinja::machinery::parse_expr;
use minijinja::value::{Kwargs, Rest, Tuple, ValueKind, ValueOrKwargs};
use minijinja::{Environment, Error, ErrorKind, Expression, State, UndefinedBehavior, Value, filters};
use std::fmt::Write as _;
use std::sync::{Arc, OnceLock};

/// Why an expression gives nothing.
pub(super) enum Stop {
    /// It is not one, or cannot be worked out.
    Wrong(Error),
    /// It makes more than one expression may.
    TooMuch,
    /// All expressions of the environment make more than they may together: the limit.
    Exceeded(u64),
    /// It asks for what is not there; for which item of which list, if it was one.
    Missing(Option<Miss>),
}

/// An item that a list does not have.
#[derive(Clone, Copy)]
pub(super) struct Miss {
    /// Which was asked for.
    pub(super) index: i64,
    /// How many there are.
    pub(super) length: usize,
}

/// Functions that are no names of an app.
pub(super) const FUNCTIONS: &[&str] = &["range"];

/// The name of what gives other apps: `app` itself is the name of this one.
pub(super) const OTHER_APP: &str = "app()";

/// An expression, read.
pub(super) struct Formula<'s>(Expr<'s>);

impl<'s> Formula<'s> {
    /// Reads an expression.
    pub(super) fn read(source: &'s str) -> Result<Self, Error> {
        parse_expr(source).map(Self)
    }

    /// The names that it asks for, in order, each with the fields that are written behind it: `vars.size`.
    pub(super) fn names(&self) -> Vec<String> {
        let mut names = Vec::new();
        let mut open = vec![&self.0];
        while let Some(expr) = open.pop() {
            match path(expr) {
                Some(path) => names.push(path),
                None => parts(expr, &mut open),
            }
        }
        names.sort();
        names.dedup();
        names
    }

    /// Works it out.
    pub(super) fn value(&self, names: &Names) -> Result<Value, Stop> {
        let meter = Arc::new(Meter { own: Account::new(budget::EXPRESSION_MAKES), all: Arc::clone(names.account()) });
        let mut state = engine().empty_state();
        state.get_or_insert_extension(Arc::clone(&meter));
        let mut evaluator = Evaluator { names, state, meter: Arc::clone(&meter), miss: None };
        let result = evaluator.value(&self.0).and_then(|value| {
            meter.weigh(&value)?;
            Ok(value)
        });
        match result {
            Ok(value) if value.is_undefined() => Err(Stop::Missing(evaluator.miss)),
            Ok(value) => Ok(value),
            Err(error) if error.kind() == ErrorKind::OutOfFuel => Err(meter.stop()),
            Err(error) if error.kind() == ErrorKind::UndefinedError => Err(Stop::Missing(evaluator.miss)),
            Err(error) => Err(Stop::Wrong(error)),
        }
    }
}

/// `name.field.field`, if it is nothing else.
fn path(expr: &Expr<'_>) -> Option<String> {
    let (mut expr, mut fields) = (expr, Vec::new());
    loop {
        match expr {
            Expr::Var(var) => {
                let mut path = var.id.to_owned();
                fields.iter().rev().for_each(|field| {
                    let _ = write!(path, ".{field}");
                });
                return Some(path);
            }
            Expr::GetAttr(attribute) => {
                fields.push(attribute.name);
                expr = &attribute.expr;
            }
            _ => return None,
        }
    }
}

/// The expressions that an expression is made of.
fn parts<'e, 's>(expr: &'e Expr<'s>, out: &mut Vec<&'e Expr<'s>>) {
    let arguments = |arguments: &'e [CallArg<'s>], out: &mut Vec<&'e Expr<'s>>| {
        out.extend(arguments.iter().map(|argument| match argument {
            CallArg::Pos(expr) | CallArg::Kwarg(_, expr) | CallArg::PosSplat(expr) | CallArg::KwargSplat(expr) => expr,
        }));
    };
    match expr {
        Expr::Var(_) | Expr::Const(_) => {}
        Expr::Slice(slice) => {
            out.push(&slice.expr);
            out.extend([&slice.start, &slice.stop, &slice.step].into_iter().flatten());
        }
        Expr::UnaryOp(operation) => out.push(&operation.expr),
        Expr::BinOp(operation) => out.extend([&operation.left, &operation.right]),
        Expr::Compare(compare) => {
            out.push(&compare.expr);
            out.extend(compare.ops.iter().map(|other| &other.expr));
        }
        Expr::IfExpr(choice) => {
            out.extend([&choice.test_expr, &choice.true_expr]);
            out.extend(&choice.false_expr);
        }
        Expr::Filter(filter) => {
            out.extend(&filter.expr);
            arguments(&filter.args, out);
        }
        Expr::Test(test) => {
            out.push(&test.expr);
            arguments(&test.args, out);
        }
        Expr::GetAttr(attribute) => out.push(&attribute.expr),
        Expr::GetItem(item) => out.extend([&item.expr, &item.subscript_expr]),
        Expr::Call(call) => {
            out.push(&call.expr);
            arguments(&call.args, out);
        }
        Expr::List(list) => out.extend(&list.items),
        Expr::Tuple(tuple) => out.extend(&tuple.items),
        Expr::Map(map) => out.extend(map.keys.iter().chain(&map.values)),
    }
}

/// What an expression has paid, for itself and for its environment.
struct Meter {
    own: Account,
    all: Arc<Account>,
}

/// Bytes that a value takes, whatever it holds.
const SLOT: u64 = 24;

impl Meter {
    fn pay(&self, bytes: u64) -> Result<(), Error> {
        if self.own.pay(bytes).is_err() || self.all.pay(bytes).is_err() {
            return Err(Error::from(ErrorKind::OutOfFuel));
        }
        Ok(())
    }

    /// Pays for a value with all that it holds: what reads it looks at so much.
    fn weigh(&self, value: &Value) -> Result<(), Error> {
        let most = self.own.left().min(self.all.left());
        self.pay(weight(value, most))
    }

    fn stop(&self) -> Stop {
        if self.own.left() == 0 { Stop::TooMuch } else { Stop::Exceeded(self.all.limit()) }
    }
}

/// How much a value holds; what is more than `most` is not counted.
pub(super) fn weight(value: &Value, most: u64) -> u64 {
    let mut sum = SLOT;
    match value.kind() {
        ValueKind::String => sum += value.as_str().map_or(0, |text| text.len() as u64),
        ValueKind::Seq | ValueKind::Iterable => {
            for item in value.try_iter().into_iter().flatten() {
                sum = sum.saturating_add(weight(&item, most.saturating_sub(sum)));
                if sum > most {
                    break;
                }
            }
        }
        ValueKind::Map => {
            for key in value.try_iter().into_iter().flatten() {
                let inner = value.get_item(&key).map_or(0, |inner| weight(&inner, most.saturating_sub(sum)));
                sum = sum.saturating_add(inner).saturating_add(SLOT + key.as_str().map_or(0, |key| key.len() as u64));
                if sum > most {
                    break;
                }
            }
        }
        _ => {}
    }
    sum
}

struct Evaluator<'n> {
    names: &'n Names,
    state: State<'static, 'static>,
    meter: Arc<Meter>,
    /// The last item that was asked for and is not there.
    miss: Option<Miss>,
}

impl Evaluator<'_> {
    fn value(&mut self, expr: &Expr<'_>) -> Result<Value, Error> {
        // Down the left side without recursion: a chain of operators is as long as the text.
        let (mut expr, mut waiting) = (expr, Vec::new());
        let first = loop {
            let left = match expr {
                Expr::UnaryOp(operation) => &operation.expr,
                Expr::BinOp(operation) => &operation.left,
                Expr::Compare(compare) => &compare.expr,
                Expr::Filter(filter) => filter.expr.as_ref().ok_or_else(|| Error::from(ErrorKind::MissingArgument))?,
                Expr::Test(test) => &test.expr,
                Expr::GetAttr(attribute) => &attribute.expr,
                Expr::GetItem(item) => &item.expr,
                Expr::Slice(slice) => &slice.expr,
                Expr::Call(call) => match &call.expr {
                    Expr::GetAttr(method) => &method.expr,
                    other => other,
                },
                Expr::IfExpr(choice) => {
                    let test = self.value(&choice.test_expr)?;
                    match (is_true(&test)?, &choice.false_expr) {
                        (true, _) => expr = &choice.true_expr,
                        (false, Some(other)) => expr = other,
                        (false, None) => break operators().nothing.clone(),
                    }
                    continue;
                }
                Expr::Var(_) | Expr::Const(_) | Expr::List(_) | Expr::Tuple(_) | Expr::Map(_) => {
                    break self.leaf(expr)?;
                }
            };
            waiting.push(expr);
            expr = left;
        };
        waiting.into_iter().rev().try_fold(first, |value, expr| self.step(expr, value))
    }

    fn leaf(&mut self, expr: &Expr<'_>) -> Result<Value, Error> {
        Ok(match expr {
            Expr::Var(var) => {
                self.names.get(var.id).cloned().or_else(|| self.state.lookup(var.id)).unwrap_or(Value::UNDEFINED)
            }
            Expr::Const(constant) => constant.value.clone(),
            Expr::List(list) => Value::from(self.values(&list.items)?),
            Expr::Tuple(tuple) => Value::from(Tuple::from(self.values(&tuple.items)?)),
            Expr::Map(map) => {
                let keys = self.values(&map.keys)?;
                Value::from_pairs(keys.into_iter().zip(self.values(&map.values)?))
            }
            _ => Value::UNDEFINED,
        })
    }

    fn values(&mut self, exprs: &[Expr<'_>]) -> Result<Vec<Value>, Error> {
        self.meter.pay(SLOT * exprs.len() as u64)?;
        exprs.iter().map(|expr| self.value(expr)).collect()
    }

    /// What an expression makes of the value of its left side.
    fn step(&mut self, expr: &Expr<'_>, left: Value) -> Result<Value, Error> {
        self.meter.pay(SLOT)?;
        match expr {
            Expr::UnaryOp(operation) => match operation.op {
                UnaryOpKind::Not => Ok(Value::from(!is_true(&left)?)),
                UnaryOpKind::Neg => operators().apply("-a", [left]),
            },
            Expr::BinOp(operation) => match operation.op {
                BinOpKind::ScAnd if !is_true(&left)? => Ok(left),
                BinOpKind::ScOr if is_true(&left)? => Ok(left),
                BinOpKind::ScAnd | BinOpKind::ScOr => self.value(&operation.right),
                kind => {
                    let right = self.value(&operation.right)?;
                    self.operate(kind, left, right)
                }
            },
            Expr::Compare(compare) => {
                let mut left = left;
                for other in &compare.ops {
                    let right = self.value(&other.expr)?;
                    self.meter.weigh(&left)?;
                    self.meter.weigh(&right)?;
                    if !operators().apply(comparison(other.op), [left, right.clone()])?.is_true() {
                        return Ok(Value::from(false));
                    }
                    left = right;
                }
                Ok(Value::from(true))
            }
            Expr::Filter(filter) => {
                let arguments = self.arguments(Some(left), &filter.args)?;
                self.filter(filter.name, &arguments)
            }
            Expr::Test(test) => {
                let arguments = self.arguments(Some(left), &test.args)?;
                let unknown = || Error::new(ErrorKind::UnknownTest, format!("test {} is unknown", test.name));
                let known = |error: Error| if error.kind() == ErrorKind::UnknownTest { unknown() } else { error };
                self.state.perform_test(test.name, &arguments).map(Value::from).map_err(known)
            }
            Expr::GetAttr(attribute) => left.get_attr(attribute.name),
            Expr::GetItem(item) => {
                let key = self.value(&item.subscript_expr)?;
                let value = left.get_item(&key)?;
                if let (true, ValueKind::Seq, Some(length), Some(index)) =
                    (value.is_undefined(), left.kind(), left.len(), key.as_i64())
                {
                    self.miss = Some(Miss { index, length });
                }
                Ok(value)
            }
            Expr::Slice(slice) => {
                let mut bounds = Vec::new();
                for bound in [&slice.start, &slice.stop, &slice.step] {
                    bounds.push(bound.as_ref().map_or(Ok(Value::from(())), |bound| self.value(bound))?);
                }
                self.pay_for_items(&left)?;
                let [start, stop, step] = bounds.try_into().unwrap_or_default();
                self.whole(operators().apply("a[b:c:d]", [left, start, stop, step])?)
            }
            Expr::Call(call) => {
                let arguments = self.arguments(None, &call.args)?;
                arguments.iter().try_for_each(|argument| self.meter.weigh(argument))?;
                let made = match &call.expr {
                    Expr::GetAttr(method) => {
                        self.meter.weigh(&left)?;
                        left.call_method(&mut self.state, method.name, &arguments)?
                    }
                    Expr::Var(var) if var.id == "app" => self.names.get(OTHER_APP).map_or_else(
                        || {
                            Err(Error::new(
                                ErrorKind::InvalidOperation,
                                "no other app is known here: only apps of one workspace know each other",
                            ))
                        },
                        |other| other.call(&mut self.state, &arguments),
                    )?,
                    _ => left.call(&mut self.state, &arguments)?,
                };
                self.whole(made)
            }
            _ => Ok(left),
        }
    }

    fn operate(&mut self, kind: BinOpKind, left: Value, right: Value) -> Result<Value, Error> {
        if matches!(kind, BinOpKind::Mul) {
            // The one operator that makes more than it is given.
            for (one, times) in [(&left, &right), (&right, &left)] {
                if let (true, Some(times)) =
                    (matches!(one.kind(), ValueKind::String | ValueKind::Seq | ValueKind::Iterable), times.as_usize())
                {
                    let length =
                        one.as_str().map_or_else(|| SLOT * one.len().unwrap_or(0) as u64, |text| text.len() as u64);
                    self.meter.pay(length.saturating_mul(times as u64))?;
                }
            }
        } else if !(left.is_number() && right.is_number()) {
            self.meter.weigh(&left)?;
            self.meter.weigh(&right)?;
        }
        self.whole(operators().apply(operator(kind), [left, right])?)
    }

    fn arguments(&mut self, first: Option<Value>, written: &[CallArg<'_>]) -> Result<Vec<Value>, Error> {
        let (mut arguments, mut named) = (Vec::from_iter(first), Vec::new());
        for argument in written {
            match argument {
                CallArg::Pos(expr) => arguments.push(self.value(expr)?),
                CallArg::PosSplat(expr) => {
                    let list = self.value(expr)?;
                    self.pay_for_items(&list)?;
                    arguments.extend(list.try_iter()?);
                }
                CallArg::Kwarg(name, expr) => named.push(((*name).to_owned(), self.value(expr)?)),
                CallArg::KwargSplat(expr) => {
                    let map = self.value(expr)?;
                    self.meter.weigh(&map)?;
                    for key in map.try_iter()? {
                        named.push((key.to_string(), map.get_item(&key)?));
                    }
                }
            }
        }
        if !named.is_empty() {
            arguments.push(Value::from(Kwargs::from_iter(named)));
        }
        Ok(arguments)
    }

    fn filter(&mut self, name: &str, arguments: &[Value]) -> Result<Value, Error> {
        pay_for_filter(&self.meter, name, arguments)?;
        let unknown = || Error::new(ErrorKind::UnknownFilter, format!("filter {name} is unknown"));
        let known = |error: Error| if error.kind() == ErrorKind::UnknownFilter { unknown() } else { error };
        let made = self.state.apply_filter(name, arguments).map_err(known)?;
        self.whole(made)
    }

    /// A list that would only be made when it is read is made now, once.
    fn whole(&mut self, value: Value) -> Result<Value, Error> {
        if value.kind() != ValueKind::Iterable {
            return Ok(value);
        }
        self.pay_for_items(&value)?;
        let items = value.try_iter()?.checked().collect::<Result<Vec<Value>, Error>>()?;
        Ok(Value::from(items))
    }

    fn pay_for_items(&self, value: &Value) -> Result<(), Error> {
        let own = value.as_str().map_or(0, |text| text.len() as u64);
        self.meter.pay(own + SLOT * value.len().unwrap_or(0) as u64)
    }
}

/// Pays for what a filter reads. `join`, `replace`, `format_each` and `map` pay by themselves: they make more than they
/// read.
fn pay_for_filter(meter: &Meter, name: &str, arguments: &[Value]) -> Result<(), Error> {
    match name {
        "default" | "first" | "length" | "join" | "replace" | "format_each" | "map" => Ok(()),
        "sort" => {
            // Each comparison makes two texts in small letters.
            let items = arguments.first().and_then(Value::len).unwrap_or(0);
            let rounds = u64::from(usize::BITS - items.leading_zeros()).max(1);
            let most = meter.own.left().min(meter.all.left());
            let all = arguments.iter().fold(0_u64, |sum, argument| sum.saturating_add(weight(argument, most)));
            meter.pay(all.saturating_mul(rounds))
        }
        _ => arguments.iter().try_for_each(|argument| meter.weigh(argument)),
    }
}

fn is_true(value: &Value) -> Result<bool, Error> {
    if value.is_undefined() { Ok(!operators().apply("not a", [value.clone()])?.is_true()) } else { Ok(value.is_true()) }
}

const fn operator(kind: BinOpKind) -> &'static str {
    match kind {
        BinOpKind::Eq => "a == b",
        BinOpKind::Ne => "a != b",
        BinOpKind::Lt => "a < b",
        BinOpKind::Lte => "a <= b",
        BinOpKind::Gt => "a > b",
        BinOpKind::Gte => "a >= b",
        BinOpKind::Add => "a + b",
        BinOpKind::Sub => "a - b",
        BinOpKind::Mul => "a * b",
        BinOpKind::Div => "a / b",
        BinOpKind::FloorDiv => "a // b",
        BinOpKind::Rem => "a % b",
        BinOpKind::Pow => "a ** b",
        BinOpKind::Concat => "a ~ b",
        BinOpKind::In => "a in b",
        BinOpKind::ScAnd => "a and b",
        BinOpKind::ScOr => "a or b",
    }
}

const fn comparison(kind: CompareOpKind) -> &'static str {
    match kind {
        CompareOpKind::Eq => "a == b",
        CompareOpKind::Ne => "a != b",
        CompareOpKind::Lt => "a < b",
        CompareOpKind::Lte => "a <= b",
        CompareOpKind::Gt => "a > b",
        CompareOpKind::Gte => "a >= b",
        CompareOpKind::In => "a in b",
        CompareOpKind::NotIn => "a not in b",
    }
}

/// minijinja's operators, each as an expression of its own.
struct Operators {
    read: Vec<(&'static str, Expression<'static, 'static>)>,
    /// What `a if b` gives when `b` is false: nothing, which may be asked for.
    nothing: Value,
}

fn operators() -> &'static Operators {
    const WRITTEN: [&str; 19] = [
        "-a",
        "not a",
        "a == b",
        "a != b",
        "a < b",
        "a <= b",
        "a > b",
        "a >= b",
        "a + b",
        "a - b",
        "a * b",
        "a / b",
        "a // b",
        "a % b",
        "a ** b",
        "a ~ b",
        "a in b",
        "a not in b",
        "a[b:c:d]",
    ];
    static OPERATORS: OnceLock<Operators> = OnceLock::new();
    OPERATORS.get_or_init(|| {
        let read =
            WRITTEN.into_iter().filter_map(|text| Some((text, engine().compile_expression(text).ok()?))).collect();
        let nothing = engine()
            .compile_expression("0 if false")
            .and_then(|expression| expression.eval(()))
            .unwrap_or(Value::UNDEFINED);
        Operators { read, nothing }
    })
}

impl Operators {
    fn apply<const N: usize>(&self, text: &str, operands: [Value; N]) -> Result<Value, Error> {
        let (_, expression) = self
            .read
            .iter()
            .find(|(known, _)| *known == text)
            .ok_or_else(|| Error::from(ErrorKind::InvalidOperation))?;
        expression.eval(Value::from_pairs(["a", "b", "c", "d"].into_iter().zip(operands)))
    }
}

/// The engine, made once: its filters and tests are those that a spec may use.
fn engine() -> &'static Environment<'static> {
    static ENGINE: OnceLock<Environment<'static>> = OnceLock::new();
    ENGINE.get_or_init(|| {
        let mut engine = Environment::empty();
        engine.set_undefined_behavior(UndefinedBehavior::Strict);
        engine.set_debug(false);
        engine.add_filter("format_each", format_each);
        engine.add_filter("join", join);
        engine.add_filter("replace", replace);
        engine.add_filter("default", filters::default);
        engine.add_filter("lower", filters::lower);
        engine.add_filter("upper", filters::upper);
        engine.add_filter("trim", filters::trim);
        engine.add_filter("split", split);
        engine.add_filter("length", filters::length);
        engine.add_filter("first", filters::first);
        engine.add_filter("last", filters::last);
        engine.add_filter("min", filters::min);
        engine.add_filter("max", filters::max);
        engine.add_filter("sort", filters::sort);
        engine.add_filter("reverse", filters::reverse);
        engine.add_filter("list", filters::list);
        engine.add_filter("int", filters::int);
        engine.add_filter("string", filters::string);
        engine.add_filter("abs", filters::abs);
        engine.add_filter("round", filters::round);
        engine.add_filter("map", map);
        engine.add_function("range", minijinja::functions::range);
        engine.add_test("defined", minijinja::tests::is_defined);
        engine.add_test("none", minijinja::tests::is_none);
        engine.add_test("odd", minijinja::tests::is_odd);
        engine.add_test("even", minijinja::tests::is_even);
        engine
    })
}

/// The meter of the expression that a filter is part of.
fn meter(state: &State<'_, '_>) -> Result<Arc<Meter>, Error> {
    state.get_extension::<Arc<Meter>>().cloned().ok_or_else(|| Error::from(ErrorKind::OutOfFuel))
}

/// A piece of a format: text, or what of an item is put in.
enum Slot<'f> {
    Text(String),
    Field(&'f str),
    Formula(Formula<'f>),
}

/// Takes a format apart: `{name}` and `{ordinal + 1}` are put in, `{{` and `}}` are one brace each.
fn slots(format: &str) -> Result<Vec<Slot<'_>>, Error> {
    let (mut slots, mut text, mut rest) = (Vec::new(), String::new(), format);
    while let Some(brace) = rest.find(['{', '}']) {
        text.push_str(&rest[..brace]);
        let (letter, after) = (&rest[brace..=brace], &rest[brace + 1..]);
        if let Some(after) = after.strip_prefix(letter) {
            text.push_str(letter);
            rest = after;
        } else if letter == "}" {
            text.push('}');
            rest = after;
        } else {
            let Some(end) = slot_end(after) else {
                let message = format!("`{{` in '{format}' has no `}}`; write `{{{{` for a brace that is meant as such");
                return Err(Error::new(ErrorKind::InvalidOperation, message));
            };
            if !text.is_empty() {
                slots.push(Slot::Text(std::mem::take(&mut text)));
            }
            let source = after[..end].trim();
            slots.push(if source.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_') {
                Slot::Field(source)
            } else {
                let wrong = |error: Error| {
                    let why = error.detail().map_or_else(|| error.kind().to_string(), str::to_owned);
                    let message = format!(
                        "`{{{source}}}` is not an expression ({why}); write `{{{{` for a brace that is meant as such"
                    );
                    Error::new(ErrorKind::InvalidOperation, message)
                };
                Slot::Formula(Formula::read(source).map_err(wrong)?)
            });
            rest = &after[end + 1..];
        }
    }
    text.push_str(rest);
    if !text.is_empty() {
        slots.push(Slot::Text(text));
    }
    Ok(slots)
}

/// Where an expression in braces ends: at the first `}` outside of quotes and of braces of its own.
fn slot_end(inside: &str) -> Option<usize> {
    let (mut quote, mut depth) = (None, 0_usize);
    for (offset, byte) in inside.bytes().enumerate() {
        match (quote, byte) {
            (Some(open), _) if byte == open => quote = None,
            (None, b'\'' | b'"') => quote = Some(byte),
            (None, b'{') => depth += 1,
            (None, b'}') if depth > 0 => depth -= 1,
            (None, b'}') => return Some(offset),
            _ => {}
        }
    }
    // A quote that nothing closes is part of the text around.
    inside.find('}')
}

/// `peers | format_each('{name}={fqdn}')`: each item as a text, with its fields, or what is made of them, in the
/// braces.
fn format_each(state: &State<'_, '_>, items: &Value, format: &str) -> Result<Value, Error> {
    let meter = meter(state)?;
    meter.pay(SLOT + format.len() as u64)?;
    let slots = slots(format)?;
    let mut list = Vec::new();
    for item in items.try_iter()? {
        let mut out = String::new();
        meter.pay(SLOT + format.len() as u64)?;
        for slot in &slots {
            let value = match slot {
                Slot::Text(text) => {
                    out.push_str(text);
                    continue;
                }
                Slot::Field(name) => field(&item, name)?,
                Slot::Formula(formula) => {
                    let mut names = Names::default();
                    for path in formula.names() {
                        let name = path.split('.').next().unwrap_or_default();
                        if !FUNCTIONS.contains(&name) {
                            names.set(name, field(&item, name)?);
                        }
                    }
                    let mut own = engine().empty_state();
                    own.get_or_insert_extension(Arc::clone(&meter));
                    let mut evaluator = Evaluator { names: &names, state: own, meter: Arc::clone(&meter), miss: None };
                    let value = evaluator.value(&formula.0)?;
                    if value.is_undefined() {
                        return Err(Error::from(ErrorKind::UndefinedError));
                    }
                    value
                }
            };
            meter.weigh(&value)?;
            let _ = write!(out, "{value}");
        }
        list.push(Value::from(out));
    }
    Ok(Value::from(list))
}

/// A field of an item.
fn field(item: &Value, name: &str) -> Result<Value, Error> {
    let value = item.get_attr(name)?;
    if value.is_undefined() {
        let message = format!("an item has no `{name}`; peers have name, host, fqdn and ordinal");
        return Err(Error::new(ErrorKind::InvalidOperation, message));
    }
    Ok(value)
}

fn join(state: &State<'_, '_>, items: &Value, joint: Option<&str>) -> Result<String, Error> {
    let (meter, joint) = (meter(state)?, joint.unwrap_or_default());
    let mut out = String::new();
    for (index, item) in items.try_iter()?.enumerate() {
        meter.weigh(&item)?;
        if index > 0 {
            meter.pay(joint.len() as u64)?;
            out.push_str(joint);
        }
        let _ = write!(out, "{item}");
    }
    Ok(out)
}

fn replace(state: &State<'_, '_>, text: &str, from: &str, to: &str) -> Result<String, Error> {
    let meter = meter(state)?;
    meter.pay(text.len() as u64)?;
    let count = if from.is_empty() { text.len() + 1 } else { text.matches(from).count() };
    meter.pay((count as u64).saturating_mul(to.len() as u64))?;
    Ok(text.replace(from, to))
}

fn split(state: &State<'_, '_>, value: &Value, at: Option<Arc<str>>, most: Option<i64>) -> Result<Value, Error> {
    let text = value.as_str().unwrap_or_default();
    let pieces = match at.as_deref() {
        None | Some("") => text.len() + 2,
        Some(at) => text.matches(at).count() + 1,
    };
    let pieces =
        most.and_then(|most| usize::try_from(most).ok()).map_or(pieces, |most| pieces.min(most.saturating_add(1)));
    meter(state)?.pay(text.len() as u64 + SLOT * pieces as u64)?;
    filters::split(value, at, most)
}

/// `map('upper')` gives each item to a filter, `map(attribute='name')` takes a field of each.
fn map(state: &mut State<'_, '_>, value: Value, arguments: Rest<ValueOrKwargs>) -> Result<Vec<Value>, Error> {
    let meter = meter(state)?;
    meter.pay(SLOT * value.len().unwrap_or(0) as u64)?;
    let given: Vec<Value> = arguments.0.into_iter().map(ValueOrKwargs::into_value).collect();
    let filter = match given.first().and_then(Value::as_str) {
        Some("map") => return Err(Error::new(ErrorKind::InvalidOperation, "map cannot be given to map")),
        Some(filter) => filter,
        None => {
            // A field of each item: as many values as there are items, each there already.
            let all = [vec![value], given].concat();
            let (value, arguments) = minijinja::value::from_args(&all)?;
            return filters::map(state, value, arguments);
        }
    };
    let mut list = Vec::new();
    for item in value.try_iter()? {
        let arguments = [&[item], &given[1..]].concat();
        pay_for_filter(&meter, filter, &arguments)?;
        list.push(state.apply_filter(filter, &arguments)?);
    }
    Ok(list)
}

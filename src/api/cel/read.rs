//! The grammar of CEL: from text to tree, macros taken apart. Knows no function and no value.

use super::tree::{DEEPEST, Fold, Kind, Literal, Operator, Tree};
use super::{RESERVED, Unread};
use crate::value::Text;

/// Reads an expression.
///
/// # Errors
/// When it is none: why.
pub(super) fn read(written: &str) -> Result<Tree, Unread> {
    let mut reader = Reader { text: written, at: 0, next: Token::End, depth: 0 };
    reader.step()?;
    let (tree, _) = reader.expression()?;
    if reader.next == Token::End { Ok(tree) } else { Err(reader.unexpected().into()) }
}

/// A part of the text.
#[derive(Clone, Debug, PartialEq)]
enum Token {
    End,
    Name(Text),
    Literal(Literal),
    Sign(&'static str),
}

const SIGNS: [&str; 25] = [
    "&&", "||", "==", "!=", "<=", ">=", "<", ">", "+", "-", "*", "/", "%", "!", "?", ":", ".", ",", "(", ")", "[", "]",
    "{", "}", "=",
];

/// Operators by how closely they bind, loosest first.
const LEVELS: [&[(&str, Operator)]; 3] = [
    &[
        ("==", Operator::Equal),
        ("!=", Operator::Unequal),
        ("<", Operator::Less),
        ("<=", Operator::LessOrEqual),
        (">", Operator::Greater),
        (">=", Operator::GreaterOrEqual),
        ("in", Operator::In),
    ],
    &[("+", Operator::Add), ("-", Operator::Subtract)],
    &[("*", Operator::Multiply), ("/", Operator::Divide), ("%", Operator::Remainder)],
];

/// So deep its parentheses may.
const NESTED: usize = 60;

/// Fields of a message: name, value, and whether it may be left out.
type Fields = Vec<(Text, Tree, bool)>;

/// A tree and how deep it is.
type Part = (Tree, usize);

struct Reader<'t> {
    text: &'t str,
    at: usize,
    next: Token,
    depth: usize,
}

impl Reader<'_> {
    fn rest(&self) -> &str {
        &self.text[self.at..]
    }

    /// Reads the next token, and gives the one before.
    fn step(&mut self) -> Result<Token, Unread> {
        loop {
            let blank = self.rest().len() - self.rest().trim_start_matches([' ', '\t', '\r', '\n', '\u{c}']).len();
            self.at += blank;
            if !self.rest().starts_with("//") {
                break;
            }
            self.at += self.rest().find('\n').unwrap_or(self.rest().len());
        }
        let token = self.token()?;
        Ok(std::mem::replace(&mut self.next, token))
    }

    fn token(&mut self) -> Result<Token, Unread> {
        let Some(first) = self.rest().bytes().next() else { return Ok(Token::End) };
        if let Some(literal) = self.quoted()? {
            return Ok(Token::Literal(literal));
        }
        if first.is_ascii_alphabetic() || first == b'_' {
            let length = self
                .rest()
                .find(|letter: char| !(letter.is_ascii_alphanumeric() || letter == '_'))
                .unwrap_or(self.rest().len());
            let name = Text::new(&self.rest()[..length]);
            self.at += length;
            return Ok(match name.as_str() {
                "true" => Token::Literal(Literal::Bool(true)),
                "false" => Token::Literal(Literal::Bool(false)),
                "null" => Token::Literal(Literal::Null),
                "in" => Token::Sign("in"),
                _ => Token::Name(name),
            });
        }
        if first == b'`' {
            let end = self.rest()[1..].find('`').ok_or("a name in backticks does not end")?;
            let name = Text::new(&self.rest()[1..=end]);
            self.at += end + 2;
            return Ok(Token::Name(name));
        }
        if first.is_ascii_digit() || (first == b'.' && self.rest().as_bytes().get(1).is_some_and(u8::is_ascii_digit)) {
            return self.number().map(Token::Literal);
        }
        match SIGNS.iter().find(|sign| self.rest().starts_with(**sign)) {
            Some(sign) => {
                self.at += sign.len();
                Ok(Token::Sign(sign))
            }
            None => Err(format!("`{}` means nothing there", self.rest().chars().next().unwrap_or_default()).into()),
        }
    }

    fn number(&mut self) -> Result<Literal, Unread> {
        let text = self.rest();
        let bytes = text.as_bytes();
        let digits = |from: usize, good: fn(&u8) -> bool| {
            from + bytes[from.min(bytes.len())..].iter().take_while(|byte| good(byte)).count()
        };
        let (literal, length) = if text.starts_with("0x") || text.starts_with("0X") {
            let end = digits(2, u8::is_ascii_hexdigit);
            let value = u64::from_str_radix(&text[2..end], 16).ok();
            match (value, bytes.get(end)) {
                (Some(value), Some(b'u' | b'U')) => (Some(Literal::Uint(value)), end + 1),
                (value, _) => (value.and_then(|value| i64::try_from(value).ok()).map(Literal::Int), end),
            }
        } else {
            let mut end = digits(0, u8::is_ascii_digit);
            let mut real = false;
            if bytes.get(end) == Some(&b'.') && bytes.get(end + 1).is_some_and(u8::is_ascii_digit) {
                end = digits(end + 1, u8::is_ascii_digit);
                real = true;
            }
            if matches!(bytes.get(end), Some(b'e' | b'E')) {
                let signed = end + 1 + usize::from(matches!(bytes.get(end + 1), Some(b'+' | b'-')));
                let after = digits(signed, u8::is_ascii_digit);
                if after > signed {
                    end = after;
                    real = true;
                }
            }
            match bytes.get(end) {
                _ if real => (text[..end].parse().ok().map(Literal::Double), end),
                Some(b'u' | b'U') => (text[..end].parse().ok().map(Literal::Uint), end + 1),
                _ if &text[..end] == "9223372036854775808" => (Some(Literal::Int(i64::MIN)), end),
                _ => (text[..end].parse().ok().map(Literal::Int), end),
            }
        };
        let literal = literal.ok_or_else(|| format!("`{}` is no number that there can be", &text[..length]))?;
        self.at += length;
        Ok(literal)
    }

    /// A text or bytes, if one comes next.
    fn quoted(&mut self) -> Result<Option<Literal>, Unread> {
        let prefix = self.rest().bytes().take(2).take_while(|byte| matches!(byte, b'r' | b'R' | b'b' | b'B')).count();
        let (mut raw, mut bytes) = (false, false);
        for letter in self.rest()[..prefix].bytes() {
            raw |= letter.eq_ignore_ascii_case(&b'r');
            bytes |= letter.eq_ignore_ascii_case(&b'b');
        }
        let body = &self.rest()[prefix..];
        let Some(quote) = ["\"\"\"", "'''", "\"", "'"].into_iter().find(|quote| body.starts_with(quote)) else {
            return Ok(None);
        };
        let mut made: Vec<u8> = Vec::new();
        let mut at = quote.len();
        loop {
            if body[at..].starts_with(quote) {
                break;
            }
            let Some(letter) = body[at..].chars().next() else { return Err("a text does not end".into()) };
            at += letter.len_utf8();
            if letter == '\\' && !raw {
                at += escape(&body[at..], bytes, &mut made)?;
            } else if matches!(letter, '\n' | '\r') && quote.len() == 1 {
                return Err("a text does not end on its line".into());
            } else {
                made.extend(letter.encode_utf8(&mut [0; 4]).bytes());
            }
        }
        self.at += prefix + at + quote.len();
        Ok(Some(if bytes {
            Literal::Bytes(made)
        } else {
            Literal::Text(String::from_utf8(made).map_err(|_| "a text holds what is no text".to_owned())?.into())
        }))
    }

    fn unexpected(&self) -> String {
        match &self.next {
            Token::End => "it ends too early".to_owned(),
            Token::Name(name) => format!("`{name}` cannot stand there"),
            Token::Literal(_) => "a value cannot stand there".to_owned(),
            Token::Sign(sign) => format!("`{sign}` cannot stand there"),
        }
    }

    fn next_is(&mut self, sign: &str) -> Result<bool, Unread> {
        if matches!(self.next, Token::Sign(next) if next == sign) {
            self.step()?;
            return Ok(true);
        }
        Ok(false)
    }

    fn expect(&mut self, sign: &str) -> Result<(), Unread> {
        if self.next_is(sign)? { Ok(()) } else { Err(self.unexpected().into()) }
    }

    fn name(&mut self) -> Result<Text, Unread> {
        match self.step()? {
            Token::Name(name) => Ok(name),
            // `in` may be the name of a field.
            Token::Sign("in") => Ok("in".into()),
            _ => Err("a name must follow a dot".into()),
        }
    }

    fn deeper(&mut self) -> Result<(), Unread> {
        self.depth += 1;
        if self.depth > NESTED { Err(Unread::Deep) } else { Ok(()) }
    }

    fn expression(&mut self) -> Result<Part, Unread> {
        self.deeper()?;
        let condition = self.chain(0)?;
        let part = if self.next_is("?")? {
            let yes = self.chain(0)?;
            self.expect(":")?;
            let no = self.expression()?;
            let depth = condition.1.max(yes.1).max(no.1);
            above(Tree::If(Box::new([condition.0, yes.0, no.0])), depth)?
        } else {
            condition
        };
        self.depth -= 1;
        Ok(part)
    }

    /// What operators join, those that bind at least as closely as some level.
    fn chain(&mut self, least: usize) -> Result<Part, Unread> {
        let mut left = self.unary()?;
        loop {
            let Token::Sign(sign) = self.next else { return Ok(left) };
            let level = match sign {
                "||" => 0,
                "&&" => 1,
                sign => match LEVELS.iter().position(|signs| signs.iter().any(|(known, _)| *known == sign)) {
                    Some(place) => place + 2,
                    None => return Ok(left),
                },
            };
            if level < least {
                return Ok(left);
            }
            self.step()?;
            let (right, deep) = self.chain(level + 1)?;
            let (one, depth) = left;
            left = match (sign, one) {
                // Long rows of conditions are one.
                ("||", Tree::Any(mut parts)) => {
                    parts.push(right);
                    (Tree::Any(parts), depth.max(deep + 1))
                }
                ("&&", Tree::All(mut parts)) => {
                    parts.push(right);
                    (Tree::All(parts), depth.max(deep + 1))
                }
                ("||", one) => above(Tree::Any(vec![one, right]), depth.max(deep))?,
                ("&&", one) => above(Tree::All(vec![one, right]), depth.max(deep))?,
                (sign, one) => {
                    let operator = LEVELS.iter().flat_map(|signs| signs.iter()).find(|(known, _)| *known == sign);
                    let (_, operator) = operator.ok_or_else(|| self.unexpected())?;
                    above(Tree::Binary(*operator, Box::new([one, right])), depth.max(deep))?
                }
            };
        }
    }

    fn unary(&mut self) -> Result<Part, Unread> {
        for sign in ["!", "-"] {
            if self.next_is(sign)? {
                self.deeper()?;
                let (inner, depth) = self.unary()?;
                self.depth -= 1;
                let tree = match (sign, inner) {
                    // The lowest number has no positive.
                    ("-", Tree::Literal(Literal::Int(value))) => Tree::Literal(Literal::Int(value.wrapping_neg())),
                    ("-", Tree::Literal(Literal::Double(value))) => Tree::Literal(Literal::Double(-value)),
                    ("-", inner) => Tree::Negative(Box::new(inner)),
                    (_, inner) => Tree::Not(Box::new(inner)),
                };
                return above(tree, depth);
            }
        }
        self.member()
    }

    fn member(&mut self) -> Result<Part, Unread> {
        let (mut tree, mut depth) = self.primary()?;
        loop {
            if matches!(self.next, Token::Sign("{"))
                && let Some(name) = path(&tree)
            {
                self.step()?;
                let (fields, deep) = self.fields()?;
                (tree, depth) = above(Tree::Message { name, fields }, depth.max(deep))?;
                continue;
            }
            let part = if self.next_is(".")? {
                let optional = self.next_is("?")?;
                let name = self.name()?;
                if !optional && self.next_is("(")? {
                    self.called(tree, name, depth)?
                } else {
                    above(Tree::Field { of: Box::new(tree), field: name, optional }, depth)?
                }
            } else if self.next_is("[")? {
                let optional = self.next_is("?")?;
                let (index, deep) = self.expression()?;
                self.expect("]")?;
                above(Tree::Index { of: Box::new(tree), index: Box::new(index), optional }, depth.max(deep))?
            } else {
                return Ok((tree, depth));
            };
            (tree, depth) = part;
        }
    }

    /// The fields of a message whose brace was read.
    fn fields(&mut self) -> Result<(Fields, usize), Unread> {
        let (mut fields, mut depth) = (Vec::new(), 0);
        while !self.next_is("}")? {
            let optional = self.next_is("?")?;
            let name = self.name()?;
            self.expect(":")?;
            let (value, deep) = self.expression()?;
            depth = depth.max(deep);
            fields.push((name, value, optional));
            if !self.next_is(",")? {
                self.expect("}")?;
                break;
            }
        }
        Ok((fields, depth))
    }

    /// The arguments of a call whose parenthesis was read.
    fn arguments(&mut self) -> Result<(Vec<Tree>, usize), Unread> {
        let (mut arguments, mut depth) = (Vec::new(), 0);
        if self.next_is(")")? {
            return Ok((arguments, depth));
        }
        loop {
            let (argument, deep) = self.expression()?;
            depth = depth.max(deep);
            arguments.push(argument);
            if !self.next_is(",")? {
                self.expect(")")?;
                return Ok((arguments, depth));
            }
        }
    }

    /// A call on a value: a macro, a function of a library, or one of the value.
    fn called(&mut self, of: Tree, name: Text, depth: usize) -> Result<Part, Unread> {
        let (arguments, deep) = self.arguments()?;
        let depth = depth.max(deep);
        let kind = match (name.as_str(), arguments.len()) {
            ("all", 2 | 3) => Some(Kind::All),
            ("exists", 2 | 3) => Some(Kind::Exists),
            ("exists_one" | "existsOne", 2 | 3) => Some(Kind::One),
            ("filter", 2) => Some(Kind::Filter),
            ("map", 2 | 3) | ("transformList", 3 | 4) => Some(Kind::List),
            ("transformMap", 3 | 4) => Some(Kind::Map),
            ("transformMapEntry", 3 | 4) => Some(Kind::Entries),
            ("sortBy", 2) => Some(Kind::Sort),
            ("optMap", 2) => Some(Kind::Inside),
            ("optFlatMap", 2) => Some(Kind::Flat),
            _ => None,
        };
        if let Some(kind) = kind {
            return above(fold(kind, name.as_str(), of, arguments)?, depth);
        }
        let library = match &of {
            Tree::Name(library) if LIBRARIES.contains(&library.as_str()) => Some(library.clone()),
            _ => None,
        };
        let tree = match library {
            Some(library) => Tree::Call { function: format!("{library}.{name}").into(), of: None, arguments },
            None => Tree::Call { function: name, of: Some(Box::new(of)), arguments },
        };
        above(tree, depth)
    }

    fn primary(&mut self) -> Result<Part, Unread> {
        match self.step()? {
            Token::Literal(literal) => Ok((Tree::Literal(literal), 1)),
            Token::Sign("(") => {
                let part = self.expression()?;
                self.expect(")")?;
                Ok(part)
            }
            Token::Sign("[") => {
                let (mut items, mut depth) = (Vec::new(), 0);
                while !self.next_is("]")? {
                    let optional = self.next_is("?")?;
                    let (item, deep) = self.expression()?;
                    depth = depth.max(deep);
                    items.push((item, optional));
                    if !self.next_is(",")? {
                        self.expect("]")?;
                        break;
                    }
                }
                above(Tree::List(items), depth)
            }
            Token::Sign("{") => {
                let (mut entries, mut depth) = (Vec::new(), 0);
                while !self.next_is("}")? {
                    let optional = self.next_is("?")?;
                    let key = self.expression()?;
                    self.expect(":")?;
                    let value = self.expression()?;
                    depth = depth.max(key.1).max(value.1);
                    entries.push((key.0, value.0, optional));
                    if !self.next_is(",")? {
                        self.expect("}")?;
                        break;
                    }
                }
                above(Tree::Map(entries), depth)
            }
            Token::Sign(".") => {
                let name = self.name()?;
                self.named(name)
            }
            Token::Name(name) => self.named(name),
            Token::End => Err("it ends too early".into()),
            Token::Sign(sign) => Err(format!("`{sign}` cannot stand there").into()),
        }
    }

    fn named(&mut self, name: Text) -> Result<Part, Unread> {
        if RESERVED.contains(&name.as_str()) {
            return Err(format!("`{name}` is a reserved word").into());
        }
        if !self.next_is("(")? {
            return Ok((Tree::Name(name), 1));
        }
        let (mut arguments, depth) = self.arguments()?;
        if name != "has" {
            return above(Tree::Call { function: name, of: None, arguments }, depth);
        }
        match (arguments.pop(), arguments.is_empty()) {
            (Some(Tree::Field { of, field, optional }), true) => above(Tree::Has { of, field, optional }, depth),
            _ => Err("`has` takes one field".into()),
        }
    }
}

/// `a.b.c`, as the name of a type.
fn path(tree: &Tree) -> Option<Text> {
    match tree {
        Tree::Name(name) => Some(name.clone()),
        Tree::Field { of, field, optional: false } => Some(format!("{}.{field}", path(of)?).into()),
        _ => None,
    }
}

/// The libraries whose functions have their name before them.
const LIBRARIES: [&str; 7] = ["optional", "sets", "lists", "strings", "format", "ip", "jsonpatch"];

fn above(tree: Tree, depth: usize) -> Result<Part, Unread> {
    if depth >= DEEPEST { Err(Unread::Deep) } else { Ok((tree, depth + 1)) }
}

fn fold(kind: Kind, name: &str, of: Tree, mut arguments: Vec<Tree>) -> Result<Tree, Unread> {
    let variable = |tree: Tree| -> Result<Text, Unread> {
        match tree {
            Tree::Name(name) => Ok(name),
            _ => Err(format!("`{name}` takes a name first").into()),
        }
    };
    let count = arguments.len();
    let two = name.starts_with("transform") || (count == 3 && name != "map");
    let with_result = (name == "map" && count == 3) || (name.starts_with("transform") && count == 4);
    let last = arguments.pop().ok_or("it has no condition")?;
    let (body, result) =
        if with_result { (arguments.pop().ok_or("it has no condition")?, Some(last)) } else { (last, None) };
    let second = if two { arguments.pop().map(variable).transpose()? } else { None };
    let first = variable(arguments.pop().ok_or("it has no name")?)?;
    Ok(Tree::Fold(Box::new(Fold { kind, of, first, second, body, result })))
}

/// Reads what follows a backslash, and gives how long it is.
fn escape(text: &str, bytes: bool, made: &mut Vec<u8>) -> Result<usize, Unread> {
    let wrong = || Unread::from("a text holds an escape that means nothing");
    let letter = text.chars().next().ok_or_else(wrong)?;
    let plain = match letter {
        'a' => Some(7),
        'b' => Some(8),
        'f' => Some(12),
        'n' => Some(b'\n'),
        'r' => Some(b'\r'),
        't' => Some(b'\t'),
        'v' => Some(11),
        '\\' | '\'' | '"' | '`' | '?' => u8::try_from(letter).ok(),
        _ => None,
    };
    if let Some(byte) = plain {
        made.push(byte);
        return Ok(1);
    }
    let (skip, digits, radix) = match letter {
        'x' | 'X' => (1, 2, 16),
        'u' => (1, 4, 16),
        'U' => (1, 8, 16),
        '0'..='3' => (0, 3, 8),
        _ => return Err(wrong()),
    };
    let code =
        text.get(skip..skip + digits).and_then(|digits| u32::from_str_radix(digits, radix).ok()).ok_or_else(wrong)?;
    if bytes && digits < 4 {
        made.push(u8::try_from(code).map_err(|_| wrong())?);
    } else {
        let letter = char::from_u32(code).ok_or_else(wrong)?;
        made.extend(letter.encode_utf8(&mut [0; 4]).bytes());
    }
    Ok(skip + digits)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn readable_and_not() {
        for written in [
            "self.a <= 3 && !has(self.b) || self.c in ['x', \"y\"]",
            "self.all(c, c.a.startsWith('a') ? c.x[0] > 1.5e3 : size(c.y) == 0x1fu)",
            "self.map(n, n + \"\\n\").exists_one(n, n.matches(r'^\\d+$')) // comment",
            "self.?a.orValue([]).filter(x, x.y != {'k': [1, 2,], 'z': -3}).size() > 0",
            "optional.of(1).hasValue() && timestamp('2020-01-01T00:00:00Z') < self.t",
            "self.m.all(k, v, k != v) && -9223372036854775808 < 0",
            "'''many\nlines''' == self.a",
            "self.in == 1 && self.__namespace__ == 'a'",
        ] {
            assert!(read(written).is_ok(), "{written}: {:?}", read(written));
        }
        for written in [
            "",
            "self.",
            "self.a ==",
            "(self.a",
            "self.a 5",
            "'open",
            "self.a = 5",
            "self.all(1, true)",
            "if",
            "self.a & true",
            "has(a)",
            "1.2.3 + ",
            "'\\q'",
        ] {
            assert!(read(written).is_err(), "{written}");
        }
        for bomb in [
            "(".repeat(100_000),
            "!".repeat(100_000),
            "-".repeat(100_000),
            "1+".repeat(100_000),
            "a.b".repeat(50_000),
            "[".repeat(100_000),
        ] {
            assert!(read(&bomb).is_err());
        }
        let wide = format!("{}true", "true || ".repeat(50_000));
        assert!(read(&wide).is_ok());
        assert!(read(&format!("{}1{}", "[".repeat(50), "]".repeat(50))).is_ok());
    }
}

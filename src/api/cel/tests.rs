//! Expressions and what they come to.

use super::*;

fn value(written: &str) -> Result<Value<'static>, Fault> {
    let program = Box::leak(Box::new(Program::read(written).unwrap_or_else(|fault| panic!("{written}: {fault}"))));
    let mut left = 1_000_000;
    program.evaluate(&[("x", Value::Int(3)), ("s", Value::text("a-b"))], &mut left)
}

/// Each is true.
const TRUE: &str = r#"
1 + 2 * 3 == 7 && 7 % 4 == 3 && -7 / 2 == -3
1 == 1.0 && 1u == 1 && 2 > 1.5 && [1, 2] == [1.0, 2u]
!('a' == 1) && null == null && 'a' != null
x > 2 ? true : false
'b' in ['a', 'b'] && 'k' in {'k': 1} && !(3 in [1, 2])
[1, 2, 3].all(i, i > 0) && [1, 2].exists(i, i == 2) && [1, 2, 2].exists_one(i, i == 1)
[1, 2, 3].map(i, i * 2) == [2, 4, 6] && [1, 2, 3].filter(i, i > 1) == [2, 3] && [1, 2].map(i, i > 1, i + 1) == [3]
{'a': 1, 'b': 2}.all(k, v, v > 0 && k != 'c') && ['a', 'b'].exists(i, v, i == 1 && v == 'b')
{'a': 1}.transformMap(k, v, v + 1) == {'a': 2} && [1, 2].transformList(i, v, i * v) == [0, 2]
['a', 'b'].transformMapEntry(i, v, {v: i}) == {'a': 0, 'b': 1}
(1 / 0 == 0 || true) && !(false && 1 / 0 == 0)
[0, 1].exists(i, 1 / i == 1)
'hello'.size() == 5 && size('é') == 1 && 'hello'.charAt(1) == 'e' && 'hello'.substring(1, 3) == 'el' && 'hello'.substring(3) == 'lo'
'a,b,c'.split(',') == ['a', 'b', 'c'] && 'a,b,c'.split(',', 2) == ['a', 'b,c'] && ['a', 'b'].join('-') == 'a-b'
'tacocat'.indexOf('c') == 2 && 'tacocat'.lastIndexOf('c') == 4 && 'tacocat'.indexOf('z') == -1 && 'abc'.indexOf('') == 0
' a '.trim() == 'a' && 'aBc'.lowerAscii() == 'abc' && 'aBc'.upperAscii() == 'ABC' && 'abc'.reverse() == 'cba'
'a.b.c'.replace('.', '/') == 'a/b/c' && 'aaa'.replace('a', 'b', 2) == 'bba'
'foo123'.matches('^[a-z]+\\d+$') && 'a1b22'.findAll('[0-9]+') == ['1', '22'] && 'abc'.find('b.') == 'bc' && 'x'.find('y') == ''
'%s has %d of %.2f, %x and %s'.format(['a', 5, 1.5, 255, [1, true]]) == 'a has 5 of 1.50, ff and [1, true]'
int('42') == 42 && string(1.5) == '1.5' && double('2') == 2.0 && uint(3) == 3u && bool('true') && string(b'abc') == 'abc'
type(1) == int && type('a') == string && type([]) == list && type(null) == null_type && type(1.0) != int
duration('1h30m') > duration('80m') && duration('90s').getMinutes() == 1 && string(duration('1.5s')) == '1.5s'
timestamp('2024-02-29T12:00:00Z') + duration('24h') == timestamp('2024-03-01T12:00:00Z')
timestamp('2024-02-29T12:30:00Z').getFullYear() == 2024 && timestamp('2024-02-29T12:30:00Z').getMonth() == 1 && timestamp('2024-02-29T23:30:00Z').getDate('+01:00') == 1
isQuantity('1Gi') && !isQuantity('a') && quantity('1Gi').isGreaterThan(quantity('1G')) && quantity('1').add(2) == quantity('3') && quantity('50k').asInteger() == 50000
isURL('https://a.b:80/c') && url('https://a.b:80/c?d=e').getPort() == '80' && url('https://a.b/c?d=e').getQuery()['d'] == ['e'] && !isURL('a b')
isIP('10.0.0.1') && !isIP('010.0.0.1') && ip('::1').family() == 6 && ip.isCanonical('::1') && !ip.isCanonical('0::1') && string(ip('10.0.0.1')) == '10.0.0.1'
cidr('10.0.0.0/8').containsIP('10.1.2.3') && cidr('10.0.0.0/8').containsCIDR('10.1.0.0/16') && cidr('10.1.0.0/8').masked().ip() == ip('10.0.0.0') && !isCIDR('10.0.0.0')
semver('1.2.3').isLessThan(semver('1.10.0')) && isSemver('1.0.0-rc.1') && !isSemver('v1.0') && semver('v1.0', true).major() == 1
format.dns1123Label().validate('a-b').hasValue() == false && format.named('uuid').value().validate('x').hasValue() && !format.named('nosuch').hasValue()
sets.contains([1, 2], [2]) && sets.equivalent([1, 2, 2], [2, 1]) && !sets.intersects([1], [2])
[1, 2, 3].isSorted() && [1, 3].sum() == 4 && [2, 1].min() == 1 && ['a', 'b'].max() == 'b' && [1, 2, 1].lastIndexOf(1) == 2
[[1], [2, [3]]].flatten() == [1, 2, [3]] && [1, 1, 2].distinct() == [1, 2] && [3, 1].sort() == [1, 3] && lists.range(3) == [0, 1, 2] && [1, 2, 3].slice(1, 2) == [2]
[{'n': 2}, {'n': 1}].sortBy(i, i.n)[0].n == 1
optional.of(1).hasValue() && optional.none().orValue(2) == 2 && {'a': {'b': 1}}.?a.b.orValue(0) == 1 && !{'a': 1}.?c.hasValue() && [1][?4].orValue(9) == 9
optional.of(2).optMap(v, v * 2).value() == 4 && [?optional.none(), 1] == [1] && {?'a': optional.of(1)} == {'a': 1}
has({'a': 1}.a) && !has({'a': 1}.b) && {'a': 1}.a == 1 && {'a': 1}['a'] == 1
'a' + 'b' == 'ab' && [1] + [2] == [1, 2] && b'a' + b'b' == b'ab'
"\u00e9\x41\101\n" == "éAA\n" && r'\d' == '\\d' && '''a'b''' == "a'b"
'a' < 'b' && false < true && strings.quote('a"b') == '"a\\"b"'
"#;

#[test]
fn expressions_come_to_what_the_server_makes_of_them() {
    for written in TRUE.lines().filter(|line| !line.is_empty()) {
        assert!(matches!(value(written), Ok(Value::Bool(true))), "{written}: {:?}", value(written));
    }
}

#[test]
fn faults_are_in_the_servers_words() {
    let said = |words: &str| Fault::said(words.to_owned());
    for (written, fault) in [
        ("1 / 0", said("division by zero")),
        ("1 % 0", said("modulus by zero")),
        ("9223372036854775807 + 1", said("integer overflow")),
        ("{'a': 1}.b", said("no such key: b")),
        ("[1][3]", said("index out of bounds: 3")),
        ("'a' + 1", Fault::NoOverload),
        ("1 && true", Fault::NoOverload),
        ("x.startsWith('a')", Fault::NoOverload),
        ("int('a')", said("type conversion error from 'string' to 'int'")),
        ("optional.none().value()", said("optional.none() dereference")),
        ("[].min()", said("min called on empty list")),
        ("y", Fault::Unknown("`y` is not declared".to_owned())),
        ("s.nosuch()", Fault::Unknown("there is no function `nosuch`".to_owned())),
    ] {
        assert_eq!(value(written).unwrap_err(), fault, "{written}");
    }
}

/// As deep as they may be, on the stack of a thread.
#[test]
fn deep_expressions_are_evaluated() {
    let nested = (0..50).fold("1".to_owned(), |inner, _| format!("[{inner}].map(i, i)[0]"));
    assert!(Program::read(&nested).is_err() || matches!(value(&nested), Ok(Value::Int(1))));
    let lists = format!("{}1{} != 1", "[".repeat(55), "]".repeat(55));
    assert!(matches!(value(&lists), Ok(Value::Bool(true))), "{:?}", value(&lists));
    let sum = format!("{}0 == 90", "1 + ".repeat(90));
    assert!(matches!(value(&sum), Ok(Value::Bool(true))), "{:?}", value(&sum));
}

/// Loops in loops, texts that double, numbers of things without end: each stops at its cost.
#[test]
fn bombs_end() {
    let thousand = "[0,1,2,3,4,5,6,7,8,9].map(a, [0,1,2,3,4,5,6,7,8,9].map(b, [0,1,2,3,4,5,6,7,8,9]))";
    for written in [
        "lists.range(9223372036854775807).size() > 0".to_owned(),
        format!("{thousand}.all(a, {thousand}.all(b, {thousand}.all(c, {thousand}.all(d, {thousand}.all(e, true)))))"),
        format!("lists.range(900000).map(i, '{}')", "x".repeat(1000)),
        "lists.range(1000).map(i, lists.range(1000).map(j, lists.range(1000)))".to_owned(),
        format!(
            "'{}'.replace('', '{}').replace('', '{}').replace('', '{}')",
            "x".repeat(1000),
            "y".repeat(1000),
            "z".repeat(1000),
            "z".repeat(1000)
        ),
        "lists.range(100000).distinct().size() > 0".to_owned(),
        "lists.range(100000) == lists.range(100000) && sets.equivalent(lists.range(100000), lists.range(100000))"
            .to_owned(),
    ] {
        assert_eq!(value(&written).unwrap_err(), Fault::Costly, "{}", &written[..60]);
    }
}

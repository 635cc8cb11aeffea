//! The functions that expressions can call, by the version of Kubernetes that brings them: what each takes and gives.
//! Evaluates nothing.
//! `baseOpts`, k8s.io/apiserver/pkg/cel/environment, and the libraries that it lists.

use super::kind::{Found, Kind};
use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::OnceLock;

/// A function for values of some types.
#[derive(Debug)]
pub(super) struct Signature {
    /// From which minor version on it is there.
    pub since: u8,
    /// Whether it is called on its first value.
    pub is_method: bool,
    takes: Vec<Pattern>,
    gives: Pattern,
}

/// A type as a signature writes it.
#[derive(Clone, Debug, PartialEq)]
enum Pattern {
    Plain(&'static str),
    /// Any type, the same wherever the letter stands.
    Letter(u8),
    Of(&'static str, Vec<Pattern>),
}

impl Signature {
    /// What it takes and gives, with new open types for its letters.
    pub(super) fn fresh<'s>(&self, found: &mut Found<'s>) -> (Vec<Kind<'s>>, Kind<'s>) {
        let mut letters = BTreeMap::new();
        let takes = self.takes.iter().map(|pattern| pattern.kind(&mut letters, found)).collect();
        let gives = self.gives.kind(&mut letters, found);
        (takes, gives)
    }
}

impl Pattern {
    fn kind<'s>(&self, letters: &mut BTreeMap<u8, Kind<'s>>, found: &mut Found<'s>) -> Kind<'s> {
        match self {
            Self::Letter(letter) => letters.entry(*letter).or_insert_with(|| found.open()).clone(),
            Self::Of("list", inner) => Kind::list(inner[0].kind(letters, found)),
            Self::Of("opt", inner) => Kind::optional(inner[0].kind(letters, found)),
            Self::Of("type", inner) => Kind::Type(Rc::new(inner[0].kind(letters, found))),
            Self::Of(_, inner) => Kind::map(
                inner[0].kind(letters, found),
                inner.last().map_or(Kind::Any, |last| last.kind(letters, found)),
            ),
            Self::Plain(word) => plain(word),
        }
    }
}

/// The type of a word.
pub(super) fn plain<'s>(word: &'static str) -> Kind<'s> {
    match word {
        "bool" => Kind::Bool,
        "bytes" => Kind::Bytes,
        "double" => Kind::Double,
        "dyn" => Kind::Any,
        "int" => Kind::Int,
        "uint" => Kind::Uint,
        "string" => Kind::Text,
        "null" => Kind::Null,
        "duration" => Kind::Duration,
        "time" => Kind::Time,
        library => Kind::Library(library),
    }
}

/// The signatures of a function; none if nobody knows it.
pub(super) fn of(function: &str) -> Option<&'static [Signature]> {
    static ALL: OnceLock<BTreeMap<&'static str, Vec<Signature>>> = OnceLock::new();
    ALL.get_or_init(all).get(function).map(Vec::as_slice)
}

fn all() -> BTreeMap<&'static str, Vec<Signature>> {
    let mut all: BTreeMap<&'static str, Vec<Signature>> = BTreeMap::new();
    for (since, lines) in TABLE {
        for line in lines.lines().map(str::trim).filter(|line| !line.is_empty()) {
            for signature in each(line, *since) {
                all.entry(signature.0).or_default().push(signature.1);
            }
        }
    }
    all
}

/// The signatures of a line: `T` there stands for each type that has an order, `N` for those that can be added up.
fn each(line: &'static str, since: u8) -> Vec<(&'static str, Signature)> {
    const ORDERED: [&str; 8] = ["bool", "bytes", "double", "duration", "int", "string", "time", "uint"];
    const SUMMED: [&str; 4] = ["double", "duration", "int", "uint"];
    let (name, signature) = read(line, since);
    let words: &[&str] = match line {
        line if has_word(line, "T") => &ORDERED,
        line if has_word(line, "N") => &SUMMED,
        _ => return vec![(name, signature)],
    };
    words
        .iter()
        .map(|word| {
            let with = |pattern: &Pattern| replaced(pattern, word);
            let takes = signature.takes.iter().map(with).collect();
            (name, Signature { takes, gives: with(&signature.gives), ..signature })
        })
        .collect()
}

fn has_word(line: &str, word: &str) -> bool {
    line.split(|letter: char| !letter.is_ascii_alphanumeric() && !"_.".contains(letter)).any(|part| part == word)
}

fn replaced(pattern: &Pattern, word: &'static str) -> Pattern {
    match pattern {
        Pattern::Letter(b'T' | b'N') => Pattern::Plain(word),
        Pattern::Of(name, inner) => Pattern::Of(name, inner.iter().map(|inner| replaced(inner, word)).collect()),
        _ => pattern.clone(),
    }
}

/// Reads `list(A) . indexOf(A) int`.
fn read(line: &'static str, since: u8) -> (&'static str, Signature) {
    let (mut takes, rest, is_method) = match line.split_once(" . ") {
        Some((of, rest)) => (patterns(of), rest, true),
        None => (Vec::new(), line, false),
    };
    let (call, gives) = rest.rsplit_once(' ').unwrap_or((rest, "dyn"));
    let (name, given) = call.split_once('(').unwrap_or((call, ")"));
    takes.extend(patterns(given.strip_suffix(')').unwrap_or(given)));
    let gives = patterns(gives).pop().unwrap_or(Pattern::Plain("dyn"));
    (name, Signature { since, is_method, takes, gives })
}

/// Types with commas between.
fn patterns(written: &'static str) -> Vec<Pattern> {
    let (mut found, mut depth, mut start) = (Vec::new(), 0_i32, 0);
    for (at, letter) in written.char_indices().chain([(written.len(), ',')]) {
        match letter {
            '(' => depth += 1,
            ')' => depth -= 1,
            ',' if depth == 0 => {
                let part = written[start..at].trim();
                start = at + 1;
                found.extend((!part.is_empty()).then(|| pattern(part)));
            }
            _ => {}
        }
    }
    found
}

fn pattern(written: &'static str) -> Pattern {
    match (written.split_once('('), written.as_bytes()) {
        (Some((name, inner)), _) => Pattern::Of(name, patterns(inner.strip_suffix(')').unwrap_or(inner))),
        (None, [letter]) => Pattern::Letter(*letter),
        (None, _) => Pattern::Plain(written),
    }
}

/// Signatures by the minor version of the server that lets new expressions call them: one after the version that brings
/// them.
#[rustfmt::skip]
const TABLE: &[(u8, &str)] = &[
    (0, "
        !(bool) bool
        -(double) double
        -(int) int
        in(A, list(A)) bool
        in(A, map(A,B)) bool
        ==(A, A) bool
        !=(A, A) bool
        &&(bool, bool) bool
        ||(bool, bool) bool
        ?:(bool, A, A) A
        %(int, int) int
        %(uint, uint) uint
        *(double, double) double
        *(int, int) int
        *(uint, uint) uint
        /(double, double) double
        /(int, int) int
        /(uint, uint) uint
        +(bytes, bytes) bytes
        +(double, double) double
        +(duration, duration) duration
        +(duration, time) time
        +(time, duration) time
        +(int, int) int
        +(list(A), list(A)) list(A)
        +(string, string) string
        +(uint, uint) uint
        --(double, double) double
        --(duration, duration) duration
        --(time, duration) time
        --(time, time) duration
        --(int, int) int
        --(uint, uint) uint
        <(T, T) bool
        [](list(A), int) A
        [](map(A,B), A) B
        bool(bool) bool
        bool(string) bool
        bytes . size() int
        bytes(bytes) bytes
        bytes(string) bytes
        double(double) double
        double(int) double
        double(string) double
        double(uint) double
        duration(duration) duration
        duration(int) duration
        duration(string) duration
        dyn(A) dyn
        duration . getHours() int
        duration . getMilliseconds() int
        duration . getMinutes() int
        duration . getSeconds() int
        time . getDate() int
        time . getDate(string) int
        time . getDayOfMonth() int
        time . getDayOfMonth(string) int
        time . getDayOfWeek() int
        time . getDayOfWeek(string) int
        time . getDayOfYear() int
        time . getDayOfYear(string) int
        time . getFullYear() int
        time . getFullYear(string) int
        time . getHours() int
        time . getHours(string) int
        time . getMilliseconds() int
        time . getMilliseconds(string) int
        time . getMinutes() int
        time . getMinutes(string) int
        time . getMonth() int
        time . getMonth(string) int
        time . getSeconds() int
        time . getSeconds(string) int
        int(double) int
        int(duration) int
        int(time) int
        int(int) int
        int(string) int
        int(uint) int
        isURL(string) bool
        kubernetes.URL . getEscapedPath() string
        kubernetes.URL . getHost() string
        kubernetes.URL . getHostname() string
        kubernetes.URL . getPort() string
        kubernetes.URL . getQuery() map(string,list(string))
        kubernetes.URL . getScheme() string
        kubernetes.authorization.Authorizer . group(string) kubernetes.authorization.GroupCheck
        kubernetes.authorization.Authorizer . path(string) kubernetes.authorization.PathCheck
        kubernetes.authorization.Authorizer . serviceAccount(string, string) kubernetes.authorization.Authorizer
        kubernetes.authorization.Decision . allowed() bool
        kubernetes.authorization.Decision . error() string
        kubernetes.authorization.Decision . errored() bool
        kubernetes.authorization.Decision . reason() string
        kubernetes.authorization.GroupCheck . resource(string) kubernetes.authorization.ResourceCheck
        kubernetes.authorization.PathCheck . check(string) kubernetes.authorization.Decision
        kubernetes.authorization.ResourceCheck . check(string) kubernetes.authorization.Decision
        kubernetes.authorization.ResourceCheck . fieldSelector(string) kubernetes.authorization.ResourceCheck
        kubernetes.authorization.ResourceCheck . labelSelector(string) kubernetes.authorization.ResourceCheck
        kubernetes.authorization.ResourceCheck . name(string) kubernetes.authorization.ResourceCheck
        kubernetes.authorization.ResourceCheck . namespace(string) kubernetes.authorization.ResourceCheck
        kubernetes.authorization.ResourceCheck . subresource(string) kubernetes.authorization.ResourceCheck
        list(A) . indexOf(A) int
        list(A) . lastIndexOf(A) int
        list(A) . size() int
        list(T) . isSorted() bool
        list(T) . max() T
        list(T) . min() T
        list(N) . sum() N
        list(string) . join() string
        list(string) . join(string) string
        map(A,B) . size() int
        matches(string, string) bool
        size(bytes) int
        size(list(A)) int
        size(map(A,B)) int
        size(string) int
        string . charAt(int) string
        string . contains(string) bool
        string . endsWith(string) bool
        string . find(string) string
        string . findAll(string) list(string)
        string . findAll(string, int) list(string)
        string . indexOf(string) int
        string . indexOf(string, int) int
        string . lastIndexOf(string) int
        string . lastIndexOf(string, int) int
        string . lowerAscii() string
        string . matches(string) bool
        string . replace(string, string) string
        string . replace(string, string, int) string
        string . size() int
        string . split(string) list(string)
        string . split(string, int) list(string)
        string . startsWith(string) bool
        string . substring(int) string
        string . substring(int, int) string
        string . trim() string
        string . upperAscii() string
        string(bool) string
        string(bytes) string
        string(double) string
        string(duration) string
        string(time) string
        string(int) string
        string(string) string
        string(uint) string
        timestamp(time) time
        timestamp(int) time
        timestamp(string) time
        type(A) type(A)
        uint(double) uint
        uint(int) uint
        uint(string) uint
        uint(uint) uint
        url(string) kubernetes.URL
        jsonpatch.escapeKey(string) string
    "),
    (29, "
        <(double, int) bool
        <(double, uint) bool
        <(int, double) bool
        <(int, uint) bool
        <(uint, double) bool
        <(uint, int) bool
        [?](list(A), int) opt(A)
        [?](map(K,V), K) opt(V)
        [?](opt(list(A)), int) opt(A)
        [?](opt(map(K,V)), K) opt(V)
        [](opt(list(A)), int) opt(A)
        [](opt(map(K,V)), K) opt(V)
        isQuantity(string) bool
        kubernetes.Quantity . add(int) kubernetes.Quantity
        kubernetes.Quantity . add(kubernetes.Quantity) kubernetes.Quantity
        kubernetes.Quantity . asApproximateFloat() double
        kubernetes.Quantity . asInteger() int
        kubernetes.Quantity . compareTo(kubernetes.Quantity) int
        kubernetes.Quantity . isGreaterThan(kubernetes.Quantity) bool
        kubernetes.Quantity . isInteger() bool
        kubernetes.Quantity . isLessThan(kubernetes.Quantity) bool
        kubernetes.Quantity . sub(int) kubernetes.Quantity
        kubernetes.Quantity . sub(kubernetes.Quantity) kubernetes.Quantity
        list(A) . first() opt(A)
        list(A) . last() opt(A)
        list(opt(A)) . unwrapOpt() list(A)
        optional.none() opt(A)
        optional.of(A) opt(A)
        optional.ofNonZeroValue(A) opt(A)
        optional.unwrap(list(opt(A))) list(A)
        opt(A) . hasValue() bool
        opt(A) . or(opt(A)) opt(A)
        opt(A) . orValue(A) A
        opt(A) . value() A
        quantity(string) kubernetes.Quantity
        sign(kubernetes.Quantity) int
    "),
    (30, "
        sets.contains(list(A), list(A)) bool
        sets.equivalent(list(A), list(A)) bool
        sets.intersects(list(A), list(A)) bool
        string . format(list(dyn)) string
        strings.quote(string) string
    "),
    (31, "
        cidr(string) net.CIDR
        ip(string) net.IP
        ip.isCanonical(string) bool
        isCIDR(string) bool
        isIP(string) bool
        net.CIDR . containsCIDR(net.CIDR) bool
        net.CIDR . containsCIDR(string) bool
        net.CIDR . containsIP(net.IP) bool
        net.CIDR . containsIP(string) bool
        net.CIDR . ip() net.IP
        net.CIDR . masked() net.CIDR
        net.CIDR . prefixLength() int
        net.IP . family() int
        net.IP . isGlobalUnicast() bool
        net.IP . isLinkLocalMulticast() bool
        net.IP . isLinkLocalUnicast() bool
        net.IP . isLoopback() bool
        net.IP . isUnspecified() bool
        string(net.CIDR) string
        string(net.IP) string
    "),
    (32, "
        format.byte() kubernetes.NamedFormat
        format.date() kubernetes.NamedFormat
        format.datetime() kubernetes.NamedFormat
        format.dns1035Label() kubernetes.NamedFormat
        format.dns1035LabelPrefix() kubernetes.NamedFormat
        format.dns1123Label() kubernetes.NamedFormat
        format.dns1123LabelPrefix() kubernetes.NamedFormat
        format.dns1123Subdomain() kubernetes.NamedFormat
        format.dns1123SubdomainPrefix() kubernetes.NamedFormat
        format.labelValue() kubernetes.NamedFormat
        format.named(string) opt(kubernetes.NamedFormat)
        format.qualifiedName() kubernetes.NamedFormat
        format.uri() kubernetes.NamedFormat
        format.uuid() kubernetes.NamedFormat
        kubernetes.NamedFormat . validate(string) opt(list(string))
    "),
    (34, "
        isSemver(string) bool
        isSemver(string, bool) bool
        kubernetes.Semver . compareTo(kubernetes.Semver) int
        kubernetes.Semver . isGreaterThan(kubernetes.Semver) bool
        kubernetes.Semver . isLessThan(kubernetes.Semver) bool
        kubernetes.Semver . major() int
        kubernetes.Semver . minor() int
        kubernetes.Semver . patch() int
        semver(string) kubernetes.Semver
        semver(string, bool) kubernetes.Semver
    "),
    (35, "
        list(A) . distinct() list(A)
        list(A) . reverse() list(A)
        list(A) . slice(int, int) list(A)
        list(T) . sort() list(T)
        list(dyn) . flatten(int) list(dyn)
        list(list(A)) . flatten() list(A)
        lists.range(int) list(int)
    "),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_is_read() {
        assert_eq!(of("<").map(<[Signature]>::len), Some(14));
        assert_eq!(of("sum").map(<[Signature]>::len), Some(4));
        let contains = &of("contains").unwrap_or_default()[0];
        assert!(contains.is_method && contains.takes == [Pattern::Plain("string"), Pattern::Plain("string")]);
        let index = &of("[?]").unwrap_or_default()[1];
        assert_eq!(index.takes[0], Pattern::Of("map", vec![Pattern::Letter(b'K'), Pattern::Letter(b'V')]));
        assert!(of("nosuch").is_none());
    }
}

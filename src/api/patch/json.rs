//! JSON Patch: operations on a tree, one after the other, each at a path. Knows no object.
//!
//! Follows RFC 6902 as `gopkg.in/evanphx/json-patch.v4/patch.go` has it.

use crate::budget::COPIED;
use crate::value::{Data, Node};

/// One operation.
#[derive(Clone, Debug)]
pub(crate) struct Operation {
    /// `add`, `remove`, `replace`, `move`, `copy`, `test`.
    pub op: String,
    /// Where: `/spec/containers/0`.
    pub path: String,
    /// Whence, of `move` and `copy`.
    pub from: String,
    /// What, of `add`, `replace` and `test`.
    pub value: Option<Node>,
}

/// Why a patch is not applied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Unpatched {
    /// A test does not hold.
    Test,
    /// It fails: the library's words.
    Failed(String),
    /// It asks for what is not known here.
    Unknown,
}

/// The tree after all operations.
///
/// # Errors
/// When one of them fails.
pub(crate) fn apply(tree: &Node, operations: &[Operation]) -> Result<Node, Unpatched> {
    let mut tree = tree.clone();
    let mut copied = 0;
    for operation in operations {
        one(&mut tree, operation, &mut copied)?;
    }
    Ok(tree)
}

/// No object nests deeper.
const DEEPEST: usize = 100;

fn one(tree: &mut Node, Operation { op, path, from, value }: &Operation, copied: &mut usize) -> Result<(), Unpatched> {
    let missing = |what: &str| Unpatched::Failed(format!("{op} operation does not apply: doc is missing {what}"));
    let stated =
        || value.clone().ok_or_else(|| Unpatched::Failed("operation, missing value field: missing value".into()));
    // The whole document is nobody's to replace.
    if path.is_empty() || path.matches('/').count() > DEEPEST {
        return Err(Unpatched::Unknown);
    }
    let no_path = || missing(&format!("path: \"{path}\": missing value"));
    match op.as_str() {
        "add" => add(tree, path, stated()?, &no_path),
        "remove" => remove(tree, path, &no_path).map(drop),
        "replace" => {
            let value = stated()?;
            let found = at(tree, path).ok_or_else(|| missing(&format!("key: {path}: missing value")))?;
            *found = value;
            Ok(())
        }
        "test" => {
            let found = at(tree, path).map(|node| &*node);
            let wanted = value.as_ref().filter(|value| !value.is_null());
            match (found.filter(|found| !found.is_null()), wanted) {
                (None, None) => Ok(()),
                (Some(found), Some(wanted)) if found == wanted => Ok(()),
                _ => Err(Unpatched::Test),
            }
        }
        "move" => {
            let value = remove(tree, from, &|| missing(&format!("from path: {from}: missing value")))?;
            add(tree, path, value, &no_path)
        }
        "copy" => {
            let value = at(tree, from).cloned();
            let value = value.ok_or_else(|| missing(&format!("from path: {from}: missing value")))?;
            if value.parts(COPIED).is_none() {
                return Err(Unpatched::Unknown);
            }
            *copied += crate::json::from_node(&value).to_string().len();
            if *copied > COPIED {
                return Err(Unpatched::Failed(format!(
                    "Unable to complete the copy, the accumulated size increase of copy is {copied}, exceeding the \
                     limit {COPIED}"
                )));
            }
            add(tree, path, value, &no_path)
        }
        other => Err(Unpatched::Failed(format!("Unexpected kind: {other}"))),
    }
}

/// The steps of a path.
fn steps(path: &str) -> Vec<String> {
    path.split('/').skip(1).map(|step| step.replace("~1", "/").replace("~0", "~")).collect()
}

fn at<'n>(tree: &'n mut Node, path: &str) -> Option<&'n mut Node> {
    steps(path).iter().try_fold(tree, |node, step| inside(node, step))
}

fn inside<'n>(node: &'n mut Node, step: &str) -> Option<&'n mut Node> {
    match &mut node.data {
        Data::Map(map) => map.get_mut(step),
        Data::List(items) => items.get_mut(step.parse::<usize>().ok()?),
        _ => None,
    }
}

/// The place that holds what a path means, and the last step to it.
fn holder<'n>(tree: &'n mut Node, path: &str) -> Option<(&'n mut Node, String)> {
    let mut steps = steps(path);
    let last = steps.pop()?;
    let holder = steps.iter().try_fold(tree, |node, step| inside(node, step))?;
    Some((holder, last))
}

fn add(tree: &mut Node, path: &str, value: Node, missing: &dyn Fn() -> Unpatched) -> Result<(), Unpatched> {
    let (holder, last) = holder(tree, path).ok_or_else(missing)?;
    match &mut holder.data {
        Data::Map(map) => drop(map.put(last, value)),
        Data::List(items) if last == "-" => items.push(value),
        Data::List(items) => {
            let place = index(&last, path, "add")?;
            if place > items.len() {
                return Err(outside(place, path, "add"));
            }
            items.insert(place, value);
        }
        _ => return Err(missing()),
    }
    Ok(())
}

fn remove(tree: &mut Node, path: &str, missing: &dyn Fn() -> Unpatched) -> Result<Node, Unpatched> {
    let (holder, last) = holder(tree, path).ok_or_else(missing)?;
    match &mut holder.data {
        Data::Map(map) => map.remove(&last).ok_or_else(|| {
            let why = format!("Unable to remove nonexistent key: {last}: missing value");
            Unpatched::Failed(format!("error in remove for path: '{path}': {why}"))
        }),
        Data::List(items) => {
            let place = index(&last, path, "remove")?;
            if place >= items.len() {
                return Err(outside(place, path, "remove"));
            }
            Ok(items.remove(place))
        }
        _ => Err(missing()),
    }
}

/// Numbers below nothing count from the end there, and few write them.
fn index(step: &str, path: &str, op: &str) -> Result<usize, Unpatched> {
    if step.starts_with('-') {
        return Err(Unpatched::Unknown);
    }
    step.parse().map_err(|_| {
        Unpatched::Failed(format!("error in {op} for path: '{path}': value was not a proper array index: '{step}'"))
    })
}

fn outside(place: usize, path: &str, op: &str) -> Unpatched {
    let why = format!("Unable to access invalid index: {place}: invalid index referenced");
    Unpatched::Failed(format!("error in {op} for path: '{path}': {why}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostic::Diagnostics;
    use crate::source::Sources;
    use crate::yaml::read_one;

    fn read(text: &str) -> Node {
        let mut sources = Sources::default();
        let id = sources.add("t", text);
        read_one(&sources, id, &mut Diagnostics::default()).unwrap()
    }

    #[test]
    fn operations_do_what_the_rfc_says() {
        let tree = read("{a: [1, 2], m: {x/y: v}}");
        for (op, path, from, value, after) in [
            ("add", "/a/1", "", Some("3"), Ok("{a: [1, 3, 2], m: {x/y: v}}")),
            ("add", "/a/-", "", Some("3"), Ok("{a: [1, 2, 3], m: {x/y: v}}")),
            ("add", "/m/z", "", Some("w"), Ok("{a: [1, 2], m: {x/y: v, z: w}}")),
            ("replace", "/m/x~1y", "", Some("w"), Ok("{a: [1, 2], m: {x/y: w}}")),
            ("remove", "/a/0", "", None, Ok("{a: [2], m: {x/y: v}}")),
            ("move", "/m/a", "/a", None, Ok("{m: {x/y: v, a: [1, 2]}}")),
            ("copy", "/b", "/m", None, Ok("{a: [1, 2], m: {x/y: v}, b: {x/y: v}}")),
            ("test", "/a/0", "", Some("1"), Ok("{a: [1, 2], m: {x/y: v}}")),
            ("test", "/a/0", "", Some("2"), Err(Unpatched::Test)),
            (
                "add",
                "/n/z",
                "",
                Some("w"),
                Err(Unpatched::Failed(
                    "add operation does not apply: doc is missing path: \"/n/z\": missing value".into(),
                )),
            ),
        ] {
            let value = value.map(|value| read(&format!("[{value}]")).items().next().unwrap().clone());
            let operation = Operation { op: op.into(), path: path.into(), from: from.into(), value };
            assert_eq!(apply(&tree, &[operation]), after.map(read), "{op} {path}");
        }
    }
}

//! The text of a spec and the places of everything in it.

use super::SpecError;
use super::error::{Unexpected, read_message};
use super::suggest::closest;
use std::collections::BTreeMap;
use std::fmt;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// A place in a file, in the form `file:line:column` that editors open.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The file.
    pub path: Arc<Path>,
    /// Line, from 1.
    pub line: u32,
    /// Column in characters, from 1.
    pub column: u32,
}

impl Place {
    /// The place of a byte of a text that was read from `path`.
    pub(crate) fn in_text(path: &Path, text: &str, offset: usize) -> Self {
        place_in(&Arc::from(path), text, offset)
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.path.display(), self.line, self.column)
    }
}

/// One step on the way from the root of a document to a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Step<'a> {
    /// An entry of a table.
    Key(&'a str),
    /// An element of an array.
    Item(usize),
}

/// Where a value stands, and everything in it.
#[derive(Debug, Clone)]
struct Node {
    /// Its key, or itself where it has none.
    key: Range<usize>,
    span: Range<usize>,
    inside: Inside,
}

#[derive(Debug, Clone)]
enum Inside {
    Nothing,
    Items(Vec<Node>),
    Entries(BTreeMap<String, Node>),
}

impl Node {
    fn new(key: Range<usize>, value: &Spanned<DeValue<'_>>) -> Self {
        let inside = match value.get_ref() {
            DeValue::Array(items) => {
                Inside::Items(items.iter().map(|item| Self::new(item.span(), item)).collect())
            }
            DeValue::Table(table) => Inside::entries(table),
            _ => Inside::Nothing,
        };
        Self { key, span: value.span(), inside }
    }

    fn child(&self, step: &Step<'_>) -> Option<&Self> {
        match (step, &self.inside) {
            (Step::Key(key), Inside::Entries(entries)) => entries.get(*key),
            (Step::Item(index), Inside::Items(items)) => items.get(*index),
            _ => None,
        }
    }

    /// The dotted name of the innermost key or value that spans exactly `span`; `name` is that of this node.
    fn name_of(&self, name: &str, span: &Range<usize>) -> Option<String> {
        let dot = if name.is_empty() { "" } else { "." };
        let inside = match &self.inside {
            Inside::Nothing => None,
            Inside::Items(items) => {
                items.iter().enumerate().find_map(|(i, item)| item.name_of(&format!("{name}[{i}]"), span))
            }
            Inside::Entries(entries) => {
                entries.iter().find_map(|(key, entry)| entry.name_of(&format!("{name}{dot}{key}"), span))
            }
        };
        inside.or_else(|| (self.key == *span || self.span == *span).then(|| name.to_owned()))
    }
}

impl Inside {
    fn entries(table: &DeTable<'_>) -> Self {
        let entry = |(key, value): (&Spanned<_>, _)| {
            let name: &std::borrow::Cow<'_, str> = key.get_ref();
            (name.to_string(), Node::new(key.span(), value))
        };
        Self::Entries(table.iter().map(entry).collect())
    }
}

/// A parsed text that still knows where each key and value stands.
#[derive(Debug, Clone)]
pub(crate) struct Document {
    path: Arc<Path>,
    text: String,
    root: Node,
}

impl Document {
    /// Parses `text`; refuses duplicate keys and numbers that are not finite.
    pub(crate) fn parse(path: &Path, text: &str) -> Result<Self, SpecError> {
        let path: Arc<Path> = Arc::from(path);
        let place = |span: Range<usize>| place_in(&path, text, span.start);
        let root = DeTable::parse(text).map_err(|error| {
            let span = error.span().unwrap_or_default();
            if error.message() == "duplicate key" {
                SpecError::DuplicateKey {
                    place: place(span.clone()),
                    key: text.get(span).unwrap_or_default().to_owned(),
                }
            } else {
                SpecError::Syntax { place: place(span), reason: error.message().to_owned() }
            }
        })?;
        for (key, value) in root.get_ref() {
            if let Some((key, span, value)) = find_not_finite(key.get_ref(), value) {
                return Err(SpecError::NotFinite { place: place(span), key, value });
            }
        }
        let root = Node { key: 0..0, span: root.span(), inside: Inside::entries(root.get_ref()) };
        Ok(Self { path, text: text.to_owned(), root })
    }

    /// The file that the text came from.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// The text as written.
    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    /// The whole document.
    pub(crate) fn root(&self) -> Spanned<DeTable<'_>> {
        DeTable::parse(&self.text).expect("the text was parsed when the document was made")
    }

    /// The place of the value at the end of `steps`, or of the last thing on the way that exists.
    pub(crate) fn at(&self, steps: &[Step<'_>]) -> Place {
        let (node, _) = self.follow(steps);
        place_in(&self.path, &self.text, node.span.start)
    }

    /// The last node on the way that exists, and whether it is the end of the way.
    fn follow(&self, steps: &[Step<'_>]) -> (&Node, bool) {
        let mut node = &self.root;
        for step in steps {
            match node.child(step) {
                Some(child) => node = child,
                None => return (node, false),
            }
        }
        (node, true)
    }

    /// The table at the end of `steps`, with its places; empty, at the place of its parent, where there is none.
    pub(crate) fn table(&self, steps: &[Step<'_>]) -> Spanned<DeTable<'_>> {
        let (node, found) = self.follow(steps);
        let mut value = DeValue::Table(self.root().into_inner());
        for step in steps.iter().filter(|_| found) {
            let next = match (step, value) {
                (Step::Key(key), DeValue::Table(mut table)) => table.remove(*key),
                (Step::Item(index), DeValue::Array(items)) => items.into_iter().nth(*index),
                _ => None,
            };
            value = next.map_or_else(|| DeValue::Table(DeTable::new()), Spanned::into_inner);
        }
        match value {
            DeValue::Table(table) if found => Spanned::new(node.span.clone(), table),
            _ => Spanned::new(node.span.clone(), DeTable::new()),
        }
    }

    /// Puts an error of the deserializer into our words, with its place and key.
    pub(crate) fn explain(&self, error: &toml::de::Error) -> SpecError {
        self.explain_in(error, &[])
    }

    /// The same for an error about what stands at the end of `steps`, whose place is told where the error has none of its own:
    /// a table whose entries are right one by one can be refused as a whole.
    pub(crate) fn explain_in(&self, error: &toml::de::Error, steps: &[Step<'_>]) -> SpecError {
        let span = error.span().unwrap_or_else(|| self.follow(steps).0.span.clone());
        let place = place_in(&self.path, &self.text, span.start);
        match read_message(error.message()) {
            Unexpected::Key { key, accepted } => {
                SpecError::UnknownKey { place, suggestion: closest(&key, &accepted), key, accepted }
            }
            Unexpected::Variant { name, accepted } => {
                let key = self.key_at(&span);
                // A choice with a value is the key of a table: `weight = { relative = 1.0 }`.
                let key = key.strip_suffix(&format!(".{name}")).unwrap_or(&key).to_owned();
                SpecError::UnknownChoice { place, key, suggestion: closest(&name, &accepted), name, accepted }
            }
            Unexpected::Missing { key } => SpecError::MissingKey { place, key, table: self.key_at(&span) },
            Unexpected::Value { reason } => SpecError::WrongValue { place, key: self.key_at(&span), reason },
        }
    }

    /// The dotted name of the key or value that stands at `span`; empty for the document as a whole.
    fn key_at(&self, span: &Range<usize>) -> String {
        self.root.name_of("", span).unwrap_or_default()
    }
}

fn place_in(path: &Arc<Path>, text: &str, offset: usize) -> Place {
    let offset = (0..=offset.min(text.len())).rev().find(|&at| text.is_char_boundary(at)).unwrap_or(0);
    let before = &text[..offset];
    let line = before.matches('\n').count() as u32 + 1;
    let column = before.rsplit('\n').next().unwrap_or_default().chars().count() as u32 + 1;
    Place { path: Arc::clone(path), line, column }
}

/// The first number below `value` that is NaN, infinite or too large for a float, with its dotted name and span.
fn find_not_finite(name: &str, value: &Spanned<DeValue<'_>>) -> Option<(String, Range<usize>, String)> {
    match value.get_ref() {
        DeValue::Float(float) => {
            let finite = float.as_str().parse::<f64>().is_ok_and(f64::is_finite);
            (!finite).then(|| (name.to_owned(), value.span(), float.as_str().to_owned()))
        }
        DeValue::Array(items) => {
            items.iter().enumerate().find_map(|(i, item)| find_not_finite(&format!("{name}[{i}]"), item))
        }
        DeValue::Table(table) => {
            table.iter().find_map(|(key, value)| find_not_finite(&format!("{name}.{}", key.get_ref()), value))
        }
        DeValue::String(_) | DeValue::Integer(_) | DeValue::Boolean(_) | DeValue::Datetime(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_count_characters_and_survive_the_end_of_the_text() {
        let place = |offset| place_in(&Arc::from(Path::new("a.toml")), "é = 1\nab = 2\n", offset).to_string();
        assert_eq!(place(0), "a.toml:1:1");
        assert_eq!(place(3), "a.toml:1:3");
        assert_eq!(place(1), "a.toml:1:1", "inside a character");
        assert_eq!(place(10), "a.toml:2:4");
        assert_eq!(place(1000), "a.toml:3:1");
    }

    #[test]
    fn a_path_leads_to_the_value_or_to_its_nearest_parent() {
        let text = "[[method]]\nkind = \"a\"\n[[method]]\nkind = \"b\"\nlambda = [1.0, 2.0]\n";
        let document = Document::parse(Path::new("a.toml"), text).unwrap();
        let at = |steps: &[Step<'_>]| document.at(steps).to_string();
        assert_eq!(
            at(&[Step::Key("method"), Step::Item(1), Step::Key("lambda"), Step::Item(1)]),
            "a.toml:5:16"
        );
        assert_eq!(at(&[Step::Key("method"), Step::Item(1), Step::Key("config")]), "a.toml:3:1");
        assert_eq!(at(&[Step::Key("nothing")]), "a.toml:1:1");
    }
}

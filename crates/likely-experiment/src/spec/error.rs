//! What can be wrong with a spec, and the deserializer's words in ours.

use super::Place;
use super::suggest::{hint, list};
use likely_core::EndsError;
use std::path::PathBuf;

/// Why a text is not a spec: what is wrong, where, and what would be right.
#[derive(Debug, thiserror::Error)]
pub enum SpecError {
    /// The file could not be read.
    #[error("cannot read the spec {}: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The text is not TOML.
    #[error("{place}: this is not TOML: {reason}")]
    Syntax {
        /// Where.
        place: Place,
        /// What the parser expected.
        reason: String,
    },
    /// A key stands twice in one table.
    #[error("{place}: the key `{key}` stands twice in this table; keep one")]
    DuplicateKey {
        /// The second one.
        place: Place,
        /// The key.
        key: String,
    },
    /// A number is NaN or infinite.
    #[error("{place}: `{key}` is {value}, but every number in a spec must be finite")]
    NotFinite {
        /// Where.
        place: Place,
        /// Dotted name of the number.
        key: String,
        /// As written.
        value: String,
    },
    /// No such key.
    #[error("{place}: unknown key `{key}`{} accepted: {}", hint_or_semicolon(suggestion.as_ref()), list(accepted))]
    UnknownKey {
        /// Where.
        place: Place,
        /// The key.
        key: String,
        /// Keys that the table takes.
        accepted: Vec<String>,
        /// The one that was probably meant.
        suggestion: Option<String>,
    },
    /// No such kind or label.
    #[error("{place}: there is no {what} `{name}`{} there is: {}", hint_or_semicolon(suggestion.as_ref()), list(accepted))]
    UnknownName {
        /// Where.
        place: Place,
        /// What the name should be of: `model`, `kind of method`.
        what: &'static str,
        /// The name.
        name: String,
        /// Names that exist.
        accepted: Vec<String>,
        /// The one that was probably meant.
        suggestion: Option<String>,
    },
    /// A key that takes one of a few names has another.
    #[error("{place}: `{key}` cannot be `{name}`{} choices: {}", hint_or_semicolon(suggestion.as_ref()), list(accepted))]
    UnknownChoice {
        /// Where.
        place: Place,
        /// Dotted name of the key.
        key: String,
        /// The name.
        name: String,
        /// Names that it takes.
        accepted: Vec<String>,
        /// The one that was probably meant.
        suggestion: Option<String>,
    },
    /// A key that is needed is absent.
    #[error("{place}: {} lacks the key `{key}`", table_name(table))]
    MissingKey {
        /// The table.
        place: Place,
        /// The key.
        key: String,
        /// Dotted name of the table; empty for the document.
        table: String,
    },
    /// A value has the wrong type or is out of range.
    #[error("{place}: {}{reason}", key_name(key))]
    WrongValue {
        /// Where.
        place: Place,
        /// Dotted name of the key; empty where it is not known.
        key: String,
        /// What is wrong and what would be right.
        reason: String,
    },
    /// An id has characters that file names should not have.
    #[error("{place}: `{key}` is `{id}`; use 1 to 64 of a-z, 0-9 and -, and no - in front")]
    BadId {
        /// Where.
        place: Place,
        /// Dotted name of the key.
        key: String,
        /// The id.
        id: String,
    },
    /// Two entries have the same name.
    #[error("{place}: there is a {what} `{name}` already; rename or remove one of the two")]
    Repeated {
        /// The second one.
        place: Place,
        /// What the name is of.
        what: &'static str,
        /// The name.
        name: String,
    },
    /// A list that must hold something is empty.
    #[error("{place}: `{key}` is empty; give at least one {what}")]
    Empty {
        /// Where.
        place: Place,
        /// Dotted name of the key.
        key: String,
        /// What it should hold.
        what: &'static str,
    },
    /// A count is zero.
    #[error("{place}: `{key}` is 0; it must be at least 1")]
    Zero {
        /// Where.
        place: Place,
        /// Dotted name of the key.
        key: String,
    },
    /// A weight is negative.
    #[error("{place}: the weight `lambda` is {lambda}; it must be 0 or more")]
    NegativeLambda {
        /// Where.
        place: Place,
        /// The weight.
        lambda: f64,
    },
    /// A method or study without a weight is asked to sweep it.
    #[error("{place}: the {what} `{label}` (kind `{kind}`) has no weight to sweep; remove `lambda`")]
    NoWeight {
        /// Where.
        place: Place,
        /// `method` or `study`.
        what: &'static str,
        /// Its label.
        label: String,
        /// Its kind.
        kind: &'static str,
    },
    /// A closed form is given a geometry, which it would ignore.
    #[error(
        "{place}: the method `{method}` (kind `{kind}`) is a formula that minimises nothing in a geometry; remove `geometry`"
    )]
    NoSolver {
        /// Where.
        place: Place,
        /// Label of the method.
        method: String,
        /// Its kind.
        kind: String,
    },
    /// A tier replaces the sweep of methods and studies that have none.
    #[error("{place}: no method and no study has a `lambda` list that this tier could replace")]
    NoSweep {
        /// Where.
        place: Place,
    },
    /// The end points of a pair cannot be joined.
    #[error("{place}: pair `{pair}`: {source}")]
    Pair {
        /// Where.
        place: Place,
        /// Name of the pair.
        pair: String,
        /// Why.
        source: EndsError,
    },
    /// Only one of two data end points is given.
    #[error("{place}: pair `{pair}` gives one of `start-data` and `end-data`; give both or none")]
    HalfData {
        /// Where.
        place: Place,
        /// Name of the pair.
        pair: String,
    },
    /// Pairs are both listed and drawn, or neither.
    #[error("{place}: {found}; give either `[[pair]]` tables or one `[pairs]` table with `draw`")]
    PairForms {
        /// Where.
        place: Place,
        /// `pairs are both listed and drawn` or the like.
        found: &'static str,
    },
    /// A table, figure or claim names a weight that its method does not use.
    #[error("{place}: the method `{method}` has no weight {lambda}; it uses: {}", list(accepted))]
    UnknownLambda {
        /// Where.
        place: Place,
        /// Label of the method.
        method: String,
        /// The weight.
        lambda: f64,
        /// Weights that the method uses.
        accepted: Vec<String>,
    },
    /// A claim about a swept method does not say which weight.
    #[error("{place}: the claim does not say which `lambda` of `{method}` it is about: {}", list(accepted))]
    AmbiguousClaim {
        /// Where.
        place: Place,
        /// Label of the method.
        method: String,
        /// Weights that the method uses.
        accepted: Vec<String>,
    },
    /// A file of claims could not be read.
    #[error("{place}: cannot read the claims {}: {source}", path.display())]
    ClaimsFile {
        /// Where the spec names it.
        place: Place,
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// A file of claims holds something else.
    #[error(
        "{place}: this is no claim: {reason}; expected {{ \"claims\": [{{ \"model\": ..., \"method\": ..., \"metric\": ..., \"value\": ..., \"tolerance\": ..., \"place\": ... }}] }}"
    )]
    Claim {
        /// Where in the file.
        place: Place,
        /// What the reader said.
        reason: String,
    },
    /// The resolved spec could not be written as TOML.
    #[error("the spec {} cannot be written with its defaults: {reason}", path.display())]
    Resolve {
        /// The spec.
        path: PathBuf,
        /// What the writer said.
        reason: String,
    },
}

fn hint_or_semicolon(suggestion: Option<&String>) -> String {
    if suggestion.is_some() { hint(suggestion) } else { ";".to_owned() }
}

fn table_name(table: &str) -> String {
    if table.is_empty() { "the spec".to_owned() } else { format!("`{table}`") }
}

fn key_name(key: &str) -> String {
    if key.is_empty() { String::new() } else { format!("`{key}`: ") }
}

/// What a message of the deserializer says.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Unexpected {
    /// A key that the table does not take.
    Key { key: String, accepted: Vec<String> },
    /// A choice that does not exist.
    Variant { name: String, accepted: Vec<String> },
    /// A key that is absent.
    Missing { key: String },
    /// Anything else, in words for a person.
    Value { reason: String },
}

/// Takes a message apart; serde has no structured form of it.
pub(crate) fn read_message(message: &str) -> Unexpected {
    let names =
        |text: &str| -> Vec<String> { text.split('`').skip(1).step_by(2).map(str::to_owned).collect() };
    if let Some(rest) = message.strip_prefix("unknown field ") {
        let mut names = names(rest);
        if !names.is_empty() {
            return Unexpected::Key { key: names.remove(0), accepted: names };
        }
    }
    if let Some(rest) = message.strip_prefix("unknown variant ") {
        let mut names = names(rest);
        if !names.is_empty() {
            return Unexpected::Variant { name: names.remove(0), accepted: names };
        }
    }
    if let Some(rest) = message.strip_prefix("unexpected keys in table: ")
        && let Some((keys, accepted)) = rest.split_once(", available keys: ")
    {
        let split = |text: &str| text.split(", ").filter(|key| !key.is_empty()).map(str::to_owned).collect();
        let keys: Vec<String> = split(keys);
        return Unexpected::Key { key: keys.first().cloned().unwrap_or_default(), accepted: split(accepted) };
    }
    if let Some(rest) = message.strip_prefix("missing field ") {
        return Unexpected::Missing { key: rest.trim_matches('`').to_owned() };
    }
    Unexpected::Value { reason: plain_words(message) }
}

/// Rust's names of types and shapes, as a person calls them in TOML.
fn plain_words(message: &str) -> String {
    let choice = match message {
        "wanted string or table" => Some("expected a name, or a table of one entry such as { name = value }"),
        "wanted exactly 1 element, found 0 elements" => Some("found an empty table, expected one entry"),
        "wanted exactly 1 element, more than 1 element" => Some("found several entries, expected just one"),
        _ => None,
    };
    if let Some(choice) = choice {
        return choice.to_owned();
    }
    let Some((found, expected)) = message.rsplit_once(", expected ") else { return message.to_owned() };
    let found =
        found.strip_prefix("invalid type: ").or_else(|| found.strip_prefix("invalid value: ")).map(|what| {
            format!(
                "found {}",
                what.replace("sequence", "an array").replace("map", "a table").replace(" as i128", "")
            )
        });
    let Some(found) = found else { return message.to_owned() };
    let expected = match expected {
        "f64" => "a number",
        "u8" | "u16" | "u32" | "u64" | "usize" => "an integer of 0 or more",
        "a nonzero u8" | "a nonzero u16" | "a nonzero u32" | "a nonzero u64" | "a nonzero usize" => {
            "an integer of 1 or more"
        }
        "i8" | "i16" | "i32" | "i64" | "isize" => "an integer",
        "a sequence" => "an array",
        "a map" => "a table",
        other if other.starts_with("struct ") => "a table",
        other => other,
    };
    format!("{found}, expected {expected}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_of_the_deserializer_are_taken_apart() {
        let key = |key: &str, accepted: &[&str]| Unexpected::Key {
            key: key.to_owned(),
            accepted: accepted.iter().map(|&name| name.to_owned()).collect(),
        };
        assert_eq!(read_message("unknown field `a`, expected `b`"), key("a", &["b"]));
        assert_eq!(
            read_message("unknown field `a`, expected one of `b`, `c`, `d`"),
            key("a", &["b", "c", "d"])
        );
        assert_eq!(read_message("unknown field `a`, there are no fields"), key("a", &[]));
        assert_eq!(
            read_message("unexpected keys in table: a, b, available keys: c, d"),
            key("a", &["c", "d"])
        );
        assert_eq!(read_message("missing field `id`"), Unexpected::Missing { key: "id".to_owned() });
        assert_eq!(
            read_message("invalid type: string \"x\", expected f64"),
            Unexpected::Value { reason: "found string \"x\", expected a number".to_owned() }
        );
        assert_eq!(
            read_message("the tolerance must be positive"),
            Unexpected::Value { reason: "the tolerance must be positive".to_owned() }
        );
    }
}

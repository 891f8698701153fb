//! Claims: listed in the spec or read from files beside it, and what they may speak of.

use super::Step::{Item, Key};
use super::refer::{Known, lambdas_of};
use super::suggest::closest;
use super::{Document, Place, SpecError};
use likely_record::{ClaimRecord, ClaimRole};
use serde::Deserialize;
use serde_json::value::RawValue;
use std::collections::BTreeMap;
use std::path::Path;

/// Where a claim stands.
#[derive(Debug, Clone)]
pub(crate) enum ClaimPlace {
    /// In the spec, at this position among its claims.
    Spec(usize),
    /// In a file.
    File {
        /// The claim as a whole.
        whole: Place,
        /// The value of each of its keys.
        keys: BTreeMap<String, Place>,
        /// Position among the claims of the file.
        index: usize,
    },
}

impl ClaimPlace {
    /// Where a key of the claim stands; the claim itself where the key is absent.
    fn of(&self, document: &Document, key: &str) -> Place {
        match self {
            Self::Spec(index) => document.at(&[Key("claim"), Item(*index), Key(key)]),
            Self::File { whole, keys, .. } => keys.get(key).unwrap_or(whole).clone(),
        }
    }

    fn name_of(&self, key: &str) -> String {
        match self {
            Self::Spec(index) => format!("claim[{index}].{key}"),
            Self::File { index, .. } => format!("claims[{index}].{key}"),
        }
    }
}

/// The part of a file that claims stand in; what else it says is for people.
#[derive(Deserialize)]
struct ClaimsFile<'a> {
    #[serde(borrow)]
    claims: Vec<&'a RawValue>,
}

/// The claims of every file that the spec names, with their places.
pub(super) fn read_files(
    document: &Document,
    files: &[String],
) -> Result<Vec<(ClaimRecord, ClaimPlace)>, SpecError> {
    let folder = document.path().parent().unwrap_or(Path::new(""));
    let mut claims = Vec::new();
    for (i, file) in files.iter().enumerate() {
        let path = folder.join(file);
        let text = std::fs::read_to_string(&path).map_err(|source| SpecError::ClaimsFile {
            place: document.at(&[Key("claims"), Item(i)]),
            path: path.clone(),
            source,
        })?;
        claims.extend(read_text(&path, &text)?);
    }
    Ok(claims)
}

fn read_text(path: &Path, text: &str) -> Result<Vec<(ClaimRecord, ClaimPlace)>, SpecError> {
    let wrong = |error: &serde_json::Error, before: usize| {
        let place = Place::in_text(path, text, before + offset(&text[before..], error));
        SpecError::Claim { place, reason: plain(error) }
    };
    let file: ClaimsFile<'_> = serde_json::from_str(text).map_err(|error| wrong(&error, 0))?;
    let start = |value: &RawValue| value.get().as_ptr().addr() - text.as_ptr().addr();
    let read = |(index, raw): (usize, &&RawValue)| {
        let before = start(raw);
        let claim: ClaimRecord = serde_json::from_str(raw.get()).map_err(|error| wrong(&error, before))?;
        let keys: BTreeMap<String, &RawValue> =
            serde_json::from_str(raw.get()).map_err(|error| wrong(&error, before))?;
        let keys =
            keys.into_iter().map(|(key, value)| (key, Place::in_text(path, text, start(value)))).collect();
        Ok((claim, ClaimPlace::File { whole: Place::in_text(path, text, before), keys, index }))
    };
    file.claims.iter().enumerate().map(read).collect()
}

/// How far into the text an error stands.
fn offset(text: &str, error: &serde_json::Error) -> usize {
    let lines = text.split_inclusive('\n').take(error.line().saturating_sub(1));
    lines.map(str::len).sum::<usize>() + error.column().saturating_sub(1)
}

/// What an error says, without the place that the message carries in front.
fn plain(error: &serde_json::Error) -> String {
    let text = error.to_string();
    match text.rsplit_once(" at line ") {
        Some((reason, _)) => reason.to_owned(),
        None => text,
    }
}

/// An error, at a place that may be in another file, that `name` is not among `accepted`.
fn known_at(
    place: impl Fn() -> Place,
    what: &'static str,
    name: &str,
    accepted: &[String],
) -> Result<(), SpecError> {
    if accepted.iter().any(|known| known == name) {
        return Ok(());
    }
    let (suggestion, accepted) = (closest(name, accepted), accepted.to_vec());
    Err(SpecError::UnknownName { place: place(), what, name: name.to_owned(), suggestion, accepted })
}

/// Checks that claims speak of what the spec has.
pub(super) fn check(known: &Known<'_>) -> Result<(), SpecError> {
    let document = &known.spec.document;
    let claims = known.spec.wire.claim.iter().zip(&known.spec.claim_places);
    for (claim, places) in claims {
        let at = |key: &str| places.of(document, key);
        known_at(|| at("model"), "model", &claim.model, &known.models)?;
        known_at(|| at("method"), "method", &claim.method, &known.methods)?;
        if claim.metric == ClaimRecord::CLOCK {
            if claim.role != ClaimRole::Compare {
                return Err(SpecError::WrongValue {
                    place: at("role"),
                    key: places.name_of("role"),
                    reason: "clock readings are shown and never judged; write role = \"compare\"".to_owned(),
                });
            }
        } else {
            let metrics = &known.spec.wire.metrics;
            known_at(|| at("metric"), "entry in `metrics` called", &claim.metric, metrics)?;
        }
        if let Some(pair) = &claim.pair {
            known_at(|| at("pair"), "pair", pair, &known.pairs)?;
        }
        if claim.tolerance < 0.0 {
            return Err(SpecError::WrongValue {
                place: at("tolerance"),
                key: places.name_of("tolerance"),
                reason: format!("found {}, expected 0 or more", claim.tolerance),
            });
        }
        let lambdas = lambdas_of(known.spec, &claim.method);
        let accepted = || lambdas.iter().map(ToString::to_string).collect();
        match claim.lambda {
            Some(lambda) if !lambdas.iter().any(|known| known.to_bits() == (lambda + 0.0).to_bits()) => {
                return Err(SpecError::UnknownLambda {
                    place: at("lambda"),
                    method: claim.method.clone(),
                    lambda,
                    accepted: accepted(),
                });
            }
            None if lambdas.len() > 1 => {
                return Err(SpecError::AmbiguousClaim {
                    place: at(""),
                    method: claim.method.clone(),
                    accepted: accepted(),
                });
            }
            _ => {}
        }
    }
    Ok(())
}

//! From keys to a checked spec.

use super::Step::{Item, Key};
use super::claims::{self, ClaimPlace};
use super::geometry::{self, GeometrySpec};
use super::study::{check_some_models, check_studies};
use super::suggest::closest;
use super::wire::{WireDraw, WirePair, WireTier};
use super::{
    Document, ListedPair, Measure, MethodSpec, ModelSpec, PairSource, SamplerSpec, Spec, SpecError, Step,
    Tier, WirePoint, WireSpec, refer,
};
use likely_core::Ends;
use ndarray::ArrayView1;
use std::collections::BTreeSet;
use std::num::NonZeroUsize;
use std::sync::Arc;

/// Most segments, pairs and repetitions: beyond them a number was mistyped.
const MOST: u32 = 1_000_000;

/// Checks everything that the types of the keys leave open.
pub(crate) fn check(document: Document, mut wire: WireSpec) -> Result<Spec, SpecError> {
    check_id(&document, "id", &wire.id, &[Key("id")])?;
    for (key, count) in
        [("version", wire.version), ("segments", wire.segments), ("repetitions", wire.repetitions)]
    {
        check_count(&document, key, count, &[Key(key)])?;
    }
    if i64::try_from(wire.seed).is_err() {
        return Err(SpecError::WrongValue {
            place: document.at(&[Key("seed")]),
            key: "seed".to_owned(),
            reason: format!(
                "found {}, expected at most {}, the largest integer of TOML",
                wire.seed,
                i64::MAX
            ),
        });
    }
    if let Some(most) = wire.images.as_ref().and_then(|images| images.most) {
        check_count(&document, "images.most", most, &[Key("images"), Key("most")])?;
    }
    let metrics = check_metrics(&document, &wire)?;
    let datasets: Vec<&str> = wire.dataset.iter().map(|dataset| dataset.label.as_str()).collect();
    check_labels(&document, "dataset", "label", &datasets)?;
    let geometries = geometry::check_geometries(&document, &mut wire)?;
    let datasets: Vec<&str> = wire.dataset.iter().map(|dataset| dataset.label.as_str()).collect();
    let models = check_models(&document, &wire, &datasets, &geometries)?;
    let methods = check_methods(&document, &mut wire)?;
    let samplers = check_samplers(&document, &mut wire)?;
    let studies = check_studies(&document, &mut wire)?;
    let pairs = check_pairs(&document, &wire)?;
    let mut claim_places: Vec<ClaimPlace> = (0..wire.claim.len()).map(ClaimPlace::Spec).collect();
    for (claim, place) in claims::read_files(&document, &std::mem::take(&mut wire.claims))? {
        wire.claim.push(claim);
        claim_places.push(place);
    }
    let spec =
        Spec { document, wire, metrics, models, geometries, methods, samplers, studies, pairs, claim_places };
    for tier in Tier::ALL {
        if let Some(own) = spec.tier(tier) {
            check_tier(&spec, tier, own)?;
        }
    }
    refer::check(&spec)?;
    Ok(Spec { wire: refer::fill_claims(&spec), ..spec })
}

pub(crate) fn check_id(
    document: &Document,
    key: &str,
    id: &str,
    steps: &[Step<'_>],
) -> Result<(), SpecError> {
    let good = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    if !id.is_empty() && id.len() <= 64 && !id.starts_with('-') && id.chars().all(good) {
        return Ok(());
    }
    Err(SpecError::BadId { place: document.at(steps), key: key.to_owned(), id: id.to_owned() })
}

fn check_count(document: &Document, key: &str, count: u32, steps: &[Step<'_>]) -> Result<(), SpecError> {
    let place = || document.at(steps);
    match count {
        0 => Err(SpecError::Zero { place: place(), key: key.to_owned() }),
        1..=MOST => Ok(()),
        _ => Err(SpecError::WrongValue {
            place: place(),
            key: key.to_owned(),
            reason: format!("found {count}, expected at most {MOST}"),
        }),
    }
}

/// Every label non-empty and used once.
pub(crate) fn check_labels(
    document: &Document,
    section: &'static str,
    key: &'static str,
    labels: &[&str],
) -> Result<(), SpecError> {
    let mut seen = BTreeSet::new();
    for (i, label) in labels.iter().enumerate() {
        check_label(document, section, key, i, label)?;
        if !seen.insert(label) {
            let place = document.at(&[Key(section), Item(i), Key(key)]);
            return Err(SpecError::Repeated { place, what: section, name: (*label).to_owned() });
        }
    }
    Ok(())
}

fn check_label(
    document: &Document,
    section: &'static str,
    key: &'static str,
    i: usize,
    label: &str,
) -> Result<(), SpecError> {
    if !label.trim().is_empty() && !label.chars().any(char::is_control) {
        return Ok(());
    }
    Err(SpecError::WrongValue {
        place: document.at(&[Key(section), Item(i), Key(key)]),
        key: format!("{section}[{i}].{key}"),
        reason: "expected a name of at least one visible character, on one line".to_owned(),
    })
}

/// An error that `name` is not among `accepted`.
pub(crate) fn unknown(
    document: &Document,
    steps: &[Step<'_>],
    what: &'static str,
    name: &str,
    accepted: Vec<String>,
) -> SpecError {
    SpecError::UnknownName {
        place: document.at(steps),
        what,
        name: name.to_owned(),
        suggestion: closest(name, &accepted),
        accepted,
    }
}

fn check_metrics(document: &Document, wire: &WireSpec) -> Result<Vec<Measure>, SpecError> {
    if wire.metrics.is_empty() {
        return Err(SpecError::Empty {
            place: document.at(&[Key("metrics")]),
            key: "metrics".to_owned(),
            what: "metric",
        });
    }
    let mut seen = BTreeSet::new();
    for (i, id) in wire.metrics.iter().enumerate() {
        if !seen.insert(id) {
            return Err(SpecError::Repeated {
                place: document.at(&[Key("metrics"), Item(i)]),
                what: "metric",
                name: id.clone(),
            });
        }
    }
    for (id, value) in &wire.tolerance {
        let steps = [Key("tolerance"), Key(id)];
        if !wire.metrics.contains(id) {
            return Err(unknown(document, &steps, "entry in `metrics` called", id, wire.metrics.clone()));
        }
        if *value < 0.0 {
            return Err(SpecError::WrongValue {
                place: document.at(&steps),
                key: format!("tolerance.{id}"),
                reason: format!("found {value}, expected 0 or more"),
            });
        }
    }
    let find = |(i, id): (usize, &String)| {
        Measure::find(id)
            .ok_or_else(|| unknown(document, &[Key("metrics"), Item(i)], "metric", id, Measure::ids()))
    };
    wire.metrics.iter().enumerate().map(find).collect()
}

fn check_models(
    document: &Document,
    wire: &WireSpec,
    datasets: &[&str],
    geometries: &[GeometrySpec],
) -> Result<Vec<ModelSpec>, SpecError> {
    if wire.model.is_empty() {
        return Err(SpecError::Empty { place: document.at(&[]), key: "model".to_owned(), what: "model" });
    }
    let labels: Vec<&str> = wire.model.iter().map(|model| model.label.as_str()).collect();
    check_labels(document, "model", "label", &labels)?;
    let check = |(i, model): (usize, &super::wire::WireModel)| {
        let kind = likely_models::find(&model.kind).ok_or_else(|| {
            let accepted = likely_models::ALL.iter().map(|kind| kind.id.to_owned()).collect();
            unknown(document, &[Key("model"), Item(i), Key("kind")], "kind of model", &model.kind, accepted)
        })?;
        let find = |label: &String| {
            datasets.iter().position(|dataset| dataset == label).ok_or_else(|| {
                let accepted = datasets.iter().map(|&label| label.to_owned()).collect();
                unknown(document, &[Key("model"), Item(i), Key("data")], "dataset", label, accepted)
            })
        };
        let data = model.data.as_ref().map(find).transpose()?;
        let geometry = geometry::of_model(document, i, model.geometry.as_ref(), geometries)?;
        Ok(ModelSpec { label: model.label.clone(), kind, data, geometry, reveal: model.reveal })
    };
    wire.model.iter().enumerate().map(check).collect()
}

fn check_methods(document: &Document, wire: &mut WireSpec) -> Result<Vec<MethodSpec>, SpecError> {
    if wire.method.is_empty() && wire.sampler.is_empty() && wire.study.is_empty() {
        return Err(SpecError::Empty { place: document.at(&[]), key: "method".to_owned(), what: "method" });
    }
    let labels: Vec<&str> = wire.method.iter().map(|method| method.label.as_str()).collect();
    check_labels(document, "method", "label", &labels)?;
    let mut methods = Vec::with_capacity(wire.method.len());
    for (i, method) in wire.method.iter_mut().enumerate() {
        let section = [Key("method"), Item(i)];
        let kind = likely_methods::find(&method.kind).ok_or_else(|| {
            let accepted = likely_methods::ALL.iter().map(|kind| kind.id.to_owned()).collect();
            unknown(
                document,
                &[Key("method"), Item(i), Key("kind")],
                "kind of method",
                &method.kind,
                accepted,
            )
        })?;
        let config = config_of(document, section);
        let built = (kind.build)(config)
            .map_err(|error| document.explain_in(&error, &[section[0], section[1], Key("config")]))?;
        if let Some(sweep) = &mut method.lambda {
            let steps = [section[0], section[1], Key("lambda")];
            check_sweep(document, sweep, &steps)?;
            if built.interpolator.lambda().is_none() {
                return Err(SpecError::NoWeight {
                    place: document.at(&steps),
                    what: "method",
                    label: method.label.clone(),
                    kind: kind.id,
                });
            }
        }
        method.config = built.resolved;
        let derive = geometry::of_method(document, i, method, &*built.interpolator)?;
        methods.push(MethodSpec {
            label: method.label.clone(),
            interpolator: Arc::from(built.interpolator),
            derive,
            sweep: method.lambda.clone(),
        });
    }
    Ok(methods)
}

fn check_samplers(document: &Document, wire: &mut WireSpec) -> Result<Vec<SamplerSpec>, SpecError> {
    let labels: Vec<&str> = wire.sampler.iter().map(|sampler| sampler.label.as_str()).collect();
    check_labels(document, "sampler", "label", &labels)?;
    let mut samplers = Vec::with_capacity(wire.sampler.len());
    for (i, sampler) in wire.sampler.iter_mut().enumerate() {
        let section = [Key("sampler"), Item(i)];
        let step = |key| [section[0], section[1], Key(key)];
        if wire.method.iter().any(|method| method.label == sampler.label) {
            let place = document.at(&step("label"));
            return Err(SpecError::Repeated { place, what: "method", name: sampler.label.clone() });
        }
        let kind = likely_methods::find_sampler(&sampler.kind).ok_or_else(|| {
            let accepted = likely_methods::SAMPLERS.iter().map(|kind| kind.id.to_owned()).collect();
            unknown(document, &step("kind"), "kind of sampler", &sampler.kind, accepted)
        })?;
        let built = (kind.build)(config_of(document, section))
            .map_err(|error| document.explain_in(&error, &[section[0], section[1], Key("config")]))?;
        sampler.config = built.resolved;
        samplers.push(SamplerSpec { label: sampler.label.clone(), sampler: Arc::from(built.sampler) });
    }
    Ok(samplers)
}

/// The `config` table of an entry, with its places; empty, at the place of the entry, where there is none.
pub(crate) fn config_of<'a>(document: &'a Document, section: [Step<'_>; 2]) -> likely_methods::Config<'a> {
    document.table(&[section[0], section[1], Key("config")])
}

pub(crate) fn check_sweep(
    document: &Document,
    sweep: &mut [f64],
    steps: &[Step<'_>],
) -> Result<(), SpecError> {
    if sweep.is_empty() {
        return Err(SpecError::Empty { place: document.at(steps), key: "lambda".to_owned(), what: "weight" });
    }
    let mut seen = BTreeSet::new();
    for (i, lambda) in sweep.iter_mut().enumerate() {
        let place = || document.at(&steps.iter().copied().chain([Item(i)]).collect::<Vec<_>>());
        if *lambda < 0.0 {
            return Err(SpecError::NegativeLambda { place: place(), lambda: *lambda });
        }
        // Turns -0 into 0, which would otherwise be another cell.
        *lambda += 0.0;
        if !seen.insert(lambda.to_bits()) {
            return Err(SpecError::Repeated { place: place(), what: "weight", name: lambda.to_string() });
        }
    }
    Ok(())
}

fn check_pairs(document: &Document, wire: &WireSpec) -> Result<PairSource, SpecError> {
    let form = |steps: &[Step<'_>], found| SpecError::PairForms { place: document.at(steps), found };
    match (&wire.pairs, wire.pair.as_slice()) {
        (Some(_), [_, ..]) => Err(form(&[Key("pair"), Item(0)], "pairs are both listed and drawn")),
        (None, []) if wire.method.is_empty() => Ok(PairSource::None),
        (None, []) => Err(form(&[], "the spec has methods but no pairs of end points")),
        (None, pairs) => {
            check_pair_names(document, pairs)?;
            let models: Vec<String> = wire.model.iter().map(|model| model.label.clone()).collect();
            let pairs = pairs.iter().enumerate().map(|(i, pair)| check_pair(document, i, pair, &models));
            Ok(PairSource::Listed(pairs.collect::<Result<_, _>>()?))
        }
        (Some(pairs), []) => {
            let count_of = |form: &'static str, count: u32| {
                let steps = [Key("pairs"), Key("draw"), Key(form), Key("count")];
                check_count(document, &format!("pairs.draw.{form}.count"), count, &steps)?;
                Ok(NonZeroUsize::new(count as usize).unwrap_or(NonZeroUsize::MIN))
            };
            match &pairs.draw {
                WireDraw::Gaussian { count } => {
                    Ok(PairSource::Gaussian { count: count_of("gaussian", *count)? })
                }
                WireDraw::FromDataset { dataset, count } => {
                    let count = count_of("from-dataset", *count)?;
                    let of_label = |label: &String| {
                        let known = wire.dataset.iter().position(|known| known.label == *label);
                        known.ok_or_else(|| {
                            let accepted = wire.dataset.iter().map(|dataset| dataset.label.clone()).collect();
                            let steps = [Key("pairs"), Key("draw"), Key("from-dataset"), Key("dataset")];
                            unknown(document, &steps, "dataset", label, accepted)
                        })
                    };
                    let dataset = dataset.as_ref().map(of_label).transpose()?;
                    Ok(PairSource::FromDataset { dataset, count })
                }
            }
        }
    }
}

/// Every name good, and used once for each model.
fn check_pair_names(document: &Document, pairs: &[WirePair]) -> Result<(), SpecError> {
    for (i, pair) in pairs.iter().enumerate() {
        check_label(document, "pair", "name", i, &pair.name)?;
        let share = |other: &WirePair| match (&pair.models, &other.models) {
            (Some(own), Some(others)) => own.iter().any(|label| others.contains(label)),
            _ => true,
        };
        if pairs[..i].iter().any(|other| other.name == pair.name && share(other)) {
            let place = document.at(&[Key("pair"), Item(i), Key("name")]);
            return Err(SpecError::Repeated { place, what: "pair", name: pair.name.clone() });
        }
    }
    Ok(())
}

fn check_pair(
    document: &Document,
    i: usize,
    pair: &WirePair,
    models: &[String],
) -> Result<ListedPair, SpecError> {
    let section = [Key("pair"), Item(i)];
    check_some_models(document, section, &format!("pair[{i}].models"), pair.models.as_ref(), models)?;
    let place = document.at(&[Key("pair"), Item(i)]);
    let data = match (&pair.start_data, &pair.end_data) {
        (Some(start), Some(end)) => Some((start.clone(), end.clone())),
        (None, None) => None,
        _ => return Err(SpecError::HalfData { place, pair: pair.name.clone() }),
    };
    // Other forms have coordinates once the model is known.
    if let (WirePoint::List(start), WirePoint::List(end)) = (&pair.start, &pair.end) {
        let ends = Ends::new(ArrayView1::from(start), ArrayView1::from(end), NonZeroUsize::MIN);
        ends.and_then(|ends| match &data {
            Some((start, end)) => ends.with_data(ArrayView1::from(start), ArrayView1::from(end)),
            None => Ok(ends),
        })
        .map_err(|source| SpecError::Pair {
            place: place.clone(),
            pair: pair.name.clone(),
            source,
        })?;
    }
    Ok(ListedPair {
        name: pair.name.clone(),
        models: pair.models.clone(),
        start: pair.start.clone(),
        end: pair.end.clone(),
        data,
        place,
    })
}

fn check_tier(spec: &Spec, tier: Tier, own: &WireTier) -> Result<(), SpecError> {
    let document = &spec.document;
    let step = |key| [Key("tier"), Key(tier.id()), Key(key)];
    for (key, count) in [("pairs", own.pairs), ("repetitions", own.repetitions), ("segments", own.segments)] {
        if let Some(count) = count {
            check_count(document, &format!("tier.{tier}.{key}"), count, &step(key))?;
        }
    }
    let kept = [
        ("models", "model", own.models.as_ref(), spec.models().map(str::to_owned).collect::<Vec<_>>()),
        ("methods", "method", own.methods.as_ref(), refer::methods(spec)),
        ("studies", "study", own.studies.as_ref(), spec.studies().map(str::to_owned).collect()),
    ];
    for (key, what, labels, known) in kept {
        let Some(labels) = labels else { continue };
        if labels.is_empty() {
            let place = document.at(&step(key));
            return Err(SpecError::Empty { place, key: format!("tier.{tier}.{key}"), what });
        }
        for (i, label) in labels.iter().enumerate() {
            if !known.contains(label) {
                let steps = [Key("tier"), Key(tier.id()), Key(key), Item(i)];
                return Err(unknown(document, &steps, what, label, known));
            }
        }
    }
    if let Some(sweep) = &own.lambda {
        check_sweep(document, &mut sweep.clone(), &step("lambda"))?;
        let of_methods = spec.methods.iter().all(|method| method.sweep.is_none());
        if of_methods && spec.studies.iter().all(|study| study.sweep.is_none()) {
            return Err(SpecError::NoSweep { place: document.at(&step("lambda")) });
        }
    }
    Ok(())
}

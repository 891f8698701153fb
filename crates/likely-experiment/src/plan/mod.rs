//! Plans: the cells that a spec expands to at a tier, with everything that they need.

mod error;
mod fields;
mod images;
mod pairs;
mod surfaces;

pub use error::PlanError;
pub(crate) use images::HeldOut;
pub(crate) use pairs::Pair;
pub(crate) use surfaces::embedded;

use crate::data::{parse_points, read_bytes, standardise};
use crate::spec::Step::{Item, Key};
use crate::spec::{Measure, Reveal, Selection, Spec, Tier, Variant, config_of};
use crate::{DataError, Points};
use likely_core::{Euclidean, Flow, Geometry, ImageSpace, Potential, Seed};
use likely_geometries::Derive;
use likely_methods::{Interpolator, Sampler};
use likely_models::{BuildError, DeviceName, OpenDevice, Resources};
use likely_record::{
    CellKey, ClaimRecord, FORMAT, FigureKind, PlanRecord, PlannedCell, Presentation, RankingRecord,
    SavingRecord, sha256_hex,
};
use likely_studies::{Kept, Study, StudyKind};
use ndarray::{Array1, ArrayView2, Axis};
use rand::RngCore;
use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::path::Path;
use std::sync::Arc;

/// Most cells of a run.
const MOST_CELLS: u64 = 1_000_000;
/// Most numbers of a curve: a GiB.
const MOST_NUMBERS: usize = 1 << 27;
/// What stands in place of a pair in the cell of a sampler.
const SAMPLES: &str = "samples";
/// What stands in place of a pair in the cell of a study.
const STUDY: &str = "study";
/// Most data points whose potentials say what is typical.
const MOST_TYPICAL: usize = 2000;

/// Most evaluations of the density that one tensor with its gradient costs: the pull-back by the score asks for a Hessian, for its
/// product with the step and for the gradient of that product, and no other derived geometry for more than two of them.
const IN_A_TENSOR: u64 = 3;

/// What a plan depends on beside the spec.
#[derive(Debug, Clone)]
pub struct PlanOptions {
    /// SHA-256 of the program, which is part of the identity of a run.
    pub program_sha256: String,
    /// Whether the densities of figures are evaluated; a run needs them, a look at the cells does not.
    pub fields: bool,
    /// Where networks of images are evaluated. A GPU is part of the identity of a run, so that runs share no cells with those of the
    /// processor; the cells themselves have the same keys, so that their numbers can be compared.
    pub device: OpenDevice,
}

/// A model that was built, with its data.
pub(crate) struct PlannedModel {
    pub(crate) label: String,
    pub(crate) potential: Box<dyn Potential>,
    pub(crate) flow: Option<Box<dyn Flow>>,
    /// The images that its points stand for.
    pub(crate) images: Option<Arc<dyn ImageSpace>>,
    /// What its studies have found of its images.
    pub(crate) kept: Kept,
    pub(crate) geometry: Arc<dyn Geometry>,
    pub(crate) reveal: Reveal,
    /// Mean of the potential over the data.
    pub(crate) typical: Option<f64>,
    /// Potentials of points of the data, ascending.
    typical_potentials: Option<Vec<f64>>,
    points: Option<Arc<Points>>,
    pairs: Vec<Pair>,
}

impl PlannedModel {
    /// Potentials of points of the data, ascending.
    pub(crate) fn typical_potentials(&self) -> Option<&[f64]> {
        self.typical_potentials.as_deref()
    }

    /// The data, where it has some.
    pub(crate) fn points(&self) -> Option<ArrayView2<'_, f64>> {
        self.points.as_ref().map(|points| points.values.view())
    }

    /// Its pairs of end points.
    pub(crate) fn pairs(&self) -> &[Pair] {
        &self.pairs
    }
}

/// What one cell does.
pub(crate) enum Work {
    /// Joins a pair of end points.
    Interpolate {
        model: usize,
        method: Arc<dyn Interpolator>,
        /// Makes the geometry that the method solves in; that of the model where absent.
        derive: Option<Arc<dyn Derive>>,
        pair: usize,
    },
    /// Draws samples from a model's flow.
    Sample { model: usize, sampler: Arc<dyn Sampler> },
    /// Answers a question about a model.
    Study {
        model: usize,
        kind: &'static StudyKind,
        study: Arc<dyn Study>,
        /// Makes the geometry that the study finds its curves in; that of the model where absent.
        derive: Option<Arc<dyn Derive>>,
    },
}

/// The cells of a run and all that they need: models are built, data are read, end points are drawn.
pub struct Plan {
    record: PlanRecord,
    presentation: Presentation,
    resolved: String,
    data_sha256: BTreeMap<String, String>,
    device: String,
    seed: Seed,
    segments: NonZeroUsize,
    metrics: Vec<Measure>,
    models: Vec<PlannedModel>,
    images: Option<HeldOut>,
    work: Vec<Work>,
}

impl Plan {
    /// Reads the data, builds the models and expands the cells of `spec` at `tier`.
    ///
    /// # Errors
    /// [`PlanError`] where data cannot be read, a model cannot be built, or end points do not fit a model.
    pub fn new(spec: &Spec, tier: Tier, options: &PlanOptions) -> Result<Self, PlanError> {
        let selection = spec.select(tier);
        let mut files = BTreeMap::new();
        let datasets = read_datasets(spec, &selection, &mut files)?;
        let training = selection.studies.iter().map(|study| study.spec.study.training_images()).max();
        let images = images::read(spec, training.unwrap_or(0), &mut files)?;
        let mut wire = spec.wire.clone();
        let mut models = Vec::with_capacity(selection.models.len());
        let mut facts = Vec::new();
        for &index in &selection.models {
            let built = build_model(spec, index, &datasets, &options.device, &mut files)?;
            let label = &spec.models[index].label;
            wire.model[index].config = built.resolved;
            facts
                .extend(built.facts.into_iter().map(|(name, value)| (label.clone(), name.to_owned(), value)));
            let points = spec.models[index].data.and_then(|data| datasets[data].clone());
            let typical = points.as_ref().and_then(|points| typical(&*built.potential, points));
            let geometry = geometry_of(spec, index, &*built.potential)?;
            if let Some(geometry) = spec.models[index].geometry {
                let words = &spec.geometries[geometry].words;
                facts.push((label.clone(), "geometry".to_owned(), words.clone()));
            }
            let mut model = PlannedModel {
                label: label.clone(),
                typical: typical.as_ref().and_then(mean),
                typical_potentials: typical.and_then(ascending),
                geometry,
                potential: built.potential,
                flow: built.flow,
                images: built.images,
                kept: Kept::default(),
                reveal: spec.models[index].reveal,
                points,
                pairs: Vec::new(),
            };
            check_size(spec, &selection, tier, &model)?;
            model.pairs = pairs::pairs_of(spec, &selection, &datasets, &model, &mut files)?;
            models.push(model);
        }
        let resolved = toml::to_string_pretty(&wire).map_err(|error| crate::SpecError::Resolve {
            path: spec.path().to_owned(),
            reason: error.to_string(),
        })?;
        let (cells, work) = expand(spec, &selection, &models)?;
        let mut fields = Vec::new();
        let drawn = wire.figure.iter().any(|figure| matches!(figure.show, FigureKind::DensityCurves { .. }));
        if options.fields && drawn {
            for model in &models {
                fields.extend(fields::field(model, &model.pairs)?);
            }
        }
        let curved = wire.figure.iter().any(|figure| matches!(figure.show, FigureKind::SurfaceCurves { .. }));
        let mut surfaces = Vec::new();
        if options.fields && curved {
            for (model, &index) in models.iter().zip(&selection.models) {
                let Some(geometry) = spec.models[index].geometry else { continue };
                let shown = &spec.geometries[geometry].surface;
                surfaces.extend(surfaces::surface(model, shown, &model.pairs));
            }
        }
        let presentation = Presentation {
            format: FORMAT,
            experiment: spec.id().to_owned(),
            title: spec.title().to_owned(),
            paper: spec.paper().map(str::to_owned),
            analysis: wire.analysis.clone(),
            metrics: spec.metrics.iter().map(|metric| metric.meta()).collect(),
            facts,
            claims: wire.claim.iter().filter(|claim| measures(&cells, claim)).cloned().collect(),
            tables: wire.table.clone(),
            savings: wire.saving.iter().filter_map(|saving| kept(&selection, saving)).collect(),
            rankings: wire.ranking.iter().filter(|ranking| ranked(&cells, ranking)).cloned().collect(),
            figures: wire.figure.clone(),
            fields,
            surfaces,
        };
        let device = options.device.description();
        let record = PlanRecord {
            format: FORMAT,
            experiment: spec.id().to_owned(),
            spec_version: spec.version(),
            tier: tier.id().to_owned(),
            identity: identity(&resolved, &files, tier.id(), &options.program_sha256, &device),
            cells,
        };
        Ok(Self {
            record,
            presentation,
            resolved,
            data_sha256: files,
            device,
            seed: Seed::new(spec.seed()),
            segments: selection.segments,
            metrics: spec.metrics.clone(),
            models,
            images,
            work,
        })
    }

    /// The cells, as the run folder holds them.
    pub fn record(&self) -> &PlanRecord {
        &self.record
    }

    /// What a report shows beside the cells.
    pub fn presentation(&self) -> &Presentation {
        &self.presentation
    }

    /// The spec with every default filled in, as TOML; it can be read as a spec again.
    pub fn resolved_spec(&self) -> &str {
        &self.resolved
    }

    /// SHA-256 of each file that the spec names, by its path in the spec.
    pub fn data_sha256(&self) -> &BTreeMap<String, String> {
        &self.data_sha256
    }

    /// Where networks of images are evaluated, as provenance holds it.
    pub fn device(&self) -> &str {
        &self.device
    }

    /// The identity that a run of this plan by another program on another device has: the same spec, data and tier.
    pub fn identity_by(&self, program_sha256: &str, device: &str) -> String {
        identity(&self.resolved, &self.data_sha256, &self.record.tier, program_sha256, device)
    }

    pub(crate) fn seed(&self) -> Seed {
        self.seed
    }

    pub(crate) fn segments(&self) -> NonZeroUsize {
        self.segments
    }

    pub(crate) fn metrics(&self) -> &[Measure] {
        &self.metrics
    }

    pub(crate) fn model(&self, index: usize) -> &PlannedModel {
        &self.models[index]
    }

    /// The held-out images, where the spec names some.
    pub(crate) fn images(&self) -> Option<&HeldOut> {
        self.images.as_ref()
    }

    pub(crate) fn pair(&self, model: usize, pair: usize) -> &Pair {
        &self.models[model].pairs[pair]
    }

    /// The cells with what each does, in order.
    pub(crate) fn cells(&self) -> impl ExactSizeIterator<Item = (&PlannedCell, &Work)> {
        self.record.cells.iter().zip(&self.work)
    }
}

/// The data sets that the tier needs; the others stay unread.
fn read_datasets(
    spec: &Spec,
    selection: &Selection<'_>,
    files: &mut BTreeMap<String, String>,
) -> Result<Vec<Option<Arc<Points>>>, PlanError> {
    let needed = |index: usize| {
        spec.pairs.dataset() == Some(index)
            || selection.models.iter().any(|&model| spec.models[model].data == Some(index))
    };
    let mut datasets = Vec::with_capacity(spec.wire.dataset.len());
    for (index, dataset) in spec.wire.dataset.iter().enumerate() {
        if !needed(index) {
            datasets.push(None);
            continue;
        }
        let wrong = |source: DataError| PlanError::Data {
            place: spec.document.at(&[Key("dataset"), Item(index)]),
            label: dataset.label.clone(),
            source: Box::new(source),
        };
        let path = spec.folder().join(&dataset.file);
        let bytes = read_bytes(&path).map_err(wrong)?;
        files.insert(dataset.file.clone(), sha256_hex(&bytes));
        let mut points = parse_points(&path, &bytes, dataset.columns.as_deref()).map_err(wrong)?;
        if dataset.standardise {
            standardise(&path, &mut points).map_err(wrong)?;
        }
        datasets.push(Some(Arc::new(points)));
    }
    Ok(datasets)
}

fn build_model(
    spec: &Spec,
    index: usize,
    datasets: &[Option<Arc<Points>>],
    device: &OpenDevice,
    files: &mut BTreeMap<String, String>,
) -> Result<likely_models::Built, PlanError> {
    let model = &spec.models[index];
    let place = || spec.document.at(&[Key("model"), Item(index)]);
    // A model's own files decide its numbers as much as its data do, so they belong to the identity of the run.
    let values = spec.wire.model[index].config.iter();
    let texts = values.filter_map(|(key, value)| Some((key, value.as_str()?)));
    if let Some(folder) = spec.wire.model[index].config.get("folder").and_then(toml::Value::as_str) {
        let place = spec.document.at(&[Key("model"), Item(index), Key("config"), Key("folder")]);
        images::hash(&spec.folder().join(folder), folder, files)
            .map_err(|source| PlanError::file(place, "the images", source))?;
    }
    for (key, file) in texts.filter(|(key, text)| *key == "file" || names_a_file(text)) {
        let place = spec.document.at(&[Key("model"), Item(index), Key("config"), Key(key)]);
        let bytes = read_bytes(&spec.folder().join(file))
            .map_err(|source| PlanError::file(place, format!("model `{}`", model.label), source))?;
        files.insert(file.to_owned(), sha256_hex(&bytes));
    }
    // Each model draws from a root of its own, so that adding one changes none of the others.
    let seed =
        Seed::new(spec.seed()).stream(&[("experiment", spec.id()), ("model", &model.label)]).next_u64();
    let points = model.data.and_then(|data| datasets[data].as_ref());
    let resources = Resources {
        points: points.map(|points| points.values.view()),
        seed: Seed::new(seed),
        folder: spec.folder(),
        device,
    };
    let config = config_of(&spec.document, [Key("model"), Item(index)]);
    (model.kind.build)(config, &resources).map_err(|source| match source {
        BuildError::Config(error) => {
            spec.document.explain_in(&error, &[Key("model"), Item(index), Key("config")]).into()
        }
        source => PlanError::Model { place: place(), label: model.label.clone(), source: Box::new(source) },
    })
}

/// Whether a text in the configuration of a model can only be the name of a file.
fn names_a_file(text: &str) -> bool {
    let extension = Path::new(text).extension().and_then(|extension| extension.to_str());
    extension.is_some_and(|extension| {
        ["npy", "csv", "toml", "json", "safetensors"]
            .iter()
            .any(|known| extension.eq_ignore_ascii_case(known))
    })
}

/// The geometry that a model stands on: flat space, unless it names one.
fn geometry_of(spec: &Spec, index: usize, potential: &dyn Potential) -> Result<Arc<dyn Geometry>, PlanError> {
    let model = &spec.models[index];
    let Some(geometry) = model.geometry else { return Ok(Arc::new(Euclidean::new(potential.dim()))) };
    let geometry = &spec.geometries[geometry];
    let (found, expected) = (geometry.geometry.dim(), potential.dim());
    if found == expected {
        return Ok(Arc::clone(&geometry.geometry));
    }
    Err(PlanError::GeometryDimension {
        place: spec.document.at(&[Key("model"), Item(index), Key("geometry")]),
        geometry: geometry.label.clone(),
        found,
        model: model.label.clone(),
        expected,
    })
}

/// The potential at the data, or at evenly spaced ones where there are many.
fn typical(potential: &dyn Potential, points: &Points) -> Option<Array1<f64>> {
    let rows = points.values.nrows();
    let every = rows.div_ceil(MOST_TYPICAL).max(1);
    let some = points.values.select(Axis(0), &(0..rows).step_by(every).collect::<Vec<_>>());
    potential.value(some.view()).ok()
}

fn mean(potentials: &Array1<f64>) -> Option<f64> {
    potentials.mean().filter(|mean| mean.is_finite())
}

/// The finite ones in order; `None` where there is none.
fn ascending(potentials: Array1<f64>) -> Option<Vec<f64>> {
    let mut sorted: Vec<f64> = potentials.into_iter().filter(|s| s.is_finite()).collect();
    sorted.sort_unstable_by(f64::total_cmp);
    (!sorted.is_empty()).then_some(sorted)
}

/// Refuses curves and end points that would not fit in memory, before any is made.
fn check_size(
    spec: &Spec,
    selection: &Selection<'_>,
    tier: Tier,
    model: &PlannedModel,
) -> Result<(), PlanError> {
    let (segments, dim) = (selection.segments.get(), model.potential.dim());
    let fits = |points: usize| points.checked_mul(dim).is_some_and(|numbers| numbers <= MOST_NUMBERS);
    let (model, most) = (model.label.clone(), MOST_NUMBERS);
    if !fits(segments + 1) {
        let own = spec.tier(tier).is_some_and(|own| own.segments.is_some());
        let steps = [Key("tier"), Key(tier.id()), Key("segments")];
        let place = spec.document.at(if own { &steps } else { &steps[2..] });
        return Err(PlanError::CurveTooLarge { place, segments, dim, model, most });
    }
    let pairs = spec.pairs.count(selection.pairs);
    if !fits(2 * pairs) {
        let place = spec.document.at(&[Key("pairs"), Key("draw")]);
        return Err(PlanError::PairsTooLarge { place, pairs, dim, model, most });
    }
    Ok(())
}

/// The cells in the order of the spec: model, method, weight, pair, repetition; then the samplers and studies of the model.
fn expand(
    spec: &Spec,
    selection: &Selection<'_>,
    models: &[PlannedModel],
) -> Result<(Vec<PlannedCell>, Vec<Work>), PlanError> {
    let variants: usize = selection.methods.iter().map(|(_, variants)| variants.len()).sum();
    let pairs: usize = models.iter().map(|model| model.pairs.len()).sum();
    let curves = variants as u64 * pairs as u64;
    let samples = selection.samplers.len() as u64 * models.len() as u64;
    let looks = |model: &PlannedModel| {
        let looking = selection.studies.iter().filter(|chosen| chosen.spec.looks_at(&model.label));
        looking.map(|chosen| chosen.variants.len() as u64).sum::<u64>()
    };
    let studies: u64 = models.iter().map(looks).sum();
    let count = (curves + samples + studies) * u64::from(selection.repetitions);
    if count > MOST_CELLS {
        let place = spec.document.at(&[]);
        return Err(PlanError::TooManyCells { place, cells: count, most: MOST_CELLS });
    }
    let (mut cells, mut work) = (Vec::new(), Vec::new());
    let mut push = |key: CellKey, evaluations_at_most, does| {
        cells.push(PlannedCell { hash: key.hash(), key, evaluations_at_most });
        work.push(does);
    };
    let segments = selection.segments.get();
    for (index, model) in models.iter().enumerate() {
        let key = |method: &str, lambda, pair: &str, repetition, segments| CellKey {
            experiment: spec.id().to_owned(),
            model: model.label.clone(),
            method: method.to_owned(),
            lambda,
            pair: pair.to_owned(),
            repetition,
            segments,
        };
        for (label, variants) in &selection.methods {
            for Variant { lambda, interpolator, derive } in variants {
                for (pair_index, pair) in model.pairs.iter().enumerate() {
                    for repetition in 0..selection.repetitions {
                        push(
                            key(label, *lambda, &pair.name, repetition, segments as u32),
                            evaluations_at_most(&**interpolator, derive.is_some(), segments),
                            Work::Interpolate {
                                model: index,
                                method: interpolator.clone(),
                                derive: derive.clone(),
                                pair: pair_index,
                            },
                        );
                    }
                }
            }
        }
        for (label, sampler) in &selection.samplers {
            for repetition in 0..selection.repetitions {
                push(
                    key(label, None, SAMPLES, repetition, sampler.steps()),
                    sampler.evaluations_at_most(),
                    Work::Sample { model: index, sampler: sampler.clone() },
                );
            }
        }
        for chosen in selection.studies.iter().filter(|chosen| chosen.spec.looks_at(&model.label)) {
            for (lambda, study) in &chosen.variants {
                for repetition in 0..selection.repetitions {
                    push(
                        key(&chosen.spec.label, *lambda, STUDY, repetition, segments as u32),
                        study.evaluations_at_most(segments),
                        Work::Study {
                            model: index,
                            kind: chosen.spec.kind,
                            study: study.clone(),
                            derive: chosen.spec.derive.clone(),
                        },
                    );
                }
            }
        }
    }
    Ok((cells, work))
}

/// The most points of the density that a method evaluates, with those in the tensors of a geometry made of it.
fn evaluations_at_most(interpolator: &dyn Interpolator, derived: bool, segments: usize) -> u64 {
    let of_potential = interpolator.evaluations_at_most(segments);
    if !derived {
        return of_potential;
    }
    // Between two segments is one point, so this counts paths; each has one tensor a segment.
    let paths = interpolator.evaluations_at_most(2);
    of_potential.saturating_add(paths.saturating_mul(IN_A_TENSOR).saturating_mul(segments as u64))
}

/// Whether a tier has a cell that the claim is about; a tier is not held to numbers that it leaves out.
fn measures(cells: &[PlannedCell], claim: &ClaimRecord) -> bool {
    let bits = |lambda: Option<f64>| lambda.map(f64::to_bits);
    cells.iter().map(|cell| &cell.key).any(|key| {
        key.model == claim.model
            && key.method == claim.method
            && bits(key.lambda) == bits(claim.lambda)
            && claim.pair.as_ref().is_none_or(|pair| *pair == key.pair)
    })
}

/// The saving with the methods that a tier runs; none where it leaves out the baseline or all others.
fn kept(selection: &Selection<'_>, saving: &SavingRecord) -> Option<SavingRecord> {
    let runs = |label: &String| selection.methods.iter().any(|(kept, _)| kept == label);
    let methods: Vec<String> = saving.methods.iter().filter(|label| runs(label)).cloned().collect();
    (runs(&saving.baseline) && !methods.is_empty()).then(|| SavingRecord { methods, ..saving.clone() })
}

/// Whether a tier runs the method whose place is asked for.
fn ranked(cells: &[PlannedCell], ranking: &RankingRecord) -> bool {
    let bits = ranking.lambda.map(f64::to_bits);
    let mut keys = cells.iter().map(|cell| &cell.key);
    keys.any(|key| key.method == ranking.method && (bits.is_none() || key.lambda.map(f64::to_bits) == bits))
}

fn identity(
    resolved: &str,
    files: &BTreeMap<String, String>,
    tier: &str,
    program: &str,
    device: &str,
) -> String {
    let mut bytes = b"likely run v1".to_vec();
    let files = files.iter().flat_map(|(path, hash)| [path.as_str(), hash.as_str()]);
    let processor = DeviceName::Cpu.to_string();
    let device = (device != processor).then_some(["device", device]).into_iter().flatten();
    for part in [resolved, tier, program].into_iter().chain(files).chain(device) {
        bytes.extend((part.len() as u64).to_le_bytes());
        bytes.extend(part.as_bytes());
    }
    sha256_hex(&bytes)
}

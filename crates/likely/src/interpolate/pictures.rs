//! `likely interpolate` between two of the user's own pictures, in the space of a model of images.

use super::{check_empty, geometry_config, literals, table_of, write_all};
use crate::answer::{Answer, Exit, Failure};
use crate::args;
use crate::grid::TextGrid;
use crate::interrupt;
use crate::numbers::number;
use crate::progress::Show;
use anyhow::Context;
use likely_core::{Counted, Ends, Euclidean, Geometry, ImageShape, ImageSpace, Normalisation, Seed};
use likely_geometries::{Derive, Origin};
use likely_images::{Grid, ImageSet, Reading, Resize, Size, encode_png, open};
use likely_methods::{Density, InterpolateError, Interpolator, Scene, Solution};
use likely_models::{Built, OpenDevice, Resources};
use likely_studies::{ImageEnds, energy};
use ndarray::{Array1, Array2, ArrayView1, Axis, concatenate, s};
use serde_json::{Value, json};
use std::fmt::Write as _;
use std::num::NonZeroUsize;
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

/// How a picture is brought to the size of the model's.
const RESIZE: &str = "pillow-lanczos";
/// Pixels that the shorter side of a picture should have in the row of frames, at least.
const SHOWN: usize = 112;
/// Segments between two frames where the user names no number of segments.
const SEGMENTS_A_FRAME: usize = 2;

/// Whether both ends are files of pictures.
pub(super) fn are_pictures(ends: [&str; 2]) -> bool {
    ends.iter().all(|end| {
        let extension = Path::new(end).extension().and_then(std::ffi::OsStr::to_str);
        extension.is_some_and(|e| ["png", "jpg", "jpeg"].contains(&e.to_ascii_lowercase().as_str()))
    })
}

pub(super) fn command(args: &args::Interpolate, show: Show) -> anyhow::Result<Answer> {
    let points_only = [("--data", args.data.is_some()), ("--columns", !args.columns.is_empty())];
    if let Some((option, _)) = points_only.into_iter().find(|(_, given)| *given) {
        return Err(Failure::usage(format!(
            "{option} is for points; two pictures are joined in the space of a model of images, which has its own weights or folder"
        )));
    }
    let method = method(args)?;
    let derive = derive(args, &*method)?;
    let frames = usize::from(args.frames.get());
    let segments = match args.segments {
        None => SEGMENTS_A_FRAME * (frames + 1),
        Some(segments) => segments as usize,
    };
    if segments == 0 || !segments.is_multiple_of(frames + 1) {
        return Err(Failure::usage(format!(
            "--segments {segments}: {frames} frames between the ends are {} steps, of which the segments must be a multiple, as {}",
            frames + 1,
            segments.max(1).next_multiple_of(frames + 1)
        )));
    }
    check_empty(&args.out)?;

    let device = args.on.open()?;
    let built = model(args, &device)?;
    let Some(space) = &built.images else {
        let models = "image-vae, image-diffusion and image-gaussian do; `likely list --models` has all";
        return Err(Failure::usage(format!(
            "--model {}: its points stand for no images; {models}",
            args.model
        )));
    };
    let originals = pictures(args, space.shape())?;
    show.line("encoding");
    let points = space.encode(originals.rows().view()).context("encoding the pictures")?;
    let counted = Counted::new(&*built.potential);
    let flat = Euclidean::new(space.dim());
    let decoder = space.decoder();
    let origin = Origin { potential: &counted, decoder: decoder.as_deref() };
    let derived = derive.as_ref().map(|derive| derive.over(origin)).transpose();
    let derived = derived.map_err(|reason| Failure::usage(format!("--model {}: {reason}", args.model)))?;
    let geometry = derived.as_deref().unwrap_or(&flat);
    let scene = Scene { geometry, density: Some(Density::Potential(&counted)), typical: None };
    let count = NonZeroUsize::new(segments).expect("checked to be positive");
    let ends = ImageEnds::new(&**space, originals.rows().view(), points.view())?;
    let ends = ends.over(count).map_err(|error| Failure::usage(format!("the encoded pictures: {error}")))?;
    let stop = interrupt::install()?;
    show.line("joining");
    let solution = join(args.seed, &*method, &scene, &ends, stop)?;
    show.line("decoding");
    let every = segments / (frames + 1);
    let shown = solution.curve.points().slice(s![..;every, ..]).to_owned();
    let decoded = space.decode(shown.view()).context("decoding the curve")?;
    let potentials = match built.potential.value(shown.view()) {
        Ok(values) => Ok(values.to_vec()),
        Err(error) => Err(error.to_string()),
    };
    let told = Told {
        built: &built,
        space: &**space,
        originals: &originals,
        geometry,
        solution: &solution,
        device: device.description(),
    };
    let numbers = told.numbers(args, &shown, &decoded, &potentials, counted.evaluations().total());
    let files = told.files(&decoded, &numbers)?;
    let written = write_all(&args.out, files)?;
    let mut grid = TextGrid::new(["frame", "potential", "norm / √d"]);
    for (k, point) in shown.rows().into_iter().enumerate() {
        let potential = potentials.as_ref().map_or_else(|_| "-".to_owned(), |values| number(Some(values[k])));
        grid.row([k.to_string(), potential, number(Some(relative_norm(point)))]);
    }
    let mut text = grid.text();
    let _ = writeln!(text, "{} after {} iterations", solution.stop, solution.iterations);
    if let Err(reason) = &potentials {
        let _ = writeln!(text, "no potentials: {reason}");
    }
    for path in &written {
        let _ = writeln!(text, "{}", path.display());
    }
    Ok(Answer { exit: Exit::Fine, text, json: json!({ "files": written, "numbers": numbers }) })
}

fn without_images(model: &str) -> anyhow::Error {
    Failure::usage(format!(
        "--model {model}: its points stand for no images; those of the models whose names begin with `image-` do (`likely list --models`)"
    ))
}

fn model(args: &args::Interpolate, device: &OpenDevice) -> anyhow::Result<Built> {
    let Some(kind) = likely_models::find(&args.model) else {
        return Err(Failure::usage(format!(
            "--model {}: there is no such model; `likely list --models` has all",
            args.model
        )));
    };
    let text = literals("--model-config", &args.model_config)?.join("\n");
    let folder = std::env::current_dir().context("cannot tell the current folder")?;
    let resources = Resources { points: None, seed: Seed::new(args.seed), folder: &folder, device };
    let table = table_of("--model-config", &text)?;
    (kind.build)(table, &resources).map_err(|error| match error {
        likely_models::BuildError::Config(error) => Failure::usage(format!(
            "--model {}: {}; options are given as --model-config KEY=VALUE",
            args.model,
            error.message()
        )),
        likely_models::BuildError::NoPoints { .. } => without_images(&args.model),
        other => Failure::usage(other.to_string()),
    })
}

/// The two pictures in the shape of the model's.
fn pictures(args: &args::Interpolate, shape: ImageShape) -> anyhow::Result<ImageSet> {
    let way = Resize::find(RESIZE).context("a resize is missing")?;
    let size = Size { height: shape.height, width: shape.width, way };
    let reading = Reading { channels: Some(shape.channels), size: Some(size), ..Reading::default() };
    let mut pixels = Vec::with_capacity(2 * shape.len());
    for (option, path) in [("--from", &args.from), ("--to", &args.to)] {
        let set =
            open(Path::new(path), &reading).map_err(|error| Failure::usage(format!("{option}: {error}")))?;
        pixels.extend_from_slice(set.pixels());
    }
    Ok(ImageSet::new(shape, pixels)?)
}

fn method(args: &args::Interpolate) -> anyhow::Result<Box<dyn Interpolator>> {
    let Some(kind) = likely_methods::find(&args.method) else {
        let known: Vec<&str> = likely_methods::ALL.iter().map(|method| method.id).collect();
        return Err(Failure::usage(format!(
            "--method {}: there is no such method; there are {}",
            args.method,
            known.join(", ")
        )));
    };
    let text = literals("--config", &args.config)?.join("\n");
    let built = (kind.build)(table_of("--config", &text)?)
        .map_err(|error| Failure::usage(format!("--method {}: {}", kind.id, error.message())))?;
    Ok(built.interpolator)
}

/// What makes the geometry of the model; nothing where the space is flat.
fn derive(args: &args::Interpolate, method: &dyn Interpolator) -> anyhow::Result<Option<Box<dyn Derive>>> {
    let Some(id) = &args.geometry else { return Ok(None) };
    let Some(kind) = likely_geometries::find_derived(id) else {
        let known: Vec<&str> = likely_geometries::DERIVED.iter().map(|kind| kind.id).collect();
        return Err(Failure::usage(format!(
            "--geometry {id}: no model of images makes it; there are {}",
            known.join(", ")
        )));
    };
    if method.evaluations_at_most(2) == 0 {
        return Err(Failure::usage(format!(
            "--geometry {id}: the method `{}` is a formula that minimises nothing in a geometry; leave the geometry out, or name another method",
            args.method
        )));
    }
    let text = format!("config = {}", geometry_config(&args.geometry_config)?);
    let wrong = |error: toml::de::Error| Failure::usage(format!("--geometry {id}: {}", error.message()));
    let document = toml::de::DeTable::parse(&text).map_err(wrong)?;
    let span = document.span();
    let config = document.into_inner().remove("config").map(toml::Spanned::into_inner);
    let Some(toml::de::DeValue::Table(config)) = config else {
        return Err(Failure::usage(format!("--geometry-config: `{text}` is no table")));
    };
    Ok(Some((kind.build)(toml::Spanned::new(span, config)).map_err(wrong)?.derive))
}

fn join(
    seed: u64,
    method: &dyn Interpolator,
    scene: &Scene<'_>,
    ends: &Ends<'_>,
    stop: &AtomicBool,
) -> anyhow::Result<Solution> {
    let mut stream = Seed::new(seed).stream(&[("command", "interpolate")]);
    let mut watch = |_: &likely_methods::Step| {
        if stop.load(Ordering::Relaxed) { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    };
    match method.interpolate(scene, ends, &mut stream, &mut watch) {
        Err(InterpolateError::Interrupted) => {
            Err(Failure::ending(Exit::Interrupted, "interrupted; nothing was written"))
        }
        Err(error) => {
            Err(Failure::ending(Exit::Incomplete, format!("no curve: {error}; nothing was written")))
        }
        Ok(solution) => Ok(solution),
    }
}

/// What the files are made of.
struct Told<'a> {
    built: &'a Built,
    space: &'a dyn ImageSpace,
    originals: &'a ImageSet,
    /// That the curve was found in.
    geometry: &'a dyn Geometry,
    solution: &'a Solution,
    device: String,
}

impl Told<'_> {
    fn numbers(
        &self,
        args: &args::Interpolate,
        shown: &Array2<f64>,
        decoded: &Array2<f64>,
        potentials: &Result<Vec<f64>, String>,
        evaluations: u64,
    ) -> Value {
        let curve = &self.solution.curve;
        let energy = energy(self.geometry, curve).ok();
        let frames: Vec<Value> = shown
            .rows()
            .into_iter()
            .enumerate()
            .map(|(k, point)| {
                json!({
                    "position": k as f64 / (shown.nrows() - 1) as f64,
                    "potential": potentials.as_ref().ok().map(|values| values[k]),
                    "norm-over-root-dim": relative_norm(point),
                })
            })
            .collect();
        // What is lost by encoding and decoding: root mean squared difference of numbers in [0, 1].
        let originals = self.originals.rows();
        let ends = [(0, 0), (1, decoded.nrows() - 1)].map(|(original, frame)| {
            let gap = &decoded.row(frame) - &originals.row(original);
            (gap.dot(&gap) / gap.len() as f64).sqrt()
        });
        let stop = self.solution.stop;
        json!({
            "model": args.model,
            "model-config": self.built.resolved,
            "model-facts": self.built.facts.iter().map(|(name, value)| json!({ "name": name, "value": value })).collect::<Vec<_>>(),
            "normalised": self.built.potential.normalisation() == Normalisation::Normalised,
            "geometry": args.geometry,
            "method": args.method,
            "from": args.from,
            "to": args.to,
            "shape": self.space.shape().to_string(),
            "resize": RESIZE,
            "segments": curve.segments(),
            "dim": curve.dim(),
            "seed": args.seed,
            "lambda": self.solution.weighting.map(|weighting| weighting.lambda),
            "lambda-norm": self.solution.weighting.map(|weighting| weighting.lambda_norm),
            "stop": { "kind": stop.kind().id(), "text": stop.to_string(), "converged": stop.means_convergence() },
            "iterations": self.solution.iterations,
            "evaluations": evaluations,
            "energy": energy,
            "pixel-length": length(decoded),
            "end-errors-rms": ends,
            "frames": frames,
            "device": self.device,
            "version": env!("CARGO_PKG_VERSION"),
        })
    }

    fn files(&self, decoded: &Array2<f64>, numbers: &Value) -> anyhow::Result<Vec<(String, Vec<u8>)>> {
        let (shape, curve) = (self.space.shape(), &self.solution.curve);
        let originals = self.originals.rows();
        let row = concatenate(
            Axis(0),
            &[originals.slice(s![..1, ..]), decoded.view(), originals.slice(s![1.., ..])],
        )
        .context("putting frames side by side")?;
        let row = ImageSet::from_rows(row.view(), shape)?;
        let enlarge = SHOWN.div_ceil(shape.height.min(shape.width));
        let strip = Grid { columns: row.count(), gap: 2 * enlarge, enlarge }.of(&row)?;
        let mut files = vec![
            ("frames.png".to_owned(), encode_png(&strip)?),
            ("numbers.json".to_owned(), serde_json::to_vec_pretty(numbers)?),
        ];
        let values: Vec<f64> = curve.points().iter().copied().collect();
        files.push(("curve.npy".to_owned(), likely_numpy::rows(curve.segments() + 1, curve.dim(), &values)));
        let frames = ImageSet::from_rows(decoded.view(), shape)?;
        for k in 0..frames.count() {
            files.push((format!("frame-{k:03}.png"), encode_png(&frames.select(&[k])?)?));
        }
        Ok(files)
    }
}

/// `|z| / sqrt(d)`, which is near 1 for standard normal noise.
fn relative_norm(point: ArrayView1<'_, f64>) -> f64 {
    (point.dot(&point) / point.len() as f64).sqrt()
}

/// `sum_k |x_(k+1) - x_k|` of the frames.
fn length(frames: &Array2<f64>) -> f64 {
    let steps = frames.axis_windows(Axis(0), 2);
    let distance = |gap: Array1<f64>| gap.dot(&gap).sqrt();
    steps.into_iter().map(|pair| distance(&pair.row(1) - &pair.row(0))).sum()
}

//! A run made up in code, with every kind of cell that a report has to show.

use likely_record::{
    Axis, CellKey, CellRecord, CurveRecord, EvaluationCounts, FORMAT, FieldRecord, FigureKind, FigureRecord,
    Grid, MetricMeta, MetricRecord, PictureFile, PlanRecord, PlannedCell, Presentation, Provenance, Run,
    RunFolder, Scale, SeriesFile, SeriesRecord, Status, StopRecord, TableRecord, TimingRecord, VerdictCell,
    VerdictKind, VerdictRecord, VerdictStatus,
};
use std::collections::BTreeMap;
use tempfile::TempDir;

pub(crate) const LIKELIHOOD: &str = "log-likelihood-mean";
pub(crate) const ENERGY: &str = "energy";
pub(crate) const EVALUATIONS: &str = "evaluations";

/// A run on disk; the folder goes when it is dropped.
pub(crate) struct Scene {
    pub(crate) _folder: TempDir,
    pub(crate) run: Run,
}

/// What a test says about a cell.
pub(crate) struct Cell {
    pub(crate) model: &'static str,
    pub(crate) method: &'static str,
    pub(crate) lambda: Option<f64>,
    pub(crate) pair: &'static str,
    pub(crate) outcome: Outcome,
}

pub(crate) enum Outcome {
    /// What a study answered: numbers by id, and series.
    Studied(Vec<(&'static str, Option<f64>)>, Vec<SeriesRecord>),
    /// What a study showed.
    Pictured(Vec<PictureFile>),
    /// Metrics in the order of [`metrics`], and whether the method converged.
    Ran([Option<f64>; 3], bool),
    Failed(&'static str),
    Skipped(&'static str),
    Missing,
}

pub(crate) fn ran(
    model: &'static str,
    method: &'static str,
    lambda: Option<f64>,
    pair: &'static str,
    values: [f64; 3],
    converged: bool,
) -> Cell {
    Cell { model, method, lambda, pair, outcome: Outcome::Ran(values.map(Some), converged) }
}

pub(crate) fn metrics() -> Vec<MetricMeta> {
    let meta = |id: &str, unit: &str, better: &str, definition: &str| MetricMeta {
        id: id.to_owned(),
        unit: unit.to_owned(),
        better: better.to_owned(),
        definition: definition.to_owned(),
    };
    vec![
        meta(LIKELIHOOD, "nats", "higher", "Mean of log p over all points of the curve."),
        meta(ENERGY, "squared units", "lower", "Sum of squared distances between neighbouring points."),
        meta(EVALUATIONS, "points", "lower", "Points at which the density was evaluated."),
    ]
}

pub(crate) fn table(id: &str, rows: &[Axis], columns: &[Axis], metrics: &[&str]) -> TableRecord {
    TableRecord {
        id: id.to_owned(),
        title: format!("Table {id}"),
        rows: rows.to_vec(),
        columns: columns.to_vec(),
        metrics: metrics.iter().map(|&metric| metric.to_owned()).collect(),
        methods: Vec::new(),
        models: Vec::new(),
        decimals: None,
        compare_within: Vec::new(),
    }
}

pub(crate) fn presentation(tables: Vec<TableRecord>, figures: Vec<FigureRecord>) -> Presentation {
    Presentation {
        format: FORMAT,
        experiment: "made-up".to_owned(),
        title: "Curves between two hills".to_owned(),
        paper: Some("a paper, Figure 1".to_owned()),
        analysis: "The first paragraph.\n\nThe second <b>paragraph</b> & more.".to_owned(),
        metrics: metrics(),
        facts: vec![("GMM".to_owned(), "components".to_owned(), "2".to_owned())],
        claims: Vec::new(),
        tables,
        savings: Vec::new(),
        rankings: Vec::new(),
        figures,
        fields: vec![field("GMM", 1.0), field("KDE", 0.7)],
        surfaces: Vec::new(),
    }
}

/// Two hills around (-3, 0) and (3, 1).
pub(crate) fn field(model: &str, width: f64) -> FieldRecord {
    let grid = Grid { x_min: -6.0, x_max: 6.0, y_min: -4.0, y_max: 5.0, columns: 96, rows: 72 };
    let hills = [[-3.0, 0.0], [3.0, 1.0], [0.0, 3.0]];
    let mut log_density = Vec::new();
    for row in 0..grid.rows {
        for column in 0..grid.columns {
            let x = grid.x_min + (column as f64 + 0.5) * (grid.x_max - grid.x_min) / grid.columns as f64;
            let y = grid.y_min + (row as f64 + 0.5) * (grid.y_max - grid.y_min) / grid.rows as f64;
            let sum: f64 =
                hills.iter().map(|[a, b]| (-((x - a).powi(2) + (y - b).powi(2)) / (2.0 * width)).exp()).sum();
            log_density.push((sum / (6.0 * std::f64::consts::PI * width)).ln());
        }
    }
    let points = (0..120)
        .map(|i| {
            let [a, b] = hills[i % 3];
            let turn = i as f64 * 2.399_963;
            let radius = (0.2 + (i as f64 * 0.618_034).fract()).sqrt();
            [a + radius * turn.cos(), b + radius * turn.sin()]
        })
        .collect();
    FieldRecord {
        model: model.to_owned(),
        grid,
        log_density,
        points,
        axes: ["bill length (mm)".to_owned(), "bill depth (mm)".to_owned()],
    }
}

pub(crate) fn key(cell: &Cell) -> CellKey {
    CellKey {
        experiment: "made-up".to_owned(),
        model: cell.model.to_owned(),
        method: cell.method.to_owned(),
        lambda: cell.lambda,
        pair: cell.pair.to_owned(),
        repetition: 0,
        segments: 100,
    }
}

/// An arc that rises with the weight.
pub(crate) fn curve(cell: &Cell) -> CurveRecord {
    let rise = 2.6 * (1.0 - (-cell.lambda.unwrap_or(0.0) / 12.0).exp());
    let values = (0..=100).flat_map(|step| {
        let t = f64::from(step) / 100.0;
        [-3.0 + 6.0 * t, t + rise * (std::f64::consts::PI * t).sin()]
    });
    CurveRecord { points: 101, dim: 2, values: values.collect(), embedded: None }
}

fn record(cell: &Cell, curve: Option<CurveRecord>) -> Option<(CellRecord, Option<CurveRecord>)> {
    let mut record = CellRecord {
        format: FORMAT,
        key: key(cell),
        status: Status::Ok,
        reason: None,
        stop: None,
        iterations: 7,
        evaluations: EvaluationCounts { values: 30, gradients: 12 },
        lambda_norm: cell.lambda.map(|lambda| lambda * 0.1),
        reduction: None,
        metrics: Vec::new(),
        curve_sha256: None,
        series_sha256: None,
        pictures: Vec::new(),
    };
    match &cell.outcome {
        Outcome::Missing => None,
        Outcome::Failed(reason) => {
            record.status = Status::Failed;
            record.reason = Some((*reason).to_owned());
            Some((record, None))
        }
        Outcome::Skipped(reason) => {
            record.status = Status::Skipped;
            record.reason = Some((*reason).to_owned());
            Some((record, None))
        }
        Outcome::Studied(numbers, series) => {
            record.metrics = numbers
                .iter()
                .map(|(id, value)| MetricRecord {
                    id: (*id).to_owned(),
                    value: *value,
                    std_err: None,
                    reason: value.is_none().then(|| "the solver did not converge".to_owned()),
                })
                .collect();
            if !series.is_empty() {
                let file = SeriesFile::new(series.clone());
                record.series_sha256 = Some(file.sha256().expect("a scene has rows as long as its columns"));
            }
            Some((record, None))
        }
        Outcome::Pictured(pictures) => {
            record.pictures = pictures.iter().map(|picture| picture.record().clone()).collect();
            Some((record, None))
        }
        Outcome::Ran(values, converged) => {
            let kind = if *converged { "converged" } else { "stalled" };
            record.stop = Some(StopRecord {
                kind: kind.to_owned(),
                converged: *converged,
                grad_norm_l2: Some(1.25e-5),
                text: kind.to_owned(),
            });
            record.metrics = metrics()
                .into_iter()
                .zip(values)
                .map(|(metric, value)| MetricRecord {
                    id: metric.id,
                    value: *value,
                    std_err: None,
                    reason: value.is_none().then(|| "the density is not normalised".to_owned()),
                })
                .collect();
            let curve = curve.unwrap_or_else(|| self::curve(cell));
            record.curve_sha256 = Some(curve.sha256().expect("a scene can be written to a temporary folder"));
            Some((record, Some(curve)))
        }
    }
}

/// Writes the run to disk and reads it back.
pub(crate) fn scene(cells: &[Cell], presentation: Presentation) -> Scene {
    scene_of_curves(cells, presentation, |_| None)
}

/// As [`scene`], with curves of the test's own.
pub(crate) fn scene_of_curves(
    cells: &[Cell],
    presentation: Presentation,
    own: impl Fn(&Cell) -> Option<CurveRecord>,
) -> Scene {
    let folder = TempDir::new().expect("a scene can be written to a temporary folder");
    let plan = PlanRecord {
        format: FORMAT,
        experiment: "made-up".to_owned(),
        spec_version: 1,
        tier: "smoke".to_owned(),
        identity: "0123456789abcdef".repeat(4),
        cells: cells
            .iter()
            .map(|cell| PlannedCell { hash: key(cell).hash(), key: key(cell), evaluations_at_most: 1000 })
            .collect(),
    };
    let provenance = Provenance {
        format: FORMAT,
        version: "0.1.0".to_owned(),
        commit: Some("a1b2c3d".to_owned()),
        dirty: Some(true),
        program_sha256: "11".repeat(32),
        lock_sha256: None,
        spec_sha256: "22".repeat(32),
        data_sha256: BTreeMap::from([("data/points.csv".to_owned(), "33".repeat(32))]),
        compiler: "rustc 1.95.0".to_owned(),
        target: "x86_64-unknown-linux-gnu".to_owned(),
        cpu: "A processor".to_owned(),
        cpu_features: vec!["avx2".to_owned(), "fma".to_owned()],
        device: "cpu".to_owned(),
        threads: 2,
        started: "2026-01-02T03:04:05Z".to_owned(),
    };
    let writing =
        RunFolder::create_or_resume(folder.path(), &plan, &presentation, &provenance, "id = 'made-up'\n")
            .expect("a scene can be written to a temporary folder");
    for cell in cells {
        if let Some((record, curve)) = record(cell, own(cell)) {
            let timing = TimingRecord { format: FORMAT, wall_s: 0.125, cpu_s: 0.1 };
            let series = match &cell.outcome {
                Outcome::Studied(_, series) if !series.is_empty() => Some(SeriesFile::new(series.clone())),
                _ => None,
            };
            match &cell.outcome {
                Outcome::Pictured(pictures) => writing.write_study(&record, None, pictures, &timing),
                _ if series.is_some() => writing.write_study(&record, series.as_ref(), &[], &timing),
                _ => writing.write_cell(&record, curve.as_ref(), &timing),
            }
            .expect("a scene can be written to a temporary folder");
        }
    }
    let run = Run::read(writing.path()).expect("a scene can be written to a temporary folder");
    Scene { _folder: folder, run }
}

pub(crate) const WEIGHTS: [f64; 5] = [0.0, 1.0, 10.0, 25.0, 100.0];
pub(crate) const PAIRS: [&str; 4] = ["0", "1", "2", "3"];

/// Five methods over two models, five weights and four pairs, with cells that failed, were skipped, stopped early, tie
/// or were never run.
pub(crate) fn many_cells() -> Vec<Cell> {
    let mut cells = Vec::new();
    for (m, model) in ["GMM", "KDE"].into_iter().enumerate() {
        for (p, pair) in PAIRS.into_iter().enumerate() {
            let shift = 0.3 * m as f64 + 0.21 * (p as f64 * 1.7).sin();
            cells.push(ran(model, "Linear", None, pair, [-6.5 - shift, 0.37, 0.0], true));
            cells.push(Cell {
                model,
                method: "Slerp",
                lambda: None,
                pair,
                outcome: Outcome::Skipped("the end points are parallel"),
            });
            for weight in WEIGHTS {
                let gain = 1.9 * (1.0 - (-weight / 9.0_f64).exp());
                let likelihood = -6.5 + gain - shift;
                let energy = 0.37 + 0.02 * gain * gain + 0.004 * p as f64;
                let work = 60.0 + 70.0 * weight + 5.0 * p as f64;
                cells.push(ran(
                    model,
                    "ProbGEORCE (released)",
                    Some(weight),
                    pair,
                    [likelihood - 0.03, energy, work],
                    weight < 20.0,
                ));
                let outcome = match (model, p, weight) {
                    ("KDE", 1, w) if w > 50.0 => Outcome::Failed("the gradient is not finite at point 17"),
                    ("KDE", 2, w) if w > 50.0 => Outcome::Missing,
                    ("KDE", _, w) if w < 0.5 => Outcome::Ran([None, Some(energy), Some(work / 20.0)], true),
                    _ => Outcome::Ran([Some(likelihood), Some(energy), Some(16.0 + work / 20.0)], true),
                };
                cells.push(Cell {
                    model,
                    method: "ProbGEORCE accelerated",
                    lambda: Some(weight),
                    pair,
                    outcome,
                });
            }
        }
    }
    cells
}

pub(crate) fn many_tables() -> Vec<TableRecord> {
    let mut by_weight = table(
        "by-weight",
        &[Axis::Model, Axis::Method, Axis::Lambda],
        &[],
        &[LIKELIHOOD, ENERGY, EVALUATIONS],
    );
    by_weight.compare_within = vec![Axis::Model, Axis::Lambda];
    let mut wide = table("wide", &[Axis::Method], &[Axis::Model], &[LIKELIHOOD, ENERGY]);
    wide.compare_within = vec![Axis::Model];
    wide.decimals = Some(3);
    vec![by_weight, wide]
}

pub(crate) fn figure(id: &str, show: FigureKind) -> FigureRecord {
    FigureRecord {
        id: id.to_owned(),
        title: format!("Figure {id}: what the weight λ does to curves"),
        caption: "A caption with x < y.".to_owned(),
        show,
    }
}

pub(crate) fn many_figures() -> Vec<FigureRecord> {
    let methods = Vec::new();
    vec![
        figure("curves", FigureKind::DensityCurves { methods: methods.clone(), pair: None, points: true }),
        figure(
            "sweep",
            FigureKind::Lines {
                x: Axis::Lambda,
                x_scale: Scale::LogWithZero,
                y: LIKELIHOOD.to_owned(),
                y_scale: Scale::Linear,
                methods: methods.clone(),
            },
        ),
        figure(
            "work",
            FigureKind::Lines {
                x: Axis::Lambda,
                x_scale: Scale::LogWithZero,
                y: EVALUATIONS.to_owned(),
                y_scale: Scale::Log,
                methods: methods.clone(),
            },
        ),
        figure(
            "pairs",
            FigureKind::Lines {
                x: Axis::Pair,
                x_scale: Scale::Linear,
                y: ENERGY.to_owned(),
                y_scale: Scale::Linear,
                methods: methods.clone(),
            },
        ),
        figure(
            "tradeoff",
            FigureKind::Tradeoff {
                x: ENERGY.to_owned(),
                x_scale: Scale::Linear,
                y: LIKELIHOOD.to_owned(),
                y_scale: Scale::Linear,
                methods,
            },
        ),
    ]
}

pub(crate) fn many() -> Scene {
    scene(&many_cells(), presentation(many_tables(), many_figures()))
}

pub(crate) fn many_without_figures() -> Scene {
    scene(&many_cells(), presentation(many_tables(), Vec::new()))
}

pub(crate) fn verdicts() -> Vec<VerdictRecord> {
    let verdict = |kind, lambda: f64, pair: Option<&str>, reference, now, status, note: &str| VerdictRecord {
        kind,
        cell: VerdictCell {
            model: "GMM".to_owned(),
            method: "ProbGEORCE (released)".to_owned(),
            lambda: Some(lambda),
            pair: pair.map(str::to_owned),
            repetition: pair.map(|_| 0),
            segments: pair.map(|_| 100),
        },
        metric: LIKELIHOOD.to_owned(),
        reference,
        now,
        tolerance: 0.005,
        status,
        place: "a paper, Figure 1, legend".to_owned(),
        note: note.to_owned(),
    };
    let (published, pinned) = (VerdictKind::Published, VerdictKind::Pinned);
    vec![
        verdict(published, 0.0, Some("0"), Some(-6.53), Some(-6.53), VerdictStatus::Same, ""),
        verdict(published, 1.0, Some("0"), Some(-6.40), Some(-6.330_012_7), VerdictStatus::Moved, ""),
        verdict(
            published,
            10.0,
            Some("0"),
            Some(-5.30),
            Some(-5.255_4),
            VerdictStatus::Deviation,
            "D3: other start",
        ),
        verdict(published, 25.0, Some("0"), None, Some(-4.75), VerdictStatus::NotPublic, ""),
        verdict(published, 100.0, None, Some(-4.6), None, VerdictStatus::NotMeasured, "no cell of this tier"),
        verdict(pinned, 0.0, Some("0"), Some(-6.53), Some(-6.53), VerdictStatus::Same, ""),
        verdict(pinned, 1.0, Some("0"), Some(-6.33), Some(-6.330_012_7), VerdictStatus::Moved, ""),
        verdict(pinned, 10.0, Some("1"), Some(-5.2), Some(-5.2), VerdictStatus::Same, ""),
    ]
}

/// Whether a text of the picture is exactly this.
pub(crate) fn has_text(svg: &str, text: &str) -> bool {
    svg.lines().any(|line| line == text)
}

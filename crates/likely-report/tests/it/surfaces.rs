//! Surfaces in space: what a reader of the picture would miss.

use crate::figures::without_data;
use crate::scene::{Cell, Scene, figure, has_text, presentation, ran, scene_of_curves};
use likely_record::{CurveRecord, Embedded, FigureKind, SurfaceRecord};
use likely_report::{ReportError, write_run};
use std::f64::consts::{PI, TAU};
use std::fs;

type Chart = fn(f64, f64) -> [f64; 3];

fn sphere(u: f64, v: f64) -> [f64; 3] {
    [v.sin() * u.cos(), v.sin() * u.sin(), v.cos()]
}

fn torus(u: f64, v: f64) -> [f64; 3] {
    let out = 2.0 + 0.8 * v.cos();
    [out * u.cos(), out * u.sin(), 0.8 * v.sin()]
}

fn paraboloid(u: f64, v: f64) -> [f64; 3] {
    [u, v, 0.5 * (u * u + v * v)]
}

fn surface(
    model: &str,
    chart: Chart,
    [u_low, u_high]: [f64; 2],
    [v_low, v_high]: [f64; 2],
    value: Option<fn([f64; 3]) -> f64>,
) -> SurfaceRecord {
    let (rows, columns) = (41, 61);
    let points: Vec<[f64; 3]> = (0..rows)
        .flat_map(|row| {
            let v = v_low + (v_high - v_low) * row as f64 / (rows - 1) as f64;
            (0..columns)
                .map(move |column| chart(u_low + (u_high - u_low) * column as f64 / (columns - 1) as f64, v))
        })
        .collect();
    let values = points.iter().map(|&point| value.map(|value| value(point))).collect();
    SurfaceRecord { model: model.to_owned(), rows, columns, points, values }
}

/// A curve of the chart from one place to another, bent by the weight.
fn curve(chart: Chart, [from, to]: [[f64; 2]; 2], bend: f64) -> CurveRecord {
    let points = 101;
    let places: Vec<[f64; 2]> = (0..points)
        .map(|step| {
            let t = step as f64 / (points - 1) as f64;
            let aside = bend * (PI * t).sin();
            [from[0] + t * (to[0] - from[0]), from[1] + t * (to[1] - from[1]) + aside]
        })
        .collect();
    CurveRecord {
        points,
        dim: 2,
        embedded: Some(Embedded { dim: 3, values: places.iter().flat_map(|&[u, v]| chart(u, v)).collect() }),
        values: places.into_iter().flatten().collect(),
    }
}

fn chart_of(model: &str) -> (Chart, [[f64; 2]; 2]) {
    match model {
        "sphere" => (sphere, [[0.2, 1.2], [2.6, 1.7]]),
        "torus" => (torus, [[0.3, 0.4], [2.9, 1.1]]),
        _ => (paraboloid, [[-1.6, -1.0], [1.5, 1.2]]),
    }
}

fn mesh_of(model: &str) -> SurfaceRecord {
    match model {
        "sphere" => {
            surface("sphere", sphere, [0.0, TAU], [0.0, PI], Some(|p| -3.0 * (1.0 - p[2] - 0.3 * p[0])))
        }
        "torus" => surface("torus", torus, [0.0, TAU], [0.0, TAU], Some(|p| -(p[0] - 1.0).powi(2) - p[2])),
        _ => surface("paraboloid", paraboloid, [-2.0, 2.0], [-2.0, 2.0], None),
    }
}

fn cells(models: &[&'static str]) -> Vec<Cell> {
    let mut cells = Vec::new();
    for model in models {
        cells.push(ran(model, "Linear", None, "0", [0.0; 3], true));
        for weight in [0.0, 1.0, 20.0] {
            cells.push(ran(model, "GEORCE line search", Some(weight), "0", [0.0; 3], weight < 10.0));
        }
    }
    cells
}

/// Every curve of a model from one place to another; the weight bends it.
fn draw(models: &[&'static str], far: bool) -> Scene {
    let show = FigureKind::SurfaceCurves { methods: Vec::new(), pair: None };
    let mut presentation = presentation(Vec::new(), vec![figure("surface", show)]);
    presentation.fields.clear();
    presentation.surfaces = models.iter().map(|model| mesh_of(model)).collect();
    scene_of_curves(&cells(models), presentation, |cell| {
        let (chart, mut ends) = chart_of(cell.model);
        if far {
            // Once around: no view shows all of it.
            ends[1] = [ends[0][0] + 5.9, ends[0][1]];
        }
        let bend = cell.lambda.map_or(-0.25, |weight| 0.7 * (1.0 - (-weight / 8.0_f64).exp()));
        Some(curve(chart, ends, bend))
    })
}

fn svg(scene: &Scene) -> String {
    fs::read_to_string(scene.run.path.join("figures/surface.svg")).expect("the figure was written")
}

#[test]
fn curves_on_surfaces_have_their_legend_their_numbers_and_small_files() {
    let scene = draw(&["sphere", "torus", "paraboloid"], false);
    write_run(&scene.run, &[]).unwrap();
    let svg = svg(&scene);
    for words in [
        "sphere",
        "torus",
        "paraboloid",
        "GEORCE line search, λ = 0",
        "GEORCE line search, λ = 1",
        "GEORCE line search, λ = 20",
        "Linear",
        "start",
        "end",
        "−S, minus the potential (nats)",
        "x",
        "y",
        "z",
        "3 curves of 12 stopped before convergence.",
    ] {
        assert!(has_text(&svg, words), "the figure lacks {words}");
    }
    assert_eq!(svg.matches("<image").count(), 4, "three surfaces and the colour bar");
    assert!(!without_data(&svg).contains("NaN"));
    for ending in ["svg", "png"] {
        let size = fs::metadata(scene.run.path.join(format!("figures/surface.{ending}"))).unwrap().len();
        assert!(size < 900_000, "{ending}: {size} bytes");
    }
    write_run(&scene.run, &[]).unwrap();
    assert_eq!(self::svg(&scene), svg, "the same bytes twice");
}

#[test]
fn surfaces_whose_colours_have_little_in_common_have_a_bar_each() {
    let mut scene = draw(&["sphere", "torus"], false);
    // A density itself beside a log-density: values from 0 to 1.
    for value in scene.run.presentation.surfaces[0].values.iter_mut().flatten() {
        *value = value.exp();
    }
    write_run(&scene.run, &[]).unwrap();
    let svg = svg(&scene);
    assert_eq!(svg.matches("<image").count(), 4, "two surfaces with a bar each");
    let bars = svg.lines().filter(|line| *line == "−S, minus the potential (nats)").count();
    assert_eq!(bars, 2, "each says what it shows");
}

/// How many pieces of lines are pale: the dashes of what the surface hides.
fn pale_dashes(svg: &str) -> usize {
    svg.matches("<polyline fill=\"none\" opacity=\"0.7\"").count()
}

#[test]
fn what_the_surface_hides_is_dashed_and_pale_and_said_so() {
    let near = draw(&["sphere"], false);
    write_run(&near.run, &[]).unwrap();
    let seen = svg(&near);
    assert_eq!(pale_dashes(&seen), 0, "all of it can be seen from one side");
    assert!(!has_text(&seen, "behind the surface"));
    let far = draw(&["sphere"], true);
    write_run(&far.run, &[]).unwrap();
    let around = svg(&far);
    // Four curves of which about half, some 250 pixels each, lies behind: a dash every 6.5 pixels.
    let dashes = pale_dashes(&around);
    assert!((60..260).contains(&dashes), "{dashes} dashes");
    assert!(has_text(&around, "behind the surface"));
}

#[test]
fn surfaces_and_curves_that_do_not_fit_are_refused_by_name() {
    let mut scene = draw(&["sphere"], false);
    scene.run.presentation.surfaces[0].values.pop();
    let error = write_run(&scene.run, &[]).unwrap_err().to_string();
    assert!(error.contains("`sphere` has 2500 values for a mesh of 61 x 41"), "{error}");
    scene.run.presentation.surfaces = vec![mesh_of("sphere")];
    scene.run.presentation.surfaces[0].points[7][1] = f64::NAN;
    assert!(matches!(write_run(&scene.run, &[]), Err(ReportError::NotFinite { .. })));
    scene.run.presentation.surfaces = vec![mesh_of("sphere")];
    let flat = scene_of_curves(&cells(&["sphere"]), scene.run.presentation.clone(), |_| None);
    assert!(matches!(write_run(&flat.run, &[]), Err(ReportError::CurveShape { dim: 2, needed: 3, .. })));
}

#[test]
fn a_model_without_a_surface_is_named_below_the_figure() {
    let mut scene = draw(&["sphere", "torus"], false);
    scene.run.presentation.surfaces.truncate(1);
    write_run(&scene.run, &[]).unwrap();
    let svg = svg(&scene);
    assert!(has_text(&svg, "Without a surface in space, left out: torus.") && has_text(&svg, "sphere"));
}

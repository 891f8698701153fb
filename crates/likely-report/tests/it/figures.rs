//! Figures hold every number that is there, and no other.

use crate::scene::{curve, field, figure, many, presentation, ran, scene};
use likely_record::{Axis, CurveRecord, FigureKind, Scale};
use likely_report::{ReportError, draw_curve_picture, write_run};
use std::fs;
use tempfile::TempDir;

const AXES: [&str; 2] = ["x₁", "x₂"];

fn axes() -> [String; 2] {
    AXES.map(str::to_owned)
}

/// The text of an SVG without its fonts and bitmaps, whose letters are arbitrary.
pub(crate) fn without_data(svg: &str) -> String {
    let mut pieces = svg.split("base64,");
    let first = pieces.next().unwrap_or("").to_owned();
    pieces.fold(first, |text, piece| text + piece.split_once(['"', ')']).map_or("", |(_, rest)| rest))
}

#[test]
fn every_figure_is_written_twice_with_the_same_finite_bytes() {
    let scene = many();
    write_run(&scene.run, &[]).unwrap();
    let mut first = Vec::new();
    for record in &scene.run.presentation.figures {
        let svg = fs::read_to_string(scene.run.path.join(format!("figures/{}.svg", record.id))).unwrap();
        let drawn = without_data(&svg);
        assert!(!drawn.contains("NaN") && !drawn.contains("inf"), "{}", record.id);
        assert!(!svg.contains(" id=\""), "{}: ids collide on a page", record.id);
        assert!(svg.contains("font-face") && svg.contains("xmlns=\"http://www.w3.org/2000/svg\""));
        let png = fs::read(scene.run.path.join(format!("figures/{}.png", record.id))).unwrap();
        let info = png::Decoder::new(png.as_slice()).read_info().unwrap().info().clone();
        let width: u32 = svg.split("width=\"").nth(1).unwrap().split('"').next().unwrap().parse().unwrap();
        assert_eq!(info.width, 2 * width, "two device pixels for each pixel of a plain screen");
        first.push((svg, png));
    }
    assert_eq!(first.len(), 5);
    write_run(&scene.run, &[]).unwrap();
    for (record, (svg, png)) in scene.run.presentation.figures.iter().zip(&first) {
        let path = |ending: &str| scene.run.path.join(format!("figures/{}.{ending}", record.id));
        assert_eq!(fs::read(path("svg")).unwrap(), svg.as_bytes());
        assert_eq!(&fs::read(path("png")).unwrap(), png);
    }
}

#[test]
fn a_logarithmic_axis_says_how_many_points_it_has_no_place_for() {
    let cells = [
        ran("A", "one", Some(0.0), "0", [1.0, 0.0, 0.0], true),
        ran("A", "one", Some(1.0), "0", [2.0, 0.5, 0.0], true),
    ];
    let show = FigureKind::Lines {
        x: Axis::Lambda,
        x_scale: Scale::Log,
        y: "energy".to_owned(),
        y_scale: Scale::Log,
        methods: Vec::new(),
    };
    let mut presentation = presentation(Vec::new(), vec![figure("log", show)]);
    presentation.fields.clear();
    let scene = scene(&cells, presentation);
    write_run(&scene.run, &[]).unwrap();
    let svg = fs::read_to_string(scene.run.path.join("figures/log.svg")).unwrap();
    assert!(svg.contains("1 mean left out that the logarithmic scale has no place for."), "no note");
}

#[test]
fn a_run_without_any_number_still_has_its_figures() {
    let cells: Vec<_> = crate::scene::many_cells()
        .into_iter()
        .map(|cell| crate::scene::Cell { outcome: crate::scene::Outcome::Missing, ..cell })
        .collect();
    let scene = scene(&cells, presentation(crate::scene::many_tables(), crate::scene::many_figures()));
    write_run(&scene.run, &[]).unwrap();
    let svg = fs::read_to_string(scene.run.path.join("figures/sweep.svg")).unwrap();
    assert!(svg.contains("Cells without a number, left out: 96 not run."), "no note");
}

#[test]
fn curves_of_ones_own_are_drawn_with_or_without_a_field() {
    let folder = TempDir::new().unwrap();
    let bent = curve(&ran("A", "one", Some(10.0), "0", [0.0; 3], true));
    let curves = [("λ = 10".to_owned(), &bent)];
    let field = field("KDE", 0.7);
    for (name, field) in [("with", Some(&field)), ("without", None)] {
        let stem = folder.path().join(format!("{name}.v1"));
        draw_curve_picture(field, &curves, &axes(), &stem).unwrap();
        let svg = fs::read_to_string(folder.path().join(format!("{name}.v1.svg"))).unwrap();
        assert!(
            svg.contains("λ = 10") && svg.contains("x₁") && !without_data(&svg).contains("NaN"),
            "{name}"
        );
        assert_eq!(svg.contains("<image"), field.is_some());
        assert!(folder.path().join(format!("{name}.v1.png")).exists());
    }
}

#[test]
fn numbers_that_would_hang_the_drawing_library_are_refused_by_name() {
    let folder = TempDir::new().unwrap();
    let stem = folder.path().join("curve");
    let draw = |curve: &CurveRecord| {
        draw_curve_picture(None, &[("mine".to_owned(), curve)], &axes(), &stem).unwrap_err()
    };
    let bad = CurveRecord { points: 2, dim: 2, values: vec![0.0, 1.0, f64::INFINITY, 2.0], embedded: None };
    let error = draw(&bad);
    assert!(matches!(error, ReportError::NotFinite { .. }), "{error}");
    assert!(error.to_string().contains("mine"));
    let solid = CurveRecord { points: 2, dim: 3, values: vec![0.0; 6], embedded: None };
    assert!(matches!(draw(&solid), ReportError::CurveShape { dim: 3, needed: 2, .. }));
    let huge = CurveRecord { points: 2, dim: 2, values: vec![-f64::MAX, 0.0, f64::MAX, 1.0], embedded: None };
    assert!(matches!(draw(&huge), ReportError::NotFinite { .. }));
    let mut field = field("KDE", 1.0);
    field.log_density.pop();
    let good = CurveRecord { points: 2, dim: 2, values: vec![0.0, 0.0, 1.0, 1.0], embedded: None };
    let error = draw_curve_picture(Some(&field), &[("mine".to_owned(), &good)], &axes(), &stem).unwrap_err();
    assert_eq!(error.to_string(), "the field of model `KDE` has 6911 values for a grid of 96 x 72");
    assert!(fs::read_dir(folder.path()).unwrap().next().is_none(), "nothing is left behind");
}

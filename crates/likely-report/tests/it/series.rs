//! Series of studies as figures and tables.

use crate::scene::{Cell, Outcome, Scene, figure, has_text, presentation, scene};
use likely_record::{ColumnRecord, FigureKind, Scale, SeriesRecord};
use likely_report::write_run;
use std::fs;

fn column(name: &str, unit: &str) -> ColumnRecord {
    ColumnRecord { name: name.to_owned(), unit: unit.to_owned() }
}

fn study(model: &'static str, label: &'static str, series: Vec<SeriesRecord>) -> Cell {
    Cell { model, method: label, lambda: None, pair: "study", outcome: Outcome::Studied(Vec::new(), series) }
}

/// Ten solvers that converge at different rates; the third has gaps.
fn convergence() -> Vec<SeriesRecord> {
    (0..10)
        .map(|solver| SeriesRecord {
            id: "convergence".to_owned(),
            label: format!("optimiser {solver}"),
            columns: vec![column("iteration", ""), column("gradient norm", "nats"), column("energy", "nats")],
            values: (0..14)
                .map(|step| {
                    let norm = 10.0 * (-(f64::from(solver) + 2.0) * 0.12 * f64::from(step)).exp();
                    let norm = (solver != 3 || !(5..8).contains(&step)).then_some(norm);
                    vec![Some(f64::from(step)), norm, norm.map(|norm| 2.0 + norm)]
                })
                .collect(),
        })
        .collect()
}

fn lines(y: &[&str]) -> FigureKind {
    FigureKind::SeriesLines {
        series: "convergence".to_owned(),
        x: None,
        x_scale: Scale::Linear,
        y: y.iter().map(|&name| name.to_owned()).collect(),
        y_scale: Scale::Log,
        studies: Vec::new(),
    }
}

/// A bowl with two hollows on a regular grid.
fn map(label: &str, scale: f64) -> SeriesRecord {
    let mut values = Vec::new();
    for row in 0..31 {
        for column in 0..41 {
            let (x, y) = (f64::from(column) * 0.1 - 2.0, f64::from(row) * 0.1 - 1.5);
            let height = scale * ((x * x - 1.0).powi(2) + 1.5 * y * y + 0.2 * x);
            let hole = (x - 1.5).hypot(y - 1.2) < 0.25;
            values.push(vec![Some(x), Some(y), (!hole).then_some(height)]);
        }
    }
    let columns = vec![column("x₁", "mm"), column("x₂", "mm"), column("objective", "nats")];
    SeriesRecord { id: "landscape".to_owned(), label: label.to_owned(), columns, values }
}

fn points(label: &str, places: &[[f64; 2]]) -> SeriesRecord {
    SeriesRecord {
        id: "places".to_owned(),
        label: label.to_owned(),
        columns: vec![column("x₁", "mm"), column("x₂", "mm")],
        values: places.iter().map(|place| place.map(Some).to_vec()).collect(),
    }
}

fn map_scene() -> Scene {
    let data: Vec<[f64; 2]> =
        (0..60).map(|i| [1.4 * (f64::from(i) * 2.4).cos(), (f64::from(i) * 1.7).sin()]).collect();
    let places =
        || [points("data", &data), points("minimum", &[[-1.02, 0.0]]), points("mean", &[[0.1, -0.12]])];
    let one = |scale: f64| -> Vec<SeriesRecord> { std::iter::once(map("", scale)).chain(places()).collect() };
    let two =
        ["λ = 1", "λ = 100"].iter().zip([1.0, 90.0]).map(|(label, scale)| map(label, scale)).chain(places());
    let kind = || FigureKind::SeriesMap {
        series: "landscape".to_owned(),
        value: "objective".to_owned(),
        marks: Some("places".to_owned()),
        studies: Vec::new(),
    };
    let mut presentation = presentation(Vec::new(), vec![figure("map", kind())]);
    presentation.fields.clear();
    scene(
        &[study("bowl", "landscape study", one(1.0)), study("two", "landscape study", two.collect())],
        presentation,
    )
}

fn svg(scene: &Scene, id: &str) -> String {
    fs::read_to_string(scene.run.path.join(format!("figures/{id}.svg"))).unwrap()
}

#[test]
fn every_line_of_a_series_has_its_own_look_and_its_entry_in_the_legend() {
    let mut presentation = presentation(
        Vec::new(),
        vec![figure("one", lines(&["gradient norm"])), figure("two", lines(&["gradient norm", "energy"]))],
    );
    presentation.fields.clear();
    let cells = [
        study("sphere", "convergence study", convergence()),
        study("torus", "convergence study", convergence()),
    ];
    let scene = scene(&cells, presentation);
    write_run(&scene.run, &[]).unwrap();
    let one = svg(&scene, "one");
    for solver in 0..10 {
        assert_eq!(one.lines().filter(|line| *line == format!("optimiser {solver}")).count(), 1, "{solver}");
    }
    assert!(has_text(&one, "iteration") && has_text(&one, "gradient norm (nats)"));
    assert!(has_text(&one, "Gaps: 6 points without a number."), "three of each panel");
    let two = svg(&scene, "two");
    assert!(has_text(&two, "optimiser 9: energy") && has_text(&two, "gradient norm, energy (nats)"));
}

#[test]
fn maps_show_their_range_their_marks_and_where_there_is_nothing() {
    let scene = map_scene();
    write_run(&scene.run, &[]).unwrap();
    let map = svg(&scene, "map");
    for words in [
        "objective (nats)",
        "x₁ (mm)",
        "x₂ (mm)",
        "data",
        "minimum",
        "mean",
        "Grey: no number.",
        "bowl",
        "two, λ = 1",
        "two, λ = 100",
    ] {
        assert!(has_text(&map, words), "the map lacks {words}");
    }
}

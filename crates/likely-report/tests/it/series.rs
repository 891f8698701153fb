//! Series of studies as figures and tables.

use crate::scene::{Cell, ENERGY, Outcome, Scene, figure, has_text, presentation, ran, scene, table};
use likely_record::{Axis, ColumnRecord, FigureKind, Scale, SeriesRecord};
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
    fs::read_to_string(scene.run.path.join(format!("figures/{id}.svg"))).expect("the figure was written")
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
fn labels_that_only_repeat_the_panel_are_left_out_and_a_level_stands_once() {
    let search = |label: &str, shift: f64| SeriesRecord {
        id: "convergence".to_owned(),
        label: label.to_owned(),
        columns: vec![column("lambda", ""), column("gradient norm", "nats"), column("level", "nats")],
        values: (1..6)
            .map(|step| vec![Some(f64::from(step)), Some(shift + f64::from(step)), Some(2.5)])
            .collect(),
    };
    let mut presentation = presentation(
        Vec::new(),
        vec![figure("alone", lines(&["gradient norm"])), figure("level", lines(&["gradient norm", "level"]))],
    );
    presentation.fields.clear();
    let count = |svg: &str, text: &str| svg.lines().filter(|line| *line == text).count();
    let alone = scene(
        &[
            study("bowl", "search", vec![search("first ends", 0.0)]),
            study("hill", "search", vec![search("second ends", 1.0)]),
        ],
        presentation.clone(),
    );
    write_run(&alone.run, &[]).unwrap();
    let figure = svg(&alone, "alone");
    assert_eq!(count(&figure, "first ends") + count(&figure, "second ends"), 0);
    assert_eq!(count(&figure, "gradient norm"), 0, "the axis says it");
    assert_eq!(count(&figure, "gradient norm (nats)"), 1);
    assert_eq!(count(&figure, "weight λ of the potential"), 2, "one a panel");
    let pairs = vec![search("near, lambda = 1", 0.0), search("far, lambda = 1", 1.0)];
    let several = scene(&[study("bowl", "search", pairs)], presentation);
    write_run(&several.run, &[]).unwrap();
    let figure = svg(&several, "level");
    assert_eq!(count(&figure, "near, λ = 1") + count(&figure, "far, λ = 1"), 2);
    assert_eq!(count(&figure, "level"), 1, "one level for both");
    assert!(!has_text(&figure, "near, λ = 1: level"));
}

#[test]
fn a_line_that_turns_back_stays_within_its_panel() {
    let zigzag = SeriesRecord {
        id: "convergence".to_owned(),
        label: String::new(),
        columns: vec![column("iteration", ""), column("gradient norm", "nats")],
        values: (0..60)
            .map(|step| vec![Some(f64::from(step % 2)), Some(1.0 + f64::from(step) * 1e-3)])
            .collect(),
    };
    let mut presentation = presentation(Vec::new(), vec![figure("zigzag", lines(&["gradient norm"]))]);
    presentation.fields.clear();
    let scene = scene(&[study("sphere", "convergence study", vec![zigzag])], presentation);
    write_run(&scene.run, &[]).unwrap();
    let figure = svg(&scene, "zigzag");
    let strokes =
        figure.lines().filter(|line| line.starts_with("<polyline") && line.contains("#0072B2")).count();
    assert_eq!(strokes, 59, "each turn begins another stroke, as a mitre of so sharp a corner is long");
}

#[test]
fn marks_are_found_by_the_names_of_the_axes() {
    let scene = map_scene();
    let named = |label: &str, place: [f64; 2]| SeriesRecord {
        id: "places".to_owned(),
        label: label.to_owned(),
        columns: vec![column("rank", ""), column("x₁", "mm"), column("x₂", "mm")],
        values: vec![vec![Some(1.0), Some(place[0]), Some(place[1])]],
    };
    let plain = |label: &str, place: [f64; 2]| points(label, &[place]);
    let draw = |mark: SeriesRecord| {
        let kind = scene.run.presentation.figures[0].show.clone();
        let mut presentation = presentation(Vec::new(), vec![figure("map", kind)]);
        presentation.fields.clear();
        let one =
            crate::scene::scene(&[study("bowl", "landscape study", vec![map("", 1.0), mark])], presentation);
        write_run(&one.run, &[]).unwrap();
        svg(&one, "map")
    };
    assert_eq!(draw(named("mean", [0.1, -0.12])), draw(plain("mean", [0.1, -0.12])));
    assert_ne!(draw(named("mean", [0.1, -0.12])), draw(named("mean", [0.9, -0.12])));
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

#[test]
fn a_missing_number_leaves_a_gap_and_no_straight_line_across_it() {
    let values = [Some(1.0), Some(2.0), None, Some(4.0), Some(3.0), None, Some(5.0)];
    let series = SeriesRecord {
        id: "convergence".to_owned(),
        label: String::new(),
        columns: vec![column("iteration", ""), column("gradient norm", "nats")],
        values: values.iter().enumerate().map(|(step, value)| vec![Some(step as f64), *value]).collect(),
    };
    let mut presentation = presentation(Vec::new(), vec![figure("gap", lines(&["gradient norm"]))]);
    presentation.fields.clear();
    let scene = scene(&[study("sphere", "convergence study", vec![series])], presentation);
    write_run(&scene.run, &[]).unwrap();
    let gap = svg(&scene, "gap");
    // Two pieces and five markers; a line alone has no legend.
    let of_line =
        |what: &str| gap.lines().filter(|line| line.starts_with(what) && line.contains("#0072B2")).count();
    assert_eq!((of_line("<polyline"), of_line("<circle")), (2, 5));
    assert!(has_text(&gap, "Gaps: 2 points without a number."));
}

#[test]
fn the_bar_of_a_map_ends_at_its_range_and_panels_of_unlike_ranges_have_their_own() {
    let scene = map_scene();
    write_run(&scene.run, &[]).unwrap();
    let map = svg(&scene, "map");
    // From -0.2 to 12.8 and from -18 to 1154: 3 and 3 and 1 bar, of which the longest have 1000 as a tick.
    assert_eq!(map.lines().filter(|line| *line == "objective (nats)").count(), 3);
    assert!(has_text(&map, "1000") && has_text(&map, "12"));
    assert_eq!(map.matches("<image").count(), 6, "three maps and three bars");
    assert!(map.matches("<polyline fill=\"none\" opacity=\"0.45\"").count() >= 15, "lines of equal height");
}

#[test]
fn a_series_that_is_no_grid_is_refused_and_one_that_is_not_there_is_said() {
    let mut broken = map("", 1.0);
    broken.values.pop();
    let kind = |series: &str| FigureKind::SeriesMap {
        series: series.to_owned(),
        value: "objective".to_owned(),
        marks: None,
        studies: Vec::new(),
    };
    let mut presentation = presentation(Vec::new(), vec![figure("map", kind("landscape"))]);
    presentation.fields.clear();
    let mut scene = scene(&[study("bowl", "landscape study", vec![broken])], presentation);
    let error = write_run(&scene.run, &[]).unwrap_err().to_string();
    assert!(error.contains("41 and 31 different numbers in 1270 rows"), "{error}");
    scene.run.presentation.figures = vec![figure("map", kind("elsewhere"))];
    write_run(&scene.run, &[]).unwrap();
    assert!(has_text(&svg(&scene, "map"), "No series `elsewhere` in this run; there: landscape."));
    scene.run.presentation.figures = vec![figure("lines", lines(&["height"]))];
    scene.run.presentation.figures[0].show = FigureKind::SeriesLines {
        series: "landscape".to_owned(),
        x: None,
        x_scale: Scale::Linear,
        y: vec!["height".to_owned()],
        y_scale: Scale::Linear,
        studies: Vec::new(),
    };
    let error = write_run(&scene.run, &[]).unwrap_err().to_string();
    assert!(error.contains("asks for column `height`") && error.contains("x₁, x₂, objective"), "{error}");
}

#[test]
fn every_series_is_a_table_and_the_page_lists_it() {
    let scene = map_scene();
    write_run(&scene.run, &[]).unwrap();
    let csv = fs::read_to_string(scene.run.path.join("tables/series-places.csv")).unwrap();
    assert_eq!(csv.lines().next(), Some("model,study,label,x₁ (mm),x₂ (mm)"));
    assert_eq!(csv.lines().count(), 1 + 2 * 62);
    assert!(csv.contains("bowl,landscape study,minimum,-1.02,0.0"));
    let landscape = fs::read_to_string(scene.run.path.join("tables/series-landscape.csv")).unwrap();
    assert!(landscape.lines().any(|line| line.ends_with(',')), "what has no number is empty");
    let page = fs::read_to_string(scene.run.path.join("report.html")).unwrap();
    assert!(page.contains("<code>tables/series-landscape.csv</code>"));
    assert!(page.contains("x₁ (mm), x₂ (mm), objective (nats)"));
}

#[test]
fn tables_of_numbers_of_studies_have_no_rows_of_curves_and_the_other_way_round() {
    let studied = |model, label, numbers| Cell {
        model,
        method: label,
        lambda: None,
        pair: "study",
        outcome: Outcome::Studied(numbers, Vec::new()),
    };
    let cells = [
        ran("sphere", "Linear", None, "0", [-6.5, 0.37, 0.0], true),
        studied(
            "sphere",
            "curvature study",
            vec![("largest-curvature", Some(1.0)), ("smallest-curvature", None)],
        ),
        studied(
            "torus",
            "curvature study",
            vec![("largest-curvature", Some(2.5)), ("smallest-curvature", Some(-1.0))],
        ),
        studied("sphere", "other study", vec![("diameter", Some(3.5))]),
    ];
    let rows = [Axis::Model, Axis::Method];
    let tables = vec![
        table("studies", &rows, &[], &["largest-curvature", "smallest-curvature"]),
        table("curves", &rows, &[], &[ENERGY]),
    ];
    let mut presentation = presentation(tables, Vec::new());
    for id in ["largest-curvature", "smallest-curvature", "diameter"] {
        let mut meta = presentation.metrics[0].clone();
        (meta.id, meta.unit, meta.better) = (id.to_owned(), "1/area".to_owned(), "neither".to_owned());
        presentation.metrics.push(meta);
    }
    let scene = scene(&cells, presentation);
    write_run(&scene.run, &[]).unwrap();
    insta::assert_snapshot!(fs::read_to_string(scene.run.path.join("tables/studies.md")).unwrap(), @r#"
    **Table studies**

    | model | method | largest-curvature (1/area) | smallest-curvature (1/area) |
    | --- | --- | ---: | ---: |
    | sphere | curvature study | 1 | no value (a) |
    | torus | curvature study | 2.500 | -1 |

    (a) no value: the solver did not converge
    "#);
    let curves = fs::read_to_string(scene.run.path.join("tables/curves.md")).unwrap();
    assert!(curves.contains("| sphere | Linear |") && !curves.contains("study"), "{curves}");
}

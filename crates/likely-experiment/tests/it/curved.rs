//! Geometries, studies, end points by rule and surfaces: what a curved experiment plans, runs and writes.

use crate::support::{CURVED, Place, bytes_of, provenance};
use likely_experiment::{Event, Plan, Tier, run};
use likely_record::{CellRecord, CellState, Run, RunFolder, Status};
use std::fmt::Write;
use std::sync::atomic::{AtomicBool, Ordering};

/// Cells of the curved spec: two methods on two models, and a study of one.
const CELLS: usize = 5;

fn cell<'a>(run: &'a Run, model: &str, method: &str) -> &'a CellRecord {
    run.cells.iter().find(|cell| cell.key.model == model && cell.key.method == method).unwrap()
}

fn open(place: &Place, plan: &Plan, runs: &str) -> RunFolder {
    let runs = place.folder.path().join(runs);
    RunFolder::create_or_resume(
        &runs,
        plan.record(),
        plan.presentation(),
        &provenance(),
        plan.resolved_spec(),
    )
    .unwrap()
}

#[test]
fn a_curved_run_measures_on_the_background_and_counts_what_its_geometry_evaluates() {
    let place = Place::new();
    let (summary, folder, _) = place.run(&place.plan(CURVED, Tier::Full), "runs", 1);
    assert_eq!((summary.done, summary.failed, summary.skipped), (CELLS, 0, 0), "{summary:?}");
    let run = Run::read(&folder).unwrap();
    let value = |model: &str, method: &str, id: &str| cell(&run, model, method).metric(id).unwrap();
    // A sphere of the same chart is not the plane: the straight plane has the energy of its chord at least.
    let chord = 0.5_f64 * 0.5 + 1.5 * 1.5;
    assert!(value("Plane", "ProbGEORCE", "energy") >= chord / 10.0);
    assert!(value("Plane", "ProbGEORCE", "length") >= chord.sqrt() * (1.0 - 1e-12));
    // The great circle between the two points, by the closed form of the stereographic chart.
    let image = |x: f64, y: f64| {
        let s = x * x + y * y;
        [(1.0 - s) / (1.0 + s), 2.0 * x / (1.0 + s), 2.0 * y / (1.0 + s)]
    };
    let (a, b) = (image(0.0, -1.0), image(0.5, 0.5));
    let angle = a.iter().zip(&b).map(|(a, b)| a * b).sum::<f64>().acos();
    let length = value("Sphere", "ProbGEORCE", "length");
    // The tensor is taken at the left end of each of the ten segments, so a tenth is the order of the error.
    assert!(length > 0.9 * angle && length < 1.5 * angle, "{length} against {angle}");
    for planned in &run.plan.cells {
        let done = run.cells.iter().find(|cell| cell.key == planned.key).unwrap();
        let counted = done.evaluations.values + done.evaluations.gradients;
        assert!(counted <= planned.evaluations_at_most, "{counted} of {planned:?}");
    }
    // The geometry is made of the density, so its evaluations count; the weight of the potential is zero.
    let derived = cell(&run, "Plane", "Inverse density");
    assert!(derived.evaluations.gradients + derived.evaluations.values > 0, "{derived:?}");
    assert_eq!(derived.key.lambda, Some(0.0));
    // Metrics stand on the background: the length of this curve is at least that of the straight line in the plane.
    assert!(value("Plane", "Inverse density", "length") >= chord.sqrt() * (1.0 - 1e-12));

    let on_sphere = run.curve(&cell(&run, "Sphere", "ProbGEORCE").key.hash()).unwrap();
    let embedded = on_sphere.embedded.unwrap();
    assert_eq!((embedded.dim, embedded.values.len()), (3, 3 * 11));
    for point in embedded.values.chunks_exact(3) {
        assert!((point.iter().map(|x| x * x).sum::<f64>() - 1.0).abs() < 1e-12, "{point:?}");
    }
    for (i, x) in a.iter().enumerate() {
        assert!((embedded.values[i] - x).abs() < 1e-12);
    }
    let in_plane = run.curve(&cell(&run, "Plane", "ProbGEORCE").key.hash()).unwrap();
    assert_eq!(in_plane.embedded, None);
    assert_eq!(
        (in_plane.values[..2].to_vec(), in_plane.values[20..].to_vec()),
        (vec![-0.0, -1.0], vec![0.5, 0.5])
    );
}

#[test]
fn a_study_is_a_cell_with_numbers_series_and_counted_evaluations() {
    let place = Place::new();
    let plan = place.plan(CURVED, Tier::Full);
    let planned = plan.record().cells.iter().find(|cell| cell.key.pair == "study").unwrap().clone();
    assert_eq!((planned.key.model.as_str(), planned.key.method.as_str()), ("Sphere", "Traces"));
    assert_eq!((planned.key.lambda, planned.key.segments), (None, 10));
    let (_, folder, _) = place.run(&plan, "runs", 1);
    let run = Run::read(&folder).unwrap();
    let study = cell(&run, "Sphere", "Traces");
    assert_eq!((study.status, study.curve_sha256.is_none(), study.stop.is_none()), (Status::Ok, true, true));
    let counted = study.evaluations.values + study.evaluations.gradients;
    assert!(counted > 0 && counted <= planned.evaluations_at_most, "{study:?}");
    assert!((study.metric("evaluations").unwrap() - counted as f64).abs() < 0.5);
    assert!((study.metric("iterations").unwrap() - f64::from(study.iterations)).abs() < 0.5);
    assert!(study.iterations > 0);
    // One of the methods is the one beside it, so the best of all is at most that.
    assert!(study.metric("best-regularised-energy").unwrap() > 0.0);
    let reason = |cell: &CellRecord, id: &str| {
        cell.metrics.iter().find(|metric| metric.id == id).unwrap().reason.clone().unwrap()
    };
    assert_eq!(reason(study, "energy"), "it is a number about curves, and this is a study");
    assert_eq!(reason(study, "nearest-distance-mean"), "it is a number about samples, and this is a study");
    let curve = cell(&run, "Plane", "ProbGEORCE");
    assert_eq!(reason(curve, "best-regularised-energy"), "it is a number of studies, and this is a curve");

    let hash = study.key.hash();
    let series = run.series(&hash).unwrap();
    assert!(!series.is_empty());
    assert!(series.iter().all(|series| series.values.iter().all(|row| row.len() == series.columns.len())));
    let sums = std::fs::read_to_string(folder.join("checksums.txt")).unwrap();
    assert!(sums.contains(&format!("series/{hash}.json")));
    assert!(run.timings.contains_key(&hash), "a study takes time like any cell");
}

#[test]
fn a_number_that_another_study_answers_with_is_absent_with_words() {
    let place = Place::new();
    let text = CURVED.replace("\"energy\", ", "\"typical-level\", ");
    let (_, folder, _) = place.run(&place.plan(&text, Tier::Full), "runs", 1);
    let run = Run::read(&folder).unwrap();
    let metric = &cell(&run, "Sphere", "Traces").metrics[0];
    assert_eq!(metric.value, None);
    assert_eq!(metric.reason.as_deref(), Some("a `optimiser-traces` study has no such number"));
}

#[test]
fn one_and_two_threads_and_an_interrupted_run_write_the_same_bytes() {
    let place = Place::new();
    let text = CURVED.replace("seed = 7", "seed = 7\nrepetitions = 2");
    let plan = place.plan(&text, Tier::Full);
    let (first, one) = place.run_together(&plan, "one", 1);
    let (second, two) = place.run_together(&place.plan(&text, Tier::Full), "two", 2);
    assert_eq!((first.done, second.done, second.workers_used), (2 * CELLS, 2 * CELLS, 2));
    let whole = bytes_of(&one);
    assert!(whole.keys().filter(|name| name.starts_with("series/")).count() == 2, "{:?}", whole.keys());
    assert_eq!(whole, bytes_of(&two));

    let is_study = |cell: &&likely_record::PlannedCell| cell.key.pair == "study";
    let study = &plan.record().cells.iter().rfind(is_study).unwrap().hash;
    let before = plan.record().cells.iter().position(|cell| cell.hash == *study).unwrap();
    let stop = AtomicBool::new(false);
    let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap();
    let folder = open(&place, &plan, "stopped");
    let summary = run(&plan, &folder, &pool, &stop, &|event| {
        if event == (Event::CellStarted { hash: study.clone() }) {
            stop.store(true, Ordering::Relaxed);
        }
    })
    .unwrap();
    assert!(summary.interrupted && summary.done == before, "the study noticed: {summary:?}");
    assert_eq!(folder.cell(study), CellState::Missing);
    let path = folder.path().to_owned();
    drop(folder);
    let folder = open(&place, &plan, "stopped");
    let summary = run(&plan, &folder, &pool, &AtomicBool::new(false), &|_| {}).unwrap();
    assert_eq!((summary.interrupted, summary.done, summary.reused), (false, 2 * CELLS - before, before));
    assert_eq!(bytes_of(&path), whole);
}

#[test]
fn what_a_density_cannot_give_is_a_skipped_row_with_the_reason() {
    let place = Place::new();
    let text = CURVED.replace("label = \"Sphere\"\n", "label = \"Sphere\"\nreveal = \"score\"\n");
    let (_, folder, _) = place.run(&place.plan(&text, Tier::Full), "runs", 1);
    let run = Run::read(&folder).unwrap();
    for (method, words) in
        [("Inverse density", "made of the density"), ("Traces", "studies need the density")]
    {
        let cell = cell(&run, "Sphere", method);
        assert_eq!(cell.status, Status::Skipped);
        assert!(cell.reason.as_ref().unwrap().contains(words), "{cell:?}");
        assert!(cell.metrics.iter().all(|metric| metric.value.is_none() && metric.reason == cell.reason));
    }
}

#[test]
fn tiers_and_lists_of_models_choose_studies_and_pairs() {
    let place = Place::new();
    let cells = |text: &str, tier: Tier| {
        let plan = place.plan(text, tier);
        plan.record()
            .cells
            .iter()
            .map(|cell| format!("{} {} {}", cell.key.model, cell.key.method, cell.key.pair))
            .collect::<Vec<_>>()
    };
    let second = "[[study]]\nkind = \"optimiser-traces\"\nlabel = \"Again\"\n[tier.smoke]\nstudies = [\"Again\"]\nmethods = [\"ProbGEORCE\"]\nmodels = [\"Plane\"]\n[[pair]]";
    let text = CURVED.replacen("[[pair]]", second, 1);
    assert_eq!(cells(&text, Tier::Smoke), ["Plane ProbGEORCE 0", "Plane Again study"]);
    let studies = |tier| cells(&text, tier).iter().filter(|cell| cell.ends_with("study")).count();
    assert_eq!(studies(Tier::Full), 3, "one of both models and one of the sphere alone");

    let two = "[[pair]]\nname = \"0\"\nmodels = [\"Plane\"]\nstart = [0.0, 1.0]\nend = [1.0, 1.0]\n[[pair]]\nname = \"0\"\nmodels = [\"Sphere\"]\n";
    let text = CURVED.replace("[[pair]]\nname = \"0\"\n", two);
    assert_eq!(cells(&text, Tier::Full), cells(CURVED, Tier::Full), "models may have pairs of one name");
    let plan = place.plan(&text, Tier::Full);
    let (_, folder, _) = place.run(&plan, "runs", 1);
    let run = Run::read(&folder).unwrap();
    let start = |model| run.curve(&cell(&run, model, "ProbGEORCE").key.hash()).unwrap().values[..2].to_vec();
    assert_eq!((start("Plane"), start("Sphere")), (vec![0.0, 1.0], vec![-0.0, -1.0]));
}

#[test]
fn end_points_may_come_from_a_file_that_belongs_to_the_identity() {
    let place = Place::new();
    place.write("ends.csv", "a,b\n0.25,0.5\n-0.5,0.125\n");
    let text = CURVED
        .replace("start = { linspace = [-0.0, -1.0] }", "start = { file = \"ends.csv\", row = 1 }")
        .replace("end = { constant = 0.5 }", "end = { file = \"ends.csv\" }");
    let plan = place.plan(&text, Tier::Full);
    assert!(plan.data_sha256().contains_key("ends.csv"));
    let (_, folder, _) = place.run(&plan, "runs", 1);
    let run = Run::read(&folder).unwrap();
    let curve = run.curve(&cell(&run, "Plane", "ProbGEORCE").key.hash()).unwrap().values;
    assert_eq!((curve[..2].to_vec(), curve[20..].to_vec()), (vec![-0.5, 0.125], vec![0.25, 0.5]));
    place.write("ends.csv", "a,b\n0.25,0.5\n-0.5,0.25\n");
    assert_ne!(place.plan(&text, Tier::Full).record().identity, plan.record().identity);
}

#[test]
fn the_resolved_curved_spec_is_a_spec_and_resolves_to_itself() {
    let place = Place::new();
    place.write("claims.json", CLAIMS);
    let text = CURVED.replace("seed = 7", "seed = 7\nclaims = [\"claims.json\"]");
    let plan = place.plan(&text, Tier::Full);
    let resolved = plan.resolved_spec().to_owned();
    for part in
        ["[[geometry]]", "[[study]]", "linspace = [", "constant = 0.5", "[[claim]]", "inverse-density"]
    {
        assert!(resolved.contains(part), "{part} is not in\n{resolved}");
    }
    assert!(!resolved.contains("claims.json"), "a resolved spec holds the claims themselves");
    let elsewhere = Place::new();
    let again = elsewhere.plan(&resolved, Tier::Full);
    assert_eq!(again.resolved_spec(), resolved);
    assert_eq!(again.record().identity, plan.record().identity);
    let facts = &plan.presentation().facts;
    let geometry = facts.iter().find(|(model, name, _)| model == "Sphere" && name == "geometry").unwrap();
    assert!(geometry.2.contains("sphere") && geometry.2.contains("dim = 2"), "{geometry:?}");
    assert!(!facts.iter().any(|(model, name, _)| model == "Plane" && name == "geometry"));
}

const CLAIMS: &str = r#"{
  "place": "words for people",
  "claims": [
    { "model": "Sphere", "method": "ProbGEORCE", "metric": "energy", "value": 0.1, "tolerance": 1.0,
      "place": "made up" },
    { "model": "Sphere", "method": "Traces", "metric": "best-regularised-energy", "value": 0.1, "tolerance": 5e-5,
      "place": "made up", "role": "compare" }
  ]
}
"#;

#[test]
fn claims_from_a_file_stand_beside_those_of_the_spec() {
    let place = Place::new();
    place.write("claims.json", CLAIMS);
    let inline = "[[claim]]\nmodel = \"Plane\"\nmethod = \"ProbGEORCE\"\nmetric = \"energy\"\nvalue = 1.0\ntolerance = 9.0\nplace = \"here\"\n[[pair]]";
    let text =
        CURVED.replace("seed = 7", "seed = 7\nclaims = [\"claims.json\"]").replacen("[[pair]]", inline, 1);
    let plan = place.plan(&text, Tier::Full);
    let claims: Vec<_> =
        plan.presentation().claims.iter().map(|claim| (claim.model.as_str(), claim.lambda)).collect();
    assert_eq!(claims, [("Plane", Some(1.0)), ("Sphere", Some(1.0)), ("Sphere", None)]);
    let (_, folder, _) = place.run(&plan, "runs", 1);
    let verified =
        likely_experiment::verify(&Run::read(&folder).unwrap(), None, &std::collections::BTreeMap::new());
    assert_eq!(verified.rows.len(), 3);
    assert!(verified.rows.iter().all(|row| row.now.is_some()), "{:?}", verified.rows);
}

#[test]
fn the_whole_sphere_is_shown_and_a_sheet_covers_the_end_points() {
    let place = Place::new();
    let text = CURVED.replacen(
        "[[model]]",
        "[[geometry]]\nlabel = \"Bowl\"\nkind = \"paraboloid\"\nsurface = { u = [-2.0, 2.0], rows = 5, columns = 9 }\nconfig = { dim = 2 }\n[[model]]\nlabel = \"Bowl\"\nkind = \"gaussian-average\"\ngeometry = \"Bowl\"\nconfig = { weights = [1.0], centres = [[0.0, 0.0]] }\n[[model]]",
        1,
    );
    let plan = place.plan(&text, Tier::Full);
    let surfaces = &plan.presentation().surfaces;
    let labels: Vec<&str> = surfaces.iter().map(|surface| surface.model.as_str()).collect();
    assert_eq!(labels, ["Bowl", "Sphere"]);
    let bowl = &surfaces[0];
    assert_eq!((bowl.rows, bowl.columns, bowl.points.len(), bowl.values.len()), (5, 9, 45, 45));
    let (first, last) = (bowl.points[0], bowl.points[44]);
    assert!((first[0] + 2.0).abs() < 1e-12 && (last[0] - 2.0).abs() < 1e-12);
    assert!(first[1] < -1.0 && last[1] > 0.5, "the pairs with a margin: {first:?} {last:?}");
    for ([x, y, z], value) in bowl.points.iter().zip(&bowl.values) {
        assert!((z - (x * x + y * y)).abs() < 1e-12);
        let s = 0.5 * (x * x + y * y) + (2.0 * std::f64::consts::PI).ln();
        assert!((value.unwrap() + s).abs() < 1e-9);
    }
    let sphere = &surfaces[1];
    let covers = |axis: usize, sign: f64| {
        sphere.points.iter().map(|point| sign * point[axis]).fold(f64::NEG_INFINITY, f64::max) > 0.99
    };
    assert!((0..3).all(|axis| covers(axis, 1.0) && covers(axis, -1.0)), "the whole sphere");
    assert!(sphere.points.iter().all(|p| (p.iter().map(|x| x * x).sum::<f64>() - 1.0).abs() < 1e-9));
    // An angle is shown over one turn, so that no part of the torus is covered twice.
    let torus = text.replacen(
        "kind = \"paraboloid\"\nsurface = { u = [-2.0, 2.0], rows = 5, columns = 9 }\nconfig = { dim = 2 }",
        "kind = \"torus\"\nsurface = { rows = 5, columns = 9 }\nconfig = { major = 3.0, minor = 1.0 }",
        1,
    );
    let plan = place.plan(&torus, Tier::Full);
    let torus = &plan.presentation().surfaces[0];
    let apart = |a: [f64; 3], b: [f64; 3]| a.iter().zip(&b).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
    for row in 0..5 {
        for column in 0..9 {
            let here = torus.points[row * 9 + column];
            let twins = torus.points.iter().filter(|there| apart(here, **there) < 1e-9).count();
            let seams = usize::from(row % 4 == 0) + usize::from(column % 8 == 0);
            assert_eq!(twins, 1 << seams, "row {row}, column {column}");
        }
    }
    // Without such a figure there is no surface, and an older program reads the file.
    let plain = text.replace("surface-curves = { methods", "density-curves = { methods");
    assert!(place.plan(&plain, Tier::Full).presentation().surfaces.is_empty());
}

#[test]
fn a_regularised_energy_is_no_number_where_the_method_minimised_another() {
    let place = Place::new();
    let text = CURVED.replace("\"energy\", ", "\"energy\", \"regularised-energy\", ");
    let (_, folder, _) = place.run(&place.plan(&text, Tier::Full), "runs", 1);
    let run = Run::read(&folder).unwrap();
    for model in ["Sphere", "Plane"] {
        assert!(cell(&run, model, "ProbGEORCE").metric("regularised-energy").is_some());
        let derived = cell(&run, model, "Inverse density");
        assert!(derived.metric("energy").is_some());
        let metric = derived.metrics.iter().find(|metric| metric.id == "regularised-energy").unwrap();
        assert_eq!(metric.value, None);
        assert_eq!(metric.reason.as_deref(), Some("the method minimised it in a geometry of its own"));
    }
}

const MIXTURE: &str = "weights = [0.5, 0.5]\nmeans = [[0.0, 1.0], [1.5, -0.5]]\ncovariances = [\n    [[0.3, 0.0], [0.0, 0.2]],\n    [[0.25, 0.0], [0.0, 0.35]],\n]\n";

/// Every method that solves, with a weight, in every derived geometry that a small mixture has.
fn solved_in_derived_geometries(iterations: u32) -> String {
    let mut text = "id = \"bounds\"\nversion = 1\ntitle = \"Bounds\"\nsegments = 8\nseed = 7\nmetrics = [\"evaluations\"]\n[[model]]\nlabel = \"Mixture\"\nkind = \"gmm\"\nconfig = { file = \"mixture.toml\" }\n[[pair]]\nname = \"0\"\nstart = [-0.5, 0.5]\nend = [1.0, -0.25]\n".to_owned();
    for kind in likely_methods::ALL {
        let built = (kind.build)(toml::Spanned::new(0..0, toml::de::DeTable::new())).unwrap();
        if built.interpolator.evaluations_at_most(2) == 0 {
            continue;
        }
        for derived in likely_geometries::DERIVED {
            let config = match derived.id {
                "jacobi" => ", config = { total = 9.0 }",
                _ => "",
            };
            writeln!(
                text,
                "[[method]]\nkind = \"{}\"\nlabel = \"{} {}\"\ngeometry = {{ kind = \"{}\"{config} }}\nconfig = {{ weight = {{ relative = 0.5 }}, max-iterations = {iterations} }}",
                kind.id, kind.id, derived.id, derived.id
            )
            .unwrap();
        }
    }
    text
}

#[test]
fn no_method_in_a_geometry_of_the_density_evaluates_more_than_planned_and_one_as_much() {
    let place = Place::new();
    place.write("mixture.toml", MIXTURE);
    let (mut solved, mut reached) = (0, Vec::new());
    for iterations in [3, 40] {
        let plan = place.plan(&solved_in_derived_geometries(iterations), Tier::Full);
        let (_, folder, _) = place.run(&plan, &format!("runs-{iterations}"), 1);
        let run = Run::read(&folder).unwrap();
        for planned in &run.plan.cells {
            let done = run.cells.iter().find(|cell| cell.key == planned.key).unwrap();
            let counted = done.evaluations.values + done.evaluations.gradients;
            assert!(counted <= planned.evaluations_at_most, "{counted} of {planned:?}");
            solved += usize::from(done.status == Status::Ok);
            if counted == planned.evaluations_at_most {
                reached.push(done.key.method.clone());
            }
        }
        for derived in ["monge", "jacobian", "inverse-density"] {
            let ok = |cell: &&CellRecord| {
                cell.status == Status::Ok
                    && cell.key.method.split_once(' ').is_some_and(|(_, id)| id == derived)
            };
            assert!(run.cells.iter().filter(ok).count() >= 5, "{derived}");
        }
    }
    assert!(solved > 100, "{solved}");
    assert!(!reached.is_empty() && reached.iter().all(|method| method.ends_with(" jacobian")), "{reached:?}");
}

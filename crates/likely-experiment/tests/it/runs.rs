//! Runs: the same bytes on any number of threads, resumed, interrupted, damaged.

use crate::support::{Place, SMALL, bytes_of, options, provenance, small_with};
use likely_experiment::{Event, Plan, Tier, run};
use likely_record::{CellState, Run, RunFolder, Status};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

/// Cells of the small spec: (1 linear + 3 weights) x 6 pairs.
const CELLS: usize = 24;

#[test]
fn one_and_two_threads_write_the_same_bytes() {
    let place = Place::new();
    let text = small_with("[pairs]", "[[method]]\nkind = \"noise\"\nlabel = \"Noise\"\n\n[pairs]");
    let text = text.replace("seed = 7", "seed = 7\nrepetitions = 2");
    let mut folders = Vec::new();
    for threads in [1, 2] {
        let plan = place.plan(&text, Tier::Full);
        let (summary, folder) = place.run_together(&plan, &format!("runs-{threads}"), threads);
        assert_eq!(summary.done, 60);
        assert_eq!((summary.failed, summary.skipped), (0, 0), "{summary:?}");
        assert_eq!(summary.workers_used, threads, "a thread of {threads} took no part");
        folders.push(bytes_of(&folder));
    }
    assert!(folders[0].len() > 2 * 60, "{} files", folders[0].len());
    assert_eq!(folders[0], folders[1]);
}

#[test]
fn a_run_measures_what_its_methods_did() {
    let place = Place::new();
    let plan = place.plan(SMALL, Tier::Full);
    let (summary, folder, events) = place.run(&plan, "runs", 1);
    assert_eq!((summary.done, summary.reused, summary.interrupted), (CELLS, 0, false));
    assert_eq!(events.iter().filter(|event| matches!(event, Event::CellStarted { .. })).count(), CELLS);
    let run = Run::read(&folder).unwrap();
    assert!(run.missing.is_empty() && run.damaged.is_empty());
    for cell in &run.cells {
        assert_eq!(cell.status, Status::Ok, "{cell:?}");
        let counted = (cell.evaluations.values + cell.evaluations.gradients) as f64;
        assert!((cell.metric("evaluations").unwrap() - counted).abs() < 0.5);
        assert!(cell.metric("log-likelihood-mean").unwrap() < 0.0);
        assert!(cell.metric("typicality-gap").is_some(), "the data give what is typical");
        assert_eq!(cell.lambda_norm.is_some(), cell.key.method == "ProbGEORCE");
        let planned = run.plan.cells.iter().find(|planned| planned.key == cell.key).unwrap();
        assert!(counted as u64 <= planned.evaluations_at_most, "{cell:?}");
        let curve = run.curve(&cell.key.hash()).unwrap();
        assert_eq!((curve.points, curve.dim), (13, 2));
    }
    // At the same pair, a larger weight never gives a less likely curve on this easy density.
    for pair in 0..6 {
        let mean = |lambda: f64| {
            let at = |cell: &&likely_record::CellRecord| {
                cell.key.pair == pair.to_string()
                    && cell.key.lambda.is_some_and(|l| (l - lambda).abs() < 1e-12)
            };
            run.cells.iter().find(at).unwrap().metric("log-likelihood-mean").unwrap()
        };
        assert!(mean(0.0) <= mean(1.0) && mean(1.0) <= mean(10.0), "pair {pair}");
    }
}

#[test]
fn running_again_reuses_whole_cells_and_names_damaged_ones() {
    let place = Place::new();
    let plan = place.plan(SMALL, Tier::Full);
    let (_, folder, _) = place.run(&plan, "runs", 2);
    let before = bytes_of(&folder);
    let (again, _, _) = place.run(&plan, "runs", 2);
    assert_eq!((again.done, again.reused), (0, CELLS));

    let hashes: Vec<&str> = plan.record().cells.iter().map(|cell| cell.hash.as_str()).collect();
    std::fs::write(folder.join(format!("cells/{}.json", hashes[1])), "{").unwrap();
    std::fs::remove_file(folder.join(format!("cells/{}.json", hashes[2]))).unwrap();
    let (repaired, _, events) = place.run(&plan, "runs", 2);
    assert_eq!((repaired.done, repaired.reused), (2, CELLS - 2));
    let damaged: Vec<&Event> =
        events.iter().filter(|event| matches!(event, Event::DamagedCell { .. })).collect();
    let [Event::DamagedCell { hash, path, .. }] = damaged[..] else { panic!("{damaged:?}") };
    assert_eq!(hash, hashes[1]);
    assert!(path.ends_with(format!("cells/{hash}.json")), "{}", path.display());
    let after = bytes_of(&folder);
    for (name, bytes) in before {
        assert_eq!(after.get(&name), Some(&bytes), "{name}");
    }
}

#[test]
fn a_request_to_stop_leaves_whole_cells_and_the_rest_is_finished_later() {
    let place = Place::new();
    let plan = place.plan(SMALL, Tier::Full);
    let (_, whole, _) = place.run(&plan, "whole", 1);
    let open = || {
        RunFolder::create_or_resume(
            &place.folder.path().join("stopped"),
            plan.record(),
            plan.presentation(),
            &provenance(),
            plan.resolved_spec(),
        )
        .unwrap()
    };
    let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap();
    let folder = open();
    let stop = AtomicBool::new(false);
    let finished = AtomicUsize::new(0);
    let summary = run(&plan, &folder, &pool, &stop, &|event| {
        if matches!(event, Event::CellFinished { .. }) && finished.fetch_add(1, Ordering::Relaxed) == 8 {
            stop.store(true, Ordering::Relaxed);
        }
    })
    .unwrap();
    assert_eq!((summary.interrupted, summary.done), (true, 9));
    let states = plan.record().cells.iter().map(|cell| folder.cell(&cell.hash));
    assert_eq!(states.filter(|state| matches!(state, CellState::Done(_))).count(), 9);
    let path = folder.path().to_owned();
    drop(folder);
    let folder = open();
    let summary = run(&plan, &folder, &pool, &AtomicBool::new(false), &|_| {}).unwrap();
    assert_eq!((summary.interrupted, summary.done, summary.reused), (false, CELLS - 9, 9));
    assert_eq!(bytes_of(&path), bytes_of(&whole));
}

#[test]
fn a_stop_inside_an_iteration_leaves_no_cell() {
    let place = Place::new();
    let text = small_with("label = \"Linear\"", "label = \"Linear\"\n")
        .replace("lambda = [0.0, 1.0, 10.0]", "lambda = [50.0]");
    let plan = place.plan(&text, Tier::Full);
    let folder = RunFolder::create_or_resume(
        &place.folder.path().join("runs"),
        plan.record(),
        plan.presentation(),
        &provenance(),
        plan.resolved_spec(),
    )
    .unwrap();
    let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap();
    let stop = AtomicBool::new(false);
    let iterated = plan.record().cells.iter().find(|cell| cell.key.lambda.is_some()).unwrap();
    let summary = run(&plan, &folder, &pool, &stop, &|event| {
        if event == (Event::CellStarted { hash: iterated.hash.clone() }) {
            stop.store(true, Ordering::Relaxed);
        }
    })
    .unwrap();
    assert!(summary.interrupted);
    assert_eq!(folder.cell(&iterated.hash), CellState::Missing);
    assert!(!folder.path().join("checksums.txt").exists(), "an unfinished run has no checksums");
}

#[test]
fn a_method_that_fails_or_does_not_apply_is_a_row_with_the_reason() {
    let place = Place::new();
    // A search for a decrease needs values of the density, unless the weight is 0.
    let text = small_with(
        "config = { bandwidth = { fixed = 1.0 } }",
        "config = { bandwidth = { fixed = 1.0 } }\nreveal = \"score\"",
    );
    let plan = place.plan(&text, Tier::Full);
    let (summary, folder, _) = place.run(&plan, "runs", 1);
    assert_eq!(summary.skipped, 12, "{summary:?}");
    let run = Run::read(&folder).unwrap();
    for cell in run.cells.iter().filter(|cell| cell.key.lambda.is_some_and(|lambda| lambda > 0.0)) {
        assert_eq!(cell.status, Status::Skipped);
        assert!(cell.reason.as_ref().is_some_and(|reason| reason.len() > 10), "{cell:?}");
        assert!(cell.metrics.iter().all(|metric| metric.value.is_none() && metric.reason.is_some()));
    }
    // Metrics still see the density of a model that reveals its score alone.
    assert!(run.cells.iter().any(|cell| cell.metric("log-likelihood-mean").is_some()));
}

#[test]
fn a_density_up_to_a_constant_has_no_likelihood() {
    let place = Place::new();
    let text = r#"
id = "noise"
version = 1
title = "Noise"
segments = 4
seed = 1
metrics = ["log-likelihood-mean", "potential-mean"]
[[model]]
label = "Prior"
kind = "chi-square-norm"
config = { dim = 5 }
[[method]]
kind = "linear"
label = "Linear"
[pairs]
draw = { gaussian = { count = 1 } }
"#;
    let (summary, folder, _) = place.run(&place.plan(text, Tier::Full), "runs", 1);
    assert_eq!((summary.done, summary.failed), (1, 0));
    let run = Run::read(&folder).unwrap();
    let metrics = &run.cells[0].metrics;
    assert_eq!(metrics[0].value, None);
    assert!(metrics[0].reason.as_deref().unwrap().contains("not normalised"), "{:?}", metrics[0]);
    assert!(metrics[1].value.is_some());
}

#[test]
fn samplers_draw_from_models_with_a_flow_and_say_so_where_there_is_none() {
    let place = Place::new();
    let text = r#"
id = "generation"
version = 1
title = "Generation"
segments = 4
seed = 1
metrics = ["nearest-distance-mean", "evaluations-flow", "energy"]
[[dataset]]
label = "points"
file = "points.csv"
[[model]]
label = "Finite"
kind = "finite-set"
data = "points"
config = { time = 0.5 }
[[model]]
label = "KDE"
kind = "kde"
data = "points"
config = { bandwidth = { fixed = 1.0 } }
[[sampler]]
kind = "euler"
label = "Euler"
config = { steps = 20, samples = 8 }
"#;
    let plan = place.plan(text, Tier::Full);
    let (summary, folder, _) = place.run(&plan, "runs", 2);
    assert_eq!((summary.done, summary.skipped, summary.failed, summary.unconverged), (2, 1, 0, 0));
    let run = Run::read(&folder).unwrap();
    let drawn = &run.cells[0];
    assert_eq!((drawn.key.pair.as_str(), drawn.key.segments, drawn.iterations), ("samples", 20, 20));
    assert!(drawn.metric("nearest-distance-mean").unwrap() < 1e-6, "the exact process ends on the points");
    assert!(drawn.metric("evaluations-flow").unwrap() > 0.0);
    assert_eq!(
        drawn.metrics[2].reason.as_deref(),
        Some("it is a number about curves, and these are samples")
    );
    assert!(run.cells[1].reason.as_deref().unwrap().contains("no flow"));
}

#[test]
fn a_plan_without_fields_has_the_same_identity() {
    let place = Place::new();
    let spec = place.spec(SMALL);
    let with = Plan::new(&spec, Tier::Full, &options()).unwrap();
    let mut options = options();
    options.fields = false;
    let without = Plan::new(&spec, Tier::Full, &options).unwrap();
    assert_eq!(with.record(), without.record());
    assert_eq!((with.presentation().fields.len(), without.presentation().fields.len()), (1, 0));
}

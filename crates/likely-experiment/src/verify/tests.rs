use super::*;
use crate::compare;
use likely_record::{
    CellKey, EvaluationCounts, FORMAT, MetricRecord, PlanRecord, PlannedCell, Presentation, Provenance,
    StopRecord,
};
use std::path::PathBuf;

const METRIC: &str = "log-likelihood-mean";

fn cell(pair: &str, lambda: Option<f64>, value: Option<f64>) -> CellRecord {
    CellRecord {
        format: FORMAT,
        key: CellKey {
            experiment: "tiny".to_owned(),
            model: "GMM".to_owned(),
            method: "ProbGEORCE".to_owned(),
            lambda,
            pair: pair.to_owned(),
            repetition: 0,
            segments: 10,
        },
        status: Status::Ok,
        reason: None,
        stop: Some(StopRecord {
            kind: "converged".to_owned(),
            converged: true,
            grad_norm_l2: None,
            text: String::new(),
        }),
        iterations: 7,
        evaluations: EvaluationCounts { values: 3, gradients: 4 },
        lambda_norm: None,
        reduction: None,
        metrics: vec![MetricRecord {
            id: METRIC.to_owned(),
            value,
            std_err: None,
            reason: value.is_none().then(|| "no density".to_owned()),
        }],
        curve_sha256: None,
        series_sha256: None,
        pictures: Vec::new(),
    }
}

fn run_of(cells: Vec<CellRecord>, claims: Vec<ClaimRecord>) -> Run {
    let planned = cells
        .iter()
        .map(|cell| PlannedCell { hash: cell.key.hash(), key: cell.key.clone(), evaluations_at_most: 0 })
        .collect();
    Run {
        path: PathBuf::from("tiny"),
        plan: PlanRecord {
            format: FORMAT,
            experiment: "tiny".to_owned(),
            spec_version: 1,
            tier: "smoke".to_owned(),
            identity: "0".repeat(64),
            cells: planned,
        },
        presentation: Presentation {
            format: FORMAT,
            experiment: "tiny".to_owned(),
            title: String::new(),
            paper: None,
            analysis: String::new(),
            metrics: Vec::new(),
            facts: Vec::new(),
            claims,
            tables: Vec::new(),
            savings: Vec::new(),
            rankings: Vec::new(),
            figures: Vec::new(),
            fields: Vec::new(),
            surfaces: Vec::new(),
        },
        provenance: Provenance {
            format: FORMAT,
            version: String::new(),
            commit: None,
            dirty: None,
            program_sha256: String::new(),
            lock_sha256: None,
            spec_sha256: String::new(),
            data_sha256: BTreeMap::new(),
            compiler: String::new(),
            target: String::new(),
            cpu: "here".to_owned(),
            cpu_features: Vec::new(),
            device: "cpu".to_owned(),
            threads: 1,
            started: String::new(),
        },
        cells,
        timings: BTreeMap::new(),
        missing: Vec::new(),
        damaged: Vec::new(),
    }
}

/// Takes a cell away from a run, as if it had not been computed.
fn lose(run: &mut Run, index: usize) {
    let cell = run.cells.remove(index);
    run.missing.push(cell.key.hash());
}

fn claim(lambda: Option<f64>, pair: Option<&str>, value: Option<f64>) -> ClaimRecord {
    ClaimRecord {
        model: "GMM".to_owned(),
        method: "ProbGEORCE".to_owned(),
        lambda,
        pair: pair.map(str::to_owned),
        metric: METRIC.to_owned(),
        value,
        tolerance: 0.005,
        role: ClaimRole::Reproduce,
        place: "Table 1".to_owned(),
        deviation: None,
    }
}

fn judged(cells: Vec<CellRecord>, claim: ClaimRecord) -> VerdictRecord {
    verify(&run_of(cells, vec![claim]), None, &BTreeMap::new()).rows.remove(0)
}

fn three() -> Vec<CellRecord> {
    let values = [("0", -1.0), ("1", -2.0), ("2", -6.0)];
    values.into_iter().map(|(pair, value)| cell(pair, Some(10.0), Some(value))).collect()
}

#[test]
fn a_claim_is_compared_with_the_mean_over_what_it_does_not_name() {
    let row = judged(three(), claim(Some(10.0), None, Some(-3.004)));
    assert_eq!((row.status, row.now), (VerdictStatus::Same, Some(-3.0)));
    let row = judged(three(), claim(Some(10.0), Some("2"), Some(-6.0)));
    assert_eq!((row.status, row.now), (VerdictStatus::Same, Some(-6.0)));
    let row = judged(three(), claim(Some(10.0), None, Some(-3.01)));
    assert_eq!(row.status, VerdictStatus::Moved);
    assert!(row.note.contains("1.000e-2"), "{}", row.note);
}

#[test]
fn a_mean_is_never_taken_over_weights_or_over_what_is_missing() {
    let mut sweep = three();
    sweep[1].key.lambda = Some(1.0);
    let row = judged(sweep, claim(None, None, Some(-3.0)));
    assert_eq!(row.status, VerdictStatus::NotMeasured);
    assert!(row.note.contains("several weights"), "{}", row.note);

    for bad in [None, Some(f64::NAN), Some(f64::INFINITY)] {
        let mut cells = three();
        cells[1].metrics[0].value = bad;
        let row = judged(cells, claim(Some(10.0), None, Some(-3.0)));
        assert_eq!((row.status, row.now), (VerdictStatus::NotMeasured, None), "{bad:?}");
    }

    let mut run = run_of(three(), vec![claim(Some(10.0), None, Some(-3.0))]);
    lose(&mut run, 1);
    let found = verify(&run, None, &BTreeMap::new());
    assert_eq!(found.rows[0].status, VerdictStatus::NotMeasured);
    assert!(found.rows[0].note.contains("pair `1`"), "{}", found.rows[0].note);
    assert_eq!(found.outcome(), Outcome::Incomplete);

    let row = judged(three(), claim(Some(25.0), None, Some(-3.0)));
    assert!(row.note.contains("no such cell"), "{}", row.note);
}

#[test]
fn only_what_must_reproduce_is_judged() {
    let shown = ClaimRecord { role: ClaimRole::Compare, ..claim(Some(10.0), None, Some(99.0)) };
    let unknown = claim(Some(10.0), None, None);
    let known = ClaimRecord { deviation: Some("3".to_owned()), ..claim(Some(10.0), None, Some(99.0)) };
    let found = verify(&run_of(three(), vec![shown, unknown]), None, &BTreeMap::new());
    assert_eq!(found.rows[0].status, VerdictStatus::Compared);
    assert_eq!(found.rows[1].status, VerdictStatus::NotPublic);
    assert_eq!(found.outcome(), Outcome::NothingJudged);
    let found = verify(&run_of(three(), vec![known]), None, &BTreeMap::new());
    assert_eq!(found.rows[0].status, VerdictStatus::Deviation);
    assert!(found.rows[0].note.contains("DEVIATIONS.md, 3"), "{}", found.rows[0].note);
    assert_eq!(found.outcome(), Outcome::Same);
}

#[test]
fn pinned_numbers_hold_to_the_tolerance_of_their_metric() {
    let pinned = Pinned::from_run(&run_of(three(), Vec::new()));
    let moved_by = |gap: f64, tolerance: &[(&str, f64)]| {
        let mut cells = three();
        cells[2].metrics[0].value = Some(-6.0 + gap);
        let tolerance = tolerance.iter().map(|&(id, value)| (id.to_owned(), value)).collect();
        verify(&run_of(cells, Vec::new()), Some(&pinned), &tolerance)
    };
    assert_eq!(moved_by(0.0, &[]).outcome(), Outcome::Same);
    assert_eq!(moved_by(0.0, &[]).count(VerdictStatus::Same), 3);
    // Relative to |-6|, not to 1.
    assert_eq!(moved_by(5e-9, &[]).outcome(), Outcome::Same);
    let found = moved_by(7e-9, &[]);
    assert_eq!(found.outcome(), Outcome::Moved);
    let row = found.rows.iter().find(|row| row.status == VerdictStatus::Moved).unwrap();
    assert_eq!((row.cell.pair.as_deref(), row.metric.as_str()), (Some("2"), METRIC));
    assert_eq!(moved_by(7e-9, &[(METRIC, 1e-8)]).outcome(), Outcome::Same);
    assert_eq!(moved_by(f64::NAN, &[]).outcome(), Outcome::Incomplete);
}

#[test]
fn a_number_that_moved_elsewhere_says_where_it_was_computed() {
    let pinned = Pinned::from_run(&run_of(three(), Vec::new()));
    let note = |cpu: &str, device: &str| {
        let mut cells = three();
        cells[2].metrics[0].value = Some(-5.0);
        let mut run = run_of(cells, Vec::new());
        (run.provenance.cpu, run.provenance.device) = (cpu.to_owned(), device.to_owned());
        let found = verify(&run, Some(&pinned), &BTreeMap::new());
        found.rows.into_iter().find(|row| row.status == VerdictStatus::Moved).unwrap().note
    };
    assert_eq!(note("here", "cpu"), "differs by 1.000e0");
    assert!(note("there", "cpu").ends_with("(pinned on here, computed on there)"));
    let on_a_gpu = note("here", "cuda:0 (NVIDIA A100)");
    assert!(on_a_gpu.ends_with("(pinned on here, computed on cuda:0 (NVIDIA A100))"), "{on_a_gpu}");
}

/// What is changed, and how.
type Change = (&'static str, fn(&mut CellRecord));

#[test]
fn work_status_and_reason_of_stopping_are_pinned_exactly() {
    let pinned = Pinned::from_run(&run_of(three(), Vec::new()));
    let changes: [Change; 5] = [
        ("iterations", |cell| cell.iterations += 1),
        ("evaluations-values", |cell| cell.evaluations.values += 1),
        ("evaluations-gradients", |cell| cell.evaluations.gradients -= 1),
        ("stop", |cell| cell.stop = None),
        ("status", |cell| cell.status = Status::Skipped),
    ];
    for (metric, change) in changes {
        let mut cells = three();
        change(&mut cells[0]);
        let found = verify(&run_of(cells, Vec::new()), Some(&pinned), &BTreeMap::new());
        let moved: Vec<&str> = found
            .rows
            .iter()
            .filter(|row| row.status == VerdictStatus::Moved)
            .map(|row| row.metric.as_str())
            .collect();
        assert_eq!(moved, [metric]);
        assert_eq!(found.outcome(), Outcome::Moved);
    }
}

#[test]
fn cells_that_come_and_go_are_seen() {
    let pinned = Pinned::from_run(&run_of(three(), Vec::new()));
    let mut fewer = run_of(three(), Vec::new());
    lose(&mut fewer, 0);
    let found = verify(&fewer, Some(&pinned), &BTreeMap::new());
    assert_eq!((found.missing, found.outcome()), (1, Outcome::Incomplete));
    assert!(found.rows[0].note.contains("missing"));

    let found = verify(&run_of(three().split_off(1), Vec::new()), Some(&pinned), &BTreeMap::new());
    assert!(found.rows[0].note.contains("no longer planned"), "{}", found.rows[0].note);
    assert_eq!(found.outcome(), Outcome::Incomplete);

    let mut more = three();
    more.push(cell("3", Some(10.0), Some(-1.0)));
    let found = verify(&run_of(more, Vec::new()), Some(&pinned), &BTreeMap::new());
    assert_eq!((found.unpinned, found.outcome()), (1, Outcome::Same));
}

#[test]
fn the_worst_that_holds_decides() {
    let claims = || vec![claim(Some(10.0), Some("0"), Some(5.0))];
    let mut none = run_of(three(), claims());
    for _ in 0..3 {
        lose(&mut none, 0);
    }
    assert_eq!(verify(&none, None, &BTreeMap::new()).outcome(), Outcome::NothingMeasured);

    let mut failed = three();
    for cell in &mut failed {
        cell.status = Status::Failed;
    }
    let pinned = Pinned::from_run(&run_of(three(), Vec::new()));
    let found = verify(&run_of(failed, claims()), Some(&pinned), &BTreeMap::new());
    assert_eq!((found.failed, found.outcome()), (3, Outcome::Incomplete));
    let mut skipped = three();
    for cell in &mut skipped {
        cell.status = Status::Skipped;
    }
    let found = verify(&run_of(skipped, claims()), Some(&pinned), &BTreeMap::new());
    assert_eq!(found.outcome(), Outcome::NothingMeasured);

    let mut cells = three();
    cells[1].status = Status::Failed;
    let found = verify(&run_of(cells.clone(), claims()), None, &BTreeMap::new());
    assert_eq!((found.failed, found.outcome()), (1, Outcome::Moved));
    assert_eq!(verify(&run_of(cells, Vec::new()), None, &BTreeMap::new()).outcome(), Outcome::Incomplete);
    assert_eq!(
        verify(&run_of(three(), Vec::new()), None, &BTreeMap::new()).outcome(),
        Outcome::NothingJudged
    );
}

#[test]
fn two_runs_are_compared_metric_by_metric() {
    let first = run_of(three(), Vec::new());
    let mut cells = three();
    cells[0].metrics[0].value = Some(-1.5);
    cells[1].metrics[0].value = None;
    cells[2].key.pair = "other".to_owned();
    for cell in &mut cells {
        cell.key.experiment = "another".to_owned();
    }
    let found = compare(&first, &run_of(cells, Vec::new()));
    let row = found.metrics.iter().find(|row| row.metric == METRIC).unwrap();
    assert_eq!((row.cells, row.identical, row.one_sided), (1, 0, 1));
    assert_eq!((row.mean, row.largest), (Some(-0.5), Some(0.5)));
    let iterations = found.metrics.iter().find(|row| row.metric == "iterations").unwrap();
    assert_eq!((iterations.cells, iterations.identical), (2, 2));
    assert_eq!(found.differences.len(), 2);
    assert_eq!(found.differences[0].difference(), Some(-0.5));
    assert_eq!(found.only_first[0].pair.as_deref(), Some("2"));
    assert_eq!(found.only_second[0].pair.as_deref(), Some("other"));
}

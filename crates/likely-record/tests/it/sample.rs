//! A small run to write and read.

use likely_record::{
    CellKey, CellRecord, CurveRecord, EvaluationCounts, FORMAT, MetricRecord, PlanRecord, PlannedCell,
    Presentation, Provenance, Status, StopRecord, TimingRecord,
};
use std::collections::BTreeMap;

pub(crate) fn key(pair: &str) -> CellKey {
    CellKey {
        experiment: "tiny".to_owned(),
        model: "GMM".to_owned(),
        method: "ProbGEORCE".to_owned(),
        lambda: Some(10.0),
        pair: pair.to_owned(),
        repetition: 0,
        segments: 2,
    }
}

pub(crate) fn curve() -> CurveRecord {
    CurveRecord {
        points: 3,
        dim: 2,
        values: vec![0.0, 1.0, 0.1, -0.0, 1.0 / 3.0, f64::MIN_POSITIVE],
        embedded: None,
    }
}

pub(crate) fn cell(pair: &str) -> CellRecord {
    CellRecord {
        format: FORMAT,
        key: key(pair),
        status: Status::Ok,
        reason: None,
        stop: Some(StopRecord {
            kind: "converged".to_owned(),
            converged: true,
            grad_norm_l2: Some(9.5e-5),
            text: "converged, gradient norm 9.50e-5".to_owned(),
        }),
        iterations: 7,
        evaluations: EvaluationCounts { values: 14, gradients: 7 },
        lambda_norm: Some(0.1 + 0.2),
        reduction: None,
        metrics: vec![
            MetricRecord {
                id: "log-likelihood-mean".to_owned(),
                value: Some(-4.1),
                std_err: None,
                reason: None,
            },
            MetricRecord {
                id: "barrier".to_owned(),
                value: None,
                std_err: None,
                reason: Some("needs a potential".to_owned()),
            },
        ],
        curve_sha256: Some(curve().sha256().unwrap()),
        series_sha256: None,
        pictures: Vec::new(),
    }
}

pub(crate) const TIMING: TimingRecord = TimingRecord { format: FORMAT, wall_s: 0.25, cpu_s: 0.125 };

pub(crate) fn plan() -> PlanRecord {
    let cells = ["0", "1"]
        .map(|pair| PlannedCell { hash: key(pair).hash(), key: key(pair), evaluations_at_most: 100 })
        .into();
    PlanRecord {
        format: FORMAT,
        experiment: "tiny".to_owned(),
        spec_version: 1,
        tier: "smoke".to_owned(),
        identity: "0123456789abcdef".repeat(4),
        cells,
    }
}

pub(crate) fn presentation() -> Presentation {
    Presentation {
        format: FORMAT,
        experiment: "tiny".to_owned(),
        title: "A small run".to_owned(),
        paper: None,
        analysis: String::new(),
        metrics: Vec::new(),
        facts: Vec::new(),
        claims: Vec::new(),
        tables: Vec::new(),
        savings: Vec::new(),
        rankings: Vec::new(),
        figures: Vec::new(),
        fields: Vec::new(),
        surfaces: Vec::new(),
    }
}

pub(crate) fn provenance() -> Provenance {
    Provenance {
        format: FORMAT,
        version: "0.1.0".to_owned(),
        commit: None,
        dirty: None,
        program_sha256: "ab".repeat(32),
        lock_sha256: None,
        spec_sha256: "cd".repeat(32),
        data_sha256: BTreeMap::new(),
        compiler: "rustc".to_owned(),
        target: "x86_64-unknown-linux-gnu".to_owned(),
        cpu: "a CPU".to_owned(),
        cpu_features: vec!["avx2".to_owned()],
        device: "cpu".to_owned(),
        threads: 2,
        started: "2026-01-01T00:00:00Z".to_owned(),
    }
}

use crate::sample;
use likely_record::{
    CellRecord, FolderError, Pinned, PlanRecord, Presentation, Run, RunFolder, TimingRecord,
};
use proptest::prelude::*;
use std::fs;

/// Written by the first release; they must be readable for ever.
const CELL: &str = include_str!("../format-1/cell.json");
const PLAN: &str = include_str!("../format-1/plan.json");
const TIMING: &str = include_str!("../format-1/timing.json");

#[test]
fn files_of_format_1_are_read() {
    assert_eq!(serde_json::from_str::<CellRecord>(CELL).unwrap(), sample::cell("0"));
    assert_eq!(serde_json::from_str::<PlanRecord>(PLAN).unwrap(), sample::plan());
    assert_eq!(serde_json::from_str::<TimingRecord>(TIMING).unwrap(), sample::TIMING);
}

#[test]
fn files_of_format_1_are_written_byte_for_byte() {
    let runs = tempfile::tempdir().unwrap();
    let folder = RunFolder::create_or_resume(
        runs.path(),
        &sample::plan(),
        &sample::presentation(),
        &sample::provenance(),
        "",
    )
    .unwrap();
    folder.write_cell(&sample::cell("0"), Some(&sample::curve()), &sample::TIMING).unwrap();
    let hash = sample::key("0").hash();
    let read = |name: String| fs::read_to_string(folder.path().join(name)).unwrap();
    assert_eq!(read(format!("cells/{hash}.json")), CELL);
    assert_eq!(read("plan.json".to_owned()), PLAN);
    assert_eq!(read(format!("timings/{hash}.json")), TIMING);
}

#[test]
fn a_presentation_from_before_savings_is_read() {
    let mut json = serde_json::to_value(sample::presentation()).unwrap();
    json.as_object_mut().unwrap().remove("savings").unwrap();
    assert!(
        json.get("surfaces").is_none(),
        "what older programs do not know is written only where it is needed"
    );
    assert_eq!(serde_json::from_value::<Presentation>(json).unwrap(), sample::presentation());
}

#[test]
fn newer_files_are_refused_by_name() {
    let runs = tempfile::tempdir().unwrap();
    let open = || {
        RunFolder::create_or_resume(
            runs.path(),
            &sample::plan(),
            &sample::presentation(),
            &sample::provenance(),
            "",
        )
    };
    let path = open().unwrap().path().to_owned();
    let newer = r#"{"format": 7, "a field of the future": 1}"#;
    for name in ["presentation.json", "provenance.json", "plan.json"] {
        let before = fs::read(path.join(name)).unwrap();
        fs::write(path.join(name), newer).unwrap();
        let message = Run::read(&path).unwrap_err().to_string();
        assert!(message.contains(name) && message.contains("format 7"), "{message}");
        let refused = open().unwrap_err();
        assert!(
            matches!(&refused, FolderError::Newer { found: 7, .. }),
            "a newer {name} is left alone: {refused}"
        );
        assert!(refused.to_string().contains(name), "{refused}");
        assert_eq!(fs::read_to_string(path.join(name)).unwrap(), newer);
        fs::write(path.join(name), before).unwrap();
    }
    let pinned = runs.path().join("tiny-smoke.json");
    fs::write(&pinned, newer).unwrap();
    assert!(matches!(Pinned::read(&pinned), Err(FolderError::Newer { found: 7, .. })));
}

#[test]
fn pinned_numbers_are_those_of_the_run_without_clock_readings() {
    let runs = tempfile::tempdir().unwrap();
    let folder = RunFolder::create_or_resume(
        runs.path(),
        &sample::plan(),
        &sample::presentation(),
        &sample::provenance(),
        "",
    )
    .unwrap();
    folder.write_cell(&sample::cell("0"), Some(&sample::curve()), &sample::TIMING).unwrap();
    let pinned = Pinned::from_run(&Run::read(folder.path()).unwrap());
    let path = runs.path().join("tiny-smoke.json");
    assert_eq!(Pinned::read(&path).unwrap(), None);
    pinned.write(&path).unwrap();
    assert_eq!(Pinned::read(&path).unwrap(), Some(pinned.clone()));
    assert_eq!(pinned.cells[0].metrics.keys().collect::<Vec<_>>(), ["log-likelihood-mean"]);
    assert_eq!(pinned.cells[0].stop.as_deref(), Some("converged"));
    let text = fs::read_to_string(path).unwrap();
    assert!(!text.contains("wall") && text.contains("\"cpu\": \"a CPU\""), "{text}");
}

fn number() -> impl Strategy<Value = f64> {
    any::<u64>().prop_map(f64::from_bits).prop_filter("finite", |x| x.is_finite())
}

proptest! {
    #[test]
    fn cells_survive_json_bit_for_bit(
        value in number(), lambda in number(), norm in number(), error in number(),
        label in "\\PC{0,12}", iterations in any::<u32>(), values in any::<u64>(),
    ) {
        let mut cell = sample::cell("0");
        cell.key.lambda = Some(lambda);
        cell.key.method = label;
        cell.lambda_norm = Some(norm);
        cell.iterations = iterations;
        cell.evaluations.values = values;
        cell.metrics[0].value = Some(value);
        cell.metrics[0].std_err = Some(error);
        let text = serde_json::to_string_pretty(&cell).unwrap();
        let back: CellRecord = serde_json::from_str(&text).unwrap();
        let bits = |cell: &CellRecord| [
            cell.key.lambda, cell.lambda_norm, cell.metrics[0].value, cell.metrics[0].std_err,
        ].map(|x| x.unwrap().to_bits());
        prop_assert_eq!(bits(&cell), bits(&back));
        prop_assert_eq!(cell.key.hash(), back.key.hash());
        prop_assert_eq!(cell, back);
    }
}

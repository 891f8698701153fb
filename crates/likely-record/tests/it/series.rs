use crate::sample;
use likely_record::{
    CellRecord, CellState, ColumnRecord, FolderError, Run, RunFolder, SeriesFile, SeriesRecord,
};
use std::fs;

fn series() -> SeriesFile {
    let column = |name: &str| ColumnRecord { name: name.to_owned(), unit: String::new() };
    SeriesFile::new(vec![SeriesRecord {
        id: "length".to_owned(),
        label: "short".to_owned(),
        columns: vec![column("t"), column("length")],
        values: vec![vec![Some(0.0), Some(-0.0)], vec![Some(1.0 / 3.0), None]],
    }])
}

fn study() -> CellRecord {
    let mut cell = sample::cell("0");
    cell.curve_sha256 = None;
    cell.series_sha256 = Some(series().sha256().unwrap());
    cell
}

fn open(runs: &std::path::Path) -> RunFolder {
    let (plan, presentation) = (sample::plan(), sample::presentation());
    RunFolder::create_or_resume(runs, &plan, &presentation, &sample::provenance(), "").unwrap()
}

#[test]
fn series_are_read_back_and_stand_in_the_checksums() {
    let runs = tempfile::tempdir().unwrap();
    let folder = open(runs.path());
    assert!(!folder.path().join("series").exists(), "a run without studies has no such folder");
    folder.write_study(&study(), Some(&series()), &[], &sample::TIMING).unwrap();
    folder.write_cell(&sample::cell("1"), Some(&sample::curve()), &sample::TIMING).unwrap();
    folder.finish().unwrap();
    let (first, second) = (sample::key("0").hash(), sample::key("1").hash());
    let run = Run::read(folder.path()).unwrap();
    assert_eq!(run.cells, [study(), sample::cell("1")]);
    assert_eq!(run.series(&first).unwrap(), series().series);
    assert!(run.series(&second).unwrap_err().to_string().contains("has no series"));
    assert!(run.curve(&first).unwrap_err().to_string().contains("has no curve"));
    assert!(matches!(run.series("ff"), Err(FolderError::NotPlanned { .. })));
    let sums = fs::read_to_string(folder.path().join("checksums.txt")).unwrap();
    assert!(sums.contains(&format!("{}  series/{first}.json\n", series().sha256().unwrap())), "{sums}");
}

#[test]
fn damaged_series_make_their_cell_count_as_missing() {
    let hash = sample::key("0").hash();
    let other = SeriesFile::new(Vec::new()).to_bytes().unwrap();
    let cases: [(Option<&[u8]>, &str); 2] = [(None, "file is missing"), (Some(&other), "SHA-256 differs")];
    for (bytes, words) in cases {
        let runs = tempfile::tempdir().unwrap();
        let folder = open(runs.path());
        folder.write_study(&study(), Some(&series()), &[], &sample::TIMING).unwrap();
        let whole = Run::read(folder.path()).unwrap();
        let path = folder.path().join(format!("series/{hash}.json"));
        match bytes {
            Some(bytes) => fs::write(&path, bytes).unwrap(),
            None => fs::remove_file(&path).unwrap(),
        }
        let CellState::Damaged { path: named, reason } = folder.cell(&hash) else { panic!("{words}") };
        assert!(named == path && reason.contains(words), "{reason}");
        let message = whole.series(&hash).unwrap_err().to_string();
        assert!(message.contains(words), "{message}");
        folder.write_study(&study(), Some(&series()), &[], &sample::TIMING).unwrap();
        assert_eq!(folder.cell(&hash), CellState::Done(Box::new(study())));
    }
}

#[test]
fn series_that_could_not_be_read_back_are_not_written() {
    let runs = tempfile::tempdir().unwrap();
    let folder = open(runs.path());
    let write = |series: Option<SeriesFile>| {
        folder.write_study(&study(), series.as_ref(), &[], &sample::TIMING).unwrap_err().to_string()
    };
    let mut ragged = series();
    ragged.series[0].values[1].pop();
    assert!(write(Some(ragged)).contains("row 1 of the series `length` has 1 numbers where there are 2"));
    let mut infinite = series();
    infinite.series[0].values[0][1] = Some(f64::INFINITY);
    let message = write(Some(infinite));
    assert!(message.contains("not finite") && message.contains("series/"), "{message}");
    assert!(write(None).contains("other series"));
    assert!(Run::read(folder.path()).unwrap().cells.is_empty());
}

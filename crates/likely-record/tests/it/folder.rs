use crate::sample;
use likely_record::{CellState, FolderError, Pinned, Run, RunFolder};
use std::fs;
use std::path::Path;

fn open(runs: &Path) -> Result<RunFolder, FolderError> {
    let plan = sample::plan();
    RunFolder::create_or_resume(
        runs,
        &plan,
        &sample::presentation(),
        &sample::provenance(),
        "id = \"tiny\"\n",
    )
}

fn write_both(folder: &RunFolder) {
    for pair in ["0", "1"] {
        folder.write_cell(&sample::cell(pair), Some(&sample::curve()), &sample::TIMING).unwrap();
    }
}

fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> =
        fs::read_dir(folder).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn what_is_written_is_read_back() {
    let runs = tempfile::tempdir().unwrap();
    let folder = open(runs.path()).unwrap();
    assert!(folder.path().ends_with("tiny-smoke-01234567"));
    let (first, second) = (sample::key("0").hash(), sample::key("1").hash());
    folder.write_cell(&sample::cell("1"), Some(&sample::curve()), &sample::TIMING).unwrap();
    assert_eq!(folder.cell(&first), CellState::Missing);
    assert_eq!(folder.cell(&second), CellState::Done(Box::new(sample::cell("1"))));

    let run = Run::read(folder.path()).unwrap();
    assert_eq!((run.plan.clone(), run.presentation.clone()), (sample::plan(), sample::presentation()));
    assert_eq!(run.provenance, sample::provenance());
    assert_eq!((run.cells.clone(), run.missing.clone()), (vec![sample::cell("1")], vec![first]));
    assert_eq!(run.timings[&second], sample::TIMING);
    assert_eq!(run.curve(&second).unwrap(), sample::curve());
}

#[test]
fn checksums_cover_results_and_nothing_else() {
    let runs = tempfile::tempdir().unwrap();
    let folder = open(runs.path()).unwrap();
    write_both(&folder);
    fs::write(folder.path().join("report.html"), "drawn later").unwrap();
    folder.finish().unwrap();
    let text = fs::read_to_string(folder.path().join("checksums.txt")).unwrap();
    let listed: Vec<&str> = text.lines().map(|line| line.split_once("  ").unwrap().1).collect();
    assert_eq!(listed.len(), 7);
    assert!(listed.is_sorted());
    assert!(listed.iter().all(|name| !name.contains("timings") && *name != "provenance.json"), "{text}");
    for line in text.lines() {
        let (hash, name) = line.split_once("  ").unwrap();
        let bytes = fs::read(folder.path().join(name)).unwrap();
        assert_eq!(hash, likely_record::sha256_hex(&bytes), "{name}");
    }
}

#[test]
fn a_second_writer_is_told_who_holds_the_folder() {
    let runs = tempfile::tempdir().unwrap();
    let first = open(runs.path()).unwrap();
    let message = open(runs.path()).unwrap_err().to_string();
    let holder = format!("held by process {} on ", std::process::id());
    assert!(message.contains("tiny-smoke-01234567") && message.contains(&holder), "{message}");
    // Readers need no lock.
    Run::read(first.path()).unwrap();
    drop(first);
    open(runs.path()).unwrap();
}

#[test]
fn a_finished_folder_is_taken_up_without_touching_anything() {
    let runs = tempfile::tempdir().unwrap();
    let folder = open(runs.path()).unwrap();
    write_both(&folder);
    folder.finish().unwrap();
    let path = folder.path().to_owned();
    let stamp = |name: &str| fs::metadata(path.join(name)).unwrap().modified().unwrap();
    let cell = format!("cells/{}.json", sample::key("0").hash());
    let files = ["plan.json", "presentation.json", "provenance.json", "spec.resolved.toml", cell.as_str()];
    let before = files.map(stamp);
    drop(folder);
    fs::write(path.join("cells/.writing-abc"), "half").unwrap();
    let folder = open(runs.path()).unwrap();
    write_both(&folder);
    assert_eq!(before, files.map(stamp));
    assert_eq!(names(&path.join("cells")).len(), 2, "what a kill left behind is swept");
}

#[test]
fn damaged_cells_are_named_and_count_as_missing() {
    let hash = sample::key("0").hash();
    let cell = format!("cells/{hash}.json");
    let curve = format!("curves/{hash}.safetensors");
    let newer =
        serde_json::to_string(&sample::cell("0")).unwrap().replacen("\"format\":1", "\"format\":2", 1);
    let other = serde_json::to_vec(&sample::cell("1")).unwrap();
    let cases: [(&str, &str, Vec<u8>, &str); 6] = [
        ("half a cell", &cell, b"{\"format\": 1, \"key\": {".to_vec(), "EOF while parsing"),
        ("an empty cell", &cell, Vec::new(), "EOF while parsing"),
        ("another cell", &cell, other, "it holds the cell"),
        ("a newer cell", &cell, newer.into_bytes(), "format 2, newer than 1"),
        ("a huge cell", &cell, vec![b' '; (16 << 20) + 1], "more than the 16777216"),
        ("another curve", &curve, b"not the curve".to_vec(), "SHA-256 differs"),
    ];
    for (what, name, bytes, words) in cases {
        let runs = tempfile::tempdir().unwrap();
        let folder = open(runs.path()).unwrap();
        write_both(&folder);
        let path = folder.path().join(name);
        fs::write(&path, &bytes).unwrap();

        let run = Run::read(folder.path()).unwrap();
        assert_eq!(run.missing, std::slice::from_ref(&hash), "{what}");
        let (named, reason) = &run.damaged[0];
        assert!(*named == path && reason.contains(words), "{what}: {named:?} {reason}");
        assert!(matches!(folder.cell(&hash), CellState::Damaged { .. }), "{what}");

        folder.write_cell(&sample::cell("0"), Some(&sample::curve()), &sample::TIMING).unwrap();
        assert_eq!(folder.cell(&hash), CellState::Done(Box::new(sample::cell("0"))), "{what}");
        assert_eq!(fs::read(path.with_extension("damaged-1")).unwrap(), bytes, "{what}: kept aside");
    }
}

#[test]
fn a_missing_curve_makes_its_cell_count_as_missing() {
    let runs = tempfile::tempdir().unwrap();
    let folder = open(runs.path()).unwrap();
    write_both(&folder);
    let hash = sample::key("0").hash();
    fs::remove_file(folder.path().join(format!("curves/{hash}.safetensors"))).unwrap();
    assert_eq!(Run::read(folder.path()).unwrap().missing, [hash]);
    write_both(&folder);
    assert_eq!(Run::read(folder.path()).unwrap().missing.len(), 0);
}

#[test]
fn finished_results_are_never_overwritten() {
    let runs = tempfile::tempdir().unwrap();
    let folder = open(runs.path()).unwrap();
    write_both(&folder);
    let mut moved = sample::cell("0");
    moved.iterations += 1;
    let error = folder.write_cell(&moved, Some(&sample::curve()), &sample::TIMING).unwrap_err();
    assert!(matches!(error, FolderError::Overwrite { .. }), "{error}");
}

#[test]
fn cells_that_could_not_be_read_back_are_not_written() {
    let runs = tempfile::tempdir().unwrap();
    let folder = open(runs.path()).unwrap();
    let write =
        |cell| folder.write_cell(&cell, Some(&sample::curve()), &sample::TIMING).unwrap_err().to_string();

    let mut cell = sample::cell("0");
    cell.metrics[0].value = Some(f64::NAN);
    assert!(write(cell).contains("not finite"));

    let mut cell = sample::cell("0");
    cell.curve_sha256 = None;
    assert!(write(cell).contains("another curve"));

    assert!(write(sample::cell("7")).contains("is not in the plan"));
    assert_eq!(names(&folder.path().join("cells")).len(), 0);
    assert_eq!(names(&folder.path().join("curves")).len(), 0);
}

#[test]
fn names_cannot_leave_the_results_folder() {
    let runs = tempfile::tempdir().unwrap();
    let bad = ["../x", "/tmp/x", "", "a/b", "A", "a.b", "a b", "-a", "ä", &"a".repeat(65)];
    for id in bad {
        let mut plan = sample::plan();
        id.clone_into(&mut plan.experiment);
        let error = RunFolder::create_or_resume(
            runs.path(),
            &plan,
            &sample::presentation(),
            &sample::provenance(),
            "",
        );
        assert!(matches!(error, Err(FolderError::Name { .. })), "{id}");
        assert!(matches!(Pinned::path(runs.path(), id, "smoke"), Err(FolderError::Name { .. })), "{id}");
    }
    assert!(matches!(Pinned::path(runs.path(), "fig3", "../full"), Err(FolderError::Name { .. })));
    assert_eq!(names(runs.path()).len(), 0);
}

#[test]
fn a_plan_whose_hashes_are_not_its_own_is_refused() {
    let runs = tempfile::tempdir().unwrap();
    let path = open(runs.path()).unwrap().path().to_owned();
    let plan = fs::read_to_string(path.join("plan.json")).unwrap();
    fs::write(path.join("plan.json"), plan.replace(&sample::key("0").hash(), "../../../etc/passwd")).unwrap();
    let message = Run::read(&path).unwrap_err().to_string();
    assert!(message.contains("plan.json is damaged") && message.contains("passwd"), "{message}");
}

#[test]
fn a_results_folder_that_is_a_file_is_named() {
    let results = tempfile::NamedTempFile::new().unwrap();
    let message = open(&results.path().join("runs")).unwrap_err().to_string();
    assert!(message.contains("cannot create") && message.contains("--results"), "{message}");
    let message = Run::read(results.path().parent().unwrap()).unwrap_err().to_string();
    assert!(message.contains("is not a run folder"), "{message}");
}

#[test]
fn another_run_in_the_folder_is_refused() {
    let runs = tempfile::tempdir().unwrap();
    drop(open(runs.path()).unwrap());
    let mut plan = sample::plan();
    plan.identity.replace_range(10.., &"0".repeat(54));
    let error =
        RunFolder::create_or_resume(runs.path(), &plan, &sample::presentation(), &sample::provenance(), "");
    assert!(matches!(error, Err(FolderError::OtherRun { .. })), "{error:?}");
}

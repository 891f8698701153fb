use crate::project::{Project, results_of, spec};
use std::fs;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

const RUN: [&str; 3] = ["run", "experiments/tiny.toml", "--quiet"];

#[test]
fn one_and_two_threads_give_the_same_bytes() {
    let project = Project::new();
    let run = |threads: &str, folder: &str| {
        let arguments = [&RUN[..], &["--json", "--threads", threads, "--results", folder]].concat();
        let used = project.run(&arguments).ends(0).json()["runs"][0]["workers-used"].as_u64().unwrap();
        (used, results_of(&project.only_run(folder)))
    };
    let (used, one) = run("1", "one");
    assert_eq!(used, 1);
    let mut results = vec![one];
    // On a busy machine the second thread may wake up only when the cells are done, but not every time.
    for attempt in 0..20 {
        let (used, two) = run("2", &format!("two-{attempt}"));
        assert!(results[0] == two, "the bytes differ");
        if used == 2 {
            results.push(two);
            break;
        }
    }
    assert_eq!(results.len(), 2, "the second thread never computed a cell");
    assert!(results[0].keys().any(|name| name == "tables/likelihood.parquet"), "{:?}", results[0].keys());
    assert_eq!(results[0].keys().filter(|name| name.starts_with("cells/")).count(), 12);
    assert_eq!(results[0].keys().filter(|name| name.starts_with("curves/")).count(), 12);
}

#[test]
fn running_again_computes_only_what_is_missing() {
    let project = Project::new();
    project.run(&RUN).ends(0);
    let run = project.only_run("results");
    let before = results_of(&run);
    let again = project.run(&[&RUN[..], &["--json"]].concat()).ends(0).json();
    assert_eq!((&again["runs"][0]["computed"], &again["runs"][0]["reused"]), (&0.into(), &12.into()));

    let cell = fs::read_dir(run.join("cells")).unwrap().next().unwrap().unwrap().path();
    fs::write(&cell, "{ \"format\": 1, ").unwrap();
    let mended = project.run(&["run", "experiments/tiny.toml", "--json"]).ends(0);
    assert!(
        mended.err.contains("is damaged") && mended.err.contains(cell.file_name().unwrap().to_str().unwrap())
    );
    assert_eq!(mended.json()["runs"][0]["computed"], 1);
    fs::remove_file(cell.with_extension("damaged-1")).unwrap();
    assert!(before == results_of(&run), "the bytes differ");
}

/// Cells that are there.
fn cells(results: &Path) -> usize {
    let Ok(runs) = fs::read_dir(results.join("runs")) else { return 0 };
    let named = |path: &Path| path.extension().is_some_and(|extension| extension == "json");
    runs.filter_map(|run| fs::read_dir(run.unwrap().path().join("cells")).ok())
        .flatten()
        .filter(|cell| named(&cell.as_ref().unwrap().path()))
        .count()
}

#[test]
fn fifty_kills_leave_a_folder_that_ends_with_the_same_bytes() {
    // So many cells that a kill after the next few comes before the last, however fast the machine.
    let project = Project::with(&spec(30));
    project.run(&[&RUN[..], &["--results", "undisturbed"]].concat()).ends(0);
    let expected = results_of(&project.only_run("undisturbed"));
    let all = cells(&project.path().join("undisturbed"));
    assert_eq!(all, 90);

    let (mut starts, mut kills, mut in_the_middle, mut folders) = (0, 0, 0, 0);
    let mut state: u64 = 0x2712;
    // The draw of SplitMix64, as a fraction.
    let mut fraction = || {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) as f64 / u64::MAX as f64
    };
    while kills < 50 {
        starts += 1;
        assert!(starts <= 500, "{kills} kills in {starts} starts: the program ends before it can be killed");
        let results = format!("killed-{folders}");
        let arguments = [&RUN[..], &["--threads", "2", "--results", &results]].concat();
        let mut child =
            project.likely(&arguments).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        // A kill after so many new cells, and up to a hundredth of a second later, whatever the speed of the machine.
        let folder = project.path().join(&results);
        let wanted = cells(&folder) + (fraction() * 4.0) as usize;
        while cells(&folder) < wanted && child.try_wait().unwrap().is_none() {
            std::thread::sleep(Duration::from_millis(1));
        }
        std::thread::sleep(Duration::from_secs_f64(fraction() * 0.01));
        child.kill().unwrap();
        if child.wait().unwrap().success() {
            // It was faster than the kill: this folder is whole, the next kill needs a new one.
            assert!(expected == results_of(&project.only_run(&results)), "the bytes differ in {results}");
            folders += 1;
            continue;
        }
        kills += 1;
        let done = cells(&folder);
        in_the_middle += usize::from(done > 0 && done < all);
        if done == all {
            // Only the report was cut short.
            project.run(&arguments).ends(0);
            assert!(expected == results_of(&project.only_run(&results)), "the bytes differ in {results}");
            folders += 1;
        }
    }
    assert!(in_the_middle >= 5, "{in_the_middle} of {kills} kills came while cells were being written");
    let results = format!("killed-{folders}");
    project.run(&[&RUN[..], &["--results", &results]].concat()).ends(0);
    assert!(expected == results_of(&project.only_run(&results)), "the bytes differ");
}

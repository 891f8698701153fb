use crate::project::{Answer, Project, results_of, spec};
use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// Files of cells under `results`.
fn cells(project: &Project) -> usize {
    fs::read_dir(project.path().join("results/runs"))
        .into_iter()
        .flatten()
        .filter_map(|run| fs::read_dir(run.unwrap().path().join("cells")).ok())
        .flatten()
        .count()
}

/// Starts a run of thousands of cells and waits until it has written some beside the `before` that are there.
fn long_run(project: &Project, before: usize) -> Child {
    let mut command = project.likely(&["run", "experiments/tiny.toml", "--json"]);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    for _ in 0..600 {
        if cells(project) > before + 2 {
            return child;
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    child.kill().unwrap();
    panic!("no cell after half a minute: {:?}", Answer::of(child.wait_with_output().unwrap()));
}

#[test]
fn a_second_run_on_one_folder_is_told_who_holds_it() {
    let project = Project::with(&spec(5000));
    let mut first = long_run(&project, 0);
    let second = project.run(&["run", "experiments/tiny.toml"]).ends(2);
    let holder = format!("held by process {}", first.id());
    assert!(second.err.contains(&holder), "{}", second.err);
    // The first goes on.
    let refused_at = cells(&project);
    for _ in 0..600 {
        if cells(&project) > refused_at + 2 {
            break;
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    assert!(first.try_wait().unwrap().is_none(), "the first run ended");
    assert!(cells(&project) > refused_at + 2, "no cell in half a minute after the second run was refused");
    first.kill().unwrap();
    first.wait().unwrap();
}

#[test]
#[cfg(unix)]
fn an_interrupt_ends_with_130_and_a_folder_that_can_be_resumed() {
    let project = Project::with(&spec(5000));
    let child = long_run(&project, 0);
    let sent = Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    assert!(sent.success());
    let answer = Answer::of(child.wait_with_output().unwrap()).ends(130);
    let run = answer.json()["runs"][0].clone();
    let computed = run["computed"].as_u64().unwrap();
    assert_eq!(run["interrupted"], true);
    assert!(computed > 2 && run["missing"].as_u64().unwrap() > 0, "{run}");
    assert!(answer.err.contains("stopping"), "{}", answer.err);

    let next = long_run(&project, computed as usize);
    Command::new("kill").args(["-TERM", &next.id().to_string()]).status().unwrap();
    let next = Answer::of(next.wait_with_output().unwrap()).ends(130);
    assert!(next.json()["runs"][0]["reused"].as_u64().unwrap() >= computed, "finished cells are kept");
}

/// A program that starts threads of its own for planning would have 47 of them.
#[test]
#[cfg(target_os = "linux")]
fn planning_and_running_take_no_more_threads_than_they_were_given() {
    let figure = "\n[[figure]]\nid = \"curves\"\ntitle = \"Curves\"\n\
                  show = { density-curves = { methods = [\"Linear\"], points = true } }\n";
    let project = Project::with(&format!("{}{figure}", spec(5000)));
    let mut command = project.likely(&["run", "experiments/tiny.toml", "--quiet", "--threads", "1"]);
    let mut child = command.env("RAYON_NUM_THREADS", "47").stdout(Stdio::null()).spawn().unwrap();
    for _ in 0..600 {
        if cells(&project) > 2 {
            break;
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    let threads = fs::read_dir(format!("/proc/{}/task", child.id())).unwrap().count();
    let written = cells(&project);
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(written > 2, "no cell after half a minute");
    assert!((2..10).contains(&threads), "{threads} threads");
}

#[test]
fn a_results_folder_that_cannot_be_written_is_named() {
    let project = Project::new();
    project.write("taken", "a file");
    let mut places = vec!["taken"];
    if Path::new("/proc/self").exists() {
        places.push("/proc/likely-results");
    }
    for place in places {
        let answer = project.run(&["run", "experiments/tiny.toml", "--quiet", "--results", place]).ends(2);
        assert!(answer.err.contains(place) && answer.err.contains("--results"), "{}", answer.err);
        let doctor = project.run(&["doctor", "--results", place]).ends(2);
        assert!(doctor.out.contains("problem  results folder"), "{}", doctor.out);
    }
    assert_eq!(fs::read_to_string(project.path().join("taken")).unwrap(), "a file");
}

/// Runs in a mount namespace of its own, with a tiny file system at `results`; `None` where the system forbids that.
#[cfg(target_os = "linux")]
fn on_a_small_disk(project: &Project, kib: u32) -> Option<Answer> {
    let script = format!(
        "mkdir -p results && mount -t tmpfs -o size={kib}k none results || exit 99\n\
         \"$LIKELY\" run experiments/tiny.toml --quiet; code=$?\n\
         find results -name '.writing-*' -o -empty -type f ! -name .lock; exit $code"
    );
    let output = Command::new("unshare")
        .args(["--map-root-user", "--mount", "sh", "-c", &script])
        .env("LIKELY", assert_cmd::cargo::cargo_bin!("likely"))
        .current_dir(project.path())
        .output()
        .ok()?;
    let answer = Answer::of(output);
    let refused = answer.code == Some(99) || answer.err.starts_with("unshare:");
    (!refused).then_some(answer)
}

#[test]
#[cfg(target_os = "linux")]
fn a_full_disk_is_named_and_leaves_nothing_half_written() {
    let project = Project::new();
    let mut stopped = 0;
    for kib in [48, 80, 112] {
        let Some(answer) = on_a_small_disk(&project, kib) else {
            eprintln!("this system allows no mounts: the full disk was not tried");
            return;
        };
        let answer = answer.ends(2);
        assert!(answer.err.contains("results/runs/tiny-laptop-"), "{}", answer.err);
        assert!(answer.err.contains("free some space"), "{}", answer.err);
        assert_eq!(answer.out, "", "left behind on {kib} KiB");
        stopped += 1;
    }
    assert_eq!(stopped, 3);
    let run = project.run(&["run", "experiments/tiny.toml", "--quiet"]).ends(0);
    assert!(run.out.contains("tiny"));
    results_of(&project.only_run("results"));
}

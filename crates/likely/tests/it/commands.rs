use crate::interpolate::rectangle;
use crate::project::{Project, spec};
use likely_models::{DeviceName, built_for_cuda};
use std::fs;
use std::path::Path;

#[test]
fn an_experiment_is_reproduced_pinned_and_verified() {
    let project = Project::new();
    let verify = ["verify", "experiments/tiny.toml"];
    let nothing = project.run(&verify).ends(4);
    assert!(nothing.err.contains("likely run experiments/tiny.toml --tier laptop"), "{}", nothing.err);

    let answer = project.run(&["reproduce", "--json", "--quiet"]).ends(0).json();
    assert_eq!(answer["page"], "results/report.html");
    assert_eq!(answer["runs"][0]["outcome"], "nothing-judged");
    assert_eq!(answer["runs"][0]["pinned"], false);
    let line = |text: &str| text.lines().find(|line| line.starts_with("tiny")).unwrap().to_owned();
    let unjudged = project.run(&["reproduce", "--quiet"]).ends(0);
    assert!(line(&unjudged.out).ends_with("nothing judged"), "{}", unjudged.out);
    let required = project.run(&["reproduce", "--quiet", "--require-pinned"]).ends(4);
    assert!(required.out.contains("experiments/tiny.toml has no pinned numbers"), "{}", required.out);
    let page = fs::read_to_string(project.path().join("results/report.html")).unwrap();
    assert!(page.contains("A small run"));
    assert!(project.run(&verify).ends(4).out.contains("nothing to compare with"));

    let first = project.run(&["pin"]).ends(0);
    assert!(first.out.contains("first numbers of 12 cells"), "{}", first.out);
    let judged = project.run(&["reproduce", "--quiet", "--require-pinned"]).ends(0);
    assert!(line(&judged.out).ends_with("same"), "{}", judged.out);
    let same = project.run(&verify).ends(0);
    assert!(same.out.contains("every number is the same (24 same)"), "{}", same.out);

    let pinned = project.path().join("results/pinned/tiny-laptop.json");
    let text = fs::read_to_string(&pinned).unwrap();
    assert!(text.contains("\"cpu\"") && !text.contains("wall"), "{text}");
    fs::write(&pinned, text.replacen("\"iterations\": 0", "\"iterations\": 5", 1)).unwrap();
    let moved = project.run(&verify).ends(1);
    assert!(moved.out.contains("was 5, is 0"), "{}", moved.out);
    let moved = project.run(&["reproduce", "--quiet"]).ends(1);
    assert!(moved.out.contains("was 5, is 0"), "{}", moved.out);
    let again = project.run(&["pin"]).ends(0);
    assert!(again.out.contains("iterations    5  ->"), "{}", again.out);
    project.run(&verify).ends(0);

    let run = project.only_run("results");
    let run = run.to_str().unwrap();
    let json = project.run(&["verify", run, "--json"]).ends(0).json();
    assert_eq!((&json["runs"][0]["outcome"], &json["exit"]), (&"same".into(), &0.into()));
    assert_eq!(project.run(&["pin", "--json"]).ends(0).json()["exit"], 0);
    let compared = project.run(&["compare", run, run, "--json"]).ends(0).json();
    assert_eq!(compared["comparison"]["metrics"][0]["identical"], 12);
    fs::remove_file(project.path().join("results/report.html")).unwrap();
    assert_eq!(project.run(&["report", "--json"]).ends(0).json()["exit"], 0);
    assert!(project.path().join("results/report.html").exists());
}

#[test]
fn a_published_number_that_moved_ends_with_1_and_a_known_deviation_does_not() {
    let claim = "\n[[claim]]\nmodel = \"KDE\"\nmethod = \"Linear\"\npair = \"0\"\nmetric = \"energy\"\nvalue = 99.0\n\
                 tolerance = 0.005\nplace = \"nowhere\"\n";
    let project = Project::with(&format!("{}{claim}", spec(1)));
    let moved = project.run(&["reproduce", "--quiet"]).ends(1);
    assert!(moved.out.contains("moved") && moved.out.contains("published"), "{}", moved.out);
    let project = Project::with(&format!("{}{claim}deviation = \"D1\"\n", spec(1)));
    let known = project.run(&["reproduce", "--quiet"]).ends(0);
    assert!(known.out.contains("deviations"), "{}", known.out);
}

#[test]
fn plans_show_cells_and_cost_without_running() {
    let project = Project::new();
    let plan = project.run(&["plan", "experiments/tiny.toml"]).ends(0);
    assert!(plan.out.contains("12 cells at the laptop tier"), "{}", plan.out);
    let json = project.run(&["plan", "experiments/tiny.toml", "--json"]).ends(0).json();
    assert_eq!(json["plan"]["cells"].as_array().unwrap().len(), 12);
    assert!(!project.path().join("results").exists());
}

#[test]
fn every_table_is_listed() {
    let project = Project::new();
    let json = project.run(&["list", "--json"]).ends(0).json();
    let numbers: std::collections::BTreeSet<&str> =
        likely_studies::ALL.iter().flat_map(|study| study.numbers).map(|number| number.id).collect();
    let sizes = [
        ("methods", likely_methods::ALL.len()),
        ("samplers", likely_methods::SAMPLERS.len()),
        ("models", likely_models::ALL.len()),
        ("geometries", likely_geometries::ALL.len()),
        ("derived", likely_geometries::DERIVED.len()),
        ("studies", likely_studies::ALL.len()),
        ("metrics", likely_metrics::ALL.len() + likely_metrics::SAMPLE_ALL.len() + numbers.len()),
        ("features", likely_models::FEATURES.len()),
        ("set-metrics", likely_metrics::distances::SetMetric::ALL.len()),
        ("experiments", 1),
    ];
    for (name, size) in sizes {
        assert_eq!(json[name].as_array().unwrap().len(), size, "{name}");
    }
    assert_eq!(json["experiments"][0]["id"], "tiny");
    for (option, id) in
        [("--geometries", "sphere"), ("--derived", "inverse-density"), ("--studies", "optimiser-traces")]
    {
        let text = project.run(&["list", option]).ends(0).out;
        assert!(text.lines().any(|line| line.starts_with(id)), "{text}");
        assert!(!text.contains("prob-georce-accelerated  "), "only what was asked for: {text}");
    }
    let markdown = project.run(&["list", "--methods", "--markdown"]).ends(0).out;
    assert!(
        markdown.starts_with("| method | summary | configuration with its defaults | source |\n| --- |"),
        "{markdown}"
    );
}

#[test]
fn the_doctor_finds_a_bad_spec_and_says_what_to_do() {
    let project = Project::new();
    let fine = project.run(&["doctor"]).ends(0);
    assert!(!fine.out.contains("problem"), "{}", fine.out);
    project.write("experiments/bad.toml", "id = 3\n");
    let bad = project.run(&["doctor", "--json"]).ends(2).json();
    assert_eq!(bad["problems"], 1);
    let check = bad["checks"].as_array().unwrap().iter().find(|check| check["ok"] == false).unwrap();
    assert!(check["found"].as_str().unwrap().contains("bad.toml:1:"), "{check}");
}

#[test]
fn every_command_has_an_example_and_the_exit_codes() {
    let project = Project::new();
    let commands =
        ["list", "plan", "run", "reproduce", "report", "verify", "pin", "compare", "doctor", "interpolate"];
    for command in commands {
        let help = project.run(&[command, "--help"]).ends(0).out;
        assert!(help.contains("Examples:\n  likely ") && help.contains("130 interrupted"), "{help}");
    }
    assert_eq!(commands.len(), 10);
    assert!(project.run(&["--help"]).ends(0).out.contains("a full disk"));
    project.run(&["run"]).ends(2);
    project.run(&["run", "experiments/tiny.toml", "--tier", "huge"]).ends(2);
    project.run(&["run", "experiments/tiny.toml", "--threads", "0"]).ends(2);
}

#[test]
fn a_device_that_is_not_there_is_told_with_what_to_do() {
    let project = Project::new();
    for arguments in [
        &["run", "experiments/tiny.toml"][..],
        &["reproduce"],
        &["interpolate", "--data", "experiments/points.csv", "--from", "row:0", "--to", "row:1"],
        &["train", "experiments/tiny.toml"],
    ] {
        let on = |device| project.run(&[arguments, &["--device", device][..]].concat()).ends(2);
        let unknown = on("gpu7");
        assert!(unknown.err.contains("write `cpu`, `cuda`, or `cuda:N`"), "{}", unknown.err);
        if !built_for_cuda() {
            let absent = on("cuda:1");
            assert!(
                absent.err.contains("--device: this program was built without NVIDIA GPUs"),
                "{}",
                absent.err
            );
            assert!(
                absent.err.contains("`cuda:1`") && absent.err.contains("--features cuda"),
                "{}",
                absent.err
            );
        }
    }
    assert!(!project.path().join("results").exists(), "nothing was begun");
    let doctor = project.run(&["doctor"]).ends(0);
    assert!(doctor.out.contains("NVIDIA GPUs: "), "{}", doctor.out);
}

#[test]
fn the_device_is_in_the_provenance_and_only_runs_of_the_processor_are_pinned() {
    let project = Project::new();
    project.run(&["run", "experiments/tiny.toml", "--device", "cpu", "--quiet"]).ends(0);
    let run = project.only_run("results");
    let file = run.join("provenance.json");
    let text = fs::read_to_string(&file).unwrap();
    let cpu = format!("\"device\": \"{}\"", DeviceName::Cpu);
    assert!(text.contains(&cpu), "{text}");
    fs::write(&file, text.replace(&cpu, "\"device\": \"cuda:0 (NVIDIA H100)\"")).unwrap();
    let refused = project.run(&["pin", run.to_str().unwrap()]).ends(2);
    assert!(refused.err.contains("its networks ran on cuda:0 (NVIDIA H100)"), "{}", refused.err);
    assert!(!project.path().join("results/pinned").exists());
}

/// The examples in the help text of a command, continued lines joined.
fn examples(project: &Project, command: &str) -> Vec<Vec<String>> {
    let help = project.run(&[command, "--help"]).ends(0).out;
    let (_, text) = help.split_once("Examples:\n").unwrap();
    let (text, _) = text.split_once("\n\n").unwrap();
    let examples: Vec<Vec<String>> = text
        .replace("\\\n", " ")
        .lines()
        .map(|line| line.split_whitespace().map(str::to_owned).collect())
        .collect();
    assert!(examples.iter().all(|words| words[..2] == ["likely", command]), "{examples:?}");
    examples
}

#[test]
fn every_example_in_the_help_texts_runs() {
    let project = Project::new();
    let points = fs::read(project.path().join("experiments/points.csv")).unwrap();
    project.write("my.csv", points);
    fs::remove_file(project.path().join("experiments/tiny.toml")).unwrap();
    rectangle(&project.path().join("a.png"), [28, 28], [16, 3]);
    rectangle(&project.path().join("b.png"), [28, 28], [4, 8]);
    let weights = "experiments/models/images/fashion-vae.safetensors";
    let shipped = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(weights);
    project.write(weights, fs::read(shipped).unwrap());
    for id in ["fig3", "images-vae", "real-2d"] {
        let text = spec(1).replacen("id = \"tiny\"", &format!("id = \"{id}\""), 1);
        project.write(&format!("experiments/{id}.toml"), text);
    }
    let mut ran = 0;
    // In an order in which each finds what it needs.
    let commands =
        ["list", "plan", "run", "reproduce", "pin", "verify", "report", "compare", "doctor", "interpolate"];
    for command in commands {
        for example in examples(&project, command) {
            let words: Vec<String> = example[1..]
                .iter()
                .map(|word| match word.strip_prefix("results/runs/") {
                    Some(name) => {
                        let (start, _) = name.rsplit_once('-').unwrap();
                        let runs = fs::read_dir(project.path().join("results/runs")).unwrap();
                        let names = runs.map(|run| run.unwrap().file_name().into_string().unwrap());
                        format!(
                            "results/runs/{}",
                            names.into_iter().find(|name| name.starts_with(start)).unwrap()
                        )
                    }
                    None => word.replace("/scratch/", "scratch/"),
                })
                .collect();
            let answer = project.run(&words.iter().map(String::as_str).collect::<Vec<_>>());
            if words.iter().any(|word| word.starts_with("cuda")) {
                if !built_for_cuda() {
                    assert!(answer.ends(2).err.contains("--features cuda"));
                }
            } else {
                answer.ends(0);
            }
            ran += 1;
        }
    }
    assert_eq!(ran, 24);
    assert!(project.path().join("my-curve/curve.csv").exists());
    assert!(project.path().join("my-pictures/frames.png").exists());
}

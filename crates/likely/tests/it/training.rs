//! `likely train` as users meet it: weights, cards, interruptions, kills, and what is refused.

use crate::project::{Answer, Project};
use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

const SPEC: &str = "experiments/models/wave.toml";
const WEIGHTS: &str = "experiments/models/wave.safetensors";
const CARD: &str = "experiments/models/wave.md";
const CHECKPOINT: &str = "results/training/wave.checkpoint";

/// A small network on the sine.
fn spec(steps: u64) -> String {
    format!(
        r#"title = "A small wave"

[model]
id = "autoregressive"

[data]
id = "sine"
training = 200
held-out = 50
seed = 3

[training]
seed = 5
batch = 16
steps = {steps}
optimiser = "adam"
learning-rate = 5e-3
weight-decay = 1e-5
clip = 10.0
"#
    )
}

fn project(steps: u64) -> Project {
    let project = Project::new();
    project.write(SPEC, spec(steps));
    project
}

fn bytes(project: &Project, file: &str) -> Vec<u8> {
    fs::read(project.path().join(file)).unwrap_or_else(|error| panic!("{file}: {error}"))
}

fn exists(project: &Project, file: &str) -> bool {
    project.path().join(file).exists()
}

#[test]
fn training_writes_weights_and_their_card_once() {
    let project = project(300);
    let answer = project.run(&["train", SPEC, "--json"]).ends(0).json();
    let ended = &answer["trainings"][0];
    assert_eq!((&ended["outcome"], &ended["steps-now"]), (&"trained".into(), &300.into()), "{ended}");
    let held_out = &ended["held-out"][0];
    assert_eq!(held_out["quantity"], "log-likelihood");
    assert_eq!(held_out["points"], 50);
    let (weights, card) = (bytes(&project, WEIGHTS), String::from_utf8(bytes(&project, CARD)).unwrap());
    let sha256 = ended["sha256"].as_str().unwrap();
    for part in
        ["# A small wave", "Licence", sha256, "learning-rate | 0.005", "| steps | 300 |", "log-likelihood"]
    {
        assert!(card.to_lowercase().contains(&part.to_lowercase()), "{part}: {card}");
    }
    let mean = held_out["of-model"]["mean"].as_f64().unwrap();
    assert!(card.contains(&format!("| log-likelihood | {mean:.4} |")), "{mean} {card}");
    let header = String::from_utf8_lossy(&weights[..2000]).into_owned();
    for part in ["\"model\":\"autoregressive\"", "\"data\":\"sine\"", "\"steps\":\"300\"", "\"seed\":\"5\""] {
        assert!(header.contains(part), "{part}: {header}");
    }
    assert!(!exists(&project, CHECKPOINT), "nothing is left to go on from");

    let changed = |file: &str| fs::metadata(project.path().join(file)).unwrap().modified().unwrap();
    let before = (changed(WEIGHTS), changed(CARD));
    let second = project.run(&["train", SPEC, "--json"]).ends(0).json();
    assert_eq!(second["trainings"][0]["outcome"], "up-to-date");
    let again = project.run(&["train", SPEC, "--again", "--json"]).ends(0).json();
    assert_eq!(again["trainings"][0]["outcome"], "same");
    assert_eq!((changed(WEIGHTS), changed(CARD)), before, "identical files are left");

    // A card that is lost is written again from the weights.
    fs::remove_file(project.path().join(CARD)).unwrap();
    project.run(&["train", SPEC]).ends(0);
    assert_eq!(String::from_utf8(bytes(&project, CARD)).unwrap(), card);
}

#[test]
fn the_bytes_do_not_depend_on_threads_nor_on_other_trainings() {
    let alone = project(60);
    alone.run(&["train", SPEC, "--jobs", "1", "--quiet"]).ends(0);
    let both = project(60);
    both.write("experiments/models/other.toml", spec(80));
    let mut command = both.likely(&["train", "--jobs", "2", "--json"]);
    command.env("RAYON_NUM_THREADS", "3").env("CANDLE_NUM_THREADS", "2");
    let answer = Answer::of(command.output().unwrap()).ends(0);
    assert_eq!(answer.json()["trainings"].as_array().unwrap().len(), 2);
    assert_eq!(bytes(&alone, WEIGHTS), bytes(&both, WEIGHTS));
    assert_eq!(bytes(&alone, CARD), bytes(&both, CARD));
    assert!(exists(&both, "experiments/models/other.safetensors"));
}

/// The spec of [`spec`] with a small tier.
fn tiered(small: &str) -> Project {
    let project = Project::new();
    project.write(SPEC, spec(300) + small);
    project
}

#[test]
fn a_small_tier_has_weights_and_a_card_of_its_own() {
    let project = tiered("\n[tier.small.data]\nheld-out = 20\n\n[tier.small.training]\nepochs = 2\n");
    let answer = project.run(&["train", SPEC, "--tier", "small", "--json"]).ends(0).json();
    let ended = &answer["trainings"][0];
    // Two epochs of 200 points in batches of 16, in place of 300 steps.
    assert_eq!((&ended["id"], &ended["steps"]), (&"wave-small".into(), &26.into()), "{ended}");
    assert_eq!(ended["held-out"][0]["points"], 20);
    assert!(!exists(&project, WEIGHTS) && !exists(&project, CARD));
    let card = String::from_utf8(bytes(&project, "experiments/models/wave-small.md")).unwrap();
    let top: Vec<&str> = card.lines().take(5).collect();
    assert_eq!(top[0], "# A small wave");
    assert!(top[2].starts_with("**Small tier**"), "{card}");
    assert!(
        top[4].contains("`wave-small.safetensors`") && top[4].contains("`likely train --tier small`"),
        "{card}"
    );
    project.run(&["train", SPEC, "--tier", "small", "--check"]).ends(0);
    let second = project.run(&["train", SPEC, "--tier", "small", "--json"]).ends(0).json();
    assert_eq!(second["trainings"][0]["outcome"], "up-to-date");

    // The tier is not part of what the weights of the whole training are the result of.
    project.run(&["train", SPEC, "--quiet"]).ends(0);
    let plain = self::project(300);
    plain.run(&["train", SPEC, "--quiet"]).ends(0);
    assert_eq!(bytes(&project, WEIGHTS), bytes(&plain, WEIGHTS));
    assert_eq!(bytes(&project, CARD), bytes(&plain, CARD));
}

#[test]
fn a_small_tier_that_is_not_there_or_not_right_is_refused_with_its_place() {
    let answer = project(300).run(&["train", SPEC, "--tier", "small"]).ends(2);
    assert!(answer.err.contains("there is no `[tier.small]`"), "{}", answer.err);
    let mut tried = 0;
    for (small, part) in [
        ("[tier.small.training]\nstep = 10", "did you mean `steps`"),
        ("[tier.small.training]\nsteps = 0", "wave.toml:22:9"),
        ("[tier.small.model]\nid = \"vae\"", "id"),
        ("[tier.small.data]\nseed = 4", "seed"),
        ("[tier.tiny.training]\nsteps = 10", "tiny"),
        ("[tier.small.model]\nconfig = { depth = 2 }", "depth"),
    ] {
        // Whole trainings are refused too, so that a mistake is not found late; a configuration where it is built.
        let tier = if small.contains("depth") { "small" } else { "full" };
        let answer = tiered(&format!("\n{small}\n")).run(&["train", SPEC, "--tier", tier]).ends(2);
        assert!(answer.err.contains(part), "{small}: {}", answer.err);
        tried += 1;
    }
    assert_eq!(tried, 6);
}

#[test]
fn a_short_try_does_not_replace_weights() {
    let project = project(120);
    project.run(&["train", SPEC, "--quiet"]).ends(0);
    let whole = bytes(&project, WEIGHTS);
    let refused = project.run(&["train", SPEC, "--steps", "7"]).ends(2);
    assert!(refused.out.contains("--out") && refused.out.contains("--force"), "{}", refused.out);
    assert_eq!(bytes(&project, WEIGHTS), whole);
    let elsewhere = project.run(&["train", SPEC, "--steps", "7", "--out", "try", "--json"]).ends(0).json();
    assert_eq!(elsewhere["trainings"][0]["steps"], 7);
    assert_ne!(bytes(&project, "try/wave.safetensors"), whole);
    let card = String::from_utf8(bytes(&project, "try/wave.md")).unwrap();
    assert!(card.contains("| steps taken | 7 |"), "{card}");
    project.run(&["train", SPEC, "--steps", "7", "--force"]).ends(0);
    assert_eq!(bytes(&project, WEIGHTS), bytes(&project, "try/wave.safetensors"));
    // The short weights are not those of the spec, which is trained again.
    let answer = project.run(&["train", SPEC, "--json"]).ends(0).json();
    assert_eq!(answer["trainings"][0]["outcome"], "trained");
    assert_eq!(bytes(&project, WEIGHTS), whole);
}

/// Starts a training and waits until it has a checkpoint that `new` accepts.
fn begun(project: &Project, new: impl Fn() -> bool) -> Child {
    let mut command = project.likely(&["train", SPEC, "--json", "--checkpoint-every", "1"]);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let begin = Instant::now();
    while begin.elapsed() < Duration::from_mins(1) {
        if new() {
            return child;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    child.kill().unwrap();
    panic!("no checkpoint within a minute: {:?}", Answer::of(child.wait_with_output().unwrap()));
}

/// Trains until nobody else is at it.
fn after_the_worker_has_gone(project: &Project, arguments: &[&str]) -> Answer {
    for _ in 0..600 {
        let answer = project.run(arguments);
        if !answer.out.contains("another program is at this training") {
            return answer;
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    panic!("the worker of a program that was killed did not stop within half a minute");
}

#[test]
#[cfg(unix)]
fn interrupted_and_killed_it_goes_on_to_the_same_bytes() {
    let steps = 100_000;
    let whole = project(steps);
    whole.run(&["train", SPEC, "--quiet"]).ends(0);

    let cut = project(steps);
    cut.write(WEIGHTS, "what was there before");
    let child = begun(&cut, || exists(&cut, CHECKPOINT));
    let sent = Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    assert!(sent.success());
    let answer = Answer::of(child.wait_with_output().unwrap()).ends(130);
    let ended = answer.json()["trainings"][0].clone();
    assert_eq!(ended["outcome"], "interrupted");
    let step = ended["step"].as_u64().unwrap();
    assert!(step > 0 && step < steps, "{ended}");
    assert_eq!(bytes(&cut, WEIGHTS), b"what was there before", "nothing half-written");
    assert!(answer.err.contains("stopping"), "{}", answer.err);

    // Killed without a word: the worker notices that nobody listens, and keeps what it has.
    let before = bytes(&cut, CHECKPOINT);
    let mut child = begun(&cut, || bytes(&cut, CHECKPOINT) != before);
    child.kill().unwrap();
    child.wait().unwrap();
    assert_eq!(bytes(&cut, WEIGHTS), b"what was there before");

    let last = after_the_worker_has_gone(&cut, &["train", SPEC, "--json"]).ends(0).json();
    let ended = &last["trainings"][0];
    assert_eq!(ended["outcome"], "trained");
    assert!(ended["steps-now"].as_u64().unwrap() < steps - step, "it went on from a checkpoint: {ended}");
    assert_eq!(bytes(&cut, WEIGHTS), bytes(&whole, WEIGHTS));
    assert_eq!(bytes(&cut, CARD), bytes(&whole, CARD));
}

#[test]
#[cfg(target_os = "linux")]
fn a_worker_that_is_killed_is_a_failed_training_that_can_go_on() {
    let project = project(100_000);
    let child = begun(&project, || exists(&project, CHECKPOINT));
    let children = fs::read_to_string(format!("/proc/{0}/task/{0}/children", child.id())).unwrap();
    let worker = children.split_whitespace().next().unwrap();
    assert!(Command::new("kill").args(["-KILL", worker]).status().unwrap().success());
    let answer = Answer::of(child.wait_with_output().unwrap()).ends(3).json();
    let ended = &answer["trainings"][0];
    assert_eq!(ended["outcome"], "failed");
    assert!(ended["message"].as_str().unwrap().contains("signal: 9"), "{ended}");
    assert!(!exists(&project, WEIGHTS));
    let answer = project.run(&["train", SPEC, "--json"]).ends(0).json();
    assert!(answer["trainings"][0]["steps-now"].as_u64().unwrap() < 100_000, "{answer}");
}

#[test]
#[cfg(unix)]
fn a_checkpoint_that_is_damaged_or_of_another_spec_is_refused_with_a_reason() {
    let project = project(100_000);
    let child = begun(&project, || exists(&project, CHECKPOINT));
    Command::new("kill").args(["-TERM", &child.id().to_string()]).status().unwrap();
    Answer::of(child.wait_with_output().unwrap()).ends(130);
    let good = bytes(&project, CHECKPOINT);

    let mut damaged = good.clone();
    let last = damaged.len() - 5;
    damaged[last] ^= 1;
    project.write(CHECKPOINT, damaged);
    let refused = project.run(&["train", SPEC]).ends(2);
    for part in [CHECKPOINT, "damaged", "--restart"] {
        assert!(refused.out.contains(part), "{part}: {}", refused.out);
    }

    project.write(CHECKPOINT, &good);
    project.write(SPEC, spec(100_000).replace("5e-3", "6e-3"));
    let refused = project.run(&["train", SPEC]).ends(2);
    assert!(refused.out.contains("another training: the spec differs"), "{}", refused.out);
    // A comment is not another spec, and the rest can be done.
    project.write(SPEC, spec(100_000).replace("[data]", "# Points.\n[data]"));
    let child = begun(&project, || bytes(&project, CHECKPOINT) != good);
    Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    Answer::of(child.wait_with_output().unwrap()).ends(130);
    // From the beginning, with few steps.
    project.write(SPEC, spec(20));
    project.run(&["train", SPEC]).ends(2);
    let answer = project.run(&["train", SPEC, "--restart", "--json"]).ends(0).json();
    assert_eq!(answer["trainings"][0]["steps-now"], 20);
}

#[test]
fn a_loss_that_is_not_finite_ends_with_the_step_and_a_checkpoint() {
    let project = project(500);
    project.write(SPEC, spec(500).replace("5e-3", "1e30").replace("clip = 10.0\n", ""));
    let answer = project.run(&["train", SPEC, "--json"]).ends(3).json();
    let ended = &answer["trainings"][0];
    assert_eq!(ended["outcome"], "failed");
    let message = ended["message"].as_str().unwrap();
    let step = ended["step"].as_u64().unwrap();
    for part in [&format!("at step {}", step + 1), CHECKPOINT, &format!("after step {step}")] {
        assert!(message.contains(part), "{part}: {message}");
    }
    assert!(exists(&project, CHECKPOINT) && !exists(&project, WEIGHTS));
}

#[test]
fn a_check_trains_the_first_steps_again() {
    let project = project(150);
    let missing = project.run(&["train", SPEC, "--check"]);
    assert_ne!(missing.code, Some(0), "{}", missing.out);
    project.run(&["train", SPEC]).ends(0);
    let answer = project.run(&["train", "--check", "--json"]).ends(0).json();
    assert_eq!(answer["trainings"][0]["steps-now"], 100);
    assert_eq!(answer["trainings"][0]["outcome"], "same");

    let weights = bytes(&project, WEIGHTS);
    let text: Vec<u8> = weights.clone();
    let key = b"\"early-sha256\":\"";
    let at = text.windows(key.len()).position(|window| window == key).unwrap() + key.len();
    let mut other = weights.clone();
    other[at] = if other[at] == b'0' { b'1' } else { b'0' };
    project.write(WEIGHTS, &other);
    // The card names the hash of the file, so that other bytes are noticed first.
    let moved = project.run(&["train", SPEC, "--check"]).ends(1);
    assert!(moved.out.contains("is not the card of"), "{}", moved.out);
    project.run(&["train", SPEC]).ends(0);
    let moved = project.run(&["train", SPEC, "--check"]).ends(1);
    assert!(moved.out.contains("after 100 steps the parameters are others"), "{}", moved.out);
    let moved = project.run(&["train", SPEC, "--again"]).ends(1);
    assert!(moved.out.contains("--again --force"), "{}", moved.out);
    assert_eq!(bytes(&project, WEIGHTS), other);
    project.run(&["train", SPEC, "--again", "--force"]).ends(0);
    assert_eq!(bytes(&project, WEIGHTS), weights);
    project.write(SPEC, spec(150).replace("seed = 5", "seed = 6"));
    let moved = project.run(&["train", SPEC, "--check"]).ends(1);
    assert!(moved.out.contains("of another spec"), "{}", moved.out);
}

#[test]
fn points_and_initial_weights_are_exported_for_other_programs() {
    let project = project(150);
    let answer = project.run(&["train", SPEC, "--export-data", "points", "--json"]).ends(0).json();
    assert_eq!(answer["files"].as_array().unwrap().len(), 3);
    let npy = bytes(&project, "points/wave/training.npy");
    assert!(npy.starts_with(b"\x93NUMPY"));
    let header = String::from_utf8_lossy(&npy[10..128]).into_owned();
    assert!(header.contains("'<f8'") && header.contains("(200, 2)"), "{header}");
    assert_eq!(npy.len(), 128 + 200 * 2 * 8);
    assert_eq!(bytes(&project, "points/wave/held-out.npy").len(), 128 + 50 * 2 * 8);
    assert!(exists(&project, "points/wave/initial.safetensors") && !exists(&project, WEIGHTS));
}

#[test]
fn specs_that_are_wrong_say_where_and_what_would_be_right() {
    let project = project(10);
    let said = |from: &str, to: &str| {
        let text = spec(10);
        assert!(text.contains(from), "{from}");
        project.write(SPEC, text.replace(from, to));
        let answer = project.run(&["train", SPEC]).ends(2);
        assert!(answer.err.contains(&format!("{SPEC}:")), "{}", answer.err);
        answer.err
    };
    let cases: &[(&str, &str, &[&str])] = &[
        ("\"autoregressive\"", "\"autoregresive\"", &["wave.toml:4:6", "did you mean `autoregressive`?"]),
        ("\"sine\"", "\"cosine\"", &["wave.toml:7:6", "no data set `cosine`"]),
        ("training = 200", "training = 0", &["wave.toml:8:12", "or \"fresh\""]),
        ("training = 200", "training = \"new\"", &["wave.toml:8:12", "or \"fresh\""]),
        ("training = 200", "training = 200000000000", &["more than 100000000 points"]),
        (
            "learning-rate = 5e-3",
            "learning-rate = -5e-3",
            &["wave.toml:17:17", "`training.learning-rate`", "above 0"],
        ),
        ("learning-rate = 5e-3", "learning-rate = nan", &["must be finite"]),
        ("learning-rate", "learning_rate", &["unknown key `learning_rate`", "did you mean `learning-rate`?"]),
        ("\"adam\"", "\"sgd\"", &["wave.toml:16:13", "`sgd`", "adam, adamw"]),
        ("steps = 10\n", "", &["neither `epochs` nor `steps`"]),
        ("steps = 10\n", "steps = 10\nepochs = 3\n", &["both `epochs` and `steps`"]),
        ("batch = 16", "batch = 0", &["wave.toml:14:9", "integer of 1 or more"]),
        ("held-out = 50\n", "", &["`data` lacks the key `held-out`"]),
        (
            "id = \"sine\"",
            "id = \"sine\"\nconfig = { noise = -1.0 }",
            &["wave.toml:8:20", "`data.config.noise`"],
        ),
        ("[data]", "[data", &["this is not TOML"]),
    ];
    for (from, to, parts) in cases {
        let message = said(from, to);
        for part in *parts {
            assert!(message.contains(part), "{to}: {part}: {message}");
        }
    }
    // Everything wrong with several specs is told at once, before anything is trained.
    project.write("experiments/models/Bad.toml", spec(10));
    project.write("experiments/models/fine.toml", spec(10));
    let answer = project.run(&["train"]).ends(2);
    assert!(answer.err.contains("Bad") && answer.err.contains("not TOML"), "{}", answer.err);
    assert!(!exists(&project, "experiments/models/fine.safetensors"));
    let none = Project::new().run(&["train"]).ends(2);
    assert!(none.err.contains(Path::new("experiments/models").to_str().unwrap()), "{}", none.err);
    let absent = project.run(&["train", "experiments/models/absent.toml"]).ends(2);
    assert!(absent.err.contains("absent.toml"), "{}", absent.err);
}

#[test]
fn the_help_has_an_example() {
    let help = Project::new().run(&["train", "--help"]).ends(0).out;
    assert!(help.contains("Examples:") && help.contains("likely train experiments/models/"), "{help}");
    assert!(!help.contains("--worker"), "{help}");
}

//! Published numbers beside ours, as a table of models by methods.

use crate::scene::{Cell, ENERGY, Outcome, Scene, presentation, ran, scene};
use likely_record::{ClaimRecord, ClaimRole, VerdictCell, VerdictKind, VerdictRecord, VerdictStatus};
use likely_report::write_run;
use std::fs;

const MODELS: [&str; 4] = ["EBM", "NF", "AR", "VAE"];
const METHODS: [&str; 7] = ["Adaptive", "Line search", "Adam", "SGD", "RMSprop", "AdamW", "LBFGS"];
const WEIGHTS: [f64; 6] = [1.0, 5.0, 10.0, 20.0, 50.0, 100.0];

/// The published number and ours, different where the test wants it.
fn numbers(model: usize, method: usize, weight: f64) -> (f64, f64) {
    let value = 0.124 + 0.1 * model as f64 - 0.03 * weight + 0.005 * method as f64;
    let printed = (value * 1e3).round() / 1e3;
    let off = if method == 3 { 0.0123 } else { 0.0 };
    (printed, value + off)
}

fn claims() -> Vec<(ClaimRecord, VerdictRecord)> {
    let mut claims = Vec::new();
    for (m, model) in MODELS.into_iter().enumerate() {
        for (n, method) in METHODS.into_iter().enumerate() {
            for weight in WEIGHTS {
                let (value, now) = numbers(m, n, weight);
                let failed = model == "NF" && method == "LBFGS" && weight > 20.0;
                let early = model == "NF" && method == "Line search" && weight > 1.0;
                let hidden = model == "VAE" && method == "RMSprop";
                let (status, note) = match method {
                    _ if hidden => (VerdictStatus::NotPublic, ""),
                    _ if failed || early => (VerdictStatus::NotMeasured, "the metric was not measured"),
                    "SGD" if weight > 20.0 => (VerdictStatus::Deviation, "known: DEVIATIONS.md, D2"),
                    "SGD" => (VerdictStatus::Moved, "differs by 1.230e-2"),
                    _ => (VerdictStatus::Same, ""),
                };
                let claim = ClaimRecord {
                    model: model.to_owned(),
                    method: method.to_owned(),
                    lambda: Some(weight),
                    pair: None,
                    metric: ENERGY.to_owned(),
                    value: (!hidden).then_some(value),
                    tolerance: 0.0005,
                    role: ClaimRole::Reproduce,
                    place: "a paper, Table 3".to_owned(),
                    deviation: None,
                };
                let verdict = VerdictRecord {
                    kind: VerdictKind::Published,
                    cell: VerdictCell::from(&claim),
                    metric: claim.metric.clone(),
                    reference: claim.value,
                    now: (!failed && !early).then_some(now),
                    tolerance: claim.tolerance,
                    status,
                    place: claim.place.clone(),
                    note: note.to_owned(),
                };
                claims.push((claim, verdict));
            }
        }
    }
    claims
}

fn many() -> (Scene, Vec<VerdictRecord>) {
    let mut cells = Vec::new();
    for (m, model) in MODELS.into_iter().enumerate() {
        for (n, method) in METHODS.into_iter().enumerate() {
            for weight in WEIGHTS {
                let (_, now) = numbers(m, n, weight);
                let outcome = match (model, method) {
                    ("NF", "LBFGS") if weight > 20.0 => {
                        Outcome::Failed("the gradient is not finite at point 17")
                    }
                    ("NF", "Line search") if weight > 1.0 => Outcome::Ran([None; 3], false),
                    _ => Outcome::Ran([None, Some(now), None], method != "AdamW"),
                };
                cells.push(Cell { model, method, lambda: Some(weight), pair: "0", outcome });
            }
        }
    }
    let (claims, mut verdicts): (Vec<ClaimRecord>, Vec<VerdictRecord>) = claims().into_iter().unzip();
    let mut presentation = presentation(Vec::new(), Vec::new());
    let time = |model: &str, value: Option<f64>| ClaimRecord {
        model: model.to_owned(),
        metric: "cpu-s".to_owned(),
        value,
        role: ClaimRole::Compare,
        place: "a paper, Table 3: seconds for five calls on another machine".to_owned(),
        ..claims[0].clone()
    };
    let times = [time("EBM", Some(7.45)), time("NF", None), time("elsewhere", Some(1.0))];
    verdicts.extend(times.iter().map(|claim| VerdictRecord {
        kind: VerdictKind::Published,
        cell: VerdictCell::from(claim),
        metric: claim.metric.clone(),
        reference: claim.value,
        now: None,
        tolerance: 0.0,
        status: VerdictStatus::Compared,
        place: claim.place.clone(),
        note: "the metric was not measured".to_owned(),
    }));
    presentation.claims = claims.into_iter().chain(times).collect();
    (scene(&cells, presentation), verdicts)
}

#[test]
fn many_published_numbers_are_one_table_of_models_by_methods_with_a_sign_for_every_one() {
    let (scene, verdicts) = many();
    write_run(&scene.run, &verdicts).unwrap();
    let page = fs::read_to_string(scene.run.path.join("report.html")).unwrap();
    let (_, after) = page.split_once("<table class=\"published\">").unwrap();
    let (table, after) = after.split_once("</table>").unwrap();
    assert_eq!(table.matches("<tr").count(), 1 + 4 * 6);
    assert_eq!(table.matches("<span class=\"chip ").count(), 4 * 7 * 6, "a sign for every number");
    let (key, _) = after.split_once("</p>").unwrap();
    for words in [
        "✓ agrees within the tolerance (131)",
        "✗ differs (16)",
        "△ differs for a known reason (8)",
        "– published value not public (6)",
        "‡ failed (2)",
        "† did not converge (5)",
        "† behind our number: stopped before it converged",
    ] {
        assert!(key.contains(words), "the key lacks {words}: {key}");
    }
    for words in [
        "failed: the gradient is not finite at point 17",
        "did not converge: stalled",
        "known: DEVIATIONS.md, D2",
        "+0.012",
        "a paper, Table 3",
    ] {
        assert!(page.contains(words), "the page lacks {words}");
    }
    assert!(table.contains("no number") && table.contains("not public"), "words stay words");
    assert!(page.contains("The 168 published numbers of these tables as a list, with tolerances"));
    let csv = fs::read_to_string(scene.run.path.join("tables/published.csv")).unwrap();
    assert_eq!(csv.lines().count(), 1 + 168);
    assert_eq!(csv.lines().filter(|line| line.contains(",agrees,")).count(), 131);
    let markdown = fs::read_to_string(scene.run.path.join("tables/published-energy.md")).unwrap();
    assert!(markdown.contains("| EBM | 1 | 0.0940 / 0.094 ✓ |"), "{markdown}");
    for words in
        ["0.1213 / 0.109 ✗ +0.012 |", "-2.8487 / -2.861 △ +0.012 \\[a\\]", "no number / -1.246 ‡ \\[c\\]"]
    {
        assert!(markdown.contains(words), "the table lacks {words}: {markdown}");
    }
    let latex = fs::read_to_string(scene.run.path.join("tables/published-energy.tex")).unwrap();
    assert!(latex.contains("$0.0940$ / $0.094$ $\\surd$") && !latex.contains('✓'), "{latex}");
}

#[test]
fn published_times_stand_beside_ours_and_are_not_judged() {
    let (scene, verdicts) = many();
    write_run(&scene.run, &verdicts).unwrap();
    let page = fs::read_to_string(scene.run.path.join("report.html")).unwrap();
    let (before, after) = page.split_once("<h2>Time of one call</h2>").unwrap();
    assert!(!before.contains("cpu-s") && !before.contains("seconds for five calls"), "judged nowhere");
    let (part, _) = after.split_once("<h2>").unwrap();
    for words in [
        "<th scope=\"col\" class=\"number\">published</th>",
        "<td class=\"number\">7.45 s</td>",
        "<td class=\"number\">not public</td>",
        "a paper, Table 3: seconds for five calls on another machine",
        "1 published time of cells that this tier leaves out.",
    ] {
        assert!(part.contains(words), "the part lacks {words}");
    }
}

#[test]
fn few_published_numbers_stay_a_list() {
    let cells = [ran("EBM", "Adam", Some(1.0), "0", [0.0; 3], true)];
    let scene = scene(&cells, presentation(Vec::new(), Vec::new()));
    let few: Vec<VerdictRecord> = claims().into_iter().map(|(_, verdict)| verdict).take(6).collect();
    write_run(&scene.run, &few).unwrap();
    let page = fs::read_to_string(scene.run.path.join("report.html")).unwrap();
    assert!(
        !page.contains("<table class=\"published\">")
            && page.contains("<th scope=\"col\" class=\"number\">difference</th>")
    );
}

//! Pages that work without a network and say everything in words.

use crate::scene::{Cell, Outcome, many, presentation, ran, scene, verdicts};
use likely_report::{write_index, write_run};
use std::fs;

#[test]
fn the_page_needs_nothing_but_itself() {
    let scene = many();
    write_run(&scene.run, &verdicts()).unwrap();
    let page = fs::read_to_string(scene.run.path.join("report.html")).unwrap();
    for outside in ["http:", "https:", "<script", "<link", "@import", "<iframe"] {
        assert!(!page.contains(outside), "the page contains {outside}");
    }
    let sources = page.match_indices("url(").filter(|(at, _)| !page[at + 4..].starts_with("data:")).count()
        + page.match_indices("href=\"").filter(|(at, _)| !page[at + 6..].starts_with("data:")).count();
    assert_eq!(sources, 0);
    assert_eq!(page.matches("<svg ").count(), scene.run.presentation.figures.len());
    let ids: Vec<&str> =
        page.match_indices(" id=\"").map(|(at, _)| page[at + 5..].split('"').next().unwrap()).collect();
    assert_eq!(ids, ["run-1"]);
}

#[test]
fn what_was_not_reproduced_is_said_in_words() {
    let scene = many();
    write_run(&scene.run, &verdicts()).unwrap();
    let page = fs::read_to_string(scene.run.path.join("report.html")).unwrap();
    for words in [
        "96 cells: 70 solved, 16 stopped before convergence (stalled 16), 8 skipped, 1 failed, 1 not run.",
        "1 of 4 published numbers reproduced within their tolerance, 1 not reproduced, 1 different for a known reason",
        "2 of 3 pinned numbers unchanged, 1 moved.",
        "✗ not reproduced",
        "△ known deviation",
        "○ not measured",
        "the gradient is not finite at point 17",
        "D3: other start",
        "a1b2c3d, with uncommitted changes",
        "Mean of log p over all points of the curve.",
    ] {
        assert!(page.contains(words), "the page lacks: {words}");
    }
}

#[test]
fn text_of_specs_and_errors_cannot_become_markup() {
    let evil = "</svg>`<script>alert('x')</script>`\"&\u{1}";
    let cells = [
        ran("GMM", "</td><script>alert(1)</script>", Some(1.0), "0", [1.0; 3], true),
        Cell {
            model: "KDE",
            method: "m",
            lambda: Some(1.0),
            pair: "<img src=x>",
            outcome: Outcome::Failed("<script>alert(2)</script>"),
        },
    ];
    let mut presentation = presentation(crate::scene::many_tables(), crate::scene::many_figures());
    presentation.title = evil.to_owned();
    presentation.analysis = evil.to_owned();
    presentation.paper = Some(evil.to_owned());
    presentation.facts = vec![(evil.to_owned(), evil.to_owned(), evil.to_owned())];
    for metric in &mut presentation.metrics {
        metric.definition = evil.to_owned();
        metric.unit = evil.to_owned();
    }
    for figure in &mut presentation.figures {
        figure.title = evil.to_owned();
        figure.caption = evil.to_owned();
    }
    for table in &mut presentation.tables {
        table.title = evil.to_owned();
    }
    for field in &mut presentation.fields {
        field.axes = [evil.to_owned(), evil.to_owned()];
    }
    let scene = scene(&cells, presentation);
    let mut verdicts = verdicts();
    for verdict in &mut verdicts {
        verdict.note = evil.to_owned();
        verdict.place = evil.to_owned();
        verdict.metric = evil.to_owned();
    }
    write_run(&scene.run, &verdicts).unwrap();
    let page = fs::read_to_string(scene.run.path.join("report.html")).unwrap();
    assert!(!page.contains("<script") && !page.contains("<img"), "markup came through");
    assert!(page.contains("&lt;script&gt;alert"));
    for figure in ["curves", "sweep", "tradeoff"] {
        let svg = fs::read_to_string(scene.run.path.join(format!("figures/{figure}.svg"))).unwrap();
        assert!(!svg.contains("<script") && !svg.contains('\u{1}'), "{figure}");
    }
}

#[test]
fn the_page_shows_what_a_call_took_and_that_it_is_compared_with_nothing() {
    let scene = many();
    write_run(&scene.run, &[]).unwrap();
    let page = fs::read_to_string(scene.run.path.join("report.html")).unwrap();
    let (_, after) = page.split_once("<h2>Time of one call</h2>").unwrap();
    let (part, _) = after.split_once("<h2>").unwrap();
    assert_eq!(part.matches("<tr").count(), 1 + 2 * (1 + 5 + 5), "skipped methods take no time");
    assert!(part.contains("<th scope=\"row\">Linear</th><th scope=\"row\" class=\"number\">–</th><td class=\"number\">4</td><td class=\"number\">125 ms</td><td class=\"number\">100 ms</td>"), "{part}");
    assert!(part.contains("they stand apart from everything that is compared, pinned or verified"));
}

#[test]
fn one_page_over_several_runs_leads_to_each_and_has_the_same_bytes_twice() {
    let scene = many();
    let verdicts = verdicts();
    let out = scene.run.path.join("all/report.html");
    let runs = [(&scene.run, verdicts.as_slice()), (&scene.run, &[])];
    write_index(&runs, &[], &out).unwrap();
    let page = fs::read(&out).unwrap();
    let text = String::from_utf8(page.clone()).unwrap();
    for anchor in ["run-1", "run-2"] {
        assert!(text.contains(&format!("href=\"#{anchor}\"")) && text.contains(&format!("id=\"{anchor}\"")));
    }
    assert!(text.contains("This run was not compared with published or pinned numbers."));
    write_index(&runs, &[], &out).unwrap();
    assert_eq!(fs::read(&out).unwrap(), page);
    write_index(&[], &[], &out).unwrap();
    assert!(fs::read_to_string(&out).unwrap().contains("No run has been made yet."));
}

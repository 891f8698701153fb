//! What methods save is counted cell by cell, and only where the curve is as good.

use crate::scene::{Cell, EVALUATIONS, LIKELIHOOD, Outcome, Scene, presentation, ran, scene, table};
use likely_record::{Axis, SavingRecord};
use likely_report::{ReportError, write_run};
use std::fs;

fn saving(id: &str) -> SavingRecord {
    SavingRecord {
        id: id.to_owned(),
        title: "What is saved by `Fast`".to_owned(),
        baseline: "Slow".to_owned(),
        methods: vec!["Fast".to_owned(), "Other".to_owned()],
        rows: vec![Axis::Model, Axis::Lambda],
        decimals: Some(1),
    }
}

/// A cell by its regularised energy and evaluations.
fn cell(
    method: &'static str,
    lambda: f64,
    pair: &'static str,
    energy: f64,
    evaluations: f64,
    converged: bool,
) -> Cell {
    ran("M", method, Some(lambda), pair, [energy, 0.0, evaluations], converged)
}

/// Three weights: at 0 nothing is evaluated, at 1 one ratio of three must not count, at 10 the baseline gives up.
fn cells() -> Vec<Cell> {
    vec![
        cell("Slow", 0.0, "a", 0.5, 0.0, true),
        cell("Fast", 0.0, "a", 0.5, 0.0, true),
        cell("Slow", 1.0, "a", -2.0, 1000.0, true),
        cell("Slow", 1.0, "b", -2.0, 1000.0, true),
        cell("Slow", 1.0, "c", -2.0, 1000.0, true),
        cell("Slow", 1.0, "d", -2.0, 1000.0, true),
        // Ten times fewer at the same minimum, four times fewer at a lower one, a hundred times fewer at a higher one.
        cell("Fast", 1.0, "a", -2.0 + 1e-7, 100.0, true),
        cell("Fast", 1.0, "b", -3.0, 250.0, true),
        cell("Fast", 1.0, "c", -1.0, 10.0, true),
        Cell {
            model: "M",
            method: "Fast",
            lambda: Some(1.0),
            pair: "d",
            outcome: Outcome::Failed("step 3 is not finite"),
        },
        cell("Slow", 10.0, "a", 4.0, 9000.0, false),
        cell("Slow", 10.0, "b", 4.0, 9000.0, false),
        cell("Fast", 10.0, "a", 3.0, 450.0, true),
        cell("Fast", 10.0, "b", 3.0, 9000.0, false),
    ]
}

/// The cells as a run whose first metric is the regularised energy.
fn run_of(cells: &[Cell], savings: Vec<SavingRecord>) -> Scene {
    let mut presentation = presentation(Vec::new(), Vec::new());
    presentation.savings = savings;
    let mut scene = scene(cells, presentation);
    for metric in scene.run.cells.iter_mut().flat_map(|cell| &mut cell.metrics) {
        if metric.id == LIKELIHOOD {
            SavingRecord::ENERGY.clone_into(&mut metric.id);
        }
        assert!(metric.id != EVALUATIONS || SavingRecord::EVALUATIONS == EVALUATIONS);
    }
    scene
}

fn file(scene: &Scene, name: &str) -> String {
    fs::read_to_string(scene.run.path.join(name)).expect("the report has this file")
}

#[test]
fn known_ratios_come_out_and_a_higher_minimum_or_an_unfinished_curve_does_not_count() {
    let scene = run_of(&cells(), vec![saving("saved")]);
    write_run(&scene.run, &[]).unwrap();
    insta::assert_snapshot!(file(&scene, "tables/saved.md"), @r#"
    **What is saved by \`Fast\`**

    | model | λ | method | pairs | median ratio | min to max | counted | median counted | lower / same / higher | regularised energy, baseline | regularised energy, method | stopped early, baseline / method |
    | --- | ---: | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |
    | M | 1 | Fast | 3 of 4 | 10.0 | 4.0 to 100.0 | 2 | 7.0 | 1 / 1 / 1 | -2 | -2.000000 | 0 / 0 |
    | M | 10 | Fast | 2 | ≥ 10.5 | ≥ 1.0 to ≥ 20.0 | 1 | ≥ 20.0 | 2 / 0 / 0 | 4 | 3 | 2 / 1 |
    | all rows |  | Fast | 5 of 6 | ≥ 10.0 | ≥ 1.0 to ≥ 100.0 | 3 | 10.0 | 3 / 1 / 1 | – | – | 2 / 1 |

    Ratio: evaluations of Slow (the baseline) over those of the method, for the same model, λ, pair, repetition and segments; above 1 the method took fewer.

    A ratio counts where the method converged and its regularised energy is not higher than the baseline's; the median of those that count is – where none does.

    Lower / same / higher: how often the method's regularised energy is that, the same up to a millionth of it; both are shown as means over the pairs of the row.

    ≥ marks a number that would be larger had the baseline been run until it converged everywhere.

    Where the method stopped before it converged, its evaluations are those until then, and the ratio does not count.

    Pairs in which a side was skipped, failed, was not run, has no partner or weighs the potential otherwise are not compared.

    1 pair in which a side evaluated the density nowhere is left out (λ = 0).
    "#);
    insta::assert_snapshot!(file(&scene, "tables/saved.csv"), @r#"
    scope,model,lambda,method,compared,without-numbers,counted,energy-lower,energy-same,energy-higher,baseline-unconverged,method-unconverged,ratio-median,ratio-median at-least,ratio-min,ratio-min at-least,ratio-max,ratio-max at-least,ratio-median-counted,ratio-median-counted at-least,baseline-energy-mean,method-energy-mean
    row,M,1.0,Fast,3,1,2,1,1,1,0,0,10.0,false,4.0,false,100.0,false,7.0,false,-2.0,-1.9999999666666666
    row,M,10.0,Fast,2,0,1,2,0,0,2,1,10.5,true,1.0,true,20.0,true,20.0,true,4.0,3.0
    all,,,Fast,5,1,3,3,1,1,2,1,10.0,true,1.0,true,100.0,true,10.0,false,,
    "#);
    assert!(scene.run.path.join("tables/saved.parquet").exists());
}

#[test]
fn savings_are_set_in_latex_and_on_the_page() {
    let scene = run_of(&cells(), vec![saving("saved")]);
    write_run(&scene.run, &[]).unwrap();
    let latex = file(&scene, "tables/saved.tex");
    let rows: Vec<&str> =
        latex.lines().filter(|line| line.starts_with("M &") || line.starts_with("all")).collect();
    insta::assert_snapshot!(rows.join("\n"), @r#"
    M & $1$ & Fast & $3$ of $4$ & $10.0$ & $4.0$ to $100.0$ & $2$ & $7.0$ & $1$ / $1$ / $1$ & $-2$ & $-2.000000$ & $0$ / $0$ \\
    M & $10$ & Fast & $2$ & $\geq$ $10.5$ & $\geq$ $1.0$ to $\geq$ $20.0$ & $1$ & $\geq$ $20.0$ & $2$ / $0$ / $0$ & $4$ & $3$ & $2$ / $1$ \\
    all rows &  & Fast & $5$ of $6$ & $\geq$ $10.0$ & $\geq$ $1.0$ to $\geq$ $100.0$ & $3$ & $10.0$ & $3$ / $1$ / $1$ & -- & -- & $2$ / $1$ \\
    "#);
    let page = file(&scene, "report.html");
    for part in [
        "What is saved by <code>Fast</code>",
        "≥ 20.0",
        "regularised energy, baseline",
        "above 1 the method took fewer",
    ] {
        assert!(page.contains(part), "the page lacks: {part}");
    }
}

#[test]
fn several_methods_get_a_line_each_and_one_together() {
    let mut cells = cells();
    cells.push(cell("Other", 1.0, "a", -2.0, 500.0, true));
    cells.push(cell("Other", 5.0, "a", -2.0, 500.0, true));
    let scene = run_of(&cells, vec![saving("saved")]);
    write_run(&scene.run, &[]).unwrap();
    let text = file(&scene, "tables/saved.md");
    let heads: Vec<String> = text
        .lines()
        .filter(|line| line.starts_with("| M") || line.starts_with("| all"))
        .map(|line| line.split(" | ").take(4).collect::<Vec<_>>().join(" "))
        .collect();
    let expected = [
        "| M 1 Fast 3 of 4",
        "| M 1 Other 1",
        "| M 10 Fast 2",
        "| M 5 Other 0 of 1",
        "| all rows  Fast 5 of 6",
        "| all rows  Other 1 of 2",
        "| all rows  all methods 6 of 8",
    ];
    assert_eq!(heads, expected);
    assert!(text.contains("has no partner"), "{text}");
}

#[test]
fn a_baseline_that_a_tier_left_out_leaves_a_table_that_says_nothing_false() {
    let cells = [cell("Fast", 1.0, "a", -2.0, 100.0, true)];
    let scene = run_of(&cells, vec![saving("saved")]);
    write_run(&scene.run, &[]).unwrap();
    let text = file(&scene, "tables/saved.md");
    assert!(text.contains("| M | 1 | Fast | 0 of 1 | – | – | 0 | – | 0 / 0 / 0 | – | – | 0 / 0 |"), "{text}");
}

#[test]
fn a_saving_cannot_take_the_place_of_a_table() {
    let mut scene = run_of(&cells(), vec![saving("main")]);
    scene.run.presentation.tables = vec![table("main", &[Axis::Method], &[], &[EVALUATIONS])];
    let error = write_run(&scene.run, &[]).unwrap_err();
    assert!(matches!(error, ReportError::Name { what: "table", .. }), "{error}");
}

//! Tables say what the cells say, and no more.

use crate::scene::{
    Cell, ENERGY, EVALUATIONS, LIKELIHOOD, Outcome, Scene, many_without_figures, presentation, ran, scene,
    table,
};
use likely_record::Axis;
use likely_report::{ReportError, cells_frame, write_run};
use polars::prelude::{ParquetReader, SerReader};
use std::fs;
use std::io::Cursor;

fn file(scene: &Scene, name: &str) -> String {
    fs::read_to_string(scene.run.path.join(name)).expect("the report has this file")
}

/// One pair; two methods tie at four digits, one failed, one was skipped, one stopped early.
fn small() -> Scene {
    let cells = [
        ran("GMM", "Linear", None, "0", [-6.5, 0.37, 0.0], true),
        ran("GMM", "Plain", Some(10.0), "0", [-4.830_01, 0.4, 2871.0], true),
        ran("GMM", "Fast_1", Some(10.0), "0", [-4.830_04, 0.41, 115.0], true),
        ran("GMM", "Stalled", Some(10.0), "0", [-4.9, 0.39, 60.0], false),
        Cell {
            model: "GMM",
            method: "Shooting",
            lambda: Some(10.0),
            pair: "0",
            outcome: Outcome::Failed("step 3 is not finite: 100 % | x_1"),
        },
        Cell {
            model: "GMM",
            method: "Slerp",
            lambda: None,
            pair: "0",
            outcome: Outcome::Skipped("the end points are parallel"),
        },
        Cell {
            model: "GMM",
            method: "Score",
            lambda: Some(10.0),
            pair: "0",
            outcome: Outcome::Ran([None, Some(1e9), Some(2.0)], true),
        },
        Cell { model: "GMM", method: "Later", lambda: None, pair: "0", outcome: Outcome::Missing },
    ];
    let tables = vec![table("main", &[Axis::Method, Axis::Lambda], &[], &[LIKELIHOOD, ENERGY, EVALUATIONS])];
    let scene = scene(&cells, presentation(tables, Vec::new()));
    write_run(&scene.run, &[]).expect("the report can be written");
    scene
}

#[test]
fn ties_share_the_bold_and_failed_skipped_and_missing_cells_win_nothing() {
    insta::assert_snapshot!(file(&small(), "tables/main.md"), @r#"
    **Table main**

    | method | λ | log-likelihood-mean ↑ (nats) | energy ↓ (squared units) | evaluations ↓ (points) |
    | --- | --- | ---: | ---: | ---: |
    | Linear | – | <u>-6.500</u> | **0.3700** | **0** |
    | Plain | 10 | **-4.830** | <u>0.4000</u> | 2871 |
    | Fast\_1 | 10 | **-4.830** | 0.4100 | 115 |
    | Stalled | 10 | -4.900† | 0.3900† | 60† |
    | Shooting | 10 | failed (a) | failed (a) | failed (a) |
    | Slerp | – | skipped (b) | skipped (b) | skipped (b) |
    | Score | 10 | no value (c) | 1.000e9 | <u>2</u> |
    | Later | – | not run (d) | not run (d) | not run (d) |

    Best in bold, second best underlined, among what converged; entries equal at the digits shown share the place.

    † stopped before it converged (cells of this table: stalled 1).

    (a) failed: step 3 is not finite: 100 % \| x\_1

    (b) skipped: the end points are parallel

    (c) no value: the density is not normalised

    (d) not run
    "#);
}

#[test]
fn latex_is_escaped_and_needs_booktabs_only() {
    insta::assert_snapshot!(file(&small(), "tables/main.tex"), @r#"
    % Needs \usepackage{booktabs}.
    \begin{table}[t]
    \centering
    \caption{Table main. Best in bold, second best underlined, among what converged; entries equal at the digits shown share the place. \dag{} stopped before it converged (cells of this table: stalled 1).}
    \label{tab:main}
    \begin{tabular}{llrrr}
    \toprule
    method & $\lambda$ & log-likelihood-mean $\uparrow$ (nats) & energy $\downarrow$ (squared units) & evaluations $\downarrow$ (points) \\
    \midrule
    Linear & -- & $\underline{-6.500}$ & $\mathbf{0.3700}$ & $\mathbf{0}$ \\
    Plain & 10 & $\mathbf{-4.830}$ & $\underline{0.4000}$ & $2871$ \\
    Fast\_1 & 10 & $\mathbf{-4.830}$ & $0.4100$ & $115$ \\
    Stalled & 10 & $-4.900$\textsuperscript{\dag} & $0.3900$\textsuperscript{\dag} & $60$\textsuperscript{\dag} \\
    Shooting & 10 & failed\textsuperscript{a} & failed\textsuperscript{a} & failed\textsuperscript{a} \\
    Slerp & -- & skipped\textsuperscript{b} & skipped\textsuperscript{b} & skipped\textsuperscript{b} \\
    Score & 10 & no value\textsuperscript{c} & $1.000 \times 10^{9}$ & $\underline{2}$ \\
    Later & -- & not run\textsuperscript{d} & not run\textsuperscript{d} & not run\textsuperscript{d} \\
    \bottomrule
    \end{tabular}

    \footnotesize
    \textsuperscript{a} failed: step 3 is not finite: 100 \% $|$ x\_1\par
    \textsuperscript{b} skipped: the end points are parallel\par
    \textsuperscript{c} no value: the density is not normalised\par
    \textsuperscript{d} not run\par
    \end{table}
    "#);
}

#[test]
fn a_mean_over_fewer_cells_than_planned_is_shown_with_its_reasons_and_not_ranked() {
    let scene = many_without_figures();
    write_run(&scene.run, &[]).unwrap();
    let text = file(&scene, "tables/wide.md");
    let line = text.lines().find(|line| line.contains("ProbGEORCE accelerated")).unwrap();
    insta::assert_snapshot!(line, @"| ProbGEORCE accelerated | **-5.459** ± 0.083 | <u>0.410</u> ± 0.003 | -5.603 ± 0.128 (b) (c) (d) | 0.405 ± 0.004 (b) (d) |");
    assert!(text.contains("(b) 1 of 20 cells failed: the gradient is not finite at point 17"), "{text}");
    assert!(text.contains("(d) 1 of 20 cells not run"), "{text}");
    let csv = file(&scene, "tables/wide.csv");
    assert!(csv.lines().nth(4).unwrap().contains("partial"), "{csv}");
}

#[test]
fn second_best_of_a_metric_where_lower_is_better_is_found_within_its_group() {
    let cells = [
        ran("A", "one", None, "0", [0.0, 1.0, 0.0], true),
        ran("A", "two", None, "0", [0.0, 2.0, 0.0], true),
        ran("A", "three", None, "0", [0.0, 3.0, 0.0], true),
        ran("B", "one", None, "0", [0.0, 0.5, 0.0], true),
        ran("B", "two", None, "0", [0.0, 0.25, 0.0], true),
    ];
    let mut record = table("energy", &[Axis::Model, Axis::Method], &[], &[ENERGY]);
    record.compare_within = vec![Axis::Model];
    let scene = scene(&cells, presentation(vec![record], Vec::new()));
    write_run(&scene.run, &[]).unwrap();
    let text = file(&scene, "tables/energy.md");
    let marks: Vec<&str> = text
        .lines()
        .filter(|line| line.starts_with("| A") || line.starts_with("| B"))
        .map(|line| line.rsplit(" | ").next().unwrap().trim_end_matches(" |"))
        .collect();
    assert_eq!(marks, ["**1**", "<u>2</u>", "3", "<u>0.5000</u>", "**0.2500**"]);
}

#[test]
fn rows_follow_their_axes_from_left_to_right_so_that_rivals_are_neighbours() {
    let mut cells = Vec::new();
    for model in ["B", "A"] {
        for method in ["slow", "fast"] {
            for lambda in [10.0, 1.0] {
                cells.push(ran(model, method, Some(lambda), "0", [0.0; 3], true));
            }
        }
    }
    let axes = [Axis::Model, Axis::Lambda, Axis::Method];
    let wide = table("wide", &[Axis::Model], &[Axis::Lambda, Axis::Method], &[ENERGY]);
    let tables = vec![table("long", &axes, &[], &[ENERGY]), wide];
    let scene = scene(&cells, presentation(tables, Vec::new()));
    write_run(&scene.run, &[]).unwrap();
    let text = file(&scene, "tables/long.csv");
    let heads: Vec<String> =
        text.lines().skip(1).map(|line| line.split(',').take(3).collect::<Vec<_>>().join(" ")).collect();
    let expected = ["B 10.0 slow", "B 10.0 fast", "B 1.0 slow", "B 1.0 fast", "A 10.0 slow"];
    assert_eq!(heads[..5], expected);
    assert_eq!(heads.len(), 8);
    let text = file(&scene, "tables/wide.md");
    let heads: Vec<&str> = text.lines().nth(2).unwrap().split(" | ").skip(1).collect();
    assert!(heads[0].starts_with("λ = 10, slow") && heads[1].starts_with("λ = 10, fast"), "{heads:?}");
}

#[test]
fn csv_reads_back_bit_for_bit() {
    let hard =
        [0.1 + 0.2, 1.0 / 3.0, -5e-324, f64::MAX, 2.5e-8, 123_456_789.123_456_79, -0.0, 1e21, 9e15 + 1.0];
    let names: Vec<&'static str> = vec!["a", "b", "c", "d", "e", "f", "g", "h", "i"];
    let cells: Vec<Cell> = names
        .iter()
        .zip(hard)
        .map(|(name, value)| ran("M, \"quoted\"", name, Some(0.1), "0", [value; 3], true))
        .collect();
    let scene = scene(&cells, presentation(Vec::new(), Vec::new()));
    write_run(&scene.run, &[]).unwrap();
    let text = file(&scene, "tables/cells.csv");
    let mut lines = text.lines();
    let place = lines.next().unwrap().split(',').position(|name| name == "metric:energy").unwrap();
    let mut read = 0;
    for (line, value) in lines.zip(hard) {
        // The only commas inside quotes are those of the model's label.
        let line = line.replace("\"M, \"\"quoted\"\"\"", "M");
        let found: f64 = line.split(',').nth(place).unwrap().parse().unwrap();
        assert_eq!(found.to_bits(), value.to_bits(), "{line}");
        read += 1;
    }
    assert_eq!(read, hard.len());
}

#[test]
fn parquet_reads_back_and_has_the_same_bytes_every_time() {
    let scene = many_without_figures();
    write_run(&scene.run, &[]).unwrap();
    let path = scene.run.path.join("tables/cells.parquet");
    let bytes = fs::read(&path).unwrap();
    let frame = ParquetReader::new(Cursor::new(&bytes)).finish().unwrap();
    assert_eq!(frame.height(), scene.run.plan.cells.len());
    assert!(frame.equals_missing(&cells_frame(&scene.run).unwrap()));
    for _ in 0..3 {
        write_run(&scene.run, &[]).unwrap();
        assert_eq!(fs::read(&path).unwrap(), bytes);
    }
}

#[test]
fn every_planned_cell_is_a_row_and_clock_readings_stay_out_of_it() {
    let scene = many_without_figures();
    write_run(&scene.run, &[]).unwrap();
    let cells = file(&scene, "tables/cells.csv");
    assert_eq!(cells.lines().count(), 1 + scene.run.plan.cells.len());
    let of = |status: &str| cells.lines().filter(|line| line.contains(&format!(",{status},"))).count();
    assert_eq!((of("failed"), of("skipped"), of("not-run")), (1, 8, 1));
    assert!(!cells.contains("wall") && !cells.contains("0.125"), "{cells}");
    let timings = file(&scene, "tables/timings.csv");
    assert!(timings.lines().next().unwrap().ends_with("wall-s,cpu-s"));
    assert_eq!(timings.lines().count(), 1 + scene.run.cells.len());
}

#[test]
fn a_table_of_an_unknown_metric_names_the_known_ones_and_writes_nothing() {
    let tables = vec![table("main", &[Axis::Method], &[], &["energie"])];
    let scene = scene(&[ran("A", "one", None, "0", [0.0; 3], true)], presentation(tables, Vec::new()));
    let error = write_run(&scene.run, &[]).unwrap_err();
    assert_eq!(
        error.to_string(),
        "table `main` asks for metric `energie`, which the run does not have; it has log-likelihood-mean, energy, evaluations"
    );
    assert!(!scene.run.path.join("tables").exists());
}

#[test]
fn a_table_cannot_leave_its_folder_or_take_the_place_of_another() {
    for id in ["../out", "cells", "", "a b"] {
        let tables = vec![table(id, &[Axis::Method], &[], &[ENERGY])];
        let scene = scene(&[ran("A", "one", None, "0", [0.0; 3], true)], presentation(tables, Vec::new()));
        let error = write_run(&scene.run, &[]).unwrap_err();
        assert!(matches!(error, ReportError::Name { what: "table", .. }), "{id}: {error}");
    }
}

//! Duality gaps that are known by other means.

use crate::densities::{Pointwise, ask, bowl, number, refusal, spring, study, terrace, terraced_plane};
use likely_core::Euclidean;

const ENDS: [&[f64]; 2] = [&[-1.0, 0.0], &[1.0, 0.0]];

fn series<'f>(findings: &'f likely_studies::Findings, id: &str) -> &'f ndarray::Array2<f64> {
    &findings.series.iter().find(|series| series.id == id).unwrap().values
}

/// Levels and energies of the graph `(s(y), 2 + 2 y^2)`, `y` on a fine grid, and its lower convex envelope at a level.
struct Graph(Vec<(f64, f64)>);

impl Graph {
    fn of(s: impl Fn(f64) -> f64, highest: f64) -> Self {
        Self((0..=40_000).map(|k| highest * f64::from(k) / 4e4).map(|y| (s(y), 2.0 + 2.0 * y * y)).collect())
    }

    /// By trying every supporting weight: `max_lambda min_y E + lambda (s - level)`, and the levels where it touches.
    fn dual(&self, level: f64) -> (f64, (f64, f64)) {
        let lowest = |lambda: f64| {
            let value = |&(s, e): &(f64, f64)| e + lambda * (s - level);
            *self.0.iter().min_by(|a, b| value(a).total_cmp(&value(b))).unwrap()
        };
        let (mut low, mut high) = (0.0, 1e4);
        for _ in 0..60 {
            let middle = 0.5 * (low + high);
            if lowest(middle).0 > level { low = middle } else { high = middle }
        }
        let (s, e) = lowest(low);
        (e + low * (s - level), (lowest(high).0, s))
    }
}

#[test]
fn the_gap_of_a_terrace_is_the_one_of_its_graph() {
    // One interior point (0, y): the bound s(y) <= S-bar costs 2 + 2 y^2, which is not convex in S-bar.
    let steepness = 8.0;
    let study = study("duality-gap", "levels = 19\nlargest = 1e3");
    let findings = ask(&*study, &Euclidean::new(2), &terraced_plane(steepness), None, ENDS, 2).unwrap();
    let graph = Graph::of(|y| terrace(y, steepness), 3.0);
    let levels = series(&findings, "duality-gap");
    assert_eq!(levels.nrows(), 19);
    let (mut gap, mut relative, mut jump) = (0.0_f64, 0.0_f64, (f64::NAN, f64::NAN));
    for row in levels.rows() {
        let y = 1.0 + (1.0 / row[0] - 1.0).ln() / steepness;
        let exact = 2.0 + 2.0 * y * y;
        assert!((row[1] - exact).abs() < 1e-6, "level {}: {}, expected {exact}", row[0], row[1]);
        let (dual, touching) = graph.dual(row[0]);
        assert!((row[2] - dual).abs() < 1e-5, "level {}: {}, expected {dual}", row[0], row[2]);
        if exact - dual > gap {
            (gap, relative, jump) = (exact - dual, relative.max((exact - dual) / exact), touching);
        }
    }
    assert!(gap > 0.1, "the terrace has no gap to find: {gap}");
    let found = number(&findings, "duality-gap-max");
    assert!((found - gap).abs() < 1e-5, "{found}, expected {gap}");
    assert!(number(&findings, "duality-gap-relative") >= relative - 1e-5);
    assert!(number(&findings, "duality-unsolved-levels") < 0.5);
    let relaxed = series(&findings, "duality-relaxed");
    let range = relaxed.column(0).iter().fold((f64::INFINITY, 0.0_f64), |(l, h), s| (l.min(*s), h.max(*s)));
    let share = (jump.1 - jump.0) / (range.1 - range.0);
    let found = number(&findings, "duality-unreachable-share");
    assert!((found - share).abs() < 2e-3, "{found}, expected {share}");
    // No relaxed minimiser of its weight lies inside the jump.
    let lowest = |lambda: f64| {
        let of = |row: &ndarray::ArrayView1<'_, f64>| row[1] + lambda * row[0];
        relaxed.rows().into_iter().map(|row| of(&row)).fold(f64::INFINITY, f64::min)
    };
    let per_lambda = 2.0 / terrace(0.0, steepness);
    for row in relaxed.rows() {
        let inside = row[0] > jump.0 + 1e-3 && row[0] < jump.1 - 1e-3;
        let factor = row[2] * per_lambda;
        assert!(!inside || row[1] + factor * row[0] > lowest(factor) + 1e-6, "{row}");
    }
}

#[test]
fn a_convex_problem_has_no_gap() {
    let n = 10;
    let centre = [0.0, 1.5];
    let study = study("duality-gap", "levels = 9\nlargest = 50.0\nstarts = 2");
    let findings = ask(&*study, &Euclidean::new(2), &bowl(centre.to_vec(), 1.0, 1.0), None, ENDS, n).unwrap();
    assert!(number(&findings, "duality-gap-relative").abs() < 1e-6);
    assert!(number(&findings, "duality-gap-max").abs() < 1e-6);
    assert!(number(&findings, "duality-unreachable-share").abs() < f64::MIN_POSITIVE);
    assert!(number(&findings, "duality-unsolved-levels") < 0.5);
    let curve = |factor: f64| {
        let x = [vec![-1.0], spring(-1.0, 1.0, centre[0], factor, n), vec![1.0]].concat();
        let y = [vec![0.0], spring(0.0, 0.0, centre[1], factor, n), vec![0.0]].concat();
        let energy: f64 = (0..n).map(|i| (x[i + 1] - x[i]).powi(2) + (y[i + 1] - y[i]).powi(2)).sum();
        let total: f64 =
            (1..n).map(|i| 1.0 + 0.5 * ((x[i] - centre[0]).powi(2) + (y[i] - centre[1]).powi(2))).sum();
        (total / (n - 1) as f64, energy)
    };
    for row in series(&findings, "duality-gap").rows() {
        let (mut low, mut high) = (0.0, 1e3);
        for _ in 0..100 {
            let middle = 0.5 * (low + high);
            if curve(middle).0 > row[0] { low = middle } else { high = middle }
        }
        let energy = curve(high).1;
        assert!((row[1] - energy).abs() < 1e-6 * energy, "{row}, expected {energy}");
    }
}

#[test]
fn two_ways_around_an_obstacle_are_found_from_the_line_between_them() {
    // A hill with a flat top in the middle of the line: pushing the point off it costs much before it gains anything.
    let hill = |x: &[f64]| {
        let q = x[0] * x[0] + x[1] * x[1];
        let s = (-q * q).exp();
        (s, vec![-4.0 * q * x[0] * s, -4.0 * q * x[1] * s])
    };
    let potential = Pointwise { dim: 2, at: hill };
    let study = study("duality-gap", "levels = 9");
    let findings = ask(&*study, &Euclidean::new(2), &potential, None, ENDS, 2).unwrap();
    let graph = Graph::of(|y| (-y.powi(4)).exp(), 3.0);
    let mut gap = 0.0_f64;
    for row in series(&findings, "duality-gap").rows() {
        // s = exp(-y^4).
        let exact = 2.0 + 2.0 * (-row[0].ln()).sqrt();
        assert!((row[1] - exact).abs() < 1e-6, "level {}: {}, expected {exact}", row[0], row[1]);
        gap = gap.max(exact - graph.dual(row[0]).0);
    }
    assert!(gap > 0.1);
    let found = number(&findings, "duality-gap-max");
    assert!((found - gap).abs() < 1e-4, "{found}, expected {gap}");
}

#[test]
fn a_density_without_slope_leaves_nothing_to_scan() {
    let flat = bowl(vec![0.0, 0.0], 0.0, 1.0);
    let error = ask(&*study("duality-gap", ""), &Euclidean::new(2), &flat, None, ENDS, 5).unwrap_err();
    assert!(error.to_string().contains("no level to scan"), "{error}");
    for (config, words) in [
        ("levels = 0", "1..=1000"),
        ("bend = 2.0", "[0, 1]"),
        ("feasibility = 0.0", "above 0"),
        ("level = 3", "unknown field"),
    ] {
        let refusal = refusal("duality-gap", config);
        assert!(refusal.contains(words), "{config}: {refusal}");
    }
}

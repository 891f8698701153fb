//! What every geometry must keep, over the whole table.

use crate::support::{Entry, assert_close, dot, normal, rows, suite};
use likely_core::{EvalError, Form, Geometry, Inverses, Rows, Seed, Tensors};
use likely_geometries::{ALL, PullBack, Sphere, SphereChart};
use std::collections::BTreeSet;

const COUNT: usize = 7;

#[test]
fn the_table_is_complete_and_sorted_and_the_suite_covers_it() {
    assert!(ALL.windows(2).all(|pair| pair[0].id < pair[1].id));
    let entries =
        include_str!("../../src/lib.rs").lines().filter(|line| line.ends_with("::MANIFOLD,")).count();
    assert_eq!(ALL.len(), entries);
    let files = std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/src")).unwrap();
    let with_manifold = files
        .map(|file| file.unwrap().path())
        .map(|path| if path.is_dir() { path.join("mod.rs") } else { path })
        .filter(|path| {
            std::fs::read_to_string(path).is_ok_and(|text| text.contains("pub(crate) const MANIFOLD"))
        })
        .count();
    assert_eq!(ALL.len(), with_manifold);
    let covered: BTreeSet<&str> = suite().iter().map(|entry| entry.id).collect();
    let all: BTreeSet<&str> = ALL.iter().map(|manifold| manifold.id).collect();
    assert_eq!(covered, all);
}

/// A geometry without its own closed-form contractions.
struct Plain<'a>(&'a dyn Geometry);

impl Geometry for Plain<'_> {
    fn dim(&self) -> usize {
        self.0.dim()
    }
    fn form(&self) -> Form {
        self.0.form()
    }
    fn tensors(&self, at: Rows<'_>, out: &mut Tensors) -> Result<(), EvalError> {
        self.0.tensors(at, out)
    }
    fn norm_gradient(&self, at: Rows<'_>, v: &[f64], out: &mut [f64]) -> Result<(), EvalError> {
        self.0.norm_gradient(at, v, out)
    }
}

#[test]
fn the_tensor_has_the_form_that_is_stated_and_is_a_metric() {
    for entry in suite() {
        let (name, dim) = (entry.name(), entry.geometry.dim());
        let points = entry.points("points", COUNT);
        let mut tensors = Tensors::default();
        entry.geometry.tensors(rows(&points, dim), &mut tensors).unwrap();
        assert_eq!(tensors.form(), entry.geometry.form(), "{name}");
        assert_eq!((tensors.batch(), tensors.dim()), (COUNT, dim), "{name}");
        Inverses::default().factorise(&tensors).unwrap_or_else(|error| panic!("{name}: {error}"));
        for row in 0..COUNT {
            let g = tensors.matrix(row);
            for i in 0..dim {
                for j in 0..i {
                    let difference = (g[i * dim + j] - g[j * dim + i]).abs();
                    assert!(difference <= 1e-13 * g[i * dim + i].max(g[j * dim + j]), "{name}");
                }
            }
        }
    }
}

#[test]
fn norms_gradients_and_their_fusion_agree_with_the_tensor() {
    for entry in suite() {
        let (name, dim) = (entry.name(), entry.geometry.dim());
        let (points, v) = (entry.points("points", COUNT), entry.vectors("vectors", COUNT));
        let at = rows(&points, dim);
        let (mut norms, mut by_default) = ([0.0; COUNT], [0.0; COUNT]);
        entry.geometry.squared_norms(at, &v, &mut norms).unwrap();
        Plain(&*entry.geometry).squared_norms(at, &v, &mut by_default).unwrap();
        for (norm, expected) in norms.iter().zip(by_default) {
            assert!((norm - expected).abs() <= 1e-12 * expected, "{name}: {norm} {expected}");
        }
        let (mut tensors, mut fused) = (Tensors::default(), Tensors::default());
        let (mut gradient, mut fused_gradient) = (vec![0.0; v.len()], vec![0.0; v.len()]);
        entry.geometry.tensors(at, &mut tensors).unwrap();
        entry.geometry.norm_gradient(at, &v, &mut gradient).unwrap();
        entry.geometry.linearise(at, &v, &mut fused, &mut fused_gradient).unwrap();
        assert_close(&fused_gradient, &gradient, 0.0, &name);
        for row in 0..COUNT {
            assert_close(&fused.matrix(row), &tensors.matrix(row), 0.0, &name);
        }
    }
}

#[test]
fn the_pull_back_of_the_chart_is_the_sphere() {
    for dim in [1, 2, 3, 10] {
        let sphere = Sphere::new(dim).unwrap();
        let generic = PullBack::new(SphereChart::new(sphere)).unwrap();
        assert_eq!(generic.form(), Form::Dense);
        let mut rng = Seed::new(1).stream(&[("test", "pull-back")]);
        let (points, v) = (normal(&mut rng, COUNT * dim), normal(&mut rng, COUNT * dim));
        let at = rows(&points, dim);
        let (mut dense, mut known) = (Tensors::default(), Tensors::default());
        generic.tensors(at, &mut dense).unwrap();
        sphere.tensors(at, &mut known).unwrap();
        for row in 0..COUNT {
            assert_close(&dense.matrix(row), &known.matrix(row), 1e-14, "tensor");
        }
        let (mut found, mut expected) = (vec![0.0; v.len()], vec![0.0; v.len()]);
        generic.norm_gradient(at, &v, &mut found).unwrap();
        sphere.norm_gradient(at, &v, &mut expected).unwrap();
        assert_close(&found, &expected, 1e-13, "gradient");
        generic.christoffel(at, &v, &mut found).unwrap();
        sphere.christoffel(at, &v, &mut expected).unwrap();
        assert_close(&found, &expected, 1e-12, "Christoffel symbols");
        let (mut found, mut expected) = ([0.0; COUNT], [0.0; COUNT]);
        generic.squared_norms(at, &v, &mut found).unwrap();
        sphere.squared_norms(at, &v, &mut expected).unwrap();
        assert_close(&found, &expected, 1e-14, "norms");
        let bad = [f64::NAN].repeat(dim);
        let refused = generic.squared_norms(rows(&bad, dim), &bad, &mut [0.0]);
        assert_eq!(refused, Err(EvalError::NonFinitePoint { row: 0 }));
    }
    let large = PullBack::new(SphereChart::new(Sphere::new(5000).unwrap()));
    assert!(large.unwrap_err().to_string().contains("5000 coordinates; at most 1024"));
}

/// The slope of the logarithm of `remainder(h)` against that of `h`, over the steps above the rounding floor.
fn order(remainder: impl Fn(f64) -> f64, size: f64) -> Option<f64> {
    let steps: Vec<f64> = (8..=17).map(|k| 0.5_f64.powi(k)).collect();
    let kept: Vec<(f64, f64)> = steps
        .iter()
        .map(|h| (h.log2(), remainder(*h)))
        .filter(|(_, r)| *r > 1e-12 * size)
        .map(|(h, r)| (h, r.log2()))
        .collect();
    let (first, last) = (kept.first()?, kept.last()?);
    (kept.len() >= 3).then(|| (first.1 - last.1) / (first.0 - last.0))
}

fn norm_at(entry: &Entry, x: &[f64], v: &[f64]) -> f64 {
    let mut norm = [0.0];
    entry.geometry.squared_norms(rows(x, x.len()), v, &mut norm).expect("in the chart");
    norm[0]
}

#[test]
fn the_gradient_of_the_norm_passes_a_taylor_test() {
    for entry in suite() {
        let (name, dim) = (entry.name(), entry.geometry.dim());
        let mut measured = 0;
        for (k, x) in entry.points("points", COUNT).chunks_exact(dim).enumerate() {
            let v = &entry.vectors("vectors", COUNT)[k * dim..(k + 1) * dim];
            let mut direction = entry.vectors("directions", COUNT)[k * dim..(k + 1) * dim].to_vec();
            // Short against the distance to the edge of the chart.
            let length = dot(&direction, &direction).sqrt() / x.iter().fold(1.0_f64, |s, x| s.min(x.abs()));
            for d in &mut direction {
                *d /= length;
            }
            let mut gradient = vec![0.0; dim];
            entry.geometry.norm_gradient(rows(x, dim), v, &mut gradient).unwrap();
            let (base, slope) = (norm_at(&entry, x, v), dot(&gradient, &direction));
            let remainder = |h: f64| {
                let moved: Vec<f64> = x.iter().zip(&direction).map(|(x, d)| x + h * d).collect();
                (norm_at(&entry, &moved, v) - base - h * slope).abs()
            };
            match order(remainder, base) {
                Some(order) => {
                    assert!((order - 2.0).abs() < 0.1, "{name}: order {order}");
                    measured += 1;
                }
                // Nothing beyond the first order was left to see.
                None => assert!(remainder(0.5_f64.powi(8)) < 1e-5 * base, "{name}"),
            }
        }
        assert!(measured > 0 || entry.geometry.form() == Form::Flat, "{name}: no order could be measured");
    }
}

#[test]
fn christoffel_symbols_agree_with_polarisation() {
    for entry in suite() {
        let (name, dim) = (entry.name(), entry.geometry.dim());
        let (points, v) = (entry.points("points", COUNT), entry.vectors("vectors", COUNT));
        let (mut found, mut expected) = (vec![0.0; v.len()], vec![0.0; v.len()]);
        entry.geometry.christoffel(rows(&points, dim), &v, &mut found).unwrap();
        Plain(&*entry.geometry).christoffel(rows(&points, dim), &v, &mut expected).unwrap();
        for (found, expected) in found.chunks_exact(dim).zip(expected.chunks_exact(dim)) {
            assert_close(found, expected, 1e-11, &name);
        }
    }
}

#[test]
fn the_tensor_is_the_pull_back_of_the_embedding() {
    let mut embedded = BTreeSet::new();
    for entry in suite() {
        let Some(embedding) = entry.geometry.embedding() else { continue };
        embedded.insert(entry.id);
        let (name, dim, ambient) = (entry.name(), entry.geometry.dim(), embedding.ambient_dim());
        let points = entry.points("points", COUNT);
        let mut tensors = Tensors::default();
        entry.geometry.tensors(rows(&points, dim), &mut tensors).unwrap();
        for (row, x) in points.chunks_exact(dim).enumerate() {
            // Richardson's extrapolation of central differences: an error of order h^4.
            let h = 1e-3;
            let mut jacobian = vec![0.0; ambient * dim];
            for k in 0..dim {
                for (weight, step) in [(4.0 / 3.0, 0.5 * h), (-1.0 / 3.0, h)] {
                    for sign in [1.0, -1.0] {
                        let (mut moved, mut image) = (x.to_vec(), vec![0.0; ambient]);
                        moved[k] += sign * step;
                        embedding.map(rows(&moved, dim), &mut image).unwrap();
                        for (i, y) in image.iter().enumerate() {
                            jacobian[i * dim + k] += weight * sign * y / (2.0 * step);
                        }
                    }
                }
            }
            let product: Vec<f64> = (0..dim * dim)
                .map(|at| {
                    (0..ambient).map(|i| jacobian[i * dim + at / dim] * jacobian[i * dim + at % dim]).sum()
                })
                .collect();
            assert_close(&product, &tensors.matrix(row), 1e-8, &name);
        }
    }
    let expected =
        ["ellipsoid", "graph", "hyperbolic-paraboloid", "paraboloid", "spd-frobenius", "sphere", "torus"];
    for id in expected {
        assert!(embedded.contains(id), "{id}");
    }
}

#[test]
fn a_rotational_geometry_is_the_same_in_the_span_of_its_points() {
    let mut rotational = BTreeSet::new();
    for entry in suite() {
        let (name, dim) = (entry.name(), entry.geometry.dim());
        let Some(small) = entry.geometry.rotational(2) else { continue };
        rotational.insert(entry.id);
        assert!(matches!(entry.geometry.form(), Form::Flat | Form::Conformal), "{name}");
        assert_eq!(small.dim(), 2);
        for x in entry.points("points", COUNT).chunks_exact(dim) {
            let v = &entry.vectors("vectors", 1);
            let (scale, radius) = (dot(v, v).sqrt(), dot(x, x).sqrt());
            let mut norm = [0.0];
            small.squared_norms(rows(&[0.6 * radius, -0.8 * radius], 2), &[0.0, scale], &mut norm).unwrap();
            let expected = norm_at(&entry, x, v);
            assert!((norm[0] - expected).abs() <= 1e-13 * expected, "{name}");
        }
    }
    assert_eq!(rotational, BTreeSet::from(["euclidean", "sphere"]));
}

#[test]
fn the_bits_at_a_point_do_not_depend_on_the_batch() {
    for entry in suite() {
        let (name, dim) = (entry.name(), entry.geometry.dim());
        let (points, v) = (entry.points("points", COUNT), entry.vectors("vectors", COUNT));
        let mut together = vec![0.0; v.len()];
        entry.geometry.norm_gradient(rows(&points, dim), &v, &mut together).unwrap();
        let parts = points.chunks_exact(dim).zip(v.chunks_exact(dim)).zip(together.chunks_exact(dim));
        for ((x, v), expected) in parts {
            let mut alone = vec![0.0; dim];
            entry.geometry.norm_gradient(rows(x, dim), v, &mut alone).unwrap();
            assert_close(&alone, expected, 0.0, &name);
        }
    }
}

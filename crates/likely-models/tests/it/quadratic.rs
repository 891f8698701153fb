//! Quadratic potentials, alone and as the weighted sum of the potentials of Gaussians.

use crate::support::{build, build_in, cases, difference, error, list, rows};
use likely_core::{Normalisation, Potential, Symmetry};
use likely_models::{BuildError, Quadratic, QuadraticError};
use ndarray::{Array1, Array2, array, s};

#[test]
fn one_quadratic_is_the_weighted_sum_of_the_log_densities_of_scipy() {
    let mut compared = 0;
    for case in cases(include_str!("../golden/gaussian-averages.json")) {
        let (weights, centres) = (Array1::from(list(&case["weights"])), rows(&case["centres"]));
        let potential = Quadratic::weighted_gaussians(weights.view(), centres.view()).unwrap();
        let at = potential.value_and_grad(rows(&case["at"]).view()).unwrap();
        let off = difference(&at.value, &list(&case["value"]));
        assert!(off < 1e-14, "{} dimensions: {off}", centres.ncols());
        let expected = rows(&case["grad_first_5"]);
        let off = difference(at.grad.slice(s![.., ..expected.ncols()]), &expected);
        assert!(off < 1e-14, "{} dimensions: {off}", centres.ncols());
        compared += 1;
    }
    assert_eq!(compared, 7);
}

#[test]
fn the_sums_of_the_reference_cases_hold() {
    let mut compared = 0;
    for case in cases(include_str!("../golden/reference-sums.json")) {
        let potential = if case["centre"].is_array() {
            Quadratic::new(list(&case["centre"]), case["scale"].as_f64().unwrap()).unwrap()
        } else {
            let weights = Array1::from(list(&case["weights"]));
            Quadratic::weighted_gaussians(weights.view(), rows(&case["centres"]).view()).unwrap()
        };
        let (a, b) = (list(&case["start"]), list(&case["end"]));
        let n = case["segments"].as_u64().unwrap() as usize;
        let line = Array2::from_shape_fn((n - 1, a.len()), |(i, j)| {
            a[j] + (b[j] - a[j]) * (i + 1) as f64 / n as f64
        });
        let sum = potential.value(line.view()).unwrap().sum();
        assert!(difference([&sum], [&case["sum"].as_f64().unwrap()]) < 1e-13, "{case}: {sum}");
        compared += 1;
    }
    assert_eq!(compared, 10);
}

#[test]
fn centres_come_from_a_file_as_from_the_spec() {
    let folder = tempfile::tempdir().unwrap();
    let header = "{'descr': '<f8', 'fortran_order': False, 'shape': (2, 3), }\n";
    let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
    bytes.extend((header.len() as u16).to_le_bytes());
    bytes.extend(header.as_bytes());
    bytes.extend([0.5, -1.0, 2.0, 1.5, 0.25, 0.0_f64].iter().flat_map(|x| x.to_le_bytes()));
    std::fs::write(folder.path().join("centres.npy"), bytes).unwrap();
    let id = "gaussian-average";
    let from_file =
        build_in(folder.path(), id, "weights = [0.4, 0.6], centres = 'centres.npy'", None).unwrap();
    let inline = "weights = [0.4, 0.6], centres = [[0.5, -1, 2], [1.5, 0.25, 0]]";
    let in_place = build(id, inline, None).unwrap();
    let at = array![[0.3, 0.1, -2.0], [9.0, 9.0, 9.0]];
    let [a, b] = [&from_file, &in_place].map(|built| built.potential.value_and_grad(at.view()).unwrap());
    assert_eq!(a, b);
    assert_eq!(from_file.facts, in_place.facts);
    assert_eq!(from_file.resolved["centres"].as_str(), Some("centres.npy"));
    let missing = build_in(folder.path(), id, "weights = [1.0], centres = 'none.npy'", None).err().unwrap();
    assert!(matches!(missing, BuildError::Read { .. }), "{missing}");
    std::fs::write(folder.path().join("text.npy"), "0.5, 1.0").unwrap();
    let damaged = build_in(folder.path(), id, "weights = [1.0], centres = 'text.npy'", None).err().unwrap();
    assert!(matches!(damaged, BuildError::File { .. }), "{damaged}");
}

#[test]
fn what_does_not_fit_is_said() {
    let reason = error("gaussian-average", "weights = [1.0], centres = [[0.0], [1.0]]", None).to_string();
    assert!(reason.contains("1 weights but 2 centres"), "{reason}");
    let reason = error("gaussian-average", "weights = [], centres = []", None).to_string();
    assert!(reason.contains("no coordinates"), "{reason}");
    let reason = error("gaussian-average", "weights = [1.0], centres = [[1e200]]", None).to_string();
    assert!(reason.contains("centre 0"), "{reason}");
    assert_eq!(Quadratic::new(vec![], 1.0), Err(QuadraticError::NoCoordinates));
    assert_eq!(Quadratic::new(vec![0.0], -1.0), Err(QuadraticError::Scale { scale: -1.0 }));
    let reason = error("quadratic", "centre = [], scale = 1.0", None).to_string();
    assert!(reason.contains("no coordinates"), "{reason}");
}

#[test]
fn it_says_what_it_is_and_overflow_is_infinite() {
    let potential = Quadratic::new(vec![1.0, -1.0], 0.7).unwrap();
    assert_eq!(potential.normalisation(), Normalisation::UpToConstant);
    let Symmetry::RadialAbout { centre, .. } = potential.symmetry() else {
        panic!("radial about its centre")
    };
    assert_eq!(centre, potential.centre());
    let at = potential.value_and_grad(array![[1e200, 0.0], [f64::NAN, 0.0]].view()).unwrap();
    assert!(at.value[0].is_infinite() && at.value[0] > 0.0);
    assert!(at.value[1].is_nan() && at.grad[[1, 0]].is_nan());
}

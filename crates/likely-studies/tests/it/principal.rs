//! Principal directions against the reference, closed forms and themselves.

use crate::support::{matrix, numbers, rows, spd2, sphere};
use likely_core::{Euclidean, Geometry, Rows};
use likely_studies::principal::{Moment, PrincipalError, principal_directions};
use ndarray::{Array1, Array2, ArrayView1, array};
use serde_json::Value;

#[test]
fn the_released_form_is_the_reference_up_to_signs() {
    let golden: Value = serde_json::from_str(include_str!("../golden/means.json")).unwrap();
    let case = &golden["pga_small"];
    let velocities = matrix(&case["inputs"]["u0"]);
    let flat = Euclidean::new(3);
    let found =
        principal_directions(&flat, Array1::zeros(3).view(), velocities.view(), Moment::Released, 3).unwrap();
    let expected = numbers(&case["outputs"]["eigenvalues_desc"]);
    let mut cases = 0;
    for (k, (direction, expected_row)) in
        found.directions.rows().into_iter().zip(rows(&case["outputs"]["Vh"])).enumerate()
    {
        assert!((found.variances[k] - expected[k]).abs() < 1e-14);
        let cosine: f64 = direction.iter().zip(&expected_row).map(|(a, b)| a * b).sum();
        assert!((cosine.abs() - 1.0).abs() < 1e-13, "{k}: {direction}");
        let leading = direction.iter().fold(0.0_f64, |best, x| if x.abs() > best.abs() { *x } else { best });
        assert!(leading > 0.0, "the sign is fixed");
        cases += 1;
    }
    assert_eq!(cases, 3);
}

fn some(count: usize, dim: usize) -> Array2<f64> {
    Array2::from_shape_fn((count, dim), |(k, j)| ((k * k + 3 * j * k * k + 5 * j * j * k + j) as f64).sin())
}

fn inner(geometry: &dyn Geometry, at: &[f64], a: ArrayView1<'_, f64>, b: ArrayView1<'_, f64>) -> f64 {
    let (sum, difference) = (&a + &b, &a - &b);
    let mut out = [0.0; 2];
    let twice: Vec<f64> = at.iter().chain(at).copied().collect();
    let both: Vec<f64> = sum.iter().chain(&difference).copied().collect();
    geometry.squared_norms(Rows::new(&twice, at.len()).unwrap(), &both, &mut out).unwrap();
    0.25 * (out[0] - out[1])
}

#[test]
fn directions_are_orthonormal_in_the_metric_and_rebuild_the_covariance() {
    let at = [0.9, 0.3, 1.2];
    for count in [3, 12] {
        let velocities = some(count, 3);
        let found =
            principal_directions(&spd2(), ArrayView1::from(&at), velocities.view(), Moment::Riemannian, 3)
                .unwrap();
        // Three centred velocities span a plane.
        let rank = if count == 3 { 2 } else { 3 };
        assert_eq!(found.variances.len(), rank);
        for a in 0..rank {
            for b in 0..rank {
                let product = inner(&spd2(), &at, found.directions.row(a), found.directions.row(b));
                assert!((product - f64::from(a == b)).abs() < 1e-10, "{count} {a} {b}: {product}");
            }
        }
        let average = velocities.mean_axis(ndarray::Axis(0)).unwrap();
        for (direction, variance) in found.directions.rows().into_iter().zip(&found.variances) {
            let along: f64 = velocities
                .rows()
                .into_iter()
                .map(|u| inner(&spd2(), &at, (&u - &average).view(), direction).powi(2))
                .sum();
            assert!((along / count as f64 - variance).abs() < 1e-10 * found.total);
        }
        assert!((found.variances.iter().sum::<f64>() - found.total).abs() < 1e-12 * found.total);
    }
}

#[test]
fn both_ways_to_diagonalise_agree() {
    // One velocity more than coordinates takes the other way; a repeated set has the same covariance.
    let few = some(4, 5);
    let many = ndarray::concatenate![ndarray::Axis(0), few, few];
    let at = array![0.1, -0.2, 0.3, 0.0, 0.2];
    let one = principal_directions(&sphere(5), at.view(), few.view(), Moment::Riemannian, 3).unwrap();
    let two = principal_directions(&sphere(5), at.view(), many.view(), Moment::Riemannian, 3).unwrap();
    for k in 0..3 {
        assert!((one.variances[k] - two.variances[k]).abs() < 1e-12);
        for j in 0..5 {
            assert!((one.directions[[k, j]] - two.directions[[k, j]]).abs() < 1e-9);
        }
    }
}

#[test]
fn what_has_no_principal_direction_is_refused() {
    let flat = Euclidean::new(2);
    let zero = Array1::zeros(2);
    let refused = |velocities: &Array2<f64>, components| {
        let found =
            principal_directions(&flat, zero.view(), velocities.view(), Moment::Riemannian, components);
        matches!(found, Err(PrincipalError::Input { .. }))
    };
    assert!(refused(&array![[1.0, 2.0], [1.0, 2.0]], 1), "nothing varies");
    assert!(refused(&array![[1.0, 2.0]], 1), "one velocity does not vary");
    assert!(refused(&Array2::zeros((0, 2)), 1));
    assert!(refused(&array![[1.0, 2.0], [0.0, 1.0]], 0));
    assert!(refused(&array![[1.0, f64::NAN], [0.0, 1.0]], 1));
    assert!(refused(&array![[1.0, 2.0, 3.0], [0.0, 1.0, 0.0]], 1));
    let wide = Array2::<f64>::ones((600, 600));
    let found = principal_directions(
        &Euclidean::new(600),
        Array1::zeros(600).view(),
        wide.view(),
        Moment::Released,
        1,
    );
    assert!(found.unwrap_err().to_string().contains("at most 512"));
}

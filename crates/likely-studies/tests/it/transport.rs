//! Parallel transport against the closed form on the sphere.

use crate::densities::{ask, number, study};
use crate::support::{
    chart, chart_vector, dot, half_plane, lift, lift_vector, paraboloid, quadratic, sphere,
};
use likely_core::{ClosedForm, Euclidean, Geometry, Rows};
use likely_studies::transport::{TransportError, parallel_transport};
use ndarray::{Array2, array};

/// Transport along the great arc from `x` with velocity `v` to time `t`, of `w`: the part along the arc turns with it.
fn along_great_arc(x: &[f64], v: &[f64], w: &[f64]) -> (Vec<f64>, Vec<f64>) {
    let speed = dot(v, v).sqrt();
    let unit: Vec<f64> = v.iter().map(|v| v / speed).collect();
    let along = dot(w, &unit);
    let end: Vec<f64> = x.iter().zip(&unit).map(|(x, e)| speed.cos() * x + speed.sin() * e).collect();
    let moved = (0..x.len())
        .map(|j| w[j] - along * unit[j] + along * (speed.cos() * unit[j] - speed.sin() * x[j]))
        .collect();
    (end, moved)
}

fn arc(segments: usize, start: &[f64; 2], velocity: &[f64; 2]) -> Array2<f64> {
    let mut curve = Array2::zeros((segments + 1, 2));
    for (i, mut point) in curve.rows_mut().into_iter().enumerate() {
        let t = i as f64 / segments as f64;
        sphere(2).exp(start, &velocity.map(|v| t * v), point.as_slice_mut().unwrap()).unwrap();
    }
    curve
}

#[test]
fn transport_along_a_great_arc_converges_to_the_closed_form_at_fourth_order() {
    let (start, velocity) = ([0.3, -0.2], [0.8, 0.9]);
    let vectors = array![[1.0, 0.0], [-0.3, 2.0], [0.0, 0.0]];
    let error = |segments: usize| {
        let curve = arc(segments, &start, &velocity);
        let moved = parallel_transport(&sphere(2), curve.view(), vectors.view(), 2).unwrap();
        let mut worst = 0.0_f64;
        for (k, w) in vectors.rows().into_iter().enumerate() {
            let w = lift_vector(&start, w.as_slice().unwrap());
            let (end, expected) = along_great_arc(&lift(&start), &lift_vector(&start, &velocity), &w);
            let expected = chart_vector(&end, &expected);
            assert!((chart(&end)[0] - curve[[segments, 0]]).abs() < 1e-12);
            for j in 0..2 {
                worst = worst.max((moved[[segments, k, j]] - expected[j]).abs());
            }
        }
        worst
    };
    let (coarse, fine) = (error(50), error(100));
    let order = (coarse / fine).log2();
    assert!((order - 4.0).abs() < 0.2, "order {order}");
    assert!(fine < 1e-6, "{fine}");
}

#[test]
fn norms_and_angles_are_kept_to_fourth_order_along_any_curve() {
    let vectors = array![[1.0, 0.5], [-0.4, 0.9]];
    let loss = |segments: usize| {
        let mut curve = Array2::zeros((segments + 1, 2));
        for (i, mut point) in curve.rows_mut().into_iter().enumerate() {
            let t = i as f64 / segments as f64;
            point.assign(&array![(5.0 * t).sin(), 1.2 + (3.0 * t).cos() * 0.8]);
        }
        let moved = parallel_transport(&half_plane(), curve.view(), vectors.view(), 1).unwrap();
        let inner = |i: usize, a: usize, b: usize| {
            let y = curve[[i, 1]];
            (0..2).map(|j| moved[[i, a, j]] * moved[[i, b, j]]).sum::<f64>() / (y * y)
        };
        [(0, 0), (0, 1), (1, 1)]
            .iter()
            .map(|&(a, b)| (inner(segments, a, b) - inner(0, a, b)).abs())
            .fold(0.0, f64::max)
    };
    let (coarse, fine) = (loss(40), loss(80));
    assert!((coarse / fine).log2() > 3.6, "{coarse:e} {fine:e}");
    assert!(fine < 1e-5, "{fine:e}");
}

#[test]
fn nothing_turns_in_flat_space() {
    let curve = array![[0.0, 0.0], [1.0, 3.0], [2.0, -1.0]];
    let vectors = array![[1.0, 2.0]];
    let moved = parallel_transport(&Euclidean::new(2), curve.view(), vectors.view(), 1).unwrap();
    for i in 0..3 {
        assert_eq!(moved[[i, 0, 0]], 1.0);
        assert_eq!(moved[[i, 0, 1]], 2.0);
    }
}

#[test]
fn what_cannot_be_transported_is_refused() {
    let curve = array![[0.0, 1.0], [1.0, -1.0]];
    let vectors = array![[1.0, 2.0]];
    let error = parallel_transport(&half_plane(), curve.view(), vectors.view(), 4).unwrap_err();
    assert!(matches!(error, TransportError::Segment { segment: 0, .. }), "{error}");
    let refused = |result: Result<_, TransportError>| matches!(result, Err(TransportError::Input { .. }));
    assert!(refused(parallel_transport(&sphere(3), curve.view(), vectors.view(), 1)));
    assert!(refused(parallel_transport(&sphere(2), curve.view(), vectors.view(), 0)));
    assert!(refused(parallel_transport(&sphere(2), array![[0.0, 1.0]].view(), vectors.view(), 1)));
    assert!(refused(parallel_transport(
        &sphere(2),
        array![[0.0, f64::NAN], [0.0, 1.0]].view(),
        vectors.view(),
        1
    )));
    let sphere = sphere(2);
    let mut norms = [0.0];
    sphere.squared_norms(Rows::new(&[0.0, 0.0], 2).unwrap(), &[1.0, 0.0], &mut norms).unwrap();
    assert_eq!(norms, [4.0]);
}

#[test]
fn vectors_carried_along_geodesics_meet_their_closed_form_at_the_order_of_the_curve() {
    let flat = quadratic(vec![0.0, 0.0], 1.0);
    // Where the tensor is a multiple of the identity, e^(2 phi), taking it at the left end is to first order the energy of the
    // curve at the times t + phi / N: its points move along the geodesic, which carries vectors all the same, and off it only to
    // second order. Along exact points of the geodesic the order is four.
    let ask_at = |geometry: &dyn Geometry, config: &str, ends: [&[f64]; 2]| {
        ask(&*study("parallel-transport", config), geometry, &flat, None, ends, 40)
    };
    let (s2, plane) = (sphere(2), half_plane());
    let cases: [(&dyn Geometry, [&[f64]; 2]); 2] =
        [(&s2, [&[0.9, -0.2], &[-0.3, 0.7]]), (&plane, [&[-1.0, 0.6], &[0.8, 1.1]])];
    for (geometry, ends) in cases {
        for (config, order, most) in [("", 2.0, 1e-3), ("along = \"closed-form\"", 4.0, 1e-7)] {
            let found = ask_at(geometry, config, ends).unwrap();
            let (error, observed) = (number(&found, "transport-error"), number(&found, "transport-order"));
            assert!((observed - order).abs() < 0.1, "{config}: order {observed}, error {error:e}");
            assert!(error < most && error > 0.0, "{config}: {error:e}");
            assert!(number(&found, "transport-norm-drift") < 1e-6, "{config}");
            assert!(number(&found, "transport-angle-drift") < 1e-6, "{config}");
        }
    }
    let ten = sphere(10);
    let wide = quadratic(vec![0.0; 10], 1.0);
    let (a, b) = ([0.1; 10], [0.2; 10]);
    let refused = ask(&*study("parallel-transport", ""), &ten, &wide, None, [&a, &b], 10);
    assert!(refused.unwrap_err().to_string().contains("surfaces"));
    let refused = ask_at(&paraboloid(2), "", [&[0.0, 0.0], &[1.0, 0.0]]);
    assert!(refused.unwrap_err().to_string().contains("closed form"));
}

//! The strip around a wave.

use crate::support::{cases, difference, error, list};
use likely_core::Potential;
use likely_models::{Strip, StripForm};
use ndarray::{Array2, array};

#[test]
fn both_forms_agree_with_forty_digits() {
    let mut compared = 0;
    for case in cases(include_str!("../golden/strips.json")) {
        let width = case["width"].as_f64().unwrap();
        let at = Array2::from_shape_vec((1, 2), list(&case["at"])).unwrap();
        let log = Strip::new(StripForm::Log, width).unwrap().value_and_grad(at.view()).unwrap();
        assert!(difference(&log.value, [&case["log"].as_f64().unwrap()]) < 1e-13, "{case}: {log:?}");
        assert!(difference(&log.grad, &list(&case["log_grad"])) < 1e-12, "{case}: {log:?}");
        let released = Strip::new(StripForm::Released, width).unwrap().value_and_grad(at.view()).unwrap();
        assert!(difference(&released.value, [&-case["density"].as_f64().unwrap()]) < 1e-13, "{case}");
        assert!(difference(&released.grad, &list(&case["released_grad"])) < 1e-12, "{case}: {released:?}");
        compared += 1;
    }
    assert_eq!(compared, 70);
}

#[test]
fn no_point_of_the_wave_is_nearer() {
    let strip = Strip::new(StripForm::Log, 1.0).unwrap();
    for i in 0..60 {
        for j in 0..60 {
            let (u, v) = (f64::from(i) * 0.2 - 6.0, f64::from(j) * 0.25 - 7.0);
            let nearest = 2.0 * strip.value(array![[u, v]].view()).unwrap()[0];
            for k in -400..=400 {
                let t = u + f64::from(k) * 0.01;
                let squared = (t - u).powi(2) + (0.5 * t.sin() + 1.0 - v).powi(2);
                assert!(nearest <= squared + 1e-13, "({u}, {v}): {nearest}, but {squared} at {t}");
            }
        }
    }
}

#[test]
fn points_far_away_stay_numbers() {
    let far = array![[1e8, 9.0], [0.0, -1e9], [1e200, 1e200], [0.3, f64::NAN]];
    let log = Strip::new(StripForm::Log, 0.15).unwrap().value_and_grad(far.view()).unwrap();
    assert!(log.value[0].is_finite() && log.value[1].is_finite());
    assert!(log.value[2].is_infinite() && log.value[2] > 0.0 && log.value[3].is_nan());
    let released = Strip::new(StripForm::Released, 0.15).unwrap().value_and_grad(far.view()).unwrap();
    assert!(released.value.iter().take(3).all(|s| s.abs() < 1e-30), "{released:?}");
    assert!(released.grad.rows().into_iter().take(3).all(|g| g.iter().all(|g| g.abs() < 1e-30)));
    assert!(released.value[3].is_nan() && released.grad[[3, 1]].is_nan());
    assert!(Strip::new(StripForm::Log, 0.0).is_none() && Strip::new(StripForm::Log, f64::NAN).is_none());
    assert!(error("strip", "width = 1e-200", None).to_string().contains("1e-100"));
}

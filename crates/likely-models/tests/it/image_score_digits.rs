//! The score of digits that is shipped: images to noise and back, and what it generates.

use crate::images::shipped;
use crate::support::{bits, build_in, normal};
use likely_core::{EvalError, ImageSpace};
use ndarray::{Array2, s};
use std::sync::Arc;

fn shipped_digits(more: &str) -> Arc<dyn ImageSpace> {
    let config = format!("weights = \"digits-score-sde.safetensors\"{more}");
    build_in(&shipped(), "image-score-sde", &config, None).unwrap().images.unwrap()
}

/// A three in 17 levels, and the same turned upside down.
fn digits() -> Array2<f64> {
    let three = [
        [0, 0, 9, 15, 14, 4, 0, 0],
        [0, 5, 14, 6, 10, 12, 0, 0],
        [0, 0, 0, 1, 13, 9, 0, 0],
        [0, 0, 0, 9, 15, 3, 0, 0],
        [0, 0, 0, 4, 12, 12, 1, 0],
        [0, 0, 0, 0, 1, 14, 6, 0],
        [0, 2, 9, 3, 6, 15, 4, 0],
        [0, 1, 11, 16, 13, 5, 0, 0],
    ];
    let levels: Vec<u8> = three.concat();
    let turned = levels.chunks(8).rev().flatten();
    let values = levels.iter().chain(turned).map(|level| f64::from(*level) / 16.0).collect();
    Array2::from_shape_vec((2, 64), values).unwrap()
}

#[test]
fn the_flow_carries_images_to_noise_and_back_the_nearer_the_smaller_the_tolerance() {
    let images = digits();
    let worst = [1e-2, 1e-5].map(|tolerance| {
        let space = shipped_digits(&format!(", tolerance = {tolerance:e}"));
        let noise = space.encode(images.view()).unwrap();
        let alone = space.encode(images.slice(s![1..2, ..])).unwrap();
        assert_eq!(bits(&alone), bits(noise.row(1)), "each image is carried by itself");
        assert_eq!(space.decode(noise.slice(s![..0, ..])).unwrap().dim(), (0, 64));
        let back = space.decode(noise.view()).unwrap();
        (&back - &images).iter().fold(0.0_f64, |top, gap| top.max(gap.abs()))
    });
    // Less than a tenth of a level, and far from that with large steps.
    assert!(worst[1] < 6e-3 && worst[1] < 0.2 * worst[0], "{worst:?}");
}

#[test]
fn the_weights_that_are_shipped_know_digits() {
    let images = shipped_digits(", tolerance = 1e-3").decode(normal("digits", 40, 64, 1.0).view()).unwrap();
    // Digits are dark at their left and right edges and bright in the middle.
    let mean = |column: usize| (0..8).map(|row| images.column(8 * row + column).sum()).sum::<f64>() / 320.0;
    assert!(mean(0) < 0.03 && mean(7) < 0.05 && mean(3) > 0.4, "{} {} {}", mean(0), mean(7), mean(3));
}

#[test]
fn the_likelihood_of_images_is_that_of_the_flow_whatever_images_and_threads_are_beside() {
    let images = digits();
    let config = |more: &str| format!("weights = \"digits-score-sde.safetensors\", tolerance = 1e-2{more}");
    let built = |more: &str| build_in(&shipped(), "image-score-sde", &config(more), None).unwrap();
    let space = built(", probes = 3").images.unwrap();
    let model = space.likelihood().unwrap();
    assert_eq!(model.estimator(), "probability flow, trace by 3 random directions, tolerance 1e-2");
    let found = model.likelihoods(images.view()).unwrap();
    assert!(found.bound.is_none());
    let logs = found.log_likelihood.unwrap();
    // Levels stand in the middle of their intervals, of which 17 make up [0, 1].
    let middles = images.mapv(|pixel| 2.0 * (16.0 * pixel + 0.5) / 17.0 - 1.0);
    let potential =
        built(", probes = 3, potential = \"likelihood\"").potential.value(middles.view()).unwrap();
    for (log, potential) in logs.iter().zip(&potential) {
        assert!((log - 64.0 * 2.0_f64.ln() + potential).abs() < 1e-9, "{log} {potential}");
    }
    let pool = rayon::ThreadPoolBuilder::new().num_threads(3).build().unwrap();
    let alone =
        pool.install(|| model.likelihoods(images.slice(s![1.., ..])).unwrap().log_likelihood.unwrap());
    assert_eq!(bits(&alone), bits(logs.slice(s![1..,])));
    let carried = pool.install(|| space.encode(images.view()).unwrap());
    assert_eq!(bits(&carried), bits(&space.encode(images.view()).unwrap()));
    // A digit is likelier than the same upside down.
    assert!(logs[0] > logs[1] + 10.0, "{logs:?}");
    let exact = built("").images.unwrap();
    assert_eq!(exact.likelihood().unwrap().estimator(), "probability flow, exact trace, tolerance 1e-2");
    let narrow = model.likelihoods(images.slice(s![.., ..60])).unwrap_err();
    assert_eq!(narrow, EvalError::Dimension { expected: 64, found: 60 });
}

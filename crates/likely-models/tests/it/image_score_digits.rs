//! The score of digits that is shipped: images to noise and back, and what it generates.

use crate::images::shipped;
use crate::support::{bits, build_in, normal};
use likely_core::ImageSpace;
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

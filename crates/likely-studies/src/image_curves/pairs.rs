//! Pairs of held-out images.

use super::Of;
use crate::{ImagesOf, StudyError};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{RngCore, SeedableRng};
use std::collections::BTreeSet;

/// Two different held-out images to join, with a random stream of their own.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct ImagePair {
    pub(super) start: usize,
    pub(super) end: usize,
    /// The same for every method.
    pub(super) noise: ChaCha8Rng,
}

/// Draws `count` pairs, no two alike; what is drawn depends on the stream, the labels and nothing else.
pub(super) fn draw(
    images: &ImagesOf<'_>,
    count: usize,
    of: Of,
    rng: &mut ChaCha8Rng,
) -> Result<Vec<ImagePair>, StudyError> {
    let refused = |reason: String| StudyError::Unsupported { reason };
    let number = images.held_out.nrows();
    let labels = match (of, images.labels) {
        (Of::DifferentClasses, Some(labels)) if labels.len() == number => Some(labels),
        (Of::DifferentClasses, Some(labels)) => {
            return Err(refused(format!("there are {} labels for {number} held-out images", labels.len())));
        }
        (Of::DifferentClasses, None) => {
            return Err(refused("the held-out images have no classes; use `of = \"any\"`".to_owned()));
        }
        (Of::Any, _) => None,
    };
    let suits = |a: usize, b: usize| a != b && labels.is_none_or(|labels| labels[a] != labels[b]);
    let all = match labels {
        None => number * number.saturating_sub(1) / 2,
        Some(labels) => {
            let mut classes = [0_usize; 256];
            for label in labels {
                classes[usize::from(*label)] += 1;
            }
            (number * number - classes.iter().map(|n| n * n).sum::<usize>()) / 2
        }
    };
    if all < count {
        return Err(refused(format!(
            "{number} held-out images make {all} such pairs; ask for no more than that, not {count}"
        )));
    }
    let mut seen = BTreeSet::new();
    let mut pairs = Vec::with_capacity(count);
    while pairs.len() < count {
        let [start, end] = [below(rng, number), below(rng, number)];
        if suits(start, end) && seen.insert([start.min(end), start.max(end)]) {
            let mut key = [0; 32];
            rng.fill_bytes(&mut key);
            pairs.push(ImagePair { start, end, noise: ChaCha8Rng::from_seed(key) });
        }
    }
    Ok(pairs)
}

/// A number below `bound`.
pub(super) fn below(rng: &mut ChaCha8Rng, bound: usize) -> usize {
    // The bias of the product is below 2^-32 for any number of images that fits in memory.
    ((u128::from(rng.next_u64()) * bound as u128) >> 64) as usize
}

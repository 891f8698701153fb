//! What is measured of curves of images.

use crate::Number;
use crate::set_numbers::{COUNT, for_all_networks, number, set_ids, set_numbers};

pub(super) const FRAME_LOG_LIKELIHOOD: &str = "images-frame-log-likelihood";
pub(super) const FRAME_BOUND: &str = "images-frame-bound";
pub(super) const BITS: &str = "images-bits-per-dim";
pub(super) const BITS_BOUND: &str = "images-bits-per-dim-bound";
pub(super) const TYPICALITY: &str = "images-typicality";
pub(super) const LOG_LIKELIHOOD: &str = "images-log-likelihood";
pub(super) const POTENTIAL: &str = "images-potential";
pub(super) const ENERGY: &str = "images-energy";
pub(super) const SMOOTHNESS: &str = "images-smoothness";
pub(super) const NORM: &str = "images-norm-deviation";
pub(super) const NORM_TAIL: &str = "images-norm-tail";
pub(super) const PIXEL_LENGTH: &str = "images-pixel-length";
pub(super) const END_ERROR: &str = "images-end-error";
pub(super) const EVALUATIONS: &str = "images-evaluations";
pub(super) const UNCONVERGED: &str = "images-unconverged";

/// Ids of the numbers that a feature network makes of curves, for a network whose numbers have names.
#[derive(Debug, Clone, Copy)]
pub(super) struct Named {
    pub(super) network: &'static str,
    pub(super) length: &'static str,
    pub(super) variance: &'static str,
    /// In the order of [`likely_metrics::distances::SetMetric::ALL`].
    pub(super) sets: [&'static str; 6],
}

/// The numbers of one network.
const PER_NETWORK: usize = 8;

macro_rules! of_curves {
    ($($network:literal, $short:literal, $what:literal, $no_fid:literal, $frechet:literal, $before:literal, $after:literal;)*) => {
        /// Networks whose numbers have names.
        pub(super) const NAMED: [Named; COUNT] = [$(Named {
            network: $network,
            length: concat!("images-length-", $short),
            variance: concat!("images-pdv-", $short),
            sets: set_ids!($frechet, $before, $after),
        }),*];

        const OF_NETWORKS: [[Number; PER_NETWORK]; COUNT] = [$({
            let [frechet, kernel, precision, recall, density, coverage] = set_numbers!(
                set_ids!($frechet, $before, $after),
                $what,
                $no_fid,
                "the interior frames of all pairs",
                "interior frames",
                "an interior frame",
                "which the series `image-sets` names. Its standard error, and those of the other numbers about sets, are over pairs, each left out in turn"
            );
            [
                number(
                    concat!("images-length-", $short),
                    "1",
                    "lower",
                    concat!("Sum of the Euclidean distances between the features of consecutive frames, decoded ends included, averaged over pairs; features of ", $what, "."),
                ),
                number(
                    concat!("images-pdv-", $short),
                    "1",
                    "lower",
                    concat!("Perceptual distance variance: the variance over the steps of a curve of the Euclidean distance between the features of its consecutive frames, averaged over pairs; features of ", $what, ", not LPIPS."),
                ),
                frechet,
                kernel,
                precision,
                recall,
                density,
                coverage,
            ]
        }),*];
    };
}

for_all_networks!(of_curves);

/// What is measured without a network.
const PLAIN: [Number; 15] = [
    number(
        FRAME_LOG_LIKELIHOOD,
        "nats",
        "higher",
        "Mean of log p(x) over the interior frames, averaged over pairs; p the model's density of images with numbers in [0, 1]: exact for a Gaussian, for an autoencoder an importance-weighted estimate with 64 samples of its encoder (Burda et al. 2016, eq. 8), the same noise for every image. Decoded images are means without the noise of a pixel, so they are likelier than the model's samples with it.",
    ),
    number(
        FRAME_BOUND,
        "nats",
        "higher",
        "The same with a lower bound of log p(x): the evidence bound of an autoencoder with the same samples, the variational bound of a diffusion with one sample in each of 20 parts (Ho et al. 2020), 256^D times its probability at 256 levels being its density.",
    ),
    number(
        BITS,
        "bits",
        "lower",
        "Bits for each of the D numbers of an interior frame, 8 - log p(x) / (D log 2), from `images-frame-log-likelihood`: what 256 levels cost where the density changes little within one.",
    ),
    number(
        BITS_BOUND,
        "bits",
        "lower",
        "The same from `images-frame-bound`; no fewer bits than the model needs.",
    ),
    number(
        TYPICALITY,
        "1",
        "neither",
        "Share of 100 images decoded from standard normal points that are less likely than an interior frame, by the likelihood or, where there is none, the bound of the model; mean over frames, averaged over pairs. About 1/2 for frames like the model's own, near 1 for frames that are too likely, near 0 for unlikely ones.",
    ),
    number(
        LOG_LIKELIHOOD,
        "nats",
        "higher",
        "Mean of log p over the interior points of each curve, averaged over pairs, p the density in the space of the model; its standard error is over pairs. Comparable between methods in one model, not between models.",
    ),
    number(
        POTENTIAL,
        "nats",
        "lower",
        "Mean of the potential S over the interior points of each curve, averaged over pairs; -log p up to a constant where p is not normalised, and none where the model has its gradient alone.",
    ),
    number(
        ENERGY,
        "squared units",
        "neither",
        "Sum of the squared steps of a curve in the geometry of the model, sum_i <dz_i, G(z_i) dz_i>, averaged over pairs.",
    ),
    number(
        SMOOTHNESS,
        "squared units",
        "lower",
        "Sum of the squared second differences of a curve in coordinates, averaged over pairs, as `smoothness-second`.",
    ),
    number(
        NORM,
        "1",
        "neither",
        "Mean relative deviation of the norm from that of noise, | |z_i| / sqrt(d) - 1 | over all points of a curve, averaged over pairs: for spaces whose points are standard normal.",
    ),
    number(
        NORM_TAIL,
        "1",
        "neither",
        "Mean over the interior points of the two-sided tail probability of |z|^2 under the chi-square law of d standard normal numbers, 2 min(P, 1 - P), averaged over pairs: near 0 where norms are none of noise, 1/2 on average for noise.",
    ),
    number(
        PIXEL_LENGTH,
        "1",
        "lower",
        "Sum of the Euclidean distances between consecutive frames, decoded ends included, pixels in [0, 1], averaged over pairs.",
    ),
    number(
        END_ERROR,
        "1",
        "lower",
        "Root mean square over pixels of the difference between a held-out image and the decoded end of its curve, averaged over the ends of all pairs: what the space cannot show, and what a method that moves the ends adds.",
    ),
    number(
        EVALUATIONS,
        "points",
        "lower",
        "Points of the density that the method evaluated, averaged over pairs.",
    ),
    number(UNCONVERGED, "1", "lower", "Pairs whose curve the method left before it converged."),
];

const ALL: [Number; PLAIN.len() + PER_NETWORK * NAMED.len()] = {
    let mut all = [PLAIN[0]; PLAIN.len() + PER_NETWORK * NAMED.len()];
    let mut place = 0;
    while place < all.len() {
        all[place] = match place.checked_sub(PLAIN.len()) {
            None => PLAIN[place],
            Some(place) => OF_NETWORKS[place / PER_NETWORK][place % PER_NETWORK],
        };
        place += 1;
    }
    all
};

pub(super) const NUMBERS: &[Number] = &ALL;

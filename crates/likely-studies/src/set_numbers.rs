//! What numbers about sets of images are called and mean, for every feature network whose numbers have names.

use crate::Number;

/// Calls `$each` with the networks: id, its short form in names, what people call it, what a Fréchet distance on it is not, what it is
/// called, and what stands before and after the definition in ids.
///
/// An id of a number is a definition, and other weights are another one.
macro_rules! for_all_networks {
    ($each:ident) => {
        $each! {
            "clean-fid-inception-v3", "clean-inception-v3", "the Inception v3 of 2015 as clean-fid runs it", "", "fid", "clean-", "-inception-v3";
            "fashion-classifier", "fashion-classifier", "the classifier of Fashion-MNIST that is trained here", "no FID, and ", "fd", "", "-fashion-classifier";
            "fid-inception-v3", "inception-v3", "the Inception v3 of 2015 as pytorch-fid runs it", "", "fid", "", "-inception-v3";
            "inception-v3-nsfwjs", "inception-v3-nsfwjs", "an Inception v3 that was trained for another task (nsfwjs)", "no FID, and ", "fd", "", "-inception-v3-nsfwjs";
            "mobilenet-v2-nsfwjs", "mobilenet-v2-nsfwjs", "a MobileNetV2 that was trained for another task (nsfwjs)", "no FID, and ", "fd", "", "-mobilenet-v2-nsfwjs";
            "pixels", "pixels", "no network: the pixels themselves", "no FID, and ", "fd", "", "-pixels";
            "tf1-fid-inception-v3", "tf1-inception-v3", "the Inception v3 of 2015 as TensorFlow 1 and torch-fidelity run it", "", "fid", "tf1-", "-inception-v3";
        }
    };
}

macro_rules! count {
    ($($network:literal, $short:literal, $what:literal, $no_fid:literal, $frechet:literal, $before:literal, $after:literal;)*) => {
        /// Networks whose numbers have names.
        pub(crate) const COUNT: usize = [$($network),*].len();
    };
}

for_all_networks!(count);

/// The six ids, in the order of [`likely_metrics::distances::SetMetric::ALL`].
macro_rules! set_ids {
    ($frechet:literal, $before:expr, $after:literal) => {
        [
            concat!($before, $frechet, $after),
            concat!($before, "kid", $after),
            concat!($before, "precision-k3", $after),
            concat!($before, "recall-k3", $after),
            concat!($before, "density-k5", $after),
            concat!($before, "coverage-k5", $after),
        ]
    };
}

/// The six definitions: `$all` are the images of a set, `$some` what several of them are called, `$one` one; `$so` says more of the first number.
macro_rules! set_numbers {
    ($ids:expr, $what:literal, $no_fid:literal, $all:literal, $some:literal, $one:literal, $so:literal) => {{
        let ids = $ids;
        [
            number(
                ids[0],
                "1",
                "lower",
                concat!("Fréchet distance between ", $all, " and all held-out images, on features of ", $what, ": ", $no_fid, "comparable only at the same numbers of images on both sides, ", $so, "."),
            ),
            number(
                ids[1],
                "1",
                "lower",
                "Kernel distance (KID): unbiased squared maximum mean discrepancy with the kernel (x.y/d + 1)^3 on the same features, the mean over 100 subsets of at most 100 images.",
            ),
            number(
                ids[2],
                "1",
                "higher",
                concat!("Share of the ", $some, " within the third-nearest-neighbour balls of held-out images (Kynkäänniemi et al. 2019), same features."),
            ),
            number(
                ids[3],
                "1",
                "higher",
                concat!("Share of the held-out images within the third-nearest-neighbour balls of ", $some, " (Kynkäänniemi et al. 2019), same features."),
            ),
            number(
                ids[4],
                "1",
                "higher",
                concat!("Density of the ", $some, " in the fifth-nearest-neighbour balls of held-out images (Naeem et al. 2020), same features."),
            ),
            number(
                ids[5],
                "1",
                "higher",
                concat!("Coverage: share of held-out images whose fifth-nearest-neighbour ball holds ", $one, " (Naeem et al. 2020), same features."),
            ),
        ]
    }};
}

pub(crate) use {for_all_networks, set_ids, set_numbers};

pub(crate) const fn number(
    id: &'static str,
    unit: &'static str,
    better: &'static str,
    definition: &'static str,
) -> Number {
    Number { id, unit, better, definition }
}

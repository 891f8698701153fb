//! Images that a model generates, or that models are trained on, as a set beside held-out ones.

use crate::image_sets::Sets;
use crate::image_subject::{self, BLIND, refused, standard_normals};
use crate::series::column;
use crate::settings::Count;
use crate::study::from_config;
use crate::{
    Findings, ImagesOf, Number, Observer, Picture, PictureRow, Reading, Series, Study, StudyError, StudyKind,
    Subject,
};
use ndarray::{Array2, Axis, array, concatenate};
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

pub(crate) const STUDY: StudyKind = StudyKind {
    id: "image-samples",
    summary: "Images that a model decodes from standard normal points, beside held-out images: Fréchet and kernel distance, precision, recall, density, coverage.",
    source: "Heusel et al. (2017), section 4; Kynkäänniemi et al. (2019); Naeem et al. (2020)",
    numbers: NUMBERS,
    build: from_config::<ImageSamples>,
};

const COUNT: &str = "samples-count";
const NETWORKS: [&str; 1] = ["fashion-classifier"];
/// Of each network, in the order of [`likely_metrics::distances::SetMetric::ALL`].
const IDS: [[&str; 6]; 1] = [[
    "samples-fd-fashion-classifier",
    "samples-kid-fashion-classifier",
    "samples-precision-k3-fashion-classifier",
    "samples-recall-k3-fashion-classifier",
    "samples-density-k5-fashion-classifier",
    "samples-coverage-k5-fashion-classifier",
]];

const fn number(
    id: &'static str,
    unit: &'static str,
    better: &'static str,
    definition: &'static str,
) -> Number {
    Number { id, unit, better, definition }
}

const NUMBERS: &[Number] = &[
    number(COUNT, "1", "neither", "Images that are held against the held-out ones."),
    number(
        IDS[0][0],
        "1",
        "lower",
        "Fréchet distance between the images of the study and all held-out ones, on features of the classifier of Fashion-MNIST that is trained here: no FID, and comparable only at the same numbers of images on both sides. Its standard error, and those of the other numbers about sets, are by leaving out each of at most 50 groups of the images in turn.",
    ),
    number(
        IDS[0][1],
        "1",
        "lower",
        "Kernel distance (KID): unbiased squared maximum mean discrepancy with the kernel (x.y/d + 1)^3 on the same features, the mean over 100 subsets of at most 100 images.",
    ),
    number(
        IDS[0][2],
        "1",
        "higher",
        "Share of the images within the third-nearest-neighbour balls of held-out images (Kynkäänniemi et al. 2019), same features.",
    ),
    number(
        IDS[0][3],
        "1",
        "higher",
        "Share of the held-out images within the third-nearest-neighbour balls of the images (Kynkäänniemi et al. 2019), same features.",
    ),
    number(
        IDS[0][4],
        "1",
        "higher",
        "Density of the images in the fifth-nearest-neighbour balls of held-out images (Naeem et al. 2020), same features.",
    ),
    number(
        IDS[0][5],
        "1",
        "higher",
        "Coverage: share of held-out images whose fifth-nearest-neighbour ball holds one of the images (Naeem et al. 2020), same features.",
    ),
];

/// Which images are held against the held-out ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Of {
    /// Those that the model decodes from standard normal points.
    #[default]
    Samples,
    /// Some of those that models are trained on: what a perfect model would come to.
    TrainingImages,
}

/// The study as a spec asks for it.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
struct ImageSamples {
    /// Images.
    samples: Count<100_000>,
    of: Of,
    /// Images that the picture of the study shows.
    shown: Count<1000>,
}

impl Default for ImageSamples {
    fn default() -> Self {
        Self { samples: Count::new(500), of: Of::Samples, shown: Count::new(20) }
    }
}

/// Images that are made together, between two looks at whether to stop.
const TOGETHER: usize = 128;
/// Most groups of images, each of which is left out for the error.
const GROUPS: usize = 50;
/// Images side by side in the picture.
const COLUMNS: usize = 10;

impl Study for ImageSamples {
    fn evaluations_at_most(&self, _: usize) -> u64 {
        0
    }

    fn takes_score(&self) -> bool {
        true
    }

    fn training_images(&self) -> usize {
        if self.of == Of::TrainingImages { self.samples.get() } else { 0 }
    }

    fn answer(
        &self,
        subject: &Subject<'_>,
        rng: &mut ChaCha8Rng,
        observe: Observer<'_>,
    ) -> Result<Findings, StudyError> {
        let images = image_subject::images(subject)?;
        let network = images.network.ok_or_else(|| refused(BLIND))?;
        let ids = IDS[image_subject::named(network, NETWORKS)?];
        let shape = images.space.shape();
        let made = match self.of {
            Of::Samples => self.sampled(&images, rng, observe)?,
            Of::TrainingImages => self.trained_on(&images)?,
        };
        let held_out = network.features(images.held_out, shape)?;
        let features = network.features(made.view(), shape)?;
        let count = made.nrows();
        let groups = features.axis_chunks_iter(Axis(0), count.div_ceil(GROUPS)).map(|group| group.to_owned());
        let mut findings = Findings {
            numbers: vec![Reading { id: COUNT, value: Ok(count as f64) }],
            series: vec![Series {
                id: "image-sets".to_owned(),
                label: String::new(),
                columns: ["held-out images", "images"].map(column).into(),
                values: array![[held_out.nrows() as f64, count as f64]],
            }],
            pictures: vec![self.picture(&images, &made)],
            ..Findings::default()
        };
        Sets { ids, network, held_out, groups: groups.collect() }.measure(&mut findings);
        Ok(findings)
    }
}

impl ImageSamples {
    fn sampled(
        &self,
        images: &ImagesOf<'_>,
        rng: &mut ChaCha8Rng,
        observe: Observer<'_>,
    ) -> Result<Array2<f64>, StudyError> {
        let points = standard_normals(images, self.samples.get(), rng)?;
        let mut made = Vec::new();
        for (i, points) in points.axis_chunks_iter(Axis(0), TOGETHER).enumerate() {
            if observe((i * TOGETHER) as f64 / self.samples.get() as f64).is_break() {
                return Err(StudyError::Interrupted);
            }
            made.push(images.space.decode(points)?);
        }
        let made: Vec<_> = made.iter().map(|images| images.view()).collect();
        Ok(concatenate(Axis(0), &made).expect("images of one space have one shape"))
    }

    fn trained_on(&self, images: &ImagesOf<'_>) -> Result<Array2<f64>, StudyError> {
        let training = images.training.ok_or_else(|| {
            refused("the folder of the images has no other part than the held-out one, so there are no training images")
        })?;
        let (there, wanted) = (training.nrows(), self.samples.get());
        if there < wanted {
            return Err(refused(format!(
                "there are {there} training images; ask for no more than that, not {wanted}"
            )));
        }
        let rows: Vec<usize> = (0..wanted).map(|i| i * there / wanted).collect();
        Ok(training.select(Axis(0), &rows))
    }

    fn picture(&self, images: &ImagesOf<'_>, made: &Array2<f64>) -> Picture {
        let shown = self.shown.get().min(made.nrows());
        let width = COLUMNS.min(shown);
        // A last row that would not be full is left out: the picture is a grid.
        let rows = made.axis_chunks_iter(Axis(0), width).take(shown / width).enumerate();
        Picture {
            id: "image-samples".to_owned(),
            label: match self.of {
                Of::Samples => "samples".to_owned(),
                Of::TrainingImages => "training images".to_owned(),
            },
            shape: images.space.shape(),
            columns: (1..=width).map(|column| column.to_string()).collect(),
            rows: rows
                .map(|(row, images)| PictureRow {
                    label: format!("{} to {}", row * width + 1, (row + 1) * width),
                    images: images.to_owned(),
                })
                .collect(),
        }
    }
}

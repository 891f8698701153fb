//! Images that a model generates, or that models are trained on, as a set beside held-out ones.

use crate::image_sets::Sets;
use crate::image_subject::{self, BLIND, refused, standard_normals};
use crate::series::column;
use crate::set_numbers::{COUNT, for_all_networks, number, set_ids, set_numbers};
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

const IMAGES: &str = "samples-count";

macro_rules! of_samples {
    ($($network:literal, $short:literal, $what:literal, $no_fid:literal, $frechet:literal, $before:literal, $after:literal;)*) => {
        const NETWORKS: [&str; COUNT] = [$($network),*];
        /// Of each network, in the order of [`likely_metrics::distances::SetMetric::ALL`].
        const IDS: [[&str; 6]; COUNT] = [$(set_ids!($frechet, concat!("samples-", $before), $after)),*];

        const OF_NETWORKS: [[Number; 6]; COUNT] = [$(set_numbers!(
            set_ids!($frechet, concat!("samples-", $before), $after),
            $what,
            $no_fid,
            "the images of the study",
            "images of the study",
            "one of them",
            "which the series `image-sets` names. Its standard error, and those of the other numbers about sets, are by leaving out each of at most 50 groups of the images in turn"
        )),*];
    };
}

for_all_networks!(of_samples);

const ALL: [Number; 1 + 6 * COUNT] = {
    let mut all =
        [number(IMAGES, "1", "neither", "Images that are held against the held-out ones."); 1 + 6 * COUNT];
    let mut place = 0;
    while place < 6 * COUNT {
        all[place + 1] = OF_NETWORKS[place / 6][place % 6];
        place += 1;
    }
    all
};

const NUMBERS: &[Number] = &ALL;

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
            numbers: vec![Reading { id: IMAGES, value: Ok(count as f64) }],
            series: vec![Series {
                id: "image-sets".to_owned(),
                label: String::new(),
                columns: ["held-out images", "images"].map(column).into(),
                values: array![[held_out.nrows() as f64, count as f64]],
            }],
            pictures: vec![self.picture(&images, &made)],
            ..Findings::default()
        };
        for (other, ids) in NETWORKS.iter().zip(IDS).filter(|(other, _)| **other != network.id()) {
            let reason = image_subject::of_another(network, other);
            findings.numbers.extend(ids.map(|id| Reading { id, value: Err(reason.clone()) }));
        }
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

//! The dinosaur of the Datasaurus dozen, read from a file.

use super::{Draw, Drawn, log_normal, log_sum, normal};
use crate::numbers::positive;
use crate::{BuildError, Config, Data, Resolved};
use likely_networks::training::{About, DataSource};
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

pub(crate) const DATA: Data = Data {
    id: "dino",
    summary: "The dinosaur of the Datasaurus dozen, from a file that you give: its points drawn with Gaussian noise.",
    build,
};

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Settings {
    file: PathBuf,
    #[serde(default = "default_noise", deserialize_with = "positive")]
    noise: f64,
}

fn default_noise() -> f64 {
    0.15
}

fn build(config: Config<'_>, folder: &Path) -> Result<Resolved<dyn DataSource>, BuildError> {
    let settings = Settings::deserialize(toml::Deserializer::from(config))?;
    let path = folder.join(&settings.file);
    let file = std::fs::metadata(&path).map_err(|source| BuildError::Read { path: path.clone(), source })?;
    if !file.is_file() || file.len() > LARGEST {
        let reason = format!("it is not a file of at most {LARGEST} bytes");
        return Err(BuildError::File { path, reason });
    }
    let text =
        std::fs::read_to_string(&path).map_err(|source| BuildError::Read { path: path.clone(), source })?;
    let points = read(&text).map_err(|reason| BuildError::File { path, reason })?;
    Drawn::resolved(Dino { points, noise: settings.noise }, &settings)
}

/// Bytes of the largest file that is read.
const LARGEST: u64 = 1 << 24;
/// The picture is brought to about [-4, 4] by these: `(x / middle - 1) 4`.
const MIDDLE: [f64; 2] = [54.0, 48.0];
const HALF_WIDTH: f64 = 4.0;

/// The points of the dinosaur in a table with a header, columns separated by tabs.
fn read(text: &str) -> Result<Vec<[f64; 2]>, String> {
    let mut lines = text.lines().enumerate();
    let (_, header) = lines.next().ok_or("it is empty; the first line must name the columns")?;
    let header: Vec<&str> = header.split('\t').map(str::trim).collect();
    let column = |name: &str| {
        header.iter().position(|column| *column == name).ok_or_else(|| {
            format!("the first line names no column `{name}`; `dataset`, `x` and `y` are needed, separated by tabs")
        })
    };
    let [set, x, y] = [column("dataset")?, column("x")?, column("y")?];
    let mut points = Vec::new();
    for (line, row) in lines {
        let cells: Vec<&str> = row.split('\t').map(str::trim).collect();
        if cells.get(set) != Some(&"dino") {
            continue;
        }
        let number = |place: usize| match cells.get(place).map(|cell| cell.parse::<f64>()) {
            Some(Ok(number)) if number.is_finite() => Ok(number),
            _ => Err(format!("line {}: column {} is not a number", line + 1, place + 1)),
        };
        points.push([number(x)?, number(y)?]);
    }
    if points.is_empty() { Err("no row has `dino` in the column `dataset`".into()) } else { Ok(points) }
}

struct Dino {
    points: Vec<[f64; 2]>,
    /// Standard deviation in the units of the file.
    noise: f64,
}

impl Draw for Dino {
    const DIM: usize = 2;
    const EQUISPACED: bool = false;

    fn draw(&self, place: f64, stream: &mut ChaCha8Rng, point: &mut [f64]) {
        let count = self.points.len();
        let from = self.points[((place * count as f64) as usize).min(count - 1)];
        for ((x, on), middle) in point.iter_mut().zip(from).zip(MIDDLE) {
            *x = ((on + normal(self.noise, stream)) / middle - 1.0) * HALF_WIDTH;
        }
    }

    fn log_density(&self, point: &[f64]) -> f64 {
        let scales = MIDDLE.map(|middle| HALF_WIDTH / middle);
        let terms = self.points.iter().map(|from| {
            let gap = |j: usize| point[j] - (from[j] / MIDDLE[j] - 1.0) * HALF_WIDTH;
            let log = |j: usize| log_normal(gap(j), self.noise * scales[j]);
            (1.0, log(0) + log(1))
        });
        log_sum(terms) - libm::log(self.points.len() as f64)
    }

    fn about(&self) -> About {
        About {
            description: format!(
                "{} points of a dinosaur, drawn with replacement and with Gaussian noise {} in the units of the file, brought to about [-4, 4].",
                self.points.len(),
                self.noise
            ),
            source: "Matejka and Fitzmaurice, Same Stats, Different Graphs, 2017, and tiny-diffusion, datasets.py, dino".into(),
            licence: "the file is the user's".into(),
        }
    }
}

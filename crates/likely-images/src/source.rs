//! Pictures from any file or folder that is read here.

use crate::picture::Picture;
use crate::{ImageSet, ImagesError, Resize, folder, hub_table, npy, read_idx};
use likely_core::ImageShape;
use std::path::{Path, PathBuf};

/// Which half of a data set that comes in two.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Part {
    /// What models are trained on.
    #[default]
    Training,
    /// What they are tested on.
    Test,
}

impl Part {
    /// As files of MNIST and of the hub begin.
    fn names(self) -> &'static [&'static str] {
        match self {
            Self::Training => &["train"],
            Self::Test => &["t10k", "test", "valid"],
        }
    }
}

/// What pictures are brought to while they are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Reading {
    /// Which part, of a folder that holds two; all other formats have the training part only.
    pub part: Part,
    /// 1 for grey, 3 for colour; as they are when absent, and then all must agree.
    pub channels: Option<usize>,
    /// Another size; as they are when absent, and then all must agree.
    pub size: Option<Size>,
}

/// Another size, and the way to it. Pictures with other proportions are stretched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Size {
    /// Pixels from top to bottom.
    pub height: usize,
    /// Pixels from left to right.
    pub width: usize,
    /// A way that rounds to levels.
    pub way: Resize,
}

/// Pictures from a file or folder, of whatever format it is.
///
/// - A folder with files of MNIST's names, such as `train-images-idx3-ubyte` and `train-labels-idx1-ubyte`, each perhaps with `.gz`.
/// - A folder of PNG and JPEG files, in the order of their names. Where it has sub-folders instead, each is a class,
///   with labels from 0 in the order of their names.
/// - A folder of Parquet files as on the hub, of which those count whose names begin with the part, or one such file: a column
///   `image` that holds `bytes`, or bytes itself, and perhaps a column `label`.
/// - A file of `numpy.save`: bytes, or numbers in `[0, 1]`, of shape `(count, height, width)`, `(count, channels, height, width)` or
///   `(count, height, width, channels)` with 1 or 3 channels.
/// - A file of MNIST's format by itself; pictures have no labels then.
///
/// # Errors
/// [`ImagesError`], which names the file and what in it is wrong: none of these formats, damage, no picture at all, another
/// size than the first picture's, a part that is not there.
pub fn open(path: &Path, reading: &Reading) -> Result<ImageSet, ImagesError> {
    reading.check()?;
    let about = std::fs::metadata(path).map_err(|source| ImagesError::read(path, source))?;
    let set = if about.is_dir() { open_folder(path, reading) } else { open_file(path, reading) }?;
    if set.count() == 0 {
        return Err(ImagesError::file(path, "it holds no picture"));
    }
    Ok(set)
}

fn open_folder(path: &Path, reading: &Reading) -> Result<ImageSet, ImagesError> {
    let listing = folder::Listing::of(path)?;
    let idx: Vec<&PathBuf> = listing.files.iter().filter(|file| name(file).contains("idx3-ubyte")).collect();
    if !idx.is_empty() {
        let images = part_of(path, &idx, reading.part)?;
        let labels_name = name(images).replace("images", "labels").replace("idx3", "idx1");
        // The labels may be compressed where the pictures are not, or the other way round.
        let plain = labels_name.trim_end_matches(".gz");
        let labels = listing.files.iter().find(|file| name(file).trim_end_matches(".gz") == plain);
        return brought(read_idx(images, labels.map(PathBuf::as_path))?, reading);
    }
    let tables: Vec<&PathBuf> = listing.files.iter().filter(|file| extension(file) == "parquet").collect();
    if !tables.is_empty() {
        let first = part_of(path, &tables, reading.part)?;
        let begin = reading.part.names().iter().find(|begin| name(first).starts_with(**begin));
        let of_part = tables.iter().filter(|file| begin.is_none_or(|begin| name(file).starts_with(begin)));
        return hub_table::read(&of_part.map(|file| file.as_path()).collect::<Vec<_>>(), reading);
    }
    only_training(path, reading)?;
    folder::read(path, listing, reading)
}

fn open_file(path: &Path, reading: &Reading) -> Result<ImageSet, ImagesError> {
    only_training(path, reading)?;
    match extension(path).as_str() {
        "npy" => brought(npy::read(path)?, reading),
        "parquet" => hub_table::read(&[path], reading),
        "png" | "jpg" | "jpeg" => folder::read_files(&[path.to_path_buf()], reading),
        _ if name(path).contains("idx3-ubyte") || extension(path) == "idx3" => {
            brought(read_idx(path, None)?, reading)
        }
        _ => Err(ImagesError::file(
            path,
            "it is none of the formats that are read: a folder or file of MNIST's format, a folder of PNG and JPEG files, \
             .npy, .parquet",
        )),
    }
}

/// The first file whose name begins like the part; any file where no name tells of a part.
fn part_of<'a>(path: &Path, files: &[&'a PathBuf], part: Part) -> Result<&'a PathBuf, ImagesError> {
    let begins = |part: Part| {
        files.iter().find(|file| part.names().iter().any(|begin| name(file).starts_with(begin))).copied()
    };
    match (begins(part), begins(Part::Training).or_else(|| begins(Part::Test))) {
        (Some(file), _) => Ok(file),
        (None, None) if part == Part::Training && files.len() == 1 => Ok(files[0]),
        (None, _) => {
            let wanted = part.names().join("` or `");
            let there: Vec<_> = files.iter().map(|file| name(file)).collect();
            let reason = format!("no file begins with `{wanted}`; there is {}", there.join(", "));
            Err(ImagesError::file(path, reason))
        }
    }
}

fn only_training(path: &Path, reading: &Reading) -> Result<(), ImagesError> {
    match reading.part {
        Part::Training => Ok(()),
        Part::Test => Err(ImagesError::file(path, "it has no test part; only folders of two parts have")),
    }
}

/// The name of a file, as far as it is text.
fn name(path: &Path) -> std::borrow::Cow<'_, str> {
    path.file_name().map(std::ffi::OsStr::to_string_lossy).unwrap_or_default()
}

/// What stands after the last point of a name, in small letters.
pub(crate) fn extension(path: &Path) -> String {
    path.extension().map(|end| end.to_string_lossy().to_lowercase()).unwrap_or_default()
}

impl Reading {
    fn check(&self) -> Result<(), ImagesError> {
        if let Some(channels) = self.channels.filter(|channels| ![1, 3].contains(channels)) {
            return Err(ImagesError::set(format!("pictures have 1 or 3 channels, not {channels}")));
        }
        match self.size {
            Some(size) if !size.way.is_rounded() => Err(ImagesError::set(format!(
                "pictures are read in 256 levels and {} makes numbers between them; take one of `pillow-box`, \
                 `pillow-bilinear`, `pillow-bicubic`, `pillow-lanczos`",
                size.way.id()
            ))),
            _ => Ok(()),
        }
    }

    /// A picture in the wanted channels and size.
    fn bring(&self, picture: Picture) -> Result<Picture, ImagesError> {
        let picture = match self.channels {
            Some(channels) => picture.with_channels(channels),
            None => picture,
        };
        match self.size {
            Some(size) => {
                let set = ImageSet::new(picture.shape, picture.pixels)?;
                let set = size.way.pictures(&set, size.height, size.width)?;
                Ok(Picture { shape: set.shape(), pixels: set.pixels().to_vec() })
            }
            None => Ok(picture),
        }
    }
}

/// A whole set in the wanted channels and size.
fn brought(set: ImageSet, reading: &Reading) -> Result<ImageSet, ImagesError> {
    if reading.channels.is_none_or(|channels| channels == set.shape().channels) {
        return match reading.size {
            Some(size) => size.way.pictures(&set, size.height, size.width),
            None => Ok(set),
        };
    }
    let mut gathered = Gathered::new(reading);
    for (index, pixels) in set.pictures().enumerate() {
        let picture = Picture { shape: set.shape(), pixels: pixels.to_vec() };
        gathered.push(picture, || format!("picture {index}")).map_err(ImagesError::set)?;
    }
    match set.labels() {
        Some(labels) => gathered.finish()?.with_labels(labels.to_vec()),
        None => gathered.finish(),
    }
}

/// Pictures that arrive one by one and must have one shape.
pub(crate) struct Gathered<'a> {
    reading: &'a Reading,
    /// The shape of all, and where the first one came from.
    first: Option<(ImageShape, String)>,
    pixels: Vec<u8>,
}

impl<'a> Gathered<'a> {
    pub(crate) fn new(reading: &'a Reading) -> Self {
        Self { reading, first: None, pixels: Vec::new() }
    }

    /// Adds a picture; `place` says where it came from.
    pub(crate) fn push(&mut self, picture: Picture, place: impl Fn() -> String) -> Result<(), String> {
        let picture = self.reading.bring(picture).map_err(|error| error.to_string())?;
        let (shape, first) = self.first.get_or_insert_with(|| (picture.shape, place()));
        if *shape != picture.shape {
            let wish = if shape.channels == picture.shape.channels {
                "ask for a size to bring them to"
            } else {
                "ask for 1 or 3 channels"
            };
            return Err(format!(
                "it is {} (channels, height, width) and {first} is {shape}; all must have one shape: {wish}",
                picture.shape
            ));
        }
        self.pixels.extend(picture.pixels);
        Ok(())
    }

    /// All of them.
    pub(crate) fn finish(self) -> Result<ImageSet, ImagesError> {
        match self.first {
            Some((shape, _)) => ImageSet::new(shape, self.pixels),
            None => Err(ImagesError::set("there is no picture")),
        }
    }
}

//! Features and statistics in files: `.npy` features, and `.npz` archives as pytorch-fid and clean-fid write and read them.
//!
//! Statistics have the arrays `mu` and `sigma`; ours add `n`, `network`, `weights_sha256` and `resize`, where they are known. An
//! archive with `feats` (clean-fid) or `features` in their place holds the features themselves.

use super::{
    FeatureSet, FeatureSource, FeatureStatistics, SourceError, StatisticsAccumulator, StatisticsError,
};
use likely_numpy::{Header, Number, NumpyError, start};
use ndarray::{Array1, Array2, ShapeBuilder};
use std::fs::File;
use std::io::{self, BufReader, BufWriter, Read, Write};
use std::path::{Path, PathBuf};
use zip::read::ZipArchive;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

/// Features of an image at most; their covariance takes 2 GiB.
const MOST_DIM: u64 = 16_384;
/// Bytes of features, in double precision, that are read into memory.
const MOST_BYTES: u64 = 32 << 30;
/// Deflate makes no more than this of a byte.
const MOST_INFLATION: u64 = 1032;
/// Bytes of an array that says a number or a name.
const MOST_LABEL_BYTES: u64 = 4096;
/// Bytes that are read at a time.
const PIECE: usize = 1 << 20;

/// Why a file of features or statistics cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum FeatureFileError {
    /// The file cannot be read.
    #[error("cannot read {}: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The file cannot be written; what was there before is still there.
    #[error("cannot write {}: {source}", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The name does not say what is in it.
    #[error("{}: features are read from .npy and .npz files; rename or convert this one", path.display())]
    Extension {
        /// The file.
        path: PathBuf,
    },
    /// The archive is damaged.
    #[error("{}: not a .npz archive that can be read: {reason}", path.display())]
    Archive {
        /// The file.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// The archive holds other arrays.
    #[error(
        "{}: holds the arrays {found}; needed are `mu` and `sigma`, or `feats`, or `features`", path.display()
    )]
    Arrays {
        /// The file.
        path: PathBuf,
        /// The arrays in it.
        found: String,
    },
    /// An array of the archive, or that of the file, cannot be read.
    #[error("{}: {array}: {problem}", path.display())]
    Array {
        /// The file.
        path: PathBuf,
        /// The array.
        array: String,
        /// Why.
        problem: NumpyError,
    },
    /// More than there is room for.
    #[error(
        "{}: its {bytes} bytes are more than the {most} that are read into memory; write statistics with --statistics instead", path.display()
    )]
    Large {
        /// The file.
        path: PathBuf,
        /// Bytes that it would take.
        bytes: u64,
        /// Bytes that are allowed.
        most: u64,
    },
    /// Its numbers are no features or no statistics.
    #[error("{}: {array}: {problem}", path.display())]
    Numbers {
        /// The file.
        path: PathBuf,
        /// The array.
        array: String,
        /// Why.
        problem: StatisticsError,
    },
    /// What it says of its source is no source.
    #[error("{}: {problem}", path.display())]
    Source {
        /// The file.
        path: PathBuf,
        /// Why.
        problem: SourceError,
    },
}

impl FeatureSet {
    /// Reads a file of features or statistics.
    ///
    /// Features are kept where `keep_features` asks for them, and always where there are no more images than features, because a
    /// covariance says less there; otherwise they are read once, in small pieces, and only their statistics stay.
    ///
    /// # Errors
    /// [`FeatureFileError`]. Sizes that a file claims are compared with its length before anything is allocated.
    pub fn read(path: &Path, keep_features: bool) -> Result<Self, FeatureFileError> {
        let failed = |source| FeatureFileError::Read { path: path.to_owned(), source };
        let extension = path.extension().and_then(|extension| extension.to_str());
        if !matches!(extension, Some("npy" | "npz")) {
            return Err(FeatureFileError::Extension { path: path.to_owned() });
        }
        let file = File::open(path).map_err(failed)?;
        let about = file.metadata().map_err(failed)?;
        if !about.is_file() {
            return Err(failed(io::Error::other("it is not a regular file")));
        }
        let reader = BufReader::with_capacity(PIECE, file);
        if extension == Some("npz") {
            return Archive::open(path, reader)?.set(keep_features);
        }
        let array = "its array";
        let mut stream = reader;
        let header = Header::read(&mut stream).map_err(|problem| array_error(path, array, problem))?;
        let left = about.len().saturating_sub(header.length);
        Features { path, array, header }.read(&mut stream, left, keep_features, FeatureSource::default())
    }
}

fn array_error(path: &Path, array: &str, problem: impl Into<NumpyError>) -> FeatureFileError {
    FeatureFileError::Array { path: path.to_owned(), array: array.to_owned(), problem: problem.into() }
}

/// An array of features whose header was read.
struct Features<'a> {
    path: &'a Path,
    array: &'a str,
    header: Header,
}

impl Features<'_> {
    fn error(&self, problem: impl Into<NumpyError>) -> FeatureFileError {
        array_error(self.path, self.array, problem)
    }

    fn numbers(&self, problem: StatisticsError) -> FeatureFileError {
        FeatureFileError::Numbers { path: self.path.to_owned(), array: self.array.to_owned(), problem }
    }

    /// Reads the numbers, which take `left` bytes of the stream.
    fn read(
        self,
        stream: &mut impl Read,
        left: u64,
        keep_features: bool,
        source: FeatureSource,
    ) -> Result<FeatureSet, FeatureFileError> {
        let float = self.header.number(&Number::FLOATS).map_err(|problem| self.error(problem))?;
        let [rows, dim] = self.header.shape[..] else {
            return Err(self.error(self.header.other_shape("two axes, (images, features)")));
        };
        let checked = self.header.check_length(float.width(), left);
        checked.map_err(|problem| self.error(problem))?;
        if rows == 0 || dim == 0 {
            return Err(self.numbers(StatisticsError::Empty { rows: rows as usize, dim: dim as usize }));
        }
        if dim > MOST_DIM {
            return Err(self.error(self.header.other_shape(format!("at most {MOST_DIM} features"))));
        }
        let columns = dim as usize;
        if keep_features || rows <= dim || self.header.fortran_order {
            // The length was checked, so this does not overflow.
            let bytes = 8 * rows * dim;
            if bytes > MOST_BYTES {
                return Err(FeatureFileError::Large { path: self.path.to_owned(), bytes, most: MOST_BYTES });
            }
            let mut values = Vec::new();
            decode(stream, float, left, &mut values).map_err(|problem| self.error(problem))?;
            let shape = (rows as usize, columns).set_f(self.header.fortran_order);
            let values = Array2::from_shape_vec(shape, values)
                .map_err(|error| self.error(io::Error::other(error.to_string())))?;
            return FeatureSet::new(values, source).map_err(|problem| self.numbers(problem));
        }
        let mut accumulator = StatisticsAccumulator::new(columns).map_err(|problem| self.numbers(problem))?;
        let mut row = Vec::with_capacity(columns);
        let mut bytes = vec![0; columns * float.width()];
        for _ in 0..rows {
            stream.read_exact(&mut bytes).map_err(|problem| self.error(problem))?;
            row.clear();
            float.decode(&bytes, &mut row);
            accumulator.push_row(&row).map_err(|problem| self.numbers(problem))?;
        }
        end(stream).map_err(|problem| self.error(problem))?;
        let statistics = accumulator.finish().map_err(|problem| self.numbers(problem))?;
        Ok(FeatureSet::from_statistics(statistics, source))
    }
}

/// All `left` bytes of a stream as numbers; memory grows with what really comes.
fn decode(stream: &mut impl Read, float: Number, left: u64, out: &mut Vec<f64>) -> io::Result<()> {
    let mut piece = vec![0; PIECE];
    let mut left = left;
    while left > 0 {
        let now = left.min(PIECE as u64) as usize;
        stream.read_exact(&mut piece[..now])?;
        float.decode(&piece[..now], out);
        left -= now as u64;
    }
    end(stream)
}

/// Reads the end of a stream, where archives check their sums.
fn end(stream: &mut impl Read) -> io::Result<()> {
    match stream.read(&mut [0])? {
        0 => Ok(()),
        _ => Err(io::Error::other("there are more bytes than its shape needs")),
    }
}

struct Archive<'a> {
    path: &'a Path,
    zip: ZipArchive<BufReader<File>>,
}

impl<'a> Archive<'a> {
    fn open(path: &'a Path, reader: BufReader<File>) -> Result<Self, FeatureFileError> {
        let zip = ZipArchive::new(reader).map_err(|error| FeatureFileError::Archive {
            path: path.to_owned(),
            reason: error.to_string(),
        })?;
        Ok(Self { path, zip })
    }

    fn has(&self, array: &str) -> bool {
        self.zip.index_for_name(&format!("{array}.npy")).is_some()
    }

    fn set(mut self, keep_features: bool) -> Result<FeatureSet, FeatureFileError> {
        let source = self.source()?;
        if self.has("mu") && self.has("sigma") {
            let statistics = self.statistics()?;
            return Ok(FeatureSet::from_statistics(statistics, source));
        }
        let path = self.path;
        let Some(array) = ["feats", "features"].into_iter().find(|array| self.has(array)) else {
            let names = self.zip.file_names().flatten().take(10);
            let names: Vec<String> = names.map(|name| name.chars().take(80).collect()).collect();
            let found = if names.is_empty() { "none".to_owned() } else { names.join(", ") };
            return Err(FeatureFileError::Arrays { path: path.to_owned(), found });
        };
        self.array(array, |header, mut stream, left| {
            Features { path, array, header }.read(&mut stream, left, keep_features, source)
        })
    }

    /// Opens an array, reads its header, and compares what the archive says of its size with its length in the file.
    fn array<T>(
        &mut self,
        array: &str,
        read: impl FnOnce(Header, &mut dyn Read, u64) -> Result<T, FeatureFileError>,
    ) -> Result<T, FeatureFileError> {
        let path = self.path;
        let mut entry = self.zip.by_name(&format!("{array}.npy")).map_err(|error| {
            FeatureFileError::Archive { path: path.to_owned(), reason: format!("{array}: {error}") }
        })?;
        let (size, stored) = (entry.size(), entry.compressed_size());
        if size > stored.saturating_mul(MOST_INFLATION).saturating_add(64) {
            return Err(FeatureFileError::Archive {
                path: path.to_owned(),
                reason: format!("{array}: {stored} bytes cannot be {size} bytes compressed"),
            });
        }
        let header = Header::read(&mut entry).map_err(|problem| array_error(path, array, problem))?;
        let left = size.saturating_sub(header.length);
        read(header, &mut entry, left)
    }

    fn statistics(&mut self) -> Result<FeatureStatistics, FeatureFileError> {
        let path = self.path;
        let mean = self.floats("mu", |header| match header.shape[..] {
            [dim] if (1..=MOST_DIM).contains(&dim) => Ok(()),
            _ => Err(format!("one axis of 1 to {MOST_DIM} features")),
        })?;
        let dim = mean.1.len();
        let (header, values) = self.floats("sigma", |header| {
            if header.shape == [dim as u64; 2] {
                Ok(())
            } else {
                Err(format!("({dim}, {dim}), because mu has {dim} features"))
            }
        })?;
        let shape = (dim, dim).set_f(header.fortran_order);
        let covariance = Array2::from_shape_vec(shape, values)
            .map_err(|error| array_error(path, "sigma", io::Error::other(error.to_string())))?;
        let count = self.count()?;
        let built = FeatureStatistics::from_parts(Array1::from(mean.1), covariance, count);
        built.map_err(|problem| FeatureFileError::Numbers {
            path: path.to_owned(),
            array: "mu and sigma".to_owned(),
            problem,
        })
    }

    /// The numbers of an array whose shape `check` accepts; it says what it needs otherwise.
    fn floats(
        &mut self,
        array: &str,
        check: impl FnOnce(&Header) -> Result<(), String>,
    ) -> Result<(Header, Vec<f64>), FeatureFileError> {
        let path = self.path;
        self.array(array, |header, mut stream, left| {
            let read = || -> Result<Vec<f64>, NumpyError> {
                let float = header.number(&Number::FLOATS)?;
                check(&header).map_err(|needed| header.other_shape(needed))?;
                header.check_length(float.width(), left)?;
                let mut values = Vec::new();
                decode(&mut stream, float, left, &mut values)?;
                Ok(values)
            };
            let values = read().map_err(|problem| array_error(path, array, problem))?;
            Ok((header, values))
        })
    }

    /// The bytes of a small array of the types in `kinds`, by their first two letters.
    fn label(&mut self, array: &str, kinds: &[&str]) -> Result<Option<(Header, Vec<u8>)>, FeatureFileError> {
        if !self.has(array) {
            return Ok(None);
        }
        let path = self.path;
        self.array(array, |header, stream, left| {
            let read = || -> Result<Vec<u8>, NumpyError> {
                if !kinds.iter().any(|kind| header.descr.starts_with(kind)) {
                    return Err(NumpyError::Type { found: header.descr.clone(), needed: kinds.join(", ") });
                }
                if !header.shape.is_empty() || left > MOST_LABEL_BYTES {
                    return Err(header.other_shape("() and short"));
                }
                let mut bytes = vec![0; left as usize];
                stream.read_exact(&mut bytes)?;
                end(&mut { stream })?;
                Ok(bytes)
            };
            let bytes = read().map_err(|problem| array_error(path, array, problem))?;
            Ok(Some((header, bytes)))
        })
    }

    fn count(&mut self) -> Result<Option<u64>, FeatureFileError> {
        let path = self.path;
        let Some((header, bytes)) = self.label("n", &["<i8"])? else { return Ok(None) };
        let count = bytes.try_into().map(i64::from_le_bytes).ok().and_then(|count| u64::try_from(count).ok());
        let problem = header.other_shape("a number of images that is not negative");
        count.map(Some).ok_or_else(|| array_error(path, "n", problem))
    }

    fn source(&mut self) -> Result<FeatureSource, FeatureFileError> {
        let mut names = [None, None, None];
        for (name, array) in names.iter_mut().zip(["network", "weights_sha256", "resize"]) {
            *name = self.label(array, &["<U", "|S"])?.map(|(header, bytes)| text(&header.descr, &bytes));
        }
        let [network, weights, resize] = &names;
        FeatureSource::new(network.as_deref(), weights.as_deref(), resize.as_deref())
            .map_err(|problem| FeatureFileError::Source { path: self.path.to_owned(), problem })
    }
}

/// A string of numpy: four bytes a character, or one.
fn text(descr: &str, bytes: &[u8]) -> String {
    let text: String = if descr.starts_with('<') {
        let (words, _) = bytes.as_chunks::<4>();
        let character = |word: &[u8; 4]| char::from_u32(u32::from_le_bytes(*word));
        words.iter().map(|word| character(word).unwrap_or(char::REPLACEMENT_CHARACTER)).collect()
    } else {
        String::from_utf8_lossy(bytes).into_owned()
    };
    text.trim_end_matches('\0').to_owned()
}

/// Writes statistics with their source as an `.npz` archive that pytorch-fid and clean-fid read; it appears whole or not at all.
///
/// # Errors
/// [`FeatureFileError::Write`], [`FeatureFileError::Extension`]; the file is then as it was before.
pub fn write_statistics(
    path: &Path,
    statistics: &FeatureStatistics,
    source: &FeatureSource,
) -> Result<(), FeatureFileError> {
    if path.extension().is_none_or(|extension| extension != "npz") {
        return Err(FeatureFileError::Extension { path: path.to_owned() });
    }
    let failed = |source| FeatureFileError::Write { path: path.to_owned(), source };
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    let mut temporary = tempfile::NamedTempFile::new_in(folder.unwrap_or(Path::new("."))).map_err(failed)?;
    write_archive(temporary.as_file_mut(), statistics, source).map_err(failed)?;
    make_readable(temporary.as_file()).map_err(failed)?;
    temporary.as_file().sync_all().map_err(failed)?;
    temporary.persist(path).map_err(|error| failed(error.error))?;
    Ok(())
}

fn write_archive(file: &mut File, statistics: &FeatureStatistics, source: &FeatureSource) -> io::Result<()> {
    let mut zip = ZipWriter::new(BufWriter::with_capacity(PIECE, file));
    // Covariances hardly shrink, and stored ones are read ten times faster.
    let options = SimpleFileOptions::default().compression_method(CompressionMethod::Stored);
    let dim = statistics.dim();
    let mut array = |name: &str, start: Vec<u8>, values: &mut dyn Iterator<Item = &f64>| -> io::Result<()> {
        zip.start_file(format!("{name}.npy"), options)?;
        zip.write_all(&start)?;
        for value in values {
            zip.write_all(&value.to_le_bytes())?;
        }
        Ok(())
    };
    array("mu", start("<f8", &format!("({dim},)")), &mut statistics.mean().iter())?;
    array("sigma", start("<f8", &format!("({dim}, {dim})")), &mut statistics.covariance().iter())?;
    let count = statistics.count().map(|count| ("<i8".to_owned(), count.to_le_bytes().to_vec()));
    let name = |text: Option<&str>| {
        let text = text?;
        let bytes = text.chars().flat_map(|character| u32::from(character).to_le_bytes()).collect();
        Some((format!("<U{}", text.chars().count()), bytes))
    };
    for (array, content) in [
        ("n", count),
        ("network", name(source.network())),
        ("weights_sha256", name(source.weights_sha256())),
        ("resize", name(source.resize())),
    ] {
        if let Some((descr, bytes)) = content {
            zip.start_file(format!("{array}.npy"), options)?;
            zip.write_all(&start(&descr, "()"))?;
            zip.write_all(&bytes)?;
        }
    }
    zip.finish()?.flush()
}

/// Temporary files are private to their owner; statistics are for others to read.
#[cfg(unix)]
fn make_readable(file: &File) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    file.set_permissions(std::fs::Permissions::from_mode(0o644))
}

#[cfg(not(unix))]
fn make_readable(_: &File) -> io::Result<()> {
    Ok(())
}

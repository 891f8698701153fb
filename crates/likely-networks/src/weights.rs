//! Named tensors in safetensors files, read with everything that is wrong listed at once.
//!
//! Reading and writing are done here and not by the `safetensors` crate, because that one writes metadata in a random order,
//! keeps the last of two tensors of one name, and stops at the first thing that is wrong.

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::fmt;
use std::fs::File;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};

/// Largest file that is read, in bytes.
const LARGEST_FILE: u64 = 1 << 31;
/// Largest header that is read, in bytes.
const LARGEST_HEADER: u64 = 1 << 24;
/// The key that holds no tensor but the metadata.
const METADATA: &str = "__metadata__";

/// Everything that is wrong with some weights, one sentence each; only the first are printed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}", self.first())]
pub struct Problems(
    /// The sentences; never empty.
    pub Vec<String>,
);

/// Problems that are printed: another model's file has hundreds.
const PRINTED: usize = 5;

impl Problems {
    fn first(&self) -> String {
        let all = self.0.len();
        let text = self.0[..all.min(PRINTED)].join("; ");
        if all > PRINTED { format!("{text}; and {} more, {all} in all", all - PRINTED) } else { text }
    }
}

/// Why a weights file was not read or written.
#[derive(Debug, thiserror::Error)]
pub enum WeightsError {
    /// The system refused to read.
    #[error("cannot read {}: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The system refused to write.
    #[error("cannot write {}: {source}", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The file does not hold what is needed.
    #[error("{}: {problems}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        problems: Problems,
    },
    /// The weights cannot be written.
    #[error(transparent)]
    Weights(#[from] Problems),
}

/// A tensor that a network needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Expected {
    /// Its name in the file.
    pub name: String,
    /// Its shape; a weight matrix is `(outputs, inputs)`, as PyTorch stores it.
    pub shape: Vec<usize>,
}

impl Expected {
    /// A tensor with the given name and shape.
    pub fn new(name: impl Into<String>, shape: &[usize]) -> Self {
        Self { name: name.into(), shape: shape.to_vec() }
    }
}

/// A tensor of a weights file.
#[derive(Debug, Clone, PartialEq)]
pub struct WeightTensor {
    shape: Vec<usize>,
    values: Vec<f32>,
}

impl WeightTensor {
    /// The shape.
    pub fn shape(&self) -> &[usize] {
        &self.shape
    }

    /// The numbers in row-major order.
    pub fn values(&self) -> &[f32] {
        &self.values
    }

    /// The numbers in row-major order, widened.
    pub fn widened(&self) -> Vec<f64> {
        self.values.iter().copied().map(f64::from).collect()
    }
}

/// Named `f32` tensors, all finite, with metadata.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Weights {
    tensors: BTreeMap<String, WeightTensor>,
    metadata: BTreeMap<String, String>,
}

/// Weights with the digest of the file that they were read from.
#[derive(Debug, Clone, PartialEq)]
pub struct StoredWeights {
    /// The weights.
    pub weights: Weights,
    /// SHA-256 of the bytes of the file, in lower-case hexadecimal digits.
    pub sha256: String,
}

impl Weights {
    /// No tensors.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a tensor with its numbers in row-major order.
    ///
    /// # Errors
    /// [`Problems`] where the name is taken or reserved, the shape takes another number of values, or one is not finite.
    pub fn insert(
        &mut self,
        name: impl Into<String>,
        shape: &[usize],
        values: Vec<f32>,
    ) -> Result<(), Problems> {
        let name = name.into();
        let mut problems = Vec::new();
        if name == METADATA || self.tensors.contains_key(&name) {
            problems.push(format!("the name `{name}` is taken"));
        }
        match shape.iter().try_fold(1_usize, |count, axis| count.checked_mul(*axis)) {
            Some(count) if count == values.len() => {}
            _ => problems.push(format!("tensor `{name}` of shape {shape:?} has {} numbers", values.len())),
        }
        problems.extend(not_finite(&name, shape, &values));
        if !problems.is_empty() {
            return Err(Problems(problems));
        }
        self.tensors.insert(name, WeightTensor { shape: shape.to_vec(), values });
        Ok(())
    }

    /// The tensor with the given name.
    ///
    /// # Errors
    /// [`Problems`] with the names that there are.
    pub fn get(&self, name: &str) -> Result<&WeightTensor, Problems> {
        self.tensors.get(name).ok_or_else(|| {
            let names: Vec<&str> = self.tensors.keys().map(String::as_str).collect();
            Problems(vec![format!("tensor `{name}` is missing; there is: {}", names.join(", "))])
        })
    }

    /// Names and tensors, sorted by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &WeightTensor)> {
        self.tensors.iter().map(|(name, tensor)| (name.as_str(), tensor))
    }

    /// How many numbers there are in all.
    pub fn count(&self) -> usize {
        self.tensors.values().map(|tensor| tensor.values.len()).sum()
    }

    /// What the file says of itself.
    pub fn metadata(&self) -> &BTreeMap<String, String> {
        &self.metadata
    }

    /// What the file says of itself, to be changed.
    pub fn metadata_mut(&mut self) -> &mut BTreeMap<String, String> {
        &mut self.metadata
    }

    /// Whether the tensors are exactly those of `expected`.
    ///
    /// # Errors
    /// [`Problems`] that names every tensor that is missing, has another shape, or is not needed.
    pub fn check(&self, expected: &[Expected]) -> Result<(), Problems> {
        let mut problems = Vec::new();
        for Expected { name, shape } in expected {
            match self.tensors.get(name) {
                None => problems.push(format!("tensor `{name}` of shape {shape:?} is missing")),
                Some(tensor) if tensor.shape != *shape => problems
                    .push(format!("tensor `{name}` has shape {:?} where {shape:?} is needed", tensor.shape)),
                Some(_) => {}
            }
        }
        let extra = self.tensors.keys().filter(|name| !expected.iter().any(|wanted| wanted.name == **name));
        problems.extend(extra.map(|name| format!("tensor `{name}` is not one of the network's")));
        if problems.is_empty() {
            return Ok(());
        }
        if let Some(model) = self.metadata.get("model") {
            problems.insert(0, format!("the file says that it holds weights of a model `{model}`"));
        }
        Err(Problems(problems))
    }

    /// Reads a safetensors file of `f32` tensors.
    ///
    /// # Errors
    /// [`WeightsError::Read`], or [`WeightsError::File`] with everything that is wrong.
    pub fn read(path: &Path) -> Result<StoredWeights, WeightsError> {
        Self::read_with(path, &|_| false)
    }

    /// As [`Weights::read`], without the tensors whose names `left_out` names, of whatever type they are.
    ///
    /// # Errors
    /// As [`Weights::read`].
    pub fn read_leaving_out(
        path: &Path,
        left_out: impl Fn(&str) -> bool,
    ) -> Result<StoredWeights, WeightsError> {
        Self::read_with(path, &left_out)
    }

    fn read_with(path: &Path, left_out: &dyn Fn(&str) -> bool) -> Result<StoredWeights, WeightsError> {
        let failed = |source| WeightsError::Read { path: path.to_path_buf(), source };
        let wrong = |problems| WeightsError::File { path: path.to_path_buf(), problems };
        let about = std::fs::metadata(path).map_err(failed)?;
        if !about.is_file() {
            return Err(wrong(Problems(vec!["it is not a file".into()])));
        }
        if about.len() > LARGEST_FILE {
            let problem = format!("it has {} bytes; weights files have at most {LARGEST_FILE}", about.len());
            return Err(wrong(Problems(vec![problem])));
        }
        let mut bytes = Vec::with_capacity(about.len() as usize);
        File::open(path).map_err(failed)?.take(LARGEST_FILE).read_to_end(&mut bytes).map_err(failed)?;
        let weights = Self::parse(&bytes, left_out).map_err(wrong)?;
        Ok(StoredWeights { weights, sha256: hexadecimal(&bytes) })
    }

    /// Reads a safetensors file that must hold exactly the tensors of `expected`.
    ///
    /// # Errors
    /// As [`Weights::read`] and [`Weights::check`].
    pub fn read_exactly(path: &Path, expected: &[Expected]) -> Result<StoredWeights, WeightsError> {
        let stored = Self::read(path)?;
        stored
            .weights
            .check(expected)
            .map_err(|problems| WeightsError::File { path: path.to_path_buf(), problems })?;
        Ok(stored)
    }

    /// Parses the bytes of a safetensors file.
    ///
    /// # Errors
    /// [`Problems`] with everything that is wrong.
    ///
    /// # Source
    /// The format as its authors document it: eight little-endian bytes for the length of a JSON header, the header, and
    /// the numbers without gaps.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, Problems> {
        Self::parse(bytes, &|_| false)
    }

    fn parse(bytes: &[u8], left_out: &dyn Fn(&str) -> bool) -> Result<Self, Problems> {
        let (header, data) = split(bytes).map_err(|problem| Problems(vec![problem]))?;
        let mut weights = Self::new();
        let mut problems = Vec::new();
        let mut spans = Vec::new();
        for (name, entry) in header.0 {
            if name == METADATA {
                match serde_json::from_value(entry) {
                    Ok(metadata) => weights.metadata = metadata,
                    Err(error) => problems.push(format!("its metadata are not texts: {error}")),
                }
                continue;
            }
            if left_out(&name) {
                match serde_json::from_value::<Entry>(entry) {
                    Ok(Entry { data_offsets: [start, end], .. }) => spans.push(((start, end), name)),
                    Err(error) => problems.push(format!("tensor `{name}`: {error}")),
                }
                continue;
            }
            match tensor(&name, entry, data) {
                Ok((span, tensor)) => {
                    problems.extend(not_finite(&name, &tensor.shape, &tensor.values));
                    spans.push((span, name.clone()));
                    if weights.tensors.insert(name.clone(), tensor).is_some() {
                        problems.push(format!("tensor `{name}` stands twice"));
                    }
                }
                Err(problem) => problems.push(problem),
            }
        }
        if problems.is_empty() {
            problems.extend(gaps(spans, data.len()));
        }
        if problems.is_empty() { Ok(weights) } else { Err(Problems(problems)) }
    }

    /// The bytes of a safetensors file: the same for the same weights, and readable by PyTorch's `safetensors`.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut header = serde_json::Map::new();
        if !self.metadata.is_empty() {
            header.insert(METADATA.into(), serde_json::json!(self.metadata));
        }
        let mut start = 0;
        for (name, tensor) in &self.tensors {
            let end = start + size_of::<f32>() * tensor.values.len();
            let entry =
                serde_json::json!({ "dtype": "F32", "shape": tensor.shape, "data_offsets": [start, end] });
            header.insert(name.clone(), entry);
            start = end;
        }
        let mut header = serde_json::Value::Object(header).to_string().into_bytes();
        header.resize(header.len().next_multiple_of(8), b' ');
        let mut bytes = Vec::with_capacity(8 + header.len() + start);
        bytes.extend((header.len() as u64).to_le_bytes());
        bytes.extend(header);
        let values = self.tensors.values().flat_map(|tensor| &tensor.values);
        bytes.extend(values.flat_map(|value| value.to_le_bytes()));
        bytes
    }

    /// SHA-256 of [`Weights::to_bytes`], in lower-case hexadecimal digits.
    pub fn sha256(&self) -> String {
        hexadecimal(&self.to_bytes())
    }

    /// Writes a safetensors file in one step, so that nobody ever reads half of one; returns the SHA-256 of its bytes.
    ///
    /// # Errors
    /// [`WeightsError::Write`].
    pub fn write(&self, path: &Path) -> Result<String, WeightsError> {
        let bytes = self.to_bytes();
        let failed = |source| WeightsError::Write { path: path.to_path_buf(), source };
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
        let mut temporary =
            tempfile::NamedTempFile::new_in(folder.unwrap_or(Path::new("."))).map_err(failed)?;
        temporary.write_all(&bytes).map_err(failed)?;
        make_readable(temporary.as_file()).map_err(failed)?;
        temporary.as_file().sync_all().map_err(failed)?;
        temporary.persist(path).map_err(|error| failed(error.error))?;
        Ok(hexadecimal(&bytes))
    }
}

/// Temporary files are private to their owner; weights are for others to read.
#[cfg(unix)]
fn make_readable(file: &File) -> std::io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    file.set_permissions(std::fs::Permissions::from_mode(0o644))
}

#[cfg(not(unix))]
fn make_readable(_: &File) -> std::io::Result<()> {
    Ok(())
}

fn hexadecimal(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().fold(String::new(), |text, byte| text + &format!("{byte:02x}"))
}

/// The entries of a header in their order, with names that stand twice.
struct Header(Vec<(String, serde_json::Value)>);

impl<'de> Deserialize<'de> for Header {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Entries;

        impl<'de> Visitor<'de> for Entries {
            type Value = Header;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("a table of tensors")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Header, A::Error> {
                let mut entries = Vec::new();
                while let Some(entry) = map.next_entry()? {
                    entries.push(entry);
                }
                Ok(Header(entries))
            }
        }

        deserializer.deserialize_map(Entries)
    }
}

/// Header and numbers of a file.
fn split(bytes: &[u8]) -> Result<(Header, &[u8]), String> {
    let Some((length, rest)) = bytes.split_first_chunk::<8>() else {
        return Err(format!("it has {} bytes; a safetensors file has more than 8", bytes.len()));
    };
    let length = u64::from_le_bytes(*length);
    if length > LARGEST_HEADER {
        return Err(format!(
            "it says that its header has {length} bytes; at most {LARGEST_HEADER} are read: it may not be a safetensors file"
        ));
    }
    let Some((header, data)) = rest.split_at_checked(length as usize) else {
        return Err(format!("its header should have {length} bytes, but the file ends after {}", rest.len()));
    };
    let header = serde_json::from_slice(header)
        .map_err(|error| format!("its header is no table of tensors: {error}"))?;
    Ok((header, data))
}

/// What the header says of a tensor.
#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    dtype: String,
    shape: Vec<usize>,
    data_offsets: [usize; 2],
}

/// Where a tensor lies, and the tensor.
fn tensor(
    name: &str,
    entry: serde_json::Value,
    data: &[u8],
) -> Result<((usize, usize), WeightTensor), String> {
    let Entry { dtype, shape, data_offsets: [start, end] } =
        serde_json::from_value(entry).map_err(|error| format!("tensor `{name}`: {error}"))?;
    if dtype != "F32" {
        return Err(format!("tensor `{name}` has numbers of type {dtype}; F32 is needed"));
    }
    let size = shape.iter().try_fold(size_of::<f32>(), |size, axis| size.checked_mul(*axis));
    let Some(size) = size else {
        return Err(format!("tensor `{name}` has shape {shape:?}, which no file can hold"));
    };
    if end.checked_sub(start) != Some(size) {
        return Err(format!(
            "tensor `{name}` of shape {shape:?} takes {size} bytes, but is said to lie from {start} to {end}"
        ));
    }
    let Some(bytes) = data.get(start..end) else {
        return Err(format!(
            "tensor `{name}` is said to lie from {start} to {end}, but there are {} bytes: the file is cut off",
            data.len()
        ));
    };
    let (values, _) = bytes.as_chunks::<4>();
    let values = values.iter().map(|value| f32::from_le_bytes(*value)).collect();
    Ok(((start, end), WeightTensor { shape, values }))
}

/// The first number that is not finite.
fn not_finite(name: &str, shape: &[usize], values: &[f32]) -> Option<String> {
    let place = values.iter().position(|value| !value.is_finite())?;
    let count = values.iter().filter(|value| !value.is_finite()).count();
    let mut rest = place;
    let mut index: Vec<usize> = shape
        .iter()
        .rev()
        .map(|axis| {
            let at = rest % axis.max(&1);
            rest /= axis.max(&1);
            at
        })
        .collect();
    index.reverse();
    Some(format!(
        "tensor `{name}` has {count} numbers that are not finite; the first, {}, at {index:?}",
        values[place]
    ))
}

/// Bytes that belong to no tensor or to two.
fn gaps(mut spans: Vec<((usize, usize), String)>, length: usize) -> Option<String> {
    spans.sort();
    let mut reached = 0;
    for ((start, end), name) in spans {
        if start != reached {
            return Some(format!("tensor `{name}` lies from byte {start}, where {reached} is needed"));
        }
        reached = end;
    }
    (reached != length).then(|| format!("its tensors take {reached} bytes, but there are {length}"))
}

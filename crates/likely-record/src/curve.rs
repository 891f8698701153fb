//! A curve as a safetensors file.

use crate::sha256_hex;
use safetensors::tensor::{Dtype, SafeTensors, TensorView};

/// Name of the tensor that every curve's file has.
const TENSOR: &str = "curve";
/// Name of the tensor of the curve in the space that its surface lies in.
const EMBEDDED: &str = "embedded";
/// Most dimensions of that space: what a picture can show.
const MOST_AMBIENT: usize = 3;

/// A curve mapped into the space that its surface lies in, for pictures.
#[derive(Debug, Clone, PartialEq)]
pub struct Embedded {
    /// Coordinates of each point, at most three.
    pub dim: usize,
    /// `points * dim` coordinates, row by row.
    pub values: Vec<f64>,
}

/// The points of a curve, row by row.
#[derive(Debug, Clone, PartialEq)]
pub struct CurveRecord {
    /// Points, both end points included.
    pub points: usize,
    /// Coordinates of each point.
    pub dim: usize,
    /// `points * dim` coordinates, row by row.
    pub values: Vec<f64>,
    /// The same points on the surface, where the geometry has one.
    pub embedded: Option<Embedded>,
}

/// Why bytes are not a curve.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CurveFileError {
    /// The file is not in the safetensors format, or claims more than it holds.
    #[error("it is not a safetensors file: {reason}")]
    Format {
        /// What the reader said.
        reason: String,
    },
    /// The tensor is missing, or another one is there.
    #[error("it must hold a tensor named `curve` and at most one more, named `embedded`; found {found}")]
    Tensors {
        /// The names found.
        found: String,
    },
    /// A tensor has another type or shape.
    #[error("the tensor `{tensor}` must have type F64 and two dimensions, found {found}")]
    Shape {
        /// Name of the tensor.
        tensor: &'static str,
        /// Type and shape found.
        found: String,
    },
    /// A coordinate is NaN or infinite.
    #[error("point {point} of `{tensor}` has a coordinate that is not finite")]
    NonFinite {
        /// Name of the tensor.
        tensor: &'static str,
        /// Index of the first such point.
        point: usize,
    },
    /// The numbers do not fill the shape.
    #[error("{points} points of {dim} coordinates need as many numbers, found {found}")]
    Length {
        /// Points claimed.
        points: usize,
        /// Coordinates claimed.
        dim: usize,
        /// Numbers found.
        found: usize,
    },
    /// The points on the surface are not those of the curve, or have too many coordinates.
    #[error("the tensor `embedded` must have {points} points of at most {most} coordinates, found {found}")]
    Embedded {
        /// Points of the curve.
        points: usize,
        /// Most coordinates.
        most: usize,
        /// Shape found.
        found: String,
    },
}

impl CurveRecord {
    /// The bytes of the file: a tensor `curve` of type F64, shape `(points, dim)`, and where there is one a tensor
    /// `embedded`, shape `(points, ambient)`; the same for the same curve.
    ///
    /// # Errors
    /// [`CurveFileError`] where the numbers do not fill the shape or one of them is not finite.
    pub fn to_bytes(&self) -> Result<Vec<u8>, CurveFileError> {
        self.check()?;
        let bytes = |values: &[f64]| -> Vec<u8> { values.iter().flat_map(|x| x.to_le_bytes()).collect() };
        let curve = bytes(&self.values);
        let embedded = self.embedded.as_ref().map(|embedded| (embedded.dim, bytes(&embedded.values)));
        let mut tensors = vec![(TENSOR, view(self.points, self.dim, &curve)?)];
        if let Some((dim, values)) = &embedded {
            tensors.push((EMBEDDED, view(self.points, *dim, values)?));
        }
        safetensors::serialize(tensors, None).map_err(|error| format(&error))
    }

    /// Reads the bytes of such a file.
    ///
    /// # Errors
    /// [`CurveFileError`] where the bytes are anything else; a shape larger than the bytes allocates nothing.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, CurveFileError> {
        let tensors = SafeTensors::deserialize(bytes).map_err(|error| format(&error))?;
        let mut names = tensors.names();
        names.sort_unstable();
        if names != [TENSOR] && names != [TENSOR, EMBEDDED] {
            let found =
                if names.is_empty() { "none".to_owned() } else { format!("`{}`", names.join("`, `")) };
            return Err(CurveFileError::Tensors { found });
        }
        let (points, dim, values) = numbers(&tensors, TENSOR)?;
        let embedded = if names == [TENSOR] { None } else { Some(read_embedded(&tensors, points)?) };
        let curve = Self { points, dim, values, embedded };
        curve.check()?;
        Ok(curve)
    }

    /// SHA-256 of [`CurveRecord::to_bytes`] in hexadecimal digits.
    ///
    /// # Errors
    /// As [`CurveRecord::to_bytes`].
    pub fn sha256(&self) -> Result<String, CurveFileError> {
        Ok(sha256_hex(&self.to_bytes()?))
    }

    fn check(&self) -> Result<(), CurveFileError> {
        check_numbers(TENSOR, self.points, self.dim, &self.values)?;
        let Some(embedded) = &self.embedded else { return Ok(()) };
        if !(1..=MOST_AMBIENT).contains(&embedded.dim) {
            return Err(CurveFileError::Embedded {
                points: self.points,
                most: MOST_AMBIENT,
                found: format!("({}, {})", self.points, embedded.dim),
            });
        }
        check_numbers(EMBEDDED, self.points, embedded.dim, &embedded.values)
    }
}

fn format(error: &safetensors::SafeTensorError) -> CurveFileError {
    CurveFileError::Format { reason: error.to_string() }
}

fn view(points: usize, dim: usize, bytes: &[u8]) -> Result<TensorView<'_>, CurveFileError> {
    TensorView::new(Dtype::F64, vec![points, dim], bytes).map_err(|error| format(&error))
}

fn numbers(
    tensors: &SafeTensors<'_>,
    name: &'static str,
) -> Result<(usize, usize, Vec<f64>), CurveFileError> {
    let view = tensors.tensor(name).map_err(|error| format(&error))?;
    let (Dtype::F64, &[points, dim]) = (view.dtype(), view.shape()) else {
        let found = format!("{:?} {:?}", view.dtype(), view.shape());
        return Err(CurveFileError::Shape { tensor: name, found });
    };
    let values = view
        .data()
        .chunks_exact(size_of::<f64>())
        .map(|chunk| f64::from_le_bytes(chunk.try_into().expect("chunks have eight bytes")))
        .collect();
    Ok((points, dim, values))
}

fn read_embedded(tensors: &SafeTensors<'_>, points: usize) -> Result<Embedded, CurveFileError> {
    let (rows, dim, values) = numbers(tensors, EMBEDDED)?;
    if rows == points {
        return Ok(Embedded { dim, values });
    }
    Err(CurveFileError::Embedded { points, most: MOST_AMBIENT, found: format!("({rows}, {dim})") })
}

fn check_numbers(
    tensor: &'static str,
    points: usize,
    dim: usize,
    values: &[f64],
) -> Result<(), CurveFileError> {
    if points.checked_mul(dim) != Some(values.len()) {
        return Err(CurveFileError::Length { points, dim, found: values.len() });
    }
    match values.iter().position(|value| !value.is_finite()) {
        Some(index) => Err(CurveFileError::NonFinite { tensor, point: index / dim }),
        None => Ok(()),
    }
}

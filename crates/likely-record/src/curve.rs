//! A curve as a safetensors file.

use crate::sha256_hex;
use safetensors::tensor::{Dtype, SafeTensors, TensorView};

/// Name of the only tensor of a curve's file.
const TENSOR: &str = "curve";

/// The points of a curve, row by row.
#[derive(Debug, Clone, PartialEq)]
pub struct CurveRecord {
    /// Points, both end points included.
    pub points: usize,
    /// Coordinates of each point.
    pub dim: usize,
    /// `points * dim` coordinates, row by row.
    pub values: Vec<f64>,
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
    #[error("it must hold exactly one tensor named `curve`, found {found}")]
    Tensors {
        /// The names found.
        found: String,
    },
    /// The tensor has another type or shape.
    #[error("the tensor `curve` must have type F64 and two dimensions, found {found}")]
    Shape {
        /// Type and shape found.
        found: String,
    },
    /// A coordinate is NaN or infinite.
    #[error("point {point} has a coordinate that is not finite")]
    NonFinite {
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
}

impl CurveRecord {
    /// The bytes of the file: one tensor `curve` of type F64, shape `(points, dim)`; the same for the same curve.
    ///
    /// # Errors
    /// [`CurveFileError`] where the numbers do not fill the shape or one of them is not finite.
    pub fn to_bytes(&self) -> Result<Vec<u8>, CurveFileError> {
        self.check()?;
        let bytes: Vec<u8> = self.values.iter().flat_map(|value| value.to_le_bytes()).collect();
        let format =
            |error: safetensors::SafeTensorError| CurveFileError::Format { reason: error.to_string() };
        let view = TensorView::new(Dtype::F64, vec![self.points, self.dim], &bytes).map_err(format)?;
        safetensors::serialize([(TENSOR, view)], None).map_err(format)
    }

    /// Reads the bytes of such a file.
    ///
    /// # Errors
    /// [`CurveFileError`] where the bytes are anything else; a shape larger than the bytes allocates nothing.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, CurveFileError> {
        let tensors = SafeTensors::deserialize(bytes)
            .map_err(|error| CurveFileError::Format { reason: error.to_string() })?;
        let mut names = tensors.names();
        names.sort_unstable();
        if names != [TENSOR] {
            let found =
                if names.is_empty() { "none".to_owned() } else { format!("`{}`", names.join("`, `")) };
            return Err(CurveFileError::Tensors { found });
        }
        let view =
            tensors.tensor(TENSOR).map_err(|error| CurveFileError::Format { reason: error.to_string() })?;
        let (Dtype::F64, &[points, dim]) = (view.dtype(), view.shape()) else {
            return Err(CurveFileError::Shape { found: format!("{:?} {:?}", view.dtype(), view.shape()) });
        };
        let values = view
            .data()
            .chunks_exact(size_of::<f64>())
            .map(|chunk| f64::from_le_bytes(chunk.try_into().expect("chunks have eight bytes")))
            .collect();
        let curve = Self { points, dim, values };
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
        let Self { points, dim, ref values } = *self;
        if points.checked_mul(dim) != Some(values.len()) {
            return Err(CurveFileError::Length { points, dim, found: values.len() });
        }
        match values.iter().position(|value| !value.is_finite()) {
            Some(index) => Err(CurveFileError::NonFinite { point: index / dim }),
            None => Ok(()),
        }
    }
}

//! Arrays as `numpy.save` writes them, from bytes or from a stream.
//!
//! A header is read and its claims are compared with what follows before anything is allocated; what the numbers stand for is
//! the reader's to say.

mod dictionary;
mod header;
mod number;
mod write;

pub use header::Header;
pub use number::Number;
pub use write::{rows, start};

use std::io;

/// What is wrong with an array, and what would be right.
#[derive(Debug, thiserror::Error)]
pub enum NumpyError {
    /// It does not begin as one does.
    #[error("it does not start with the six bytes \\x93NUMPY of numpy.save")]
    Magic,
    /// A version of the format that is not read.
    #[error("its version is {0}; 1, 2 and 3 are read")]
    Version(u8),
    /// The header is too long.
    #[error("its header is longer than {} bytes", header::MOST_BYTES)]
    LongHeader,
    /// There is less than a header.
    #[error("it ends inside its header")]
    Short,
    /// The header is not a dictionary of the three keys.
    #[error("its header cannot be read at byte {at}: expected {expected}")]
    Header {
        /// Byte of the file or stream, from 0.
        at: u64,
        /// What should stand there.
        expected: &'static str,
    },
    /// Numbers of a type that is not read.
    #[error("its numbers are of type `{found}`; {needed} are read (in numpy: .astype('<f8'))")]
    Type {
        /// The type.
        found: String,
        /// The types that are read.
        needed: String,
    },
    /// An array stored by columns where rows are needed.
    #[error("it is stored by columns; save numpy.ascontiguousarray of it")]
    Columns,
    /// Too many or too few axes, or of other lengths.
    #[error("its shape is {found}; needed is {needed}")]
    Shape {
        /// The shape.
        found: String,
        /// What it should be.
        needed: String,
    },
    /// The claimed size is not that of the file.
    #[error("its shape {shape} needs {claimed}, and the file holds {found}")]
    Length {
        /// The shape.
        shape: String,
        /// Bytes that it needs, in words.
        claimed: String,
        /// Bytes that are there.
        found: u64,
    },
    /// Reading failed, or the file ends too early, or its check sum is wrong.
    #[error("reading it: {0}")]
    Io(#[from] io::Error),
}

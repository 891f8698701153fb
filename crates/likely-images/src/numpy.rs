//! The header of a file of `numpy.save`, taken apart; what its numbers stand for is the reader's to say.

/// A file of `numpy.save` in C order, before its numbers are read.
///
/// # Source
/// The format as numpy documents it (`numpy.lib.format`), versions 1.0 to 3.0.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NumpyFile<'a> {
    /// The type of its numbers, such as `<f8`.
    pub kind: &'a str,
    /// Its shape as the header writes it, without the brackets.
    pub shape: &'a str,
    /// Its shape.
    pub axes: Vec<usize>,
    /// The bytes of its numbers.
    pub data: &'a [u8],
}

impl<'a> NumpyFile<'a> {
    /// Takes the bytes of a file apart; nothing is copied but the shape.
    ///
    /// # Errors
    /// In words, what is wrong and what would be right.
    pub fn new(bytes: &'a [u8]) -> Result<Self, String> {
        let (header, data) = cut(bytes)?;
        let entry = |key: &str| {
            let quoted = format!("'{key}':");
            header
                .split_once(&quoted)
                .map(|(_, rest)| rest.trim_start())
                .ok_or(format!("its header has no {key}"))
        };
        let kind = entry("descr")?.trim_start_matches('\'').split('\'').next().unwrap_or_default();
        if !entry("fortran_order")?.starts_with("False") {
            return Err("it is stored by columns; save numpy.ascontiguousarray of it".into());
        }
        let shape = entry("shape")?.strip_prefix('(').and_then(|rest| rest.split_once(')'));
        let (shape, _) = shape.ok_or("its header has no shape")?;
        let axes = shape
            .split(',')
            .map(str::trim)
            .filter(|axis| !axis.is_empty())
            .map(|axis| axis.parse().map_err(|_| format!("its shape is ({shape})")))
            .collect::<Result<_, _>>()?;
        Ok(Self { kind, shape, axes, data })
    }

    /// Whether there are as many bytes as numbers of `width` bytes need, told before anything is allocated.
    ///
    /// # Errors
    /// In words, where there are not.
    pub fn check_length(&self, width: usize) -> Result<(), String> {
        let length = self.axes.iter().try_fold(width, |product: usize, axis| product.checked_mul(*axis));
        if length == Some(self.data.len()) {
            return Ok(());
        }
        Err(format!("its shape ({}) does not fit its {} bytes of numbers", self.shape, self.data.len()))
    }
}

/// The text of the header, and the bytes after it.
fn cut(bytes: &[u8]) -> Result<(&str, &[u8]), String> {
    let short = || "it ends inside its header".to_owned();
    let rest = bytes.strip_prefix(b"\x93NUMPY").ok_or("it is not a file of numpy.save")?;
    let (header, data) = match rest {
        [1, _, a, b, rest @ ..] => rest.split_at_checked(usize::from(u16::from_le_bytes([*a, *b]))),
        [2 | 3, _, a, b, c, d, rest @ ..] => {
            rest.split_at_checked(u32::from_le_bytes([*a, *b, *c, *d]) as usize)
        }
        [1..=3, ..] | [] => None,
        [version, ..] => return Err(format!("its version is {version}; 1, 2 and 3 are read")),
    }
    .ok_or_else(short)?;
    Ok((std::str::from_utf8(header).map_err(|_| "its header is not a text")?, data))
}

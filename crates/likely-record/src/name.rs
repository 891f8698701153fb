//! Names that become parts of paths.

use crate::FolderError;

/// Accepts ids of lower-case letters, digits and inner dashes, at most 64 of them.
pub(crate) fn check_id(what: &'static str, value: &str) -> Result<(), FolderError> {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    if value.is_empty() || value.len() > 64 || value.starts_with('-') || !value.bytes().all(plain) {
        return Err(FolderError::Name {
            what,
            value: value.chars().take(80).collect(),
            expected: "use 1 to 64 lower-case letters, digits and dashes, as in `fig3` or `real-2d`",
        });
    }
    Ok(())
}

/// Accepts the names of the tiers.
pub(crate) fn check_tier(value: &str) -> Result<(), FolderError> {
    if ["smoke", "laptop", "full"].contains(&value) {
        return Ok(());
    }
    Err(FolderError::Name {
        what: "the tier",
        value: value.chars().take(80).collect(),
        expected: "use `smoke`, `laptop` or `full`",
    })
}

/// Accepts a fixed number of lower-case hexadecimal digits.
pub(crate) fn check_hex(what: &'static str, value: &str, digits: usize) -> Result<(), FolderError> {
    let hex = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
    if value.len() == digits && value.bytes().all(hex) {
        return Ok(());
    }
    Err(FolderError::Name {
        what,
        value: value.chars().take(80).collect(),
        expected: "it must be a hash in lower-case hexadecimal digits",
    })
}

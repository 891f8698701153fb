//! The fonts of the figures, and the widths of texts set in them.

use ab_glyph::{Font, FontRef, PxScale, ScaleFont};
use std::sync::OnceLock;

/// The regular face as a file: Latin, Greek, mathematics, sub- and superscripts.
pub(crate) static REGULAR: &[u8] = include_bytes!("../../assets/DejaVuSans.subset.ttf");
/// The bold face as a file.
pub(crate) static BOLD: &[u8] = include_bytes!("../../assets/DejaVuSans-Bold.subset.ttf");

/// A face, parsed once.
pub(crate) fn face(bold: bool) -> &'static FontRef<'static> {
    static FACES: OnceLock<[FontRef<'static>; 2]> = OnceLock::new();
    let faces = FACES.get_or_init(|| {
        [REGULAR, BOLD].map(|bytes| FontRef::try_from_slice(bytes).expect("the fonts in assets are whole"))
    });
    &faces[usize::from(bold)]
}

/// The scale at which the em square has `em` pixels.
pub(crate) fn scale(face: &FontRef<'_>, em: f64) -> PxScale {
    let per_em = face.units_per_em().unwrap_or(2048.0);
    PxScale::from((em * f64::from(face.height_unscaled() / per_em)) as f32)
}

/// Width of a text, in the unit of `em`.
pub(crate) fn width(text: &str, em: f64, bold: bool) -> f64 {
    let face = face(bold);
    let scaled = face.as_scaled(scale(face, em));
    let mut width = 0.0;
    let mut before = None;
    for character in text.chars() {
        let glyph = scaled.glyph_id(character);
        if let Some(before) = before {
            width += scaled.kern(before, glyph);
        }
        width += scaled.h_advance(glyph);
        before = Some(glyph);
    }
    f64::from(width)
}

/// The text broken at spaces into lines of at most `limit`; a longer word stands alone and may be wider.
pub(crate) fn wrap(text: &str, em: f64, bold: bool, limit: f64) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        if let Some(line) = lines.last_mut() {
            let longer = format!("{line} {word}");
            if width(&longer, em, bold) <= limit {
                *line = longer;
                continue;
            }
        }
        lines.push(word.to_owned());
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_letter_that_labels_use_is_in_both_fonts() {
        let letters = "ABCxyz0189 λσμχαβΣΔ∇√∞‖≤≥≈·×±−–—†‡…⁰¹²³⁴⁵⁶⁷⁸⁹⁻₀₁₂→↑↓éü′";
        for bold in [false, true] {
            for letter in letters.chars() {
                assert_ne!(face(bold).glyph_id(letter).0, 0, "{letter} is missing, bold: {bold}");
            }
        }
    }

    #[test]
    fn widths_follow_the_font_and_lines_keep_their_limit() {
        // DejaVu Sans: the advance of `0` is 1303 of 2048 units.
        assert!((width("0", 20.48, false) - 13.03).abs() < 1e-3);
        let lines = wrap("one two three four five", 10.0, false, 60.0);
        assert!(lines.len() > 1);
        assert!(lines.iter().all(|line| width(line, 10.0, false) <= 60.0), "{lines:?}");
        assert_eq!(lines.join(" "), "one two three four five");
    }
}

//! Numbers and cells as text.

use likely_record::VerdictCell;

/// A number with six significant digits or so; `-` where there is none.
pub(crate) fn number(value: Option<f64>) -> String {
    match value {
        None => "-".to_owned(),
        Some(value) if value.fract().abs() <= 0.0 && value.abs() < 1e9 => format!("{value:.0}"),
        Some(value) if (1e-3..1e6).contains(&value.abs()) => format!("{value:.6}"),
        Some(value) => format!("{value:.5e}"),
    }
}

/// A cell in a few words, without the axes that were averaged over.
pub(crate) fn cell(cell: &VerdictCell) -> String {
    let mut words = vec![cell.model.clone(), cell.method.clone()];
    words.extend(cell.lambda.map(|lambda| format!("λ={lambda}")));
    words.extend(cell.pair.as_ref().map(|pair| format!("pair {pair}")));
    words.extend(cell.repetition.filter(|&repetition| repetition > 0).map(|n| format!("repetition {n}")));
    words.join(", ")
}

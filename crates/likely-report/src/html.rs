//! Text in HTML and SVG.

use std::fmt::Write as _;

/// The text with everything escaped that could end a text or an attribute.
pub(crate) fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            // Not allowed in SVG, and of no use in a page.
            control if control.is_control() && !matches!(control, '\n' | '\t') => escaped.push('\u{fffd}'),
            other => escaped.push(other),
        }
    }
    escaped
}

/// The text, escaped, with what stands in backquotes as code.
///
/// A backquote without a partner, and a pair with nothing in it, stay as they are.
pub(crate) fn prose(text: &str) -> String {
    let mut html = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('`') {
        html.push_str(&escape(before));
        match after.split_once('`') {
            Some((code, after)) if !code.is_empty() => {
                let _ = write!(html, "<code>{}</code>", escape(code));
                rest = after;
            }
            _ => {
                html.push('`');
                rest = after;
            }
        }
    }
    html.push_str(&escape(rest));
    html
}

#[cfg(test)]
mod tests {
    use super::prose;

    #[test]
    fn backquotes_make_code_and_code_makes_no_markup() {
        assert_eq!(prose("the `a-b` search"), "the <code>a-b</code> search");
        assert_eq!(prose("`<b>` & `c`"), "<code>&lt;b&gt;</code> &amp; <code>c</code>");
        assert_eq!(prose("one ` alone, `two` not"), "one <code> alone, </code>two` not");
        assert_eq!(prose("nothing in ``"), "nothing in ``");
    }
}

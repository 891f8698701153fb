//! A page that needs nothing but itself.

use crate::ReportError;
use crate::figure::{FAMILIES, font_css};
use crate::html::escape;
use crate::section::Parts;
use std::fmt::Write as _;

/// The page of one run.
pub(crate) fn run_page(parts: &Parts<'_>) -> Result<String, ReportError> {
    let mut body = String::from("<main>\n");
    body.push_str(&parts.html("run-1", 1, &summary(std::slice::from_ref(parts), &[], false))?);
    body.push_str("</main>\n");
    Ok(document(parts.title(), &body))
}

/// One page over several runs.
pub(crate) fn index_page(runs: &[Parts<'_>], absent: &[Absent]) -> Result<String, ReportError> {
    let title = "Likely: what was reproduced";
    let mut body = format!("<main>\n<h1>{title}</h1>\n");
    body.push_str(&summary(runs, absent, true));
    for (place, parts) in runs.iter().enumerate() {
        body.push_str(&parts.html(&format!("run-{}", place + 1), 2, "")?);
    }
    body.push_str("</main>\n");
    Ok(document(title, &body))
}

/// An experiment that was not run for want of data that the user brings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Absent {
    /// Its title.
    pub title: String,
    /// Which file is not there.
    pub reason: String,
}

/// What became of each run, in words.
fn summary(runs: &[Parts<'_>], absent: &[Absent], links: bool) -> String {
    let mut html = String::from("<div class=\"summary\">\n");
    if runs.is_empty() && absent.is_empty() {
        html.push_str("<p>No run has been made yet.</p>\n");
    }
    for (place, parts) in runs.iter().enumerate() {
        let name = format!("{} ({})", parts.title(), parts.run.plan.tier);
        let name = format!("<a href=\"#run-{}\">{}</a>", place + 1, escape(&name));
        let sentences: Vec<String> = parts.in_words().iter().map(|sentence| escape(sentence)).collect();
        let heading = if links { format!("<strong>{name}</strong><br>") } else { String::new() };
        let _ = writeln!(html, "<p>{heading}{}</p>", sentences.join("<br>"));
    }
    for Absent { title, reason } in absent {
        let (title, reason) = (escape(title), escape(reason));
        let _ = writeln!(html, "<p><strong>{title}</strong><br>Not run, data absent.<br>{reason}</p>");
    }
    html.push_str("</div>\n");
    html
}

fn document(title: &str, body: &str) -> String {
    format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <title>{}</title>\n<style>\n{}{}svg text{{font-family:{FAMILIES}}}\n</style>\n</head>\n<body>\n{body}</body>\n</html>\n",
        escape(title),
        font_css(),
        include_str!("../assets/page.css"),
    )
}

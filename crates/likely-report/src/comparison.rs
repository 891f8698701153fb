//! Published, pinned and present numbers side by side.

use crate::axis_value::AxisValue;
use crate::html::escape;
use crate::number::{count, shortest, significant, typeset};
use crate::published::Published;
use likely_record::{VerdictKind, VerdictRecord, VerdictStatus};
use std::collections::BTreeMap;
use std::fmt::Write as _;

/// Most rows of unchanged pinned numbers that a page lists.
const MOST_ROWS: usize = 1000;

/// How many verdicts have each status, of one kind.
pub(crate) fn counts(verdicts: &[VerdictRecord], kind: VerdictKind) -> BTreeMap<&'static str, usize> {
    let mut counts = BTreeMap::new();
    for verdict in verdicts.iter().filter(|verdict| verdict.kind == kind) {
        *counts.entry(verdict.status.id()).or_default() += 1;
    }
    counts
}

/// What the comparison with published numbers found, in words; empty without any.
pub(crate) fn published_in_words(verdicts: &[VerdictRecord]) -> String {
    let counts = counts(verdicts, VerdictKind::Published);
    let of = |status: VerdictStatus| counts.get(status.id()).copied().unwrap_or(0);
    let same = of(VerdictStatus::Same);
    let judged =
        same + of(VerdictStatus::Moved) + of(VerdictStatus::Deviation) + of(VerdictStatus::NotMeasured);
    let mut parts = Vec::new();
    if judged > 0 {
        parts.push(if same == judged {
            format!("all {} reproduced within their tolerance", count(judged, "published number"))
        } else {
            format!("{same} of {} reproduced within their tolerance", count(judged, "published number"))
        });
    }
    for (status, words) in [
        (VerdictStatus::Moved, "not reproduced"),
        (VerdictStatus::Deviation, "different for a known reason"),
        (VerdictStatus::NotMeasured, "not measured in this tier"),
        (VerdictStatus::Compared, "shown beside ours without judging"),
        (VerdictStatus::NotPublic, "never made public"),
    ] {
        if of(status) > 0 {
            parts.push(format!("{} {words}", of(status)));
        }
    }
    parts.join(", ")
}

/// What the comparison with pinned numbers found, in words; empty without any.
pub(crate) fn pinned_in_words(verdicts: &[VerdictRecord]) -> String {
    let counts = counts(verdicts, VerdictKind::Pinned);
    let total: usize = counts.values().sum();
    let same = counts.get(VerdictStatus::Same.id()).copied().unwrap_or(0);
    match total {
        0 => String::new(),
        _ if same == total => format!("all {} unchanged", count(total, "pinned number")),
        _ => {
            let rest: Vec<String> = counts
                .iter()
                .filter(|(status, _)| **status != VerdictStatus::Same.id())
                .map(|(status, number)| format!("{number} {}", status.replace('-', " ")))
                .collect();
            format!("{same} of {} unchanged, {}", count(total, "pinned number"), rest.join(", "))
        }
    }
}

struct Line<'a> {
    published: Option<&'a VerdictRecord>,
    pinned: Option<&'a VerdictRecord>,
}

impl<'a> Line<'a> {
    fn any(&self) -> Option<&'a VerdictRecord> {
        self.published.or(self.pinned)
    }
}

/// The tables of the comparison, as HTML; numbers that stand in the tables of `grids` are listed where one asks for it.
pub(crate) fn html(verdicts: &[VerdictRecord], grids: &[Published<'_>]) -> String {
    if verdicts.is_empty() {
        return "<p>This run was not compared with published or pinned numbers.</p>\n".to_owned();
    }
    let pinned: Vec<&VerdictRecord> =
        verdicts.iter().filter(|verdict| verdict.kind == VerdictKind::Pinned).collect();
    let mut used = vec![false; pinned.len()];
    let mut lines = Vec::new();
    for verdict in verdicts.iter().filter(|verdict| verdict.kind == VerdictKind::Published) {
        let matching: Vec<usize> =
            (0..pinned.len()).filter(|&place| same_number(verdict, pinned[place])).collect();
        let partner = match matching.as_slice() {
            [one] => {
                used[*one] = true;
                Some(pinned[*one])
            }
            _ => None,
        };
        lines.push(Line { published: Some(verdict), pinned: partner });
    }
    let rest = pinned.iter().zip(&used).filter(|(_, used)| !**used).map(|(verdict, _)| *verdict);
    let (quiet, loud): (Vec<&VerdictRecord>, Vec<&VerdictRecord>) =
        rest.partition(|verdict| verdict.status == VerdictStatus::Same);
    lines.extend(loud.into_iter().map(|verdict| Line { published: None, pinned: Some(verdict) }));
    let mut html = String::new();
    for words in [published_in_words(verdicts), pinned_in_words(verdicts)] {
        if !words.is_empty() {
            let _ = writeln!(html, "<p>{}.</p>", escape(&capital(&words)));
        }
    }
    for grid in grids {
        html.push_str(&grid.html());
    }
    let held =
        |line: &Line<'_>| line.published.is_some_and(|verdict| grids.iter().any(|grid| grid.holds(verdict)));
    let (listed, open): (Vec<Line<'_>>, Vec<Line<'_>>) = lines.into_iter().partition(held);
    if !open.is_empty() {
        html.push_str(&table(&open));
    }
    if !listed.is_empty() {
        let heading = format!(
            "The {} of these tables as a list, with tolerances",
            count(listed.len(), "published number")
        );
        let _ = writeln!(html, "<details><summary>{}</summary>", escape(&heading));
        html.push_str(&table(&listed));
        html.push_str("</details>\n");
    }
    html.push_str(&places(open.iter().chain(&listed)));
    if !quiet.is_empty() {
        let heading = format!("{} unchanged", count(quiet.len(), "further pinned number"));
        let _ = writeln!(html, "<details><summary>{}</summary>", escape(&heading));
        let shown: Vec<Line<'_>> = quiet
            .iter()
            .take(MOST_ROWS)
            .map(|verdict| Line { published: None, pinned: Some(verdict) })
            .collect();
        html.push_str(&table(&shown));
        if quiet.len() > MOST_ROWS {
            let _ = writeln!(html, "<p>The first {MOST_ROWS} are shown.</p>");
        }
        html.push_str("</details>\n");
    }
    html
}

/// Whether a pinned number stands for the same cells as a published one.
fn same_number(published: &VerdictRecord, pinned: &VerdictRecord) -> bool {
    let (a, b) = (&published.cell, &pinned.cell);
    published.metric == pinned.metric
        && a.model == b.model
        && a.method == b.method
        && a.lambda.map(f64::to_bits) == b.lambda.map(f64::to_bits)
        && a.pair.as_ref().is_none_or(|pair| b.pair.as_ref() == Some(pair))
        && a.repetition.is_none_or(|repetition| b.repetition == Some(repetition))
        && a.segments.is_none_or(|segments| b.segments == Some(segments))
}

fn table(lines: &[Line<'_>]) -> String {
    let verdicts = || lines.iter().filter_map(Line::any);
    let cells = || verdicts().map(|verdict| &verdict.cell);
    // What all rows share stands once, above them.
    let mut shared = Vec::new();
    let mut varies = |name: &str, values: Vec<String>| {
        let first = values.first().cloned().unwrap_or_default();
        let varies = values.iter().any(|value| *value != first);
        if !varies && !first.is_empty() {
            shared.push(format!("{name} {first}"));
        }
        varies
    };
    let models = varies("model", cells().map(|cell| cell.model.clone()).collect());
    let methods = varies("method", cells().map(|cell| cell.method.clone()).collect());
    let weights = varies("λ", cells().map(|cell| cell.lambda.map(shortest).unwrap_or_default()).collect());
    let pairs = varies("pair", cells().map(|cell| cell.pair.clone().unwrap_or_default()).collect());
    let metrics = varies("metric", verdicts().map(|verdict| verdict.metric.clone()).collect());
    let repetitions = cells().any(|cell| cell.repetition.is_some_and(|repetition| repetition > 0));
    let published = lines.iter().any(|line| line.published.is_some());
    let pinned = lines.iter().any(|line| line.pinned.is_some());
    let notes = lines.iter().any(|line| !note(line).is_empty());

    let mut html = String::from("<div class=\"scroll\"><table>\n");
    if !shared.is_empty() {
        let _ = writeln!(html, "<caption>{}</caption>", escape(&capital(&shared.join(", "))));
    }
    html.push_str("<thead><tr>");
    let columns = [
        (models, "model", false),
        (methods, "method", false),
        (weights, "λ", true),
        (pairs, "pair", false),
        (repetitions, "repetition", true),
        (metrics, "metric", false),
        (published, "published", true),
        (pinned, "pinned", true),
        (true, "now", true),
        (published, "against published", false),
        (published, "difference", true),
        (pinned, "against pinned", false),
        (notes, "note", false),
    ];
    for (_, head, number) in columns.into_iter().filter(|(shown, _, _)| *shown) {
        let class = if number { " class=\"number\"" } else { "" };
        let _ = write!(html, "<th scope=\"col\"{class}>{head}</th>");
    }
    html.push_str("</tr></thead>\n<tbody>\n");
    for line in lines {
        let Some(verdict) = line.any() else { continue };
        let cell = &verdict.cell;
        let weight = AxisValue::Weight(cell.lambda.map(f64::to_bits)).text();
        let repetition = cell.repetition.map_or("mean".to_owned(), |repetition| repetition.to_string());
        let record = line.published;
        let difference = record.and_then(|record| Some(record.now? - record.reference?));
        let entries = [
            (models, text_cell(&cell.model)),
            (methods, text_cell(&cell.method)),
            (weights, number_cell(Some(typeset(&weight)))),
            (pairs, text_cell(cell.pair.as_deref().unwrap_or("mean"))),
            (repetitions, number_cell(Some(repetition))),
            (metrics, text_cell(&verdict.metric)),
            (published, number_cell(record.and_then(published_text))),
            (pinned, number_cell(line.pinned.and_then(|verdict| verdict.reference).map(measured))),
            (true, number_cell(verdict.now.map(measured))),
            (published, status_cell(record)),
            (published, number_cell(difference.map(|value| typeset(&significant(value, 2))))),
            (pinned, status_cell(line.pinned)),
            (notes, format!("<td class=\"note\">{}</td>", escape(&note(line)))),
        ];
        html.push_str("<tr>");
        for (_, entry) in entries.into_iter().filter(|(shown, _)| *shown) {
            html.push_str(&entry);
        }
        html.push_str("</tr>\n");
    }
    html.push_str("</tbody></table></div>\n");
    html
}

fn note(line: &Line<'_>) -> String {
    let mut notes: Vec<&str> =
        [line.published, line.pinned].into_iter().flatten().map(|verdict| verdict.note.as_str()).collect();
    notes.retain(|note| !note.is_empty());
    notes.dedup();
    notes.join("; ")
}

fn text_cell(text: &str) -> String {
    format!("<td>{}</td>", escape(text))
}

fn number_cell(text: Option<String>) -> String {
    format!("<td class=\"number\">{}</td>", escape(text.as_deref().unwrap_or("–")))
}

fn measured(value: f64) -> String {
    typeset(&significant(value, 6))
}

/// A published number as it was printed, with the difference that still counts as agreement.
fn published_text(verdict: &VerdictRecord) -> Option<String> {
    let value = typeset(&shortest(verdict.reference?));
    Some(format!("{value} ± {}", typeset(&shortest(verdict.tolerance))))
}

fn status_cell(verdict: Option<&VerdictRecord>) -> String {
    let Some(verdict) = verdict else { return "<td>–</td>".to_owned() };
    let (sign, words, class) = match (verdict.status, verdict.kind) {
        (VerdictStatus::Same, VerdictKind::Published) => ("✓", "reproduced", "good"),
        (VerdictStatus::Same, VerdictKind::Pinned) => ("✓", "unchanged", "good"),
        (VerdictStatus::Moved, VerdictKind::Published) => ("✗", "not reproduced", "bad"),
        (VerdictStatus::Moved, VerdictKind::Pinned) => ("✗", "moved", "bad"),
        (VerdictStatus::NotMeasured, _) => ("○", "not measured", "warn"),
        (VerdictStatus::NotPublic, _) => ("–", "not public", "plain"),
        (VerdictStatus::Compared, _) => ("≈", "shown only", "plain"),
        (VerdictStatus::Deviation, _) => ("△", "known deviation", "warn"),
    };
    format!("<td><span class=\"chip {class}\">{sign} {words}</span></td>")
}

/// Where the published numbers stand, each place once.
fn places<'a>(lines: impl Iterator<Item = &'a Line<'a>>) -> String {
    let mut places: Vec<&str> = Vec::new();
    for verdict in lines.filter_map(|line| line.published) {
        if !verdict.place.is_empty() && !places.contains(&verdict.place.as_str()) {
            places.push(&verdict.place);
        }
    }
    if places.is_empty() {
        return String::new();
    }
    let mut html = String::from("<p class=\"small\">Published numbers from: ");
    html.push_str(&places.iter().map(|place| escape(place)).collect::<Vec<_>>().join("; "));
    html.push_str(".</p>\n");
    html
}

/// The text as a sentence: the first letter in upper case.
pub(crate) fn capital(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or(String::new(), |first| first.to_uppercase().chain(letters).collect())
}

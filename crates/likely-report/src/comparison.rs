//! Published, pinned and present numbers side by side.

use crate::axis_value::AxisValue;
use crate::html::escape;
use crate::number::{count, significant, typeset};
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

/// The tables of the comparison, as HTML.
pub(crate) fn html(verdicts: &[VerdictRecord]) -> String {
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
    if !lines.is_empty() {
        html.push_str(&table(&lines));
        html.push_str(&places(&lines));
    }
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
    let cells = || lines.iter().filter_map(Line::any).map(|verdict| &verdict.cell);
    let weights = cells().any(|cell| cell.lambda.is_some());
    let pairs = cells().any(|cell| cell.pair.is_some());
    let repetitions = cells().any(|cell| cell.repetition.is_some_and(|repetition| repetition > 0));
    let published = lines.iter().any(|line| line.published.is_some());
    let pinned = lines.iter().any(|line| line.pinned.is_some());
    let notes = lines.iter().any(|line| !note(line).is_empty());
    let mut html = String::from("<div class=\"scroll\"><table>\n<thead><tr>");
    let mut heads = vec![("model", false), ("method", false)];
    heads.extend(weights.then_some(("λ", true)));
    heads.extend(pairs.then_some(("pair", false)));
    heads.extend(repetitions.then_some(("repetition", true)));
    heads.push(("metric", false));
    heads.extend(published.then_some(("published", true)));
    heads.extend(pinned.then_some(("pinned", true)));
    heads.push(("now", true));
    if published {
        heads.extend([("now − published", true), ("tolerance", true), ("against published", false)]);
    }
    heads.extend(pinned.then_some(("against pinned", false)));
    heads.extend(notes.then_some(("note", false)));
    for (head, number) in heads {
        let class = if number { " class=\"number\"" } else { "" };
        let _ = write!(html, "<th scope=\"col\"{class}>{head}</th>");
    }
    html.push_str("</tr></thead>\n<tbody>\n");
    for line in lines {
        let Some(verdict) = line.any() else { continue };
        let cell = &verdict.cell;
        let _ = write!(html, "<tr><td>{}</td><td>{}</td>", escape(&cell.model), escape(&cell.method));
        if weights {
            let weight = AxisValue::Weight(cell.lambda.map(f64::to_bits)).text();
            let _ = write!(html, "<td class=\"number\">{}</td>", escape(&typeset(&weight)));
        }
        if pairs {
            let _ = write!(html, "<td>{}</td>", escape(cell.pair.as_deref().unwrap_or("mean")));
        }
        if repetitions {
            let repetition = cell.repetition.map_or("mean".to_owned(), |repetition| repetition.to_string());
            let _ = write!(html, "<td class=\"number\">{repetition}</td>");
        }
        let _ = write!(html, "<td>{}</td>", escape(&verdict.metric));
        if published {
            html.push_str(&number_cell(line.published.and_then(|verdict| verdict.reference)));
        }
        if pinned {
            html.push_str(&number_cell(line.pinned.and_then(|verdict| verdict.reference)));
        }
        html.push_str(&number_cell(verdict.now));
        if published {
            let record = line.published;
            let difference = record.and_then(|record| Some(record.now? - record.reference?));
            html.push_str(&small_cell(difference));
            html.push_str(&small_cell(record.filter(|r| r.reference.is_some()).map(|record| record.tolerance)));
            html.push_str(&status_cell(record));
        }
        if pinned {
            html.push_str(&status_cell(line.pinned));
        }
        if notes {
            let _ = write!(html, "<td class=\"note\">{}</td>", escape(&note(line)));
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

fn number_cell(value: Option<f64>) -> String {
    let text = value.map_or("–".to_owned(), |value| typeset(&significant(value, 7)));
    format!("<td class=\"number\">{}</td>", escape(&text))
}

fn small_cell(value: Option<f64>) -> String {
    let text = value.map_or("–".to_owned(), |value| typeset(&significant(value, 2)));
    format!("<td class=\"number\">{}</td>", escape(&text))
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
fn places(lines: &[Line<'_>]) -> String {
    let mut places: Vec<&str> = Vec::new();
    for verdict in lines.iter().filter_map(|line| line.published) {
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

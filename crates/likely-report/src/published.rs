//! Published numbers beside ours, as tables that people know from papers: rows of models, columns of methods.

use crate::ReportError;
use crate::axis_value::AxisValue;
use crate::group::{Row, rows};
use crate::html::{escape, prose};
use crate::number::{number, shortest, significant, typeset};
use crate::sheet::{Head, Sheet};
use crate::table::letter;
use crate::table_text::{shown, unit};
use likely_record::{Axis, MetricMeta, Run, Status, VerdictKind, VerdictRecord, VerdictStatus};
use polars::prelude::{Column, DataFrame};
use std::fmt::Write as _;

/// The stem of the files; no table of a run may have it.
pub(crate) const STEM: &str = "published";
/// Fewest numbers of a metric that make a table of their own.
const FEWEST: usize = 8;
/// Least share of the places of such a table that must be filled.
const FILLED: f64 = 0.4;

/// What became of a published number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    Agrees,
    Differs,
    Known,
    Shown,
    NotPublic,
    Failed,
    Unconverged,
    Absent,
}

impl Outcome {
    const ALL: [Self; 8] = [
        Self::Agrees,
        Self::Differs,
        Self::Known,
        Self::Shown,
        Self::NotPublic,
        Self::Failed,
        Self::Unconverged,
        Self::Absent,
    ];

    /// A sign that needs no colour to be told from the others.
    fn sign(self) -> &'static str {
        match self {
            Self::Agrees => "✓",
            Self::Differs => "✗",
            Self::Known => "△",
            Self::Shown => "≈",
            Self::NotPublic => "–",
            Self::Failed => "‡",
            Self::Unconverged => "†",
            Self::Absent => "○",
        }
    }

    fn words(self) -> &'static str {
        match self {
            Self::Agrees => "agrees within the tolerance",
            Self::Differs => "differs",
            Self::Known => "differs for a known reason",
            Self::Shown => "shown, not judged",
            Self::NotPublic => "published value not public",
            Self::Failed => "failed",
            Self::Unconverged => "did not converge",
            Self::Absent => "no number of ours",
        }
    }

    fn id(self) -> &'static str {
        match self {
            Self::Agrees => "agrees",
            Self::Differs => "differs",
            Self::Known => "deviation",
            Self::Shown => "shown",
            Self::NotPublic => "not-public",
            Self::Failed => "failed",
            Self::Unconverged => "not-converged",
            Self::Absent => "no-number",
        }
    }

    fn class(self) -> &'static str {
        match self {
            Self::Agrees => "good",
            Self::Differs | Self::Failed => "bad",
            Self::Known | Self::Unconverged | Self::Absent => "warn",
            Self::Shown | Self::NotPublic => "plain",
        }
    }
}

/// A published number with what became of it.
struct Place<'a> {
    verdict: &'a VerdictRecord,
    outcome: Outcome,
    /// Whether a cell behind our number stopped before it converged.
    early: bool,
    /// Why; empty where there is nothing to add.
    reason: String,
}

impl<'a> Place<'a> {
    fn new(verdict: &'a VerdictRecord, all: &[Row<'_>]) -> Self {
        let about: Vec<&Row<'_>> = all.iter().filter(|row| is_about(verdict, row)).collect();
        let failed = about.iter().filter_map(|row| row.cell).find(|cell| cell.status == Status::Failed);
        let early = about.iter().filter_map(|row| row.cell).filter(|cell| cell.status == Status::Ok);
        let early = early.filter_map(|cell| cell.stop.as_ref()).find(|stop| !stop.converged);
        let lost = verdict.now.is_none();
        let outcome = match verdict.status {
            _ if lost && failed.is_some() => Outcome::Failed,
            _ if lost && early.is_some() => Outcome::Unconverged,
            VerdictStatus::NotPublic => Outcome::NotPublic,
            _ if lost => Outcome::Absent,
            VerdictStatus::Same => Outcome::Agrees,
            VerdictStatus::Moved => Outcome::Differs,
            VerdictStatus::Deviation => Outcome::Known,
            VerdictStatus::Compared if verdict.reference.is_none() => Outcome::NotPublic,
            VerdictStatus::Compared => Outcome::Shown,
            VerdictStatus::NotMeasured => Outcome::Absent,
        };
        let reason = match outcome {
            Outcome::Failed => {
                format!(
                    "failed: {}",
                    failed.and_then(|cell| cell.reason.as_deref()).unwrap_or("no reason given")
                )
            }
            Outcome::Unconverged => {
                format!("did not converge: {}", early.map_or("", |stop| stop.text.as_str()))
            }
            // The difference stands in the table itself.
            Outcome::Differs if verdict.note.starts_with("differs by") => String::new(),
            _ => verdict.note.clone(),
        };
        Self { verdict, outcome, early: early.is_some() && !lost, reason }
    }

    fn ours(&self) -> String {
        let dagger = if self.early { "†" } else { "" };
        match self.verdict.now {
            Some(now) => format!("{}{dagger}", rounded(now, self.verdict.tolerance)),
            None => "no number".to_owned(),
        }
    }

    fn theirs(&self) -> String {
        self.verdict.reference.map_or("not public".to_owned(), shortest)
    }

    /// How far ours lies from the published number, where that is what there is to say.
    fn difference(&self) -> Option<String> {
        let differs = matches!(self.outcome, Outcome::Differs | Outcome::Known | Outcome::Shown);
        let (now, reference) = (self.verdict.now?, self.verdict.reference?);
        let sign = if now >= reference { "+" } else { "" };
        differs.then(|| format!("{sign}{}", significant(now - reference, 2)))
    }
}

/// Ours with as many decimals as the tolerance has, which is one more than the published number has.
fn rounded(now: f64, tolerance: f64) -> String {
    let decimals = -tolerance.log10();
    if decimals > 0.0 && decimals <= 8.0 && now.abs() < 1e6 {
        number(now, Some(decimals.ceil() as usize))
    } else {
        significant(now, 5)
    }
}

fn is_about(verdict: &VerdictRecord, row: &Row<'_>) -> bool {
    let (cell, key) = (&verdict.cell, row.key);
    cell.model == key.model
        && cell.method == key.method
        && cell.lambda.map(f64::to_bits) == key.lambda.map(f64::to_bits)
        && cell.pair.as_ref().is_none_or(|pair| *pair == key.pair)
}

/// A table of one metric.
pub(crate) struct Published<'a> {
    metric: String,
    title: String,
    /// Titles of the columns that name a row.
    heads: Vec<&'static str>,
    rows: Vec<Vec<String>>,
    methods: Vec<&'a str>,
    /// By row and method; several where several numbers were published.
    places: Vec<Vec<Vec<Place<'a>>>>,
}

impl<'a> Published<'a> {
    /// A table for every metric with enough published numbers of several methods.
    pub(crate) fn all(run: &Run, verdicts: &'a [VerdictRecord]) -> Vec<Self> {
        let published: Vec<&VerdictRecord> =
            verdicts.iter().filter(|verdict| verdict.kind == VerdictKind::Published).collect();
        let mut metrics: Vec<&str> = Vec::new();
        for verdict in &published {
            if !metrics.contains(&verdict.metric.as_str()) {
                metrics.push(&verdict.metric);
            }
        }
        let cells = rows(run);
        let of = |metric: &&str| {
            let of_metric = published.iter().copied().filter(|verdict| verdict.metric == **metric).collect();
            let meta = run.presentation.metrics.iter().find(|meta| meta.id == **metric);
            Self::new(metric, meta, of_metric, &cells)
        };
        metrics.iter().filter_map(of).collect()
    }

    fn new(
        metric: &str,
        meta: Option<&MetricMeta>,
        mut verdicts: Vec<&'a VerdictRecord>,
        cells: &[Row<'_>],
    ) -> Option<Self> {
        // The order of the plan, which is that of the other tables; what it lacks comes last.
        verdicts.sort_by_key(|verdict| {
            let place = |is: &dyn Fn(&Row<'_>) -> bool| cells.iter().position(is).unwrap_or(usize::MAX);
            let model = place(&|row| row.key.model == verdict.cell.model);
            (model, place(&|row| row.key.method == verdict.cell.method))
        });
        let name_of = |axis: Axis, verdict: &VerdictRecord| match axis {
            Axis::Model => verdict.cell.model.clone(),
            Axis::Pair => verdict.cell.pair.clone().unwrap_or_else(|| "mean".to_owned()),
            _ => AxisValue::Weight(verdict.cell.lambda.map(f64::to_bits)).text(),
        };
        let mut shared = Vec::new();
        let mut axes = Vec::new();
        for (axis, head) in [(Axis::Model, "model"), (Axis::Lambda, "λ"), (Axis::Pair, "pair")] {
            let mut names: Vec<String> = Vec::new();
            for name in verdicts.iter().map(|verdict| name_of(axis, verdict)) {
                // Methods without a weight stand beside those with one.
                let without = axis == Axis::Lambda && name == "–";
                if !without && !names.contains(&name) {
                    names.push(name);
                }
            }
            match names.as_slice() {
                [] => {}
                [one] if axis == Axis::Pair && one == "mean" => {}
                [one] if axis != Axis::Model => shared.push(format!("{head} {one}")),
                _ => axes.push((axis, head)),
            }
        }
        let mut rows: Vec<Vec<String>> = Vec::new();
        let mut methods: Vec<&str> = Vec::new();
        let mut places: Vec<Vec<Vec<Place<'_>>>> = Vec::new();
        for verdict in &verdicts {
            if !methods.contains(&verdict.cell.method.as_str()) {
                methods.push(&verdict.cell.method);
            }
        }
        let count = verdicts.len();
        for verdict in verdicts {
            let names: Vec<String> = axes.iter().map(|&(axis, _)| name_of(axis, verdict)).collect();
            let row = rows.iter().position(|row| *row == names).unwrap_or_else(|| {
                rows.push(names);
                places.push(methods.iter().map(|_| Vec::new()).collect());
                rows.len() - 1
            });
            let column = methods.iter().position(|name| *name == verdict.cell.method).unwrap_or(0);
            places[row][column].push(Place::new(verdict, cells));
        }
        let filled = places.iter().flatten().filter(|places| !places.is_empty()).count();
        let room = rows.len() * methods.len();
        if count < FEWEST || methods.len() < 2 || rows.len() < 2 || (filled as f64) < FILLED * room as f64 {
            return None;
        }
        let unit = meta.map_or(String::new(), |meta| unit(&meta.unit));
        let shared = if shared.is_empty() { String::new() } else { format!(", {}", shared.join(", ")) };
        Some(Self {
            metric: metric.to_owned(),
            title: format!("`{metric}`{unit}{shared}: ours, and below it the published number"),
            heads: axes.iter().map(|&(_, head)| head).collect(),
            rows,
            methods,
            places,
        })
    }

    /// Whether the table holds the number of a verdict.
    pub(crate) fn holds(&self, verdict: &VerdictRecord) -> bool {
        verdict.kind == VerdictKind::Published && verdict.metric == self.metric
    }

    fn each(&self) -> impl Iterator<Item = &Place<'a>> {
        self.places.iter().flatten().flatten()
    }

    /// What the signs of the table mean, and how often each stands in it.
    fn key(&self) -> String {
        let mut parts: Vec<String> = Outcome::ALL
            .into_iter()
            .filter_map(|outcome| {
                let times = self.each().filter(|place| place.outcome == outcome).count();
                (times > 0).then(|| format!("{} {} ({times})", outcome.sign(), outcome.words()))
            })
            .collect();
        if self.each().any(|place| place.early) {
            parts.push("† behind our number: stopped before it converged".to_owned());
        }
        format!("{}.", parts.join("; "))
    }

    /// Reasons, each with the letter that stands in the table.
    fn reasons(&self) -> Vec<&str> {
        let mut reasons: Vec<&str> = Vec::new();
        for place in self.each().filter(|place| !place.reason.is_empty()) {
            if !reasons.contains(&place.reason.as_str()) {
                reasons.push(&place.reason);
            }
        }
        reasons
    }

    fn letter_of(reasons: &[&str], place: &Place<'_>) -> Option<String> {
        reasons.iter().position(|reason| *reason == place.reason).map(letter)
    }

    /// The table on a page.
    pub(crate) fn html(&self) -> String {
        let reasons = self.reasons();
        let mut html = format!(
            "<div class=\"scroll\"><table class=\"published\">\n<caption><strong>{}</strong></caption>\n<thead><tr>",
            prose(&self.title)
        );
        for head in &self.heads {
            let _ = write!(html, "<th scope=\"col\">{head}</th>");
        }
        for method in &self.methods {
            let _ = write!(html, "<th scope=\"col\" class=\"number\">{}</th>", escape(method));
        }
        html.push_str("</tr></thead>\n<tbody>\n");
        for (place, (names, places)) in self.rows.iter().zip(&self.places).enumerate() {
            let new_block = place > 0 && names.len() > 1 && names[0] != self.rows[place - 1][0];
            html.push_str(if new_block { "<tr class=\"block\">" } else { "<tr>" });
            for name in names {
                let _ = write!(html, "<th scope=\"row\">{}</th>", escape(&shown(name)));
            }
            for here in places {
                let cells: Vec<String> = here.iter().map(|place| html_place(place, &reasons)).collect();
                let _ = write!(html, "<td class=\"number\">{}</td>", cells.join("<br>"));
            }
            html.push_str("</tr>\n");
        }
        html.push_str("</tbody></table></div>\n");
        let _ = writeln!(html, "<p class=\"small\">{}</p>", escape(&self.key()));
        if !reasons.is_empty() {
            html.push_str("<p class=\"small\">");
            for (place, reason) in reasons.iter().enumerate() {
                let _ = write!(html, "<sup>{}</sup> {}<br>", letter(place), prose(reason));
            }
            html.push_str("</p>\n");
        }
        html
    }

    /// The table in words, for Markdown and LaTeX.
    pub(crate) fn sheet(&self) -> Sheet {
        let reasons = self.reasons();
        let mut heads: Vec<Head> = self.heads.iter().map(|head| Head::name(head)).collect();
        heads.extend(self.methods.iter().map(|method| Head::number(method)));
        let rows = self.rows.iter().zip(&self.places).map(|(names, places)| {
            let cells = places.iter().map(|here| {
                let texts: Vec<String> = here
                    .iter()
                    .map(|place| {
                        let mut text =
                            format!("{} / {} {}", place.ours(), place.theirs(), place.outcome.sign());
                        if let Some(difference) = place.difference() {
                            let _ = write!(text, " {difference}");
                        }
                        if let Some(letter) = Self::letter_of(&reasons, place) {
                            let _ = write!(text, " [{letter}]");
                        }
                        text
                    })
                    .collect();
                texts.join("; ")
            });
            names.iter().cloned().chain(cells).collect()
        });
        let mut remarks = vec![format!(
            "Ours / published, a sign, and the difference where there is one to speak of: {}",
            self.key()
        )];
        for (place, reason) in reasons.iter().enumerate() {
            remarks.push(format!("[{}] {reason}.", letter(place)));
        }
        Sheet {
            title: self
                .title
                .replace("ours, and below it the published number", "ours and published")
                .replace('`', ""),
            named: self.heads.len(),
            heads,
            rows: rows.collect(),
            closing: 0,
            remarks,
        }
    }

    /// The metric, for the name of a file.
    pub(crate) fn metric(&self) -> &str {
        &self.metric
    }
}

fn html_place(place: &Place<'_>, reasons: &[&str]) -> String {
    let raised =
        Published::letter_of(reasons, place).map_or(String::new(), |letter| format!("<sup>{letter}</sup>"));
    let difference = place.difference().map_or(String::new(), |text| format!(" {}", escape(&typeset(&text))));
    let value = match place.verdict.now {
        Some(_) => escape(&typeset(&place.ours())),
        None => format!("<span class=\"error\">{}</span>", place.ours()),
    };
    format!(
        "{value} <span class=\"chip {}\" title=\"{}\">{}{difference}</span>{raised}<br><span class=\"error\">{}</span>",
        place.outcome.class(),
        escape(place.outcome.words()),
        place.outcome.sign(),
        escape(&shown(&place.theirs())),
    )
}

/// Every published number, one a row.
///
/// # Errors
/// [`ReportError::Frame`] where polars refuses the columns.
pub(crate) fn frame(run: &Run, verdicts: &[VerdictRecord]) -> Result<DataFrame, ReportError> {
    let cells = rows(run);
    let places: Vec<Place<'_>> = verdicts
        .iter()
        .filter(|verdict| verdict.kind == VerdictKind::Published)
        .map(|verdict| Place::new(verdict, &cells))
        .collect();
    let text = |name: &str, of: &dyn Fn(&Place<'_>) -> String| {
        Column::new(name.into(), places.iter().map(of).collect::<Vec<String>>())
    };
    let number = |name: &str, of: &dyn Fn(&VerdictRecord) -> Option<f64>| {
        Column::new(name.into(), places.iter().map(|place| of(place.verdict)).collect::<Vec<Option<f64>>>())
    };
    let columns = vec![
        text("model", &|place| place.verdict.cell.model.clone()),
        text("method", &|place| place.verdict.cell.method.clone()),
        number("lambda", &|verdict| verdict.cell.lambda),
        text("pair", &|place| place.verdict.cell.pair.clone().unwrap_or_else(|| "mean".to_owned())),
        text("metric", &|place| place.verdict.metric.clone()),
        number("published", &|verdict| verdict.reference),
        number("tolerance", &|verdict| Some(verdict.tolerance)),
        number("ours", &|verdict| verdict.now),
        number("difference", &|verdict| Some(verdict.now? - verdict.reference?)),
        text("outcome", &|place| place.outcome.id().to_owned()),
        Column::new("stopped-early".into(), places.iter().map(|place| place.early).collect::<Vec<bool>>()),
        text("reason", &|place| place.reason.clone()),
        text("place", &|place| place.verdict.place.clone()),
    ];
    DataFrame::new(places.len(), columns)
        .map_err(|source| ReportError::Frame { table: STEM.to_owned(), source })
}

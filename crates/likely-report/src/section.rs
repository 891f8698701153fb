//! The section of one run on a page.

use crate::comparison::{self, capital, pinned_in_words, published_in_words};
use crate::figure::Figure;
use crate::group::{Row, group_by, rows};
use crate::html::{escape, prose};
use crate::number::count;
use crate::published::Published;
use crate::ranking::Ranking;
use crate::saving::Saving;
use crate::series::SeriesTable;
use crate::table::{Column, Entry, Rank, Table};
use crate::table_text::{shown, spans, unit};
use crate::{ReportError, axis_value::AxisValue, series, timing};
use likely_record::{Axis, Run, Status, VerdictRecord};
use std::collections::BTreeMap;
use std::fmt::Write as _;

/// Everything of a run that a page shows.
pub(crate) struct Parts<'a> {
    pub(crate) run: &'a Run,
    /// Without those on times of calls, which stand beside the clock readings.
    pub(crate) verdicts: Vec<VerdictRecord>,
    pub(crate) tables: Vec<Table>,
    pub(crate) savings: Vec<Saving>,
    pub(crate) rankings: Vec<Ranking>,
    pub(crate) figures: Vec<Figure>,
    pub(crate) series: Vec<SeriesTable>,
}

impl<'a> Parts<'a> {
    /// Collects tables and figures.
    pub(crate) fn new(run: &'a Run, verdicts: &'a [VerdictRecord]) -> Result<Self, ReportError> {
        let tables = run.presentation.tables.iter().map(|record| Table::new(run, record));
        let figures = run.presentation.figures.iter().map(|record| Figure::new(run, record));
        let judged = verdicts.iter().filter(|verdict| verdict.metric != timing::PUBLISHED);
        Ok(Self {
            run,
            verdicts: judged.cloned().collect(),
            tables: tables.collect::<Result<_, _>>()?,
            savings: run.presentation.savings.iter().map(|record| Saving::new(run, record)).collect(),
            rankings: run.presentation.rankings.iter().map(|record| Ranking::new(run, record)).collect(),
            figures: figures.collect::<Result<_, _>>()?,
            series: SeriesTable::all(run)?,
        })
    }

    /// Published numbers as tables of models by methods.
    pub(crate) fn published(&self) -> Vec<Published<'_>> {
        Published::all(self.run, &self.verdicts)
    }

    /// The heading of the run.
    pub(crate) fn title(&self) -> &str {
        if self.run.presentation.title.is_empty() {
            &self.run.plan.experiment
        } else {
            &self.run.presentation.title
        }
    }

    /// What became of the run, in sentences.
    pub(crate) fn in_words(&self) -> Vec<String> {
        let counts = Counts::of(&rows(self.run));
        let mut sentences = vec![counts.in_words()];
        for words in [published_in_words(&self.verdicts), pinned_in_words(&self.verdicts)] {
            if !words.is_empty() {
                sentences.push(format!("{}.", capital(&words)));
            }
        }
        if !self.run.damaged.is_empty() {
            sentences.push(format!(
                "{} and left out.",
                capital(&format!("{} damaged", count(self.run.damaged.len(), "file")))
            ));
        }
        sentences
    }

    /// The section under a heading of `level`, with `summary` right below it.
    pub(crate) fn html(&self, anchor: &str, level: usize, summary: &str) -> Result<String, ReportError> {
        let presentation = &self.run.presentation;
        let mut html = format!("<section id=\"{anchor}\">\n<h{level}>{}</h{level}>\n", escape(self.title()));
        let tier = &self.run.plan.tier;
        let paper = presentation.paper.as_ref().map_or(String::new(), |paper| format!(" · {paper}"));
        let line = format!("{} · tier {tier}{paper}", self.run.plan.experiment);
        let _ = writeln!(html, "<p class=\"lead\">{}</p>", escape(&line));
        html.push_str(summary);
        html.push_str(&paragraphs(&presentation.analysis));
        let sub = level + 1;
        let head = |html: &mut String, text: &str| {
            let _ = writeln!(html, "<h{sub}>{text}</h{sub}>");
        };
        for figure in &self.figures {
            html.push_str(&figure_html(figure)?);
        }
        head(&mut html, "Published, pinned and now");
        html.push_str(&comparison::html(&self.verdicts, &self.published()));
        if !self.tables.is_empty() || !self.savings.is_empty() || !self.rankings.is_empty() {
            head(&mut html, "Tables");
            for ranking in &self.rankings {
                html.push_str(&ranking.sheet().html());
            }
            for table in &self.tables {
                html.push_str(&table_html(table));
            }
            for saving in &self.savings {
                html.push_str(&saving.sheet().html());
            }
        }
        if !self.series.is_empty() {
            head(&mut html, "Series");
            html.push_str(&series::html(&self.series));
        }
        head(&mut html, "Cells");
        html.push_str(&self.cells_html());
        if let Some(sheet) = timing::sheet(self.run) {
            head(&mut html, "Time of one call");
            html.push_str(&sheet.html());
        }
        if !presentation.facts.is_empty() {
            head(&mut html, "Models");
            html.push_str(&facts_html(&presentation.facts));
        }
        head(&mut html, "Definitions of the metrics");
        html.push_str("<dl>\n");
        for metric in &presentation.metrics {
            let direction = match metric.better.as_str() {
                "higher" => ", higher is better",
                "lower" => ", lower is better",
                _ => "",
            };
            let _ = writeln!(
                html,
                "<dt><code>{}</code>{}{direction}</dt><dd>{}</dd>",
                escape(&metric.id),
                escape(&unit(&metric.unit)),
                prose(&metric.definition)
            );
        }
        html.push_str("</dl>\n");
        head(&mut html, "Provenance");
        html.push_str(&self.provenance_html());
        html.push_str("</section>\n");
        Ok(html)
    }

    fn cells_html(&self) -> String {
        let all = rows(self.run);
        let mut html = format!("<p>{}</p>\n", escape(&Counts::of(&all).in_words()));
        html.push_str(
            "<div class=\"scroll\"><table>\n<thead><tr><th scope=\"col\">model</th><th scope=\"col\">method</th>",
        );
        for head in ["cells", "solved", "stopped early", "skipped", "failed", "not run"] {
            let _ = write!(html, "<th scope=\"col\" class=\"number\">{head}</th>");
        }
        html.push_str("</tr></thead>\n<tbody>\n");
        for (names, cells) in group_by(&all, &[Axis::Model, Axis::Method]) {
            let counts = Counts::of(&cells);
            let _ = write!(
                html,
                "<tr><td>{}</td><td>{}</td>",
                escape(&names[0].text()),
                escape(&names[1].text())
            );
            let stopped: usize = counts.stopped.values().sum();
            for (number, class) in [
                (counts.planned, ""),
                (counts.solved, ""),
                (stopped, "warn"),
                (counts.skipped, "plain"),
                (counts.failed, "bad"),
                (counts.missing, "warn"),
            ] {
                let chip = if number > 0 && !class.is_empty() {
                    format!("<span class=\"chip {class}\">{number}</span>")
                } else {
                    number.to_string()
                };
                let _ = write!(html, "<td class=\"number\">{chip}</td>");
            }
            html.push_str("</tr>\n");
        }
        html.push_str("</tbody></table></div>\n");
        html.push_str(&reasons_html(&all));
        if !self.run.damaged.is_empty() {
            html.push_str("<p>Damaged files, which count as not run:</p>\n<ul>\n");
            for (path, reason) in &self.run.damaged {
                let path = path.strip_prefix(&self.run.path).unwrap_or(path);
                let _ = writeln!(
                    html,
                    "<li><code>{}</code>: {}</li>",
                    escape(&path.display().to_string()),
                    escape(reason)
                );
            }
            html.push_str("</ul>\n");
        }
        html
    }

    fn provenance_html(&self) -> String {
        let provenance = &self.run.provenance;
        let unknown = || "unknown".to_owned();
        let commit = match (&provenance.commit, provenance.dirty) {
            (Some(commit), Some(true)) => format!("{commit}, with uncommitted changes"),
            (Some(commit), Some(false)) => format!("{commit}, clean"),
            (Some(commit), None) => commit.clone(),
            (None, _) => unknown(),
        };
        let mut lines = vec![
            ("program", format!("likely {}", provenance.version)),
            ("commit", commit),
            ("SHA-256 of the program", provenance.program_sha256.clone()),
            ("SHA-256 of the lock file", provenance.lock_sha256.clone().unwrap_or_else(unknown)),
            ("SHA-256 of the spec", provenance.spec_sha256.clone()),
        ];
        let data: Vec<(String, String)> = provenance
            .data_sha256
            .iter()
            .map(|(path, hash)| (format!("SHA-256 of {path}"), hash.clone()))
            .collect();
        lines.extend(data.iter().map(|(name, hash)| (name.as_str(), hash.clone())));
        lines.extend([
            ("identity of the run", self.run.plan.identity.clone()),
            ("compiler", format!("{}, {}", provenance.compiler, provenance.target)),
            ("CPU", provenance.cpu.clone()),
            ("vector instructions", provenance.cpu_features.join(", ")),
            ("device", provenance.device.clone()),
            ("worker threads", provenance.threads.to_string()),
            ("started", provenance.started.clone()),
        ]);
        let mut html = String::from("<div class=\"scroll\"><table class=\"facts\">\n<tbody>\n");
        for (name, value) in lines {
            let _ =
                writeln!(html, "<tr><th scope=\"row\">{}</th><td>{}</td></tr>", escape(name), escape(&value));
        }
        html.push_str("</tbody></table></div>\n");
        html
    }
}

/// How many cells ended how.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Counts {
    pub(crate) planned: usize,
    pub(crate) solved: usize,
    /// By kind of stop.
    pub(crate) stopped: BTreeMap<String, usize>,
    pub(crate) skipped: usize,
    pub(crate) failed: usize,
    pub(crate) missing: usize,
}

impl Counts {
    pub(crate) fn of(rows: &[Row<'_>]) -> Self {
        let mut counts = Self { planned: rows.len(), ..Self::default() };
        for row in rows {
            match row.cell.map(|cell| (cell.status, &cell.stop)) {
                None => counts.missing += 1,
                Some((Status::Skipped, _)) => counts.skipped += 1,
                Some((Status::Failed, _)) => counts.failed += 1,
                Some((Status::Ok, Some(stop))) if !stop.converged => {
                    *counts.stopped.entry(stop.kind.clone()).or_default() += 1;
                }
                Some((Status::Ok, _)) => counts.solved += 1,
            }
        }
        counts
    }

    pub(crate) fn in_words(&self) -> String {
        let mut parts = vec![format!("{} solved", self.solved)];
        let stopped: usize = self.stopped.values().sum();
        if stopped > 0 {
            let kinds: Vec<String> =
                self.stopped.iter().map(|(kind, number)| format!("{kind} {number}")).collect();
            parts.push(format!("{stopped} stopped before convergence ({})", kinds.join(", ")));
        }
        for (number, word) in [(self.skipped, "skipped"), (self.failed, "failed"), (self.missing, "not run")]
        {
            if number > 0 {
                parts.push(format!("{number} {word}"));
            }
        }
        format!("{}: {}.", count(self.planned, "cell"), parts.join(", "))
    }
}

/// Cells without a result, gathered by model, method and reason.
fn reasons_html(all: &[Row<'_>]) -> String {
    let mut reasons: BTreeMap<(&str, &str, &str, String), Vec<String>> = BTreeMap::new();
    for row in all {
        let Some(cell) = row.cell else { continue };
        let word = match cell.status {
            Status::Ok => continue,
            Status::Skipped => "skipped",
            Status::Failed => "failed",
        };
        let reason = cell.reason.clone().unwrap_or_default();
        let name =
            format!("{}, pair {}", AxisValue::of(Axis::Lambda, row.key).label(Axis::Lambda), row.key.pair);
        reasons.entry((word, &row.key.model, &row.key.method, reason)).or_default().push(name);
    }
    if reasons.is_empty() {
        return String::new();
    }
    let mut html = String::from("<ul>\n");
    for ((word, model, method, reason), cells) in reasons {
        let class = if word == "failed" { "bad" } else { "plain" };
        let more = if cells.len() > 3 { format!("; and {} more", cells.len() - 3) } else { String::new() };
        let list = format!("{}{more}", cells.iter().take(3).cloned().collect::<Vec<_>>().join("; "));
        let _ = writeln!(
            html,
            "<li><span class=\"chip {class}\">{word}</span> {} on {} ({}): {}</li>",
            escape(method),
            escape(model),
            escape(&list),
            prose(&reason)
        );
    }
    html.push_str("</ul>\n");
    html
}

fn figure_html(figure: &Figure) -> Result<String, ReportError> {
    let mut caption = format!("<strong>{}.</strong>", prose(figure.title().trim_end_matches('.')));
    for sentence in std::iter::once(&figure.caption).chain(figure.notes()) {
        if !sentence.is_empty() {
            let _ = write!(caption, " {}", prose(sentence));
        }
    }
    // A frame around nothing looks like a fault; the caption says what is missing.
    let drawn = if figure.is_empty() {
        String::new()
    } else {
        format!("<div class=\"scroll\">{}</div>\n", figure.inline()?)
    };
    Ok(format!("<figure>\n{drawn}<figcaption>{caption}</figcaption>\n</figure>\n"))
}

fn table_html(table: &Table) -> String {
    let title = prose(&table.title);
    let under = |column: &Column| {
        let unit = unit(&column.metric.unit);
        format!("{} <span class=\"unit\">{}</span>", escape(&column.heading()), escape(unit.trim()))
    };
    // One metric under every heading is said once, above the table.
    let alike = table.has_spans()
        && table.columns.len() > 1
        && spans(table).len() == table.columns.len()
        && table.columns.iter().all(|column| under(column) == under(&table.columns[0]));
    let metric = if alike { format!(": {}", under(&table.columns[0])) } else { String::new() };
    let mut html = format!(
        "<div class=\"scroll\"><table>\n<caption><strong>{title}</strong>{metric}</caption>\n<thead>\n"
    );
    if table.has_spans() && !alike {
        let _ = write!(html, "<tr><td colspan=\"{}\"></td>", table.row_axes.len());
        for (over, _, width) in spans(table) {
            let _ = write!(
                html,
                "<th scope=\"colgroup\" class=\"span\" colspan=\"{width}\">{}</th>",
                escape(over)
            );
        }
        html.push_str("</tr>\n");
    }
    html.push_str("<tr>");
    for &axis in &table.row_axes {
        let _ = write!(html, "<th scope=\"col\">{}</th>", Table::row_heading(axis));
    }
    for column in &table.columns {
        if alike {
            let _ = write!(html, "<th scope=\"col\" class=\"number\">{}</th>", escape(&column.over));
            continue;
        }
        let _ = write!(
            html,
            "<th scope=\"col\" class=\"number\">{}<br><span class=\"unit\">{}</span></th>",
            escape(&column.heading()),
            escape(unit(&column.metric.unit).trim())
        );
    }
    html.push_str("</tr>\n</thead>\n<tbody>\n");
    let mut before: Option<&AxisValue> = None;
    for row in &table.rows {
        let new_block = before.is_some() && row.heads.len() > 1 && row.heads.first() != before;
        before = row.heads.first();
        html.push_str(if new_block { "<tr class=\"block\">" } else { "<tr>" });
        for (head, axis) in row.heads.iter().zip(&table.row_axes) {
            let class = if *axis == Axis::Lambda { " class=\"number\"" } else { "" };
            let _ = write!(html, "<th scope=\"row\"{class}>{}</th>", escape(&shown(&head.text())));
        }
        for entry in &row.entries {
            let _ = write!(html, "<td class=\"number\">{}</td>", entry_html(entry));
        }
        html.push_str("</tr>\n");
    }
    html.push_str("</tbody></table></div>\n");
    if !table.remarks.is_empty() {
        let _ = writeln!(html, "<p class=\"small\">{}</p>", prose(&table.remarks.join(" ")));
    }
    if !table.footnotes.is_empty() {
        html.push_str("<p class=\"small\">");
        for (letter, reason) in &table.footnotes {
            let _ = write!(html, "<sup>{letter}</sup> {}<br>", prose(reason));
        }
        html.push_str("</p>\n");
    }
    html
}

fn entry_html(entry: &Entry) -> String {
    let value = escape(&shown(&entry.value));
    let mut html = match (entry.has_number(), entry.rank) {
        (true, Rank::Best) => format!("<b>{value}</b>"),
        (true, Rank::Second) => format!("<u>{value}</u>"),
        (true, Rank::None) => value,
        (false, _) => match entry.value.as_str() {
            "" => String::new(),
            "failed" => format!("<span class=\"chip bad\">{value}</span>"),
            _ => format!("<span class=\"chip plain\">{value}</span>"),
        },
    };
    if let Some(std_err) = &entry.std_err {
        let _ = write!(html, " <span class=\"error\">± {}</span>", escape(&shown(std_err)));
    }
    if let Some(n) = entry.n {
        let _ = write!(html, " <span class=\"error\">(n = {n})</span>");
    }
    let mut raised: Vec<&str> = entry.notes.iter().map(String::as_str).collect();
    if entry.unconverged {
        raised.insert(0, "†");
    }
    if !raised.is_empty() {
        let _ = write!(html, "<sup>{}</sup>", raised.join(","));
    }
    html
}

fn facts_html(facts: &[(String, String, String)]) -> String {
    let mut html = String::from(
        "<div class=\"scroll\"><table>\n<thead><tr><th scope=\"col\">model</th><th scope=\"col\">fact</th><th scope=\"col\">value</th></tr></thead>\n<tbody>\n",
    );
    for (model, name, value) in facts {
        let _ = writeln!(
            html,
            "<tr><td>{}</td><td>{}</td><td>{}</td></tr>",
            escape(model),
            escape(name),
            escape(value)
        );
    }
    html.push_str("</tbody></table></div>\n");
    html
}

fn paragraphs(text: &str) -> String {
    let mut html = String::new();
    for paragraph in text.replace("\r\n", "\n").split("\n\n").map(str::trim).filter(|text| !text.is_empty()) {
        let _ = writeln!(html, "<p>{}</p>", prose(paragraph));
    }
    html
}

//! A table as Markdown and LaTeX.

use crate::number::typeset;
use crate::table::{Entry, Rank, Table};
use std::fmt::Write as _;

/// The table as GitHub's Markdown, with its remarks and footnotes below it.
pub(crate) fn markdown(table: &Table) -> String {
    let mut text = format!("**{}**\n\n", markdown_escape(&table.title));
    let mut heads: Vec<String> =
        table.row_axes.iter().map(|&axis| Table::row_heading(axis).to_owned()).collect();
    let mut rules: Vec<&str> = vec!["---"; heads.len()];
    for column in &table.columns {
        let over = if column.over.is_empty() { String::new() } else { format!("{}: ", column.over) };
        heads.push(markdown_escape(&format!("{over}{}{}", column.heading(), unit(&column.metric.unit))));
        rules.push("---:");
    }
    line(&mut text, &heads);
    line(&mut text, &rules);
    for row in &table.rows {
        let mut cells: Vec<String> = row.heads.iter().map(|head| markdown_escape(&head.text())).collect();
        cells.extend(row.entries.iter().map(markdown_entry));
        line(&mut text, &cells);
    }
    for remark in &table.remarks {
        let _ = write!(text, "\n{}\n", markdown_escape(remark));
    }
    for (letter, reason) in &table.footnotes {
        let _ = write!(text, "\n({letter}) {}\n", markdown_escape(reason));
    }
    text
}

/// The unit in brackets; nothing for pure numbers and for counts that the metric's name already says.
pub(crate) fn unit(unit: &str) -> String {
    if unit.is_empty() || unit == "1" { String::new() } else { format!(" ({unit})") }
}

/// A line of a table in Markdown.
pub(crate) fn line<S: AsRef<str>>(text: &mut String, cells: &[S]) {
    let cells: Vec<&str> = cells.iter().map(AsRef::as_ref).collect();
    let _ = writeln!(text, "| {} |", cells.join(" | "));
}

fn markdown_entry(entry: &Entry) -> String {
    let mut text = match (entry.has_number(), entry.rank) {
        (true, Rank::Best) => format!("**{}**", entry.value),
        (true, Rank::Second) => format!("<u>{}</u>", entry.value),
        _ => entry.value.clone(),
    };
    if entry.unconverged {
        text.push('†');
    }
    if let Some(std_err) = &entry.std_err {
        let _ = write!(text, " ± {std_err}");
    }
    if let Some(n) = entry.n {
        let _ = write!(text, " (n = {n})");
    }
    for note in &entry.notes {
        let _ = write!(text, " ({note})");
    }
    text
}

/// The text with everything escaped that Markdown would read as its own.
pub(crate) fn markdown_escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '\\' | '|' | '*' | '_' | '`' | '[' | ']' => {
                escaped.push('\\');
                escaped.push(character);
            }
            '<' => escaped.push_str("&lt;"),
            '&' => escaped.push_str("&amp;"),
            '\n' | '\r' => escaped.push(' '),
            other => escaped.push(other),
        }
    }
    escaped
}

/// The table as a LaTeX float in the style of booktabs.
pub(crate) fn latex(table: &Table) -> String {
    let mut text = String::from("% Needs \\usepackage{booktabs}.\n\\begin{table}[t]\n\\centering\n");
    let mut caption = latex_escape(table.title.trim_end_matches('.'));
    caption.push('.');
    for remark in &table.remarks {
        let _ = write!(caption, " {}", latex_escape(remark));
    }
    let _ = writeln!(text, "\\caption{{{caption}}}\n\\label{{tab:{}}}", table.id);
    let columns = "l".repeat(table.row_axes.len()) + &"r".repeat(table.columns.len());
    let _ = writeln!(text, "\\begin{{tabular}}{{{columns}}}\n\\toprule");
    if table.has_spans() {
        text.push_str(&latex_spans(table));
    }
    let mut heads: Vec<String> =
        table.row_axes.iter().map(|&axis| latex_escape(Table::row_heading(axis))).collect();
    heads.extend(
        table.columns.iter().map(|column| latex_escape(&(column.heading() + &unit(&column.metric.unit)))),
    );
    let _ = writeln!(text, "{} \\\\\n\\midrule", heads.join(" & "));
    for row in &table.rows {
        let mut cells: Vec<String> = row.heads.iter().map(|head| latex_escape(&head.text())).collect();
        cells.extend(row.entries.iter().map(latex_entry));
        let _ = writeln!(text, "{} \\\\", cells.join(" & "));
    }
    text.push_str("\\bottomrule\n\\end{tabular}\n");
    if !table.footnotes.is_empty() {
        text.push_str("\n\\footnotesize\n");
        for (letter, reason) in &table.footnotes {
            let _ = writeln!(text, "\\textsuperscript{{{letter}}} {}\\par", latex_escape(reason));
        }
    }
    text.push_str("\\end{table}\n");
    text
}

/// Neighbouring columns that share a heading, as (heading, first column, columns).
pub(crate) fn spans(table: &Table) -> Vec<(&str, usize, usize)> {
    let mut spans: Vec<(&str, usize, usize)> = Vec::new();
    for (index, column) in table.columns.iter().enumerate() {
        match spans.last_mut() {
            Some((over, _, width)) if *over == column.over => *width += 1,
            _ => spans.push((&column.over, index, 1)),
        }
    }
    spans
}

fn latex_spans(table: &Table) -> String {
    let offset = table.row_axes.len();
    let mut heads = vec![String::new(); offset];
    let mut rules = String::new();
    for (over, first, width) in spans(table) {
        heads.push(format!("\\multicolumn{{{width}}}{{c}}{{{}}}", latex_escape(over)));
        let (from, to) = (offset + first + 1, offset + first + width);
        let _ = write!(rules, "\\cmidrule(lr){{{from}-{to}}}");
    }
    format!("{} \\\\\n{rules}\n", heads.join(" & "))
}

fn latex_entry(entry: &Entry) -> String {
    let mut text = String::new();
    if entry.has_number() {
        let value = latex_number(&entry.value);
        let value = match entry.rank {
            Rank::Best => format!("\\mathbf{{{value}}}"),
            Rank::Second => format!("\\underline{{{value}}}"),
            Rank::None => value,
        };
        let _ = write!(text, "${value}");
        if let Some(std_err) = &entry.std_err {
            let _ = write!(text, " \\pm {}", latex_number(std_err));
        }
        text.push('$');
    } else {
        text.push_str(&latex_escape(&entry.value));
    }
    if let Some(n) = entry.n {
        let _ = write!(text, " ($n = {n}$)");
    }
    let mut raised = entry.notes.join(",");
    if entry.unconverged {
        raised = if raised.is_empty() { "\\dag".to_owned() } else { format!("\\dag,{raised}") };
    }
    if !raised.is_empty() {
        let _ = write!(text, "\\textsuperscript{{{raised}}}");
    }
    text
}

/// A number in mathematics.
pub(crate) fn latex_number(text: &str) -> String {
    match text.split_once('e') {
        Some((mantissa, exponent)) => format!("{mantissa} \\times 10^{{{exponent}}}"),
        None => text.to_owned(),
    }
}

/// The text with everything escaped or named that LaTeX would not set as it stands.
pub(crate) fn latex_escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' | '%' | '$' | '#' | '_' | '{' | '}' => {
                escaped.push('\\');
                escaped.push(character);
            }
            '\\' => escaped.push_str("\\textbackslash{}"),
            '~' => escaped.push_str("\\textasciitilde{}"),
            '^' => escaped.push_str("\\textasciicircum{}"),
            '\n' | '\r' => escaped.push(' '),
            other => match latex_symbol(other) {
                Some(symbol) => escaped.push_str(symbol),
                None => escaped.push(other),
            },
        }
    }
    escaped
}

/// Commands for characters that LaTeX does not set without further packages.
fn latex_symbol(character: char) -> Option<&'static str> {
    Some(match character {
        'α' => "$\\alpha$",
        'β' => "$\\beta$",
        'γ' => "$\\gamma$",
        'δ' => "$\\delta$",
        'ε' => "$\\varepsilon$",
        'η' => "$\\eta$",
        'θ' => "$\\theta$",
        'λ' => "$\\lambda$",
        'μ' => "$\\mu$",
        'π' => "$\\pi$",
        'ρ' => "$\\rho$",
        'σ' => "$\\sigma$",
        'τ' => "$\\tau$",
        'φ' => "$\\varphi$",
        'χ' => "$\\chi$",
        'Σ' => "$\\Sigma$",
        'Δ' => "$\\Delta$",
        '∇' => "$\\nabla$",
        '∞' => "$\\infty$",
        '√' | '✓' => "$\\surd$",
        '·' => "$\\cdot$",
        '×' | '✗' => "$\\times$",
        '±' => "$\\pm$",
        '−' => "$-$",
        '≤' => "$\\leq$",
        '≥' => "$\\geq$",
        '≈' => "$\\approx$",
        '→' => "$\\rightarrow$",
        '↑' => "$\\uparrow$",
        '↓' => "$\\downarrow$",
        '‖' => "$\\|$",
        '²' => "$^2$",
        '³' => "$^3$",
        '†' => "\\dag{}",
        '‡' => "\\ddag{}",
        '△' => "$\\triangle$",
        '○' => "$\\circ$",
        '–' => "--",
        '—' => "---",
        '<' => "$<$",
        '>' => "$>$",
        '|' => "$|$",
        _ => return None,
    })
}

/// The entry's number for a page: true minus signs and raised exponents.
pub(crate) fn shown(text: &str) -> String {
    if text.parse::<f64>().is_ok() { typeset(text) } else { text.to_owned() }
}

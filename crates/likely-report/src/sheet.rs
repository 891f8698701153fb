//! A table of words that are ready to be shown, in every form.

use crate::html::{escape, prose};
use crate::table_text::{latex_escape, latex_number, line, markdown_escape, shown};
use std::fmt::Write as _;

/// The heading of a column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Head {
    pub(crate) text: String,
    /// Whether numbers stand below it, between words and signs apart from them by spaces.
    pub(crate) number: bool,
}

impl Head {
    /// Of names.
    pub(crate) fn name(text: &str) -> Self {
        Self { text: text.to_owned(), number: false }
    }

    /// Of numbers.
    pub(crate) fn number(text: &str) -> Self {
        Self { text: text.to_owned(), number: true }
    }
}

/// A table of words that are ready to be shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Sheet {
    pub(crate) title: String,
    pub(crate) heads: Vec<Head>,
    /// How many of the first columns say what a row is about.
    pub(crate) named: usize,
    pub(crate) rows: Vec<Vec<String>>,
    /// How many of the last rows are about all rows.
    pub(crate) closing: usize,
    /// Sentences that hold for the whole table.
    pub(crate) remarks: Vec<String>,
}

impl Sheet {
    /// The table on a page.
    pub(crate) fn html(&self) -> String {
        let mut html = format!(
            "<div class=\"scroll\"><table class=\"sheet\">\n<caption><strong>{}</strong></caption>\n<thead>\n<tr>",
            prose(&self.title)
        );
        for head in &self.heads {
            let _ = write!(html, "<th scope=\"col\"{}>{}</th>", class(head), escape(&head.text));
        }
        html.push_str("</tr>\n</thead>\n<tbody>\n");
        for (place, row) in self.rows.iter().enumerate() {
            let new_block = place > 0
                && (place == self.first_closing()
                    || (self.named > 1 && row.first() != self.rows[place - 1].first()));
            html.push_str(if new_block { "<tr class=\"block\">" } else { "<tr>" });
            for (column, (text, head)) in row.iter().zip(&self.heads).enumerate() {
                let text = if head.number { words(text, shown) } else { text.clone() };
                let (open, close) =
                    if column < self.named { ("th scope=\"row\"", "th") } else { ("td", "td") };
                let _ = write!(html, "<{open}{}>{}</{close}>", class(head), escape(&text));
            }
            html.push_str("</tr>\n");
        }
        html.push_str("</tbody></table></div>\n");
        if !self.remarks.is_empty() {
            let _ = writeln!(html, "<p class=\"small\">{}</p>", prose(&self.remarks.join(" ")));
        }
        html
    }

    /// The table as GitHub's Markdown, with its remarks below it.
    pub(crate) fn markdown(&self) -> String {
        let mut text = format!("**{}**\n\n", markdown_escape(&self.title));
        line(&mut text, &self.heads.iter().map(|head| markdown_escape(&head.text)).collect::<Vec<_>>());
        let rules: Vec<&str> =
            self.heads.iter().map(|head| if head.number { "---:" } else { "---" }).collect();
        line(&mut text, &rules);
        for row in &self.rows {
            line(&mut text, &row.iter().map(|cell| markdown_escape(cell)).collect::<Vec<_>>());
        }
        for remark in &self.remarks {
            let _ = write!(text, "\n{}\n", markdown_escape(remark));
        }
        text
    }

    /// The table as a LaTeX float in the style of booktabs.
    pub(crate) fn latex(&self, id: &str) -> String {
        let mut text = String::from("% Needs \\usepackage{booktabs}.\n\\begin{table}[t]\n\\centering\n");
        let mut caption = latex_escape(self.title.trim_end_matches('.'));
        caption.push('.');
        for remark in &self.remarks {
            let _ = write!(caption, " {}", latex_escape(remark));
        }
        let columns: String = self.heads.iter().map(|head| if head.number { 'r' } else { 'l' }).collect();
        let _ = writeln!(text, "\\caption{{{caption}}}\n\\label{{tab:{id}}}");
        let _ = writeln!(text, "\\begin{{tabular}}{{{columns}}}\n\\toprule");
        let heads: Vec<String> = self.heads.iter().map(|head| latex_escape(&head.text)).collect();
        let _ = writeln!(text, "{} \\\\\n\\midrule", heads.join(" & "));
        for (place, row) in self.rows.iter().enumerate() {
            if place > 0 && place == self.first_closing() {
                text.push_str("\\midrule\n");
            }
            let cells: Vec<String> = row
                .iter()
                .zip(&self.heads)
                .map(|(cell, head)| if head.number { words(cell, latex_word) } else { latex_escape(cell) })
                .collect();
            let _ = writeln!(text, "{} \\\\", cells.join(" & "));
        }
        text.push_str("\\bottomrule\n\\end{tabular}\n\\end{table}\n");
        text
    }

    fn first_closing(&self) -> usize {
        self.rows.len().saturating_sub(self.closing)
    }
}

fn class(head: &Head) -> &'static str {
    if head.number { " class=\"number\"" } else { "" }
}

fn latex_word(word: &str) -> String {
    if word.parse::<f64>().is_ok() { format!("${}$", latex_number(word)) } else { latex_escape(word) }
}

/// The text with each of its words in another form.
fn words(text: &str, form: impl Fn(&str) -> String) -> String {
    text.split(' ').map(form).collect::<Vec<_>>().join(" ")
}

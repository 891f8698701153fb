//! `likely list`.

use crate::answer::{Answer, Exit};
use crate::args;
use crate::grid::TextGrid;
use crate::specs;
use likely_experiment::Spec;
use likely_metrics::Better;
use likely_metrics::distances::SetMetric;
use likely_studies::Number;
use serde_json::{Map, Value, json};

pub(crate) fn list(args: &args::List) -> anyhow::Result<Answer> {
    let chosen = [
        args.methods,
        args.samplers,
        args.studies,
        args.models,
        args.geometries,
        args.derived,
        args.trainable,
        args.data,
        args.metrics,
        args.features,
        args.set_metrics,
        args.experiments,
    ];
    let everything = !chosen.contains(&true);
    let mut page = Page { markdown: args.markdown, everything, text: String::new(), json: Map::new() };
    let mut exit = Exit::Fine;
    if everything || args.methods {
        let rows = likely_methods::ALL
            .iter()
            .map(|m| [m.id.to_owned(), m.summary.to_owned(), m.defaults(), m.source.to_owned()]);
        page.add("methods", ["method", "summary", "configuration with its defaults", "source"], rows);
    }
    if everything || args.samplers {
        let rows = likely_methods::SAMPLERS
            .iter()
            .map(|s| [s.id.to_owned(), s.summary.to_owned(), s.defaults(), s.source.to_owned()]);
        page.add("samplers", ["sampler", "summary", "configuration with its defaults", "source"], rows);
    }
    if everything || args.studies {
        let rows = likely_studies::ALL.iter().map(|s| {
            let numbers: Vec<&str> = s.numbers.iter().map(|number| number.id).collect();
            [s.id.to_owned(), s.summary.to_owned(), numbers.join(", "), s.source.to_owned()]
        });
        page.add("studies", ["study", "summary", "numbers", "source"], rows);
    }
    if everything || args.models {
        let rows = likely_models::ALL.iter().map(|m| [m.id, m.summary, m.source].map(str::to_owned));
        page.add("models", ["model", "summary", "source"], rows);
    }
    if everything || args.trainable {
        let rows = likely_models::TRAINABLE.iter().map(|m| [m.id, m.summary].map(str::to_owned));
        page.add("trainable", ["trainable model", "loss"], rows);
    }
    if everything || args.data {
        let rows = likely_models::DATA.iter().map(|d| [d.id, d.summary].map(str::to_owned));
        page.add("data", ["data", "summary"], rows);
    }
    if everything || args.geometries {
        let rows = likely_geometries::ALL.iter().map(|g| [g.id, g.summary, g.source].map(str::to_owned));
        page.add("geometries", ["geometry", "summary", "source"], rows);
    }
    if everything || args.derived {
        let rows = likely_geometries::DERIVED.iter().map(|g| [g.id, g.summary, g.source].map(str::to_owned));
        page.add("derived", ["derived geometry", "summary", "source"], rows);
    }
    if everything || args.metrics {
        let rows = likely_metrics::ALL
            .iter()
            .map(|m| [m.id, m.unit, better(m.better), m.definition])
            .chain(likely_metrics::SAMPLE_ALL.iter().map(|m| [m.id, m.unit, better(m.better), m.definition]))
            .chain(numbers().into_iter().map(|n| [n.id, n.unit, n.better, n.definition]))
            .map(|row| row.map(str::to_owned));
        page.add("metrics", ["metric", "unit", "better", "definition"], rows);
    }
    if everything || args.features {
        let rows = likely_models::FEATURES.iter().map(|f| [f.id, f.summary, f.source].map(str::to_owned));
        page.add("features", ["feature network", "summary", "source"], rows);
    }
    if everything || args.set_metrics {
        let rows = SetMetric::ALL.iter().map(|m| {
            let ids =
                [None, Some("fid-inception-v3")].map(|network| m.id(network).replace("unnamed", "NETWORK"));
            [m.name(), &ids[0], &ids[1], better(m.better()), m.definition()].map(str::to_owned)
        });
        let heading = ["set metric", "id", "id with `fid-inception-v3`", "better", "definition"];
        page.add("set-metrics", heading, rows);
    }
    if everything || args.experiments {
        let mut rows = Vec::new();
        for path in specs::in_folder(&args.folder)? {
            match Spec::read(&path) {
                Ok(spec) => rows.push([
                    spec.id().to_owned(),
                    spec.title().to_owned(),
                    spec.paper().unwrap_or_default().to_owned(),
                    path.display().to_string(),
                ]),
                Err(error) => {
                    exit = Exit::Usage;
                    rows.push([String::new(), error.to_string(), String::new(), path.display().to_string()]);
                }
            }
        }
        page.add("experiments", ["experiment", "title", "paper", "file"], rows.into_iter());
    }
    Ok(Answer { exit, text: page.text, json: Value::Object(page.json) })
}

/// Every number that studies answer with, once, sorted by id.
fn numbers() -> Vec<&'static Number> {
    let mut numbers: Vec<&Number> = likely_studies::ALL.iter().flat_map(|study| study.numbers).collect();
    numbers.sort_by_key(|number| number.id);
    numbers.dedup_by_key(|number| number.id);
    numbers
}

fn better(better: Better) -> &'static str {
    match better {
        Better::Lower => "lower",
        Better::Higher => "higher",
        Better::Neither => "neither",
    }
}

struct Page {
    markdown: bool,
    everything: bool,
    text: String,
    json: Map<String, Value>,
}

impl Page {
    fn add<const N: usize>(
        &mut self,
        name: &str,
        heading: [&str; N],
        rows: impl Iterator<Item = [String; N]>,
    ) {
        let mut grid = TextGrid::new(heading);
        let mut entries = Vec::new();
        for row in rows {
            let mut entry = Map::new();
            for (key, cell) in heading.iter().zip(&row) {
                entry.insert((*key).to_owned(), json!(cell));
            }
            // The first column is the name of the entry, whatever its kind.
            entry.insert("id".to_owned(), json!(row[0]));
            entries.push(Value::Object(entry));
            grid.row(row);
        }
        if self.everything && !self.text.is_empty() {
            self.text.push('\n');
        }
        self.text.push_str(&if self.markdown { grid.markdown() } else { grid.text() });
        self.json.insert(name.to_owned(), Value::Array(entries));
    }
}

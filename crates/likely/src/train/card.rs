//! The model card: what was trained, on what, how, and what it is worth. No clock and no machine stands in it.

use likely_experiment::{Estimate, Judgement, Prepared, TrainingSpec, TrainingTier};
use likely_models::training::Parameters;
use std::fmt::Write as _;

/// The card in Markdown.
pub(crate) fn card(
    spec: &TrainingSpec,
    prepared: &Prepared,
    parameters: &Parameters,
    steps: u64,
    sha256: &str,
    judgements: &[Judgement],
) -> String {
    let about = prepared.source.about();
    let mut text = format!("# {}\n\n", spec.title());
    let small = spec.tier() == TrainingTier::Small;
    if small {
        text.push_str(
            "**Small tier**: a reduced training, to see that all works; its numbers belong in no table.\n\n",
        );
    }
    let file = spec.path().file_name().unwrap_or_default().to_string_lossy();
    let _ = writeln!(
        text,
        "Weights `{id}.safetensors` of a model `{}`, trained by `likely train{}` from `{file}`. This card was written with them.\n",
        spec.model(),
        if small { " --tier small" } else { "" },
        id = spec.id(),
    );

    text.push_str("## Data\n\n");
    let _ = writeln!(text, "{}\n", about.description);
    let (training, held_out) = (prepared.split.training.nrows(), prepared.split.held_out.nrows());
    let training =
        if prepared.is_fresh() { "fresh points in every step".to_owned() } else { training.to_string() };
    text.push_str("| | |\n|---|---|\n");
    row(&mut text, "id", &format!("`{}`", spec.data()));
    row(&mut text, "configuration", &inline(&prepared.data_config));
    row(&mut text, "seed", &spec.data_seed().to_string());
    row(&mut text, "training points", &training);
    row(&mut text, "held-out points", &held_out.to_string());
    row(&mut text, "source", &about.source);
    row(&mut text, "licence", &about.licence);

    text.push_str("\n## Model\n\n");
    let _ = writeln!(text, "{}\n", prepared.objective.architecture());
    text.push_str("| | |\n|---|---|\n");
    row(&mut text, "id", &format!("`{}`", spec.model()));
    row(&mut text, "configuration", &inline(&prepared.model_config));
    row(&mut text, "parameters", &parameters.count().to_string());
    row(&mut text, "SHA-256 of the weights file", &format!("`{sha256}`"));

    text.push_str("\n## Training\n\n");
    let _ = writeln!(text, "{}\n", prepared.objective.loss_in_words());
    text.push_str("| | |\n|---|---|\n");
    // The settings as the spec has them, defaults filled in.
    let settings = toml::Table::try_from(&prepared.settings).unwrap_or_default();
    for (key, value) in &settings {
        row(&mut text, key, &value.to_string().trim_matches('"').replace('|', "\\|"));
    }
    if !settings.contains_key("steps") {
        row(&mut text, "steps", &steps.to_string());
    } else if settings.get("steps").and_then(toml::Value::as_integer) != i64::try_from(steps).ok() {
        row(&mut text, "steps taken", &steps.to_string());
    }
    row(&mut text, "SHA-256 of the spec with its defaults", &format!("`{}`", prepared.sha256()));

    text.push_str("\n## Held-out points\n\n");
    if judgements.is_empty() {
        text.push_str("The model has nothing to say of single points, or there are none.\n");
    } else {
        text.push_str("Means over the held-out points, with standard errors.\n\n");
        text.push_str("| | mean | standard error | points |\n|---|---:|---:|---:|\n");
        for judgement in judgements {
            let mut line = |name: String, estimate: Estimate| {
                let Estimate { mean, standard_error } = estimate;
                let _ = writeln!(text, "| {name} | {mean:.4} | {standard_error:.4} | {} |", judgement.points);
            };
            line(judgement.quantity.to_owned(), judgement.of_model);
            if let Some(own) = judgement.of_data {
                line(format!("{} under the density of the data", judgement.quantity), own);
            }
            if let Some(gap) = judgement.gap {
                line("gap between the two".to_owned(), gap);
            }
        }
    }

    let notes = prepared.objective.notes();
    if !notes.is_empty() {
        text.push_str("\n## Notes\n\n");
        for note in notes {
            let _ = writeln!(text, "- {note}");
        }
    }
    text
}

fn row(text: &mut String, key: &str, value: &str) {
    let _ = writeln!(text, "| {key} | {} |", value.replace('\n', " "));
}

/// A table on one line, as it may stand in a spec.
fn inline(table: &toml::Table) -> String {
    if table.is_empty() {
        return "none".to_owned();
    }
    format!("`{}`", toml::Value::Table(table.clone())).replace('|', "\\|")
}

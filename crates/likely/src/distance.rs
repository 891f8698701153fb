//! `likely distance`: distances between two sets of images by their features, and statistics of one.

use crate::answer::{Answer, Exit, Failure};
use crate::args;
use crate::grid::TextGrid;
use crate::machine;
use crate::numbers::number;
use crate::progress::Show;
use anyhow::Context;
use likely_core::Seed;
use likely_metrics::Better;
use likely_metrics::distances::{
    Comparison, Distances, FeatureSet, FeatureSource, SetMetric, compare, write_statistics,
};
use serde_json::json;
use std::fmt::Write as _;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};

pub(crate) fn command(args: &args::Distance, show: Show) -> anyhow::Result<Answer> {
    let declared =
        FeatureSource::new(args.network.as_deref(), args.weights_sha256.as_deref(), args.resize.as_deref())?;
    let threads = args.threads.map_or_else(machine::threads, NonZeroUsize::get);
    let pool =
        rayon::ThreadPoolBuilder::new().num_threads(threads).build().context("cannot start threads")?;
    pool.install(|| match (&args.statistics, args.files.as_slice()) {
        (Some(out), [features]) => statistics(features, out, &declared, show),
        (Some(_), _) => Err(Failure::usage("--statistics takes one file of features")),
        (None, [real, fake]) => distances(args, [real, fake], &declared, show),
        (None, _) => Err(Failure::usage(
            "name two files, of real and of generated images; or one, and --statistics OUT.npz",
        )),
    })
}

/// A file of features or statistics, from where it or the command line says.
fn read(path: &Path, keep: bool, declared: &FeatureSource, show: Show) -> anyhow::Result<FeatureSet> {
    show.line(&format!("reading {}", path.display()));
    let set = FeatureSet::read(path, keep)?;
    let source = set
        .source()
        .completed_by(declared)
        .with_context(|| format!("{} and the command line", path.display()))?;
    Ok(set.with_source(source))
}

fn statistics(features: &Path, out: &Path, declared: &FeatureSource, show: Show) -> anyhow::Result<Answer> {
    let set = read(features, false, declared, show)?;
    write_statistics(out, set.statistics()?, set.source())?;
    let count = set.count().map_or_else(|| "an unknown number of".to_owned(), |count| count.to_string());
    let mut text = format!("{}: mean and covariance of {count} images\n", out.display());
    if let Some(count) = set.count().filter(|&count| count <= set.dim() as u64) {
        let _ = writeln!(
            text,
            "There are no more images ({count}) than features ({}): distances are more exact from the features themselves.",
            set.dim()
        );
    }
    let json = json!({ "statistics": out, "count": set.count(), "dim": set.dim(), "source": set.source() });
    Ok(Answer { exit: Exit::Fine, text, json })
}

fn distances(
    args: &args::Distance,
    files: [&PathBuf; 2],
    declared: &FeatureSource,
    show: Show,
) -> anyhow::Result<Answer> {
    let keep =
        args.metric.as_ref().is_none_or(|metrics| metrics.iter().any(|metric| metric.needs_features()));
    let real = read(files[0], keep, declared, show)?;
    let fake = read(files[1], keep, declared, show)?;
    // Statistics alone are no mistake where nobody asked for more than they can say.
    let both = real.rows().is_some() && fake.rows().is_some();
    let metrics = args
        .metric
        .clone()
        .unwrap_or_else(|| if both { Comparison::default().metrics } else { vec![SetMetric::Frechet] });
    let comparison = Comparison {
        metrics: Vec::new(),
        subsets: args.subsets.get() as usize,
        subset_size: args.subset_size.get() as usize,
        seed: Seed::new(args.seed),
        ..Comparison::default()
    };
    let mut found: Option<Distances> = None;
    for pair in groups(&metrics) {
        let names: Vec<&str> = pair.iter().map(|metric| metric.name()).collect();
        show.line(&format!("computing {}", names.join(" and ")));
        let more = compare(&real, &fake, &Comparison { metrics: pair, ..comparison.clone() })
            .with_context(|| format!("{} and {}", files[0].display(), files[1].display()))?;
        match &mut found {
            None => found = Some(more),
            Some(found) => found.values.extend(more.values),
        }
    }
    let found = found.context("there is no metric to compute")?;
    let json = json!({ "real-file": files[0], "fake-file": files[1], "distances": found });
    Ok(Answer { exit: Exit::Fine, text: text(&found, files), json })
}

/// Metrics that come from the same work, together.
fn groups(metrics: &[SetMetric]) -> Vec<Vec<SetMetric>> {
    let work = |metric: &SetMetric| match metric {
        SetMetric::Recall => SetMetric::Precision,
        SetMetric::Coverage => SetMetric::Density,
        other => *other,
    };
    metrics.chunk_by(|a, b| work(a) == work(b)).map(<[SetMetric]>::to_vec).collect()
}

fn text(found: &Distances, files: [&PathBuf; 2]) -> String {
    let mut text = String::new();
    for (side, file, count) in [("real", files[0], found.real), ("fake", files[1], found.fake)] {
        let count = count.map_or_else(|| "number of images not said".to_owned(), |n| format!("{n} images"));
        let _ = writeln!(text, "{side}: {} ({count}, {} features)", file.display(), found.dim);
    }
    let said = |text: Option<&str>| text.unwrap_or("not said").to_owned();
    let source = &found.source;
    let _ = writeln!(
        text,
        "network: {}; weights: {}; resize kernel: {}\n",
        said(source.network()),
        said(source.weights_sha256()),
        said(source.resize())
    );
    let mut grid = TextGrid::new(["id", "value", "deviation", "better", "how"]);
    for value in &found.values {
        let better = match value.metric.better() {
            Better::Lower => "lower",
            Better::Higher => "higher",
            Better::Neither => "neither",
        };
        let how = match (value.route, value.subsets) {
            (Some(route), _) => route.name().to_owned(),
            (_, Some((subsets, size))) => format!("{subsets} subsets of {size}, seed {}", found.seed),
            _ => String::new(),
        };
        grid.row([
            value.id.clone(),
            number(Some(value.value)),
            number(value.deviation),
            better.to_owned(),
            how,
        ]);
    }
    text.push_str(&grid.text());
    text
}

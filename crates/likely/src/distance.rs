//! `likely distance`: distances between two sets of images by their features, and statistics of one.

mod images;

use crate::answer::{Answer, Exit, Failure};
use crate::args;
use crate::grid::TextGrid;
use crate::machine;
use crate::numbers::number;
use crate::progress::Show;
use anyhow::Context;
use likely_core::{FeatureNetwork, Seed};
use likely_metrics::Better;
use likely_metrics::distances::{
    Comparison, Distances, FeatureSet, FeatureSource, SetMetric, compare, write_statistics,
};
use serde_json::json;
use std::fmt::Write as _;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};

pub(crate) fn command(args: &args::Distance, show: Show) -> anyhow::Result<Answer> {
    let network = images::network(args)?;
    let mut declared =
        FeatureSource::new(args.network.as_deref(), args.weights_sha256.as_deref(), args.resize.as_deref())?;
    if let Some(network) = network.as_deref().filter(|network| args.network.as_deref() == Some(network.id()))
    {
        declared = declared.completed_by(&images::source(network)?).context("the command line")?;
    }
    let sight = Sight { declared, network, show };
    let threads = args.threads.map_or_else(machine::threads, NonZeroUsize::get);
    let pool =
        rayon::ThreadPoolBuilder::new().num_threads(threads).build().context("cannot start threads")?;
    pool.install(|| match (&args.statistics, args.files.as_slice()) {
        (Some(out), [set]) => statistics(set, out, &sight),
        (Some(_), _) => Err(Failure::usage("--statistics takes one file of features, or one set of images")),
        (None, [real, fake]) => distances(args, [real, fake], &sight),
        (None, _) => Err(Failure::usage(
            "name two files or folders, of real and of generated images; or one, and --statistics OUT.npz",
        )),
    })
}

/// How sets of features are had.
struct Sight {
    /// Where features of files come from that do not say it.
    declared: FeatureSource,
    /// What sees features in images.
    network: Option<Box<dyn FeatureNetwork>>,
    show: Show,
}

impl Sight {
    /// What the network sees in a set of images, or a file of features or statistics, from where it or the command line says.
    fn read(&self, path: &Path, keep: bool) -> anyhow::Result<FeatureSet> {
        self.show.line(&format!("reading {}", path.display()));
        let is_statistics = path.extension().is_some_and(|end| end == "npz");
        match &self.network {
            Some(network) if !is_statistics => return images::features(path, &**network, self.show),
            None if images::is_images(path) => {
                return Err(Failure::usage(format!(
                    "{} is a set of images; name the network that sees features in it: --features ID --weights FILE \
                     (`likely list --features` has all)",
                    path.display()
                )));
            }
            _ => {}
        }
        let set = FeatureSet::read(path, keep)?;
        let source = set
            .source()
            .completed_by(&self.declared)
            .with_context(|| format!("{} and the command line", path.display()))?;
        Ok(set.with_source(source))
    }
}

fn statistics(features: &Path, out: &Path, sight: &Sight) -> anyhow::Result<Answer> {
    let set = sight.read(features, false)?;
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

fn distances(args: &args::Distance, files: [&PathBuf; 2], sight: &Sight) -> anyhow::Result<Answer> {
    let keep =
        args.metric.as_ref().is_none_or(|metrics| metrics.iter().any(|metric| metric.needs_features()));
    for file in files {
        // Features of the first set may take hours: a mistake in the second one is said before.
        std::fs::metadata(file)
            .map_err(|error| Failure::usage(format!("cannot read {}: {error}", file.display())))?;
        if sight.network.is_some() {
            likely_images::picture_files(file)?;
        }
    }
    let real = sight.read(files[0], keep)?;
    let fake = sight.read(files[1], keep)?;
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
        sight.show.line(&format!("computing {}", names.join(" and ")));
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

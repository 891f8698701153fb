//! Commands and their options.

use crate::answer::Failure;
use clap::{Args, Parser, Subcommand, ValueEnum};
use likely_experiment::{Tier, TrainingTier};
use likely_metrics::distances::SetMetric;
use likely_models::{DeviceName, OpenDevice};
use std::num::{NonZeroU8, NonZeroU32, NonZeroU64, NonZeroUsize};
use std::path::PathBuf;

/// What the exit codes mean; at the end of every help text.
pub(crate) const EXIT_CODES: &str = "\
Exit codes:
  0    fine
  1    a number moved
  2    bad spec, data, usage or folder; also a full disk or a folder that cannot be written
  3    some cell failed, or all did, or one is missing; or a run folder is damaged
  4    nothing was measured, or there is nothing to compare with
  130  interrupted";

macro_rules! examples {
    ($($line:literal),+ $(,)?) => {
        concat!("Examples:\n", $("  ", $line, "\n",)+
            "\nExit codes: 0 fine, 1 a number moved, 2 bad spec, data, usage or folder (also a full disk or\n\
             a folder that cannot be written), 3 some cell failed, or all did, or one is missing, or a run folder is damaged,\n\
             4 nothing was measured or there is nothing to compare with, 130 interrupted.")
    };
}

/// Reproduces and benchmarks interpolation in generative models.
#[derive(Debug, Parser)]
#[command(name = "likely", version, after_help = EXIT_CODES, max_term_width = 110)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
    /// Print one JSON document on standard output, and nothing else there.
    #[arg(long, global = true)]
    pub(crate) json: bool,
    /// No progress on standard error.
    #[arg(long, short, global = true)]
    pub(crate) quiet: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// List methods, samplers, studies, models, what can be trained on which data, geometries, metrics, feature networks and experiments.
    #[command(after_help = examples!("likely list", "likely list --methods", "likely list --metrics --markdown"))]
    List(List),
    /// Show the cells of a spec and what they will cost, without running them.
    #[command(after_help = examples!("likely plan experiments/fig3.toml --tier smoke"))]
    Plan(PlanArgs),
    /// Run what is missing of one or more specs, and draw their reports.
    #[command(after_help = examples!(
        "likely run experiments/fig3.toml",
        "likely run experiments/fig3.toml experiments/real-2d.toml --tier smoke --threads 2",
        "likely run experiments/images-vae.toml --tier smoke --device cuda",
    ))]
    Run(RunArgs),
    /// Run every experiment, compare with pinned and published numbers, and write results/report.html.
    #[command(after_help = examples!(
        "likely reproduce",
        "likely reproduce --tier smoke --threads 1",
        "likely reproduce --tier smoke --device cuda --require-pinned",
    ))]
    Reproduce(Reproduce),
    /// Draw tables, figures and pages again from the run folders that are there.
    #[command(after_help = examples!(
        "likely report",
        "likely report experiments/fig3.toml --tier smoke",
        "likely report results/runs/fig3-laptop-0123abcd",
    ))]
    Report(ReportArgs),
    /// Compare the run of a spec as it is now, or a run folder, with pinned and published numbers.
    #[command(after_help = examples!(
        "likely verify experiments/fig3.toml --tier smoke",
        "likely verify results/runs/fig3-smoke-0123abcd",
    ))]
    Verify(Selection),
    /// Make the numbers of the run of a spec as it is now, or of a run folder, the ones that `verify` compares with.
    #[command(after_help = examples!("likely pin experiments/fig3.toml --tier smoke", "likely pin --tier laptop"))]
    Pin(Selection),
    /// Show how the numbers of two run folders differ.
    #[command(after_help = examples!(
        "likely compare results/runs/fig3-smoke-0123abcd results/runs/fig3-smoke-4567cdef",
    ))]
    Compare(Compare),
    /// Check that this machine and this folder are ready.
    #[command(after_help = examples!("likely doctor", "likely doctor --results /scratch/results"))]
    Doctor(Doctor),
    /// Join two of your own points, or two pictures, by a likely curve.
    #[command(after_help = examples!(
        "likely interpolate --data my.csv --model kde --from row:0 --to row:17",
        "likely interpolate --data my.csv --columns x,y --model gmm --model-config components=3 \\",
        "    --from=-1.5,0.2 --to=3,4 --method prob-georce --config weight.relative=20 --out my-curve",
        "likely interpolate --from a.png --to b.png --model image-vae --config weight.relative=1 \\",
        "    --model-config weights=experiments/models/images/fashion-vae.safetensors --out my-pictures",
        "likely interpolate --from a.png --to b.png --model image-vae --device cuda:1 --out on-a-gpu \\",
        "    --model-config weights=experiments/models/images/fashion-vae.safetensors",
    ))]
    Interpolate(Interpolate),
    /// Distances between two sets of images by their features: Fréchet (FID), kernel (KID), precision and recall, density and coverage.
    #[command(after_help = examples!(
        "likely distance photographs/ generated/ --features fid-inception-v3 --weights fid_inception.safetensors",
        "likely distance real.npy fake.npy --network inception-v3",
        "likely distance real.npz fake.npz",
        "likely distance real.npy fake.npy --metric frechet,precision,recall,density,coverage --json",
        "likely distance real.npy --statistics real.npz --network inception-v3 --resize pil-bicubic",
        "likely distance photographs/ --statistics real.npz --features fid-inception-v3 --weights fid_inception.safetensors",
    ))]
    Distance(Distance),
    /// Train models from their specs: weights, and a card that says what they are.
    #[command(after_help = examples!(
        "likely train experiments/models/two-moons-flow.toml",
        "likely train --jobs 2",
        "likely train --tier small",
        "likely train experiments/models/images/fashion-vae.toml --tier small --device cuda",
        "likely train experiments/models/two-moons-flow.toml --steps 200 --out /tmp/try",
        "likely train --check",
    ))]
    Train(Train),
    /// Fetch files of the Hugging Face hub, pinned by revision and hash, into its cache.
    #[command(after_help = examples!(
        "likely fetch my-weights.toml",
        "likely fetch --repo owner/name --file model.safetensors --revision 0123456789abcdef0123456789abcdef01234567 \\",
        "    --sha256 e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    ))]
    Fetch(Fetch),
}

#[derive(Debug, Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of the command line")]
pub(crate) struct List {
    /// Interpolation methods.
    #[arg(long)]
    pub(crate) methods: bool,
    /// Samplers of flows.
    #[arg(long)]
    pub(crate) samplers: bool,
    /// Studies, which answer with numbers and series.
    #[arg(long)]
    pub(crate) studies: bool,
    /// Generative models.
    #[arg(long)]
    pub(crate) models: bool,
    /// Models that `likely train` can train.
    #[arg(long)]
    pub(crate) trainable: bool,
    /// Data that they can be trained on.
    #[arg(long)]
    pub(crate) data: bool,
    /// Geometries that models stand on.
    #[arg(long)]
    pub(crate) geometries: bool,
    /// Geometries that methods derive from a density.
    #[arg(long)]
    pub(crate) derived: bool,
    /// Metrics.
    #[arg(long)]
    pub(crate) metrics: bool,
    /// Networks that see features in images.
    #[arg(long)]
    pub(crate) features: bool,
    /// Metrics of two sets of images.
    #[arg(long)]
    pub(crate) set_metrics: bool,
    /// Specs in the folder of experiments.
    #[arg(long)]
    pub(crate) experiments: bool,
    /// Print Markdown tables.
    #[arg(long, conflicts_with = "json")]
    pub(crate) markdown: bool,
    /// Folder of the specs.
    #[arg(long, value_name = "DIR", default_value = "experiments")]
    pub(crate) folder: PathBuf,
}

#[derive(Debug, Args)]
pub(crate) struct PlanArgs {
    /// The spec.
    pub(crate) spec: PathBuf,
    /// How much to run.
    #[arg(long, default_value = "laptop", value_name = "smoke|laptop|full")]
    pub(crate) tier: Tier,
}

/// Where networks of images are evaluated.
#[derive(Debug, Args)]
pub(crate) struct OnDevice {
    /// Where networks of images run: the processor, or an NVIDIA GPU, which takes a program built with the feature `cuda`. All else
    /// is done on the processor.
    #[arg(long, default_value = "cpu", value_name = "cpu|cuda|cuda:N")]
    pub(crate) device: DeviceName,
}

impl OnDevice {
    /// Makes the device ready.
    pub(crate) fn open(&self) -> anyhow::Result<OpenDevice> {
        OpenDevice::new(self.device).map_err(|error| Failure::usage(format!("--device: {error}")))
    }
}

/// Where results go and with how many threads.
#[derive(Debug, Args)]
pub(crate) struct Work {
    /// How much to run.
    #[arg(long, default_value = "laptop", value_name = "smoke|laptop|full")]
    pub(crate) tier: Tier,
    /// Worker threads; as many as the machine has when absent. The results do not depend on it.
    #[arg(long)]
    pub(crate) threads: Option<NonZeroUsize>,
    /// Folder of results.
    #[arg(long, value_name = "DIR", default_value = "results")]
    pub(crate) results: PathBuf,
    #[command(flatten)]
    pub(crate) on: OnDevice,
}

#[derive(Debug, Args)]
pub(crate) struct RunArgs {
    /// The specs.
    #[arg(required = true)]
    pub(crate) specs: Vec<PathBuf>,
    #[command(flatten)]
    pub(crate) work: Work,
}

#[derive(Debug, Args)]
pub(crate) struct Reproduce {
    /// Folder of the specs.
    #[arg(long, value_name = "DIR", default_value = "experiments")]
    pub(crate) experiments: PathBuf,
    /// End with 4 where an experiment has no pinned numbers, instead of taking what it measured as it is.
    #[arg(long)]
    pub(crate) require_pinned: bool,
    #[command(flatten)]
    pub(crate) work: Work,
}

#[derive(Debug, Args)]
pub(crate) struct ReportArgs {
    /// Specs or run folders; that of each experiment and tier, and the page over all of them, when absent.
    pub(crate) of: Vec<PathBuf>,
    /// Tier of the run, for specs.
    #[arg(long, default_value = "laptop", value_name = "smoke|laptop|full")]
    pub(crate) tier: Tier,
    /// Folder of results.
    #[arg(long, value_name = "DIR", default_value = "results")]
    pub(crate) results: PathBuf,
    /// Folder of the specs.
    #[arg(long, value_name = "DIR", default_value = "experiments")]
    pub(crate) experiments: PathBuf,
}

#[derive(Debug, Args)]
pub(crate) struct Selection {
    /// Specs or run folders; every spec in the folder of experiments when absent.
    pub(crate) of: Vec<PathBuf>,
    /// Tier of the run, for specs.
    #[arg(long, default_value = "laptop", value_name = "smoke|laptop|full")]
    pub(crate) tier: Tier,
    /// Folder of results.
    #[arg(long, value_name = "DIR", default_value = "results")]
    pub(crate) results: PathBuf,
    /// Folder of the specs.
    #[arg(long, value_name = "DIR", default_value = "experiments")]
    pub(crate) experiments: PathBuf,
}

#[derive(Debug, Args)]
pub(crate) struct Compare {
    /// The first run folder.
    pub(crate) first: PathBuf,
    /// The second run folder.
    pub(crate) second: PathBuf,
}

#[derive(Debug, Args)]
pub(crate) struct Doctor {
    /// Folder of results.
    #[arg(long, value_name = "DIR", default_value = "results")]
    pub(crate) results: PathBuf,
    /// Folder of the specs.
    #[arg(long, value_name = "DIR", default_value = "experiments")]
    pub(crate) experiments: PathBuf,
}

#[derive(Debug, Args)]
pub(crate) struct Interpolate {
    /// Points to fit the model to, one a row: .csv (header optional) or .npy. Not for pictures.
    #[arg(long, value_name = "FILE")]
    pub(crate) data: Option<PathBuf>,
    /// Columns to use, by the names in the header.
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    pub(crate) columns: Vec<String>,
    /// Kind of model (`likely list --models`); for pictures one of images.
    #[arg(long, default_value = "kde")]
    pub(crate) model: String,
    /// Options of the model, as in a spec; may be repeated.
    #[arg(long, value_name = "KEY=VALUE")]
    pub(crate) model_config: Vec<String>,
    /// Geometry that the curve lies in (`likely list --geometries`), for pictures one that the model makes, such as `pull-back` (`likely list
    /// --derived`); flat space when absent.
    #[arg(long, value_name = "KIND")]
    pub(crate) geometry: Option<String>,
    /// Options of the geometry, as in a spec; may be repeated, or one table like `{ dim = 2 }` or `{"dim": 2}`.
    #[arg(long, value_name = "KEY=VALUE", requires = "geometry")]
    pub(crate) geometry_config: Vec<String>,
    /// The first point: coordinates separated by commas, `row:17` for a row of the data, counted from 0, or a picture, .png or .jpg.
    #[arg(long, value_name = "POINT", allow_hyphen_values = true)]
    pub(crate) from: String,
    /// The last point, likewise.
    #[arg(long, value_name = "POINT", allow_hyphen_values = true)]
    pub(crate) to: String,
    /// Kind of method (`likely list --methods`).
    #[arg(long, default_value = "prob-georce-accelerated")]
    pub(crate) method: String,
    /// Options of the method, as in a spec; may be repeated.
    #[arg(long, value_name = "KEY=VALUE")]
    pub(crate) config: Vec<String>,
    /// Segments of the curve: 100 when absent, for pictures two a frame.
    #[arg(long)]
    pub(crate) segments: Option<u32>,
    /// Pictures between the ends, where the ends are pictures.
    #[arg(long, default_value = "8")]
    pub(crate) frames: NonZeroU8,
    /// Root of the random streams.
    #[arg(long, default_value = "0")]
    pub(crate) seed: u64,
    /// Folder for the curve, its numbers and, in two dimensions or between pictures, pictures; it must not exist or be empty.
    #[arg(long, value_name = "DIR", default_value = "interpolation")]
    pub(crate) out: PathBuf,
    /// Write the curve as .npy too.
    #[arg(long)]
    pub(crate) npy: bool,
    #[command(flatten)]
    pub(crate) on: OnDevice,
}

#[derive(Debug, Args)]
pub(crate) struct Distance {
    /// Real images, then generated ones. With `--features` images: a folder of PNG and JPEG files, .npy, files of MNIST's format, Parquet of the
    /// hub. Without, features: .npy with one row an image. In either case .npz with `mu` and `sigma` as of pytorch-fid and clean-fid,
    /// or with `feats` or `features`.
    #[arg(required = true, num_args = 1..=2, value_name = "SET")]
    pub(crate) files: Vec<PathBuf>,
    /// Metrics: frechet, kernel, precision, recall, density, coverage. The first two where features are known, else the first.
    #[arg(long, value_name = "NAME", value_delimiter = ',', conflicts_with = "statistics")]
    pub(crate) metric: Option<Vec<SetMetric>>,
    /// Write mean and covariance of the one file into this .npz, which pytorch-fid and clean-fid read, and compare nothing.
    #[arg(long, value_name = "OUT.npz")]
    pub(crate) statistics: Option<PathBuf>,
    /// Network that sees features in the images (`likely list --features`).
    #[arg(long, value_name = "ID", requires = "weights")]
    pub(crate) features: Option<String>,
    /// Its weights, as safetensors.
    #[arg(long, value_name = "FILE", requires = "features")]
    pub(crate) weights: Option<PathBuf>,
    /// Options of the network, as in a spec; may be repeated: `features=768`.
    #[arg(long, value_name = "KEY=VALUE", requires = "features")]
    pub(crate) feature_config: Vec<String>,
    /// Network that saw the features, of files that do not say it; `inception-v3` makes a Fréchet distance a FID.
    #[arg(long, value_name = "ID")]
    pub(crate) network: Option<String>,
    /// SHA-256 of its weights, of files that do not say it; weights that are read must have it.
    #[arg(long, value_name = "HEX")]
    pub(crate) weights_sha256: Option<String>,
    /// Kernel by which images came to the size of the network, of files that do not say it.
    #[arg(long, value_name = "NAME")]
    pub(crate) resize: Option<String>,
    /// Subsets of the kernel distance.
    #[arg(long, value_name = "N", default_value = "100")]
    pub(crate) subsets: NonZeroU32,
    /// Images of a subset; all where there are fewer.
    #[arg(long, value_name = "N", default_value = "1000")]
    pub(crate) subset_size: NonZeroU32,
    /// Root of the random streams that draw subsets.
    #[arg(long, default_value = "0")]
    pub(crate) seed: u64,
    /// Worker threads; as many as the machine has when absent. The numbers do not depend on it.
    #[arg(long)]
    pub(crate) threads: Option<NonZeroUsize>,
}

#[derive(Debug, Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of the command line")]
pub(crate) struct Train {
    /// The specs; all in the folder `models` of the experiments when absent, at the small tier also those of images.
    pub(crate) specs: Vec<PathBuf>,
    /// Trainings at a time, each with one thread; as many as the machine has threads when absent. The bytes do not depend
    /// on it.
    #[arg(long)]
    pub(crate) jobs: Option<NonZeroUsize>,
    /// `small` lays `[tier.small]` of each spec over it: a try of minutes, whose weights and card are named `<id>-small`.
    #[arg(long, value_enum, default_value = "full")]
    pub(crate) tier: Tiers,
    /// A short try: so many steps in place of those of the spec. It does not replace weights without `--force`.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) steps: Option<u64>,
    /// Folder for weights and card; that of the spec when absent.
    #[arg(long, value_name = "DIR")]
    pub(crate) out: Option<PathBuf>,
    /// Train also where the weights are of the spec as it is, and end with 1 where the bytes differ.
    #[arg(long)]
    pub(crate) again: bool,
    /// Replace weights by those of a short try, or by other bytes of a training again.
    #[arg(long)]
    pub(crate) force: bool,
    /// Begin anew where there is a checkpoint.
    #[arg(long)]
    pub(crate) restart: bool,
    /// Train the first steps again and end with 1 where they differ from those of the weights; nothing is written.
    #[arg(long, conflicts_with_all = ["again", "force", "restart", "steps"])]
    pub(crate) check: bool,
    /// Write training and held-out points and the initial weights into this folder, for other programs, and train nothing.
    #[arg(long, value_name = "DIR", conflicts_with_all = ["again", "force", "restart", "steps", "check"])]
    pub(crate) export_data: Option<PathBuf>,
    /// Seconds between checkpoints.
    #[arg(long, value_name = "SECONDS", default_value = "30")]
    pub(crate) checkpoint_every: NonZeroU64,
    /// Folder of results, for checkpoints.
    #[arg(long, value_name = "DIR", default_value = "results")]
    pub(crate) results: PathBuf,
    /// Folder of the specs.
    #[arg(long, value_name = "DIR", default_value = "experiments")]
    pub(crate) experiments: PathBuf,
    #[command(flatten)]
    pub(crate) on: OnDevice,
    #[arg(long, hide = true)]
    pub(crate) worker: bool,
}

/// How much of a training is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Tiers {
    /// What the spec says.
    Full,
    /// What its `[tier.small]` says.
    Small,
}

impl Tiers {
    pub(crate) fn id(self) -> &'static str {
        match self {
            Self::Full => "full",
            Self::Small => "small",
        }
    }

    pub(crate) fn of_training(self) -> TrainingTier {
        match self {
            Self::Full => TrainingTier::Full,
            Self::Small => TrainingTier::Small,
        }
    }
}

/// The cache, the server, the token and whether there is a network are those of `HF_HOME`, `HF_ENDPOINT`, `HF_TOKEN` and
/// `HF_HUB_OFFLINE`.
#[derive(Debug, Args)]
pub(crate) struct Fetch {
    /// A TOML file with a table `[[file]]` for each file: repo, kind (model or dataset), file, revision, sha256, licence.
    #[arg(conflicts_with = "HubName")]
    pub(crate) list: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) name: Option<HubName>,
}

#[derive(Debug, Args)]
pub(crate) struct HubName {
    /// The repository, `owner/name`.
    #[arg(long, required = false, requires_all = ["file", "revision", "sha256"])]
    pub(crate) repo: String,
    /// The file's path in it.
    #[arg(long, required = false, requires = "repo")]
    pub(crate) file: String,
    /// The commit, 40 hexadecimal digits.
    #[arg(long, required = false, requires = "repo")]
    pub(crate) revision: String,
    /// SHA-256 of the file.
    #[arg(long, required = false, requires = "repo")]
    pub(crate) sha256: String,
    /// It is a repository of data.
    #[arg(long, requires = "repo")]
    pub(crate) dataset: bool,
    /// Under which terms the file may be used.
    #[arg(long, requires = "repo")]
    pub(crate) licence: Option<String>,
}

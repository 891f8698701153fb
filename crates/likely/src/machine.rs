//! The machine, the program and the source tree, for provenance.

use anyhow::Context;
use likely_experiment::{Plan, PlanOptions, Spec};
use likely_models::OpenDevice;
use likely_record::{FORMAT, Provenance, sha256_hex};
use std::fs;
use std::path::Path;
use std::process::Command;
use std::sync::OnceLock;
use std::time::{SystemTime, UNIX_EPOCH};

const LOCK_FILE: &[u8] = include_bytes!(concat!(env!("CARGO_MANIFEST_DIR"), "/../../Cargo.lock"));

/// Starts the program again in its own place, with one thread for each layer of a network, unless the environment says how many a layer has.
///
/// Cells and images share the threads already. A layer that looks for threads of its own reads the list of processors at every product and
/// lets the threads wait in a loop: half of the time of small networks.
#[cfg(unix)]
pub(crate) fn settle_threads() {
    use std::os::unix::process::CommandExt;
    if std::env::var_os(LAYERS[0].0).is_some() {
        return;
    }
    let Ok(program) = std::env::current_exe() else { return };
    let mut arguments = std::env::args_os();
    let mut command = Command::new(program);
    if let Some(name) = arguments.next() {
        command.arg0(name);
    }
    // It comes back only where it failed, and then all works as well, but more slowly.
    let _ = command.args(arguments).envs(LAYERS).exec();
}

#[cfg(not(unix))]
pub(crate) fn settle_threads() {}

/// With these a layer has one thread.
pub(crate) const LAYERS: [(&str, &str); 2] = [("RAYON_NUM_THREADS", "1"), ("CANDLE_NUM_THREADS", "1")];

/// SHA-256 of the program that runs.
pub(crate) fn program_sha256() -> anyhow::Result<&'static str> {
    static HASH: OnceLock<String> = OnceLock::new();
    if let Some(hash) = HASH.get() {
        return Ok(hash);
    }
    let path =
        std::env::current_exe().context("cannot find the program that runs, whose hash names the run")?;
    let bytes = fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?;
    Ok(HASH.get_or_init(|| sha256_hex(&bytes)))
}

/// What a plan by this program depends on beside the spec.
pub(crate) fn plan_options(fields: bool, device: &OpenDevice) -> anyhow::Result<PlanOptions> {
    Ok(PlanOptions { program_sha256: program_sha256()?.to_owned(), fields, device: device.clone() })
}

/// What makes the numbers of a run.
pub(crate) fn provenance(spec: &Spec, plan: &Plan, threads: usize) -> anyhow::Result<Provenance> {
    let (commit, dirty) = commit();
    Ok(Provenance {
        format: FORMAT,
        version: env!("CARGO_PKG_VERSION").to_owned(),
        commit,
        dirty,
        program_sha256: program_sha256()?.to_owned(),
        lock_sha256: Some(sha256_hex(LOCK_FILE)),
        spec_sha256: spec.sha256(),
        data_sha256: plan.data_sha256().clone(),
        compiler: env!("LIKELY_COMPILER").to_owned(),
        target: env!("LIKELY_TARGET").to_owned(),
        cpu: cpu(),
        cpu_features: cpu_features(),
        device: plan.device().to_owned(),
        threads,
        started: now(),
    })
}

/// Commit of the source tree that the program was built in and whether it was changed since, where git knows.
fn commit() -> (Option<String>, Option<bool>) {
    let tree = Path::new(env!("CARGO_MANIFEST_DIR"));
    let git = |arguments: &[&str]| {
        let output = Command::new("git").arg("-C").arg(tree).args(arguments).output().ok()?;
        output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
    };
    if !tree.exists() {
        return (None, None);
    }
    let commit = git(&["rev-parse", "HEAD"]);
    let dirty = git(&["status", "--porcelain", "--untracked-files=no"]).map(|changes| !changes.is_empty());
    (commit, dirty)
}

/// Model name of the CPU.
pub(crate) fn cpu() -> String {
    let text = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let name = text.lines().find_map(|line| line.strip_prefix("model name")?.split_once(':'));
    name.map_or_else(|| format!("unknown {}", std::env::consts::ARCH), |(_, name)| name.trim().to_owned())
}

/// Vector instruction sets that the program found, among those that change its speed or its numbers.
pub(crate) fn cpu_features() -> Vec<String> {
    let mut found = Vec::new();
    #[cfg(target_arch = "x86_64")]
    {
        let known = [
            ("avx2", std::arch::is_x86_feature_detected!("avx2")),
            ("fma", std::arch::is_x86_feature_detected!("fma")),
            ("avx512f", std::arch::is_x86_feature_detected!("avx512f")),
        ];
        found.extend(known.into_iter().filter(|(_, there)| *there).map(|(name, _)| name.to_owned()));
    }
    #[cfg(target_arch = "aarch64")]
    if std::arch::is_aarch64_feature_detected!("neon") {
        found.push("neon".to_owned());
    }
    found
}

/// Threads that the machine can run at once.
pub(crate) fn threads() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

/// The time now, as an RFC 3339 time in UTC.
#[expect(clippy::disallowed_methods, reason = "provenance says when a run started")]
fn now() -> String {
    let seconds = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    rfc3339(seconds)
}

fn rfc3339(seconds: u64) -> String {
    let (days, rest) = (seconds / 86_400, seconds % 86_400);
    let leap = |year: u64| year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    let (mut year, mut day) = (1970, days);
    while day >= 365 + u64::from(leap(year)) {
        day -= 365 + u64::from(leap(year));
        year += 1;
    }
    let lengths = [31, 28 + u64::from(leap(year)), 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    let mut month = 0;
    while day >= lengths[month] {
        day -= lengths[month];
        month += 1;
    }
    let (hour, minute, second) = (rest / 3600, rest / 60 % 60, rest % 60);
    format!("{year:04}-{:02}-{:02}T{hour:02}:{minute:02}:{second:02}Z", month + 1, day + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_written_in_utc() {
        // From `date -u -d @SECONDS +%FT%TZ`.
        assert_eq!(rfc3339(0), "1970-01-01T00:00:00Z");
        assert_eq!(rfc3339(951_782_399), "2000-02-28T23:59:59Z");
        assert_eq!(rfc3339(951_868_799), "2000-02-29T23:59:59Z");
        assert_eq!(rfc3339(4_107_542_400), "2100-03-01T00:00:00Z");
    }
}

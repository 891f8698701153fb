//! How long a call took.

use crate::axis_value::{AxisValue, axis_name};
use crate::group::{group_in_order, rows};
use crate::number::{count, significant};
use crate::sheet::{Head, Sheet};
use crate::tally::median;
use likely_record::{Axis, ClaimRecord, Run, Status, TimingRecord};

/// The metric of claims on times of calls.
pub(crate) const PUBLISHED: &str = ClaimRecord::CLOCK;

const AXES: [Axis; 3] = [Axis::Model, Axis::Method, Axis::Lambda];

/// Median clock readings by model, method and weight; `None` where there are no readings.
pub(crate) fn sheet(run: &Run) -> Option<Sheet> {
    let all = rows(run);
    let claims: Vec<&ClaimRecord> =
        run.presentation.claims.iter().filter(|claim| claim.metric == PUBLISHED).collect();
    let mut lines = Vec::new();
    let mut beside = 0;
    for (heads, cells) in group_in_order(&all, &AXES, &all) {
        let solved = cells.iter().filter(|row| row.cell.is_some_and(|cell| cell.status == Status::Ok));
        let timings: Vec<&TimingRecord> = solved.filter_map(|row| row.timing).collect();
        let elsewhere: Vec<&&ClaimRecord> = claims
            .iter()
            .filter(|claim| {
                cells.first().is_some_and(|row| {
                    claim.model == row.key.model
                        && claim.method == row.key.method
                        && claim.lambda.map(f64::to_bits) == row.key.lambda.map(f64::to_bits)
                })
            })
            .collect();
        beside += elsewhere.len();
        if timings.is_empty() && elsewhere.is_empty() {
            continue;
        }
        let middle = |of: fn(&TimingRecord) -> f64| {
            let mut seconds: Vec<f64> = timings.iter().map(|timing| of(timing)).collect();
            seconds.sort_by(f64::total_cmp);
            if seconds.is_empty() { "–".to_owned() } else { duration(median(&seconds)) }
        };
        let mut line: Vec<String> = heads.iter().map(AxisValue::text).collect();
        line.extend([
            timings.len().to_string(),
            middle(|timing| timing.wall_s),
            middle(|timing| timing.cpu_s),
        ]);
        if !claims.is_empty() {
            let times: Vec<String> =
                elsewhere.iter().map(|claim| claim.value.map_or("not public".to_owned(), duration)).collect();
            line.push(if times.is_empty() { "–".to_owned() } else { times.join("; ") });
        }
        lines.push(line);
    }
    if lines.is_empty() {
        return None;
    }
    let mut heads: Vec<Head> = AXES[..2].iter().map(|&axis| Head::name(axis_name(axis))).collect();
    heads.extend([axis_name(Axis::Lambda), "calls", "wall time", "CPU time"].map(Head::number));
    let mut published = Vec::new();
    if !claims.is_empty() {
        heads.push(Head::number("published"));
        let mut places: Vec<&str> = Vec::new();
        for claim in &claims {
            if !claim.place.is_empty() && !places.contains(&claim.place.as_str()) {
                places.push(&claim.place);
            }
        }
        published.push(format!(
            "Published times come from other machines, and may be totals of several calls: they stand beside ours and are never judged. They stand in: {}.",
            places.join("; ")
        ));
        if beside < claims.len() {
            let left = count(claims.len() - beside, "published time");
            published.push(format!("{left} of cells that this tier leaves out."));
        }
    }
    let threads = count(run.provenance.threads, "worker thread");
    Some(Sheet {
        title: "Median time of one call".to_owned(),
        heads,
        named: AXES.len(),
        rows: lines,
        closing: 0,
        remarks: [vec![
            format!(
                "Medians over pairs and repetitions, on the machine named under Provenance with {threads} at work; CPU time is that of the thread that ran the method, and measuring the metrics is not part of it."
            ),
            "Clock readings differ from run to run: they stand apart from everything that is compared, pinned or verified, and no finding rests on them.".to_owned(),
        ], published].concat(),
    })
}

/// Seconds in the unit that suits them.
fn duration(seconds: f64) -> String {
    let (value, unit) = match seconds {
        s if s >= 1.0 => (s, "s"),
        s if s >= 1e-3 => (s * 1e3, "ms"),
        s => (s * 1e6, "µs"),
    };
    format!("{} {unit}", significant(value, 3))
}

#[cfg(test)]
mod tests {
    use super::duration;

    #[test]
    fn durations_have_three_digits_and_a_unit() {
        assert_eq!(
            [12.345, 0.125, 0.002_34, 0.000_012_34, 0.0].map(duration),
            ["12.3 s", "125 ms", "2.34 ms", "12.3 µs", "0 µs"]
        );
    }
}

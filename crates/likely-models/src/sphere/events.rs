//! Events of the earth: latitudes and longitudes from files, as points of the sphere.

use crate::DATA_ABSENT;
use crate::sphere::Coordinates;
use likely_core::{EvalError, Seed};
use ndarray::Array2;
use rand::RngCore;
use std::path::{Path, PathBuf};

/// Largest file that is read, in bytes.
const MOST_BYTES: u64 = 64 * 1024 * 1024;

/// Why a file does not hold events.
#[derive(Debug, thiserror::Error)]
pub enum EventsError {
    /// There is no such file.
    #[error(
        "{DATA_ABSENT}: there is no file {}; the volcano, earthquake, flood and fire events are not shipped, give a path to them",
        path.display()
    )]
    Absent {
        /// The file.
        path: PathBuf,
    },
    /// The file could not be read.
    #[error("cannot read {}: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// A line is not an event.
    #[error("{}:{line}: {reason}", path.display())]
    Line {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
        /// What is wrong and what would be right.
        reason: String,
    },
    /// The file as a whole is wrong.
    #[error("{}: {reason}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What is wrong and what would be right.
        reason: String,
    },
}

/// Points of the sphere from a file of latitudes and longitudes in degrees, in the order of the file.
///
/// CSV: lines that start with `#` are comments and empty lines are passed over; the first other line is a header if its first
/// field is not a number, and its first two columns must then be a latitude and a longitude. Further columns are not read.
///
/// # Errors
/// [`EventsError`] with the line, and what would be right.
pub fn read_events(path: &Path) -> Result<Vec<[f64; 3]>, EventsError> {
    let failed = |source: std::io::Error| match source.kind() {
        std::io::ErrorKind::NotFound => EventsError::Absent { path: path.to_owned() },
        _ => EventsError::Read { path: path.to_owned(), source },
    };
    let about = std::fs::metadata(path).map_err(failed)?;
    let whole = |reason: String| EventsError::File { path: path.to_owned(), reason };
    if !about.is_file() {
        return Err(whole("it is not a file".to_owned()));
    }
    if about.len() > MOST_BYTES {
        return Err(whole(format!("it has {} bytes; at most {MOST_BYTES} are read", about.len())));
    }
    let bytes = std::fs::read(path).map_err(failed)?;
    let text = std::str::from_utf8(&bytes).map_err(|_| whole("the text is not UTF-8".to_owned()))?;
    parse(text).map_err(|(line, reason)| match line {
        0 => whole(reason),
        line => EventsError::Line { path: path.to_owned(), line, reason },
    })
}

/// The events of a text, or the line (0 for all) and what is wrong with it.
fn parse(text: &str) -> Result<Vec<[f64; 3]>, (usize, String)> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut events = Vec::new();
    let mut first = true;
    for (index, line) in text.lines().enumerate() {
        let wrong = |reason: String| (index + 1, reason);
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let mut fields = line.split(',').map(str::trim);
        let (Some(latitude), Some(longitude)) = (fields.next(), fields.next()) else {
            return Err(wrong(format!(
                "`{line}` has one field; an event is `latitude,longitude` in degrees"
            )));
        };
        if std::mem::take(&mut first) && latitude.parse::<f64>().is_err() {
            let begins = |field: &str, word: &str| field.to_ascii_lowercase().starts_with(word);
            if begins(latitude, "lat") && begins(longitude, "lon") {
                continue;
            }
            return Err(wrong(format!(
                "the header begins `{latitude},{longitude}`; its first columns must be a latitude and a longitude"
            )));
        }
        let number = |field: &str, what: &str| {
            field
                .parse::<f64>()
                .map_err(|_| wrong(format!("`{field}` is not a number; {what} in degrees is needed")))
        };
        let (latitude, longitude) = (number(latitude, "a latitude")?, number(longitude, "a longitude")?);
        events.push(point_of_degrees(latitude, longitude).map_err(wrong)?);
    }
    if events.is_empty() {
        return Err((0, "it holds no events; a line is `latitude,longitude` in degrees".to_owned()));
    }
    Ok(events)
}

/// The point of the unit sphere at a latitude and a longitude in degrees: the first axis runs through the equator at longitude
/// zero, the third through the north pole.
///
/// # Errors
/// What is wrong with the angles, in words.
pub fn point_of_degrees(latitude: f64, longitude: f64) -> Result<[f64; 3], String> {
    if !(-90.0..=90.0).contains(&latitude) {
        return Err(format!("the latitude is {latitude}; it must be between -90 and 90 degrees"));
    }
    if !(-180.0..=360.0).contains(&longitude) {
        return Err(format!("the longitude is {longitude}; it must be between -180 and 360 degrees"));
    }
    let (sine, cosine) = libm::sincos(latitude.to_radians());
    let (y, x) = libm::sincos(longitude.to_radians());
    Ok([cosine * x, cosine * y, sine])
}

/// Latitude and longitude in degrees of a point of the sphere, the latter in (-180, 180].
pub fn degrees_of_point(x: [f64; 3]) -> (f64, f64) {
    let latitude = libm::atan2(x[2], libm::hypot(x[0], x[1]));
    (latitude.to_degrees(), libm::atan2(x[1], x[0]).to_degrees())
}

/// Events in three parts that share none: 80 % to train on, 10 % to choose by, 10 % to test on.
#[derive(Debug, Clone, PartialEq)]
pub struct Parts {
    /// To train on.
    pub training: Vec<[f64; 3]>,
    /// To choose hyper-parameters by.
    pub validation: Vec<[f64; 3]>,
    /// To test on.
    pub test: Vec<[f64; 3]>,
}

impl Parts {
    /// Shuffles `events` with a stream of `seed` and cuts them.
    pub fn of(events: &[[f64; 3]], seed: Seed) -> Self {
        let mut stream = seed.stream(&[("data", "split")]);
        let mut events = events.to_vec();
        for last in (1..events.len()).rev() {
            let below = (u128::from(stream.next_u64()) * (last as u128 + 1)) >> 64;
            events.swap(last, below as usize);
        }
        let tenth = events.len() / 10;
        let test = events.split_off(events.len() - tenth);
        let validation = events.split_off(events.len() - tenth);
        Self { training: events, validation, test }
    }
}

/// Points of the sphere in coordinates, shape `(points, coordinates)`.
///
/// # Errors
/// As [`Coordinates::of`], with the row.
pub fn in_coordinates(points: &[[f64; 3]], coordinates: Coordinates) -> Result<Array2<f64>, EvalError> {
    let mut out = Array2::zeros((points.len(), coordinates.dim()));
    for (row, (point, mut out)) in points.iter().zip(out.rows_mut()).enumerate() {
        let placed = coordinates.of(*point).map_err(|error| match error {
            EvalError::OutsideChart { reason, .. } => EvalError::OutsideChart { row, reason },
            other => other,
        })?;
        out.iter_mut().zip(placed).for_each(|(out, x)| *out = x);
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_headers_and_further_columns_are_passed_over() {
        let expected = [point_of_degrees(-25.088, 152.358).unwrap(), point_of_degrees(30.0, -150.5).unwrap()];
        for text in [
            "# a comment\n-25.088,152.358\n30.0,-150.5\n",
            "# a\n# b\nLATITUDE,LONGITUDE\n-25.088,152.358\n30,-150.5",
            "latitude,longitude,depth_km,mag\r\n-25.088,152.358,1,2\r\n30,-150.5,,x\r\n",
            "\u{feff}lat,long\n\n -25.088 , 152.358\n30,-150.5\n",
        ] {
            assert_eq!(parse(text).unwrap(), expected, "{text:?}");
        }
    }

    #[test]
    fn what_is_no_event_is_said_with_its_line() {
        for (text, line, word) in [
            ("lat,lon\n91,0\n", 2, "between -90 and 90"),
            ("lat,lon\n1,2\n0,361\n", 3, "between -180 and 360"),
            ("1,2\nnan,0\n", 2, "the latitude is NaN"),
            ("1,2\n3,inf\n", 2, "the longitude is inf"),
            ("1,2\n3\n", 2, "one field"),
            ("1,2\nx,3\n", 2, "`x` is not a number"),
            ("lon,lat\n1,2\n", 1, "must be a latitude and a longitude"),
            ("# nothing\nlat,lon\n", 0, "no events"),
            ("", 0, "no events"),
        ] {
            let (at, reason) = parse(text).unwrap_err();
            assert!(at == line && reason.contains(word), "{text:?}: {at} {reason}");
        }
    }

    #[test]
    fn parts_share_nothing_and_depend_on_the_seed() {
        let events: Vec<[f64; 3]> =
            (0..107).map(|k| point_of_degrees(f64::from(k) * 0.5, 3.0).unwrap()).collect();
        let parts = Parts::of(&events, Seed::new(1));
        assert_eq!([parts.training.len(), parts.validation.len(), parts.test.len()], [87, 10, 10]);
        let mut all = [parts.training.clone(), parts.validation.clone(), parts.test.clone()].concat();
        all.sort_by(|a, b| a[2].total_cmp(&b[2]));
        assert_eq!(all, events);
        assert_eq!(Parts::of(&events, Seed::new(1)), parts);
        assert_ne!(Parts::of(&events, Seed::new(2)).test, parts.test);
    }
}

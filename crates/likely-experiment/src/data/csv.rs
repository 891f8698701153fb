//! Comma-separated numbers.

use super::{DataError, Points, choose, numbered};
use ndarray::Array2;
use std::borrow::Cow;
use std::path::Path;

/// Most fields of a line; beyond them the file is not a table of points.
const MOST_COLUMNS: usize = 100_000;

/// Parses `bytes`; `columns` chooses coordinates by the names in the first line.
pub(super) fn parse(path: &Path, bytes: &[u8], columns: Option<&[String]>) -> Result<Points, DataError> {
    let text = std::str::from_utf8(bytes).map_err(|error| DataError::NotUtf8 {
        path: path.to_owned(),
        line: bytes[..error.valid_up_to()].split(|&byte| byte == b'\n').count(),
    })?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(text).trim_end();
    if text.is_empty() {
        return Err(DataError::NoPoints { path: path.to_owned() });
    }
    let first = fields_of_first_line(path, text)?;
    let header = !first.iter().any(|field| field.text.parse::<f64>().is_ok());
    let names: Vec<String> = if header {
        first.iter().map(|field| field.text.to_string()).collect()
    } else {
        numbered(first.len())
    };
    // For each column of the file, where it goes among the coordinates.
    let chosen = match columns {
        Some(columns) => choose(path, &names, columns)?,
        None => (0..names.len()).collect(),
    };
    let mut targets: Vec<Vec<usize>> = vec![Vec::new(); names.len()];
    for (coordinate, &column) in chosen.iter().enumerate() {
        targets[column].push(coordinate);
    }

    let mut values = Vec::new();
    let mut row = vec![0.0; chosen.len()];
    for (index, line) in text.split('\n').enumerate().skip(usize::from(header)) {
        let place = Line { path, number: index + 1 };
        let line = line.strip_suffix('\r').unwrap_or(line);
        if line.trim().is_empty() {
            return Err(DataError::EmptyLine { path: path.to_owned(), line: place.number });
        }
        let mut found = 0;
        for field in Fields::new(place, line) {
            let field = field?;
            if let Some(targets) = targets.get(found).filter(|targets| !targets.is_empty()) {
                let value = place.number_in(&field, &names[found])?;
                for &target in targets {
                    row[target] = value;
                }
            }
            found += 1;
        }
        if found != names.len() {
            return Err(DataError::Ragged {
                path: path.to_owned(),
                line: place.number,
                found,
                expected: names.len(),
            });
        }
        values.extend_from_slice(&row);
    }
    let names: Vec<String> = chosen.iter().map(|&column| names[column].clone()).collect();
    let rows = values.len().checked_div(names.len()).unwrap_or(0);
    match Array2::from_shape_vec((rows, names.len()), values) {
        Ok(values) => Ok(Points { names, values }),
        Err(_) => Err(DataError::NoPoints { path: path.to_owned() }),
    }
}

fn fields_of_first_line<'a>(path: &'a Path, text: &'a str) -> Result<Vec<Field<'a>>, DataError> {
    let line = text.split('\n').next().unwrap_or_default();
    let mut fields = Vec::new();
    for field in Fields::new(Line { path, number: 1 }, line.strip_suffix('\r').unwrap_or(line)) {
        if fields.len() == MOST_COLUMNS {
            return Err(DataError::TooManyColumns { path: path.to_owned(), most: MOST_COLUMNS });
        }
        fields.push(field?);
    }
    Ok(fields)
}

/// A line of a file, for messages.
#[derive(Clone, Copy)]
struct Line<'a> {
    path: &'a Path,
    number: usize,
}

impl Line<'_> {
    fn number_in(self, field: &Field<'_>, name: &str) -> Result<f64, DataError> {
        let (path, line, column) = (self.path.to_owned(), self.number, field.column);
        let name = || name.to_owned();
        if field.text.is_empty() {
            return Err(DataError::EmptyField { path, line, column, name: name() });
        }
        match field.text.parse::<f64>() {
            Ok(value) if value.is_finite() => Ok(value),
            Ok(_) => {
                Err(DataError::NotFinite { path, line, column, name: name(), text: shorten(&field.text) })
            }
            Err(_) => {
                Err(DataError::NotANumber { path, line, column, name: name(), text: shorten(&field.text) })
            }
        }
    }
}

fn shorten(text: &str) -> String {
    if text.chars().count() <= 40 {
        text.to_owned()
    } else {
        text.chars().take(37).chain("...".chars()).collect()
    }
}

/// A field without its quotes and the blanks around it.
struct Field<'a> {
    text: Cow<'a, str>,
    /// Where it starts, in characters from 1.
    column: usize,
}

/// The fields of one line, one after the other.
struct Fields<'a> {
    place: Line<'a>,
    /// What is left, from the start of the next field; `None` after the last.
    rest: Option<&'a str>,
    column: usize,
}

impl<'a> Fields<'a> {
    fn new(place: Line<'a>, line: &'a str) -> Self {
        Self { place, rest: Some(line), column: 1 }
    }

    /// A field that starts with a quote: up to the closing quote, two quotes standing for one.
    fn quoted(rest: &'a str) -> Option<(Cow<'a, str>, &'a str)> {
        let body = rest.strip_prefix('"')?;
        let mut from = 0;
        loop {
            let end = from + body[from..].find('"')?;
            if body[end + 1..].starts_with('"') {
                from = end + 2;
                continue;
            }
            let text = &body[..end];
            let text = if text.contains("\"\"") {
                Cow::Owned(text.replace("\"\"", "\""))
            } else {
                Cow::Borrowed(text)
            };
            return Some((text, &body[end + 1..]));
        }
    }
}

impl<'a> Iterator for Fields<'a> {
    type Item = Result<Field<'a>, DataError>;

    fn next(&mut self) -> Option<Self::Item> {
        let rest = self.rest.take()?;
        let trimmed = rest.trim_start_matches([' ', '\t']);
        let column = self.column + (rest.chars().count() - trimmed.chars().count());
        let (text, after) = if trimmed.starts_with('"') {
            let quote =
                || DataError::Quote { path: self.place.path.to_owned(), line: self.place.number, column };
            let Some((text, after)) = Self::quoted(trimmed) else { return Some(Err(quote())) };
            let after = after.trim_start_matches([' ', '\t']);
            if !after.is_empty() && !after.starts_with(',') {
                return Some(Err(quote()));
            }
            (text, after)
        } else {
            let end = trimmed.find(',').unwrap_or(trimmed.len());
            (Cow::Borrowed(trimmed[..end].trim_end()), &trimmed[end..])
        };
        if let Some(next) = after.strip_prefix(',') {
            self.column += rest[..rest.len() - next.len()].chars().count();
            self.rest = Some(next);
        }
        Some(Ok(Field { text, column }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    fn points(text: &str) -> Points {
        parse(Path::new("p.csv"), text.as_bytes(), None).unwrap()
    }

    fn error(text: &str) -> String {
        parse(Path::new("p.csv"), text.as_bytes(), None).unwrap_err().to_string()
    }

    #[test]
    fn a_header_is_a_first_line_without_numbers() {
        let with = points("\u{feff}bill length,\"depth, mm\"\r\n1, 2\r\n3,\"4\"\r\n\r\n");
        assert_eq!(with.names, ["bill length", "depth, mm"]);
        assert_eq!(with.values, array![[1.0, 2.0], [3.0, 4.0]]);
        let without = points("1,2\n-3.5e1,4\n");
        assert_eq!(without.names, ["x1", "x2"]);
        assert_eq!(without.values, array![[1.0, 2.0], [-35.0, 4.0]]);
    }

    #[test]
    fn columns_are_chosen_by_name_and_others_may_hold_text() {
        let text = "species,x,y\nAdelie,1,2\nGentoo,3,4\n";
        let chosen = parse(Path::new("p.csv"), text.as_bytes(), Some(&["y".into(), "x".into()])).unwrap();
        assert_eq!(chosen.names, ["y", "x"]);
        assert_eq!(chosen.values, array![[2.0, 1.0], [4.0, 3.0]]);
        let error = parse(Path::new("p.csv"), text.as_bytes(), Some(&["spcies".into()])).unwrap_err();
        assert_eq!(
            error.to_string(),
            "p.csv: there is no column `spcies`, did you mean `species`?; there is: species, x, y"
        );
        let twice = parse(Path::new("p.csv"), b"x,x\n1,2\n", Some(&["x".into()])).unwrap_err();
        assert!(twice.to_string().contains("stands twice"), "{twice}");
    }

    #[test]
    fn messages_name_the_place() {
        let cases = [
            ("x,y\n1,2\n3\n", "p.csv:3: 1 fields, but the first line has 2"),
            ("x,y\n1,2,3\n", "p.csv:2: 3 fields, but the first line has 2"),
            ("x,y\n1,é two\n", "p.csv:2:3: `é two` in column `y` is not a number"),
            ("x,y\n1, \n", "p.csv:2:3: column `y` is empty here"),
            ("x,y\n1,2\n NaN,2\n", "p.csv:3:2: `NaN` in column `x` is not finite"),
            ("1,2\n1,-inf\n", "p.csv:2:3: `-inf` in column `x2` is not finite"),
            ("1,2\n1,1e999\n", "p.csv:2:3: `1e999` in column `x2` is not finite"),
            ("1,2\n\n3,4\n", "p.csv:2: the line is empty"),
            ("1,2\n3,\"4\n", "p.csv:2:3: a quoted field must end"),
            ("1;2\n3;4\n", "p.csv:2:1: `3;4` in column `1;2` is not a number"),
            ("1,abc\n", "p.csv:1:3: `abc` in column `x2` is not a number"),
            ("", "p.csv: the file holds no points"),
            ("\n\n", "p.csv: the file holds no points"),
        ];
        for (text, expected) in cases {
            let found = error(text);
            assert!(found.starts_with(expected), "{text:?}: {found}");
        }
        let not_text = parse(Path::new("p.csv"), b"1,2\n\xff,3\n", None).unwrap_err();
        assert_eq!(not_text.to_string(), "p.csv:2: the text is not UTF-8");
    }
}

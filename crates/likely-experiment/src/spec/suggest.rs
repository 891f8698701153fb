//! What a person may have meant.

/// The accepted name closest to `name`, where one is close enough to be a slip of the pen.
pub(crate) fn closest<S: AsRef<str>>(name: &str, accepted: &[S]) -> Option<String> {
    accepted
        .iter()
        .map(|candidate| (distance(name, candidate.as_ref()), candidate.as_ref()))
        .filter(|(distance, candidate)| {
            let length = candidate.chars().count();
            *distance < length && *distance <= length.max(3) / 3
        })
        .min()
        .map(|(_, candidate)| candidate.to_owned())
}

/// Edits (insert, delete, replace, swap of neighbours) that turn `a` into `b`; case and `_` against `-` count nothing.
fn distance(a: &str, b: &str) -> usize {
    let fold = |text: &str| -> Vec<char> {
        text.chars().flat_map(char::to_lowercase).map(|c| if c == '_' { '-' } else { c }).collect()
    };
    let (a, b) = (fold(a), fold(b));
    let mut before_last: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=b.len()).collect();
    for i in 1..=a.len() {
        let mut row = vec![i; b.len() + 1];
        for j in 1..=b.len() {
            let replaced = last[j - 1] + usize::from(a[i - 1] != b[j - 1]);
            row[j] = replaced.min(last[j] + 1).min(row[j - 1] + 1);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                row[j] = row[j].min(before_last[j - 2] + 1);
            }
        }
        before_last = std::mem::replace(&mut last, row);
    }
    last[b.len()]
}

/// `, did you mean ...?` for a message, or nothing.
pub(crate) fn hint(suggestion: Option<&String>) -> String {
    suggestion.map_or_else(String::new, |name| format!(", did you mean `{name}`?"))
}

/// A list of names for a message.
pub(crate) fn list<S: AsRef<str>>(names: &[S]) -> String {
    if names.is_empty() {
        return "none".to_owned();
    }
    names.iter().map(AsRef::as_ref).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slips_are_recognised_and_strangers_are_not() {
        let accepted = ["lambda", "label", "config", "kind"];
        assert_eq!(closest("lamda", &accepted).as_deref(), Some("lambda"));
        assert_eq!(closest("knid", &accepted).as_deref(), Some("kind"));
        assert_eq!(closest("LABEL", &accepted).as_deref(), Some("label"));
        assert_eq!(closest("temperature", &accepted), None);
        assert_eq!(closest("z", &["x", "y"]), None);
        assert_eq!(closest("max_iterations", &["max-iterations"]).as_deref(), Some("max-iterations"));
    }

    #[test]
    fn edits_are_counted() {
        for (a, b, edits) in [("", "abc", 3), ("abc", "abc", 0), ("abc", "acb", 1), ("kitten", "sitting", 3)]
        {
            assert_eq!(distance(a, b), edits, "{a} to {b}");
        }
    }
}

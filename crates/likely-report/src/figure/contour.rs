//! Lines of equal height over a grid.

use std::collections::BTreeMap;

/// Heights at the nodes of a grid, which need not be evenly spaced.
pub(crate) struct Heights<'a> {
    pub(crate) x: &'a [f64],
    pub(crate) y: &'a [f64],
    /// Row by row from the lowest `y`; `None` where there is no number.
    pub(crate) values: &'a [Option<f64>],
}

impl Heights<'_> {
    /// The lines at `level`, by marching squares; they end at the edge and where numbers are missing.
    pub(crate) fn lines(&self, level: f64) -> Vec<Vec<[f64; 2]>> {
        // A crossing is named by the side of a square that it lies on, so that neighbours know it by the same name.
        let mut next: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
        let mut places: BTreeMap<usize, [f64; 2]> = BTreeMap::new();
        for row in 0..self.y.len().saturating_sub(1) {
            for column in 0..self.x.len().saturating_sub(1) {
                for (a, b) in self.crossings(row, column, level, &mut places) {
                    next.entry(a).or_default().push(b);
                    next.entry(b).or_default().push(a);
                }
            }
        }
        let mut lines = Vec::new();
        // Open lines first, from their ends; what is left is closed.
        let ends: Vec<usize> = next.iter().filter(|(_, to)| to.len() == 1).map(|(&from, _)| from).collect();
        let all: Vec<usize> = next.keys().copied().collect();
        for start in ends.into_iter().chain(all) {
            let mut line = vec![start];
            let mut here = start;
            while let Some(to) = next.get_mut(&here).and_then(Vec::pop) {
                if let Some(back) = next.get_mut(&to)
                    && let Some(place) = back.iter().position(|&from| from == here)
                {
                    back.swap_remove(place);
                }
                line.push(to);
                here = to;
            }
            if line.len() > 1 {
                lines.push(line.iter().filter_map(|crossing| places.get(crossing).copied()).collect());
            }
        }
        lines
    }

    /// Pairs of crossings that the level joins inside one square.
    fn crossings(
        &self,
        row: usize,
        column: usize,
        level: f64,
        places: &mut BTreeMap<usize, [f64; 2]>,
    ) -> Vec<(usize, usize)> {
        let columns = self.x.len();
        let node = |row: usize, column: usize| self.values[row * columns + column];
        let (Some(a), Some(b), Some(c), Some(d)) =
            (node(row, column), node(row, column + 1), node(row + 1, column + 1), node(row + 1, column))
        else {
            return Vec::new();
        };
        let share = |from: f64, to: f64| (level - from) / (to - from);
        let mix = |low: f64, high: f64, share: f64| low + share * (high - low);
        let (x0, x1, y0, y1) = (self.x[column], self.x[column + 1], self.y[row], self.y[row + 1]);
        let flat = |row: usize| 2 * (row * columns + column);
        let upright = |column: usize| 2 * (row * columns + column) + 1;
        let sides = [
            (a, b, flat(row), [mix(x0, x1, share(a, b)), y0]),
            (b, c, upright(column + 1), [x1, mix(y0, y1, share(b, c))]),
            (d, c, flat(row + 1), [mix(x0, x1, share(d, c)), y1]),
            (a, d, upright(column), [x0, mix(y0, y1, share(a, d))]),
        ];
        let crossed: Vec<usize> = sides
            .into_iter()
            .filter(|(from, to, _, _)| (*from < level) != (*to < level))
            .map(|(_, _, name, place)| {
                places.insert(name, place);
                name
            })
            .collect();
        match *crossed.as_slice() {
            [from, to] => vec![(from, to)],
            [bottom, right, top, left] => {
                // A saddle: the middle says which corners belong together.
                let middle_above = (a + b + c + d) / 4.0 >= level;
                if (a >= level) == middle_above {
                    vec![(bottom, right), (top, left)]
                } else {
                    vec![(left, bottom), (right, top)]
                }
            }
            _ => Vec::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_level_of_a_cone_is_one_closed_circle() {
        let x: Vec<f64> = (0..41).map(|step| f64::from(step) / 20.0 - 1.0).collect();
        let values: Vec<Option<f64>> =
            x.iter().flat_map(|y| x.iter().map(move |x| Some(x.hypot(*y)))).collect();
        let heights = Heights { x: &x, y: &x, values: &values };
        let lines = heights.lines(0.7);
        assert_eq!(lines.len(), 1);
        assert_eq!(lines[0].first(), lines[0].last(), "closed");
        assert!(lines[0].len() > 50);
        assert!(lines[0].iter().all(|[x, y]| (x.hypot(*y) - 0.7).abs() < 2e-3));
        // Four arcs are cut off by the edges of the square.
        assert_eq!(heights.lines(1.2).len(), 4);
        assert!(heights.lines(9.0).is_empty());
    }

    #[test]
    fn lines_end_where_numbers_are_missing_and_saddles_do_not_cross() {
        let x: Vec<f64> = (0..9).map(f64::from).collect();
        let mut values: Vec<Option<f64>> =
            (0..9).flat_map(|row| (0..9).map(move |_| Some(f64::from(row)))).collect();
        values[4 * 9 + 4] = None;
        let lines = Heights { x: &x, y: &x, values: &values }.lines(3.5);
        assert_eq!(lines.len(), 2, "{lines:?}");
        let two = [0.0, 1.0];
        let saddle = [Some(1.0), Some(0.0), Some(0.0), Some(1.0)];
        assert_eq!(Heights { x: &two, y: &two, values: &saddle }.lines(0.4).len(), 2);
    }
}

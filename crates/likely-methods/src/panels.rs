//! Loops over rows that run down a few columns at a time.
//!
//! What is carried from row to row stays in registers, and the compiler knows how many columns there are.

use crate::vector::{Kernel, vectorised};

/// Work on the columns `from .. from + W` of rows of `dim` numbers, independent of the other columns.
pub(crate) trait Columns {
    /// Must be inlined, and so must what it calls. Called with a `dim` that the compiler knows where that is `W`.
    fn columns<const W: usize>(&mut self, dim: usize, from: usize);
}

/// Runs `work` on all of `dim` columns, compiled for the widest vectors that this processor has.
pub(crate) fn in_panels<C: Columns>(dim: usize, work: &mut C) {
    vectorised(Panels { dim, work });
}

struct Panels<'a, C> {
    dim: usize,
    work: &'a mut C,
}

impl<C: Columns> Kernel for Panels<'_, C> {
    type Output = ();

    #[expect(clippy::inline_always, reason = "inlined into the code for the chosen vector width")]
    #[inline(always)]
    fn run(self) {
        let Self { dim, work } = self;
        match dim {
            1 => return work.columns::<1>(1, 0),
            2 => return work.columns::<2>(2, 0),
            3 => return work.columns::<3>(3, 0),
            _ => {}
        }
        let mut from = 0;
        while from + 32 <= dim {
            work.columns::<32>(dim, from);
            from += 32;
        }
        let rest = dim - from;
        if rest & 16 > 0 {
            work.columns::<16>(dim, from);
            from += 16;
        }
        if rest & 8 > 0 {
            work.columns::<8>(dim, from);
            from += 8;
        }
        if rest & 4 > 0 {
            work.columns::<4>(dim, from);
            from += 4;
        }
        if rest & 2 > 0 {
            work.columns::<2>(dim, from);
            from += 2;
        }
        if rest & 1 > 0 {
            work.columns::<1>(dim, from);
        }
    }
}

/// The numbers of a row in the columns from `from` on.
#[expect(clippy::inline_always, reason = "inlined into the code for the chosen vector width")]
#[inline(always)]
pub(crate) fn read<const W: usize>(row: &[f64], from: usize) -> [f64; W] {
    let mut numbers = [0.0; W];
    numbers.copy_from_slice(&row[from..from + W]);
    numbers
}

/// Writes them.
#[expect(clippy::inline_always, reason = "inlined into the code for the chosen vector width")]
#[inline(always)]
pub(crate) fn write<const W: usize>(row: &mut [f64], from: usize, numbers: [f64; W]) {
    row[from..from + W].copy_from_slice(&numbers);
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Visits {
        columns: Vec<usize>,
    }

    impl Columns for Visits {
        fn columns<const W: usize>(&mut self, _: usize, from: usize) {
            self.columns.extend(from..from + W);
        }
    }

    #[test]
    fn every_column_is_visited_once() {
        for dim in 0..100 {
            let mut visits = Visits { columns: Vec::new() };
            in_panels(dim, &mut visits);
            assert_eq!(visits.columns, (0..dim).collect::<Vec<_>>());
        }
    }
}

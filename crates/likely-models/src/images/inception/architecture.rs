//! The layers of Inception v3, by the names that torchvision and pytorch-fid give their tensors.

use super::Pool;
use super::normalised::{expected_of, normalised};
use likely_networks::planes::{Footprint, Layer};
use likely_networks::{Expected, Problems, Weights};

/// Parts of the network after which features may be taken.
pub(super) const STAGES: usize = 4;

/// A layer without its weights.
#[derive(Debug, Clone)]
pub(super) enum Plan {
    /// A convolution without bias, batch normalisation, and a rectifier.
    Convolution {
        name: String,
        outputs: usize,
        footprint: Footprint,
    },
    Maximum(Footprint),
    Average(Footprint),
    Branches(Vec<Vec<Plan>>),
}

/// A convolution that keeps the size.
fn same(name: &str, outputs: usize, kernel: [usize; 2]) -> Plan {
    let padding = kernel.map(|side| side / 2);
    Plan::Convolution { name: name.to_owned(), outputs, footprint: Footprint::new(kernel, 1, padding) }
}

/// A convolution of side 3 without padding.
fn valid(name: &str, outputs: usize, stride: usize) -> Plan {
    Plan::Convolution { name: name.to_owned(), outputs, footprint: Footprint::new([3, 3], stride, [0, 0]) }
}

/// A maximum that halves the size.
fn halved() -> Plan {
    Plan::Maximum(Footprint::new([3, 3], 2, [0, 0]))
}

/// The pooling branch of a block that keeps the size.
fn pooled(pool: Pool, outputs: usize) -> Vec<Plan> {
    let footprint = Footprint::new([3, 3], 1, [1, 1]);
    let first = match pool {
        Pool::Average => Plan::Average(footprint),
        Pool::Maximum => Plan::Maximum(footprint),
    };
    vec![first, same("branch_pool", outputs, [1, 1])]
}

/// Branches whose tensors carry the name of the block.
fn block(name: &str, branches: Vec<Vec<Plan>>) -> Plan {
    let named = |plan: Plan| match plan {
        Plan::Convolution { name: own, outputs, footprint } => {
            Plan::Convolution { name: format!("{name}.{own}"), outputs, footprint }
        }
        Plan::Branches(branches) => block(name, branches),
        pool => pool,
    };
    Plan::Branches(branches.into_iter().map(|branch| branch.into_iter().map(named).collect()).collect())
}

/// `InceptionA`: 35 by 35 places.
fn a(name: &str, pool: usize) -> Plan {
    block(
        name,
        vec![
            vec![same("branch1x1", 64, [1, 1])],
            vec![same("branch5x5_1", 48, [1, 1]), same("branch5x5_2", 64, [5, 5])],
            vec![
                same("branch3x3dbl_1", 64, [1, 1]),
                same("branch3x3dbl_2", 96, [3, 3]),
                same("branch3x3dbl_3", 96, [3, 3]),
            ],
            pooled(Pool::Average, pool),
        ],
    )
}

/// `InceptionB`: from 35 to 17.
fn b(name: &str) -> Plan {
    block(
        name,
        vec![
            vec![valid("branch3x3", 384, 2)],
            vec![
                same("branch3x3dbl_1", 64, [1, 1]),
                same("branch3x3dbl_2", 96, [3, 3]),
                valid("branch3x3dbl_3", 96, 2),
            ],
            vec![halved()],
        ],
    )
}

/// `InceptionC`: 17 by 17 places, `inner` channels between the kernels of sides 1 and 7.
fn c(name: &str, inner: usize) -> Plan {
    block(
        name,
        vec![
            vec![same("branch1x1", 192, [1, 1])],
            vec![
                same("branch7x7_1", inner, [1, 1]),
                same("branch7x7_2", inner, [1, 7]),
                same("branch7x7_3", 192, [7, 1]),
            ],
            vec![
                same("branch7x7dbl_1", inner, [1, 1]),
                same("branch7x7dbl_2", inner, [7, 1]),
                same("branch7x7dbl_3", inner, [1, 7]),
                same("branch7x7dbl_4", inner, [7, 1]),
                same("branch7x7dbl_5", 192, [1, 7]),
            ],
            pooled(Pool::Average, 192),
        ],
    )
}

/// `InceptionD`: from 17 to 8.
fn d(name: &str) -> Plan {
    block(
        name,
        vec![
            vec![same("branch3x3_1", 192, [1, 1]), valid("branch3x3_2", 320, 2)],
            vec![
                same("branch7x7x3_1", 192, [1, 1]),
                same("branch7x7x3_2", 192, [1, 7]),
                same("branch7x7x3_3", 192, [7, 1]),
                valid("branch7x7x3_4", 192, 2),
            ],
            vec![halved()],
        ],
    )
}

/// `InceptionE`: 8 by 8 places.
fn e(name: &str, pool: Pool) -> Plan {
    let fork = |branch: &str, ends: [&str; 2]| {
        Plan::Branches(vec![
            vec![same(&format!("{branch}_{}", ends[0]), 384, [1, 3])],
            vec![same(&format!("{branch}_{}", ends[1]), 384, [3, 1])],
        ])
    };
    block(
        name,
        vec![
            vec![same("branch1x1", 320, [1, 1])],
            vec![same("branch3x3_1", 384, [1, 1]), fork("branch3x3", ["2a", "2b"])],
            vec![
                same("branch3x3dbl_1", 448, [1, 1]),
                same("branch3x3dbl_2", 384, [3, 3]),
                fork("branch3x3dbl", ["3a", "3b"]),
            ],
            pooled(pool, 192),
        ],
    )
}

/// A stage of the network; `pool` is that of its last block.
///
/// # Source
/// Szegedy et al. 2015, arXiv 1512.00567; `torchvision/models/inception.py` (0.27), of which pytorch-fid 0.3.0 keeps names and
/// sizes. Its averages leave the padding out, and its last block takes maxima, as the network of 2015 does.
pub(super) fn stage(number: usize, pool: Pool) -> Vec<Plan> {
    match number {
        0 => vec![
            valid("Conv2d_1a_3x3", 32, 2),
            valid("Conv2d_2a_3x3", 32, 1),
            same("Conv2d_2b_3x3", 64, [3, 3]),
            halved(),
        ],
        1 => vec![same("Conv2d_3b_1x1", 80, [1, 1]), valid("Conv2d_4a_3x3", 192, 1), halved()],
        2 => vec![
            a("Mixed_5b", 32),
            a("Mixed_5c", 64),
            a("Mixed_5d", 64),
            b("Mixed_6a"),
            c("Mixed_6b", 128),
            c("Mixed_6c", 160),
            c("Mixed_6d", 160),
            c("Mixed_6e", 192),
        ],
        _ => vec![d("Mixed_7a"), e("Mixed_7b", Pool::Average), e("Mixed_7c", pool)],
    }
}

/// Adds the tensors of some layers after `channels`, and says how many channels come out.
pub(super) fn expected(plans: &[Plan], channels: usize, tensors: &mut Vec<Expected>) -> usize {
    plans.iter().fold(channels, |channels, plan| match plan {
        Plan::Convolution { name, outputs, footprint } => {
            tensors.extend(expected_of(name, *outputs, channels, footprint.kernel));
            *outputs
        }
        Plan::Maximum(_) | Plan::Average(_) => channels,
        Plan::Branches(branches) => branches.iter().map(|branch| expected(branch, channels, tensors)).sum(),
    })
}

/// The layers with their weights, which must be those of [`expected`].
pub(super) fn layers(plans: &[Plan], weights: &Weights) -> Result<Vec<Layer>, Problems> {
    let layer = |plan: &Plan| {
        Ok(match plan {
            Plan::Convolution { name, footprint, .. } => {
                Layer::Convolution(normalised(weights, name, *footprint)?)
            }
            Plan::Maximum(footprint) => Layer::MaximumPool(*footprint),
            Plan::Average(footprint) => Layer::AveragePool(*footprint),
            Plan::Branches(branches) => Layer::Branches(
                branches.iter().map(|branch| layers(branch, weights)).collect::<Result<_, _>>()?,
            ),
        })
    };
    plans.iter().map(layer).collect()
}

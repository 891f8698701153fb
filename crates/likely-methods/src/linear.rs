//! The straight line.

use crate::closed_form::ClosedForm;
use crate::table::from_config;
use crate::{InterpolateError, Method, Solution};
use likely_core::{Curve, Ends};
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

pub(crate) const METHOD: Method = Method {
    id: "linear",
    summary: "The straight line between the end points.",
    source: "folklore",
    build: from_config::<Linear>,
};

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Linear {}

impl ClosedForm for Linear {
    fn solution(&self, ends: &Ends<'_>, _: &mut ChaCha8Rng) -> Result<Solution, InterpolateError> {
        Ok(Solution::closed_form(Curve::straight(ends)))
    }
}

//! Specs, data, plans and runs, from the outside.

mod bad_data;
mod bad_geometries;
mod bad_specs;
#[cfg(test)]
mod curved;
#[cfg(test)]
mod images;
mod plans;
#[cfg(test)]
mod refused_rows;
mod runs;
mod shipped;
#[cfg(test)]
mod support;

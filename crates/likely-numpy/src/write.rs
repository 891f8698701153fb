//! Arrays to be read by numpy.

/// Header and bytes before the numbers of an array in C order, as `numpy.save` begins it; `shape` as Python writes it.
pub fn start(descr: &str, shape: &str) -> Vec<u8> {
    let mut header = format!("{{'descr': '{descr}', 'fortran_order': False, 'shape': {shape}, }}");
    // Magic, version and length take ten bytes; the numbers start at a multiple of 64.
    while !(10 + header.len() + 1).is_multiple_of(64) {
        header.push(' ');
    }
    header.push('\n');
    let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
    bytes.extend((header.len() as u16).to_le_bytes());
    bytes.extend(header.as_bytes());
    bytes
}

/// `values`, row after row, as `numpy.save` would write them: version 1.0, little-endian float64, C order.
pub fn rows(rows: usize, columns: usize, values: &[f64]) -> Vec<u8> {
    let mut bytes = start("<f8", &format!("({rows}, {columns})"));
    bytes.extend(values.iter().flat_map(|value| value.to_le_bytes()));
    bytes
}

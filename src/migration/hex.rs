//! Bytes as hexadecimal digits, as digests are written.

use std::fmt;

/// Shows bytes as lower-case hexadecimal digits, two for each.
#[derive(Clone, Copy, Debug)]
pub struct Hex<'b>(pub &'b [u8]);

impl fmt::Display for Hex<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

#[test]
fn every_byte_has_two_digits() {
    assert_eq!(Hex(&[0, 10, 255]).to_string(), "000aff");
}

//! Decimals as PostgreSQL sends them: a page of documents holds a thousand, and the general way builds lists on the way.

use backoffice_money::Decimal;

/// The digit groups of the binary form count in ten thousands.
const GROUP: i128 = 10_000;
/// Decimals of a group.
const GROUP_DIGITS: i32 = 4;
/// The most groups that are read here: their digits fit by far.
const MOST_GROUPS: usize = 7;

/// Reads the binary form of a `numeric` (src/backend/utils/adt/numeric.c, `numeric_send`): four 16-bit numbers (how many
/// groups, the weight of the first, the sign, the decimals shown), then the groups. The value has as many decimals as
/// are shown. None for whatever is not ordinary (infinite, not a number, very long): that is read the general way.
pub(super) fn read(bytes: &[u8]) -> Option<Decimal> {
    let (head, groups) = bytes.split_at_checked(8)?;
    let number = |at: usize| Some(i16::from_be_bytes([*head.get(at)?, *head.get(at + 1)?]));
    let (count, weight, sign, scale) = (number(0)?, number(2)?, number(4)?, number(6)?);
    let negative = match sign {
        0 => false,
        0x4000 => true,
        _ => return None,
    };
    let (count, scale) = (usize::try_from(count).ok()?, u32::try_from(scale).ok()?);
    if count > MOST_GROUPS || groups.len() != count * 2 || scale > 12 {
        return None;
    }
    let mut value: i128 = 0;
    for group in groups.chunks_exact(2) {
        let group = i128::from(u16::from_be_bytes([*group.first()?, *group.get(1)?]));
        value = value.checked_mul(GROUP)?.checked_add(group)?;
    }
    // The last group ends this many decimals behind the point; negative if it ends before it.
    let decimals = (i32::try_from(count).ok()? - 1 - i32::from(weight)) * GROUP_DIGITS;
    let missing = i32::try_from(scale).ok()? - decimals;
    let power = 10_i128.checked_pow(missing.unsigned_abs())?;
    if count == 0 {
        value = 0;
    } else if missing >= 0 {
        value = value.checked_mul(power)?;
    } else {
        // groups are filled up with zeros behind the last decimal shown
        (value % power == 0).then_some(())?;
        value /= power;
    }
    Decimal::try_from_i128_with_scale(if negative { -value } else { value }, scale).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The binary form, made by the rules of PostgreSQL from digits: no leading and no trailing groups of zero.
    fn binary(digits: i128, scale: u32) -> Vec<u8> {
        let pad = (4 - scale % 4) % 4;
        let mut rest = digits.unsigned_abs() * 10_u128.pow(pad);
        let mut groups: Vec<u16> = Vec::new();
        while rest > 0 {
            groups.insert(0, u16::try_from(rest % 10_000).unwrap());
            rest /= 10_000;
        }
        let mut weight = i16::try_from(groups.len()).unwrap() - 1 - i16::try_from((scale + pad) / 4).unwrap();
        while groups.last() == Some(&0) {
            groups.pop();
        }
        if groups.is_empty() {
            weight = 0;
        }
        let sign: u16 = if digits < 0 { 0x4000 } else { 0 };
        let mut bytes = Vec::new();
        bytes.extend(u16::try_from(groups.len()).unwrap().to_be_bytes());
        bytes.extend(weight.to_be_bytes());
        bytes.extend(sign.to_be_bytes());
        bytes.extend(u16::try_from(scale).unwrap().to_be_bytes());
        groups.iter().for_each(|group| bytes.extend(group.to_be_bytes()));
        bytes
    }

    proptest! {
        #[test]
        fn every_amount_is_read_as_it_was_written(digits in -10_i128.pow(23)..10_i128.pow(23), scale in 0_u32..=12) {
            let read = read(&binary(digits, scale)).unwrap();
            prop_assert_eq!(read.to_string(), Decimal::from_i128_with_scale(digits, scale).to_string());
        }

        #[test]
        fn whatever_comes_is_read_or_left(bytes in proptest::collection::vec(any::<u8>(), 0..40)) {
            let _ = read(&bytes);
        }
    }

    #[test]
    fn known_forms() {
        for (digits, scale, text) in [
            (0, 0, "0"),
            (0, 2, "0.00"),
            (5, 4, "0.0005"),
            (-1_234_567, 2, "-12345.67"),
            (10_000, 0, "10000"),
            (19, 4, "0.0019"),
        ] {
            assert_eq!(read(&binary(digits, scale)).unwrap().to_string(), text);
        }
        // not a number
        assert_eq!(read(&[0, 0, 0, 0, 0xC0, 0, 0, 0]), None);
    }
}

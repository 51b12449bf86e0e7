//! Quality: shares of what is good, each with its weight, as one number from 0 to 100. Whole numbers only.

/// A share of a score.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Share {
    /// How much is good.
    pub good: u64,
    /// Of how much; of nothing, the share counts nothing.
    pub of: u64,
    /// What it weighs beside the others.
    pub weight: u32,
}

impl Share {
    /// The share in percent, the nearest whole number; nothing of nothing. Not 100 unless all is good.
    #[must_use]
    pub fn percent(&self) -> Option<u32> {
        percent(u128::from(self.good.min(self.of)), u128::from(self.of))
    }
}

fn percent(good: u128, of: u128) -> Option<u32> {
    let twice = of.checked_mul(2).filter(|twice| *twice > 0)?;
    let rounded = good.checked_mul(200)?.checked_add(of)?.checked_div(twice)?;
    let rounded = u32::try_from(rounded).ok()?;
    Some(if good < of { rounded.min(99) } else { rounded })
}

/// The score of several shares: their mean by weight; nothing if none of them counts. Not 100 unless all is good.
#[must_use]
pub fn score(shares: &[Share]) -> Option<u32> {
    // In millionths, so that a mean of fractions stays one of whole numbers.
    const WHOLE: u128 = 1_000_000;
    let (mut sum, mut weights) = (0_u128, 0_u128);
    for share in shares.iter().filter(|share| share.of > 0) {
        let part = u128::from(share.good.min(share.of)).checked_mul(WHOLE)?.checked_div(u128::from(share.of))?;
        sum = sum.checked_add(part.checked_mul(u128::from(share.weight))?)?;
        weights = weights.checked_add(u128::from(share.weight))?;
    }
    percent(sum, weights.checked_mul(WHOLE)?)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn share(good: u64, of: u64, weight: u32) -> Share {
        Share { good, of, weight }
    }

    #[test]
    fn a_score_is_the_mean_by_weight() {
        assert_eq!(score(&[share(1, 2, 40), share(1, 1, 30), share(0, 0, 30)]), Some(71));
        assert_eq!(score(&[share(0, 0, 40)]), None);
        assert_eq!(score(&[]), None);
        assert_eq!(score(&[share(3, 3, 40), share(5, 5, 1)]), Some(100));
        assert_eq!(score(&[share(999_999, 1_000_000, 1)]), Some(99));
        assert_eq!(share(1, 3, 1).percent(), Some(33));
        assert_eq!(share(2, 3, 1).percent(), Some(67));
    }

    proptest! {
        #[test]
        fn it_lies_between_0_and_100_and_is_100_only_if_all_is_good(
            parts in proptest::collection::vec((0_u64..2_000_000, 1_u64..2_000_000, 1_u32..100), 1..6),
        ) {
            let shares: Vec<Share> = parts.iter().map(|(good, of, weight)| share(*good, *of, *weight)).collect();
            let all = shares.iter().all(|share| share.good >= share.of);
            let score = score(&shares).unwrap();
            prop_assert!(score <= 100 && (score == 100) == all);
        }
    }
}

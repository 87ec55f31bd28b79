//! How long to wait before a thing is tried again.

/// First wait without jitter, milliseconds.
const BASE_MS: u64 = 500;
/// Longest wait, milliseconds.
pub const CAP_MS: u64 = 15_000;

/// The wait before the attempt after `failures` failures in a row: doubled each time, capped, and spread over its upper
/// half by `random`, so that many tabs do not come back at once.
#[must_use]
pub fn delay_ms(failures: u32, random: u64) -> u64 {
    let full = BASE_MS
        .saturating_mul(
            1u64.checked_shl(failures.saturating_sub(1))
                .unwrap_or(u64::MAX),
        )
        .min(CAP_MS);
    full / 2 + random % (full / 2 + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_and_stay_within_bounds() {
        assert_eq!(delay_ms(1, 0), 250);
        assert_eq!(delay_ms(1, 250), 500);
        for failures in 0..200 {
            for random in [0, 1, 12_345, u64::MAX] {
                let wait = delay_ms(failures, random);
                assert!(
                    (BASE_MS / 2..=CAP_MS).contains(&wait),
                    "{failures} {random} {wait}"
                );
            }
        }
        assert_eq!(delay_ms(40, 0), CAP_MS / 2);
    }
}

//! The same computation for many values on several threads. The order of the results is that of the values.

use std::thread::scope;

/// Threads for one computation. More than the cores there are do no harm.
const THREADS: usize = 4;
/// Below this many values a thread costs more than it saves.
const WORTH_IT: usize = 64;

/// Computes something for each value.
pub fn map<T: Sync, R: Send>(values: &[T], compute: impl Fn(&T) -> R + Sync) -> Vec<R> {
    if values.len() < WORTH_IT {
        return values.iter().map(compute).collect();
    }
    let compute = &compute;
    // Plain threads that end with the call, and no pool: nothing is left that a later outcome could depend on.
    scope(|scope| {
        let parts = values.chunks(values.len().div_ceil(THREADS));
        let parts: Vec<_> = parts
            .map(|part| scope.spawn(move || part.iter().map(compute).collect::<Vec<_>>()))
            .collect();
        let mut results = Vec::with_capacity(values.len());
        for part in parts {
            match part.join() {
                Ok(part) => results.extend(part),
                Err(panic) => std::panic::resume_unwind(panic),
            }
        }
        results
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_stand_in_the_order_of_the_values() {
        for count in [0, 1, WORTH_IT - 1, WORTH_IT, 1_001] {
            let values: Vec<usize> = (0..count).collect();
            let squares: Vec<usize> = values.iter().map(|value| value * value).collect();
            assert_eq!(map(&values, |value| value * value), squares);
        }
    }
}

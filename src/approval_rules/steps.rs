//! Steps of a band: stages one after the other, steps of one stage beside each other.

use std::fmt;

/// The most steps of a band.
const MOST: usize = 20;

/// A step as far as its rules go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Step {
    /// From 1 on; steps of one stage are open at the same time.
    pub stage: i32,
    /// How many have to approve.
    pub needed: i32,
    /// How many people are named.
    pub people: usize,
    /// How many roles are named.
    pub roles: usize,
}

/// What is wrong with the steps of a band, and at which of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StepFault {
    /// There are none, or too many.
    Count,
    /// Stages are counted from 1 without leaving one out.
    Stage(usize),
    /// Nobody is named.
    Nobody(usize),
    /// More have to approve than are named, or nobody has to.
    Needed(usize),
}

impl StepFault {
    /// Which step it is about.
    #[must_use]
    pub fn step(self) -> Option<usize> {
        match self {
            Self::Stage(at) | Self::Nobody(at) | Self::Needed(at) => Some(at),
            Self::Count => None,
        }
    }
}

impl fmt::Display for StepFault {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::Count => "A band has 1 to 20 steps.",
            Self::Stage(_) => "Stages are counted from 1, none is left out.",
            Self::Nobody(_) => "A step names a role or a person who approves.",
            Self::Needed(_) => {
                "A step needs one approval at least, and no more than there are people named, at most 20."
            }
        })
    }
}

/// Refuses steps that can never be finished.
///
/// # Errors
/// The first fault, step by step.
pub fn check_steps(steps: &[Step]) -> Result<(), StepFault> {
    if !(1..=MOST).contains(&steps.len()) {
        return Err(StepFault::Count);
    }
    for (at, step) in steps.iter().enumerate() {
        if step.stage < 1 || (step.stage > 1 && !steps.iter().any(|other| other.stage == step.stage.saturating_sub(1)))
        {
            return Err(StepFault::Stage(at));
        }
        if step.people.saturating_add(step.roles) == 0 {
            return Err(StepFault::Nobody(at));
        }
        // how many hold a role is known on the day only
        let named = usize::try_from(step.needed).unwrap_or_default();
        if named == 0 || named > MOST || (step.roles == 0 && named > step.people) {
            return Err(StepFault::Needed(at));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn step(stage: i32, needed: i32, people: usize, roles: usize) -> Step {
        Step { stage, needed, people, roles }
    }

    #[test]
    fn steps_can_be_finished() {
        assert_eq!(check_steps(&[step(1, 2, 3, 0), step(1, 1, 0, 1), step(2, 5, 0, 1)]), Ok(()));
        assert_eq!(check_steps(&[]), Err(StepFault::Count));
        assert_eq!(check_steps(&[step(1, 1, 1, 0); 21]), Err(StepFault::Count));
        assert_eq!(check_steps(&[step(1, 1, 1, 0), step(3, 1, 1, 0)]), Err(StepFault::Stage(1)));
        assert_eq!(check_steps(&[step(2, 1, 1, 0)]), Err(StepFault::Stage(0)));
        assert_eq!(check_steps(&[step(0, 1, 1, 0)]), Err(StepFault::Stage(0)));
        assert_eq!(check_steps(&[step(1, 1, 0, 0)]), Err(StepFault::Nobody(0)));
        assert_eq!(check_steps(&[step(1, 3, 2, 0)]), Err(StepFault::Needed(0)));
        assert_eq!(check_steps(&[step(1, 0, 2, 0)]), Err(StepFault::Needed(0)));
        assert_eq!(check_steps(&[step(1, 21, 2, 1)]), Err(StepFault::Needed(0)));
    }
}

//! Random numbers that are the same in every run.

/// Gives random numbers, by a seed.
pub struct Dice(u64);

impl Dice {
    /// The numbers of a seed.
    pub fn new(seed: u64) -> Self {
        // Of zero nothing but zeros follow.
        Self(seed.max(1))
    }

    /// A number from 0, below `sides`.
    pub fn throw(&mut self, sides: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % sides
    }
}

//! Webhook addresses at media servers: registered, verified, removed, and their tokens.

pub mod private_address;
pub mod registration;

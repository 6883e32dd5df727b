//! Webhook addresses at media servers: registered, verified, removed, and their tokens.

pub mod registration;

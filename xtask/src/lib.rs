//! What this project does with itself; `cargo xtask help` lists it.

pub mod certificates;
pub mod members;

//! What users mistype and what servers should not say: each is told in time, by name.

mod command_line;
mod company;
mod impostor;
mod impostors;

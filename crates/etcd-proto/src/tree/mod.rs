//! Keys as a tree: paths, nodes, walking and drawing.
//!
//! A [`Node`] is generic over what stands at a key, so that one tree serves the nested nodes of a
//! v2 listing and the flat keys of v3.

mod build;
mod draw;
mod node;
mod path;
mod walk;

pub use draw::Drawing;
pub use node::Node;
pub use path::{InvalidPath, Path};
pub use walk::{Visit, Walk};

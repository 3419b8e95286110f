//! Files written exactly once.
//!
//! Rows go to files that nobody sees. A commit writes an *intent*: the cursor and the names of those files, made complete and
//! under a name that nobody may take twice. That is the commit point; what remains is giving the files their names, which
//! the next `open` finishes if this process doesn't. A file that was ever visible is never taken back or rewritten.
mod crew;
mod local;
mod log;
mod objects;
mod options;
mod owner;
mod part;
mod partition;
mod target;
mod template;
mod text;
mod value;
mod writer;

pub use local::LocalTarget;
pub use log::cursors;
pub use objects::{Copies, MARK, ObjectTarget};
pub use options::{Compression, Format, Mode, Options, Roll};
pub use target::{Generation, Target, Upload};
pub use template::Template;
pub use writer::open;

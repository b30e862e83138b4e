//! What the parser costs, in figures that do not depend on the machine's load: instructions under
//! callgrind and calls of the allocator. Owns the depths of reading that are measured, the hostile
//! input, the marks, and the tables.
//!
//! ```text
//! parser-instr            runs itself under callgrind, reads one total a case, prints, judges
//!   `- parser-instr work  the cases, each inside `measured::measured`, after which a part is dumped
//! ```

pub mod allocs;
pub mod callgrind;
pub mod corpus;
pub mod depths;
pub mod fillers;
pub mod hostile;
pub mod measured;
pub mod tables;

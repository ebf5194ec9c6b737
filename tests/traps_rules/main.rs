//! Every rule with an input that raises it and one that does not, and the traps that rules answer.

mod cases;
mod reference;
mod scenario;
mod traps;

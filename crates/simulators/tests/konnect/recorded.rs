//! The entities of a recorded gateway, as a client would send them: only documented fields, no forbidden nulls.

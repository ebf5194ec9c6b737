//! `KonnectExtension`: gives data planes what they need to join a control plane.

mod certificate;
mod control_plane;
mod desired;
mod environment;
mod pins;

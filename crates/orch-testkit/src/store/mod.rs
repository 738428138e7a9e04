//! What every store must keep to.

//! Quantised products with NEON.

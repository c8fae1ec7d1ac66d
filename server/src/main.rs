//! gondola
fn main() {}

//! What is drawn under a form: random texts, judged by a validator that shares nothing with the grammar.

mod calls;
mod draw;
mod room;
mod schemas;

#[allow(dead_code, unreachable_pub, reason = "shared with the tests of the router")]
#[path = "../../tests/support/vocabulary.rs"]
mod vocabulary;

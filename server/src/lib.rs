//! The HTTP front of Gondola.
//!
//! The server owns text: it turns requests into tokens and tokens into answers.
#![forbid(unsafe_code)]

pub mod chat_prompt;
pub mod chat_template;
pub mod detokenizer;
pub mod stop_matcher;
pub mod text_pool;
pub mod text_stream;
pub mod tokenizer;

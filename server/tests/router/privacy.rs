//! Errors: nothing of the inside, little of what the client sent.

use serde_json::json;

use crate::support::TestServer;

#[tokio::test]
async fn errors_carry_no_path_address_or_version() {
    let server = TestServer::start();
    server.controls.fail(1);
    let answers = [
        server.chat(json!({})).await,
        server.get("/nowhere").await,
        server.chat(json!({"n": 0})).await,
        server.chat(json!({"model": format!("</script>\u{1}{}", "long".repeat(100))})).await,
    ];
    for answer in answers {
        let message = answer.json()["error"]["message"].as_str().unwrap().to_owned();
        for word in [".rs", "src/", "0x", "127.0.0.1", "serde", "axum", env!("CARGO_PKG_VERSION"), "\u{1}"] {
            assert!(!message.contains(word), "{word:?} in {message:?}");
        }
        assert!(message.len() < 400, "{message}");
    }
}

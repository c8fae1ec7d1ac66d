//! Several models in one process: some come and go while requests run.

use std::sync::Arc;

use serde_json::{Value, json};

use crate::support::{
    Setup, TestServer,
    controls::Controls,
    pair::{ADMIN, Pair, change, rest, setup},
};

#[tokio::test]
async fn a_model_is_unloaded_when_its_streams_have_ended_and_loaded_again() {
    let pair = Pair::start();
    let stream = pair.stream().await;
    let unloaded = pair.unload_beta().await;
    let refused = pair.ask("beta").await;
    assert_eq!(refused.error(), (404, "model_not_loaded".to_owned()));
    assert!(refused.text().contains("/v1/models/load"));
    assert_eq!(pair.said("alpha").await, "an answer of alpha", "the other is not touched");
    assert!(rest(stream).await > 100, "the stream was not cut");
    let answer = unloaded.await.unwrap();
    assert_eq!(answer.status, 200, "{}", answer.text());
    let model = answer.json();
    assert_eq!((&model["id"], &model["status"], &model["kind"]), (&json!("beta"), &json!("unloaded"), &Value::Null));
    for path in ["/health", "/ready"] {
        assert_eq!(pair.server.get(path).await.status, 200, "{path}");
    }
    let again = pair.server.send(change("unload", "beta", Some(ADMIN))).await;
    assert_eq!((again.status, again.json()["status"].clone()), (200, json!("unloaded")));
    let blocks = "gondola:kv_blocks_total{engine=\"0\",model_name=\"beta\"}";
    assert!(pair.server.metric(blocks).await < 0.5, "its blocks are gone");

    let controls = Arc::<Controls>::default();
    controls.say("beta again");
    pair.server.load_as("beta", Setup::default().limits, controls);
    assert_eq!(pair.said("beta").await, "beta again");
    assert!(pair.server.metric(blocks).await > 0.5);
}

#[tokio::test]
async fn a_model_is_replaced_beside_the_one_that_still_streams() {
    let pair = Pair::start();
    pair.ask("beta").await;
    let stream = pair.stream().await;
    let tokens = "vllm:prompt_tokens_total{engine=\"0\",model_name=\"beta\"}";
    let before = pair.server.metric(tokens).await;
    assert!(before > 0.0);
    let controls = Arc::<Controls>::default();
    controls.say("beta anew");
    pair.server.load_as("beta", Setup::default().limits, controls);
    assert_eq!(pair.said("beta").await, "beta anew", "new requests go to the new one");
    assert!(rest(stream).await > 100, "the old one goes on to the end");
    assert!(pair.server.metric(tokens).await > before, "counters go on");
}

#[tokio::test]
async fn only_an_admin_may_change_models() {
    let pair = Pair::start();
    for what in ["load", "unload"] {
        for key in [None, Some("another-key")] {
            let answer = pair.server.send(change(what, "beta", key)).await;
            assert_eq!(answer.error(), (403, "permission_denied".to_owned()), "{what} {key:?}");
        }
    }
    assert_eq!(pair.server.send(change("unload", "gamma", Some(ADMIN))).await.error().1, "model_not_found");
    assert_eq!(pair.status("beta").await, "loaded");
    let nobody = TestServer::start();
    let answer = nobody.send(change("unload", "fake", Some(ADMIN))).await;
    assert_eq!(answer.error(), (403, "not_enabled".to_owned()));

    let keyed = TestServer::with(Setup { flags: setup().flags, keys: vec!["a-key-of-a-client"], ..Setup::default() });
    let client = keyed.send(change("unload", "alpha", Some("a-key-of-a-client"))).await;
    assert_eq!(client.error(), (403, "permission_denied".to_owned()));
    assert_eq!(keyed.send(change("unload", "alpha", None)).await.error(), (401, "invalid_api_key".to_owned()));
    assert_eq!(keyed.send(change("unload", "alpha", Some(ADMIN))).await.status, 200);
}

#[tokio::test]
async fn a_model_is_changed_by_one_at_a_time() {
    let pair = Pair::start();
    let stream = pair.stream().await;
    let unloaded = pair.unload_beta().await;
    let second = pair.server.send(change("load", "beta", Some(ADMIN))).await;
    assert_eq!(second.error(), (409, "conflict".to_owned()));
    drop(stream);
    assert_eq!(unloaded.await.unwrap().status, 200);
    let loading = TestServer::loading(&setup());
    assert_eq!(loading.send(change("unload", "alpha", Some(ADMIN))).await.error(), (409, "conflict".to_owned()));
}

#[tokio::test]
async fn a_model_whose_files_are_gone_stays_unloaded() {
    let pair = Pair::start();
    assert_eq!(pair.server.send(change("unload", "alpha", Some(ADMIN))).await.status, 200);
    let answer = pair.server.send(change("load", "alpha", Some(ADMIN))).await;
    assert_eq!(answer.error(), (400, "invalid_model".to_owned()));
    assert_eq!(pair.status("alpha").await, "unloaded");
    assert_eq!(pair.said("beta").await, "an answer of beta");
}

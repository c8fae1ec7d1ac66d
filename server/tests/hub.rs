//! Downloads from a hub that runs in this process: whole, resumed, refused and cached.
//!
//! The stand-in speaks HTTP over a loopback socket; nothing here leaves the machine or sleeps.
#![allow(clippy::unwrap_used, reason = "a failed step is a failed test")]

use std::fs;

use server::{
    hub::{Hub, HubError, HubId, HubSettings},
    progress::Progress,
};

#[path = "hub/scratch.rs"]
mod scratch;
#[path = "hub/stand_in.rs"]
mod stand_in;

use scratch::Scratch;
use stand_in::{StandIn, Trouble};

const SMALL: &str = "hello\n";
/// What `git hash-object` says of `SMALL`.
const SMALL_SUM: &str = "ce013625030ba8dba906f756967f9e9ca394464a";

fn weights() -> Vec<u8> {
    (0..300_000_u64).map(|index| (index * index % 251) as u8).collect()
}

fn model() -> StandIn {
    let hub = StandIn::new("org/name");
    hub.add("config.json", SMALL.as_bytes(), SMALL_SUM);
    hub.add("tokenizer.json", b"{}", &stand_in::sha256(b"{}"));
    hub.add("model.safetensors", &weights(), &stand_in::sha256(&weights()));
    hub.add("unrelated.bin", b"x", &stand_in::sha256(b"x"));
    hub
}

fn settings(hub: &StandIn, scratch: &Scratch) -> HubSettings {
    HubSettings { endpoint: hub.endpoint(), cache: scratch.path().join("hub"), token: None, offline: false }
}

fn fetch(settings: HubSettings, id: &str) -> Result<std::path::PathBuf, HubError> {
    Hub::new(settings, Progress::Log).unwrap().fetch(&HubId::parse(id).unwrap())
}

fn blobs(scratch: &Scratch) -> Vec<String> {
    let folder = scratch.path().join("hub/models--org--name/blobs");
    fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

#[test]
fn a_folder_has_what_a_model_needs_and_no_more() {
    let (hub, scratch) = (model(), Scratch::new("whole"));
    let folder = fetch(settings(&hub, &scratch), "org/name").unwrap();
    assert_eq!(folder, scratch.path().join("hub/models--org--name/snapshots").join(stand_in::COMMIT));
    assert_eq!(fs::read(folder.join("model.safetensors")).unwrap(), weights());
    assert_eq!(fs::read_to_string(folder.join("config.json")).unwrap(), SMALL);
    let mut names: Vec<_> = fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    names.sort();
    assert_eq!(names, ["config.json", "model.safetensors", "tokenizer.json"]);
}

#[test]
fn what_is_in_the_cache_is_found_without_asking_and_nothing_else_is() {
    let (hub, scratch) = (model(), Scratch::new("found"));
    let (settings, id) = (settings(&hub, &scratch), HubId::parse("org/name").unwrap());
    assert_eq!(Hub::find(&settings, &id), None);
    assert!(hub.requests().is_empty());
    let folder = fetch(settings.clone(), "org/name").unwrap();
    let asked = hub.requests().len();
    assert_eq!(Hub::find(&settings, &id), Some(folder.clone()));
    fs::remove_file(folder.join("model.safetensors")).unwrap();
    assert_eq!(Hub::find(&settings, &id), None);
    assert_eq!(hub.requests().len(), asked);
}

#[test]
fn the_files_of_pooling_come_along() {
    let (hub, scratch) = (model(), Scratch::new("pooling"));
    let wanted = ["modules.json", "1_Pooling/config.json", "sentence_bert_config.json"];
    for name in wanted.into_iter().chain(["2_Dense/model.safetensors"]) {
        hub.add(name, name.as_bytes(), &stand_in::sha256(name.as_bytes()));
    }
    let folder = fetch(settings(&hub, &scratch), "org/name").unwrap();
    for name in wanted {
        assert_eq!(fs::read_to_string(folder.join(name)).unwrap(), name);
    }
    assert!(!folder.join("2_Dense").exists());
}

#[test]
fn shards_come_as_their_index_names_them() {
    let (hub, scratch) = (StandIn::new("org/name"), Scratch::new("shards"));
    let index = br#"{"weight_map": {"a": "one.safetensors", "b": "two.safetensors", "c": "one.safetensors"}}"#;
    hub.add("config.json", SMALL.as_bytes(), SMALL_SUM);
    for (name, content) in [
        ("tokenizer.json", b"{}".as_slice()),
        ("model.safetensors.index.json", index),
        ("one.safetensors", b"1"),
        ("two.safetensors", b"22"),
    ] {
        hub.add(name, content, &stand_in::sha256(content));
    }
    let folder = fetch(settings(&hub, &scratch), "org/name").unwrap();
    assert_eq!(fs::read(folder.join("two.safetensors")).unwrap(), b"22");
    let asked = hub.requests().len();
    fetch(settings(&hub, &scratch), "org/name").unwrap();
    assert_eq!(hub.requests().len(), asked);
}

#[test]
fn a_cut_connection_is_picked_up_where_it_ended() {
    let (hub, scratch) = (model(), Scratch::new("cut"));
    hub.trouble("model.safetensors", Trouble::CutOnce(100_000));
    let folder = fetch(settings(&hub, &scratch), "org/name").unwrap();
    assert_eq!(fs::read(folder.join("model.safetensors")).unwrap(), weights());
    assert!(hub.requests().iter().any(|request| request.contains("range: bytes=100000-")));
}

#[test]
fn a_part_of_an_earlier_run_is_resumed() {
    let (hub, scratch) = (model(), Scratch::new("resume"));
    let blobs = scratch.path().join("hub/models--org--name/blobs");
    fs::create_dir_all(&blobs).unwrap();
    let part = format!("{}.incomplete", stand_in::sha256(&weights()));
    fs::write(blobs.join(part), &weights()[..70_000]).unwrap();
    let folder = fetch(settings(&hub, &scratch), "org/name").unwrap();
    assert_eq!(fs::read(folder.join("model.safetensors")).unwrap(), weights());
    assert!(hub.requests().iter().any(|request| request.contains("range: bytes=70000-")));
}

#[test]
fn a_hub_without_ranges_sends_it_all_again() {
    let (hub, scratch) = (model(), Scratch::new("no-ranges"));
    hub.trouble("model.safetensors", Trouble::NoRanges);
    let blobs = scratch.path().join("hub/models--org--name/blobs");
    fs::create_dir_all(&blobs).unwrap();
    let part = format!("{}.incomplete", stand_in::sha256(&weights()));
    fs::write(blobs.join(part), b"something else").unwrap();
    let folder = fetch(settings(&hub, &scratch), "org/name").unwrap();
    assert_eq!(fs::read(folder.join("model.safetensors")).unwrap(), weights());
}

#[test]
fn a_tampered_file_is_refused_with_both_sums() {
    for file in ["model.safetensors", "config.json"] {
        let (hub, scratch) = (model(), Scratch::new(&format!("tampered-{file}")));
        hub.trouble(file, Trouble::Tampered);
        let message = fetch(settings(&hub, &scratch), "org/name").unwrap_err().to_string();
        let tag = hub.tag(file);
        assert!(message.starts_with(&format!("{file} is not what the hub published")), "{message}");
        assert!(message.contains(&tag), "{message}");
        if tag.len() == 64 {
            let found = stand_in::sha256(&stand_in::tampered(&weights()));
            assert!(message.contains(&found), "{message}");
        }
        assert!(!blobs(&scratch).contains(&tag), "it was moved into place");
        let settings = HubSettings { offline: true, ..settings(&hub, &scratch) };
        assert!(matches!(fetch(settings, "org/name"), Err(HubError::Offline { .. })));
    }
}

#[test]
fn a_truncated_file_is_refused_with_sizes_and_sums() {
    let (hub, scratch) = (model(), Scratch::new("truncated"));
    hub.trouble("model.safetensors", Trouble::Truncated(1000));
    let message = fetch(settings(&hub, &scratch), "org/name").unwrap_err().to_string();
    assert!(message.contains("1000 of 300000 bytes"), "{message}");
    assert!(message.contains(&stand_in::sha256(&weights()[..1000])), "{message}");
    assert!(message.contains(&stand_in::sha256(&weights())), "{message}");
    assert!(!blobs(&scratch).contains(&hub.tag("model.safetensors")));
}

#[test]
fn what_is_cached_needs_no_network() {
    let (hub, scratch) = (model(), Scratch::new("cached"));
    let folder = fetch(settings(&hub, &scratch), "org/name").unwrap();
    let asked = hub.requests().len();
    assert_eq!(fetch(settings(&hub, &scratch), "org/name").unwrap(), folder);
    let offline = HubSettings { offline: true, ..settings(&hub, &scratch) };
    assert_eq!(fetch(offline, "org/name").unwrap(), folder);
    assert_eq!(hub.requests().len(), asked);
}

#[test]
fn offline_asks_nobody() {
    let (hub, scratch) = (model(), Scratch::new("offline"));
    let offline = HubSettings { offline: true, ..settings(&hub, &scratch) };
    let message = fetch(offline, "org/name").unwrap_err().to_string();
    assert!(message.starts_with("org/name is not whole in "), "{message}");
    assert!(hub.requests().is_empty());
}

#[test]
fn a_missing_model_is_named() {
    let (hub, scratch) = (model(), Scratch::new("missing"));
    let message = fetch(settings(&hub, &scratch), "org/other").unwrap_err().to_string();
    assert!(message.contains("has no model org/other for us (status 404)"), "{message}");
}

#[test]
fn one_file_can_be_had_alone_and_is_offered_where_weights_lack() {
    let (hub, scratch) = (StandIn::new("org/name"), Scratch::new("gguf"));
    hub.add("name.Q4_1.gguf", b"GGUF", &stand_in::sha256(b"GGUF"));
    let message = fetch(settings(&hub, &scratch), "org/name").unwrap_err().to_string();
    assert_eq!(
        message,
        "org/name holds no model.safetensors, but 1 GGUF files: name one, such as org/name/name.Q4_1.gguf"
    );
    let path = fetch(settings(&hub, &scratch), "org/name/name.Q4_1.gguf").unwrap();
    assert_eq!(fs::read(path).unwrap(), b"GGUF");
}

#[test]
fn the_token_goes_to_the_hub_and_to_no_other_host() {
    let (hub, elsewhere, scratch) = (model(), model(), Scratch::new("token"));
    // Another name of the same machine: another host to the client.
    let far = elsewhere.endpoint().replace("127.0.0.1", "localhost");
    hub.trouble("model.safetensors", Trouble::RedirectTo(far));
    let settings = HubSettings { token: Some("a-secret".to_owned()), ..settings(&hub, &scratch) };
    assert!(!format!("{settings:?}").contains("a-secret"));
    let folder = fetch(settings, "org/name").unwrap();
    assert_eq!(fs::read(folder.join("model.safetensors")).unwrap(), weights());
    assert!(hub.requests().iter().all(|request| request.contains("authorization: bearer a-secret")));
    assert!(!elsewhere.requests().is_empty());
    assert!(elsewhere.requests().iter().all(|request| !request.contains("a-secret")));
}

//! Asks the hub: what a repository holds, how a file is published, and for its bytes from some offset on.
//!
//! The token goes to the endpoint alone: a redirect to another host, as large files have, is followed without it.

use std::time::Duration;

use hf_hub::{
    Cache,
    api::sync::{Api, ApiBuilder},
};
use ureq::{
    Agent, Body, RequestBuilder,
    config::RedirectAuthHeaders,
    http::{Response, header},
    typestate::WithoutBody,
};

use super::{HubError, HubSettings, id::is_plain, listing::Listing, snapshot::Snapshot};
use crate::checksum::Checksum;

const CONNECT: Duration = Duration::from_secs(30);
/// Longest silence in the middle of an answer.
const SILENCE: Duration = Duration::from_mins(1);
const REDIRECTS: usize = 5;

/// A hub's HTTP side.
#[derive(Debug)]
pub(super) struct Client {
    settings: HubSettings,
    api: Api,
    /// Hands redirects to us: what a file is stands in the headers before the last one.
    probing: Agent,
    following: Agent,
}

/// A file as the hub publishes it.
pub(super) struct RemoteFile {
    pub(super) name: String,
    pub(super) url: String,
    /// Names the content: its sum, where the hub knows one.
    pub(super) tag: String,
    /// Bytes, where the hub tells.
    pub(super) size: Option<u64>,
}

impl RemoteFile {
    /// The kind of sum that the tag is.
    pub(super) fn checksum(&self) -> Option<Checksum> {
        Checksum::of_digits(&self.tag)
    }
}

impl Client {
    pub(super) fn new(settings: HubSettings) -> Result<Self, HubError> {
        let api = ApiBuilder::from_cache(Cache::new(settings.cache.clone()))
            .with_endpoint(settings.endpoint.clone())
            .with_token(settings.token.clone())
            .with_progress(false)
            .build()
            .map_err(|error| request_failed(&settings.endpoint, &error))?;
        Ok(Self { settings, api, probing: agent(0), following: agent(10) })
    }

    pub(super) fn settings(&self) -> &HubSettings {
        &self.settings
    }

    /// What a repository holds now.
    pub(super) fn listing(&self, repo: &str) -> Result<Listing, HubError> {
        let endpoint = self.settings.endpoint.clone();
        let failed = |error: ureq::Error| request_failed(&format!("{endpoint}: {repo}"), &error);
        let request = self.api.model(repo.to_owned()).info_request();
        let mut answer = request.config().http_status_as_error(false).build().call().map_err(failed)?;
        match answer.status().as_u16() {
            200 => Listing::new(repo, answer.body_mut().read_json().map_err(failed)?),
            status @ (401 | 403 | 404) => Err(HubError::NoRepo { endpoint, repo: repo.to_owned(), status }),
            status => Err(request_failed(&format!("{endpoint}: {repo}"), &format!("status {status}"))),
        }
    }

    /// How the hub publishes a file.
    pub(super) fn remote_file(&self, snapshot: &Snapshot, file: &str) -> Result<RemoteFile, HubError> {
        let url = self.api.repo(snapshot.repo().clone()).url(file);
        let answer = self.probe(&url)?;
        let tag = text(&answer, "x-linked-etag").or_else(|| text(&answer, "etag"));
        let tag = tag.ok_or_else(|| request_failed(&url, &"the answer has no ETag"))?;
        let tag = tag.trim_start_matches("W/").trim_matches('"').to_owned();
        if !is_plain(&tag) {
            return Err(HubError::Name { what: "ETag", value: tag });
        }
        Ok(RemoteFile { name: file.to_owned(), size: size(&answer), url, tag })
    }

    /// The bytes of a file from `start` on; the answer may begin at 0 all the same.
    pub(super) fn open(&self, file: &RemoteFile, start: u64) -> Result<Response<Body>, ureq::Error> {
        let request = self.authorized(self.following.get(&file.url));
        let request = if start > 0 { request.header(header::RANGE, format!("bytes={start}-")) } else { request };
        request.call()
    }

    /// The headers of a file's address, behind redirects that stay on the endpoint.
    fn probe(&self, url: &str) -> Result<Response<Body>, HubError> {
        let mut current = url.to_owned();
        for _ in 0..REDIRECTS {
            let request = self.authorized(self.probing.get(&current)).header(header::RANGE, "bytes=0-0");
            let answer = request.call().map_err(|error| request_failed(url, &error))?;
            match self.redirect_within(&answer) {
                Some(next) => current = next,
                None => return Ok(answer),
            }
        }
        Err(request_failed(url, &format!("more than {REDIRECTS} redirects")))
    }

    fn redirect_within(&self, answer: &Response<Body>) -> Option<String> {
        let location = text(answer, "location").filter(|_| answer.status().is_redirection())?;
        let path = location.strip_prefix(&self.settings.endpoint).unwrap_or(location);
        (path.starts_with('/') && !path.starts_with("//")).then(|| format!("{}{path}", self.settings.endpoint))
    }

    fn authorized(&self, request: RequestBuilder<WithoutBody>) -> RequestBuilder<WithoutBody> {
        match &self.settings.token {
            Some(token) => request.header(header::AUTHORIZATION, format!("Bearer {token}")),
            None => request,
        }
    }
}

fn agent(max_redirects: u32) -> Agent {
    Agent::config_builder()
        .max_redirects(max_redirects)
        .redirect_auth_headers(RedirectAuthHeaders::SameHost)
        // Sizes and offsets are those of the file, not of a compressed form.
        .accept_encoding("identity")
        .user_agent(concat!("gondola/", env!("CARGO_PKG_VERSION")))
        .timeout_connect(Some(CONNECT))
        .timeout_recv_response(Some(SILENCE))
        .timeout_per_read(Some(SILENCE))
        .build()
        .new_agent()
}

/// The size of the whole file that an answer to a request for its first byte tells.
fn size(answer: &Response<Body>) -> Option<u64> {
    let linked = text(answer, "x-linked-size");
    let ranged = || text(answer, "content-range")?.rsplit('/').next();
    let whole = || text(answer, "content-length").filter(|_| answer.status().is_success());
    linked.or_else(ranged).or_else(whole)?.parse().ok()
}

fn text<'a>(answer: &'a Response<Body>, name: &str) -> Option<&'a str> {
    answer.headers().get(name)?.to_str().ok()
}

fn request_failed(url: &str, reason: &impl ToString) -> HubError {
    HubError::Request { url: url.to_owned(), reason: reason.to_string() }
}

//! The wallet's files, as `make wallet` built them: read once from a folder, sent from memory. They
//! are not built into the program, so that it compiles without Node.js and a new wallet needs no new
//! program.

use super::{Riders, not_found};
use crate::api::problem::Problem;
use axum::body::Bytes;
use axum::extract::{Request, State};
use axum::http::{HeaderName, HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use std::collections::HashMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// Most bytes of all files together: a wallet is small.
const WALLET_LEN_MAX: u64 = 8 * 1024 * 1024;

/// Nothing from elsewhere, nothing inline, in no frame.
const POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; \
     connect-src 'self'; manifest-src 'self'; worker-src 'self'; base-uri 'none'; \
     form-action 'none'; frame-ancestors 'none'",
);

/// Why there is no wallet.
#[derive(Debug, thiserror::Error)]
pub enum WalletError {
    /// Nothing was built there.
    #[error("{0} has no index.html; build the wallet with `make wallet`")]
    NotBuilt(PathBuf),
    /// Something cannot be read.
    #[error("cannot read {file}: {err}")]
    Read {
        /// Which file or folder.
        file: PathBuf,
        /// Why.
        err: io::Error,
    },
    /// More than a wallet has.
    #[error("{0} has more than {WALLET_LEN_MAX} bytes; is it the wallet's `dist` folder?")]
    TooLarge(PathBuf),
}

/// All files by their path, such as `/assets/app.js`.
#[derive(Debug, Default)]
pub struct Wallet(HashMap<String, File>);

#[derive(Debug)]
struct File {
    kind: &'static str,
    plain: Bytes,
    /// The same compressed, when the build made it.
    gzip: Option<Bytes>,
    /// Its name changes with its content.
    is_fixed: bool,
}

impl Wallet {
    /// Reads the folder that `make wallet` filled.
    ///
    /// # Errors
    /// When it is not there, not whole, or not a wallet.
    pub fn read(folder: &Path) -> Result<Self, WalletError> {
        let mut found = HashMap::new();
        let mut room = WALLET_LEN_MAX;
        read_folder(folder, "", &mut found, &mut room)?;
        if !found.contains_key("/index.html") {
            return Err(WalletError::NotBuilt(folder.to_owned()));
        }
        let mut files = HashMap::new();
        for (path, plain) in &found {
            if path.ends_with(".gz") {
                continue;
            }
            let file = File {
                kind: kind_of(path),
                plain: plain.clone(),
                gzip: found.get(&format!("{path}.gz")).cloned(),
                is_fixed: path.starts_with("/assets/"),
            };
            files.insert(path.clone(), file);
        }
        Ok(Self(files))
    }
}

fn read_folder(
    folder: &Path,
    prefix: &str,
    found: &mut HashMap<String, Bytes>,
    room: &mut u64,
) -> Result<(), WalletError> {
    let bad = |file: &Path| {
        let file = file.to_owned();
        move |err| WalletError::Read { file, err }
    };
    for entry in fs::read_dir(folder).map_err(bad(folder))? {
        let entry = entry.map_err(bad(folder))?;
        let (file, name) = (entry.path(), entry.file_name());
        let path = format!("{prefix}/{}", name.to_string_lossy());
        let about = entry.metadata().map_err(bad(&file))?;
        if about.is_dir() {
            read_folder(&file, &path, found, room)?;
            continue;
        }
        *room = room
            .checked_sub(about.len())
            .ok_or_else(|| WalletError::TooLarge(folder.to_owned()))?;
        found.insert(path, fs::read(&file).map_err(bad(&file))?.into());
    }
    Ok(())
}

fn kind_of(path: &str) -> &'static str {
    match path.rsplit_once('.').map_or("", |(_, end)| end) {
        "html" => "text/html; charset=utf-8",
        "js" => "text/javascript; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "json" => "application/json",
        "webmanifest" => "application/manifest+json",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        _ => "application/octet-stream",
    }
}

pub(super) async fn file(State(riders): State<Riders>, request: Request) -> Response {
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        let detail = "only GET is possible here; the riders' API is under /v1/";
        let allow = [(header::ALLOW, HeaderValue::from_static("GET, HEAD"))];
        let problem = Problem::new(StatusCode::METHOD_NOT_ALLOWED, "method-not-allowed", detail);
        return (allow, problem.about("method")).into_response();
    }
    let path = request.uri().path();
    let path = if path == "/" { "/index.html" } else { path };
    let file = riders.wallet.as_ref().and_then(|wallet| wallet.0.get(path));
    let Some(file) = file else {
        let detail = "there is nothing here; the wallet is at /, the riders' API under /v1/";
        return not_found("not-found", detail).about("path").into_response();
    };
    let accepts = request.headers().get(header::ACCEPT_ENCODING);
    let accepts = accepts.and_then(|value| value.to_str().ok()).unwrap_or("");
    let gzip = file.gzip.as_ref().filter(|_| accepts.contains("gzip"));
    let cache = if file.is_fixed {
        "public, max-age=31536000, immutable"
    } else {
        "no-cache"
    };
    let mut response = gzip.unwrap_or(&file.plain).clone().into_response();
    let headers = response.headers_mut();
    let fixed: [(HeaderName, HeaderValue); 5] = [
        (header::CONTENT_TYPE, HeaderValue::from_static(file.kind)),
        (header::CACHE_CONTROL, HeaderValue::from_static(cache)),
        (header::VARY, HeaderValue::from_static("accept-encoding")),
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (
            header::REFERRER_POLICY,
            HeaderValue::from_static("no-referrer"),
        ),
    ];
    headers.extend(fixed);
    if gzip.is_some() {
        headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    }
    response
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_folder_that_is_no_wallet_says_how_to_build_one() {
        let folder = tempfile::tempdir().unwrap();
        let refused = Wallet::read(folder.path()).unwrap_err().to_string();
        assert!(refused.contains("make wallet"), "{refused}");
        fs::write(folder.path().join("index.html"), "<!doctype html>").unwrap();
        fs::create_dir(folder.path().join("assets")).unwrap();
        fs::write(folder.path().join("assets/a.js"), "1").unwrap();
        fs::write(folder.path().join("assets/a.js.gz"), "z").unwrap();
        let wallet = Wallet::read(folder.path()).unwrap();
        let script = &wallet.0["/assets/a.js"];
        assert!(script.is_fixed && script.gzip.is_some());
        assert!(!wallet.0.contains_key("/assets/a.js.gz"));
        fs::write(folder.path().join("big"), vec![0; 9 << 20]).unwrap();
        let refused = Wallet::read(folder.path()).unwrap_err();
        assert!(matches!(refused, WalletError::TooLarge(_)), "{refused}");
    }
}

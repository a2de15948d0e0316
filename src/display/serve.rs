//! The page's server: plain HTTP/1.1 on a loopback address, one browser, five answers.
//!
//! ```text
//! GET /             the page
//! GET /display.css  its style
//! GET /display.js   its script
//! GET /look         languages, arrow and sounds as JSON
//! GET /events       server-sent events: `screen` with each change, `beat` to show that the daemon lives
//! ```

use super::{DisplayConfig, Screen};
use hyper::body::{Bytes, Frame, Incoming};
use hyper::header::{self, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use std::convert::Infallible;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, mpsc, watch};
use tokio::time::{sleep, timeout};

const PAGE: &str = include_str!("page/index.html");
const STYLE: &str = include_str!("page/display.css");
const SCRIPT: &str = include_str!("page/display.js");

/// Browsers that are answered at once: the screen's, and one to look what it shows.
const CONNECTIONS_MAX: usize = 16;

/// Longest wait for a request's head.
const HEAD_WAIT: Duration = Duration::from_secs(5);

/// Before an address that could not be had, or a connection that failed, is tried again.
const RETRY_WAIT: Duration = Duration::from_secs(1);

/// Between two signs of life. The page waits three times as long.
const BEAT: Duration = Duration::from_secs(2);

/// Nothing from elsewhere, nothing inline, in no frame.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; \
                      base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// Told to the page, which loads itself again when another program answers.
const BUILD: &str = env!("CARGO_PKG_VERSION");

/// What every connection needs.
struct Site {
    look: Bytes,
    screens: watch::Receiver<Screen>,
}

/// Serves the page for ever. An address that cannot be had is tried again: a screen never ends the
/// daemon.
pub(crate) async fn serve(config: DisplayConfig, screens: watch::Receiver<Screen>) {
    let look = serde_json::to_vec(&config.look).unwrap_or_default();
    let site = Arc::new(Site {
        look: look.into(),
        screens,
    });
    let listener = listen(&config).await;
    let places = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    loop {
        let Ok(place) = Arc::clone(&places).acquire_owned().await else {
            return;
        };
        match listener.accept().await {
            Ok((stream, _)) => {
                let site = Arc::clone(&site);
                tokio::spawn(async move {
                    answer_all(stream, site).await;
                    drop(place);
                });
            }
            Err(err) => {
                tracing::debug!(%err, "the screen's browser could not be answered");
                sleep(RETRY_WAIT).await;
            }
        }
    }
}

async fn listen(config: &DisplayConfig) -> TcpListener {
    let mut told = false;
    loop {
        let listener = TcpListener::bind(config.listen).await;
        match listener.and_then(|listener| Ok((listener.local_addr()?, listener))) {
            Ok((address, listener)) => {
                tracing::info!(page = %format_args!("http://{address}/"), "the screen's page is served");
                return listener;
            }
            Err(err) if !told => {
                tracing::error!(%err, address = %config.listen, "no page for the screen, trying again");
                told = true;
            }
            Err(_) => {}
        }
        sleep(RETRY_WAIT).await;
    }
}

async fn answer_all(stream: TcpStream, site: Arc<Site>) {
    // A change is a few hundred bytes: it goes at once.
    let _slower = stream.set_nodelay(true);
    let answer = service_fn(|request| {
        let answer = answer(&request, &site);
        async move { Ok::<_, Infallible>(answer) }
    });
    let served = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_WAIT)
        .serve_connection(TokioIo::new(stream), answer)
        .await;
    if let Err(err) = served {
        tracing::debug!(%err, "the screen's browser went away");
    }
}

fn answer(request: &Request<Incoming>, site: &Arc<Site>) -> Response<Body> {
    let host = request.headers().get(header::HOST);
    if !host
        .and_then(|host| host.to_str().ok())
        .is_some_and(is_local)
    {
        let why = "this page answers only under localhost or a loopback address\n";
        return made(
            StatusCode::MISDIRECTED_REQUEST,
            "text/plain",
            Body::whole(why),
        );
    }
    if request.method() != Method::GET {
        let why = "only GET is answered here\n";
        return made(
            StatusCode::METHOD_NOT_ALLOWED,
            "text/plain",
            Body::whole(why),
        );
    }
    let (kind, body) = match request.uri().path() {
        "/" => ("text/html; charset=utf-8", Body::whole(PAGE)),
        "/display.css" => ("text/css; charset=utf-8", Body::whole(STYLE)),
        "/display.js" => ("text/javascript; charset=utf-8", Body::whole(SCRIPT)),
        "/look" => ("application/json", Body::whole(site.look.clone())),
        "/events" => ("text/event-stream", Body::events(site.screens.clone())),
        _ => {
            let why = "there is nothing here; the page is /\n";
            return made(StatusCode::NOT_FOUND, "text/plain", Body::whole(why));
        }
    };
    made(StatusCode::OK, kind, body)
}

fn made(status: StatusCode, kind: &'static str, body: Body) -> Response<Body> {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    let headers = response.headers_mut();
    for (name, value) in [
        (header::CONTENT_TYPE, kind),
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::CACHE_CONTROL, "no-store"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    response
}

/// Refuses what a page of somebody else's asks for through a name of its own.
fn is_local(host: &str) -> bool {
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|digit| digit.is_ascii_digit()) => name,
        Some(_) | None => host,
    };
    let name = name.trim_start_matches('[').trim_end_matches(']');
    name == "localhost" || name.parse().is_ok_and(|ip: IpAddr| ip.is_loopback())
}

/// What is answered: all at once, or as it comes.
enum Body {
    Whole(Option<Bytes>),
    Events(mpsc::Receiver<Bytes>),
}

impl Body {
    fn whole(text: impl Into<Bytes>) -> Self {
        Self::Whole(Some(text.into()))
    }

    fn events(screens: watch::Receiver<Screen>) -> Self {
        let (sender, events) = mpsc::channel(1);
        tokio::spawn(follow(screens, sender));
        Self::Events(events)
    }
}

impl hyper::body::Body for Body {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        match self.get_mut() {
            Self::Whole(bytes) => Poll::Ready(bytes.take().map(|bytes| Ok(Frame::data(bytes)))),
            Self::Events(events) => events
                .poll_recv(context)
                .map(|bytes| bytes.map(|bytes| Ok(Frame::data(bytes)))),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Whole(bytes) => bytes.is_none(),
            Self::Events(_) => false,
        }
    }
}

/// Sends the screen now and at each change, until the browser or the lane is gone.
async fn follow(mut screens: watch::Receiver<Screen>, sender: mpsc::Sender<Bytes>) {
    let mut event = format!("retry: 500\nevent: build\ndata: {BUILD}\n\n");
    screens.mark_changed();
    loop {
        match timeout(BEAT, screens.changed()).await {
            Ok(Ok(())) => {
                let screen = screens.borrow_and_update().clone();
                let json = serde_json::to_string(&screen).unwrap_or_default();
                event.push_str("event: screen\ndata: ");
                event.push_str(&json);
                event.push_str("\n\n");
            }
            Ok(Err(_)) => return,
            Err(_) => event.push_str("event: beat\ndata:\n\n"),
        }
        if sender
            .send(std::mem::take(&mut event).into())
            .await
            .is_err()
        {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::display::{Arrow, Language, Look, Panel};
    use fare_rules::{Display, Effect};
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    #[test]
    fn only_local_names_are_answered() {
        for local in ["localhost", "localhost:80", "127.0.0.1:8080", "[::1]:8080"] {
            assert!(is_local(local), "{local}");
        }
        for foreign in ["", "example.org", "127.0.0.1.example.org:80", "10.0.0.1:80"] {
            assert!(!is_local(foreign), "{foreign}");
        }
    }

    /// A page that is served while this lives.
    async fn site() -> (std::net::SocketAddr, Panel) {
        let (panel, screens) = Panel::new(true);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let look = Look {
            languages: vec![Language::built_in("en").unwrap()],
            together: true,
            arrow: Arrow::Up,
            sounds: true,
            receipts: true,
        };
        let site = Arc::new(Site {
            look: serde_json::to_vec(&look).unwrap().into(),
            screens,
        });
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(answer_all(stream, Arc::clone(&site)));
            }
        });
        (address, panel)
    }

    async fn ask(address: std::net::SocketAddr, head: &str) -> TcpStream {
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(head.as_bytes()).await.unwrap();
        stream
    }

    async fn answer_to(address: std::net::SocketAddr, line: &str, host: &str) -> String {
        let head = format!("{line} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
        let mut text = String::new();
        let mut stream = ask(address, &head).await;
        stream.read_to_string(&mut text).await.unwrap();
        text
    }

    #[tokio::test]
    async fn the_page_and_its_parts_are_there_and_nothing_else_is() {
        let (address, _panel) = site().await;
        for (line, status, part) in [
            ("GET /", "200 OK", "display.js"),
            ("GET /display.css", "200 OK", "[data-view="),
            ("GET /display.js", "200 OK", "EventSource"),
            ("GET /look", "200 OK", "\"tag\":\"en\""),
            ("GET /etc/passwd", "404", "nothing here"),
            ("POST /", "405", "only GET"),
        ] {
            let text = answer_to(address, line, "localhost").await;
            let first = text.lines().next().unwrap_or_default();
            assert!(
                first.contains(status) && text.contains(part),
                "{line}: {text}"
            );
            assert!(text.contains("default-src 'none'"), "{line}: {text}");
        }
        let foreign = answer_to(address, "GET /look", "evil.example").await;
        assert!(foreign.starts_with("HTTP/1.1 421"), "{foreign}");
    }

    #[tokio::test]
    async fn a_browser_is_told_the_screen_at_once_and_each_change() {
        let (address, panel) = site().await;
        panel.follow(&Effect::Show(Display::Ready));
        let mut stream = ask(address, "GET /events HTTP/1.1\r\nHost: localhost\r\n\r\n").await;
        let mut text = String::new();
        for wanted in ["\"view\":\"ready\"", "\"view\":\"closed\""] {
            while !text.contains(wanted) {
                let mut bytes = [0; 4096];
                let read = stream.read(&mut bytes).await.unwrap();
                assert_ne!(read, 0, "{text}");
                text.push_str(std::str::from_utf8(&bytes[..read]).unwrap());
            }
            panel.follow(&Effect::Show(Display::Closed));
        }
    }
}

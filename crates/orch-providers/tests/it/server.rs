use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;
use tokio::task::JoinHandle;

/// What a server does on one connection after it has read the request.
pub(crate) enum Act {
    /// Sends these bytes.
    Send(Vec<u8>),
    /// Goes on when the test says so.
    Wait(Arc<Notify>),
    /// Reads another request.
    Receive,
    /// Waits until the client has closed the connection, and says so.
    UntilClosed(Arc<Notify>),
}

impl Act {
    pub(crate) fn send(bytes: impl Into<Vec<u8>>) -> Self {
        Self::Send(bytes.into())
    }
}

/// A request as it arrived.
#[derive(Clone, Debug)]
pub(crate) struct Received {
    /// The client's end of the connection: the same for requests that share one.
    pub(crate) client: SocketAddr,
    pub(crate) head: String,
    pub(crate) body: Value,
}

/// A server on loopback that plays one script per connection, reads one request on each, and closes it.
pub(crate) struct Server {
    address: SocketAddr,
    requests: Log,
    task: JoinHandle<()>,
}

type Log = Arc<Mutex<Vec<Received>>>;

impl Server {
    /// Connections beyond the scripts are closed without an answer; their requests count all the same.
    pub(crate) async fn playing(scripts: impl IntoIterator<Item = Vec<Act>>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let requests = Log::default();
        let mut scripts = scripts.into_iter().collect::<Vec<_>>().into_iter();
        let log = Arc::clone(&requests);
        let task = tokio::spawn(async move {
            while let Ok((stream, client)) = listener.accept().await {
                let mut script = vec![Act::Receive];
                script.extend(scripts.next().unwrap_or_default());
                tokio::spawn(play(stream, client, script, Arc::clone(&log)));
            }
        });
        Self { address, requests, task }
    }

    /// One connection, one answer.
    pub(crate) async fn answering(answer: impl Into<Vec<u8>>) -> Self {
        Self::playing([vec![Act::send(answer)]]).await
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub(crate) fn requests(&self) -> Vec<Received> {
        self.requests.lock().unwrap().clone()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Reads one request with a body of the length that it announces, up to 1 MiB.
async fn receive(stream: &mut TcpStream, client: SocketAddr) -> Option<Received> {
    let mut bytes = Vec::new();
    loop {
        if let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
            let head = String::from_utf8(bytes[..end].to_vec()).unwrap().to_lowercase();
            let length = head.lines().find_map(|line| line.strip_prefix("content-length:"));
            let length: usize = length.map_or(0, |length| length.trim().parse().unwrap());
            if bytes.len() >= end + 4 + length {
                let body = serde_json::from_slice(&bytes[end + 4..]).unwrap_or_default();
                return Some(Received { client, head, body });
            }
        }
        if bytes.len() > 1 << 20 || stream.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
    }
}

async fn play(mut stream: TcpStream, client: SocketAddr, script: Vec<Act>, log: Log) {
    for act in script {
        match act {
            Act::Receive => match receive(&mut stream, client).await {
                Some(request) => log.lock().unwrap().push(request),
                None => return,
            },
            Act::Send(bytes) => {
                if stream.write_all(&bytes).await.is_err() {
                    return;
                }
            }
            Act::Wait(notify) => notify.notified().await,
            Act::UntilClosed(notify) => {
                let mut rest = [0; 64];
                while !matches!(stream.read(&mut rest).await, Ok(0) | Err(_)) {}
                notify.notify_one();
            }
        }
    }
}

/// An answer with a body of known length.
pub(crate) fn answer(status: &str, headers: &str, body: &str) -> String {
    format!("HTTP/1.1 {status}\r\nconnection: close\r\ncontent-length: {}\r\n{headers}\r\n{body}", body.len())
}

/// An answer of JSON with status 200.
pub(crate) fn json(body: &Value) -> String {
    answer("200 OK", "content-type: application/json\r\n", &body.to_string())
}

/// The beginning of an event stream whose chunks follow.
pub(crate) fn stream_head() -> String {
    "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\nx-request-id: req-7\r\n\r\n"
        .into()
}

/// One chunk of a chunked body.
pub(crate) fn chunk(bytes: impl AsRef<[u8]>) -> Vec<u8> {
    let bytes = bytes.as_ref();
    [format!("{:x}\r\n", bytes.len()).as_bytes(), bytes, b"\r\n"].concat()
}

/// The end of a chunked body.
pub(crate) const END: &str = "0\r\n\r\n";

/// One event of a stream.
pub(crate) fn event(data: &Value) -> String {
    format!("data: {data}\n\n")
}

/// A whole event stream.
pub(crate) fn stream(body: impl AsRef<[u8]>) -> Vec<u8> {
    [stream_head().as_bytes(), &chunk(body), END.as_bytes()].concat()
}

use std::io;
use std::sync::Arc;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::Instant;

use super::http::{Head, json};
use super::log::Log;
use super::plan::{Act, Plan};
use super::received::Received;

/// How much a client may send while it waits for its answer.
const MAX_AHEAD: usize = 64 << 10;

/// One connection of a client.
pub(super) struct Connection {
    stream: TcpStream,
    /// What has arrived and is not read yet.
    buffer: Vec<u8>,
    number: usize,
    log: Arc<Log>,
}

impl Connection {
    pub(super) fn new(stream: TcpStream, log: Arc<Log>) -> Self {
        log.count(|counts| {
            counts.connections += 1;
            counts.open += 1;
        });
        let number = log.counts().connections;
        // Small writes are the point of it.
        let _ = stream.set_nodelay(true);
        Self { stream, buffer: Vec::new(), number, log }
    }

    /// Answers one request after the other until either side closes.
    pub(super) async fn serve(mut self) {
        while let Some((request, close)) = self.receive().await {
            let plan = self.log.take(request);
            match self.play(&plan).await {
                Ok(true) if plan.keep_alive && !close => {}
                Ok(_) => return,
                Err(_) => return self.log.count(|counts| counts.abandoned += 1),
            }
        }
    }

    /// The next request, and whether the client wants no other answer; none when there is none or it is malformed.
    async fn receive(&mut self) -> Option<(Received, bool)> {
        let head = loop {
            if let Some((head, used)) = Head::read(&self.buffer).ok()? {
                self.buffer.drain(..used);
                break head;
            }
            self.read().await.ok()?;
        };
        if head.says("expect", "100-continue") {
            self.stream.write_all(b"HTTP/1.1 100 Continue\r\n\r\n").await.ok()?;
        }
        let body = loop {
            if let Some((body, used)) = head.body(&self.buffer).ok()? {
                self.buffer.drain(..used);
                break body;
            }
            self.read().await.ok()?;
        };
        let close = head.says("connection", "close");
        let Head { method, path, headers } = head;
        let (body, connection, at) = (json(&body), self.number, Instant::now());
        Some((Received { number: 0, connection, method, path, headers, body, at }, close))
    }

    /// Whether the answer was sent to its end; an error when the client left before.
    async fn play(&mut self, plan: &Plan) -> io::Result<bool> {
        for act in &plan.acts {
            match act {
                Act::Send(bytes) => self.stream.write_all(bytes).await?,
                Act::Pause(wait) => {
                    let wait = tokio::time::sleep(*wait);
                    tokio::select! {
                        left = self.left() => return Err(left),
                        () = wait => {}
                    }
                }
                Act::Stall => return Err(self.left().await),
                Act::Cut => return Ok(false),
                Act::Fill { bytes, times } => {
                    for _ in 0..*times {
                        self.stream.write_all(bytes).await?;
                    }
                }
            }
        }
        self.stream.flush().await?;
        Ok(true)
    }

    /// Waits until the client has closed the connection.
    async fn left(&mut self) -> io::Error {
        while self.buffer.len() < MAX_AHEAD {
            if let Err(error) = self.read().await {
                return error;
            }
        }
        // It does not stop sending, so it is there.
        std::future::pending().await
    }

    async fn read(&mut self) -> io::Result<()> {
        match self.stream.read_buf(&mut self.buffer).await? {
            0 => Err(io::ErrorKind::UnexpectedEof.into()),
            _ => Ok(()),
        }
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.log.count(|counts| counts.open -= 1);
    }
}

//! A chat server on loopback that costs its clients nothing: it runs in a process of its own and answers from a text
//! made once. It prints its port and serves one connection after another until its standard input ends.
//!
//! The path says what comes: `/n200/...` a stream of 200 pieces, each in a chunk and a write of its own.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};

fn main() -> std::io::Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    writeln!(std::io::stdout(), "{}", listener.local_addr()?.port())?;
    std::thread::spawn(|| {
        // Whoever started it is gone.
        let _ = std::io::stdin().read_to_end(&mut Vec::new());
        std::process::exit(0);
    });
    for stream in listener.incoming() {
        let stream = stream?;
        stream.set_nodelay(true)?;
        std::thread::spawn(|| serve(stream));
    }
    Ok(())
}

fn serve(mut stream: TcpStream) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream.try_clone()?);
    loop {
        let (mut first, mut length) = (String::new(), 0);
        if reader.read_line(&mut first)? == 0 {
            return Ok(());
        }
        loop {
            let mut line = String::new();
            reader.read_line(&mut line)?;
            if line.trim().is_empty() {
                break;
            }
            if let Some((name, value)) = line.split_once(':')
                && name.eq_ignore_ascii_case("content-length")
            {
                length = value.trim().parse().unwrap_or_default();
            }
        }
        let mut body = vec![0; length];
        reader.read_exact(&mut body)?;
        let pieces = first.split("/n").nth(1).and_then(|rest| rest.split('/').next()?.parse().ok());
        match pieces {
            Some(pieces) => stream_pieces(&mut stream, pieces)?,
            None => whole(&mut stream)?,
        }
    }
}

fn whole(stream: &mut TcpStream) -> std::io::Result<()> {
    let body = format!(
        r#"{{"id":"chatcmpl-1","object":"chat.completion","created":1790000000,"model":"tiny-1","choices":[{{"index":0,"message":{{"role":"assistant","content":"{}","refusal":null}},"logprobs":null,"finish_reason":"stop"}}],"usage":{{"prompt_tokens":512,"completion_tokens":64,"total_tokens":576,"prompt_tokens_details":{{"cached_tokens":0}},"completion_tokens_details":{{"reasoning_tokens":0}}}},"service_tier":"default","system_fingerprint":"fp_1"}}"#,
        "0123456789abcde ".repeat(16)
    );
    let head = format!("HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n", body.len());
    stream.write_all([head, body].concat().as_bytes())
}

fn stream_pieces(stream: &mut TcpStream, pieces: usize) -> std::io::Result<()> {
    let event = |delta: &str, finish: &str, choices: &str, usage: &str| {
        let choice = format!(r#"{{"index":0,"delta":{delta},"logprobs":null,"finish_reason":{finish}}}"#);
        let choices = if choices.is_empty() { format!("[{choice}]") } else { choices.to_owned() };
        let data = format!(
            r#"data: {{"id":"chatcmpl-1","object":"chat.completion.chunk","created":1790000000,"model":"tiny-1","service_tier":"default","system_fingerprint":"fp_1","choices":{choices},"usage":{usage}}}"#
        );
        let event = format!("{data}\n\n");
        format!("{:x}\r\n{event}\r\n", event.len())
    };
    let head = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n";
    stream.write_all(head.as_bytes())?;
    stream.write_all(event(r#"{"role":"assistant","content":""}"#, "null", "", "null").as_bytes())?;
    let piece = event(r#"{"content":" word"}"#, "null", "", "null");
    for _ in 0..pieces {
        stream.write_all(piece.as_bytes())?;
    }
    stream.write_all(event("{}", r#""stop""#, "", "null").as_bytes())?;
    let usage = r#"{"prompt_tokens":512,"completion_tokens":64,"total_tokens":576}"#;
    stream.write_all(event("", "", "[]", usage).as_bytes())?;
    stream.write_all(b"e\r\ndata: [DONE]\n\n\r\n0\r\n\r\n")
}

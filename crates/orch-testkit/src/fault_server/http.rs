//! Reading requests: as much of HTTP/1.1 as clients use.

use serde_json::Value;

/// The longest head of a request.
pub(super) const MAX_HEAD: usize = 64 << 10;
/// The longest body of a request.
pub(super) const MAX_BODY: usize = 32 << 20;

/// What stands before the body of a request.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Head {
    pub(super) method: String,
    pub(super) path: String,
    /// Names in lower case.
    pub(super) headers: Vec<(String, String)>,
}

/// It is not HTTP/1.1, or too long.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Malformed;

impl Head {
    /// The head at the beginning of these bytes and its length, if all of it has arrived.
    pub(super) fn read(bytes: &[u8]) -> Result<Option<(Self, usize)>, Malformed> {
        let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") else {
            return if bytes.len() > MAX_HEAD { Err(Malformed) } else { Ok(None) };
        };
        let text = std::str::from_utf8(&bytes[..end]).map_err(|_| Malformed)?;
        let mut lines = text.split("\r\n");
        let mut words = lines.next().unwrap_or_default().split(' ').map(str::to_owned);
        let (Some(method), Some(path), Some(_)) = (words.next(), words.next(), words.next()) else {
            return Err(Malformed);
        };
        let header = |line: &str| {
            let (name, value) = line.split_once(':').ok_or(Malformed)?;
            Ok((name.to_lowercase(), value.trim().to_owned()))
        };
        let headers = lines.map(header).collect::<Result<_, _>>()?;
        Ok(Some((Self { method, path, headers }, end + 4)))
    }

    /// Whether a header has this value, in any case.
    pub(super) fn says(&self, name: &str, value: &str) -> bool {
        self.headers.iter().any(|(found, said)| found == name && said.eq_ignore_ascii_case(value))
    }

    /// The body at the beginning of these bytes and its length on the wire, if all of it has arrived.
    pub(super) fn body(&self, bytes: &[u8]) -> Result<Option<(Vec<u8>, usize)>, Malformed> {
        if self.says("transfer-encoding", "chunked") {
            return dechunked(bytes);
        }
        let length = self.headers.iter().find(|(name, _)| name == "content-length");
        let length: usize = length.map_or(Ok(0), |(_, value)| value.parse()).map_err(|_| Malformed)?;
        if length > MAX_BODY {
            return Err(Malformed);
        }
        Ok(bytes.get(..length).map(|body| (body.to_vec(), length)))
    }
}

/// A body as JSON; null when it is none.
pub(super) fn json(body: &[u8]) -> Value {
    serde_json::from_slice(body).unwrap_or_default()
}

fn dechunked(bytes: &[u8]) -> Result<Option<(Vec<u8>, usize)>, Malformed> {
    let (mut body, mut at) = (Vec::new(), 0);
    loop {
        let Some(end) = bytes[at..].windows(2).position(|window| window == b"\r\n") else { return Ok(None) };
        let line = std::str::from_utf8(&bytes[at..at + end]).map_err(|_| Malformed)?;
        let size = line.split(';').next().unwrap_or_default().trim();
        let size = usize::from_str_radix(size, 16).ok().filter(|size| *size <= MAX_BODY).ok_or(Malformed)?;
        at += end + 2;
        let Some(chunk) = bytes.get(at..at + size + 2) else { return Ok(None) };
        if !chunk.ends_with(b"\r\n") || body.len() + size > MAX_BODY {
            return Err(Malformed);
        }
        body.extend_from_slice(&chunk[..size]);
        at += size + 2;
        if size == 0 {
            return Ok(Some((body, at)));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const REQUEST: &[u8] = b"POST /v1/x?y=1 HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n{}rest";

    #[test]
    fn a_request_is_read_once_all_of_it_is_there() {
        let (head, used) = Head::read(REQUEST).unwrap().unwrap();
        assert_eq!((head.method.as_str(), head.path.as_str()), ("POST", "/v1/x?y=1"));
        assert!(head.says("host", "A") && !head.says("host", "b"));
        assert_eq!(head.body(&REQUEST[used..]).unwrap(), Some((b"{}".to_vec(), 2)));
        assert_eq!(head.body(b"{").unwrap(), None);
        for end in 0..used {
            assert_eq!(Head::read(&REQUEST[..end]).unwrap(), None);
        }
    }

    #[test]
    fn chunked_bodies_are_put_together() {
        let (head, used) = Head::read(b"POST / HTTP/1.1\r\ntransfer-encoding: Chunked\r\n\r\n").unwrap().unwrap();
        assert_eq!(used, 47);
        let body = b"2\r\n{\"\r\n3;x=y\r\na\":\r\n2\r\n1}\r\n0\r\n\r\n";
        assert_eq!(head.body(body).unwrap(), Some((b"{\"a\":1}".to_vec(), body.len())));
        for end in 0..body.len() {
            assert_eq!(head.body(&body[..end]).unwrap(), None, "{end}");
        }
        assert_eq!(head.body(b"zz\r\n"), Err(Malformed));
        assert_eq!(head.body(b"fffffffff\r\n"), Err(Malformed));
    }

    #[test]
    fn what_is_too_long_or_no_http_is_refused() {
        assert_eq!(Head::read(&[b'x'; MAX_HEAD + 1]), Err(Malformed));
        assert_eq!(Head::read(b"hello\r\n\r\n"), Err(Malformed));
        let (head, _) = Head::read(b"POST / HTTP/1.1\r\ncontent-length: 99999999999\r\n\r\n").unwrap().unwrap();
        assert_eq!(head.body(b""), Err(Malformed));
    }
}

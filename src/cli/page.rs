//! One page for the browsers of this machine: the loopback address alone, one path, nothing that changes anything.

use crate::failure::Failure;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// A page that is served.
pub(super) struct Page {
    address: SocketAddr,
    shown: Arc<Mutex<Arc<Vec<u8>>>>,
}

/// So long a browser may take to ask, and to listen.
const PATIENCE: Duration = Duration::from_secs(2);
/// No browser says more when it asks for a page.
const LONGEST: u64 = 16 << 10;

impl Page {
    /// Serves what is shown from now on.
    pub(super) fn serve(port: u16) -> Result<Self, Failure> {
        let wanted = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let broken = |error: std::io::Error| Failure::new(format!("nothing can be served at {wanted}: {error}"));
        let listener = TcpListener::bind(wanted).map_err(broken)?;
        let address = listener.local_addr().map_err(broken)?;
        let shown = Arc::new(Mutex::new(Arc::new(Vec::new())));
        let page = Self { address, shown: Arc::clone(&shown) };
        std::thread::spawn(move || {
            // One after the other: who is slow is given up, and there is but one reader.
            for stream in listener.incoming().flatten() {
                let page = Arc::clone(&shown.lock().unwrap_or_else(PoisonError::into_inner));
                let _ = answer(&stream, address, &page);
            }
        });
        Ok(page)
    }

    /// Where it is.
    pub(super) fn address(&self) -> String {
        format!("http://{}/", self.address)
    }

    /// What is seen from now on.
    pub(super) fn show(&self, page: Vec<u8>) {
        *self.shown.lock().unwrap_or_else(PoisonError::into_inner) = Arc::new(page);
    }
}

/// Answers one request. A page of somebody else that asks under a name of its own is not answered: the name must be this
/// machine's.
fn answer(mut stream: &TcpStream, address: SocketAddr, page: &[u8]) -> std::io::Result<()> {
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    let mut lines = BufReader::new(stream.take(LONGEST)).lines();
    let request = lines.next().transpose()?.unwrap_or_default();
    let mut host = String::new();
    for line in lines {
        let line = line?;
        if line.is_empty() {
            break;
        }
        if let Some((name, value)) = line.split_once(':')
            && name.eq_ignore_ascii_case("host")
        {
            value.trim().clone_into(&mut host);
        }
    }
    let is_ours = [address.to_string(), format!("localhost:{}", address.port())].contains(&host);
    let (status, body): (&str, &[u8]) = match request.split(' ').collect::<Vec<_>>()[..] {
        _ if !is_ours => ("403 Forbidden", b"this page is for this machine alone\n"),
        ["GET", "/", _] => ("200 OK", page),
        ["GET", ..] => ("404 Not Found", b"there is one page here: /\n"),
        _ => ("405 Method Not Allowed", b"this page can only be read\n"),
    };
    let kind = if status.starts_with("200") { "text/html" } else { "text/plain" };
    let head = format!(
        "HTTP/1.1 {status}\r\nContent-Type: {kind}; charset=utf-8\r\nContent-Length: {}\r\nCache-Control: \
            no-store\r\nX-Content-Type-Options: nosniff\r\nConnection: close\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes())?;
    stream.write_all(body)
}

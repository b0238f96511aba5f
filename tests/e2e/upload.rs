//! A gigabyte through the built binary, in constant memory.

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::support::proxy::Proxy;

const SIZE: usize = 1024 * 1024 * 1024;
/// What the proxy may need at its highest, whatever passes through it.
const MEMORY: usize = 64 * 1024;

/// Reads a request to its end and answers with how long its body was.
async fn sink() -> (String, tokio::task::JoinHandle<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let task = tokio::spawn(async move {
        'connections: loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut buffer = vec![0; 256 * 1024];
            let (mut head, mut read, mut body) = (Vec::new(), 0, None);
            while body.is_none_or(|start| read - start < SIZE) {
                let n = stream.read(&mut buffer).await.unwrap();
                assert!(n > 0, "the body ended after {read} bytes");
                read += n;
                if body.is_none() {
                    head.extend_from_slice(&buffer[..n]);
                    body = head.windows(4).position(|w| w == b"\r\n\r\n").map(|at| at + 4);
                }
                // Is the sender staff? They are, so that their upload goes through the gate, and not past it.
                if body.is_some() && head.starts_with(b"HEAD /admin/jsi18n/ ") {
                    let answer = b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n";
                    stream.write_all(answer).await.unwrap();
                    continue 'connections;
                }
            }
            let length = read - body.unwrap();
            let text = format!("got {length}");
            let answer =
                format!("HTTP/1.1 302 Found\r\nLocation: /\r\nContent-Length: {}\r\n\r\n{text}", text.len());
            stream.write_all(answer.as_bytes()).await.unwrap();
        }
    });
    (url, task)
}

/// The most memory the process ever had, in KiB.
fn highest(pid: u32) -> usize {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find(|l| l.starts_with("VmHWM:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_gigabyte_passes_in_constant_memory() {
    let (url, sink) = sink().await;
    let proxy = Proxy::start(&url);
    // Past the gate, which reads the first bytes, and past it all.
    for path in ["/admin/shop/product/3/change/", "/upload/"] {
        let mut stream = TcpStream::connect(proxy.address()).await.unwrap();
        let head = format!(
            "POST {path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Type: multipart/form-data; \
             boundary=B\r\nContent-Length: {SIZE}\r\n\r\n"
        );
        stream.write_all(head.as_bytes()).await.unwrap();
        let chunk = vec![b'x'; 256 * 1024];
        for _ in 0..SIZE / chunk.len() {
            stream.write_all(&chunk).await.unwrap();
        }
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        assert!(answer.contains(&format!("got {SIZE}")), "{path}: {answer}");
        let memory = highest(proxy.proc.pid());
        assert!(memory < MEMORY, "{path}: {memory} KiB\n{}", proxy.log());
    }
    sink.abort();
}

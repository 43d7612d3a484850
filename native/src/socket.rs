//! Sockets to listen on.

use std::io;
use std::net::{SocketAddr, ToSocketAddrs};

use socket2::{Domain, SockAddr, Socket, Type};
use tokio::net::TcpListener;
#[cfg(unix)]
use tokio::net::UnixListener;

const BACKLOG: i32 = 1024;

/// A bound socket, not yet accepting.
pub enum BoundSocket {
    Tcp(std::net::TcpListener),
    #[cfg(unix)]
    Unix(std::os::unix::net::UnixListener),
}

/// A listening socket of a running server.
pub enum Listener {
    Tcp(TcpListener),
    #[cfg(unix)]
    Unix(UnixListener),
}

impl BoundSocket {
    /// Begin to accept, within a runtime.
    pub fn listen(self) -> io::Result<Listener> {
        match self {
            Self::Tcp(socket) => TcpListener::from_std(socket).map(Listener::Tcp),
            #[cfg(unix)]
            Self::Unix(socket) => UnixListener::from_std(socket).map(Listener::Unix),
        }
    }
}

/// Bind a host and a port: the name may stand for several addresses, which then share the port that was taken.
pub fn tcp(host: &str, port: u16) -> io::Result<(Vec<BoundSocket>, u16)> {
    let mut taken = port;
    let mut found = Vec::new();
    let mut refused = io::Error::new(io::ErrorKind::AddrNotAvailable, "no address");
    for address in (host, port).to_socket_addrs()? {
        let address = SocketAddr::new(address.ip(), taken);
        match bind_tcp(address) {
            Ok(socket) => {
                taken = socket.local_addr()?.port();
                found.push(BoundSocket::Tcp(socket));
            }
            Err(error) => refused = error,
        }
    }
    if found.is_empty() {
        Err(refused)
    } else {
        Ok((found, taken))
    }
}

fn bind_tcp(address: SocketAddr) -> io::Result<std::net::TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, None)?;
    // On Windows this option would let two servers listen on one port.
    #[cfg(unix)]
    socket.set_reuse_address(true)?;
    if address.is_ipv6() {
        socket.set_only_v6(true)?;
    }
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    socket.set_nonblocking(true)?;
    Ok(socket.into())
}

/// Bind a unix socket: a path, or an abstract name that begins with NUL.
#[cfg(unix)]
pub fn unix(name: &str) -> io::Result<BoundSocket> {
    let socket = Socket::new(Domain::UNIX, Type::STREAM, None)?;
    socket.bind(&SockAddr::unix(name)?)?;
    socket.listen(BACKLOG)?;
    socket.set_nonblocking(true)?;
    Ok(BoundSocket::Unix(socket.into()))
}

/// The name of a client as gRPC has it: `ipv4:127.0.0.1:50123`, `ipv6:%5B::1%5D:50123`, `unix:`.
pub fn peer(address: SocketAddr) -> String {
    match address {
        SocketAddr::V4(address) => format!("ipv4:{address}"),
        SocketAddr::V6(address) => format!("ipv6:%5B{}%5D:{}", address.ip(), address.port()),
    }
}

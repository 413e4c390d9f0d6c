//! Sockets inside, and whose they are.

use super::*;
use protocol::link::Transport;
use protocol::process::Process;
use std::net::SocketAddr;

#[tokio::test]
async fn a_port_that_somebody_listens_on_is_found_with_its_program() {
    let mut machine = Machine::new();
    let link = machine.link().await;
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let Answer::Ports { ports, .. } = link.request(Request::Ports).await.unwrap() else {
        panic!("no ports")
    };
    let found = ports.iter().find(|found| found.port == port).unwrap();
    assert!(found.process.is_some() && found.address == "127.0.0.1", "{found:?}");
}

async fn owner(link: &Link, transport: Transport, address: SocketAddr) -> Option<Process> {
    match link.request(Request::Owner { transport, address }).await.unwrap() {
        Answer::Owner { process } => process,
        other => panic!("no owner: {other:?}"),
    }
}

#[tokio::test]
async fn the_process_that_holds_a_connection_is_found_with_its_command() {
    let mut machine = Machine::new();
    let link = machine.link().await;
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let line = format!("exec 3<>/dev/tcp/127.0.0.1/{port} && sleep 60; : the one that asked");
    let argv = ["bash", "-c", &line].map(str::to_owned).into();
    link.start(Start { argv, ..machine.shell("a", "") }).await.unwrap();
    let (held, from) = listener.accept().unwrap();
    let process = owner(&link, Transport::Tcp, from).await.unwrap();
    assert_eq!(process.name, "bash");
    assert!(process.command.ends_with("the one that asked"), "{process:?}");
    assert!(Path::new(&format!("/proc/{}", process.pid)).exists());
    // Our end of it is another socket, of this process, and what listens is nobody's connection.
    let ours = owner(&link, Transport::Tcp, held.local_addr().unwrap()).await.unwrap();
    assert_eq!(ours.pid, std::process::id());
    drop(held);
    assert_eq!(owner(&link, Transport::Tcp, listener.local_addr().unwrap()).await, None);

    let packets = std::net::UdpSocket::bind("0.0.0.0:0").unwrap();
    let from = SocketAddr::from(([127, 0, 0, 1], packets.local_addr().unwrap().port()));
    assert_eq!(owner(&link, Transport::Udp, from).await.unwrap().pid, std::process::id());
    drop(packets);
    assert_eq!(owner(&link, Transport::Udp, from).await, None);
}

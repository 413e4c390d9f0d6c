//! `errand forward`: ports of the machine on this computer's loopback, until Ctrl-C.

use super::{Cx, machine};
use crate::args::{Forward, Ports};
use crate::client::Client;
use crate::client::socket::Ending;
use crate::exit::{Exit, Trouble};
use crate::style::{Line, Style};
use anyhow::{Context as _, Result};
use serde_json::json;
use std::net::Ipv4Addr;
use std::rc::Rc;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::task::LocalSet;

/// Connections that failed and were not told yet.
const UNTOLD: usize = 16;

pub(super) async fn forward(cx: Cx<'_>, arguments: &Forward) -> Result<Exit> {
    let Cx { client, output } = cx;
    let agent = machine::awake(&client, Some(&mut *output), &arguments.agent).await?;
    let mut doors = Vec::new();
    for ports in &arguments.ports {
        doors.push((listen(*ports).await?, ports.remote));
    }
    for (listener, remote) in &doors {
        let address = listener.local_addr().context("read the address")?;
        if output.is_for_program() {
            output.json(&json!({ "listening": address.to_string(), "port": remote }))?;
        } else {
            let line = Line::of(Style::Accent, format!("http://{address}"));
            output.line(line.and(Style::Dim, format!("  → port {remote} of {}", agent.name)))?;
        }
    }
    let (tell, mut told) = mpsc::channel(UNTOLD);
    let tasks = LocalSet::new();
    let agent = Rc::new(agent.id);
    for (listener, remote) in doors {
        tasks.spawn_local(serve(listener, client.clone(), Rc::clone(&agent), remote, tell.clone()));
    }
    let listen = async {
        while let Some(problem) = told.recv().await {
            if output.is_for_program() {
                output.json(&json!({ "problem": problem }))?;
            } else {
                output.line(Line::of(Style::Warn, problem))?;
            }
        }
        anyhow::Ok(())
    };
    tokio::select! {
        outcome = tasks.run_until(listen) => outcome?,
        _ = tokio::signal::ctrl_c() => {}
    }
    Ok(Exit::Done)
}

async fn listen(ports: Ports) -> Result<TcpListener> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, ports.local)).await.map_err(|error| {
        let message = format!(
            "cannot listen on port {} ({error}); choose another with LOCAL:{}",
            ports.local, ports.remote
        );
        Trouble::usage(message).into()
    })
}

async fn serve(
    listener: TcpListener,
    client: Client,
    agent: Rc<String>,
    port: u16,
    tell: mpsc::Sender<String>,
) {
    while let Ok((connection, _)) = listener.accept().await {
        let (client, agent, tell) = (client.clone(), Rc::clone(&agent), tell.clone());
        tokio::task::spawn_local(async move {
            if let Err(error) = carry(connection, &client, &agent, port).await {
                // Whoever asked is gone when this cannot be told.
                drop(tell.try_send(format!("port {port}: {error}")));
            }
        });
    }
}

async fn carry(near: TcpStream, client: &Client, agent: &str, port: u16) -> Result<()> {
    near.set_nodelay(true).context("set up the connection")?;
    let path = ["agents", agent, "ports", &port.to_string(), "socket"];
    let far = client.socket("forward", &path).await?;
    let (reader, writer) = near.into_split();
    far.carry(reader, writer, Ending::Half).await
}
